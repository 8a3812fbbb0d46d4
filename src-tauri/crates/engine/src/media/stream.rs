//! One encoding on its way to one peer: what waits, what is left out, and what was sent.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{AudioPacket, Packets, VideoOut, now};
use crate::{
    frame::Bitrate,
    packet::Payload,
    rate::{Admission, Pacer, Patience},
    rtc::MediaKind,
};

/// So long what waits may take before pictures of the middle layer are left out; half of it, and those of the highest are.
const LATE: Duration = Duration::from_millis(200);

/// So long the last packet of a key frame, and the word of a peer that has not got it yet, may take.
const UNDER_WAY: Duration = Duration::from_millis(150);

/// What is sent to a peer of one kind of pictures, for statistics.
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

/// A packet, and where it belongs.
pub(super) struct Packet {
    pub(super) kind: MediaKind,
    pub(super) payload: Payload,
    pub(super) rtp_time: u32,
    pub(super) captured: Instant,
}

impl Packet {
    pub(super) fn sound(packet: AudioPacket) -> Self {
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

/// The pictures of camera or screen.
pub(super) struct Stream {
    kind: MediaKind,
    out: Option<VideoOut>,
    pub(super) pacer: Pacer<Packet>,
    sent: Arc<Sent>,
    /// The highest temporal layer that is sent until the next picture of the lowest.
    top: u8,
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

impl Stream {
    /// Nothing is sent yet.
    pub(super) fn new(kind: MediaKind, now: Instant, target: Bitrate, sent: Arc<Sent>) -> Self {
        Self {
            kind,
            out: None,
            pacer: Pacer::new(now, target),
            sent,
            top: u8::MAX,
            patience: Patience::new(now),
            key: KeyFrame::Arrived,
        }
    }

    /// Takes pictures from here. What waits of others is not sent any more.
    pub(super) fn take_from(&mut self, out: Option<VideoOut>) {
        self.pacer
            .set_audience(out.as_ref().is_some_and(VideoOut::has_audience));
        self.out = out;
        self.pacer.clear();
        self.key = KeyFrame::Arrived;
    }

    /// Whether pictures are sent.
    pub(super) fn is_on(&self) -> bool {
        self.out.is_some()
    }

    /// The next compressed picture; `None`: there are none any more.
    pub(super) async fn next(&mut self) -> Option<Packets> {
        self.out.as_mut()?.packets.recv().await
    }

    pub(super) fn set_target(&mut self, now: Instant, target: Bitrate) {
        self.pacer.set_target(now, target);
        if let Some(out) = &self.out {
            out.set_target(target);
        }
    }

    /// What was captured so far is not sent any more.
    pub(super) fn forget(&mut self) {
        self.pacer.clear();
        if let Some(out) = &mut self.out {
            while out.packets.try_recv().is_ok() {}
        }
    }

    /// There is something to see again: who looks on needs a key frame first.
    pub(super) fn begin_anew(&self) {
        if self.pacer.needs_key_frame()
            && let Some(out) = &self.out
        {
            out.request_key_frame();
        }
    }

    /// What may leave by now has left.
    pub(super) fn sent_so_far(&mut self, now: Instant) {
        if self.key == KeyFrame::Waits && self.pacer.queue_time().is_zero() {
            self.key = KeyFrame::LeftAt(now);
        }
    }

    /// The peer says that it cannot go on without a key frame.
    pub(super) fn wish(&mut self) {
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
        if let Some(out) = &self.out
            && (!out.has_audience() || self.patience.grants(now()))
        {
            out.request_key_frame();
        }
    }

    /// Takes a picture.
    pub(super) fn picture(&mut self, packets: &Packets) {
        if packets.layer.is_some_and(|layer| self.leaves_out(layer)) {
            return;
        }
        let list = packets.payloads.iter().map(|payload| {
            let packet = Packet {
                kind: self.kind,
                payload: payload.clone(),
                rtp_time: packets.rtp_time,
                captured: packets.captured,
            };
            (payload.data.len() as u32, packet)
        });
        if self.pacer.push_frame(packets.key_frame, list) == Admission::Accepted {
            if packets.key_frame {
                self.key = KeyFrame::Waits;
            }
            self.sent.frames.fetch_add(1, Ordering::Relaxed);
            let size = u64::from(packets.width) << 32 | u64::from(packets.height);
            self.sent.size.store(size, Ordering::Relaxed);
        }
        if self.pacer.needs_key_frame() {
            self.ask();
        }
        if let Some(out) = &self.out {
            let stats = out.stats();
            let sent = &self.sent;
            sent.key_frames.store(stats.key_frames, Ordering::Relaxed);
            sent.target.store(stats.target.as_bps(), Ordering::Relaxed);
        }
    }

    /// Whether a picture is left out, because what waits would make it late and none that follows needs it.
    fn leaves_out(&mut self, layer: u8) -> bool {
        if let Some(out) = &self.out {
            // A key frame may take its time.
            out.set_late(self.key != KeyFrame::Waits && self.pacer.queue_time() > LATE / 2);
        }
        if layer == 0 {
            self.top = u8::MAX;
            return false;
        }
        if self.pacer.queue_time() > LATE / u32::from(layer) {
            self.top = self.top.min(layer - 1);
        }
        layer > self.top
    }
}
