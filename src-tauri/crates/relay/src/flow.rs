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

/// A bucket of tokens that fills at a steady rate; a message takes one or more. What finds too few is
/// not heard and takes as many from a second bucket like the first, so that who sends at more than twice the rate
/// is closed in the end.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    per_second: f64,
    burst: f64,
    tokens: f64,
    patience: f64,
    filled: Duration,
    told: bool,
}

impl Flow {
    /// Full buckets at `now`, the time since any fixed moment.
    pub(crate) fn new(per_second: u32, burst: u32, now: Duration) -> Self {
        let burst = f64::from(burst);
        Self {
            per_second: f64::from(per_second),
            burst,
            tokens: burst,
            patience: burst,
            filled: now,
            told: false,
        }
    }

    /// Takes the tokens of one message. One that costs more than the bucket holds passes when it is full.
    pub(crate) fn take(&mut self, now: Duration, tokens: u32) -> Verdict {
        let filled = now.saturating_sub(self.filled).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + filled).min(self.burst);
        self.patience = (self.patience + filled).min(self.burst);
        self.filled = now;
        let tokens = f64::from(tokens).min(self.burst);
        if self.tokens >= tokens {
            self.tokens -= tokens;
            self.told = false;
            return Verdict::Pass;
        }
        if self.patience < tokens {
            return Verdict::Close;
        }
        self.patience -= tokens;
        if std::mem::replace(&mut self.told, true) {
            Verdict::Ignore
        } else {
            Verdict::Refuse
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
    fn who_sends_a_little_too_much_is_not_closed_and_who_sends_far_too_much_is() {
        // Whatever a message costs.
        for cost in [1, 10, 80] {
            let closed = |per_second: u32| {
                let mut flow = Flow::new(10 * cost, 20 * cost, Duration::ZERO);
                (0..1000).any(|n| flow.take(n * SECOND / per_second, cost) == Verdict::Close)
            };
            assert!(!closed(10));
            assert!(!closed(19));
            assert!(closed(21));
            assert!(closed(1000));
        }
    }

    #[test]
    fn a_message_may_cost_more_than_one() {
        let mut flow = Flow::new(1, 10, SECOND);
        assert_eq!(flow.take(SECOND, 8), Verdict::Pass);
        assert_eq!(flow.take(SECOND, 8), Verdict::Refuse);
        assert_eq!(flow.take(SECOND, 2), Verdict::Pass);
        // One that costs more than the bucket holds passes when the bucket is full.
        assert_eq!(flow.take(11 * SECOND, 100), Verdict::Pass);
        // And tries the patience as much.
        assert_eq!(flow.take(11 * SECOND, 100), Verdict::Refuse);
        assert_eq!(flow.take(11 * SECOND, 1), Verdict::Close);
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_does_no_harm() {
        let mut flow = Flow::new(1, 1, SECOND);
        assert_eq!(flow.take(SECOND, 1), Verdict::Pass);
        assert_eq!(flow.take(Duration::ZERO, 1), Verdict::Refuse);
    }
}
