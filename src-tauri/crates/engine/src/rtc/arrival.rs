//! The jitter of a stream (RFC 3550 §6.4.1, appendix A.8). The library has its own for its reports; that
//! one takes the wrap of a time stamp for a jump of half a day.

use std::time::{Duration, Instant};

/// Arrivals of one stream.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    last: Option<(Instant, u32)>,
    /// In ticks of the stream's clock.
    jitter: f64,
}

impl Arrivals {
    /// A packet came. `rate` is in ticks per second.
    pub(super) fn add(&mut self, now: Instant, timestamp: u32, rate: u32) {
        if let Some((at, before)) = self.last.replace((now, timestamp)) {
            let passed = now.saturating_duration_since(at).as_secs_f64() * f64::from(rate);
            let meant = f64::from(timestamp.wrapping_sub(before) as i32);
            let change = (passed - meant).abs();
            // A second is a new source, not jitter.
            if change < f64::from(rate) {
                self.jitter += (change - self.jitter) / 16.0;
            }
        }
    }

    pub(super) fn jitter(&self, rate: u32) -> Duration {
        Duration::from_secs_f64(self.jitter / f64::from(rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrap_is_no_jitter_and_late_packets_are() {
        #[expect(clippy::disallowed_methods, reason = "a test needs some instant")]
        let start = Instant::now();
        let mut arrivals = Arrivals::default();
        let first = u32::MAX - 5_000;
        for i in 0..50 {
            let at = start + Duration::from_millis(20) * i;
            arrivals.add(at, first.wrapping_add(i * 960), 48_000);
        }
        assert!(arrivals.jitter(48_000) < Duration::from_micros(10));
        for i in 50..250u32 {
            let late = Duration::from_millis(if i % 2 == 0 { 10 } else { 0 });
            let at = start + Duration::from_millis(20) * i + late;
            arrivals.add(at, first.wrapping_add(i * 960), 48_000);
        }
        let jitter = arrivals.jitter(48_000);
        assert!((9..=10).contains(&jitter.as_millis()), "{jitter:?}");
    }
}
