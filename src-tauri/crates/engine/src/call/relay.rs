//! Messages of the relay, and the state of the socket to it.

use std::time::Instant;

use ahoy_contract::{
    ErrorCode, PeerId,
    ui::{EndReason, PeerState},
    wire::{ClientMessage, Member, RelayMessage, VERSION},
};

use super::{
    Call, Event, Output, RELAY_LOST_AFTER, RELAY_PATIENCE, RETRY_AFTER, Socket, SocketEnd,
    Welcomed, acks::Acks, roster::Roster, signals::Arrived, view,
};

impl Call {
    pub(super) fn socket_open(&mut self, now: Instant) {
        self.socket = Socket::Greeting {
            until: now + RELAY_PATIENCE,
        };
        self.acks.told(self.last_n);
        self.outputs.push_back(Output::Send(ClientMessage::Hello {
            version: VERSION,
            app: self.config.app.clone(),
            resume: self.welcomed.as_ref().map(|last| last.token.clone()),
            ack: self.welcomed.as_ref().map(|_| self.last_n),
        }));
    }

    /// Tells the relay how far the signals have come.
    pub(super) fn tell_arrived(&mut self) {
        let n = self.last_n;
        self.acks.told(n);
        self.outputs
            .push_back(Output::Send(ClientMessage::Ack { n }));
    }

    pub(super) fn socket_closed(&mut self, now: Instant, end: SocketEnd) {
        self.acks = Acks::default();
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
    pub(super) fn is_talking(&self) -> bool {
        let mut peers = self.peers.values();
        peers.any(|peer| peer.ever_connected && peer.is_alive())
    }

    /// Checks whether the relay gives this end another id than the one by which it is connected to somebody.
    fn is_known_otherwise(&self, peer: &PeerId) -> bool {
        let known = self.next.as_ref().or(self.me.as_ref());
        let mut peers = self.peers.values();
        known.is_some_and(|me| me.peer != *peer)
            && peers.any(|peer| peer.state == PeerState::Connected)
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
                if self.is_known_otherwise(&peer) {
                    self.distrust(now, "another id");
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
                self.evictions.gone(&peer);
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
                    if self.acks.arrived(now, self.last_n) {
                        self.tell_arrived();
                    }
                }
                self.signal_arrived(now, &from, &Arrived { seq, body, sig });
            }
            RelayMessage::Error { code, .. } => self.relay_error(now, code),
            RelayMessage::Created { .. } | RelayMessage::Found { .. } => {}
        }
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
            | ErrorCode::RateLimited => greeting && self.was_in(),
            _ => false,
        };
        match code {
            // A signal crossed the leaving of its addressee.
            ErrorCode::NoSuchPeer => {}
            // The answer to a leave that was only to be sure.
            ErrorCode::NotInRoom if greeting => {}
            ErrorCode::RoomFull if greeting && self.may_become_free(now) => {}
            // The relay alone ends nothing that works, whatever it says.
            _ if may_pass || talking && entering => self.try_later(now),
            _ if entering => self.refuse(code),
            // The room or the place in it is gone. Whoever talks goes on, and looks whether it comes back. That the host
            // has sent this end away it hears from the host itself.
            ErrorCode::Removed | ErrorCode::NotFound | ErrorCode::NotInRoom if talking => {
                self.try_later(now);
            }
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

    /// Handles a relay that shows this end as what it is not while media flows: it counts as lost, and is tried again.
    pub(super) fn distrust(&mut self, now: Instant, what: &str) {
        tracing::warn!("the relay gives this end {what}; it is tried again later");
        self.try_later(now);
    }

    fn try_later(&mut self, now: Instant) {
        self.outputs.push_back(Output::Disconnect);
        self.socket_closed(now, SocketEnd::Lost);
    }
}
