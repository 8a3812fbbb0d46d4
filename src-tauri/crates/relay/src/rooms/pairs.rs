//! Limits on the signals that one member of a room sends to another.
//!
//! Each pair of sender and addressee has a budget of its own, so that a sender that sends too much takes nothing from the
//! others. Each addressee has a second budget, which all its senders share, for short bursts beyond their own; in a
//! broadcast only the host has one. The own budget is small because a member that leaves and joins again gets a new one.

use std::time::Duration;

use crate::{
    flow::{Flow, Verdict},
    token::Key,
};

/// A rate in the long run, in units per second, and how many units may come at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    per_second: u32,
    at_once: u32,
}

/// What one member of a call may send to another, in bytes: a description with its candidates is some 30 KiB.
pub(super) const OF_MEMBER: Rate = Rate {
    per_second: 16 * 1024,
    at_once: 64 * 1024,
};
/// What all members of a call may send to one beside that, in bytes.
pub(super) const OF_MEMBERS: Rate = Rate {
    per_second: 16 * 1024,
    at_once: 144 * 1024,
};
/// The own budget of a viewer for signals to the host of a broadcast, in signals of [`SIGNAL_BYTES`]: a connection needs a
/// dozen. All that 511 viewers may send at once, with what they share, fits into the host's outbox.
pub(super) const OF_VIEWER: Rate = Rate {
    per_second: 1,
    at_once: 16,
};
/// The budget that all viewers of a broadcast share, in the same unit.
pub(super) const OF_VIEWERS: Rate = Rate {
    per_second: 500,
    at_once: 1000,
};
/// A longer signal of a viewer counts as several: a description has some four thousand bytes.
const SIGNAL_BYTES: usize = 2048;

impl Rate {
    /// A full bucket for this rate.
    pub(super) fn flow(self) -> Flow {
        // Full from the beginning of time.
        Flow::new(self.per_second, self.at_once, Duration::ZERO)
    }
}

/// What a signal of so many bytes takes from [`OF_MEMBER`].
pub(super) fn member_cost(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// What a signal of so many bytes takes from [`OF_VIEWER`] and [`OF_VIEWERS`].
pub(super) fn viewer_cost(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(SIGNAL_BYTES)).unwrap_or(u32::MAX)
}

/// To whom one member has sent signals, with how much more it may send to each. It has at most one entry for each
/// member of a call, and in a broadcast one for the host. Holds no memory before the first signal.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    flows: Vec<(Key, Flow)>,
}

impl Pairs {
    /// Counts a signal to `to`; false when it is too much.
    pub(super) fn take(&mut self, now: Duration, to: Key, rate: Rate, cost: u32) -> bool {
        let known = self.flows.iter().position(|(key, _)| *key == to);
        let index = known.unwrap_or_else(|| {
            // Most calls are of two.
            self.flows.reserve_exact(1);
            self.flows.push((to, rate.flow()));
            self.flows.len() - 1
        });
        self.flows[index].1.take(now, cost) == Verdict::Pass
    }

    /// Whom it has sent something to.
    pub(super) fn addressees(&self) -> impl Iterator<Item = Key> {
        self.flows.iter().map(|(key, _)| *key)
    }

    /// Forgets a member that has left.
    pub(super) fn forget(&mut self, to: Key) {
        self.flows.retain(|(key, _)| *key != to);
        if self.flows.is_empty() {
            self.flows = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Token;

    const SECOND: Duration = Duration::from_secs(1);

    fn key(byte: u8) -> Key {
        Token::new([byte; 32]).key()
    }

    #[test]
    fn what_is_sent_to_one_takes_nothing_from_another() {
        let mut pairs = Pairs::default();
        let flood = member_cost(16 * 1024);
        let passed = (0..100).filter(|_| pairs.take(SECOND, key(1), OF_MEMBER, flood));
        assert_eq!(passed.count(), 4);
        assert!(pairs.take(SECOND, key(2), OF_MEMBER, flood));
        // A second brings one more.
        assert!(!pairs.take(3 * SECOND / 2, key(1), OF_MEMBER, flood));
        assert!(pairs.take(2 * SECOND, key(1), OF_MEMBER, flood));
        assert_eq!(pairs.addressees().collect::<Vec<_>>(), [key(1), key(2)]);
    }

    #[test]
    fn a_member_that_has_left_is_forgotten() {
        let mut pairs = Pairs::default();
        for n in 1..=7 {
            assert!(pairs.take(SECOND, key(n), OF_MEMBER, 1000));
        }
        for n in 1..=7 {
            pairs.forget(key(n));
        }
        assert_eq!(pairs.flows.capacity(), 0);
    }
}
