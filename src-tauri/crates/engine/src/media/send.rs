//! Sends to one peer: takes compressed pictures and sound, spreads them over time, hands them to the
//! connection. One task per peer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, watch},
    time::sleep_until,
};
use tokio_util::sync::CancellationToken;

use super::{AudioOut, AudioPacket, LocalMedia, Packets, VideoOut, now, tend::Order};
use crate::{
    device::VideoSpec,
    frame::{Bitrate, VideoCodec},
    packet::Payload,
    rate::{Admission, Pacer, Patience},
    rtc::{MediaKind, MediaSender, Peer},
};

/// What sound and its headers take of what may be sent: 32 kbit/s of Opus in 50 packets a second with
/// some 70 bytes of headers each.
const AUDIO_SHARE: u64 = 60_000;
/// Below this a picture is of no use to anybody.
const LEAST: u64 = 80_000;

/// So long the last packet of a key frame, and the word of a peer that has not got it yet, may take.
const UNDER_WAY: Duration = Duration::from_millis(150);

/// So long what waits may take before pictures of the middle layer are left out; half of it, and those of the highest are.
const LATE: Duration = Duration::from_millis(200);

/// What is sent to a peer, for statistics.
#[derive(Debug, Default)]
pub struct Sent {
    frames: AtomicU64,
    size: AtomicU64,
    key_frames: AtomicU64,
    target: AtomicU64,
}

impl Sent {
    /// Pictures sent so far.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Width and height of the last one, in pixels.
    pub fn size(&self) -> (u32, u32) {
        let size = self.size.load(Ordering::Relaxed);
        ((size >> 32) as u32, size as u32)
    }

    /// Key frames made so far by the encoder whose pictures the peer takes.
    pub fn key_frames(&self) -> u64 {
        self.key_frames.load(Ordering::Relaxed)
    }

    /// What the encoder aims at.
    pub fn target(&self) -> Bitrate {
        Bitrate::bps(self.target.load(Ordering::Relaxed))
    }
}

/// The sending to one peer.
#[derive(Debug)]
pub struct Sending {
    key_frames: mpsc::Sender<()>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    sent: Arc<Sent>,
}

struct Packet {
    kind: MediaKind,
    payload: Payload,
    rtp_time: u32,
    captured: Instant,
}

impl Sending {
    /// Begins to send to a peer what was negotiated with it: pictures if `codec` is given, sound if the peer
    /// takes it; at most `max`.
    pub fn start(
        peer: &Peer,
        media: &LocalMedia,
        codec: Option<VideoCodec>,
        audio: bool,
        max: Bitrate,
    ) -> Self {
        let (key_frames, wishes) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let sent = Arc::new(Sent::default());
        let task = Task {
            audio: audio.then(|| media.audio_out()),
            video: codec
                .and_then(|codec| media.video_out(codec, share(*peer.estimate().borrow(), max))),
            senders: (peer.sender(MediaKind::Audio), peer.sender(MediaKind::Video)),
            estimate: peer.estimate(),
            max,
            wishes,
            sent: sent.clone(),
            top: u8::MAX,
            orders: media.wanted(),
            patience: Patience::new(now()),
            key: KeyFrame::Arrived,
        };
        let task = tokio::spawn(task.run(stop.clone()));
        Self {
            key_frames,
            stop,
            task,
            sent,
        }
    }

    /// The peer asked for a key frame.
    pub fn request_key_frame(&self) {
        // Full: one is asked for already.
        let _ = self.key_frames.try_send(());
    }

    /// What was sent.
    pub fn sent(&self) -> &Arc<Sent> {
        &self.sent
    }

    /// Stops at once, and joins the task.
    pub async fn stop(self) {
        self.stop.cancel();
        if self.task.await.is_err() {
            tracing::error!("the task that sends to a peer panicked");
        }
    }
}

/// What of the estimate is for pictures.
fn share(estimate: Bitrate, max: Bitrate) -> Bitrate {
    Bitrate::bps(
        estimate
            .as_bps()
            .saturating_sub(AUDIO_SHARE)
            .clamp(LEAST, max.as_bps().max(LEAST)),
    )
}

struct Task {
    audio: Option<AudioOut>,
    video: Option<VideoOut>,
    senders: (MediaSender, MediaSender),
    estimate: watch::Receiver<Bitrate>,
    max: Bitrate,
    wishes: mpsc::Receiver<()>,
    sent: Arc<Sent>,
    /// The highest temporal layer that is sent until the next picture of the lowest.
    top: u8,
    /// Whether pictures are wanted of the camera, or of what is there in its place.
    orders: watch::Receiver<Order<VideoSpec>>,
    patience: Patience,
    /// Packets of a key frame are still to leave, or have left so lately that the peer may not have them all.
    key: KeyFrame,
}

/// Where the last key frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyFrame {
    Waits,
    LeftAt(Instant),
    Arrived,
}

impl Task {
    async fn run(mut self, stop: CancellationToken) {
        let target = share(*self.estimate.borrow_and_update(), self.max);
        let mut pacer = Pacer::new(now(), target);
        self.orders.mark_unchanged();
        loop {
            while let Some(packet) = pacer.poll(now()) {
                if stop.is_cancelled() {
                    return;
                }
                self.send(packet).await;
            }
            if self.key == KeyFrame::Waits && pacer.queue_time().is_zero() {
                self.key = KeyFrame::LeftAt(now());
            }
            let wake = pacer.next_wake();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(packet) = next(&mut self.audio) => pacer.push_audio(Packet::sound(packet)),
                Ok(()) = self.orders.changed() => self.ordered(&mut pacer),
                Some(()) = self.wishes.recv() => self.wish(),
                () = async { sleep_until(wake.unwrap_or_else(now).into()).await }, if wake.is_some() => {}
                Some(packets) = next_picture(&mut self.video) => self.picture(&mut pacer, &packets),
                Ok(()) = self.estimate.changed() => {
                    let target = share(*self.estimate.borrow_and_update(), self.max);
                    pacer.set_target(now(), target);
                    if let Some(video) = &self.video {
                        video.set_target(target);
                    }
                }
                // Nothing is left that could bring anything.
                else => return stop.cancelled().await,
            }
        }
    }

    /// Nothing leaves that was captured before the user has switched it off, and who looks on begins anew afterwards.
    fn ordered(&mut self, pacer: &mut Pacer<Packet>) {
        if self.orders.borrow_and_update().off {
            pacer.clear();
            if let Some(video) = &mut self.video {
                while video.packets.try_recv().is_ok() {}
            }
        } else if pacer.needs_key_frame()
            && let Some(video) = &self.video
        {
            video.request_key_frame();
        }
    }

    /// The peer says that it cannot go on without a key frame.
    fn wish(&mut self) {
        // Receivers ask until they have one, also while it comes.
        match self.key {
            KeyFrame::Waits => return,
            KeyFrame::LeftAt(at) if now().saturating_duration_since(at) < UNDER_WAY => return,
            _ => self.key = KeyFrame::Arrived,
        }
        self.ask();
    }

    /// Asks for a key frame. In an audience all others would get that too.
    fn ask(&mut self) {
        if let Some(video) = &self.video
            && (!video.has_audience() || self.patience.grants(now()))
        {
            video.request_key_frame();
        }
    }

    /// Whether a picture is left out, because what waits would make it late and none that follows needs it.
    fn leaves_out(&mut self, pacer: &Pacer<Packet>, layer: u8) -> bool {
        if layer == 0 {
            self.top = u8::MAX;
            return false;
        }
        if pacer.queue_time() > LATE / u32::from(layer) {
            self.top = self.top.min(layer - 1);
        }
        layer > self.top
    }

    fn picture(&mut self, pacer: &mut Pacer<Packet>, packets: &Packets) {
        if packets
            .layer
            .is_some_and(|layer| self.leaves_out(pacer, layer))
        {
            return;
        }
        let list = packets.payloads.iter().map(|payload| {
            let packet = Packet {
                kind: MediaKind::Video,
                payload: payload.clone(),
                rtp_time: packets.rtp_time,
                captured: packets.captured,
            };
            (payload.data.len() as u32, packet)
        });
        if pacer.push_frame(packets.key_frame, list) == Admission::Accepted {
            if packets.key_frame {
                self.key = KeyFrame::Waits;
            }
            self.sent.frames.fetch_add(1, Ordering::Relaxed);
            let size = u64::from(packets.width) << 32 | u64::from(packets.height);
            self.sent.size.store(size, Ordering::Relaxed);
        }
        if pacer.needs_key_frame() {
            self.ask();
        }
        if let Some(video) = &self.video {
            let stats = video.stats();
            self.sent
                .key_frames
                .store(stats.key_frames, Ordering::Relaxed);
            self.sent
                .target
                .store(stats.target.as_bps(), Ordering::Relaxed);
        }
    }

    async fn send(&self, packet: Packet) {
        let sender = match packet.kind {
            MediaKind::Audio => &self.senders.0,
            MediaKind::Video => &self.senders.1,
        };
        if let Err(error) = sender
            .send(&packet.payload, packet.rtp_time, packet.captured)
            .await
        {
            // The connection says by its state when it is gone; until then single packets do not matter.
            tracing::trace!("{error}");
        }
    }
}

impl Packet {
    fn sound(packet: AudioPacket) -> Self {
        Self {
            kind: MediaKind::Audio,
            payload: Payload {
                data: packet.data,
                marker: false,
            },
            rtp_time: packet.rtp_time,
            captured: packet.captured,
        }
    }
}

async fn next(audio: &mut Option<AudioOut>) -> Option<AudioPacket> {
    audio.as_mut()?.recv().await
}

async fn next_picture(video: &mut Option<VideoOut>) -> Option<Packets> {
    video.as_mut()?.packets.recv().await
}
