//! How much each member may send to each other one.
//!
//! Each pair has a limit of its own, so that whoever sends too much to one member takes nothing from what others may send
//! to it. Beside that each member of a call has one that all share who send to it, for the one that needs more at a time;
//! what a stranger takes from it others can do without. So little is a pair's own, for who leaves a room and comes back is
//! another pair.

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
/// What a viewer may send to the host of a broadcast, in signals of [`SIGNAL_BYTES`]. A dozen signals make a
/// connection.
pub(super) const OF_VIEWER: Rate = Rate {
    per_second: 10,
    at_once: 30,
};
/// What all viewers together may send to the host of a broadcast, in the same unit: hundreds come back at once, and
/// all that passes at once fits into what may wait for the host (`outbox`).
pub(super) const OF_VIEWERS: Rate = Rate {
    per_second: 1000,
    at_once: 4000,
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
