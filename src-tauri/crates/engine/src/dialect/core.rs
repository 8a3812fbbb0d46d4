//! What all shapes share: the connections, the way to the relay, what the user sees.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use ahoy_contract::{
    ErrorCode, PeerId,
    peer::{ByeReason, Candidate, Description, MAX_CHAT_BYTES},
    ui::{EndReason, PeerState},
};

use super::{
    link::{Change, Link},
    message::{Body, Form, Id, Message},
    plan::Plan,
    sdp::Identity,
    voice::Voice,
};
use crate::call::{
    ChatLog, Event, Media, Output, PeerInput, PeerOutput, Step, line_too_long, sentence, tidy,
};

/// As many of its own descriptions an end remembers, to know them when they come back.
const MAX_OWN: usize = 16;

/// The common part of a call.
pub(super) struct Core {
    pub(super) plan: Plan,
    pub(super) voice: Voice,
    /// How this end is called in what it says: form T, and a viewer.
    pub(super) me: Option<Id>,
    pub(super) links: BTreeMap<PeerId, Link>,
    pub(super) outputs: VecDeque<Output>,
    pub(super) chat: ChatLog,
    pub(super) connected_at: Option<u64>,
    pub(super) ended: Option<EndReason>,
    /// Something can be said to the relay.
    pub(super) online: bool,
    ids: Box<dyn FnMut() -> PeerId + Send>,
    own: VecDeque<Identity>,
    made: u32,
    start: Instant,
    unix_ms: u64,
}

impl Core {
    pub(super) fn new(
        plan: Plan,
        (start, unix_ms): (Instant, u64),
        ids: Box<dyn FnMut() -> PeerId + Send>,
    ) -> Self {
        Self {
            voice: Voice::new(plan.form),
            me: plan.name.clone(),
            plan,
            links: BTreeMap::new(),
            outputs: VecDeque::from([Output::Connect, Output::View]),
            chat: ChatLog::default(),
            connected_at: None,
            ended: None,
            online: false,
            ids,
            own: VecDeque::new(),
            made: 0,
            start,
            unix_ms,
        }
    }

    /// A fresh random id.
    pub(super) fn fresh(&mut self) -> PeerId {
        (self.ids)()
    }

    /// Makes a connection, which offers or waits for what it is given.
    pub(super) fn open(
        &mut self,
        now: Instant,
        peer: &PeerId,
        (media, offers): (Media, bool),
        address: Option<Id>,
    ) {
        self.made = self.made.wrapping_add(1);
        let waits = self.plan.form == Form::Ready;
        let link = Link::new(now, self.made, offers, waits, address);
        self.outputs.push_back(Output::Peer(
            peer.clone(),
            PeerOutput::Open {
                ice_servers: Vec::new(),
                terms: self.plan.terms(media, offers),
            },
        ));
        self.links.insert(peer.clone(), link);
        self.walk(peer);
    }

    /// Ends a connection and forgets it.
    pub(super) fn close(&mut self, peer: &PeerId, reason: Option<ByeReason>) {
        let Some(link) = self.links.remove(peer) else {
            return;
        };
        self.outputs
            .push_back(Output::Peer(peer.clone(), PeerOutput::Close));
        self.chat.gone(peer);
        if link.joined {
            self.outputs.push_back(Output::Event(Event::PeerLeft {
                peer: peer.clone(),
                name: name(&link),
                reason,
            }));
        }
        self.outputs.push_back(Output::View);
    }

    /// As [`close`](Self::close), for one that is of no more use; says so where it never was of any.
    pub(super) fn lose(&mut self, peer: &PeerId) {
        if let Some(link) = self.links.get(peer)
            && link.is_described()
            && !link.ever_connected()
        {
            let error = sentence(ErrorCode::ConnectionFailed);
            self.outputs.push_back(Output::Event(Event::Error(error)));
        }
        self.close(peer, None);
    }

    /// Says something to the relay's clients.
    pub(super) fn say(&mut self, body: Body, address: Option<Id>) {
        let message = match self.plan.form {
            Form::Targeted => Message {
                id: self.me.clone(),
                target: address,
                body,
            },
            _ => Message {
                id: self.me.clone().or(address),
                target: None,
                body,
            },
        };
        if let Some(text) = self.voice.write(&message) {
            self.outputs.push_back(Output::Text(text));
        }
    }

    /// Whether a description is one of this end's own, come back.
    pub(super) fn is_own(&self, identity: &Identity) -> bool {
        self.own.contains(identity)
    }

    /// Somebody is at the other end of a connection.
    pub(super) fn joined(&mut self, peer: &PeerId) {
        let Some(link) = self.links.get_mut(peer).filter(|link| !link.joined) else {
            return;
        };
        link.joined = true;
        let event = Event::PeerJoined {
            peer: peer.clone(),
            name: name(link),
        };
        self.outputs.push_back(Output::Event(event));
        self.outputs.push_back(Output::View);
    }

    /// Gives a connection the other end's description; says whether it makes sense there.
    pub(super) fn described(
        &mut self,
        now: Instant,
        peer: &PeerId,
        description: Description,
    ) -> bool {
        let Some(link) = self.links.get_mut(peer) else {
            return false;
        };
        if !link.described(now, description) {
            tracing::debug!("a description that nobody asked for is left out");
            return false;
        }
        let told = link.tellable();
        let address = link.address.clone();
        self.joined(peer);
        self.walk(peer);
        for candidate in told {
            self.say(Body::Candidate(candidate), address.clone());
        }
        true
    }

    /// Gives a connection a candidate.
    pub(super) fn candidate(&mut self, peer: &PeerId, candidate: Option<Candidate>) {
        if let Some(link) = self.links.get_mut(peer) {
            link.candidate(candidate);
            self.walk(peer);
        }
    }

    /// What a connection says; gives what its shape wants to know.
    pub(super) fn connection(
        &mut self,
        now: Instant,
        peer: &PeerId,
        input: PeerInput,
    ) -> Option<Change> {
        let unix_ms = self.time_of_day(now);
        let link = self.links.get_mut(peer)?;
        match input {
            PeerInput::Local(description) => {
                let offers = link.offers;
                self.own.push_back(Identity::of(&description.sdp));
                if self.own.len() > MAX_OWN {
                    self.own.pop_front();
                }
                link.made(description);
                self.walk(peer);
                (!offers).then_some(Change::Answered)
            }
            PeerInput::Candidate(candidate) => {
                self.found(peer, candidate);
                None
            }
            PeerInput::Connected => {
                let change = link.state(now, PeerState::Connected)?;
                self.connected_at.get_or_insert(unix_ms);
                let peer = peer.clone();
                self.outputs
                    .push_back(Output::Event(Event::PeerConnected { peer }));
                self.outputs.push_back(Output::View);
                Some(change)
            }
            PeerInput::Disconnected => {
                self.outputs.push_back(Output::View);
                link.state(now, PeerState::Reconnecting)
            }
            // What a stranger says may be rubbish: that is no error of the call's.
            PeerInput::StepFailed(_) => {
                self.close(peer, None);
                Some(Change::Lost)
            }
            PeerInput::Failed | PeerInput::Closed => Some(Change::Lost),
            PeerInput::DataOpen => {
                link.data_open = true;
                for line in std::mem::take(&mut link.lines) {
                    self.outputs
                        .push_back(Output::Peer(peer.clone(), PeerOutput::Text(line)));
                }
                None
            }
            // The page is closed, or its user hung up.
            PeerInput::DataClosed => (self.plan.form == Form::SocketIo).then_some(Change::Lost),
            PeerInput::Data(text) => {
                self.heard(now, peer, unix_ms, text);
                None
            }
            PeerInput::Quality(quality) => {
                if link.quality.replace(quality) != Some(quality) {
                    self.outputs.push_back(Output::View);
                }
                None
            }
        }
    }

    /// An own candidate.
    fn found(&mut self, peer: &PeerId, candidate: Option<Candidate>) {
        let Some(link) = self.links.get_mut(peer) else {
            return;
        };
        let address = link.address.clone();
        for candidate in link.found(candidate) {
            self.say(Body::Candidate(candidate), address.clone());
        }
    }

    /// Does the steps of a connection's exchange.
    fn walk(&mut self, peer: &PeerId) {
        while let Some(link) = self.links.get_mut(peer)
            && let Some(step) = link.negotiation.poll()
        {
            let output = match step {
                Step::CreateOffer { ice_restart } => PeerOutput::CreateOffer { ice_restart },
                Step::CreateAnswer => PeerOutput::CreateAnswer,
                Step::SetRemote(description) => PeerOutput::SetRemote(description),
                Step::AddCandidate(candidate) => PeerOutput::AddCandidate(candidate),
                Step::Send(description) => {
                    let address = link.address.clone();
                    self.say(Body::Description(description), address);
                    continue;
                }
            };
            self.outputs.push_back(Output::Peer(peer.clone(), output));
        }
    }

    /// A line of chat came.
    fn heard(&mut self, now: Instant, peer: &PeerId, at: u64, text: String) {
        let Some(link) = self.links.get(peer) else {
            return;
        };
        if text.len() > MAX_CHAT_BYTES {
            tracing::debug!("a line that is too long is left out");
            return;
        }
        if !self.chat.came(now, peer, at, name(link), text.clone()) {
            if self.chat.left_out() == 1 {
                self.outputs.push_back(Output::View);
            }
            return;
        }
        let peer = peer.clone();
        self.outputs
            .push_back(Output::Event(Event::Chat { peer, text }));
        self.outputs.push_back(Output::View);
    }

    /// The user wrote a line. Without delivery marks: what these pages exchange is plain text.
    pub(super) fn write(&mut self, now: Instant, to: Option<&PeerId>, text: &str) {
        if text.len() > MAX_CHAT_BYTES {
            self.outputs
                .push_back(Output::Event(Event::Error(line_too_long())));
            return;
        }
        if self.plan.form != Form::SocketIo {
            tracing::info!("this dialect has no chat: nothing was written");
            return;
        }
        self.chat.next_sent();
        let at = self.time_of_day(now);
        for (peer, link) in &mut self.links {
            if to.is_some_and(|to| to != peer) {
                continue;
            }
            if link.data_open {
                let line = PeerOutput::Text(text.to_owned());
                self.outputs.push_back(Output::Peer(peer.clone(), line));
            } else if !link.keep(text.to_owned()) {
                tracing::debug!("too many lines wait; one is left out");
            }
        }
        self.chat.wrote(at, text, [].into());
        self.outputs.push_back(Output::View);
    }

    /// The call is over: every connection is closed, then the socket.
    pub(super) fn end(&mut self, reason: EndReason, bye: Option<ByeReason>) {
        let peers: Vec<PeerId> = self.links.keys().cloned().collect();
        for peer in peers {
            self.close(&peer, bye);
        }
        self.outputs.push_back(Output::Disconnect);
        self.ended = Some(reason);
        self.outputs.push_back(Output::View);
        self.outputs.push_back(Output::Event(Event::Ended(reason)));
    }

    /// Milliseconds since 1970.
    fn time_of_day(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.start);
        let since = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        self.unix_ms.saturating_add(since)
    }

    /// Connections whose time is over.
    pub(super) fn due(&self, now: Instant) -> Vec<PeerId> {
        let due = |link: &Link| link.deadline().is_some_and(|at| at <= now);
        let links = self.links.iter().filter(|(_, link)| due(link));
        links.map(|(peer, _)| peer.clone()).collect()
    }
}

/// The other end's name as it is shown; empty where the dialect has none.
pub(super) fn name(link: &Link) -> String {
    let id = link.address.as_ref();
    id.map(|id| tidy(id.as_str())).unwrap_or_default()
}

/// Whether a moment has come.
pub(super) fn is_over(at: Option<Instant>, now: Instant) -> bool {
    at.is_some_and(|at| at <= now)
}

/// A moment that is this far from another.
pub(super) fn after(now: Instant, wait: Duration) -> Option<Instant> {
    now.checked_add(wait)
}
