//! Acknowledgements of signals to the relay, which keeps each signal until it is acknowledged.

use std::time::{Duration, Instant};

/// The signals that one acknowledgement covers: the relay keeps 64, and one for each would spend as many of this end's
/// messages as others send.
const AT_MOST: u64 = 16;

/// The time after which fewer are acknowledged.
const AFTER: Duration = Duration::from_secs(1);

/// The state of the acknowledgements on one socket.
#[derive(Debug, Default)]
pub(super) struct Acks {
    /// The last signal that the relay was told of.
    told: u64,
    due: Option<Instant>,
}

impl Acks {
    /// Notes how far the signals have come. Returns true if the relay is to be told now.
    pub(super) fn arrived(&mut self, now: Instant, last: u64) -> bool {
        let since = last.saturating_sub(self.told);
        if since > 0 {
            self.due.get_or_insert(now + AFTER);
        }
        since >= AT_MOST
    }

    /// Notes that the relay was told of all signals up to this one.
    pub(super) fn told(&mut self, last: u64) {
        self.told = last;
        self.due = None;
    }

    /// Returns when the relay is to be told.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// Returns true if the relay has to be told now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }
}
