//! The other members as the call deals with them: who comes and goes, and what their connections say.

use std::time::Instant;

use ahoy_contract::{
    PeerId, PublicKey,
    peer::{ByeReason, DataMessage, Description, SignalBody},
    ui::PeerState,
    wire::{Member, RoomKind},
};

use super::{
    Call, Event, Output, PeerInput, PeerOutput, Terms,
    negotiation::Step,
    peer::{Ask, Peer},
    view,
};

impl Call {
    /// Somebody is in the room who was not before.
    pub(super) fn add_peer(&mut self, now: Instant, member: Member, host_key: Option<PublicKey>) {
        let Some(me) = self.me.as_ref() else { return };
        let id = member.peer.clone();
        let polite = me.peer < id;
        let turns = self.turns(&member);
        // The host commits itself first; between two guests the one with the smaller id.
        let commits = self.is_host() || host_key.is_none() && me.peer < id;
        let authentic = self.is_authentic(&member, host_key.as_ref());
        // A name is the member's own or none: one that is not proven is the relay's.
        let name = match authentic {
            true => view::tidy(&member.name),
            false => String::new(),
        };
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
        self.peers.insert(id.clone(), peer);
        if !authentic {
            self.not_authentic(&id);
            return;
        }
        let peer = id.clone();
        self.outputs
            .push_back(Output::Event(Event::PeerJoined { peer, name }));
        if self.is_host() && self.kind == RoomKind::Broadcast {
            self.opening.wait(id);
            self.outputs.push_back(Output::View);
        } else {
            self.open(now, &id);
        }
    }

    /// Checks that a member knows the link, and has the room's key where it is shown as the host.
    pub(super) fn is_authentic(&self, member: &Member, key: Option<&PublicKey>) -> bool {
        let is_key = |key| ahoy_contract::RoomId::of_key(key) == self.config.room;
        key.is_none_or(is_key) && self.auth.verify_join(member)
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
                let successor = peer.successor.clone();
                let closed = matches!(input, PeerInput::DataClosed);
                self.with_peer(id, |peer| peer.connection(now, input));
                let after = self.peers.get(id).map(|peer| peer.state);
                if let Some(successor) = successor
                    && (closed || after != Some(PeerState::Connected))
                    && self.ended.is_none()
                {
                    self.succeed(now, successor);
                    return;
                }
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
    pub(super) fn say(&mut self, id: &PeerId, messages: impl IntoIterator<Item = DataMessage>) {
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
        new.renewals = old.renewals + 1;
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
}
