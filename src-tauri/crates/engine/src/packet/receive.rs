//! From packets as they arrive to frames.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Assembled, Assembler, Delivery, Reorder, ReorderCounts, RtpPacket};
use crate::frame::EncodedFrame;

/// What comes out of a [`FrameReceiver`].
#[derive(Debug, Clone)]
pub enum Received {
    /// A whole frame that can be decoded after those before it.
    Frame(EncodedFrame),
    /// The sender has to be asked for a key frame (PLI, RFC 4585 §6.3.1). Nothing else comes until it is here; ask
    /// again while [`FrameReceiver::waits_for_key_frame`].
    NeedKeyFrame,
}

/// Turns the packets of one video stream into frames.
#[derive(Debug, Default)]
pub struct FrameReceiver {
    reorder: Reorder,
    assembler: Assembler,
    /// At most the frame and the wish that one packet can bring.
    ready: VecDeque<Received>,
}

impl FrameReceiver {
    /// One that waits for a key frame.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long lost packets are waited for; see [`Reorder::set_patience`].
    pub fn set_patience(&mut self, patience: Duration) {
        self.reorder.set_patience(patience);
    }

    /// Takes a packet; [`poll`](Self::poll) afterwards until nothing more comes.
    pub fn push(&mut self, packet: RtpPacket) {
        self.reorder.push(packet);
    }

    /// What comes next, if it is time.
    pub fn poll(&mut self, now: Instant) -> Option<Received> {
        loop {
            if let Some(received) = self.ready.pop_front() {
                return Some(received);
            }
            let ready = &mut self.ready;
            let mut emit = |assembled| {
                ready.push_back(match assembled {
                    Assembled::Frame(frame) => Received::Frame(frame),
                    Assembled::NeedKeyFrame => Received::NeedKeyFrame,
                });
            };
            match self.reorder.poll(now)? {
                Delivery::Packet(_, packet) => self.assembler.push(&packet, emit),
                Delivery::Lost(_) => self.assembler.lost().into_iter().for_each(&mut emit),
            }
        }
    }

    /// When the next [`poll`](Self::poll) brings something even if nothing arrives.
    #[cfg(test)]
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.reorder.next_timeout()
    }

    /// Whether nothing comes out until a key frame arrives.
    pub fn waits_for_key_frame(&self) -> bool {
        self.assembler.waits_for_key_frame()
    }

    /// What has come and what has not.
    pub fn counts(&self) -> ReorderCounts {
        self.reorder.counts()
    }
}
