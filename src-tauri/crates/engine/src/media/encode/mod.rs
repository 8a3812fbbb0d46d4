//! Compresses pictures once per codec, for all peers that take it.
//!
//! For an audience an encoder makes temporal layers, and a second, smaller encoding while somebody needs that
//! ([`Place`](crate::rate::Place) says who gets what); in a call it goes by the narrowest of the few.

mod fit;
mod numbers;
mod outputs;
mod pace;
mod taken;
#[cfg(test)]
mod tests;
mod thread;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::{Notify, mpsc},
};

use self::{
    numbers::Numbers,
    outputs::{Outputs, Slot},
    thread::Thread,
};
use super::{Latest, thread::Worker};
use crate::{
    codec::Content,
    frame::{Bitrate, VideoCodec},
    packet::Payload,
    rate::Rung,
};

/// One compressed picture as packets, shared by all who are sent it.
#[derive(Debug, Clone)]
pub struct Packets {
    /// In order.
    pub payloads: Arc<[Payload]>,
    /// RTP time at 90 kHz.
    pub rtp_time: u32,
    /// When its picture was captured.
    pub captured: Instant,
    /// It needs no earlier picture.
    pub key_frame: bool,
    /// Its temporal layer, where there are some: those of higher ones may be left out.
    pub layer: Option<u8>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// What an encoder did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EncoderStats {
    /// Key frames.
    pub key_frames: u64,
    /// What it aims at.
    pub target: Bitrate,
}

/// How an encoder compresses.
#[derive(Debug, Clone, Copy)]
pub(super) struct EncoderSettings {
    pub(super) codec: VideoCodec,
    /// What it is tuned for at first.
    pub(super) content: Content,
    /// It serves an audience.
    pub(super) audience: bool,
    /// Pictures per second to expect.
    pub(super) fps: u32,
    /// The moment of RTP time 0.
    pub(super) epoch: Instant,
}

/// What one of the two encodings did, and what it is asked for.
#[derive(Debug, Default)]
struct Encoding {
    key_wanted: AtomicBool,
    key_frames: AtomicU64,
    target: AtomicU64,
    /// Something is wanted that the next picture would bring: there may be none for long.
    wanted: Notify,
}

#[derive(Debug)]
struct Shared {
    /// In layers, and with a small encoding.
    layered: bool,
    /// The pictures are text and windows.
    screen: AtomicBool,
    /// Somebody is about to take the pictures.
    prepared: AtomicBool,
    large: Encoding,
    small: Encoding,
    outputs: Mutex<Outputs>,
    numbers: Mutex<Numbers>,
}

impl Shared {
    fn encoding(&self, rung: Rung) -> &Encoding {
        match rung {
            Rung::Large => &self.large,
            Rung::Small => &self.small,
        }
    }
}

/// What a peer holds of an encoder.
#[derive(Debug)]
pub struct VideoOut {
    /// The pictures.
    pub packets: mpsc::Receiver<Packets>,
    slot: Arc<Slot>,
    shared: Arc<Shared>,
}

impl VideoOut {
    /// How much this peer can take; the encoder goes by the narrowest, or by most of an audience.
    pub fn set_target(&self, bitrate: Bitrate) {
        self.slot.set_share(bitrate.as_bps());
        if self.slot.rung() == Rung::Small {
            // It may take the large encoding now, while what is shown stands still.
            self.shared.large.wanted.notify_one();
        }
    }

    /// Whether what waits for this peer takes so long that pictures have to be left out: the encoder makes some that may
    /// be.
    pub(super) fn set_late(&self, late: bool) {
        self.slot.set_late(late);
    }

    /// This peer needs a key frame; all get it, at most twice a second.
    pub fn request_key_frame(&self) {
        let encoding = self.shared.encoding(self.slot.rung());
        encoding.key_wanted.store(true, Ordering::Relaxed);
        encoding.wanted.notify_one();
    }

    /// Whether many look on, who get the key frames of one another.
    pub(super) fn has_audience(&self) -> bool {
        self.shared.layered
    }

    /// What the encoder of what this peer gets did so far.
    pub fn stats(&self) -> EncoderStats {
        let encoding = self.shared.encoding(self.slot.rung());
        EncoderStats {
            key_frames: encoding.key_frames.load(Ordering::Relaxed),
            target: Bitrate::bps(encoding.target.load(Ordering::Relaxed)),
        }
    }
}

/// One encoder and its threads.
#[derive(Debug)]
pub(super) struct Encoder {
    shared: Arc<Shared>,
    workers: Vec<Worker>,
}

impl Encoder {
    /// Starts the threads that compress what `pictures` brings, while somebody takes it.
    pub(super) fn start(settings: EncoderSettings, pictures: &Latest) -> std::io::Result<Self> {
        // VP8's payload format has layers too, but its encoder is only for those who lack VP9.
        let layered = settings.audience && settings.codec == VideoCodec::Vp9;
        let shared = Arc::new(Shared {
            layered,
            screen: AtomicBool::new(settings.content == Content::Screen),
            prepared: AtomicBool::new(false),
            large: Encoding::default(),
            small: Encoding::default(),
            outputs: Mutex::default(),
            numbers: Mutex::new(Numbers::new(first_picture_id())),
        });
        let start = |name, rung| {
            let thread = Thread::new(rung, settings, shared.clone(), first_picture_id());
            let (handle, pictures) = (Handle::current(), pictures.clone());
            Worker::spawn(name, move |stop| thread.run(&handle, pictures, &stop))
        };
        let mut workers = vec![start("ahoy-encode", Rung::Large)?];
        if layered {
            workers.push(start("ahoy-encode-2", Rung::Small)?);
        }
        Ok(Self { shared, workers })
    }

    /// One more peer takes the pictures, up to `target`.
    pub(super) fn subscribe(&self, target: Bitrate) -> VideoOut {
        let (packets, slot) = self.shared.outputs.lock().add(target.as_bps());
        // The picture may stand still.
        self.shared.large.wanted.notify_one();
        VideoOut {
            packets,
            slot,
            shared: self.shared.clone(),
        }
    }

    /// Sets the encoder up with the next picture, before anybody takes what it makes.
    pub(super) fn prepare(&self) {
        self.shared.prepared.store(true, Ordering::Relaxed);
        self.shared.large.wanted.notify_one();
    }

    /// Tunes it for other pictures than before.
    pub(super) fn set_content(&self, content: Content) {
        let screen = content == Content::Screen;
        self.shared.screen.store(screen, Ordering::Relaxed);
        for encoding in [&self.shared.large, &self.shared.small] {
            encoding.wanted.notify_one();
        }
    }

    pub(super) fn in_use(&self) -> bool {
        !self.shared.outputs.lock().is_empty()
    }

    /// Asks the threads to end.
    pub(super) fn end(&self) {
        for worker in &self.workers {
            worker.end();
        }
    }

    /// Whether the threads have ended.
    pub(super) fn is_finished(&self) -> bool {
        self.workers.iter().all(Worker::is_finished)
    }

    pub(super) async fn stop(self) {
        self.end();
        for worker in self.workers {
            worker.stop().await;
        }
    }
}

/// Random, so that a stream that begins anew is not taken for the old one (RFC 7741 §4.2).
fn first_picture_id() -> u16 {
    let mut bytes = [0; 2];
    // Without randomness it starts at zero, which no decoder minds.
    let _ = getrandom::fill(&mut bytes);
    u16::from_le_bytes(bytes)
}
