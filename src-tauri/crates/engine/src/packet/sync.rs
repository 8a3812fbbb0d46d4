//! What puts sound and pictures of one sender on one time line.

use std::time::Instant;

/// A moment on the sender's two clocks, of its sender reports (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncPoint {
    /// The sender's wall clock: NTP, seconds in the upper 32 bits, fraction in the lower.
    pub ntp: u64,
    /// The RTP time stamp of what was captured at that moment.
    pub rtp: u32,
    /// When the report came.
    pub arrived: Instant,
}

impl SyncPoint {
    /// When what has this RTP time stamp was captured, in ms of the sender's wall clock. `clock_rate`: of the
    /// stamps, a second. Stamps count as the nearest to the report's, half a turn away at most.
    pub fn captured_ms(&self, stamp: u32, clock_rate: u32) -> f64 {
        let since = f64::from(stamp.wrapping_sub(self.rtp).cast_signed());
        let wall = self.ntp as f64 / 2f64.powi(32);
        wall * 1000.0 + since * 1000.0 / f64::from(clock_rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn stamps_are_told_as_wall_clock_also_over_the_wrap() {
        let point = SyncPoint {
            ntp: (3_900_000_000 << 32) + (1 << 31),
            rtp: 0xffff_ff00,
            arrived: now(),
        };
        let at = |stamp| point.captured_ms(stamp, 90_000) - 3_900_000_000_000.0;
        assert!((at(0xffff_ff00) - 500.0).abs() < 0.01);
        assert!((at(9000 - 256) - 600.0).abs() < 0.01);
        assert!((at(0xffff_ff00 - 9000) - 400.0).abs() < 0.01);
    }
}
