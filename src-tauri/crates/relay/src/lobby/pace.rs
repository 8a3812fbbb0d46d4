//! PURE. How fast one client of the lobby is listened to.
//!
//! The dialects have no word for "you send too fast", so nothing is refused: what comes too fast waits, in the end
//! at its sender.

use std::time::Duration;

/// What counts as one message; a longer one counts as several.
const MESSAGE_BYTES: usize = 1024;

/// A bucket of tokens that fills at a steady rate. Who takes more than there are waits until it is full again to zero.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled: Duration,
}

impl Pace {
    /// A full bucket at `now`, the time since any fixed moment.
    pub(super) fn new(per_second: u32, burst: u32, now: Duration) -> Self {
        let burst = f64::from(burst);
        Self {
            per_second: f64::from(per_second.max(1)),
            burst,
            tokens: burst,
            filled: now,
        }
    }

    /// Takes the tokens of what came, so many messages' worth, and says how long its sender is not listened to.
    pub(super) fn spend(&mut self, now: Duration, tokens: u32) -> Duration {
        let passed = now.saturating_sub(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst) - f64::from(tokens);
        self.filled = self.filled.max(now);
        if self.tokens >= 0.0 {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(-self.tokens / self.per_second).unwrap_or(Duration::MAX)
    }
}

/// How many messages one of this size counts for.
pub(super) fn cost(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(MESSAGE_BYTES).max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let mut pace = Pace::new(10, 20, SECOND);
        for _ in 0..20 {
            assert_eq!(pace.spend(SECOND, 1), Duration::ZERO);
        }
        assert_eq!(pace.spend(SECOND, 1), SECOND / 10);
        assert_eq!(pace.spend(SECOND, 4), SECOND / 2);
        // Half a second has paid for it, and the next costs again.
        assert_eq!(pace.spend(3 * SECOND / 2, 1), SECOND / 10);
        // A long rest fills the bucket and no more.
        assert_eq!(pace.spend(1000 * SECOND, 20), Duration::ZERO);
        assert_eq!(pace.spend(1000 * SECOND, 10), SECOND);
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_does_no_harm() {
        let mut pace = Pace::new(0, 1, SECOND);
        assert_eq!(pace.spend(SECOND, 1), Duration::ZERO);
        assert_eq!(pace.spend(Duration::ZERO, 1), SECOND);
        assert_eq!(pace.spend(SECOND, 0), SECOND);
    }

    #[test]
    fn a_long_message_counts_as_several() {
        let costs = [0, 1, 1024, 1025, 64 * 1024, usize::MAX].map(cost);
        assert_eq!(costs, [1, 1, 1, 2, 64, u32::MAX]);
    }
}
