//! How late packets come, and how much delay that asks for.

use std::{collections::VecDeque, time::Instant};

use crate::frame::SAMPLE_RATE;

/// Packets that are remembered: 10 s, so that a spike every few seconds is not forgotten in between.
const WINDOW: usize = 500;

/// The target is worked out anew every this many packets, and not before this many have come: 1 s.
const EVERY: usize = 50;

/// One packet in this many may come too late; concealment hides it.
const LATE_ONE_IN: usize = 33;

/// The target until enough packets have come.
const START_MS: f64 = 40.0;

/// No target is below one packet, nor above what two people can still talk with.
const BOUNDS_MS: (f64, f64) = (20.0, 200.0);

/// Device callbacks pull in steps of 10 ms and may come this much early.
const PULL_MS: f64 = 10.0;

/// A packet this far from the fastest one belongs to another time line: the sender's clock was set.
const BREAK_MS: f64 = 1000.0;

/// Measures transit times: arrival minus time stamp, to an unknown constant. All results are in ms.
#[derive(Debug, Default)]
pub(super) struct DelayEstimator {
    origin: Option<(Instant, i64)>,
    transits: VecDeque<f64>,
    sorted: Vec<f64>,
    until_update: usize,
    fastest: f64,
    target: Option<f64>,
    last: Option<f64>,
    jitter: f64,
    /// What pictures ask for.
    floor: f64,
}

impl DelayEstimator {
    /// A packet with this (unwrapped) time stamp arrived.
    pub(super) fn packet(&mut self, arrived: Instant, timestamp: i64) {
        let transit = self.transit(arrived, timestamp);
        // RFC 3550 §6.4.1: smoothed by 1/16, over packets in the order of their arrival.
        if let Some(last) = self.last.replace(transit) {
            let difference = (transit - last).abs();
            if difference < BREAK_MS {
                self.jitter += (difference - self.jitter) / 16.0;
            }
        }
        if !self.transits.is_empty() && (transit - self.fastest).abs() > BREAK_MS {
            self.transits.clear();
        }
        if self.transits.is_empty() {
            self.fastest = transit;
            self.until_update = EVERY;
        }
        self.fastest = self.fastest.min(transit);
        if self.transits.len() == WINDOW {
            self.transits.pop_front();
        }
        self.transits.push_back(transit);
        self.until_update -= 1;
        if self.until_update == 0 {
            self.until_update = EVERY;
            self.update();
        }
    }

    fn update(&mut self) {
        self.sorted.clear();
        self.sorted.extend(&self.transits);
        self.sorted.sort_unstable_by(f64::total_cmp);
        let (Some(&fastest), Some(last)) = (self.sorted.first(), self.sorted.len().checked_sub(1))
        else {
            return;
        };
        self.fastest = fastest;
        let slow = self.sorted[last - last / LATE_ONE_IN];
        let (least, most) = BOUNDS_MS;
        self.target = Some((slow - fastest + PULL_MS).clamp(least, most));
    }

    /// How long before `now` a packet with this time stamp would have come on the fastest way: the delay
    /// of what is played now, over the fastest packet.
    pub(super) fn delay_of(&mut self, now: Instant, timestamp: i64) -> f64 {
        self.transit(now, timestamp) - self.fastest
    }

    /// The delay to aim at.
    pub(super) fn target(&self) -> f64 {
        self.target.unwrap_or(START_MS).max(self.floor)
    }

    /// Aims at no less than this, in ms.
    pub(super) fn set_floor(&mut self, ms: f64) {
        self.floor = ms.clamp(0.0, BOUNDS_MS.1);
    }

    /// Interarrival jitter (RFC 3550 §6.4.1).
    pub(super) fn jitter(&self) -> f64 {
        self.jitter
    }

    fn transit(&mut self, at: Instant, timestamp: i64) -> f64 {
        let (origin, first) = *self.origin.get_or_insert((at, timestamp));
        let elapsed = match at.checked_duration_since(origin) {
            Some(after) => after.as_secs_f64(),
            None => -origin.duration_since(at).as_secs_f64(),
        };
        elapsed * 1000.0 - (timestamp - first) as f64 * (1000.0 / f64::from(SAMPLE_RATE))
    }
}
