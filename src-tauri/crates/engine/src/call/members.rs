//! The other members as the call deals with them: who comes and goes, what their signals and connections say,
//! and what follows for the call.

use std::time::Instant;

use ahoy_contract::{
    ErrorCode, Nonce, PeerId, PublicKey,
    id::{Mac, Signature},
    peer::{ByeReason, DataMessage, SignalBody},
    ui::{EndReason, PeerState},
    wire::{ClientMessage, Member},
};

use super::{
    Call, Event, MAX_JOINS, Output, Part, PeerInput, PeerOutput, Socket,
    auth::{End, Signed},
    negotiation::Step,
    peer::{Ask, Peer},
    view,
};

/// A signal as the relay brought it.
pub(super) struct Arrived {
    pub(super) seq: u64,
    pub(super) body: String,
    pub(super) mac: Mac,
    pub(super) sig: Option<Signature>,
}

impl Call {
    /// Somebody is in the room who was not before.
    pub(super) fn add_peer(&mut self, now: Instant, member: Member, host_key: Option<PublicKey>) {
        let Some(me) = self.me.as_ref() else { return };
        let id = member.peer.clone();
        let polite = me.peer < id;
        let was_first = member.order < self.order;
        let name = member.name.clone();
        let authentic = match &host_key {
            Some(key) => ahoy_contract::RoomId::of_key(key) == self.config.room,
            None => true,
        };
        let join = (id.clone(), member.nonce.clone());
        let numbers = self.numbers.get(&join).copied();
        if numbers.is_none() && self.numbers.len() >= MAX_JOINS {
            tracing::warn!("the relay shows more members than come to any call");
            return;
        }
        let mut peer = Peer::new(
            member,
            host_key,
            polite,
            was_first,
            !self.config.only_answers,
        );
        (peer.sent, peer.received) = *self.numbers.entry(join).or_default();
        self.outputs.push_back(Output::Event(Event::PeerJoined {
            peer: id.clone(),
            name,
        }));
        if authentic {
            peer.start(now);
            let open = PeerOutput::Open {
                ice_servers: self.ice_servers.clone(),
            };
            self.outputs.push_back(Output::Peer(id.clone(), open));
            self.peers.insert(id.clone(), peer);
            self.with_peer(&id, |_| Ask::View);
        } else {
            self.peers.insert(id.clone(), peer);
            self.not_authentic(&id);
        }
    }

    /// Somebody is gone.
    pub(super) fn remove_peer(&mut self, id: &PeerId, reason: Option<ByeReason>) {
        if let Some(peer) = self.peers.remove(id) {
            let join = (id.clone(), peer.member.nonce.clone());
            self.numbers.insert(join, (peer.sent, peer.received));
            self.outputs
                .push_back(Output::Peer(id.clone(), PeerOutput::Close));
            let left = Event::PeerLeft {
                peer: id.clone(),
                name: peer.member.name,
                reason,
            };
            self.outputs.push_back(Output::Event(left));
            self.outputs.push_back(Output::View);
        }
    }

    /// A peer's connection did something.
    pub(super) fn peer(&mut self, now: Instant, id: &PeerId, input: PeerInput) {
        match input {
            PeerInput::Candidate(candidate) => {
                if self
                    .peers
                    .get(id)
                    .is_some_and(|peer| peer.state != PeerState::NotAuthentic)
                {
                    self.signal(id, &SignalBody::Candidate(candidate));
                }
            }
            PeerInput::DataOpen => {
                let (muted, camera_off) = self.local;
                self.with_peer(id, |peer| peer.connection(now, PeerInput::DataOpen));
                if let Some(peer) = self.peers.get_mut(id) {
                    let state = DataMessage::State { muted, camera_off };
                    let kept = std::mem::take(&mut peer.kept);
                    for message in std::iter::once(state).chain(kept) {
                        self.outputs
                            .push_back(Output::Peer(id.clone(), PeerOutput::Data(message)));
                    }
                }
            }
            input => {
                let connected = matches!(input, PeerInput::Connected);
                if connected && self.peers.contains_key(id) {
                    self.connected_at.get_or_insert(now);
                }
                self.with_peer(id, |peer| peer.connection(now, input));
            }
        }
    }

    /// A signal came. What does not prove where it comes from stops the peer.
    pub(super) fn signal_arrived(&mut self, now: Instant, from: &PeerId, arrived: &Arrived) {
        let (Some(me), Some(peer)) = (self.me.as_ref(), self.peers.get_mut(from)) else {
            // From somebody who has just left, or whom the relay made up.
            return;
        };
        if peer.state == PeerState::NotAuthentic {
            return;
        }
        let end = End {
            peer: from.clone(),
            nonce: peer.member.nonce.clone(),
        };
        let signed = Signed {
            from: &end,
            to: me,
            seq: arrived.seq,
            body: &arrived.body,
            mac: &arrived.mac,
            sig: arrived.sig.as_ref(),
        };
        let fresh = arrived.seq > peer.received;
        if !fresh || !self.auth.verify(&signed, peer.host_key.as_ref()) {
            self.not_authentic(from);
            return;
        }
        peer.received = arrived.seq;
        self.with_peer(from, |peer| peer.signal(now, &arrived.body));
    }

    /// Runs something on a peer, then does what its negotiation and the answer ask for.
    pub(super) fn with_peer(&mut self, id: &PeerId, run: impl FnOnce(&mut Peer) -> Ask) {
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        let ask = run(peer);
        while let Some(step) = self
            .peers
            .get_mut(id)
            .and_then(|peer| peer.negotiation.poll())
        {
            let output = match step {
                Step::CreateOffer { ice_restart } => PeerOutput::CreateOffer { ice_restart },
                Step::CreateAnswer => PeerOutput::CreateAnswer,
                Step::SetRemote(description) => PeerOutput::SetRemote(description),
                Step::AddCandidate(candidate) => PeerOutput::AddCandidate(candidate),
                Step::Send(description) => {
                    self.signal(id, &SignalBody::Description(description));
                    continue;
                }
            };
            self.outputs.push_back(Output::Peer(id.clone(), output));
        }
        match ask {
            Ask::Nothing => {}
            Ask::View => self.outputs.push_back(Output::View),
            Ask::Connected => {
                self.outputs
                    .push_back(Output::Event(Event::PeerConnected { peer: id.clone() }));
                self.outputs.push_back(Output::View);
            }
            Ask::Chat(text) => {
                self.outputs.push_back(Output::Event(Event::Chat {
                    peer: id.clone(),
                    text,
                }));
            }
            Ask::Failed => self.peer_failed(id),
            Ask::Bye(reason) => self.bye(id, reason),
        }
    }

    /// No way leads to a peer. Where it was the only one the call is over, unless this end is a host that was
    /// never connected to it: anybody who knows where the room is can come and say nothing.
    fn peer_failed(&mut self, id: &PeerId) {
        let lost = self.peers.get(id).is_some_and(|peer| peer.ever_connected);
        self.signal_bye(id, ByeReason::Failed);
        self.outputs
            .push_back(Output::Peer(id.clone(), PeerOutput::Close));
        self.outputs
            .push_back(Output::Event(Event::Error(view::sentence(
                ErrorCode::ConnectionFailed,
            ))));
        self.outputs.push_back(Output::View);
        let host = matches!(self.config.part, Part::Host { .. });
        if (lost || !host) && !self.peers.values().any(Peer::is_alive) {
            let code = ErrorCode::ConnectionFailed;
            self.outputs.push_back(Output::Send(ClientMessage::Leave));
            self.end(if lost {
                EndReason::Network
            } else {
                EndReason::Refused { code }
            });
        }
    }

    /// A peer says that it leaves. Where it was the only one the call is over.
    fn bye(&mut self, id: &PeerId, reason: ByeReason) {
        if reason == ByeReason::NotAuthentic {
            // Only who knows the link can say so, so somebody in between changed what this end sent.
            self.not_authentic(id);
            return;
        }
        let met = self.peers.get(id).is_some_and(|peer| peer.ever_connected);
        self.remove_peer(id, Some(reason));
        if self.peers.values().any(Peer::is_alive) {
            return;
        }
        let host = matches!(self.config.part, Part::Host { .. });
        if reason == ByeReason::Failed && host && !met {
            // A guest whom no way led to: the next one may have more luck.
            return;
        }
        self.outputs.push_back(Output::Send(ClientMessage::Leave));
        self.end(match reason {
            ByeReason::Failed => EndReason::Network,
            _ => EndReason::ByThem,
        });
    }

    /// What came in a peer's name was not from it: nothing goes there any more, and the user is told. A
    /// guest who cannot trust the host leaves; a host goes on waiting for others, or anybody who knows
    /// where the room is could end the call.
    pub(super) fn not_authentic(&mut self, id: &PeerId) {
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        if peer.state == PeerState::NotAuthentic {
            return;
        }
        peer.state = PeerState::NotAuthentic;
        peer.deadline = None;
        peer.data_open = false;
        let is_host = peer.host_key.is_some();
        self.signal_bye(id, ByeReason::NotAuthentic);
        self.outputs
            .push_back(Output::Peer(id.clone(), PeerOutput::Close));
        if matches!(self.config.part, Part::Guest { .. }) && is_host {
            self.outputs.push_back(Output::Send(ClientMessage::Leave));
            self.refuse(ErrorCode::NotAuthentic);
        } else {
            self.outputs
                .push_back(Output::Event(Event::Error(view::sentence(
                    ErrorCode::NotAuthentic,
                ))));
            self.outputs.push_back(Output::View);
        }
    }

    pub(super) fn signal_bye(&mut self, id: &PeerId, reason: ByeReason) {
        self.signal(id, &SignalBody::Bye(reason));
    }

    fn signal(&mut self, to: &PeerId, body: &SignalBody) {
        if self.socket != Socket::Joined {
            // The relay would refuse it, and the rejoin makes new members of both ends.
            return;
        }
        let (Some(me), Some(peer)) = (self.me.as_ref(), self.peers.get_mut(to)) else {
            return;
        };
        // Strings and numbers only: this cannot fail.
        let Ok(body) = serde_json::to_string(body) else {
            return;
        };
        peer.sent += 1;
        let end = End {
            peer: to.clone(),
            nonce: peer.member.nonce.clone(),
        };
        let (mac, sig) = self.auth.sign(me, &end, peer.sent, &body);
        let signal = ClientMessage::Signal {
            to: to.clone(),
            seq: peer.sent,
            body,
            mac,
            sig,
        };
        self.outputs.push_back(Output::Send(signal));
    }

    /// The nonce of a join.
    pub(super) fn fresh_nonce(&mut self) -> Nonce {
        (self.nonces)()
    }
}
