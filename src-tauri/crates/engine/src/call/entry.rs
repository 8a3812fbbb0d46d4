//! Entry to the room by proof: only a member that proves that it has the link is talked to.
//!
//! Anybody who knows a room's id can join it at the relay. A member without a valid proof
//! ([`join_bytes`](ahoy_contract::join_bytes)) gets no connection and no signal from this end, and the host has the
//! relay remove it, so that strangers cannot hold the seats of guests.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use ahoy_contract::{Nonce, PeerId, PublicKey, wire::Member};

use super::{Call, Output, RELAY_PATIENCE, Socket};

/// The time after which the relay is asked once more to remove a member that it still shows.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The most members whose removal is remembered; more than a room holds come only from a relay that means harm.
const MAX_EVICTIONS: usize = 1024;

/// The time for which a guest waits for a seat in a full room: a host removes a stranger within one round trip, so a
/// room that stays full is full of people.
const SEAT_PATIENCE: Duration = Duration::from_secs(2);

/// The time between two attempts to get such a seat.
const SEAT_RETRY: Duration = Duration::from_millis(200);

/// The members whose removal the relay was asked for, and when.
#[derive(Debug, Default)]
pub(super) struct Evictions {
    asked: BTreeMap<(PeerId, Nonce), Instant>,
}

impl Evictions {
    /// Forgets the members that the relay does not show any more.
    pub(super) fn keep(&mut self, shown: &[(Member, Option<PublicKey>)]) {
        self.asked.retain(|(peer, nonce), _| {
            let mut shown = shown.iter();
            shown.any(|(member, _)| member.peer == *peer && member.nonce == *nonce)
        });
    }

    /// Returns true if the relay should be asked now to remove a member, and notes that it was.
    fn is_due(&mut self, now: Instant, member: &Member) -> bool {
        let join = (member.peer.clone(), member.nonce.clone());
        let due = self
            .asked
            .get(&join)
            .is_none_or(|at| *at + ASK_AGAIN <= now);
        if due {
            if self.asked.len() >= MAX_EVICTIONS {
                self.asked.clear();
            }
            self.asked.insert(join, now);
        }
        due
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
        if self.evictions.is_due(now, member) {
            self.tell_removed(&member.peer);
        }
        false
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

    /// Decides what a guest does that finds the room full before it was ever in it. Returns true if it waits for a seat.
    pub(super) fn may_become_free(&mut self, now: Instant) -> bool {
        let since = *self.full_since.get_or_insert(now);
        let waits = !self.is_host() && !self.was_in() && now < since + SEAT_PATIENCE;
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
