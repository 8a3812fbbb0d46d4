//! PURE. What the log was told already, so that a stranger cannot fill it.

use std::{collections::HashSet, time::Duration};

/// How many things are told until all are forgotten.
const MAX_TOLD: usize = 32;
/// How long nothing is told then.
const FORGET_AFTER: Duration = Duration::from_secs(60 * 60);
/// The longest that is told of.
const MAX_BYTES: usize = 300;

/// What the log was told already: each thing once, and no more than 32 of them in an hour.
#[derive(Debug, Default)]
pub(crate) struct Told {
    told: HashSet<String>,
    since: Duration,
}

impl Told {
    /// Whether this is to be told now, at the time since any fixed moment. It counts as told from then on.
    pub(crate) fn is_new(&mut self, now: Duration, what: &str) -> bool {
        if what.len() > MAX_BYTES || self.told.contains(what) {
            return false;
        }
        if self.told.len() >= MAX_TOLD {
            if now.saturating_sub(self.since) < FORGET_AFTER {
                return false;
            }
            self.told.clear();
        }
        if self.told.is_empty() {
            self.since = now;
        }
        self.told.insert(what.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_told_once_and_not_too_many() {
        let mut told = Told::default();
        assert!(told.is_new(Duration::ZERO, "a"));
        assert!(!told.is_new(Duration::ZERO, "a"));
        assert!(!told.is_new(Duration::ZERO, &"x".repeat(1000)));
        let count = |told: &mut Told, seconds: u64| {
            let now = Duration::from_secs(seconds);
            (0..1000)
                .filter(|n| told.is_new(now, &format!("{seconds} {n}")))
                .count()
        };
        assert_eq!(count(&mut told, 1), 31);
        assert_eq!(count(&mut told, 3599), 0);
        assert_eq!(count(&mut told, 3600), 32);
        assert!(!told.is_new(Duration::from_secs(3601), "a"));
    }
}
