//! What the relay says: the way into the room and out of it, and who else is there.

use std::time::Instant;

use ahoy_contract::{
    ErrorCode, PeerId, PublicKey,
    ui::EndReason,
    wire::{ClientMessage, Host, Member, RelayMessage, VERSION},
};

use super::{
    Call, Event, MAX_MEMBERS, Output, Part, RELAY_LOST_AFTER, RELAY_PATIENCE, RETRY_AFTER, Socket,
    SocketEnd, auth::End, members::Arrived, view,
};
use ahoy_contract::ui::PeerState;

impl Call {
    pub(super) fn socket_open(&mut self, now: Instant) {
        self.socket = Socket::Greeting {
            until: now + RELAY_PATIENCE,
        };
        self.outputs.push_back(Output::Send(ClientMessage::Hello {
            version: VERSION,
            app: self.config.app.clone(),
            resume: None,
            ack: None,
        }));
    }

    pub(super) fn socket_closed(&mut self, now: Instant, end: SocketEnd) {
        if end == SocketEnd::NotTrusted {
            self.refuse(ErrorCode::RelayNotTrusted);
            return;
        }
        let lost_since = *self.lost_since.get_or_insert(now);
        let talking = self
            .peers
            .values()
            .any(|peer| peer.state == PeerState::Connected);
        // A first attempt that fails is told at once: the user has the link before them and can look at it.
        if !talking && (!self.joined_once || now.duration_since(lost_since) >= RELAY_LOST_AFTER) {
            self.outputs
                .push_back(Output::Event(Event::Error(view::sentence(
                    ErrorCode::RelayUnreachable,
                ))));
            let code = ErrorCode::RelayUnreachable;
            self.end(if self.joined_once {
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

    pub(super) fn relay(&mut self, now: Instant, message: RelayMessage) {
        match message {
            RelayMessage::Welcome {
                peer,
                challenge,
                ice_servers,
                ..
            } => {
                if !matches!(self.socket, Socket::Greeting { .. }) {
                    return;
                }
                self.ice_servers = ice_servers;
                // A new socket is a new member: whoever knew the old one has to get to know this one.
                for id in self.peers.keys().cloned().collect::<Vec<_>>() {
                    self.remove_peer(&id, None);
                }
                self.numbers.clear();
                let nonce = self.fresh_nonce();
                self.me = Some(End {
                    peer,
                    nonce: nonce.clone(),
                });
                let name = self.config.name.clone();
                self.outputs
                    .push_back(Output::Send(match &self.config.part {
                        Part::Host {
                            key,
                            kind,
                            capacity,
                            knock,
                        } => ClientMessage::Create {
                            key: key.public(),
                            proof: key.prove(&challenge),
                            kind: *kind,
                            capacity: *capacity,
                            knock: *knock,
                            name,
                            nonce,
                        },
                        Part::Guest { role } => ClientMessage::Join {
                            room: self.config.room.clone(),
                            role: *role,
                            name,
                            nonce,
                        },
                    }));
            }
            RelayMessage::Room { host, peers, .. } => self.roster(now, host, peers),
            RelayMessage::Left { peer } => self.remove_peer(&peer, None),
            RelayMessage::Signal {
                from,
                n,
                seq,
                body,
                mac,
                sig,
            } => {
                self.outputs
                    .push_back(Output::Send(ClientMessage::Ack { n }));
                self.signal_arrived(
                    now,
                    &from,
                    &Arrived {
                        seq,
                        body,
                        mac,
                        sig,
                    },
                );
            }
            RelayMessage::Error { code, .. } => self.relay_error(now, code),
            // A room that knocks or broadcasts is not asked for yet.
            RelayMessage::Created { .. } | RelayMessage::Knock { .. } | RelayMessage::Joined(_) => {
            }
        }
    }

    fn roster(&mut self, now: Instant, host: Option<Host>, peers: Vec<Member>) {
        let Some(me) = self.me.as_ref() else { return };
        let me = me.peer.clone();
        self.host_present = host.is_some();
        let mut members: Vec<(Member, Option<PublicKey>)> = host
            .into_iter()
            .map(|host| (host.member, Some(host.key)))
            .collect();
        members.extend(peers.into_iter().map(|member| (member, None)));
        // More than a room holds comes only from a relay that means harm.
        members.truncate(MAX_MEMBERS);
        let Some(order) = members
            .iter()
            .find(|(member, _)| member.peer == me)
            .map(|(member, _)| member.order)
        else {
            // A roster without this end is of no use: it was removed, and hears so.
            return;
        };
        self.order = order;
        self.lost_since = None;
        self.attempts = 0;
        if self.socket != Socket::Joined {
            self.socket = Socket::Joined;
            self.joined_once = true;
            self.outputs.push_back(Output::Event(Event::Ready));
        }
        let gone: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(id, peer)| {
                !members
                    .iter()
                    .any(|(member, _)| member.peer == **id && member.nonce == peer.member.nonce)
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            self.remove_peer(&id, None);
        }
        for (member, key) in members {
            if member.peer != me && !self.peers.contains_key(&member.peer) {
                self.add_peer(now, member, key);
                if self.ended.is_some() {
                    return;
                }
            }
        }
        self.outputs.push_back(Output::View);
    }

    fn relay_error(&mut self, now: Instant, code: ErrorCode) {
        match (self.socket, code) {
            // A signal crossed the leaving of its addressee.
            (_, ErrorCode::NoSuchPeer) => {}
            // The room may be on its way back, or hold a ghost of this end's old socket.
            (
                Socket::Greeting { .. },
                ErrorCode::NotFound
                | ErrorCode::RoomFull
                | ErrorCode::Busy
                | ErrorCode::RateLimited,
            ) if self.joined_once => {
                self.outputs.push_back(Output::Disconnect);
                self.socket_closed(now, SocketEnd::Lost);
            }
            (Socket::Greeting { .. }, _) => self.refuse(code),
            (_, ErrorCode::Removed | ErrorCode::NotFound | ErrorCode::NotInRoom) => {
                self.refuse(code);
            }
            // The relay refused one message; the call itself goes on.
            _ => self
                .outputs
                .push_back(Output::Event(Event::Error(view::sentence(code)))),
        }
    }
}
