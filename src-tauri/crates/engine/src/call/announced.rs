//! Device states that a member announces, shown no more often than anybody can see.

use std::time::{Duration, Instant};

use super::token_bucket::{Allowance, TokenBucket};

/// The changes of one member that are shown. Each makes a view, which holds all of the chat.
const CHANGES: Allowance = Allowance {
    burst: 32,
    every: Duration::from_millis(100),
};

/// The devices of a member, by its own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Devices {
    pub(super) muted: bool,
    pub(super) camera_off: bool,
    pub(super) screen: bool,
}

/// The devices as they are shown, and as they were announced last.
#[derive(Debug, Default)]
pub(super) struct Announced {
    shown: Devices,
    last: Devices,
    budget: TokenBucket,
    due: Option<Instant>,
}

impl Announced {
    /// Returns the devices as they are to be shown.
    pub(super) fn shown(&self) -> Devices {
        self.shown
    }

    /// Takes an announcement. Returns true if what is shown has changed; where that was too often lately, it is shown
    /// when [`deadline`](Self::deadline) has come.
    pub(super) fn change(&mut self, now: Instant, change: impl FnOnce(&mut Devices)) -> bool {
        change(&mut self.last);
        self.settle(now)
    }

    /// Shows what was announced last, if it may be. Returns true if what is shown has changed.
    pub(super) fn settle(&mut self, now: Instant) -> bool {
        if self.last == self.shown {
            self.due = None;
            return false;
        }
        if self.due.is_some_and(|due| due > now) {
            return false;
        }
        if !self.budget.take(now, CHANGES) {
            self.due = Some(now + CHANGES.every);
            return false;
        }
        self.due = None;
        self.shown = self.last;
        true
    }

    /// Returns when an announcement that waits is to be shown.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }
}
