//! Ends of a call in a dialect, and between them a relay that passes on what each says to all others.

mod forms;
mod seen;
mod shapes;
mod viewers;
mod walk;

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use ahoy_contract::{
    PeerId,
    peer::{Candidate, Description, DescriptionType},
    ui::EndReason,
};
use serde_json::{Value, json};

use super::*;
use crate::call::{Media, PeerInput, PeerOutput, Terms};

/// A connection of one end.
#[derive(Debug, Clone, Default)]
pub(super) struct Connection {
    /// Its own ICE user name fragment.
    pub(super) local: String,
    /// The other end's, once it is set.
    pub(super) remote: Option<String>,
    pub(super) terms: Option<Terms>,
    pub(super) candidates: Vec<String>,
    /// Both descriptions are set.
    pub(super) described: bool,
    pub(super) up: bool,
}

/// An Ahoy.
pub(super) struct End {
    pub(super) call: DialectCall,
    pub(super) connections: BTreeMap<PeerId, Connection>,
    pub(super) events: Vec<Event>,
    /// What it has said to the relay.
    pub(super) said: Vec<String>,
    /// Connections made so far.
    pub(super) opened: usize,
    pub(super) connects: usize,
    /// Its connections make no descriptions by themselves.
    pub(super) slow: bool,
}

impl End {
    /// The types of what it has said.
    pub(super) fn types(&self) -> Vec<String> {
        let read = |text: &String| {
            let value: Value = serde_json::from_str(text).unwrap();
            let kind = value.get("type").or_else(|| value.get(0)).unwrap();
            kind.as_str().unwrap().to_owned()
        };
        self.said.iter().map(read).collect()
    }

    pub(super) fn count(&self, kind: &str) -> usize {
        self.types().iter().filter(|it| *it == kind).count()
    }

    /// Its connections over which media goes this way.
    pub(super) fn up(&self, media: Media) -> usize {
        let way =
            |connection: &&Connection| connection.terms.map(|terms| terms.media) == Some(media);
        self.connections
            .values()
            .filter(way)
            .filter(|it| it.up)
            .count()
    }

    fn has_error(&self) -> bool {
        self.events
            .iter()
            .any(|event| matches!(event, Event::Error(_)))
    }
}

/// The ends and their relay.
pub(super) struct World {
    pub(super) now: Instant,
    pub(super) ends: Vec<End>,
    /// The relay decodes each message into four texts.
    pub(super) strict: bool,
    texts: VecDeque<(usize, String)>,
    made: usize,
}

pub(super) fn plan(form: Form, part: Part) -> Plan {
    let target =
        (form == Form::Targeted && matches!(part, Part::Caller | Part::Send)).then_some("bob");
    Plan::new(form, part, "ada", target).unwrap()
}

pub(super) fn sdp(fragment: &str) -> String {
    format!(
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\na=ice-ufrag:{fragment}\r\na=ice-pwd:x\r\n\
         a=fingerprint:sha-256 {fragment}\r\n"
    )
}

pub(super) fn fragment(sdp: &str) -> Option<String> {
    let line = sdp
        .lines()
        .find_map(|line| line.strip_prefix("a=ice-ufrag:"))?;
    Some(line.to_owned())
}

pub(super) fn candidate(fragment: &str) -> Candidate {
    Candidate {
        candidate: format!("candidate:1 1 udp 1 192.0.2.1 5000 typ host ufrag {fragment}"),
        sdp_mid: None,
        sdp_m_line_index: None,
        username_fragment: None,
    }
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "any moment will do as the first")]
    pub(super) fn new() -> Self {
        Self {
            now: Instant::now(),
            ends: Vec::new(),
            strict: false,
            texts: VecDeque::new(),
            made: 0,
        }
    }

    /// Adds an end whose socket is not open yet.
    pub(super) fn add(&mut self, plan: Plan) -> usize {
        let mut next = self.ends.len() as u8;
        let ids = move || {
            next = next.wrapping_add(37);
            PeerId::from_bytes(&[next; 10])
        };
        self.ends.push(End {
            call: DialectCall::new(plan, self.now, 0, ids),
            connections: BTreeMap::new(),
            events: Vec::new(),
            said: Vec::new(),
            opened: 0,
            connects: 0,
            slow: false,
        });
        self.ends.len() - 1
    }

    /// Adds an end and opens its socket.
    pub(super) fn join(&mut self, plan: Plan) -> usize {
        let end = self.add(plan);
        self.input(end, Input::SocketOpen);
        self.settle();
        end
    }

    pub(super) fn input(&mut self, end: usize, input: Input) {
        let now = self.now;
        self.ends[end].call.handle(now, input);
        self.act(end);
    }

    /// A text of the relay's to one end.
    pub(super) fn hear(&mut self, end: usize, text: &str) {
        let now = self.now;
        self.ends[end].call.heard(now, text);
        self.act(end);
    }

    /// Says to an end what a page would say.
    pub(super) fn page(&mut self, end: usize, message: &Value) {
        self.hear(end, &message.to_string());
        self.settle();
    }

    /// Does what an end says.
    fn act(&mut self, end: usize) {
        while let Some(output) = self.ends[end].call.poll() {
            match output {
                Output::Text(text) => {
                    self.ends[end].said.push(text.clone());
                    self.texts.push_back((end, text));
                }
                Output::Peer(peer, output) => self.connection(end, peer, output),
                Output::Event(event) => self.ends[end].events.push(event),
                Output::Connect => self.ends[end].connects += 1,
                Output::Disconnect | Output::Probe | Output::View => {}
                Output::Send(message) => panic!("{message:?} is of another relay"),
            }
        }
    }

    fn connection(&mut self, end: usize, peer: PeerId, output: PeerOutput) {
        let this = &mut self.ends[end];
        if let PeerOutput::Open { terms, .. } = output {
            self.made += 1;
            let connection = Connection {
                local: format!("c{}", self.made),
                terms: Some(terms),
                ..Connection::default()
            };
            this.opened += 1;
            let before = this.connections.insert(peer, connection);
            assert!(before.is_none(), "a connection was left open");
            return;
        }
        if output == PeerOutput::Close {
            assert!(this.connections.remove(&peer).is_some(), "closed twice");
            return;
        }
        let connection = this
            .connections
            .get_mut(&peer)
            .expect("there is no such connection");
        let kind = match output {
            PeerOutput::CreateOffer { .. } => DescriptionType::Offer,
            PeerOutput::CreateAnswer => DescriptionType::Answer,
            PeerOutput::SetRemote(description) => {
                connection.remote = fragment(&description.sdp);
                connection.described |= description.kind == DescriptionType::Answer;
                return;
            }
            PeerOutput::AddCandidate(candidate) => {
                connection
                    .candidates
                    .extend(candidate.map(|it| it.candidate));
                return;
            }
            other => return assert!(matches!(other, PeerOutput::Text(_)), "{other:?}"),
        };
        connection.described |= kind == DescriptionType::Answer;
        let (local, trickle) = (connection.local.clone(), connection.terms.unwrap().trickle);
        if this.slow {
            return;
        }
        let description = Description {
            kind,
            sdp: sdp(&local),
        };
        self.input(
            end,
            Input::Peer(peer.clone(), PeerInput::Local(description)),
        );
        if trickle && self.ends[end].connections.contains_key(&peer) {
            for candidate in [Some(candidate(&local)), None] {
                self.input(
                    end,
                    Input::Peer(peer.clone(), PeerInput::Candidate(candidate)),
                );
            }
        }
    }

    /// Passes on all that was said, and connects what fits together.
    pub(super) fn settle(&mut self) {
        loop {
            while let Some((from, text)) = self.texts.pop_front() {
                for end in 0..self.ends.len() {
                    if let Some(text) = self.relayed(&text, from == end) {
                        self.hear(end, &text);
                    }
                }
            }
            if !self.connect() && self.texts.is_empty() {
                return;
            }
        }
    }

    /// What the relay makes of a text; `None`: this end does not get it.
    fn relayed(&self, text: &str, own: bool) -> Option<String> {
        let value: Value = serde_json::from_str(text).unwrap();
        if let Value::Array(event) = value {
            let name = event[0].as_str().unwrap().replace("send-", "receive-");
            return Some(json!([name, event[1]]).to_string());
        }
        if own {
            return None;
        }
        if !self.strict {
            return Some(text.to_owned());
        }
        let field = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let fields = ["id", "type", "sdp", "ice"].map(|name| (name.to_owned(), field(name).into()));
        Some(Value::Object(fields.into_iter().collect()).to_string())
    }

    /// Connects connections that have each other's descriptions; says whether there were any.
    fn connect(&mut self) -> bool {
        let all: Vec<(usize, PeerId, Connection)> = self
            .ends
            .iter()
            .enumerate()
            .flat_map(|(end, it)| {
                it.connections
                    .iter()
                    .map(move |(peer, c)| (end, peer.clone(), c.clone()))
            })
            .filter(|(_, _, connection)| connection.described)
            .collect();
        let mut any = false;
        for (end, peer, one) in &all {
            let fits = |(_, _, other): &&(usize, PeerId, Connection)| {
                one.remote.as_ref() == Some(&other.local)
                    && other.remote.as_ref() == Some(&one.local)
            };
            if !one.up && all.iter().any(|other| fits(&other)) {
                any = true;
                if let Some(connection) = self.ends[*end].connections.get_mut(peer) {
                    connection.up = true;
                    self.input(*end, Input::Peer(peer.clone(), PeerInput::Connected));
                }
            }
        }
        any
    }

    /// Lets time pass, as far as anybody waits for something.
    pub(super) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let next = self.ends.iter().filter_map(|end| end.call.deadline()).min();
            match next.filter(|at| *at <= until) {
                Some(at) => self.now = self.now.max(at),
                None => break,
            }
            for end in 0..self.ends.len() {
                if is_over(self.ends[end].call.deadline(), self.now) {
                    self.input(end, Input::Tick);
                }
            }
            self.settle();
        }
        self.now = until;
    }

    /// An end is gone without a word; the others' connections with it become silent, then fail.
    pub(super) fn vanish(&mut self, gone: usize) {
        let lost: Vec<String> = self.ends[gone]
            .connections
            .values()
            .map(|it| it.local.clone())
            .collect();
        self.ends[gone].connections.clear();
        self.ends[gone].call.core.ended = Some(EndReason::ByMe);
        for end in 0..self.ends.len() {
            let peers: Vec<PeerId> = self.ends[end]
                .connections
                .iter()
                .filter(|(_, it)| {
                    it.remote
                        .as_ref()
                        .is_some_and(|remote| lost.contains(remote))
                })
                .map(|(peer, _)| peer.clone())
                .collect();
            for peer in peers {
                if let Some(connection) = self.ends[end].connections.get_mut(&peer) {
                    connection.up = false;
                }
                self.input(end, Input::Peer(peer, PeerInput::Disconnected));
            }
        }
        self.settle();
    }
}
