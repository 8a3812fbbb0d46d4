//! PURE. How many messages a socket may send: a token bucket.

use std::time::Duration;

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is heard.
    Pass,
    /// It is not heard, and its sender is told so: the first after one that was heard.
    Refuse,
    /// It is not heard; its sender has been told.
    Ignore,
    /// Its sender does not stop: the socket is closed.
    Close,
}

/// A bucket of tokens that fills at a steady rate; a message takes one or more.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled: Duration,
    // Messages that were not heard since the last one that was.
    refused: f64,
}

impl Flow {
    /// A full bucket at `now`, the time since any fixed moment.
    pub(crate) fn new(per_second: u32, burst: u32, now: Duration) -> Self {
        Self {
            per_second: f64::from(per_second),
            burst: f64::from(burst),
            tokens: f64::from(burst),
            filled: now,
            refused: 0.0,
        }
    }

    /// Takes the tokens of one message. A socket that has sent as many messages as the bucket holds
    /// without one being heard is not worth the reading.
    pub(crate) fn take(&mut self, now: Duration, tokens: u32) -> Verdict {
        let passed = now.saturating_sub(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        self.filled = now;
        let tokens = f64::from(tokens).min(self.burst);
        if self.tokens >= tokens {
            self.tokens -= tokens;
            self.refused = 0.0;
            return Verdict::Pass;
        }
        self.refused += 1.0;
        if self.refused > self.burst {
            Verdict::Close
        } else if self.refused == 1.0 {
            Verdict::Refuse
        } else {
            Verdict::Ignore
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let mut flow = Flow::new(10, 20, SECOND);
        for _ in 0..20 {
            assert_eq!(flow.take(SECOND, 1), Verdict::Pass);
        }
        assert_eq!(flow.take(SECOND, 1), Verdict::Refuse);
        assert_eq!(flow.take(SECOND, 1), Verdict::Ignore);
        // A second brings ten, however long the socket was told to wait.
        for _ in 0..10 {
            assert_eq!(flow.take(2 * SECOND, 1), Verdict::Pass);
        }
        assert_eq!(flow.take(2 * SECOND, 1), Verdict::Refuse);
    }

    #[test]
    fn who_does_not_stop_is_closed() {
        let mut flow = Flow::new(1, 5, SECOND);
        let verdicts: Vec<_> = (0..12).map(|_| flow.take(SECOND, 1)).collect();
        assert_eq!(verdicts.iter().filter(|v| **v == Verdict::Pass).count(), 5);
        assert_eq!(
            verdicts.iter().filter(|v| **v == Verdict::Refuse).count(),
            1
        );
        assert_eq!(verdicts.last(), Some(&Verdict::Close));
    }

    #[test]
    fn a_message_may_cost_more_than_one() {
        let mut flow = Flow::new(1, 10, SECOND);
        assert_eq!(flow.take(SECOND, 8), Verdict::Pass);
        assert_eq!(flow.take(SECOND, 8), Verdict::Refuse);
        assert_eq!(flow.take(SECOND, 2), Verdict::Pass);
        // One that costs more than the bucket holds passes when the bucket is full.
        assert_eq!(flow.take(11 * SECOND, 100), Verdict::Pass);
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_does_no_harm() {
        let mut flow = Flow::new(1, 1, SECOND);
        assert_eq!(flow.take(SECOND, 1), Verdict::Pass);
        assert_eq!(flow.take(Duration::ZERO, 1), Verdict::Refuse);
    }
}
