//! Compresses pictures once per codec, for all peers that take it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::mpsc::{self, error::TrySendError},
};
use tokio_util::sync::CancellationToken;

use super::{Latest, now, thread::Worker};
use crate::{
    codec::{CodecError, Content, VideoEncoder, VideoEncoderConfig, VpxEncoder},
    convert::{VP8_COLOR, recolor},
    frame::{Bitrate, I420Buffer, VideoCodec, VideoFrame},
    packet::{Packetizer, Payload},
};

/// Pictures that wait for a peer at most: its pacer takes them at once, so more means that it is stuck.
/// Full: all up to the next key frame are lost for that peer.
const QUEUE: usize = 16;
/// Between two key frames that were asked for: each costs as much as ten other pictures.
const KEY_FRAME_EVERY: Duration = Duration::from_millis(500);
/// After an error of the encoder, before the next try.
const AFTER_ERROR: Duration = Duration::from_millis(200);
/// While the picture stands still, as screens do, it is looked this often whether somebody waits for one.
const STILL: Duration = Duration::from_millis(200);
/// What an encoder is set up for before it is known what its first peer can take.
const PREPARED: Bitrate = Bitrate::kbps(1_000);
/// An encoder that was set up for somebody who did not come is kept this long: connections take less, or fail.
const PREPARED_FOR: Duration = Duration::from_secs(20);
/// RTP ticks in a second (RFC 7741 §4.1, RFC 9628 §4.1).
const CLOCK: f64 = 90_000.0;

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

#[derive(Debug)]
struct Output {
    packets: mpsc::Sender<Packets>,
    target: Arc<AtomicU64>,
    needs_key: bool,
}

#[derive(Debug)]
struct Shared {
    /// Somebody is about to take the pictures.
    prepared: AtomicBool,
    key_wanted: AtomicBool,
    key_frames: AtomicU64,
    target: AtomicU64,
    outputs: Mutex<Vec<Output>>,
}

/// What a peer holds of an encoder.
#[derive(Debug)]
pub struct VideoOut {
    /// The pictures.
    pub packets: mpsc::Receiver<Packets>,
    target: Arc<AtomicU64>,
    shared: Arc<Shared>,
}

impl VideoOut {
    /// How much this peer can take; the encoder goes by the narrowest.
    pub fn set_target(&self, bitrate: Bitrate) {
        self.target.store(bitrate.as_bps(), Ordering::Relaxed);
    }

    /// This peer needs a key frame; all get it, at most twice a second.
    pub fn request_key_frame(&self) {
        self.shared.key_wanted.store(true, Ordering::Relaxed);
    }

    /// What the encoder did so far.
    pub fn stats(&self) -> EncoderStats {
        EncoderStats {
            key_frames: self.shared.key_frames.load(Ordering::Relaxed),
            target: Bitrate::bps(self.shared.target.load(Ordering::Relaxed)),
        }
    }
}

/// One encoder and its thread.
#[derive(Debug)]
pub(super) struct Encoder {
    shared: Arc<Shared>,
    worker: Worker,
}

impl Encoder {
    /// Starts a thread that compresses what `pictures` brings, while somebody takes it.
    pub(super) fn start(
        codec: VideoCodec,
        pictures: Latest,
        fps: u32,
        epoch: Instant,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            prepared: AtomicBool::new(false),
            key_wanted: AtomicBool::new(false),
            key_frames: AtomicU64::new(0),
            target: AtomicU64::new(0),
            outputs: Mutex::default(),
        });
        let thread = Thread {
            codec,
            fps,
            epoch,
            shared: shared.clone(),
            encoder: None,
            prepared: None,
            packetizer: Packetizer::new(first_picture_id()),
            last_key: None,
        };
        let handle = Handle::current();
        let worker = Worker::spawn("ahoy-encode", move |stop| {
            thread.run(&handle, pictures, &stop);
        })?;
        Ok(Self { shared, worker })
    }

    /// One more peer takes the pictures, up to `target`.
    pub(super) fn subscribe(&self, target: Bitrate) -> VideoOut {
        let (sender, packets) = mpsc::channel(QUEUE);
        let target = Arc::new(AtomicU64::new(target.as_bps()));
        let output = Output {
            packets: sender,
            target: target.clone(),
            needs_key: true,
        };
        self.shared.outputs.lock().push(output);
        VideoOut {
            packets,
            target,
            shared: self.shared.clone(),
        }
    }

    /// Sets the encoder up with the next picture, before anybody takes what it makes.
    pub(super) fn prepare(&self) {
        self.shared.prepared.store(true, Ordering::Relaxed);
    }

    pub(super) fn in_use(&self) -> bool {
        let mut outputs = self.shared.outputs.lock();
        outputs.retain(|output| !output.packets.is_closed());
        !outputs.is_empty()
    }

    /// Asks the thread to end.
    pub(super) fn end(&self) {
        self.worker.end();
    }

    /// Whether the thread has ended.
    pub(super) fn is_finished(&self) -> bool {
        self.worker.is_finished()
    }

    pub(super) async fn stop(self) {
        self.worker.stop().await;
    }
}

struct Thread {
    codec: VideoCodec,
    fps: u32,
    epoch: Instant,
    shared: Arc<Shared>,
    encoder: Option<VpxEncoder>,
    /// Since when an encoder is ready that nobody uses yet.
    prepared: Option<Instant>,
    packetizer: Packetizer,
    last_key: Option<Instant>,
}

impl Thread {
    fn run(mut self, handle: &Handle, mut pictures: Latest, stop: &CancellationToken) {
        loop {
            let changed = handle.block_on(async {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => None,
                    changed = pictures.changed() => changed.ok().map(|()| true),
                    () = tokio::time::sleep(STILL) => Some(false),
                }
            });
            let Some(changed) = changed else {
                return;
            };
            if !changed && !self.is_waited_for() {
                continue;
            }
            let Some(mut picture) = pictures.borrow_and_update().clone() else {
                continue;
            };
            if !changed {
                // It is what is seen now.
                picture.captured = now();
            }
            if let Err(error) = self.picture(&picture) {
                tracing::warn!("{error}");
                self.encoder = None;
                std::thread::sleep(AFTER_ERROR);
            }
        }
    }

    /// Whether somebody needs a picture to begin with.
    fn is_waited_for(&self) -> bool {
        let mut outputs = self.shared.outputs.lock();
        outputs.retain(|output| !output.packets.is_closed());
        let key = self.shared.key_wanted.load(Ordering::Relaxed);
        let waits = |output: &Output| output.needs_key || key;
        outputs.iter().any(waits) || self.shared.prepared.load(Ordering::Relaxed)
    }

    fn picture(&mut self, picture: &VideoFrame) -> Result<(), CodecError> {
        let (target, newcomer) = {
            let mut outputs = self.shared.outputs.lock();
            outputs.retain(|output| !output.packets.is_closed());
            let target = outputs
                .iter()
                .map(|output| output.target.load(Ordering::Relaxed))
                .min();
            (target, outputs.iter().any(|output| output.needs_key))
        };
        let at = now();
        let Some(target) = target else {
            return self.nobody(picture, at);
        };
        self.prepared = None;
        self.shared.prepared.store(false, Ordering::Relaxed);
        let wanted = newcomer || self.shared.key_wanted.load(Ordering::Relaxed);
        let key = wanted
            && self
                .last_key
                .is_none_or(|last| at.duration_since(last) >= KEY_FRAME_EVERY);
        let recolored = self.recolored(picture);
        let picture = recolored.as_ref().unwrap_or(picture);
        let encoder = self.encoder(target)?;
        let Some(mut encoded) = encoder.encode(picture, key)? else {
            return Ok(());
        };
        if encoded.key_frame {
            self.last_key = Some(at);
            self.shared.key_wanted.store(false, Ordering::Relaxed);
            self.shared.key_frames.fetch_add(1, Ordering::Relaxed);
        }
        let since = picture
            .captured
            .saturating_duration_since(self.epoch)
            .as_secs_f64();
        encoded.rtp_time = (since * CLOCK) as u64 as u32;
        let packets = Packets {
            payloads: self.packetizer.packetize(&encoded).into(),
            rtp_time: encoded.rtp_time,
            captured: encoded.captured,
            key_frame: encoded.key_frame,
            width: encoded.width,
            height: encoded.height,
        };
        self.hand_out(&packets);
        Ok(())
    }

    /// Nobody looks. The next one who does gets a key frame first, from an encoder that is set up already where its coming
    /// was announced.
    fn nobody(&mut self, picture: &VideoFrame, at: Instant) -> Result<(), CodecError> {
        if self.shared.prepared.swap(false, Ordering::Relaxed) {
            self.prepared = Some(at);
            let recolored = self.recolored(picture);
            let picture = recolored.as_ref().unwrap_or(picture);
            return self.encoder(PREPARED.as_bps())?.prepare(picture);
        }
        if self
            .prepared
            .is_none_or(|since| at.duration_since(since) >= PREPARED_FOR)
        {
            self.encoder = None;
        }
        Ok(())
    }

    /// VP8 cannot say what its colours mean, so they are brought to what its decoders take them for.
    fn recolored(&self, picture: &VideoFrame) -> Option<VideoFrame> {
        if self.codec != VideoCodec::Vp8 || picture.color == VP8_COLOR {
            return None;
        }
        let mut buffer = I420Buffer::new(picture.width(), picture.height());
        recolor(&picture.buffer, picture.color, VP8_COLOR, &mut buffer);
        Some(VideoFrame::new(buffer, VP8_COLOR, picture.captured))
    }

    fn encoder(&mut self, target: u64) -> Result<&mut VpxEncoder, CodecError> {
        let bitrate = Bitrate::bps(target);
        let last = self.shared.target.swap(target, Ordering::Relaxed);
        match &mut self.encoder {
            Some(encoder) => {
                if last != target {
                    encoder.set_bitrate(bitrate)?;
                }
                Ok(encoder)
            }
            none => {
                let config = VideoEncoderConfig {
                    bitrate,
                    fps: self.fps,
                    content: Content::Camera,
                };
                Ok(none.insert(VpxEncoder::new(self.codec, config)?))
            }
        }
    }

    fn hand_out(&self, packets: &Packets) {
        for output in self.shared.outputs.lock().iter_mut() {
            if output.needs_key && !packets.key_frame {
                continue;
            }
            match output.packets.try_send(packets.clone()) {
                Ok(()) => output.needs_key = false,
                Err(TrySendError::Full(_)) => output.needs_key = true,
                Err(TrySendError::Closed(_)) => {}
            }
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
