//! Paces the connectivity checks of one ICE agent (RFC 8445 §14).
//!
//! The library checks each pair of addresses every 20 ms, so that a peer who names many addresses makes this end send
//! thousands of packets a second to whoever is there. Here the newest check of each path is held, and one leaves
//! every Ta. Checks on a path that has answered leave at once while there is room: they are keep-alives and nominations.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::path::Path;

/// Ta: the time between two checks of the agent (RFC 8445 §14.2 allows 5 ms and more).
pub(super) const TA: Duration = Duration::from_millis(5);

/// The shortest time after which a path is checked again without an answer (RFC 8445 §14.3).
const MIN_RTO: Duration = Duration::from_millis(500);

/// How long a path that has answered counts as one whose owner wants to be checked (RFC 7675 §5.1).
const CONSENT: Duration = Duration::from_secs(30);

/// The checks that may leave in any one second: of paths that were checked before, of those and new ones, and of all
/// with those that the peer's own checks ask for. Who is new or asked for finds room this way, however many wait.
const AGAIN_PER_SECOND: usize = 20;
const NEW_PER_SECOND: usize = 36;
pub(super) const PER_SECOND: usize = 46;
const SECOND: Duration = Duration::from_secs(1);

/// The most paths that are paced; checks on more are dropped. 32 candidates of the peer make 256 with eight own
/// addresses.
const MAX_PATHS: usize = 512;

/// A held check is worth sending this long. The library makes a new one every 20 ms while it wants one, and one alone
/// for each check of the peer's.
const STALE: Duration = Duration::from_millis(250);

/// How long a check of the peer's asks for one in return (RFC 8445 §7.3.1.4).
const ASKED_FOR: Duration = Duration::from_secs(1);

/// A path that was not checked for this long makes room for another.
const FORGOTTEN: Duration = Duration::from_secs(5);

/// What becomes of a check that the library sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paced {
    /// It leaves now.
    Now,
    /// It is held, in the place of an older one on the same path.
    Held,
    /// There are too many paths, or one left on this path a moment ago.
    Dropped,
}

#[derive(Debug)]
struct Entry {
    path: Path,
    /// The whole datagram, with what a TURN server takes off.
    held: Vec<u8>,
    held_at: Option<Instant>,
    sent: Option<Instant>,
    asked: Option<Instant>,
    answered: Option<Instant>,
}

impl Entry {
    fn is_answered(&self, now: Instant) -> bool {
        is_within(self.answered, now, CONSENT)
    }

    fn is_held(&self, now: Instant) -> bool {
        is_within(self.held_at, now, STALE)
    }

    fn is_asked(&self, now: Instant) -> bool {
        is_within(self.asked, now, ASKED_FOR)
    }
}

fn is_within(at: Option<Instant>, now: Instant, time: Duration) -> bool {
    at.is_some_and(|at| now.saturating_duration_since(at) <= time)
}

/// The checks of a connection.
#[derive(Debug, Default)]
pub(super) struct CheckPacer {
    entries: Vec<Entry>,
    /// When the last checks left, the oldest first; of more than [`PER_SECOND`] the last ones.
    sent: VecDeque<Instant>,
}

impl CheckPacer {
    /// Takes a check that the library sends; `datagram` is what leaves for it.
    pub(super) fn offer(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Paced {
        let Some(at) = self.entry(now, path) else {
            return Paced::Dropped;
        };
        let entry = &mut self.entries[at];
        if entry.is_answered(now) {
            if entry.sent.is_some_and(|sent| now < sent + TA) {
                return Paced::Dropped;
            }
            let oldest = self.sent.len().checked_sub(PER_SECOND);
            if oldest.is_none_or(|at| now >= self.sent[at] + SECOND) {
                entry.sent = Some(now);
                self.note_sent(now);
                return Paced::Now;
            }
        }
        entry.held.clear();
        entry.held.extend_from_slice(datagram);
        entry.held_at = Some(now);
        Paced::Held
    }

    /// Notes an authentic check of the peer's: one in return is sent first (a triggered check, RFC 8445 §7.3.1.4).
    pub(super) fn asked(&mut self, now: Instant, path: Path) {
        if let Some(at) = self.entry(now, path) {
            self.entries[at].asked = Some(now);
        }
    }

    /// Notes that a check on this path was answered.
    pub(super) fn answered(&mut self, now: Instant, path: Path) {
        if let Some(at) = self.entry(now, path) {
            let entry = &mut self.entries[at];
            entry.answered = Some(now);
            entry.held_at = None;
            // What follows an answer, a nomination most often, need not keep its distance to what was answered.
            entry.sent = None;
        }
    }

    /// Forgets all paths, when the sockets are replaced. What left in the last second still counts.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Returns whether checks are held.
    pub(super) fn is_holding(&self) -> bool {
        self.entries.iter().any(|entry| entry.held_at.is_some())
    }

    /// The next check that is due, which counts as sent.
    pub(super) fn poll(&mut self, now: Instant) -> Option<(Path, &[u8])> {
        self.forget(now);
        if self.sent.back().is_some_and(|last| now < *last + TA) {
            return None;
        }
        let rto = self.rto(now);
        let due = |entry: &Entry| self.due(entry, now, rto).is_some_and(|due| due <= now);
        let candidates = self.entries.iter().enumerate();
        // Those that the peer asks for, then those that were never checked, then those that wait the longest; of equal
        // ones those within one network, then those that the library knew first.
        let (at, _) = candidates
            .filter(|(_, entry)| due(entry))
            .min_by_key(|(_, entry)| match entry.is_asked(now) {
                true => (0, entry.asked, false),
                false => (1, entry.sent, !entry.path.is_near()),
            })?;
        self.note_sent(now);
        let entry = &mut self.entries[at];
        entry.sent = Some(now);
        entry.asked = None;
        entry.held_at = None;
        Some((entry.path, &entry.held))
    }

    /// When [`poll`](Self::poll) is to be asked again; `None`: not before another check is held.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        let rto = self.rto(now);
        let entries = self.entries.iter();
        let due = entries
            .filter_map(|entry| self.due(entry, now, rto))
            .min()?;
        let spaced = self.sent.back().map(|last| *last + TA);
        Some(spaced.map_or(due, |spaced| due.max(spaced)))
    }

    /// When a held check may leave, the distance to the one before aside; `None`: nothing is held on this path.
    fn due(&self, entry: &Entry, now: Instant, rto: Duration) -> Option<Instant> {
        if !entry.is_held(now) {
            return None;
        }
        let (rested, per_second) = match (entry.is_asked(now), entry.sent) {
            (true, _) => (now, PER_SECOND),
            (false, None) => (now, NEW_PER_SECOND),
            (false, Some(sent)) => (sent + rto, AGAIN_PER_SECOND),
        };
        let room = match self.sent.len().checked_sub(per_second) {
            // The one that has to be a second old before another may leave.
            Some(at) => self.sent[at] + SECOND,
            None => now,
        };
        Some(rested.max(room))
    }

    /// RTO as RFC 8445 §14.3 has it, for all paths on which a check waits.
    fn rto(&self, now: Instant) -> Duration {
        let waiting = self.entries.iter().filter(|entry| {
            !entry.is_answered(now) && (entry.is_held(now) || is_within(entry.sent, now, MIN_RTO))
        });
        let count = u32::try_from(waiting.count()).unwrap_or(u32::MAX);
        MIN_RTO.max(TA.saturating_mul(count))
    }

    fn note_sent(&mut self, now: Instant) {
        if self.sent.len() == PER_SECOND {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }

    /// Drops what has become stale.
    fn forget(&mut self, now: Instant) {
        for entry in &mut self.entries {
            if !entry.is_held(now) {
                entry.held_at = None;
            }
        }
        while self.sent.front().is_some_and(|at| now >= *at + SECOND) {
            self.sent.pop_front();
        }
    }

    /// The place of a path; `None`: there is no room for it.
    fn entry(&mut self, now: Instant, path: Path) -> Option<usize> {
        if let Some(at) = self.entries.iter().position(|entry| entry.path == path) {
            return Some(at);
        }
        if self.entries.len() == MAX_PATHS {
            let is_idle = |entry: &Entry| {
                !entry.is_answered(now)
                    && !entry.is_held(now)
                    && !entry.is_asked(now)
                    && !is_within(entry.sent, now, FORGOTTEN)
            };
            let at = self.entries.iter().position(is_idle)?;
            self.entries.swap_remove(at);
        }
        self.entries.push(Entry {
            path,
            held: Vec::new(),
            held_at: None,
            sent: None,
            asked: None,
            answered: None,
        });
        Some(self.entries.len() - 1)
    }
}

#[cfg(test)]
mod tests;
