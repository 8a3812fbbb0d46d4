//! A token bucket: how many things may come at once, and how many after that.

use std::time::{Duration, Instant};

/// What a bucket allows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    /// So many at once.
    pub(super) burst: u32,
    /// After that one in this time.
    pub(super) every: Duration,
}

/// A token bucket, kept as the moment at which it is full again (the generic cell rate algorithm, ITU-T I.371 Annex A).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TokenBucket {
    full_at: Option<Instant>,
}

impl TokenBucket {
    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, now: Instant, allowed: Allowance) -> bool {
        let from = self.full_at.map_or(now, |at| at.max(now));
        let Some(full_at) = from.checked_add(allowed.every) else {
            return false;
        };
        let may = full_at - now <= allowed.every * allowed.burst;
        if may {
            self.full_at = Some(full_at);
        }
        may
    }

    /// Whether it holds as many tokens as it can: then it is as good as a new one.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_as_many_as_time_allows() {
        #[expect(clippy::disallowed_methods, reason = "any moment will do")]
        let start = Instant::now();
        let allowed = Allowance {
            burst: 20,
            every: Duration::from_millis(500),
        };
        let mut bucket = TokenBucket::default();
        let mut taken = |ms: u64, times: u32| {
            let now = start + Duration::from_millis(ms);
            (0..times).filter(|_| bucket.take(now, allowed)).count()
        };
        assert_eq!(taken(0, 1_000), 20);
        assert_eq!(taken(499, 10), 0);
        assert_eq!(taken(500, 10), 1);
        assert_eq!(taken(10_000, 100), 19);
        assert_eq!(
            taken(1_000_000, 100),
            20,
            "no more than the burst is saved up"
        );
        assert!(!bucket.is_full(start + Duration::from_millis(1_009_999)));
        assert!(bucket.is_full(start + Duration::from_millis(1_010_000)));
    }
}
