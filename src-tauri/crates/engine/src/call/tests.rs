//! Calls as their users live them: two or more ends, and between them a relay that does as told.

use std::time::{Duration, Instant};

use ahoy_contract::{
    ErrorCode, Nonce, PeerId, Secret,
    id::Mac,
    peer::{ByeReason, Candidate, DataMessage, Description, DescriptionType},
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
}

impl Side {
    fn new(config: CallConfig, peer: &str) -> Self {
        let mut nonce = peer.as_bytes()[0];
        let call = Call::new(config, move || {
            nonce += 1;
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
    sides: Vec<Side>,
    order: u32,
    n: u64,
}

fn config(key: &HostKey, part: Part, now: Instant) -> CallConfig {
    CallConfig {
        part,
        room: key.room(),
        secret: Secret::new([7; 16]),
        link: "https://relay/r/room#secret".into(),
        name: "Ada".into(),
        app: "test".into(),
        only_answers: false,
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
            sides: vec![],
            order: 0,
            n: 0,
        }
    }

    fn host(&mut self) -> usize {
        let part = Part::Host {
            key: self.key.clone(),
            kind: RoomKind::Call,
            capacity: 8,
            knock: false,
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

    /// A host and a guest in one room, with nothing said between them yet.
    fn pair() -> Self {
        let mut world = Self::new();
        let host = world.host();
        world.join(host);
        let guest = world.guest();
        world.join(guest);
        world
    }

    /// As `pair`, connected.
    fn connected() -> Self {
        let mut world = Self::pair();
        world.local(0, DescriptionType::Offer);
        world.deliver(0);
        world.local(1, DescriptionType::Answer);
        world.deliver(1);
        for side in [0, 1] {
            let other = world.sides[1 - side].id.clone();
            world.input(side, Input::Peer(other.clone(), PeerInput::Connected));
            world.input(side, Input::Peer(other, PeerInput::DataOpen));
            world.sides[side].peer.clear();
            world.sides[side].signals.clear();
            world.sides[side].to.clear();
        }
        world
    }

    fn input(&mut self, side: usize, input: Input) {
        self.sides[side].call.handle(self.now, input);
        self.drain(side);
    }

    /// Does what a side asks for, as far as the relay is concerned.
    fn drain(&mut self, side: usize) {
        while let Some(output) = self.sides[side].call.poll() {
            let s = &mut self.sides[side];
            match output {
                Output::Connect => s.connects += 1,
                Output::Disconnect | Output::View => {}
                Output::Event(event) => s.events.push(event),
                Output::Peer(peer, output) => s.peer.push((peer, output)),
                Output::Send(ClientMessage::Hello { .. }) => {
                    let peer = s.id.clone();
                    let challenge = Nonce::new([1; 16]);
                    let welcome = RelayMessage::Welcome {
                        peer,
                        challenge,
                        ice_servers: vec![],
                        resume: String::new(),
                    };
                    s.call.handle(self.now, Input::Relay(welcome));
                }
                Output::Send(
                    ClientMessage::Create { name, nonce, .. }
                    | ClientMessage::Join { name, nonce, .. },
                ) => {
                    self.order += 1;
                    s.member = Some(Member {
                        peer: s.id.clone(),
                        name,
                        nonce,
                        order: self.order,
                    });
                }
                Output::Send(ClientMessage::Signal {
                    to,
                    seq,
                    body,
                    mac,
                    sig,
                }) => {
                    self.n += 1;
                    let from = s.id.clone();
                    s.signals.push(RelayMessage::Signal {
                        from,
                        n: self.n,
                        seq,
                        body,
                        mac,
                        sig,
                    });
                    s.to.push(to);
                }
                Output::Send(ClientMessage::Leave) => s.member = None,
                Output::Send(_) => {}
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
                let (host, peers) = (host.clone(), peers.clone());
                let count = peers.len() as u32 + 1;
                let room = RelayMessage::Room {
                    kind: RoomKind::Call,
                    host,
                    peers,
                    count,
                    capacity: 8,
                    locked: false,
                };
                self.input(side, Input::Relay(room));
            }
        }
    }

    /// The connection of `side` to the other of two made a description.
    fn local(&mut self, side: usize, kind: DescriptionType) {
        let other = self.sides[1 - side].id.clone();
        let sdp = format!("sdp of {side}");
        self.input(
            side,
            Input::Peer(other, PeerInput::Local(Description { kind, sdp })),
        );
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
        sdp: format!("sdp of {side}"),
    })
}

#[test]
fn who_was_there_first_offers() {
    let world = World::pair();
    assert!(world.sides[0].has(&OFFER));
    assert!(!world.sides[1].has(&OFFER));
    assert_eq!(world.phase(0), CallPhase::Connecting);
}

#[test]
fn offer_and_answer_lead_to_a_call() {
    let mut world = World::pair();
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    assert!(world.sides[1].has(&description(0, DescriptionType::Offer)));
    assert!(world.sides[1].has(&PeerOutput::CreateAnswer));
    world.local(1, DescriptionType::Answer);
    world.deliver(1);
    assert!(world.sides[0].has(&description(1, DescriptionType::Answer)));
    world.input(0, Input::Peer(id(GUEST), PeerInput::Connected));
    assert_eq!(world.phase(0), CallPhase::Connected);
    assert_eq!(world.sides[0].call.view().connected_at, Some(1_000_000));
}

#[test]
fn a_host_alone_waits_with_the_link() {
    let mut world = World::new();
    let host = world.host();
    assert_eq!(
        (world.phase(host), world.sides[host].call.view().link),
        (CallPhase::Joining, None)
    );
    world.join(host);
    assert_eq!(world.phase(host), CallPhase::Waiting);
    assert!(world.sides[host].call.view().link.is_some());
}

#[test]
fn in_a_glare_the_smaller_id_gives_way() {
    let mut world = World::connected();
    // Both lost the other; only the one that offers at the start restarts, so the glare is made by hand.
    world.input(0, Input::Peer(id(GUEST), PeerInput::Disconnected));
    assert!(world.sides[0].has(&PeerOutput::CreateOffer { ice_restart: true }));
    world.sides[1].call.with_peer(&id(HOST), |peer| {
        peer.want_offer(false);
        peer::Ask::Nothing
    });
    world.drain(1);
    world.local(0, DescriptionType::Offer);
    world.local(1, DescriptionType::Offer);
    world.deliver(0);
    world.deliver(1);
    // "b…" is the smaller id: the guest is polite, takes the host's offer and drops its own.
    assert!(world.sides[1].has(&description(0, DescriptionType::Offer)));
    assert!(!world.sides[0].has(&description(1, DescriptionType::Offer)));
    world.local(1, DescriptionType::Answer);
    world.deliver(1);
    assert!(world.sides[0].has(&description(1, DescriptionType::Answer)));
}

#[test]
fn an_offer_that_a_remote_one_overtook_is_not_sent() {
    let mut world = World::connected();
    world.sides[1].call.with_peer(&id(HOST), |peer| {
        peer.want_offer(false);
        peer::Ask::Nothing
    });
    world.drain(1);
    world.input(0, Input::Peer(id(GUEST), PeerInput::Disconnected));
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    world.local(1, DescriptionType::Offer);
    assert!(
        world.sides[1].signals.is_empty(),
        "the overtaken offer stays at home"
    );
    world.local(1, DescriptionType::Answer);
    assert_eq!(world.sides[1].signals.len(), 1);
}

#[test]
fn an_answer_without_an_offer_is_left_alone() {
    let mut world = World::pair();
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    world.local(1, DescriptionType::Answer);
    let signals = world.sides[1].signals.clone();
    world.deliver(1);
    // The same answer again, as a new signal.
    let RelayMessage::Signal { body, .. } = &signals[0] else {
        panic!()
    };
    let me = world.sides[1].call.me.clone().unwrap();
    let to = world.sides[0].call.me.clone().unwrap();
    let (mac, sig) = world.sides[1].call.auth.sign(&me, &to, 99, body);
    let again = RelayMessage::Signal {
        from: id(GUEST),
        n: 99,
        seq: 99,
        body: body.clone(),
        mac,
        sig,
    };
    world.input(0, Input::Relay(again));
    assert_eq!(
        world.sides[0].count(|o| matches!(o, PeerOutput::SetRemote(_))),
        1
    );
    assert_eq!(world.ended(0), None);
}

#[test]
fn a_candidate_before_its_description_waits_for_it() {
    let mut world = World::pair();
    let candidate = |text: &str| Candidate {
        candidate: text.into(),
        sdp_mid: Some("0".into()),
        sdp_m_line_index: Some(0),
        username_fragment: None,
    };
    let early = PeerInput::Candidate(Some(candidate("candidate:1")));
    world.input(0, Input::Peer(id(GUEST), early));
    world.deliver(0);
    assert_eq!(
        world.sides[1].count(|o| matches!(o, PeerOutput::AddCandidate(_))),
        0
    );
    world.local(0, DescriptionType::Offer);
    world.input(0, Input::Peer(id(GUEST), PeerInput::Candidate(None)));
    world.deliver(0);
    let order: Vec<_> = world.sides[1].peer.iter().map(|(_, o)| o).collect();
    let set = order
        .iter()
        .position(|o| matches!(o, PeerOutput::SetRemote(_)))
        .unwrap();
    let add = order
        .iter()
        .position(|o| matches!(o, PeerOutput::AddCandidate(Some(_))))
        .unwrap();
    assert!(set < add);
    assert!(world.sides[1].has(&PeerOutput::AddCandidate(None)));
}

#[test]
fn an_end_that_only_answers_is_offered_to_after_a_while() {
    let mut world = World::new();
    let part = Part::Host {
        key: world.key.clone(),
        kind: RoomKind::Call,
        capacity: 2,
        knock: false,
    };
    let mut callee = config(&world.key, part, world.now);
    callee.only_answers = true;
    world.add(callee, HOST);
    world.join(0);
    world.guest();
    world.join(1);
    assert!(!world.sides[0].has(&OFFER) && !world.sides[1].has(&OFFER));
    world.pass(OFFER_PATIENCE);
    assert!(!world.sides[0].has(&OFFER));
    assert!(world.sides[1].has(&OFFER));
}

#[test]
fn hanging_up_ends_both_in_every_state() {
    for (stage, build) in [World::pair as fn() -> World, World::connected]
        .into_iter()
        .enumerate()
    {
        for who in [0, 1] {
            let mut world = build();
            world.input(who, Input::HangUp);
            assert_eq!(
                world.ended(who),
                Some(EndReason::ByMe),
                "stage {stage}, side {who}"
            );
            assert!(world.sides[who].has(&PeerOutput::Close));
            world.deliver(who);
            assert_eq!(
                world.ended(1 - who),
                Some(EndReason::ByThem),
                "stage {stage}, side {who}"
            );
            assert!(world.sides[1 - who].has(&PeerOutput::Close));
        }
    }
    for host in [true, false] {
        let mut world = World::new();
        let side = if host { world.host() } else { world.guest() };
        world.input(side, Input::HangUp);
        assert_eq!(
            world.ended(side),
            Some(EndReason::ByMe),
            "before the relay answered"
        );
    }
}

#[test]
fn a_bye_on_the_data_channel_ends_too() {
    let mut world = World::connected();
    let bye = serde_json::to_string(&DataMessage::Bye {
        reason: ByeReason::HangUp,
    })
    .unwrap();
    world.input(0, Input::Peer(id(GUEST), PeerInput::Data(bye)));
    assert_eq!(world.ended(0), Some(EndReason::ByThem));
}

#[test]
fn a_guest_gone_without_a_word_leaves_the_host_waiting() {
    let mut world = World::connected();
    world.sides[1].member = None;
    world.roster();
    assert_eq!((world.ended(0), world.phase(0)), (None, CallPhase::Waiting));
    assert!(world.sides[0].has(&PeerOutput::Close));
    assert!(
        world.sides[0]
            .events
            .iter()
            .any(|e| matches!(e, Event::PeerLeft { reason: None, .. }))
    );
}

#[test]
fn a_host_gone_without_a_word_is_waited_for() {
    let mut world = World::connected();
    world.sides[0].member = None;
    world.roster();
    assert_eq!(
        (world.ended(1), world.phase(1)),
        (None, CallPhase::HostAway)
    );
    world.input(
        1,
        Input::Relay(RelayMessage::Error {
            code: ErrorCode::NotFound,
            message: String::new(),
        }),
    );
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::NotFound
        })
    );
}

#[test]
fn with_three_in_the_room_one_may_leave() {
    let mut world = World::connected();
    let part = Part::Guest { role: Role::Caller };
    let third = config(&world.key, part, world.now);
    world.add(third, THIRD);
    world.join(2);
    assert_eq!(world.sides[0].call.view().peers.len(), 2);
    world.input(1, Input::HangUp);
    world.deliver(1);
    assert_eq!((world.ended(0), world.ended(2)), (None, None));
    assert_eq!(world.sides[0].call.view().peers.len(), 1);
}

#[test]
fn what_each_end_sends_is_known_to_the_other() {
    let mut world = World::connected();
    world.input(
        0,
        Input::LocalState {
            muted: true,
            camera_off: false,
        },
    );
    let state = DataMessage::State {
        muted: true,
        camera_off: false,
    };
    assert!(world.sides[0].has(&PeerOutput::Data(state.clone())));
    let text = serde_json::to_string(&state).unwrap();
    world.input(1, Input::Peer(id(HOST), PeerInput::Data(text)));
    assert!(world.sides[1].call.view().peers[0].muted);
}

fn tampered(change: impl Fn(&mut RelayMessage)) -> World {
    let mut world = World::pair();
    world.local(0, DescriptionType::Offer);
    change(&mut world.sides[0].signals[0]);
    world.deliver(0);
    world
}

#[test]
fn a_changed_signal_stops_the_peer_at_both_ends() {
    type Change = fn(&mut RelayMessage);
    let cases: [(&str, Change); 4] = [
        ("a byte of the body", |m| {
            if let RelayMessage::Signal { body, .. } = m {
                *body = body.replace("sdp of", "sdp_of");
            }
        }),
        ("the mac", |m| {
            if let RelayMessage::Signal { mac, .. } = m {
                *mac = Mac::new([0; 32]);
            }
        }),
        ("the number", |m| {
            if let RelayMessage::Signal { seq, .. } = m {
                *seq += 1;
            }
        }),
        ("no signature of the host", |m| {
            if let RelayMessage::Signal { sig, .. } = m {
                *sig = None;
            }
        }),
    ];
    for (what, change) in cases {
        let mut world = tampered(change);
        assert_eq!(
            world.ended(1),
            Some(EndReason::Refused {
                code: ErrorCode::NotAuthentic
            }),
            "{what}"
        );
        assert_eq!(
            world.sides[1].count(|o| matches!(o, PeerOutput::SetRemote(_))),
            0,
            "{what}"
        );
        assert!(world.sides[1].has(&PeerOutput::Close), "{what}");
        world.deliver(1);
        assert_eq!(
            world.sides[0].error(),
            Some(ErrorCode::NotAuthentic),
            "{what}"
        );
        assert_eq!(
            world.sides[0].call.view().peers[0].state,
            PeerState::NotAuthentic,
            "{what}"
        );
        assert_eq!(world.ended(0), None, "{what}: the host goes on waiting");
    }
}

#[test]
fn a_replayed_signal_stops_the_peer() {
    let mut world = World::pair();
    world.local(0, DescriptionType::Offer);
    let replay = world.sides[0].signals[0].clone();
    world.deliver(0);
    assert_eq!(world.ended(1), None);
    world.input(1, Input::Relay(replay));
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::NotAuthentic
        })
    );
}

#[test]
fn one_who_poses_as_the_host_gets_nothing() {
    let mut world = World::new();
    world.host();
    world.join(0);
    world.key = HostKey::from_bytes(&[4; 32]);
    let real = HostKey::from_bytes(&[3; 32]);
    let guest = config(&real, Part::Guest { role: Role::Caller }, world.now);
    world.add(guest, GUEST);
    world.join(1);
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::NotAuthentic
        })
    );
    assert_eq!(
        world.sides[1].count(|o| matches!(o, PeerOutput::Open { .. })),
        0
    );
}

#[test]
fn a_guest_with_another_secret_is_refused_and_the_host_waits_on() {
    let mut world = World::new();
    world.host();
    world.join(0);
    let mut guest = config(&world.key, Part::Guest { role: Role::Caller }, world.now);
    guest.secret = Secret::new([8; 16]);
    world.add(guest, GUEST);
    world.join(1);
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    world.deliver(1);
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::NotAuthentic
        })
    );
    assert_eq!(
        (world.ended(0), world.sides[0].error()),
        (None, Some(ErrorCode::NotAuthentic))
    );
}

#[test]
fn what_is_authentic_and_not_understood_is_left_alone() {
    for body in [
        "",
        "{",
        "[1]",
        r#"{"wave":1}"#,
        r#"{"description":{"type":"offer"}}"#,
    ] {
        let mut world = World::pair();
        let me = world.sides[0].call.me.clone().unwrap();
        let to = world.sides[1].call.me.clone().unwrap();
        let (mac, sig) = world.sides[0].call.auth.sign(&me, &to, 1, body);
        let odd = RelayMessage::Signal {
            from: id(HOST),
            n: 1,
            seq: 1,
            body: body.into(),
            mac,
            sig,
        };
        world.input(1, Input::Relay(odd));
        world.input(1, Input::Peer(id(HOST), PeerInput::Data(body.into())));
        assert_eq!(world.ended(1), None, "{body}");
    }
}

#[test]
fn a_relay_that_does_not_answer_is_told_at_once() {
    let mut world = World::new();
    let guest = world.guest();
    world.input(guest, Input::SocketClosed(SocketEnd::Lost));
    assert_eq!(
        world.ended(guest),
        Some(EndReason::Refused {
            code: ErrorCode::RelayUnreachable
        })
    );

    let mut world = World::new();
    let guest = world.guest();
    world.sides[guest].call.handle(world.now, Input::SocketOpen);
    while world.sides[guest].call.poll().is_some() {}
    world.pass(RELAY_PATIENCE);
    assert_eq!(
        world.ended(guest),
        Some(EndReason::Refused {
            code: ErrorCode::RelayUnreachable
        })
    );
}

#[test]
fn a_relay_lost_during_a_call_is_looked_for_and_the_ends_meet_again() {
    let mut world = World::connected();
    world.input(1, Input::SocketClosed(SocketEnd::Lost));
    assert_eq!(world.phase(1), CallPhase::Connected);
    let before = world.sides[1].connects;
    world.pass(Duration::from_secs(1));
    assert_eq!(world.sides[1].connects, before + 1);
    // The relay knows the new socket as a new member.
    world.sides[1].id = id("cccccccccccccccc");
    world.sides[0].peer.clear();
    world.sides[1].peer.clear();
    world.join(1);
    assert!(world.sides[0].has(&OFFER));
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    assert!(world.sides[1].has(&description(0, DescriptionType::Offer)));
    world.local(1, DescriptionType::Answer);
    world.deliver(1);
    assert!(world.sides[0].has(&description(1, DescriptionType::Answer)));
    assert_eq!((world.ended(0), world.ended(1)), (None, None));
}

#[test]
fn a_room_that_is_not_back_yet_is_tried_again() {
    let mut world = World::connected();
    world.input(1, Input::SocketClosed(SocketEnd::Lost));
    world.pass(Duration::from_secs(1));
    world.input(1, Input::SocketOpen);
    let gone = RelayMessage::Error {
        code: ErrorCode::NotFound,
        message: String::new(),
    };
    world.input(1, Input::Relay(gone));
    assert_eq!(world.ended(1), None);
    world.pass(Duration::from_secs(2));
    world.sides[1].id = id("cccccccccccccccc");
    world.join(1);
    assert_eq!(
        (world.ended(1), world.phase(1)),
        (None, CallPhase::Connecting)
    );
}

#[test]
fn what_was_recorded_before_a_member_left_the_roster_cannot_be_replayed_after() {
    let mut world = World::pair();
    world.local(0, DescriptionType::Offer);
    let recorded = world.sides[0].signals[0].clone();
    world.deliver(0);
    let host = world.sides[0].member.take();
    world.roster();
    world.sides[0].member = host;
    world.roster();
    world.input(1, Input::Relay(recorded));
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::NotAuthentic
        })
    );
}

#[test]
fn a_line_of_chat_waits_for_the_data_channel() {
    let mut world = World::pair();
    world.input(
        0,
        Input::Chat {
            to: None,
            text: "hello".into(),
        },
    );
    let line = PeerOutput::Data(DataMessage::Chat {
        id: 1,
        text: "hello".into(),
    });
    assert!(!world.sides[0].has(&line));
    world.input(0, Input::Peer(id(GUEST), PeerInput::DataOpen));
    assert!(world.sides[0].has(&line));
}

#[test]
fn a_stranger_who_says_nothing_does_not_end_the_hosts_call() {
    let mut world = World::pair();
    world.pass(CONNECT_PATIENCE + OFFER_PATIENCE);
    assert_eq!(world.ended(0), None);
    assert_eq!(world.sides[0].error(), Some(ErrorCode::ConnectionFailed));
    assert!(world.sides[0].has(&PeerOutput::Close));
    assert_eq!(world.phase(0), CallPhase::Waiting);
}

#[test]
fn a_stranger_in_the_room_does_not_keep_a_call_from_ending() {
    let mut world = World::connected();
    let mut third = config(&world.key, Part::Guest { role: Role::Caller }, world.now);
    third.secret = Secret::new([8; 16]);
    world.add(third, THIRD);
    world.join(2);
    world.input(2, Input::Peer(id(HOST), PeerInput::Candidate(None)));
    world.deliver(2);
    assert_eq!(
        (world.ended(0), world.sides[0].error()),
        (None, Some(ErrorCode::NotAuthentic))
    );
    world.input(1, Input::HangUp);
    world.deliver(1);
    assert_eq!(world.ended(0), Some(EndReason::ByThem));
}

#[test]
fn two_ends_that_only_answer_are_told_that_there_is_no_way() {
    let mut world = World::new();
    for (part, peer) in [
        (
            Part::Host {
                key: world.key.clone(),
                kind: RoomKind::Call,
                capacity: 2,
                knock: false,
            },
            HOST,
        ),
        (Part::Guest { role: Role::Caller }, GUEST),
    ] {
        let mut config = config(&world.key, part, world.now);
        config.only_answers = true;
        let side = world.add(config, peer);
        world.join(side);
    }
    world.pass(OFFER_PATIENCE + CONNECT_PATIENCE);
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::ConnectionFailed
        })
    );
}

#[test]
fn a_guest_that_finds_no_way_gives_up() {
    let mut world = World::pair();
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    world.pass(CONNECT_PATIENCE);
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::ConnectionFailed
        })
    );
}

#[test]
fn a_lost_path_is_looked_for_once_and_then_given_up() {
    let mut world = World::connected();
    world.input(0, Input::Peer(id(GUEST), PeerInput::Disconnected));
    assert_eq!(world.phase(0), CallPhase::Reconnecting);
    world.input(0, Input::Peer(id(GUEST), PeerInput::Connected));
    assert_eq!(world.phase(0), CallPhase::Connected);
    world.input(0, Input::Peer(id(GUEST), PeerInput::Failed));
    world.pass(CONNECT_PATIENCE);
    assert_eq!(world.ended(0), Some(EndReason::Network));
}
