//! Calls as their users live them: two or more ends, and between them a relay that does as told.

mod broadcast;
mod data;
mod door;
mod evictions;
mod flood;
mod hostile_relay;
mod members;
mod negotiation;
mod relay;
mod removed;
mod seats;
mod trust;
mod walk;
mod words;

use std::time::{Duration, Instant};

use ahoy_contract::{
    ErrorCode, Nonce, PeerId, Secret,
    id::Mac,
    peer::{ByeReason, Candidate, DataMessage, Description, DescriptionType, SignalBody},
    ui::{CallPhase, EndReason, PeerState},
    wire::{ClientMessage, Host, Member, RelayMessage, Role, RoomKind},
};

use super::*;

const HOST: &str = "mmmmmmmmmmmmmmmm";
const GUEST: &str = "bbbbbbbbbbbbbbbb";
const THIRD: &str = "zzzzzzzzzzzzzzzz";

fn id(text: &str) -> PeerId {
    text.parse().unwrap()
}

struct Side {
    call: Call,
    id: PeerId,
    /// What it asked of connections, in order, until a test looks.
    peer: Vec<(PeerId, PeerOutput)>,
    events: Vec<Event>,
    /// Signals on their way to others.
    signals: Vec<RelayMessage>,
    to: Vec<PeerId>,
    member: Option<Member>,
    connects: usize,
    probes: usize,
    /// The signals that the relay was told of as arrived.
    acks: Vec<u64>,
    /// The relay goes on with the membership at the next `hello`.
    resumed: bool,
    /// What the last `hello` asked to go on with.
    hello: (Option<String>, Option<u64>),
    /// What else was said to the relay.
    said: Vec<ClientMessage>,
}

impl Side {
    fn new(config: CallConfig, peer: &str) -> Self {
        let mut nonce = peer.as_bytes()[0];
        let call = Call::new(config, move || {
            nonce = nonce.wrapping_add(1);
            Nonce::new([nonce; 16])
        });
        Self {
            call,
            id: id(peer),
            peer: vec![],
            events: vec![],
            signals: vec![],
            to: vec![],
            member: None,
            connects: 0,
            probes: 0,
            acks: vec![],
            resumed: false,
            hello: (None, None),
            said: vec![],
        }
    }

    fn has(&self, output: &PeerOutput) -> bool {
        self.peer.iter().any(|(_, o)| o == output)
    }

    fn count(&self, find: impl Fn(&PeerOutput) -> bool) -> usize {
        self.peer.iter().filter(|(_, o)| find(o)).count()
    }

    fn error(&self) -> Option<ErrorCode> {
        self.events.iter().rev().find_map(|event| match event {
            Event::Error(error) => Some(error.code),
            _ => None,
        })
    }
}

struct World {
    now: Instant,
    key: HostKey,
    kind: RoomKind,
    sides: Vec<Side>,
    order: u32,
    n: u64,
    knock: bool,
    /// The relay was asked to have newcomers wait.
    asked: bool,
    /// What the relay shows of the lock.
    locked: bool,
}

/// The nonce of encrypted bodies that tests make.
const SEAL_NONCE: [u8; 24] = [6; 24];

/// The relay, as hosts name it in their proofs.
const RELAY: &str = "https://relay.example";

/// The secret that all but strangers know.
fn secret() -> Secret {
    Secret::new([7; 16])
}

/// A member that has joined by the link.
fn member(key: &HostKey, end: End, name: &str, order: u32) -> Member {
    let mac = Authenticator::new(key.room(), &secret(), None).prove_join(&end, name);
    Member {
        peer: end.peer,
        name: name.to_owned(),
        nonce: end.nonce,
        mac,
        order,
    }
}

/// The request of such a member to be let in.
fn join_request(key: &HostKey, peer: PeerId, name: &str) -> RelayMessage {
    let nonce = Nonce::new([8; 16]);
    let Member {
        peer,
        name,
        nonce,
        mac,
        ..
    } = member(key, End { peer, nonce }, name, 0);
    RelayMessage::Knock {
        peer,
        name,
        nonce,
        mac,
    }
}

fn config(key: &HostKey, part: Part, now: Instant) -> CallConfig {
    CallConfig {
        part,
        room: key.room(),
        secret: secret(),
        relay: RELAY.into(),
        link: "https://relay/r/room#secret".into(),
        name: "Ada".into(),
        app: "test".into(),
        only_answers: false,
        needs_turn: false,
        unix_ms: 1_000_000,
        start: now,
    }
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "any moment will do as the first")]
    fn new() -> Self {
        Self {
            now: Instant::now(),
            key: HostKey::from_bytes(&[3; 32]),
            kind: RoomKind::Call,
            sides: vec![],
            order: 0,
            n: 0,
            knock: false,
            asked: false,
            locked: false,
        }
    }

    fn host(&mut self) -> usize {
        let part = Part::Host {
            key: self.key.clone(),
            kind: self.kind,
            capacity: 8,
            knock: self.knock,
        };
        self.add(config(&self.key, part, self.now), HOST)
    }

    fn guest(&mut self) -> usize {
        self.add(
            config(&self.key, Part::Guest { role: Role::Caller }, self.now),
            GUEST,
        )
    }

    fn add(&mut self, config: CallConfig, peer: &str) -> usize {
        self.sides.push(Side::new(config, peer));
        let side = self.sides.len() - 1;
        self.drain(side);
        side
    }

    /// The relay shows a side under another join, which that side has proven.
    fn rejoined(&mut self, side: usize, nonce: Nonce) {
        if let Some(shown) = self.sides[side].member.take() {
            let peer = shown.peer;
            let anew = member(&self.key, End { peer, nonce }, &shown.name, shown.order);
            self.sides[side].member = Some(anew);
        }
    }

    /// A host and a guest in one room, with nothing said between them yet.
    fn pair() -> Self {
        let mut world = Self::new();
        let host = world.host();
        world.join(host);
        let guest = world.guest();
        world.join(guest);
        world
    }

    /// As `pair`, connected; what they say on the data channel is on its way.
    fn up() -> Self {
        let mut world = Self::pair();
        world.local(0, DescriptionType::Offer);
        world.deliver(0);
        world.local(1, DescriptionType::Answer);
        world.deliver(1);
        world.connect(0, 1);
        world
    }

    /// As `up`, with nothing on its way.
    fn connected() -> Self {
        let mut world = Self::up();
        world.clear();
        world
    }

    /// The connection between two sides is up.
    fn connect(&mut self, one: usize, other: usize) {
        for (side, other) in [(one, other), (other, one)] {
            let other = self.sides[other].id.clone();
            self.input(side, Input::Peer(other.clone(), PeerInput::Connected));
            self.input(side, Input::Peer(other, PeerInput::DataOpen));
        }
    }

    /// Forgets what all sides have asked for and sent.
    fn clear(&mut self) {
        for side in &mut self.sides {
            side.peer.clear();
            side.signals.clear();
            side.to.clear();
        }
    }

    fn input(&mut self, side: usize, input: Input) {
        self.sides[side].call.handle(self.now, input);
        self.drain(side);
    }

    /// Does what a side asks for, as far as the relay is concerned.
    fn drain(&mut self, side: usize) {
        while let Some(output) = self.sides[side].call.poll() {
            let s = &mut self.sides[side];
            if let Output::Send(ClientMessage::Create { knock, .. }) = &output {
                self.asked = *knock;
            }
            match output {
                Output::Connect => s.connects += 1,
                Output::Disconnect | Output::View => {}
                Output::Event(event) => s.events.push(event),
                Output::Peer(peer, output) => s.peer.push((peer, output)),
                Output::Probe => s.probes += 1,
                Output::Send(ClientMessage::Hello { resume, ack, .. }) => {
                    s.hello = (resume, ack);
                    let peer = s.id.clone();
                    let challenge = Nonce::new([1; 16]);
                    let welcome = RelayMessage::Welcome {
                        peer,
                        challenge,
                        ice_servers: vec![],
                        resume: "token".into(),
                        resumed: s.resumed,
                    };
                    s.call.handle(self.now, Input::Relay(welcome));
                }
                Output::Send(
                    ClientMessage::Create {
                        name, nonce, mac, ..
                    }
                    | ClientMessage::Join {
                        name, nonce, mac, ..
                    },
                ) => {
                    self.order += 1;
                    s.member = Some(Member {
                        peer: s.id.clone(),
                        name,
                        nonce,
                        mac,
                        order: self.order,
                    });
                }
                Output::Send(ClientMessage::Signal { to, seq, body, sig }) => {
                    self.n += 1;
                    let from = s.id.clone();
                    s.signals.push(RelayMessage::Signal {
                        from,
                        n: self.n,
                        seq,
                        body,
                        sig,
                    });
                    s.to.push(to);
                }
                Output::Send(ClientMessage::Leave) => s.member = None,
                Output::Send(ClientMessage::Ack { n }) => self.sides[side].acks.push(n),
                Output::Send(message) => s.said.push(message),
                Output::Text(text) => panic!("{text} is for another relay"),
            }
        }
    }

    fn join(&mut self, side: usize) {
        self.input(side, Input::SocketOpen);
        self.roster();
    }

    fn roster(&mut self) {
        let key = self.key.public();
        let host = self
            .sides
            .iter()
            .find(|s| s.id == id(HOST))
            .and_then(|s| s.member.clone());
        let peers: Vec<Member> = self
            .sides
            .iter()
            .filter(|s| s.id != id(HOST))
            .filter_map(|s| s.member.clone())
            .collect();
        let host = host.map(|member| Host { key, member });
        for side in 0..self.sides.len() {
            if self.sides[side].member.is_some() {
                let (host, mut peers) = (host.clone(), peers.clone());
                let count = peers.len() as u32 + 1;
                if self.kind == RoomKind::Broadcast && self.sides[side].id != id(HOST) {
                    peers.retain(|member| member.peer == self.sides[side].id);
                }
                let room = RelayMessage::Room {
                    kind: self.kind,
                    host,
                    peers,
                    count,
                    capacity: 8,
                    locked: self.locked,
                };
                self.input(side, Input::Relay(room));
            }
        }
    }

    /// The connection of `side` to the other of two made a description.
    fn local(&mut self, side: usize, kind: DescriptionType) {
        let other = self.sides[1 - side].id.clone();
        let sdp = sdp(side);
        self.input(
            side,
            Input::Peer(other, PeerInput::Local(Description { kind, sdp })),
        );
    }

    /// A side offers a connection with this certificate to another, under its id and nonce as before.
    fn describes(&mut self, from: usize, to: usize, certificate: usize) {
        let (kind, sdp) = (DescriptionType::Offer, sdp(certificate));
        let body = SignalBody::Description(Description { kind, sdp });
        let body = serde_json::to_string(&body).unwrap();
        let [me, other] = [from, to].map(|side| self.sides[side].call.me.clone().unwrap());
        self.n += 100;
        let (n, seq) = (self.n, self.n);
        let auth = &self.sides[from].call.auth;
        let (body, sig) = auth.seal(&me, &other, seq, SEAL_NONCE, &body);
        let signal = RelayMessage::Signal {
            from: me.peer,
            n,
            seq,
            body,
            sig,
        };
        self.input(to, Input::Relay(signal));
    }

    /// What one of two ends says on the data channel reaches the other, and so on, until all is said.
    fn talk(&mut self) {
        loop {
            let mut silent = true;
            for side in [0, 1] {
                let from = self.sides[side].id.clone();
                let (said, kept) = std::mem::take(&mut self.sides[side].peer)
                    .into_iter()
                    .partition(|(_, output)| matches!(output, PeerOutput::Data(_)));
                self.sides[side].peer = kept;
                for (_, output) in said {
                    let PeerOutput::Data(message) = output else {
                        unreachable!()
                    };
                    silent = false;
                    let text = serde_json::to_string(&message).unwrap();
                    self.input(1 - side, Input::Peer(from.clone(), PeerInput::Data(text)));
                }
            }
            if silent {
                return;
            }
        }
    }

    /// The relay hands on what a side has sent.
    fn deliver(&mut self, side: usize) {
        let signals = std::mem::take(&mut self.sides[side].signals);
        let to = std::mem::take(&mut self.sides[side].to);
        for (signal, to) in signals.into_iter().zip(to) {
            if let Some(target) = self.sides.iter().position(|s| s.id == to) {
                self.input(target, Input::Relay(signal));
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let next = |world: &Self| {
            let due = |side: usize| world.sides[side].call.deadline().map(|at| (at, side));
            (0..world.sides.len())
                .filter_map(due)
                .min()
                .filter(|(at, _)| *at <= end)
        };
        while let Some((at, side)) = next(self) {
            self.now = self.now.max(at);
            self.input(side, Input::Tick);
        }
        self.now = end;
    }

    fn phase(&self, side: usize) -> CallPhase {
        self.sides[side].call.view().phase
    }

    fn ended(&self, side: usize) -> Option<EndReason> {
        self.sides[side].call.ended()
    }
}

const OFFER: PeerOutput = PeerOutput::CreateOffer { ice_restart: false };

fn description(side: usize, kind: DescriptionType) -> PeerOutput {
    PeerOutput::SetRemote(Description {
        kind,
        sdp: sdp(side),
    })
}

fn sdp(side: usize) -> String {
    format!("sdp of {side}\r\na=fingerprint:sha-256 A{side}:B{side}\r\n")
}
