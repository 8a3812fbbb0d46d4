//! Whether the queue on the path grows: the slope of the one-way delay, after
//! draft-ietf-rmcat-gcc-02 §5 in its trend line form.
//!
//! A slope alone also comes from a machine that was busy for a moment: packets wait, then come all at
//! once. So there has to be a queue that stands as well, as in CoDel (RFC 8289 §3): the least delay of
//! a stretch of time, not the mean.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Packets sent within this time of each other are one group: pictures leave in bursts, and only what
/// happens between bursts tells about the path.
const GROUP: Duration = Duration::from_millis(5);

/// How many groups the line is drawn through.
const POINTS: usize = 20;

/// The weight of the past in the smoothed delay.
const SMOOTHING: f64 = 0.9;

/// Makes the slope comparable with a threshold in milliseconds.
const GAIN: f64 = 4.0;

/// The threshold at the start and its bounds, in milliseconds (§5.4).
const THRESHOLD_START: f64 = 12.5;
const THRESHOLD_MIN: f64 = 6.0;
const THRESHOLD_MAX: f64 = 600.0;

/// How fast the threshold follows upwards and downwards, per millisecond (§5.4): up slowly, so that a
/// flow beside TCP is not starved, down more slowly still.
const GAIN_UP: f64 = 0.0087;
const GAIN_DOWN: f64 = 0.039;

/// How long the slope has to stay above the threshold.
const OVERUSE_TIME: f64 = 10.0;

/// A queue stands when no group of this stretch of time came sooner than [`STANDING`] after the least delay.
const STRETCH: f64 = 120.0;
/// In milliseconds; what a path without a queue jitters.
const STANDING: f64 = 8.0;

/// For how long the least delay is remembered, in milliseconds, and half as long again: the two clocks
/// drift, and routes change.
const MEMORY: f64 = 10_000.0;

/// What the delay says about the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Usage {
    /// It carries what is sent.
    #[default]
    Normal,
    /// A queue grows.
    Over,
    /// A queue empties.
    Under,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: Instant,
    last_sent: Instant,
    arrived: Duration,
}

/// Draws the line and judges it.
#[derive(Debug)]
pub(super) struct DelayTrend {
    group: Option<Group>,
    before: Option<Group>,
    first_arrival: Option<Duration>,
    accumulated: f64,
    smoothed: f64,
    points: VecDeque<(f64, f64)>,
    queue: Queue,
    deltas: u32,
    threshold: f64,
    over_for: f64,
    last_slope: f64,
    usage: Usage,
}

impl Default for DelayTrend {
    fn default() -> Self {
        Self {
            group: None,
            before: None,
            first_arrival: None,
            accumulated: 0.0,
            smoothed: 0.0,
            points: VecDeque::with_capacity(POINTS),
            queue: Queue::default(),
            deltas: 0,
            threshold: THRESHOLD_START,
            over_for: 0.0,
            last_slope: 0.0,
            usage: Usage::Normal,
        }
    }
}

impl DelayTrend {
    /// What the packets so far say.
    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// Takes a packet that arrived, in the order of sending. `arrived` is on the receiver's clock.
    pub(super) fn add(&mut self, sent: Instant, arrived: Duration) {
        let Some(group) = &mut self.group else {
            self.group = Some(Group {
                first_sent: sent,
                last_sent: sent,
                arrived,
            });
            return;
        };
        if sent.saturating_duration_since(group.first_sent) <= GROUP {
            group.last_sent = group.last_sent.max(sent);
            group.arrived = group.arrived.max(arrived);
            return;
        }
        let done = *group;
        self.group = Some(Group {
            first_sent: sent,
            last_sent: sent,
            arrived,
        });
        if let Some(before) = self.before.replace(done) {
            let sent = milliseconds(done.last_sent.saturating_duration_since(before.last_sent));
            let arrived = done.arrived.as_secs_f64() * 1e3 - before.arrived.as_secs_f64() * 1e3;
            self.step(sent, arrived, done.arrived);
        }
    }

    fn step(&mut self, sent: f64, between: f64, arrived: Duration) {
        let first = *self.first_arrival.get_or_insert(arrived);
        self.deltas = (self.deltas + 1).min(1000);
        self.accumulated += between - sent;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.accumulated;
        if self.points.len() == POINTS {
            self.points.pop_front();
        }
        let x = milliseconds(arrived.saturating_sub(first));
        self.points.push_back((x, self.smoothed));
        self.queue.add(x, self.accumulated);
        let slope = if self.points.len() == POINTS {
            slope(&self.points)
        } else {
            0.0
        };
        self.judge(slope, sent.max(between));
    }

    fn judge(&mut self, slope: f64, passed: f64) {
        let value = slope * f64::from(self.deltas.min(60)) * GAIN;
        if value > self.threshold {
            self.over_for += passed;
            if self.over_for > OVERUSE_TIME && slope >= self.last_slope && self.queue.stands() {
                self.usage = Usage::Over;
                self.over_for = 0.0;
            }
        } else {
            self.over_for = 0.0;
            self.usage = if value < -self.threshold {
                Usage::Under
            } else {
                Usage::Normal
            };
        }
        self.last_slope = slope;
        // A jump by more than 15 ms is a change of route or a stall, not a queue (§5.4).
        if value.abs() <= self.threshold + 15.0 {
            let gain = if value.abs() < self.threshold {
                GAIN_DOWN
            } else {
                GAIN_UP
            };
            self.threshold += gain * (value.abs() - self.threshold) * passed.min(100.0);
            self.threshold = self.threshold.clamp(THRESHOLD_MIN, THRESHOLD_MAX);
        }
    }
}

/// The delay of late, relative to some constant, and the least there was. In milliseconds.
#[derive(Debug, Default)]
struct Queue {
    recent: VecDeque<(f64, f64)>,
    /// When the period began, the least delay in it, and in the one before.
    period: Option<(f64, f64)>,
    before: Option<f64>,
}

impl Queue {
    fn add(&mut self, at: f64, delay: f64) {
        self.recent.push_back((at, delay));
        while self.recent.len() > 2
            && self
                .recent
                .get(1)
                .is_some_and(|(next, _)| at - next > STRETCH)
        {
            self.recent.pop_front();
        }
        match &mut self.period {
            Some((start, least)) if at - *start < MEMORY => *least = least.min(delay),
            period => {
                self.before = period.map(|(_, least)| least);
                *period = Some((at, delay));
            }
        }
    }

    fn stands(&self) -> bool {
        let Some((_, least)) = self.period else {
            return false;
        };
        let base = self.before.map_or(least, |before| before.min(least));
        let (Some((from, _)), Some((to, _))) = (self.recent.front(), self.recent.back()) else {
            return false;
        };
        to - from >= STRETCH && self.recent.iter().all(|(_, delay)| delay - base > STANDING)
    }
}

/// The slope of the line with the least squares.
fn slope(points: &VecDeque<(f64, f64)>) -> f64 {
    let n = points.len() as f64;
    let (sx, sy) = points
        .iter()
        .fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x, sy + y));
    let (mx, my) = (sx / n, sy / n);
    let (top, bottom) = points.iter().fold((0.0, 0.0), |(top, bottom), (x, y)| {
        (top + (x - mx) * (y - my), bottom + (x - mx) * (x - mx))
    });
    if bottom == 0.0 { 0.0 } else { top / bottom }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::estimator::tests::epoch;

    /// Sends a packet each 20 ms over a path whose delay changes by `per_packet` ms with each.
    fn run(trend: &mut DelayTrend, from: u32, packets: u32, delay: &mut f64, per_packet: f64) {
        let start = epoch();
        for i in from..from + packets {
            *delay = (*delay + per_packet).max(0.0);
            let sent = Duration::from_millis(20) * i;
            trend.add(start + sent, sent + Duration::from_secs_f64(*delay / 1e3));
        }
    }

    #[test]
    fn a_growing_queue_is_overuse_and_an_emptying_one_is_underuse() {
        let mut trend = DelayTrend::default();
        let mut delay = 30.0;
        run(&mut trend, 0, 50, &mut delay, 0.0);
        assert_eq!(trend.usage(), Usage::Normal);
        run(&mut trend, 50, 40, &mut delay, 3.0);
        assert_eq!(trend.usage(), Usage::Over);
        run(&mut trend, 90, 30, &mut delay, -4.0);
        assert_eq!(trend.usage(), Usage::Under);
        run(&mut trend, 120, 60, &mut delay, 0.0);
        assert_eq!(trend.usage(), Usage::Normal);
    }

    #[test]
    fn a_machine_that_was_busy_is_no_queue() {
        let mut trend = DelayTrend::default();
        let start = epoch();
        for i in 0..500u32 {
            let sent = Duration::from_millis(20) * i;
            // Once a second nothing comes for 80 ms, and then all at once.
            let busy = u64::from(80u32.saturating_sub(i * 20 % 1000));
            trend.add(start + sent, sent + Duration::from_millis(30 + busy));
            assert_ne!(trend.usage(), Usage::Over, "at packet {i}");
        }
    }

    #[test]
    fn jitter_alone_is_normal() {
        let mut trend = DelayTrend::default();
        let start = epoch();
        for i in 0..300u32 {
            let sent = Duration::from_millis(20) * i;
            let jitter = Duration::from_millis(u64::from(i * 7 % 5));
            trend.add(start + sent, sent + Duration::from_millis(30) + jitter);
            assert_ne!(trend.usage(), Usage::Over, "at packet {i}");
        }
    }
}
