//! The other members as the call deals with them: who comes and goes, what their signals and connections say,
//! and what follows for the call.

use std::time::Instant;

use ahoy_contract::{
    ErrorCode, Nonce, PeerId, PublicKey,
    id::Signature,
    peer::{ByeReason, DataMessage, Description, SignalBody},
    ui::{EndReason, PeerState},
    wire::{ClientMessage, Member, RoomKind},
};

use super::{
    Call, Event, Output, PeerInput, PeerOutput, Terms,
    auth::{End, SEAL_NONCE_BYTES, SealedSignal},
    negotiation::Step,
    peer::{Ask, Peer},
    view,
};

/// A signal as the relay brought it.
pub(super) struct Arrived {
    pub(super) seq: u64,
    pub(super) body: String,
    pub(super) sig: Option<Signature>,
}

impl Call {
    /// Somebody is in the room who was not before.
    pub(super) fn add_peer(&mut self, now: Instant, member: Member, host_key: Option<PublicKey>) {
        let Some(me) = self.me.as_ref() else { return };
        let id = member.peer.clone();
        let polite = me.peer < id;
        let turns = self.turns(&member);
        // The host commits itself first; between two guests the one with the smaller id.
        let commits = self.is_host() || host_key.is_none() && me.peer < id;
        let name = view::tidy(&member.name);
        let is_key = |key| ahoy_contract::RoomId::of_key(key) == self.config.room;
        let authentic = host_key.as_ref().is_none_or(is_key) && self.auth.verify_join(&member);
        let join = (id.clone(), member.nonce.clone());
        let nonce = self.fresh_nonce();
        let mut peer = Peer::new(
            Member {
                name: name.clone(),
                ..member
            },
            host_key,
            polite,
            turns,
            (commits, nonce),
        );
        (peer.sent, peer.received) = self.numbers.take(&join);
        self.outputs.push_back(Output::Event(Event::PeerJoined {
            peer: id.clone(),
            name,
        }));
        self.peers.insert(id.clone(), peer);
        if !authentic {
            self.not_authentic(&id);
        } else if self.is_host() && self.kind == RoomKind::Broadcast {
            self.opening.wait(id);
            self.outputs.push_back(Output::View);
        } else {
            self.open(now, &id);
        }
    }

    /// Makes a member's connection.
    pub(super) fn open(&mut self, now: Instant, id: &PeerId) {
        let open = PeerOutput::Open {
            ice_servers: self.ice_servers.clone(),
            terms: Terms::NATIVE,
        };
        self.outputs.push_back(Output::Peer(id.clone(), open));
        self.with_peer(id, |peer| {
            peer.start(now);
            Ask::View
        });
    }

    /// Somebody is gone.
    pub(super) fn remove_peer(&mut self, id: &PeerId, reason: Option<ByeReason>) {
        if let Some(peer) = self.peers.remove(id) {
            self.opening.over(self.now, id);
            let join = (id.clone(), peer.member.nonce.clone());
            self.numbers.keep(join, (peer.sent, peer.received));
            self.chat.gone(id);
            self.outputs
                .push_back(Output::Peer(id.clone(), PeerOutput::Close));
            let left = Event::PeerLeft {
                peer: id.clone(),
                name: peer.member.name,
                reason,
            };
            self.outputs.push_back(Output::Event(left));
            self.tell_lock();
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
                let Some(peer) = self.peers.get_mut(id).filter(|peer| peer.is_alive()) else {
                    return;
                };
                let state = DataMessage::State { muted, camera_off };
                let screen = DataMessage::Screen { shown: self.screen };
                let kept = std::mem::take(&mut peer.kept);
                let removed = self.all_removed();
                self.say(id, [state, screen].into_iter().chain(removed).chain(kept));
                self.with_peer(id, |peer| peer.connection(now, PeerInput::DataOpen));
            }
            input => {
                let Some(peer) = self.peers.get(id) else {
                    return;
                };
                if matches!(input, PeerInput::Connected) && peer.is_alive() {
                    self.connected_at.get_or_insert(now);
                }
                let before = peer.state;
                self.with_peer(id, |peer| peer.connection(now, input));
                let after = self.peers.get(id).map(|peer| peer.state);
                if before == PeerState::Connected && after == Some(PeerState::Reconnecting) {
                    // The network itself may be gone, and the socket with it: TCP alone would not say so for minutes.
                    if self.can_signal() {
                        self.outputs.push_back(Output::Probe);
                    }
                    self.follow_move(now);
                }
            }
        }
    }

    /// Says something to a peer on the data channel.
    fn say(&mut self, id: &PeerId, messages: impl IntoIterator<Item = DataMessage>) {
        for message in messages {
            let message = PeerOutput::Data(message);
            self.outputs.push_back(Output::Peer(id.clone(), message));
        }
    }

    /// Says something to a peer on the data channel, or keeps it until that is open. Says whether it will get there.
    pub(super) fn say_soon(&mut self, id: &PeerId, message: DataMessage) -> bool {
        let Some(peer) = self.peers.get_mut(id).filter(|peer| peer.is_alive()) else {
            return false;
        };
        if !peer.data_open() {
            return peer.keep(message);
        }
        self.say(id, [message]);
        true
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
        let signal = SealedSignal {
            from: &end,
            to: me,
            seq: arrived.seq,
            body: &arrived.body,
            sig: arrived.sig.as_ref(),
        };
        let key = peer.host_key.as_ref();
        let fresh = arrived.seq > peer.received;
        let Some(body) = self.auth.open(&signal, key).filter(|_| fresh) else {
            let late = self.former.iter().any(|nonce| {
                let to = &End {
                    peer: me.peer.clone(),
                    nonce: nonce.clone(),
                };
                let signal = SealedSignal { to, ..signal };
                self.auth.open(&signal, key).is_some()
            });
            if late {
                // It was made for a join of this end's that is over, and was under way meanwhile.
                return;
            }
            self.not_authentic(from);
            return;
        };
        peer.received = arrived.seq;
        self.with_peer(from, |peer| peer.signal(now, &body));
    }

    /// Runs something on a peer, then does what its negotiation and the answer ask for.
    pub(super) fn with_peer(&mut self, id: &PeerId, run: impl FnOnce(&mut Peer) -> Ask) {
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        let undrawn = peer.words().is_none();
        let ask = run(peer);
        if let Some(words) = peer.words().filter(|_| undrawn) {
            let (peer, words) = (id.clone(), words.to_vec());
            self.outputs
                .push_back(Output::Event(Event::Words { peer, words }));
        }
        while let Some(step) = self
            .peers
            .get_mut(id)
            .and_then(|peer| peer.negotiation.poll())
        {
            if matches!(step, Step::SetRemote(_)) {
                self.opening.answered(id);
            }
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
                self.opening.connected(id);
                self.outputs
                    .push_back(Output::Event(Event::PeerConnected { peer: id.clone() }));
                self.outputs.push_back(Output::View);
            }
            Ask::Chat { id: line, text } => self.line_came(id, line, text),
            Ask::Received(line) => {
                if self.chat.received(id, line) {
                    self.outputs.push_back(Output::View);
                }
            }
            Ask::Say(messages) => {
                self.say(id, messages);
                self.outputs.push_back(Output::View);
            }
            Ask::Failed => self.peer_failed(id),
            Ask::Bye(reason) => self.bye(id, reason),
            Ask::Removed(removed) => self.other_removed(id, &removed),
            Ask::Gone => self.remove_peer(id, None),
            Ask::NotAuthentic => self.not_authentic(id),
            Ask::Renew(description) => self.renew(id, description),
        }
    }

    /// A peer wrote a line.
    fn line_came(&mut self, id: &PeerId, line: u32, text: String) {
        let Some(peer) = self.peers.get(id) else {
            return;
        };
        let (name, at) = (peer.member.name.clone(), self.time_of_day(self.now));
        if !self.chat.came(self.now, id, at, name, text.clone()) {
            // It is said once: a view for each would be what whoever floods is after.
            if self.chat.left_out() == 1 {
                self.outputs.push_back(Output::View);
            }
            return;
        }
        self.say(id, [DataMessage::ChatReceived { id: line }]);
        let peer = id.clone();
        self.outputs
            .push_back(Output::Event(Event::Chat { peer, text }));
        self.outputs.push_back(Output::View);
    }

    /// A peer whose connection is not up describes another one: it has made a new one, and so does this end.
    fn renew(&mut self, id: &PeerId, description: Description) {
        let nonce = self.fresh_nonce();
        let Some((me, old)) = self.me.as_ref().zip(self.peers.remove(id)) else {
            return;
        };
        let commits = matches!(self.config.part, super::Part::Host { .. })
            || old.host_key.is_none() && me.peer < *id;
        let mut new = Peer::new(
            old.member,
            old.host_key,
            me.peer < *id,
            (old.was_first, old.may_offer),
            (commits, nonce),
        );
        (new.sent, new.received) = (old.sent, old.received);
        (new.state, new.ever_connected) = (old.state, old.ever_connected);
        (new.presence, new.kept) = (old.presence, old.kept);
        new.opened = true;
        self.peers.insert(id.clone(), new);
        let open = PeerOutput::Open {
            ice_servers: self.ice_servers.clone(),
            terms: Terms::NATIVE,
        };
        for output in [PeerOutput::Close, open] {
            self.outputs.push_back(Output::Peer(id.clone(), output));
        }
        let now = self.now;
        self.with_peer(id, |peer| peer.renewed(now, description));
    }

    /// No way leads to a peer. Where it was the only one the call is over, unless this end is a host that was
    /// never connected to it: anybody who knows where the room is can come and say nothing.
    fn peer_failed(&mut self, id: &PeerId) {
        self.opening.over(self.now, id);
        let lost = self.peers.get(id).is_some_and(|peer| peer.ever_connected);
        self.signal_bye(id, ByeReason::Failed);
        self.outputs
            .push_back(Output::Peer(id.clone(), PeerOutput::Close));
        let host = self.is_host();
        let goes_on = host && self.kind == RoomKind::Broadcast;
        if !goes_on {
            // Who shows has a list of viewers, and no use for a word about each stranger.
            let error = view::sentence(ErrorCode::ConnectionFailed);
            self.outputs.push_back(Output::Event(Event::Error(error)));
        }
        self.outputs.push_back(Output::View);
        if (lost || !host) && !goes_on && !self.peers.values().any(Peer::is_alive) {
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
        let of_host = self
            .peers
            .get(id)
            .is_some_and(|peer| peer.host_key.is_some());
        if reason == ByeReason::Removed && of_host {
            self.outputs.push_back(Output::Send(ClientMessage::Leave));
            self.refuse(ErrorCode::Removed);
            return;
        }
        let met = self.peers.get(id).is_some_and(|peer| peer.ever_connected);
        self.remove_peer(id, Some(reason));
        let host = self.is_host();
        // Who shows something goes on without viewers.
        let goes_on = host && self.kind == RoomKind::Broadcast;
        if goes_on || self.peers.values().any(Peer::is_alive) || !self.door.is_empty() {
            return;
        }
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
        self.opening.over(self.now, id);
        peer.state = PeerState::NotAuthentic;
        peer.deadline = None;
        peer.data_open = false;
        let is_host = peer.host_key.is_some();
        self.signal_bye(id, ByeReason::NotAuthentic);
        self.outputs
            .push_back(Output::Peer(id.clone(), PeerOutput::Close));
        if !self.is_host() && is_host {
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

    pub(super) fn signal(&mut self, to: &PeerId, body: &SignalBody) {
        if let Some(peer) = self.peers.get_mut(to) {
            peer.remember(body);
            self.tell(to, body);
        }
    }

    /// What a peer that is not connected was told last may have been lost with the relay, so it is said once more.
    pub(super) fn tell_again(&mut self, id: &PeerId) {
        let Some(peer) = self.peers.get(id) else {
            return;
        };
        let open = matches!(peer.state, PeerState::Connecting | PeerState::Reconnecting);
        if open && peer.is_present() {
            for body in peer.told.clone() {
                self.tell(id, &body);
            }
        }
    }

    fn tell(&mut self, to: &PeerId, body: &SignalBody) {
        if !self.can_signal() {
            return;
        }
        let (Some(me), Some(peer)) = (self.me.as_ref(), self.peers.get_mut(to)) else {
            return;
        };
        let nonce = seal_nonce([(self.nonces)(), (self.nonces)()]);
        // Strings and numbers only: this cannot fail.
        let Ok(body) = serde_json::to_string(body) else {
            return;
        };
        peer.sent += 1;
        let end = End {
            peer: to.clone(),
            nonce: peer.member.nonce.clone(),
        };
        let (body, sig) = self.auth.seal(me, &end, peer.sent, nonce, &body);
        let signal = ClientMessage::Signal {
            to: to.clone(),
            seq: peer.sent,
            body,
            sig,
        };
        self.outputs.push_back(Output::Send(signal));
    }
}

/// Puts the longer nonce of an encrypted body together from two random ones.
fn seal_nonce([first, second]: [Nonce; 2]) -> [u8; SEAL_NONCE_BYTES] {
    let mut nonce = [0; SEAL_NONCE_BYTES];
    let (head, tail) = nonce.split_at_mut(first.as_bytes().len());
    head.copy_from_slice(first.as_bytes());
    tail.copy_from_slice(&second.as_bytes()[..tail.len()]);
    nonce
}
