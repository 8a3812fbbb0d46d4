//! Any order of messages, from a relay that means harm as well: nobody is talked to who was not let in.

use std::collections::BTreeSet;

use ahoy_contract::peer::Removed;
use proptest::prelude::*;

use super::*;

const OTHERS: [&str; 3] = [GUEST, THIRD, "cccccccccccccccc"];

/// The join of a member under which it gives no proof.
const STRANGER: u8 = 2;

/// Whom something is about, and under which join.
type Who = (usize, u8);

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    Open,
    Close,
    Pass(u16),
    Welcome {
        same: bool,
        resumed: bool,
    },
    /// The others that the relay shows, whether this end is among them as it is, and whether it poses as the host.
    Roster {
        others: Vec<Who>,
        late: bool,
        key: bool,
    },
    Knock(usize),
    Left(usize),
    Error(ErrorCode),
    /// From one who knows the secret.
    Signal(Who, SignalBody),
    Peer(usize, u8),
    Data(usize, String),
    Admit(usize, bool),
    Lock(bool),
    Remove(usize),
    Moved,
    Chat,
    Show(bool),
    HangUp,
}

fn body() -> impl Strategy<Value = SignalBody> {
    let description = |kind| {
        move |side| {
            SignalBody::Description(Description {
                kind,
                sdp: sdp(side),
            })
        }
    };
    prop_oneof![
        (0..3_usize).prop_map(description(DescriptionType::Offer)),
        (0..3_usize).prop_map(description(DescriptionType::Answer)),
        Just(SignalBody::Candidate(None)),
        Just(SignalBody::Bye(ByeReason::HangUp)),
        Just(SignalBody::Bye(ByeReason::NotAuthentic)),
        Just(SignalBody::Bye(ByeReason::Failed)),
        (0..OTHERS.len(), 0..3_u8).prop_map(|who| {
            let End { peer, nonce } = Walk::end(who);
            SignalBody::Removed(Removed { peer, nonce })
        }),
    ]
}

fn data() -> impl Strategy<Value = String> {
    let nonce = || Nonce::new([5; 16]);
    let commitment = ahoy_contract::words::commitment(&nonce(), "a", "b");
    let said = [
        DataMessage::WordsCommit { commitment },
        DataMessage::WordsNonce { nonce: nonce() },
        DataMessage::WordsReveal { nonce: nonce() },
        DataMessage::Chat {
            id: 1,
            text: "x".into(),
        },
        DataMessage::ChatReceived { id: 1 },
        DataMessage::Screen { shown: true },
        DataMessage::Bye {
            reason: ByeReason::Failed,
        },
    ];
    let said = said.map(|message| serde_json::to_string(&message).unwrap());
    prop_oneof![4 => prop::sample::select(said.to_vec()), 1 => ".{0,20}"]
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..OTHERS.len();
    let code = prop::sample::select(vec![
        ErrorCode::NotFound,
        ErrorCode::RoomFull,
        ErrorCode::NoSuchPeer,
        ErrorCode::NotInRoom,
        ErrorCode::RateLimited,
        ErrorCode::Locked,
        ErrorCode::BadMessage,
    ]);
    prop_oneof![
        4 => Just(Step::Open),
        1 => Just(Step::Close),
        1 => (0..40_000_u16).prop_map(Step::Pass),
        4 => (prop::bool::weighted(0.8), any::<bool>())
            .prop_map(|(same, resumed)| Step::Welcome { same, resumed }),
        8 => (
            prop::collection::vec((who(), 0..3_u8), 0..4),
            prop::bool::weighted(0.1),
            prop::bool::weighted(0.1),
        )
            .prop_map(|(others, late, key)| Step::Roster { others, late, key }),
        3 => who().prop_map(Step::Knock),
        2 => who().prop_map(Step::Left),
        1 => code.prop_map(Step::Error),
        6 => ((who(), 0..3_u8), body()).prop_map(|(who, body)| Step::Signal(who, body)),
        6 => (who(), 0..8_u8).prop_map(|(who, what)| Step::Peer(who, what)),
        2 => (who(), data()).prop_map(|(who, text)| Step::Data(who, text)),
        3 => (who(), any::<bool>()).prop_map(|(who, accept)| Step::Admit(who, accept)),
        1 => any::<bool>().prop_map(Step::Lock),
        1 => who().prop_map(Step::Remove),
        1 => Just(Step::Moved),
        1 => Just(Step::Chat),
        1 => any::<bool>().prop_map(Step::Show),
        // Rarely, for nothing happens after it.
        1 => prop::bool::weighted(0.05).prop_map(|end| if end { Step::HangUp } else { Step::Chat }),
    ]
}

/// A host's call, a relay that does anything, and who may be talked to.
struct Walk {
    call: Call,
    key: HostKey,
    now: Instant,
    me: Option<End>,
    joining: Option<Nonce>,
    order: u32,
    seq: u64,
    let_in: BTreeSet<PeerId>,
    knock: bool,
    locked: bool,
    /// Connections that were made and not closed.
    open: BTreeSet<PeerId>,
}

impl Walk {
    #[expect(clippy::disallowed_methods, reason = "any moment will do as the first")]
    fn new(knock: bool) -> Self {
        let (key, now) = (HostKey::from_bytes(&[3; 32]), Instant::now());
        let part = Part::Host {
            key: key.clone(),
            kind: RoomKind::Call,
            capacity: 8,
            knock,
        };
        let mut count = 0_u64;
        let call = Call::new(config(&key, part, now), move || {
            count += 1;
            let mut bytes = [9; 16];
            bytes[..8].copy_from_slice(&count.to_be_bytes());
            Nonce::new(bytes)
        });
        let mut walk = Self {
            call,
            key,
            now,
            me: None,
            joining: None,
            order: 0,
            seq: 0,
            let_in: BTreeSet::new(),
            knock,
            locked: false,
            open: BTreeSet::new(),
        };
        walk.drain();
        walk
    }

    fn end((who, nonce): Who) -> End {
        End {
            peer: id(OTHERS[who]),
            nonce: Nonce::new([nonce; 16]),
        }
    }

    fn take(&mut self, step: Step) {
        let input = match step {
            Step::Open => Input::SocketOpen,
            Step::Close => Input::SocketClosed(SocketEnd::Lost),
            Step::Pass(ms) => {
                self.now += Duration::from_millis(ms.into());
                Input::Tick
            }
            Step::Welcome { same, resumed } => Input::Relay(RelayMessage::Welcome {
                peer: id(if same { HOST } else { "hhhhhhhhhhhhhhhh" }),
                challenge: Nonce::new([1; 16]),
                ice_servers: vec![],
                resume: "token".into(),
                resumed,
            }),
            Step::Roster { others, late, key } => {
                self.order += 1;
                let Some(nonce) = self.joining.clone() else {
                    return;
                };
                let peer = id(HOST);
                let order = self.order;
                let nonce = if late { Nonce::new([0; 16]) } else { nonce };
                if !late {
                    self.me = Some(End {
                        peer: peer.clone(),
                        nonce: nonce.clone(),
                    });
                }
                let own = member(&self.key, End { peer, nonce }, "Ada", order);
                let mut peers: Vec<_> = others
                    .into_iter()
                    .map(|who| {
                        let mut other = member(&self.key, Self::end(who), "Grace", order + 1);
                        if who.1 == STRANGER {
                            other.mac = Mac::new([0; 32]);
                        }
                        other
                    })
                    .collect();
                let host = if key && !peers.is_empty() {
                    let host = peers.remove(0);
                    peers.push(own);
                    host
                } else {
                    own
                };
                Input::Relay(RelayMessage::Room {
                    kind: RoomKind::Call,
                    host: Some(Host {
                        key: self.key.public(),
                        member: host,
                    }),
                    count: peers.len() as u32 + 1,
                    peers,
                    capacity: 8,
                    locked: false,
                })
            }
            Step::Knock(who) => Input::Relay(join_request(&self.key, id(OTHERS[who]), "Grace")),
            Step::Left(who) => Input::Relay(RelayMessage::Left {
                peer: id(OTHERS[who]),
            }),
            Step::Error(code) => Input::Relay(RelayMessage::Error {
                code,
                message: String::new(),
            }),
            Step::Signal(who, body) => {
                let Some(me) = self.me.clone() else { return };
                let from = Self::end(who);
                self.seq += 1;
                let body = serde_json::to_string(&body).unwrap();
                let (n, seq) = (self.seq, self.seq);
                let auth = &self.call.auth;
                let (body, sig) = auth.seal(&from, &me, seq, SEAL_NONCE, &body);
                let from = from.peer;
                Input::Relay(RelayMessage::Signal {
                    from,
                    n,
                    seq,
                    body,
                    sig,
                })
            }
            Step::Peer(who, what) => {
                let describe = |kind| PeerInput::Local(Description { kind, sdp: sdp(9) });
                let input = match what {
                    0 => describe(DescriptionType::Offer),
                    1 => describe(DescriptionType::Answer),
                    2 => PeerInput::Candidate(None),
                    3 => PeerInput::Connected,
                    4 => PeerInput::Disconnected,
                    5 => PeerInput::Failed,
                    6 => PeerInput::DataOpen,
                    _ => PeerInput::StepFailed("why".into()),
                };
                Input::Peer(id(OTHERS[who]), input)
            }
            Step::Data(who, text) => Input::Peer(id(OTHERS[who]), PeerInput::Data(text)),
            Step::Admit(who, accept) => {
                let peer = id(OTHERS[who]);
                let knocks = self.call.view().knocks;
                if accept && knocks.iter().any(|knock| knock.peer == peer) {
                    self.let_in.insert(peer.clone());
                }
                Input::Admit { peer, accept }
            }
            Step::Lock(locked) => {
                self.locked = locked;
                Input::Lock { locked }
            }
            Step::Remove(who) => {
                let peer = id(OTHERS[who]);
                if self.call.view().peers.iter().any(|view| view.peer == peer) {
                    self.let_in.remove(&peer);
                }
                Input::Remove { peer }
            }
            Step::Moved => Input::NetworkChanged,
            Step::Chat => Input::Chat {
                to: None,
                text: "hello".into(),
            },
            Step::Show(screen) => Input::LocalState {
                muted: false,
                camera_off: false,
                screen,
            },
            Step::HangUp => Input::HangUp,
        };
        let ended = self.call.ended();
        let mut knocked: Vec<_> = self
            .call
            .view()
            .knocks
            .into_iter()
            .map(|knock| knock.peer)
            .collect();
        if let Input::Relay(RelayMessage::Knock { peer, .. }) = &input {
            knocked.push(peer.clone());
        }
        self.call.handle(self.now, input);
        let talked = self.drain();
        if ended.is_some() {
            assert_eq!(
                (self.call.ended(), talked),
                (ended, 0),
                "the end is the end"
            );
        }
        let view = self.call.view();
        assert!(view.knocks.len() <= 16);
        if !self.is_closed() {
            // Whoever is there now, or waits without being asked about, came through an open door.
            self.let_in
                .extend(view.peers.into_iter().map(|peer| peer.peer));
            let asked = |peer: &PeerId| view.knocks.iter().any(|knock| knock.peer == *peer);
            self.let_in
                .extend(knocked.into_iter().filter(|peer| !asked(peer)));
        }
    }

    /// Decrypts a signal of the call's; returns its text and which join of its addressee it is for.
    fn opened(&self, to: &PeerId, seq: u64, body: &str) -> (String, u8) {
        let from = self.call.me.clone().unwrap();
        let text = |nonce: u8| {
            let to = End {
                peer: to.clone(),
                nonce: Nonce::new([nonce; 16]),
            };
            let signal = SealedSignal {
                from: &from,
                to: &to,
                seq,
                body,
                sig: None,
            };
            Some((self.call.auth.open(&signal, None)?, nonce))
        };
        (0..3).find_map(text).unwrap()
    }

    /// Newcomers wait until the user lets them in.
    fn is_closed(&self) -> bool {
        self.knock || self.locked
    }

    /// Looks at all that is to be done; says how much that was.
    fn drain(&mut self) -> usize {
        let mut count = 0;
        while let Some(output) = self.call.poll() {
            count += 1;
            match output {
                Output::Send(ClientMessage::Create { nonce, .. }) => self.joining = Some(nonce),
                Output::Peer(peer, PeerOutput::Close) => {
                    self.open.remove(&peer);
                }
                // Who hears of a screen is sent its pictures.
                Output::Peer(peer, PeerOutput::Data(DataMessage::Screen { .. })) => {
                    assert!(self.open.contains(&peer), "a screen for {peer}");
                    assert!(
                        !self.is_closed() || self.let_in.contains(&peer),
                        "a screen for {peer}"
                    );
                }
                // Speaking to a connection that is there already, or was a moment ago, tells nobody anything new.
                Output::Peer(_, PeerOutput::Data(_)) => {}
                Output::Peer(peer, output) => {
                    if self.is_closed() {
                        assert!(self.let_in.contains(&peer), "{output:?} for {peer}");
                    }
                    match output {
                        PeerOutput::Open { .. } => {
                            let known = self.call.peers.get(&peer);
                            let nonce = known.map(|known| &known.member.nonce);
                            assert_ne!(nonce, Some(&Nonce::new([STRANGER; 16])));
                            assert!(self.open.insert(peer), "a connection was left open");
                        }
                        _ => assert!(self.open.contains(&peer), "{output:?} for nothing"),
                    }
                }
                Output::Send(ClientMessage::Signal { to, seq, body, .. }) => {
                    let (text, nonce) = self.opened(&to, seq, &body);
                    assert_ne!(nonce, STRANGER, "{text} to {to}");
                    if self.is_closed() && !text.contains("bye") {
                        assert!(self.let_in.contains(&to), "{text} to {to}");
                    }
                }
                _ => {}
            }
        }
        count
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_talked_to_who_was_not_let_in(
        knock in prop::bool::weighted(0.8),
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let mut walk = Walk::new(knock);
        for step in [Step::Open, Step::Welcome { same: true, resumed: false }] {
            walk.take(step);
        }
        for step in steps {
            walk.take(step);
        }
    }
}
