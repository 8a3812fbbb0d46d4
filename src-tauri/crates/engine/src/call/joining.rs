//! The way into the room, and back into it: as the member of before, or anew.

use std::time::Instant;

use ahoy_contract::{
    ErrorCode, Nonce, PeerId,
    ui::PeerState,
    wire::{ClientMessage, IceServer},
};

use super::{Call, Event, Output, Part, RELAY_PATIENCE, Socket, acks::Acks, auth::End};

/// As many nonces of its own joins before as an end remembers: what is under way is seconds old.
const MAX_FORMER: usize = 4;

impl Call {
    pub(super) fn welcome(
        &mut self,
        now: Instant,
        peer: PeerId,
        ice_servers: Vec<IceServer>,
        resumed: bool,
    ) {
        let turn = ice_servers.iter().any(IceServer::is_usable_turn);
        if self.config.needs_turn && !turn && !self.was_in() {
            // No way can be found, so nobody has to wait for one.
            self.refuse(ErrorCode::TurnMissing);
            return;
        }
        self.ice_servers = ice_servers;
        self.door.relay_is_back();
        self.evictions.relay_is_back();
        let known = self.next.as_ref().or(self.me.as_ref());
        match known.filter(|me| me.peer == peer).cloned() {
            Some(me) if resumed && self.was_in() => {
                self.socket = Socket::Resuming {
                    until: now + RELAY_PATIENCE,
                };
                // Whether a join that was under way has reached the relay is not known.
                let unsure = self.next.is_some() && self.me.is_some();
                if self.moved && self.any_lost() {
                    self.join_anew(now);
                } else if unsure && self.is_talking() {
                    // Under the nonce of that join, or a relay that is silent could end what flows.
                    self.leave_and_join(now, me.nonce);
                } else if unsure {
                    self.join_anew(now);
                }
            }
            // The relay has forgotten everything but the id. Under the same nonce this end is the same member for the
            // others, and what flows goes on. Where nothing flows, new connections are the better ones.
            Some(me) => {
                self.last_n = 0;
                self.acks = Acks::default();
                let flows = |state| self.peers.values().any(|peer| peer.state == state);
                let anew = self.moved && self.any_lost()
                    || self.any_lost() && !flows(PeerState::Connected);
                let nonce = if anew { self.fresh_nonce() } else { me.nonce };
                self.moved &= !anew;
                self.join(End { peer, nonce });
            }
            // Whoever knew the member that this end was has to get to know this one.
            None => {
                self.forget_peers();
                self.last_n = 0;
                self.acks = Acks::default();
                self.me = None;
                self.former.clear();
                let nonce = self.fresh_nonce();
                self.join(End { peer, nonce });
            }
        }
    }

    fn any_lost(&self) -> bool {
        let mut peers = self.peers.values();
        peers.any(|peer| peer.state == PeerState::Reconnecting)
    }

    /// The machine's addresses have changed.
    pub(super) fn network_changed(&mut self, now: Instant) {
        self.moved = !self.peers.is_empty();
        match self.socket {
            // The way that was waited for may be open now.
            Socket::Retry { .. } => self.socket = Socket::Retry { at: now },
            Socket::Joined | Socket::AtTheDoor => self.outputs.push_back(Output::Probe),
            _ => {}
        }
        self.follow_move(now);
    }

    /// Where the addresses have changed and a peer is lost, its connection cannot find a way any more: this end
    /// comes in anew, so that both ends make new ones.
    pub(super) fn follow_move(&mut self, now: Instant) {
        if self.moved && self.socket == Socket::Joined && self.any_lost() {
            self.join_anew(now);
        }
    }

    /// Leaves and comes back under a fresh nonce: every connection is made anew at both ends.
    fn join_anew(&mut self, now: Instant) {
        self.moved = false;
        let nonce = self.fresh_nonce();
        self.leave_and_join(now, nonce);
    }

    fn leave_and_join(&mut self, now: Instant, nonce: Nonce) {
        let Some(peer) = self.me.as_ref().map(|me| me.peer.clone()) else {
            return;
        };
        self.last_n = 0;
        self.acks = Acks::default();
        self.lost_since.get_or_insert(now);
        self.socket = Socket::Greeting {
            until: now + RELAY_PATIENCE,
        };
        self.door.relay_is_back();
        self.evictions.relay_is_back();
        self.outputs.push_back(Output::Send(ClientMessage::Leave));
        self.join(End { peer, nonce });
        self.outputs.push_back(Output::View);
    }

    /// Asks to come in as this end.
    pub(super) fn join(&mut self, end: End) {
        let Some(challenge) = self.welcomed.as_ref().map(|last| &last.challenge) else {
            return;
        };
        let (name, nonce) = (self.config.name.clone(), end.nonce.clone());
        let mac = self.auth.prove_join(&end, &name);
        let message = match &self.config.part {
            Part::Host {
                key,
                kind,
                capacity,
                ..
            } => ClientMessage::Create {
                key: key.public(),
                proof: key.prove(challenge, &self.config.relay, *kind, &nonce),
                kind: *kind,
                capacity: *capacity,
                knock: self.door.ask(),
                name,
                nonce,
                mac,
            },
            Part::Guest { role } => ClientMessage::Join {
                room: self.config.room.clone(),
                role: *role,
                name,
                nonce,
                mac,
            },
        };
        self.next = Some(end);
        self.outputs.push_back(Output::Send(message));
    }

    /// The relay has this end in its roster as it asked to be.
    pub(super) fn came_in(&mut self) {
        let Some(next) = self.next.take() else { return };
        if let Some(me) = self.me.take().filter(|me| me.nonce != next.nonce) {
            self.forget_peers();
            self.former.push_front(me.nonce);
            self.former.truncate(MAX_FORMER);
        }
        self.me = Some(next);
    }

    fn forget_peers(&mut self) {
        for id in self.peers.keys().cloned().collect::<Vec<_>>() {
            self.remove_peer(&id, None);
        }
        self.numbers.clear();
    }

    /// The host has to let this end in.
    pub(super) fn must_wait(&mut self) {
        let asked = matches!(
            self.socket,
            Socket::Greeting { .. } | Socket::Resuming { .. }
        );
        if self.is_host() || !asked {
            return;
        }
        self.socket = Socket::AtTheDoor;
        self.lost_since = None;
        self.attempts = 0;
        if !self.at_the_door {
            self.at_the_door = true;
            self.outputs.push_back(Output::Event(Event::AtTheDoor));
        }
        self.outputs.push_back(Output::View);
    }

    /// The nonce of a join, or of a connection's words.
    pub(super) fn fresh_nonce(&mut self) -> Nonce {
        (self.nonces)()
    }
}
