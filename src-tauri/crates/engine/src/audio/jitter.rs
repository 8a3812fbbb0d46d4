//! Packets in as the network brings them, one decision every 20 ms out.
//!
//! Two positions on the sender's time line: `next` is the first stamp not decoded yet, `cursor` the one
//! whose turn it is. When nothing is here the cursor goes on alone, and sound is made up. If then the
//! packet at `next` comes after all it is played, and the delay has grown by what was made up; if it
//! does not, it was lost, and the time line goes on as if nothing had happened. So the delay grows by
//! itself where the network asks for it, and only shrinking needs a rule.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use bytes::Bytes;

use super::{delay::DelayEstimator, met::Met};
use crate::{
    frame::OPUS_SAMPLES,
    packet::{RtpPacket, Unwrap},
};

const FRAME: i64 = OPUS_SAMPLES as i64;
const FRAME_MS: u64 = 20;

/// Packets that wait at most, 2 s; when more come the oldest are dropped.
pub(super) const CAPACITY: usize = 100;

/// A step in time stamp (2 s) or number beyond which a packet is not of this time line. Two such packets
/// in a row begin a new one: the sender was restarted.
const MAX_STEP: i64 = 96_000;
const MAX_STEP_PACKETS: i16 = 1000;

/// Frames that are made up while nothing comes, 1 s; then the stream counts as stopped.
const MAX_HELD: u64 = 50;

/// Delay this far above the target is cut at once: after a stall of the network nobody wants to hear the past.
pub(super) const CUT_MS: f64 = 160.0;

/// Delay this far above the target is taken back frame by frame also while somebody speaks: much of it
/// soon, little of it only when no silence came for a while.
const SHORTEN_SOON_MS: f64 = 60.0;
const SHORTEN_MS: f64 = 30.0;

/// Delay this far off the target is mended in a silence.
const MEND_MS: f64 = 22.0;

/// Turns over which the delay must be off before it is changed, 400 ms, as callbacks come unevenly; and
/// before little of it is taken back while somebody speaks, 2 s.
const STEADY: usize = 20;
const LONG: usize = 100;

/// An Opus packet of at most this many bytes says "silence from here on" (RFC 6716 §3.1, DTX).
const DTX_BYTES: usize = 2;

/// What the next 20 ms are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Decode this packet.
    Packet(Bytes),
    /// The packet that is due was lost; this is the one after it, whose FEC may hold it.
    Fec(Bytes),
    /// The packet that is due is lost or late: make something up.
    Conceal,
    /// The sender was silent here, or the delay is grown in a silence: make something up; it counts as no loss.
    Pause,
    /// Decode both and fade from the first into the second: 20 ms of delay are taken back.
    Shorten(Bytes, Bytes),
    /// Nothing has come yet, or nothing has come for a second.
    NotStarted,
}

/// What happened so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JitterStats {
    /// Packets that came, without duplicates.
    pub received: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that came when their time had gone.
    pub late: u64,
    /// Packets thrown away to take delay back, or because too many waited.
    pub discarded: u64,
    /// Sound that was made up for what was lost or late, in ms.
    pub concealed_ms: u64,
    /// Interarrival jitter in ms (RFC 3550 §6.4.1).
    pub jitter_ms: f64,
    /// Delay of what is played over the fastest packet, in ms; 0 while nothing is played.
    pub buffer_ms: f64,
    /// The delay aimed at, in ms.
    pub target_ms: f64,
}

#[derive(Debug)]
struct Waiting {
    number: i64,
    payload: Bytes,
}

/// The stamps and numbers of one run of a sender.
#[derive(Debug, Default)]
struct TimeLine {
    stamps: Unwrap<u32>,
    numbers: Unwrap<u16>,
    met: Met,
    /// Stamp and number of the last packet.
    newest: Option<(u32, u16)>,
}

impl TimeLine {
    fn is_strange(&self, packet: &RtpPacket) -> bool {
        self.newest.is_some_and(|(stamp, number)| {
            let step = packet.timestamp.wrapping_sub(stamp) as i32;
            let numbers = packet.sequence_number.wrapping_sub(number) as i16;
            i64::from(step).abs() > MAX_STEP
                || !(-MAX_STEP_PACKETS..=MAX_STEP_PACKETS).contains(&numbers)
        })
    }
}

#[derive(Debug)]
struct Playing {
    next: i64,
    cursor: i64,
    last_number: i64,
    /// Frames made up since the last packet, not known yet to be lost, late or silent.
    held: u64,
    dtx: bool,
}

/// The jitter buffer of one stream.
#[derive(Debug, Default)]
pub struct JitterBuffer {
    line: TimeLine,
    strange: Option<u32>,
    packets: BTreeMap<i64, Waiting>,
    delay: DelayEstimator,
    playing: Option<Playing>,
    recent: VecDeque<f64>,
    stats: JitterStats,
    floor: f64,
}

impl JitterBuffer {
    /// Takes a packet. Those that came before, come too late, or are of no time line are counted and dropped.
    pub fn insert(&mut self, packet: &RtpPacket) {
        if packet.payload.is_empty() {
            return;
        }
        if self.line.is_strange(packet) {
            let before = self.strange.replace(packet.timestamp);
            let follows = before.is_some_and(|b| {
                (1..MAX_STEP).contains(&i64::from(packet.timestamp.wrapping_sub(b)))
            });
            let idle = self.playing.is_none() && self.packets.is_empty();
            if !follows && !idle {
                self.stats.discarded += 1;
                return;
            }
            self.restart();
        }
        self.strange = None;
        let number = self.line.numbers.extend(packet.sequence_number);
        if !self.line.met.is_new(number) {
            self.stats.duplicates += 1;
            return;
        }
        let stamp = self.line.stamps.extend(packet.timestamp);
        self.line.newest = Some((packet.timestamp, packet.sequence_number));
        self.stats.received += 1;
        self.delay.packet(packet.arrived, stamp);
        if self.playing.as_ref().is_some_and(|p| stamp < p.next) {
            self.stats.late += 1;
            return;
        }
        self.packets.entry(stamp).or_insert_with(|| Waiting {
            number,
            payload: packet.payload.clone(),
        });
        if self.packets.len() > CAPACITY {
            self.packets.pop_first();
            self.stats.discarded += 1;
        }
    }

    /// Holds sound for at least this many ms: pictures take so much longer.
    pub fn set_floor(&mut self, ms: f64) {
        self.floor = ms;
        self.delay.set_floor(ms);
    }

    /// The RTP time stamp of the packet that [`next`](Self::next) gave last, if it gave one.
    pub fn stamp(&self) -> Option<u32> {
        let playing = self.playing.as_ref()?;
        // The truncation undoes the continuation.
        Some((playing.cursor - FRAME) as u32)
    }

    fn restart(&mut self) {
        self.line = TimeLine::default();
        self.packets.clear();
        self.delay = DelayEstimator::default();
        self.delay.set_floor(self.floor);
        self.playing = None;
        self.recent.clear();
    }

    /// Says what to play now; called every 20 ms of played sound. `quiet`: what was played last is so
    /// low that a change of the delay is not heard.
    pub fn next(&mut self, now: Instant, quiet: bool) -> Next {
        if self.playing.is_none() && !self.begin(now) {
            return Next::NotStarted;
        }
        self.cut(now);
        let Some(playing) = &mut self.playing else {
            return Next::NotStarted;
        };
        let Some(first) = self.packets.first_entry() else {
            playing.cursor += FRAME;
            playing.held += 1;
            let pause = playing.dtx;
            if playing.held > MAX_HELD {
                self.playing = None;
                self.recent.clear();
                return Next::NotStarted;
            }
            return if pause { Next::Pause } else { Next::Conceal };
        };
        let stamp = *first.key();
        let missing = first.get().number - playing.last_number - 1;
        if stamp - playing.cursor > FRAME / 2 {
            let whole_gap = playing.held == 0;
            let close = stamp - playing.cursor <= FRAME + FRAME / 2;
            playing.cursor += FRAME;
            if missing <= 0 {
                return Next::Pause;
            }
            self.stats.concealed_ms += FRAME_MS;
            return if close && (whole_gap || missing == 1) {
                Next::Fec(first.get().payload.clone())
            } else {
                Next::Conceal
            };
        }
        // Now it is known what the made-up frames stood for.
        let late = if missing > 0 {
            playing.held.min(missing as u64)
        } else if stamp == playing.next {
            playing.held
        } else {
            0
        };
        if !playing.dtx {
            self.stats.concealed_ms += late * FRAME_MS;
        }
        playing.held = 0;
        self.play(now, quiet)
    }

    /// Starts with the oldest packet once it has waited for the target delay.
    fn begin(&mut self, now: Instant) -> bool {
        let Some((&stamp, first)) = self.packets.first_key_value() else {
            return false;
        };
        if self.delay.delay_of(now, stamp) < self.delay.target() {
            return false;
        }
        self.playing = Some(Playing {
            next: stamp,
            cursor: stamp,
            last_number: first.number - 1,
            held: 0,
            dtx: false,
        });
        true
    }

    /// Throws away what is far too old to be worth playing.
    fn cut(&mut self, now: Instant) {
        let (Some(playing), Some((&first, _))) =
            (&mut self.playing, self.packets.first_key_value())
        else {
            return;
        };
        let excess = self.delay.delay_of(now, first.min(playing.cursor)) - self.delay.target();
        if excess < CUT_MS {
            return;
        }
        let frames = (excess / FRAME_MS as f64) as i64;
        let to = first.min(playing.cursor) + frames * FRAME;
        while let Some(entry) = self.packets.first_entry() {
            if *entry.key() >= to {
                break;
            }
            playing.last_number = entry.get().number;
            entry.remove();
            self.stats.discarded += 1;
        }
        playing.next = to;
        playing.cursor = to;
        playing.held = 0;
        self.recent.clear();
    }

    /// The first packet's turn has come; the delay may be changed around it.
    fn play(&mut self, now: Instant, quiet: bool) -> Next {
        let (Some(playing), Some((stamp, packet))) = (&mut self.playing, self.packets.pop_first())
        else {
            return Next::NotStarted;
        };
        let delay = self.delay.delay_of(now, stamp);
        self.stats.buffer_ms = delay;
        if self.recent.len() == LONG {
            self.recent.pop_front();
        }
        self.recent.push_back(delay);
        let target = self.delay.target();
        // By how much the delay was above the target in all of the last turns.
        let excess_over = |turns: usize| {
            let least = self.recent.iter().rev().take(turns).copied();
            let least = least.fold(f64::INFINITY, f64::min);
            (self.recent.len() >= turns).then_some(least - target)
        };
        let steady = excess_over(STEADY).unwrap_or(0.0);
        let long = excess_over(LONG).unwrap_or(0.0);

        if quiet && steady < -MEND_MS {
            self.recent.clear();
            playing.cursor += FRAME;
            self.packets.insert(stamp, packet);
            return Next::Pause;
        }
        playing.next = stamp + FRAME;
        playing.last_number = packet.number;
        playing.dtx = packet.payload.len() <= DTX_BYTES;
        if (steady > SHORTEN_SOON_MS || long > SHORTEN_MS || quiet && steady > MEND_MS)
            && let Some(second) = self.packets.remove(&(stamp + FRAME))
        {
            self.recent.clear();
            playing.next += FRAME;
            playing.cursor = playing.next;
            playing.last_number = second.number;
            playing.dtx = second.payload.len() <= DTX_BYTES;
            return Next::Shorten(packet.payload, second.payload);
        }
        playing.cursor = playing.next;
        Next::Packet(packet.payload)
    }

    /// How many packets wait.
    #[cfg(any(test, fuzzing))]
    pub(super) fn held(&self) -> usize {
        self.packets.len()
    }

    /// What happened so far.
    pub fn stats(&self) -> JitterStats {
        JitterStats {
            jitter_ms: self.delay.jitter(),
            buffer_ms: if self.playing.is_some() {
                self.stats.buffer_ms
            } else {
                0.0
            },
            target_ms: self.delay.target(),
            ..self.stats
        }
    }
}
