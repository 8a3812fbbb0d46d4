//! Packets into order: without those that came twice, and told which never came.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use super::{RtpPacket, Unwrap, Vp8Descriptor, Vp9Descriptor, bitstream};
use crate::frame::VideoCodec;

/// How many packets are held behind a gap at most: a second at 9 Mbit/s. When it is full the gap is given up.
pub(super) const WINDOW: usize = 1024;
/// A number this far from all others is a mistake or a sender that began anew (RFC 3550 §A.1).
const MAX_JUMP: u16 = 3000;
/// How long a gap is waited for: at least until reordering on the way is over, at most as long as a picture may
/// stand still before a key frame is the better cure.
const PATIENCE: RangeInclusive<Duration> = Duration::from_millis(40)..=Duration::from_millis(1000);
/// Two round trips of a good connection and a retransmission lost on top.
const START_PATIENCE: Duration = Duration::from_millis(250);
/// With a whole key frame behind it a gap is waited for only as long as packets overtake each other.
const GRACE: Duration = Duration::from_millis(20);

/// What comes out.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// The next packet, with its number continued past the wrap-around.
    Packet(i64, RtpPacket),
    /// This many packets before the next one did not come in time and are given up.
    Lost(u64),
}

/// What has come and what has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReorderCounts {
    /// Packets that came, twice counted once.
    pub received: u64,
    /// Packets that came again, or before the stream could begin.
    pub duplicate: u64,
    /// Packets that came after they were given up.
    pub late: u64,
    /// Packets that were given up, those that came late among them.
    pub lost: u64,
}

/// Puts the packets of one video stream in order.
///
/// Until the first packet of a key frame is here nothing comes out: what is before it cannot be decoded. It
/// holds at most 1024 packets; then a gap is given up, and before the first key frame the oldest are lost.
#[derive(Debug)]
pub struct Reorder {
    numbers: Unwrap<u16>,
    /// The number that is due; `None` before the first key frame.
    next: Option<i64>,
    held: BTreeMap<i64, RtpPacket>,
    patience: Duration,
    /// What was given up and may still come; the oldest are forgotten.
    given_up: BTreeSet<i64>,
    /// A packet with a number far off: if the next one follows on it, the sender began anew.
    restart: Option<RtpPacket>,
    /// Packets lost by a restart, not yet told.
    untold: u64,
    counts: ReorderCounts,
}

impl Default for Reorder {
    fn default() -> Self {
        Self {
            numbers: Unwrap::default(),
            next: None,
            held: BTreeMap::new(),
            patience: START_PATIENCE,
            given_up: BTreeSet::new(),
            restart: None,
            untold: 0,
            counts: ReorderCounts::default(),
        }
    }
}

impl Reorder {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a gap is waited for: some round trips, so that a retransmission can arrive. Kept between
    /// 40 ms and a second.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience.clamp(*PATIENCE.start(), *PATIENCE.end());
    }

    /// What has come and what has not.
    pub fn counts(&self) -> ReorderCounts {
        self.counts
    }

    /// How many packets are held, and how many numbers are remembered that were given up.
    #[cfg(any(test, fuzzing))]
    pub(super) fn held(&self) -> (usize, usize) {
        let held = self.held.len() + usize::from(self.restart.is_some());
        (held, self.given_up.len())
    }

    /// Takes a packet, in whatever order.
    pub fn push(&mut self, packet: RtpPacket) {
        if self.is_near(packet.sequence_number) {
            self.restart = None;
            self.accept(packet);
        } else if let Some(first) = self
            .restart
            .take_if(|first| first.sequence_number.wrapping_add(1) == packet.sequence_number)
        {
            self.untold += self.held.len() as u64 + 1;
            self.numbers = Unwrap::default();
            self.next = None;
            self.held.clear();
            self.given_up.clear();
            self.accept(first);
            self.accept(packet);
        } else {
            self.restart = Some(packet);
        }
    }

    fn accept(&mut self, packet: RtpPacket) {
        let number = self.numbers.extend(packet.sequence_number);
        match self.next {
            Some(next) if number < next => {
                if self.given_up.remove(&number) {
                    self.counts.late += 1;
                } else {
                    self.counts.duplicate += 1;
                }
                return;
            }
            Some(_) => {}
            None if starts_key_frame(&packet) => {
                self.next = Some(number);
                self.held = self.held.split_off(&number);
            }
            None if self.held.len() == WINDOW => {
                self.held.pop_first();
            }
            None => {}
        }
        if self.held.insert(number, packet).is_some() {
            self.counts.duplicate += 1;
        } else {
            self.counts.received += 1;
        }
    }

    /// What comes next, if it is time.
    pub fn poll(&mut self, now: Instant) -> Option<Delivery> {
        if self.untold > 0 {
            return Some(Delivery::Lost(std::mem::take(&mut self.untold)));
        }
        let Some(next) = self.next else {
            return self.poll_before_key_frame(now);
        };
        if let Some(packet) = self.held.remove(&next) {
            self.next = Some(next + 1);
            return Some(Delivery::Packet(next, packet));
        }
        let (behind, since) = (*self.held.first_key_value()?.0, self.waits_since()?);
        let waited = now.saturating_duration_since(since);
        let to = if waited >= self.patience || self.held.len() >= WINDOW {
            behind
        } else if waited >= GRACE {
            self.whole_key_frame()?
        } else {
            return None;
        };
        // Packets with numbers far apart make a gap as wide as their sender likes.
        let recent = next.max(to - WINDOW as i64);
        let lost = (recent..to).filter(|number| !self.held.contains_key(number));
        self.given_up.extend(lost);
        while self.given_up.len() > WINDOW {
            self.given_up.pop_first();
        }
        self.held = self.held.split_off(&to);
        self.next = Some(to);
        let lost = (to - next) as u64;
        self.counts.lost += lost;
        Some(Delivery::Lost(lost))
    }

    /// When the next [`poll`](Self::poll) brings something even if nothing arrives.
    #[cfg(test)]
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let since = self.waits_since()?;
        match self.next {
            Some(_) if self.whole_key_frame().is_some() => Some(since + GRACE.min(self.patience)),
            _ => Some(since + self.patience),
        }
    }

    /// Without a key frame for as long as a gap may last, one has to be asked for.
    fn poll_before_key_frame(&mut self, now: Instant) -> Option<Delivery> {
        let since = self.waits_since()?;
        if now.saturating_duration_since(since) < self.patience {
            return None;
        }
        let lost = self.held.len() as u64;
        self.held.clear();
        Some(Delivery::Lost(lost))
    }

    /// When the first of the held packets came.
    fn waits_since(&self) -> Option<Instant> {
        self.held.values().map(|packet| packet.arrived).min()
    }

    /// Where a key frame begins of which every packet is held.
    fn whole_key_frame(&self) -> Option<i64> {
        let mut start = None;
        let mut due = 0;
        for (&number, packet) in &self.held {
            if starts_key_frame(packet) {
                start = Some(number);
            } else if number != due {
                start = None;
            }
            if packet.marker && start.is_some() {
                return start;
            }
            due = number + 1;
        }
        None
    }

    /// Whether the number can belong to the stream as it is known.
    fn is_near(&self, number: u16) -> bool {
        self.numbers.highest().is_none_or(|highest| {
            let distance = number.wrapping_sub(highest as u16) as i16;
            distance.unsigned_abs() <= MAX_JUMP
        })
    }
}

pub(super) fn starts_key_frame(packet: &RtpPacket) -> bool {
    let payload = &packet.payload;
    match packet.codec {
        Some(VideoCodec::Vp8) => Vp8Descriptor::parse(payload).is_ok_and(|(descriptor, length)| {
            descriptor.starts_frame()
                && bitstream::is_key_frame(VideoCodec::Vp8, &payload[length..])
        }),
        Some(VideoCodec::Vp9) => Vp9Descriptor::parse(payload).is_ok_and(|(descriptor, length)| {
            descriptor.starts_picture()
                && bitstream::is_key_frame(VideoCodec::Vp9, &payload[length..])
        }),
        None => false,
    }
}
