//! Entry to the room by proof: only a member that proves that it has the link is talked to.
//!
//! Anybody who knows a room's id can join it at the relay. A member without a valid proof
//! ([`join_bytes`](ahoy_contract::join_bytes)) gets no connection and no signal from this end, and the host has the
//! relay remove it, so that strangers cannot hold the seats of guests.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use ahoy_contract::{Nonce, PeerId, PublicKey, peer::Removed, wire::Member};

use super::{
    Call, Output, RELAY_PATIENCE, Socket,
    token_bucket::{Allowance, TokenBucket},
};

/// The time after which the relay is asked once more to remove a member that it still shows.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The most members whose removal is wanted; more than a room holds come only from a relay that means harm.
const MAX_EVICTIONS: usize = 1024;

/// The time for which a guest waits for a seat in a full room: a host removes a stranger within one round trip, so a
/// room that stays full is full of people.
const SEAT_PATIENCE: Duration = Duration::from_secs(2);

/// The time between two attempts to get such a seat.
const SEAT_RETRY: Duration = Duration::from_millis(200);

/// The requests for removals: a room full of strangers needs many, and a relay takes only so many messages.
const REQUESTS: Allowance = Allowance {
    burst: 64,
    every: Duration::from_micros(1_000_000 / 64),
};

/// The members whose removal the relay is asked for, as long as it shows them, and when that is due.
#[derive(Debug, Default)]
pub(super) struct Evictions {
    due: BTreeMap<(PeerId, Nonce), Instant>,
    budget: TokenBucket,
    /// When the budget allows the next one.
    blocked: Option<Instant>,
}

impl Evictions {
    /// Notes that a member that the relay shows has to go.
    pub(super) fn want(&mut self, now: Instant, member: &Member) {
        let join = (member.peer.clone(), member.nonce.clone());
        if self.due.len() < MAX_EVICTIONS {
            self.due.entry(join).or_insert(now);
        }
    }

    /// Forgets the members that the relay does not show any more.
    pub(super) fn keep(&mut self, shown: &[(Member, Option<PublicKey>)]) {
        self.due.retain(|(peer, nonce), _| {
            let mut shown = shown.iter();
            shown.any(|(member, _)| member.peer == *peer && member.nonce == *nonce)
        });
    }

    /// Forgets a member that has left.
    pub(super) fn gone(&mut self, peer: &PeerId) {
        self.due.retain(|(of, _), _| of != peer);
    }

    /// Forgets other joins of a member than the one that it is shown by.
    pub(super) fn keep_join(&mut self, shown: &Member) {
        self.due
            .retain(|(peer, nonce), _| *peer != shown.peer || *nonce == shown.nonce);
    }

    /// Forgets all: the relay is back, and shows who is there.
    pub(super) fn relay_is_back(&mut self) {
        self.due.clear();
    }

    /// Returns the next member whose removal the relay is to be asked for now.
    fn next(&mut self, now: Instant) -> Option<(PeerId, Nonce)> {
        let due = self.due.iter_mut().filter(|(_, at)| **at <= now);
        let (join, at) = due.min_by_key(|(_, at)| **at)?;
        if !self.budget.take(now, REQUESTS) {
            self.blocked = Some(now + REQUESTS.every);
            return None;
        }
        *at = now + ASK_AGAIN;
        Some(join.clone())
    }

    /// Returns when the next one is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let next = self.due.values().min()?;
        Some(self.blocked.map_or(*next, |blocked| blocked.max(*next)))
    }
}

impl Call {
    /// Checks the proof of a member that the relay shows for the first time. The host has one without a valid proof
    /// removed. A guest goes on with a host of that kind to the error that ends the call, unless media flows: then such a
    /// host is none.
    pub(super) fn is_proven(
        &mut self,
        now: Instant,
        member: &Member,
        key: Option<&PublicKey>,
    ) -> bool {
        if self.is_authentic(member, key) {
            return true;
        }
        if !self.is_host() {
            return key.is_some() && !self.is_talking();
        }
        self.evictions.want(now, member);
        false
    }

    /// Asks the relay to remove the members that have to go, once more where it has not done it.
    pub(super) fn evict(&mut self, now: Instant) {
        while self.socket == Socket::Joined
            && self.ended.is_none()
            && let Some((peer, nonce)) = self.evictions.next(now)
        {
            self.tell_removed(&peer);
            if self.door.sent_away.contains(&peer) {
                self.tell_others_again(&Removed { peer, nonce });
            }
        }
    }

    /// Handles a join request that the relay passes on. One without a valid proof is denied before anybody is asked.
    pub(super) fn join_requested(&mut self, member: &Member) {
        if !self.is_host() || self.auth.verify_join(member) {
            self.knocked(&member.peer, &member.name, None);
        } else {
            self.tell_admitted(&member.peer, false);
        }
    }

    /// Checks that the relay shows this end to all as it asked to be shown.
    pub(super) fn is_shown_as_sent(&self, shown: &Member) -> bool {
        shown.name == self.config.name && self.auth.verify_join(shown)
    }

    /// Decides what a guest does that finds the room full, for the first time or on its way back. Returns true if it waits
    /// for a seat on the same socket.
    pub(super) fn may_become_free(&mut self, now: Instant) -> bool {
        let since = *self.full_since.get_or_insert(now);
        let waits = !self.is_host() && self.next.is_some() && now < since + SEAT_PATIENCE;
        if waits {
            self.socket = Socket::Full {
                again: now + SEAT_RETRY,
            };
        }
        waits
    }

    /// Repeats the join of an end that found the room full.
    pub(super) fn join_again(&mut self, now: Instant) {
        let Some(end) = self.next.clone() else { return };
        self.socket = Socket::Greeting {
            until: now + RELAY_PATIENCE,
        };
        self.join(end);
        self.outputs.push_back(Output::View);
    }
}
