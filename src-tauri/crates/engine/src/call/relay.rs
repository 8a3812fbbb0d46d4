//! What the relay says: the way into the room, back into it, and out of it.

use std::time::Instant;

use ahoy_contract::{
    ErrorCode, Nonce, PeerId,
    ui::{EndReason, PeerState},
    wire::{ClientMessage, IceServer, Member, RelayMessage, VERSION},
};

use super::{
    Call, Event, Output, Part, RELAY_LOST_AFTER, RELAY_PATIENCE, RETRY_AFTER, Socket, SocketEnd,
    Welcomed, auth::End, members::Arrived, roster::Roster, view,
};

/// As many nonces of its own joins before as an end remembers: what is under way is seconds old.
const MAX_FORMER: usize = 4;

impl Call {
    pub(super) fn socket_open(&mut self, now: Instant) {
        self.socket = Socket::Greeting {
            until: now + RELAY_PATIENCE,
        };
        self.outputs.push_back(Output::Send(ClientMessage::Hello {
            version: VERSION,
            app: self.config.app.clone(),
            resume: self.welcomed.as_ref().map(|last| last.token.clone()),
            ack: self.welcomed.as_ref().map(|_| self.last_n),
        }));
    }

    pub(super) fn socket_closed(&mut self, now: Instant, end: SocketEnd) {
        let talking = self.is_talking();
        if end == SocketEnd::NotTrusted && !talking {
            self.refuse(ErrorCode::RelayNotTrusted);
            return;
        }
        let lost_since = *self.lost_since.get_or_insert(now);
        let was_in = self.was_in();
        // A first attempt that fails is told at once: the user has the link before them and can look at it.
        if !talking && (!was_in || now.duration_since(lost_since) >= RELAY_LOST_AFTER) {
            self.outputs
                .push_back(Output::Event(Event::Error(view::sentence(
                    ErrorCode::RelayUnreachable,
                ))));
            let code = ErrorCode::RelayUnreachable;
            self.end(if was_in {
                EndReason::Network
            } else {
                EndReason::Refused { code }
            });
            return;
        }
        let wait = RETRY_AFTER[self.attempts.min(RETRY_AFTER.len() - 1)];
        self.attempts += 1;
        self.socket = Socket::Retry { at: now + wait };
        self.outputs.push_back(Output::View);
    }

    /// Whether media flows with anybody, or did a moment ago: then nothing that the relay does ends the call.
    fn is_talking(&self) -> bool {
        let mut peers = self.peers.values();
        peers.any(|peer| peer.ever_connected && peer.is_alive())
    }

    /// Whether this end was in the room, or at its door.
    pub(super) fn was_in(&self) -> bool {
        self.joined_once || self.at_the_door
    }

    /// Whether what is said to others now reaches the relay in time.
    pub(super) fn can_signal(&self) -> bool {
        matches!(self.socket, Socket::Joined | Socket::Resuming { .. }) && self.next.is_none()
    }

    pub(super) fn relay(&mut self, now: Instant, message: RelayMessage) {
        match message {
            RelayMessage::Welcome {
                peer,
                challenge,
                ice_servers,
                resume,
                resumed,
            } => {
                if !matches!(self.socket, Socket::Greeting { .. }) {
                    return;
                }
                self.welcomed = Some(Welcomed {
                    token: resume,
                    challenge,
                });
                self.welcome(now, peer, ice_servers, resumed);
            }
            RelayMessage::Room {
                kind,
                host,
                peers,
                count,
                locked,
                ..
            } => {
                let roster = Roster {
                    kind,
                    host,
                    peers,
                    count,
                    locked,
                };
                self.roster(now, roster);
            }
            RelayMessage::Joined(member) => self.viewer_came(now, member),
            RelayMessage::Left { peer } => {
                if self.door.gone(&peer) {
                    self.outputs.push_back(Output::View);
                }
                self.missing(now, &peer, false);
            }
            RelayMessage::Knock {
                peer,
                name,
                nonce,
                mac,
            } => {
                if self.next.as_ref().or(self.me.as_ref()).map(|me| &me.peer) == Some(&peer) {
                    self.must_wait();
                } else {
                    self.join_requested(&Member {
                        peer,
                        name,
                        nonce,
                        mac,
                        order: 0,
                    });
                }
            }
            RelayMessage::Signal {
                from,
                n,
                seq,
                body,
                sig,
            } => {
                // What still comes for a place that this end has left is not counted with the new one's.
                if self.next.is_none() {
                    self.last_n = self.last_n.max(n);
                    self.outputs
                        .push_back(Output::Send(ClientMessage::Ack { n }));
                }
                self.signal_arrived(now, &from, &Arrived { seq, body, sig });
            }
            RelayMessage::Error { code, .. } => self.relay_error(now, code),
            RelayMessage::Created { .. } | RelayMessage::Found { .. } => {}
        }
    }

    fn welcome(&mut self, now: Instant, peer: PeerId, ice_servers: Vec<IceServer>, resumed: bool) {
        let turn = ice_servers.iter().any(IceServer::is_usable_turn);
        if self.config.needs_turn && !turn && !self.was_in() {
            // No way can be found, so nobody has to wait for one.
            self.refuse(ErrorCode::TurnMissing);
            return;
        }
        self.ice_servers = ice_servers;
        self.door.relay_is_back();
        let known = self.next.as_ref().or(self.me.as_ref());
        match known.filter(|me| me.peer == peer).cloned() {
            Some(_) if resumed && self.was_in() => {
                self.socket = Socket::Resuming {
                    until: now + RELAY_PATIENCE,
                };
                // Whether a join that was under way has reached the relay is not known.
                let unsure = self.next.is_some() && self.me.is_some();
                if unsure || self.moved && self.any_lost() {
                    self.join_anew(now);
                }
            }
            // The relay has forgotten everything but the id. Under the same nonce this end is the same member for the
            // others, and what flows goes on. Where nothing flows, new connections are the better ones.
            Some(me) => {
                self.last_n = 0;
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
        let Some(peer) = self.me.as_ref().map(|me| me.peer.clone()) else {
            return;
        };
        self.moved = false;
        self.last_n = 0;
        self.lost_since.get_or_insert(now);
        self.socket = Socket::Greeting {
            until: now + RELAY_PATIENCE,
        };
        self.door.relay_is_back();
        self.outputs.push_back(Output::Send(ClientMessage::Leave));
        let nonce = self.fresh_nonce();
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
    fn must_wait(&mut self) {
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

    fn relay_error(&mut self, now: Instant, code: ErrorCode) {
        let greeting = matches!(
            self.socket,
            Socket::Greeting { .. } | Socket::Resuming { .. }
        );
        let entering = greeting || self.socket == Socket::AtTheDoor;
        let talking = self.is_talking();
        // Not in this room now, but perhaps soon: it may be on its way back, or hold a ghost of this end's old socket.
        let may_pass = match code {
            ErrorCode::NotFound
            | ErrorCode::RoomFull
            | ErrorCode::Busy
            | ErrorCode::RateLimited => talking && entering || greeting && self.was_in(),
            ErrorCode::Locked => talking && entering,
            _ => false,
        };
        match code {
            // A signal crossed the leaving of its addressee.
            ErrorCode::NoSuchPeer => {}
            // The answer to a leave that was only to be sure.
            ErrorCode::NotInRoom if greeting => {}
            _ if may_pass => self.try_later(now),
            ErrorCode::RoomFull if greeting && self.may_become_free(now) => {}
            _ if entering => self.refuse(code),
            // The room is gone. Whoever talks goes on, and looks whether it comes back.
            ErrorCode::NotFound | ErrorCode::NotInRoom if talking => self.try_later(now),
            ErrorCode::Removed | ErrorCode::NotFound | ErrorCode::NotInRoom => self.refuse(code),
            ErrorCode::RoomFull if self.is_host() && self.door.full() => {
                let error = view::sentence(code);
                self.outputs.push_back(Output::Event(Event::Error(error)));
                self.outputs.push_back(Output::View);
            }
            // The relay refused one message; the call itself goes on.
            _ => self
                .outputs
                .push_back(Output::Event(Event::Error(view::sentence(code)))),
        }
    }

    fn try_later(&mut self, now: Instant) {
        self.outputs.push_back(Output::Disconnect);
        self.socket_closed(now, SocketEnd::Lost);
    }

    /// The nonce of a join, or of a connection's words.
    pub(super) fn fresh_nonce(&mut self) -> Nonce {
        (self.nonces)()
    }
}
