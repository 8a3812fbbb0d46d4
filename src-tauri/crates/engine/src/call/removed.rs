//! The members that the host has sent away: the others hear of them from the host itself.

use std::{collections::VecDeque, time::Duration};

use ahoy_contract::{
    PeerId,
    peer::{ByeReason, DataMessage, Removed, SignalBody},
    wire::{ClientMessage, Member, RoomKind},
};

use super::{Call, Output, PeerOutput, Socket, door::Door, peer::Peer, token_bucket::Allowance};

/// The most joins that are remembered as sent away, the newest of them: a room has eight seats, and each that is sent
/// away may come back some times.
const MAX_REMOVED: usize = 64;

/// The most joins of one id among them, so that one that keeps coming back makes no other forgotten.
const MAX_OF_ONE: usize = 8;

/// The returns of those who were sent away that the others hear of.
const RETURNS: Allowance = Allowance {
    burst: 16,
    every: Duration::from_millis(250),
};

/// The joins that the host has sent away, the oldest first.
#[derive(Debug, Default)]
pub(super) struct RemovedJoins {
    joins: VecDeque<Removed>,
}

impl RemovedJoins {
    pub(super) fn contains(&self, join: &Removed) -> bool {
        self.joins.contains(join)
    }

    /// Notes a join. Returns true if it was not known.
    fn note(&mut self, join: &Removed) -> bool {
        if self.contains(join) {
            return false;
        }
        let same = |it: &&Removed| it.peer == join.peer;
        let too_many = self.joins.iter().filter(same).count() >= MAX_OF_ONE;
        let oldest = match too_many {
            true => self.joins.iter().position(|it| it.peer == join.peer),
            false => (self.joins.len() >= MAX_REMOVED).then_some(0),
        };
        if let Some(oldest) = oldest {
            self.joins.remove(oldest);
        }
        self.joins.push_back(join.clone());
        true
    }
}

impl Call {
    /// The user sends a member away.
    pub(super) fn send_away(&mut self, peer: &PeerId) {
        if !self.is_host() {
            return;
        }
        let Some(join) = self.peers.get(peer).map(|peer| join_of(&peer.member)) else {
            return;
        };
        self.door.admitted.remove(peer);
        Door::remember(&mut self.door.sent_away, peer);
        let reason = ByeReason::Removed;
        let bye = PeerOutput::Data(DataMessage::Bye { reason });
        self.outputs.push_back(Output::Peer(peer.clone(), bye));
        self.signal_bye(peer, reason);
        self.tell_removed(peer);
        self.remove_peer(peer, Some(reason));
        self.tell_others(&join);
    }

    /// The other members hear from the host itself whom it has sent away. That the relay does not show somebody any
    /// more ends no connection, and it may be away.
    pub(super) fn tell_others(&mut self, join: &Removed) {
        // Viewers of a broadcast have nothing to do with each other.
        if self.kind == RoomKind::Call && self.door.removed.note(join) {
            let others = self.peers.iter().filter(|(_, peer)| peer.is_alive());
            for id in others.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
                self.signal(&id, &SignalBody::Removed(join.clone()));
                self.say_soon(&id, DataMessage::Removed(join.clone()));
            }
        }
    }

    /// Tells the other members of one that was sent away and that the relay shows under another join, unless that
    /// happens all the time: then they hear of it when its turn comes, if it is still there.
    pub(super) fn tell_others_again(&mut self, join: &Removed) {
        let known = self.door.removed.contains(join);
        if !known && self.door.returns.take(self.now, RETURNS) {
            self.tell_others(join);
        }
    }

    /// Whom the host has sent away so far, for a member that this end can speak to from now on: it may have missed it,
    /// or have come later, and the relay may still show them.
    pub(super) fn all_removed(&self) -> Vec<DataMessage> {
        let removed = self.door.removed.joins.iter().filter(|_| self.is_host());
        removed.cloned().map(DataMessage::Removed).collect()
    }

    /// A member says that another was sent away, which only the host can do: the connection to that one ends, and no
    /// roster brings it back.
    pub(super) fn other_removed(&mut self, from: &PeerId, join: &Removed) {
        let from_host = self
            .peers
            .get(from)
            .is_some_and(|peer| peer.host_key.is_some());
        if self.is_host() || !from_host || join.peer == *from {
            return;
        }
        self.door.removed.note(join);
        let is_it = |peer: &Peer| {
            // The end that has come back as the one that was sent away is that one too.
            let successor = peer.successor.as_ref().map(|(member, _)| &member.nonce);
            peer.member.nonce == join.nonce || successor == Some(&join.nonce)
        };
        if self.peers.get(&join.peer).is_some_and(is_it) {
            self.remove_peer(&join.peer, Some(ByeReason::Removed));
        }
    }

    pub(super) fn tell_removed(&mut self, peer: &PeerId) {
        if self.socket == Socket::Joined {
            let peer = peer.clone();
            self.outputs
                .push_back(Output::Send(ClientMessage::Remove { peer }));
        }
    }
}

/// The join that a member is in the room by.
pub(super) fn join_of(member: &Member) -> Removed {
    Removed {
        peer: member.peer.clone(),
        nonce: member.nonce.clone(),
    }
}
