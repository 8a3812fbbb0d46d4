//! Bits per second over a sliding window.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::frame::Bitrate;

/// Long enough to hold several pictures, short enough to follow an encoder within half a second.
const WINDOW: Duration = Duration::from_millis(500);

/// How often a new entry is begun: bounds the memory to 50 entries.
const STEP: Duration = Duration::from_millis(10);

/// Counts bytes and says their rate.
#[derive(Debug, Default)]
pub struct RateMeter {
    steps: VecDeque<(Instant, u64)>,
    bytes: u64,
}

impl RateMeter {
    /// `bytes` passed at `now`.
    pub fn add(&mut self, now: Instant, bytes: u64) {
        self.forget(now);
        self.bytes += bytes;
        match self.steps.back_mut() {
            Some((start, sum)) if now.saturating_duration_since(*start) < STEP => *sum += bytes,
            _ => self.steps.push_back((now, bytes)),
        }
    }

    /// The rate of the last half second; `None` before a fifth of a second was seen.
    pub fn rate(&mut self, now: Instant) -> Option<Bitrate> {
        self.forget(now);
        let (first, _) = self.steps.front()?;
        let span = now.saturating_duration_since(*first);
        (span >= WINDOW * 2 / 5)
            .then(|| Bitrate::bps((self.bytes as f64 * 8.0 / span.as_secs_f64()) as u64))
    }

    fn forget(&mut self, now: Instant) {
        while let Some((start, sum)) = self.steps.front() {
            if now.saturating_duration_since(*start) <= WINDOW {
                break;
            }
            self.bytes -= sum;
            self.steps.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::estimator::tests::epoch;

    #[test]
    fn a_steady_flow_is_measured_and_a_pause_ends_it() {
        let start = epoch();
        let mut meter = RateMeter::default();
        for i in 0..100u32 {
            meter.add(start + Duration::from_millis(10) * i, 1250);
        }
        let now = start + Duration::from_millis(990);
        let rate = meter.rate(now).unwrap().as_kbps();
        assert!((980..=1060).contains(&rate), "{rate}");
        assert_eq!(meter.rate(now + Duration::from_secs(1)), None);
    }
}
