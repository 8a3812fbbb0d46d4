//! A member that the host has sent away: no other member's connection to it goes on, whatever its own program does.

use ahoy_contract::peer::Removed;
use proptest::prelude::*;

use super::{member as member_of, *};

/// A host and two guests, all connected to each other.
pub(super) fn three() -> World {
    let mut world = World::connected();
    let third = config(&world.key, Part::Guest { role: Role::Caller }, world.now);
    world.add(third, THIRD);
    world.join(2);
    world.connect(0, 2);
    world.connect(1, 2);
    world.clear();
    world
}

pub(super) fn join_of(world: &World, side: usize) -> Removed {
    let member = world.sides[side].member.clone().unwrap();
    Removed {
        peer: member.peer,
        nonce: member.nonce,
    }
}

fn others(world: &World, side: usize) -> Vec<PeerId> {
    let peers = world.sides[side].call.view().peers;
    peers.into_iter().map(|peer| peer.peer).collect()
}

/// What a side has said to another on the data channel arrives there.
fn data(world: &mut World, from: usize, to: usize) {
    let (sender, target) = (world.sides[from].id.clone(), world.sides[to].id.clone());
    for (peer, output) in std::mem::take(&mut world.sides[from].peer) {
        if let PeerOutput::Data(message) = output
            && peer == target
        {
            let text = serde_json::to_string(&message).unwrap();
            world.input(to, Input::Peer(sender.clone(), PeerInput::Data(text)));
        }
    }
}

/// That a side has closed its connection to the one that was removed, and knows why.
fn ended(world: &World, side: usize) -> bool {
    let side = &world.sides[side];
    let closed = (id(GUEST), PeerOutput::Close);
    let told = side.events.iter().any(|event| {
        matches!(event, Event::PeerLeft { peer, reason: Some(ByeReason::Removed), .. }
            if *peer == id(GUEST))
    });
    side.peer.contains(&closed) && told
}

#[test]
fn the_others_end_their_connection_to_it_at_once() {
    for by_signal in [true, false] {
        let mut world = three();
        if !by_signal {
            // The relay is away: the host's word arrives all the same.
            for side in [0, 2] {
                world.input(side, Input::SocketClosed(SocketEnd::Lost));
            }
        }
        world.input(0, Input::Remove { peer: id(GUEST) });
        match by_signal {
            true => world.deliver(0),
            false => data(&mut world, 0, 2),
        }
        assert!(ended(&world, 2));
        assert_eq!(others(&world, 2), [id(HOST)]);
        assert_eq!((world.ended(0), world.ended(2)), (None, None));
    }
}

#[test]
fn who_is_not_connected_to_the_host_yet_hears_of_it_when_it_is() {
    let mut world = three();
    let mut fourth = config(&world.key, Part::Guest { role: Role::Caller }, world.now);
    fourth.name = "Mika".into();
    world.add(fourth, "cccccccccccccccc");
    world.join(3);
    world.connect(1, 3);
    world.clear();
    world.input(0, Input::SocketClosed(SocketEnd::Lost));
    world.input(0, Input::Remove { peer: id(GUEST) });
    assert_eq!(others(&world, 3).len(), 3);
    world.connect(0, 3);
    data(&mut world, 0, 3);
    assert!(ended(&world, 3));
}

#[test]
fn who_comes_after_it_was_sent_away_hears_of_it_too() {
    let mut world = three();
    let member = world.sides[1].member.clone();
    world.input(0, Input::Remove { peer: id(GUEST) });
    // The relay goes on showing it, to one who was never told.
    world.sides[1].member = member;
    let mut fourth = config(&world.key, Part::Guest { role: Role::Caller }, world.now);
    fourth.name = "Mika".into();
    world.add(fourth, "cccccccccccccccc");
    world.join(3);
    world.clear();
    assert!(others(&world, 3).contains(&id(GUEST)));
    world.connect(0, 3);
    data(&mut world, 0, 3);
    assert!(ended(&world, 3));
    assert_eq!(others(&world, 3), [id(HOST), id(THIRD)]);
}

#[test]
fn nobody_but_the_host_can_say_so() {
    let mut world = three();
    for (to, from, whom) in [(0, GUEST, 2), (2, GUEST, 0), (2, GUEST, 1), (1, THIRD, 0)] {
        let word = DataMessage::Removed(join_of(&world, whom));
        let word = serde_json::to_string(&word).unwrap();
        world.input(to, Input::Peer(id(from), PeerInput::Data(word)));
    }
    // Nor does the relay's word end what flows.
    let peer = id(GUEST);
    world.input(2, Input::Relay(RelayMessage::Left { peer }));
    for side in 0..3 {
        assert_eq!(others(&world, side).len(), 2);
        assert!(world.sides[side].peer.is_empty());
    }
}

#[test]
fn no_roster_brings_it_back_but_another_join_does() {
    let mut world = three();
    let member = world.sides[1].member.clone();
    world.input(0, Input::Remove { peer: id(GUEST) });
    world.deliver(0);
    world.sides[2].peer.clear();
    // The relay shows it still.
    world.sides[1].member = member;
    world.roster();
    assert!(world.sides[2].peer.is_empty());
    assert_eq!(others(&world, 2), [id(HOST)]);
    // The host has let it in again, as one that has joined anew.
    world.rejoined(1, Nonce::new([7; 16]));
    world.roster();
    assert_eq!(others(&world, 2), [id(HOST), id(GUEST)]);
}

#[test]
fn who_comes_back_uninvited_is_told_of_once_more() {
    let mut world = three();
    world.input(0, Input::Remove { peer: id(GUEST) });
    world.rejoined(1, Nonce::new([7; 16]));
    world.clear();
    world.roster();
    world.roster();
    let word = PeerOutput::Data(DataMessage::Removed(join_of(&world, 1)));
    assert_eq!(world.sides[0].count(|output| *output == word), 1);
    world.deliver(0);
    assert_eq!(others(&world, 2), [id(HOST)]);
}

#[test]
fn who_is_denied_is_ended_where_a_relay_has_let_it_in_by_itself() {
    let mut world = World::new();
    world.knock = true;
    world.host();
    world.join(0);
    let part = || Part::Guest { role: Role::Caller };
    world.add(config(&world.key, part(), world.now), THIRD);
    world.join(1);
    let accept = true;
    world.input(
        0,
        Input::Admit {
            peer: id(THIRD),
            accept,
        },
    );
    world.connect(0, 1);
    world.add(config(&world.key, part(), world.now), GUEST);
    world.join(2);
    world.connect(1, 2);
    world.clear();
    let accept = false;
    world.input(
        0,
        Input::Admit {
            peer: id(GUEST),
            accept,
        },
    );
    world.deliver(0);
    assert!(ended(&world, 1));
}

const OTHERS: [&str; 3] = [HOST, THIRD, "cccccccccccccccc"];

/// What happens to a guest.
#[derive(Debug, Clone)]
enum Step {
    Open {
        resumed: bool,
    },
    Close,
    /// The others that the relay shows, each under one of two joins; the host is among them.
    Roster(Vec<(usize, u8)>),
    Left(usize),
    /// One of the others says that one of them was removed, by signal or on the data channel.
    Says {
        from: usize,
        whom: (usize, u8),
        signal: bool,
    },
    Peer(usize, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..OTHERS.len();
    prop_oneof![
        2 => any::<bool>().prop_map(|resumed| Step::Open { resumed }),
        1 => Just(Step::Close),
        8 => prop::collection::vec((1..OTHERS.len(), 0..2_u8), 0..3).prop_map(Step::Roster),
        1 => who().prop_map(Step::Left),
        6 => (who(), (who(), 0..2_u8), any::<bool>())
            .prop_map(|(from, whom, signal)| Step::Says { from, whom, signal }),
        6 => (who(), 0..4_u8).prop_map(|(who, what)| Step::Peer(who, what)),
    ]
}

fn join(who: usize, nonce: u8) -> Removed {
    Removed {
        peer: id(OTHERS[who]),
        nonce: Nonce::new([nonce; 16]),
    }
}

/// A guest, and what its host has said.
struct Walk {
    world: World,
    removed: Vec<Removed>,
    seq: u64,
    order: u32,
}

impl Walk {
    fn new() -> Self {
        let mut world = World::new();
        world.guest();
        Self {
            world,
            removed: vec![],
            seq: 0,
            order: 0,
        }
    }

    /// Those whom the guest is connected to, or about to be.
    fn peers(&self) -> Vec<Removed> {
        let peers = self.world.sides[0].call.peers.values();
        let joins = peers.map(|peer| Removed {
            peer: peer.member.peer.clone(),
            nonce: peer.member.nonce.clone(),
        });
        joins.collect()
    }

    fn take(&mut self, step: Step) {
        let before = self.peers();
        match step {
            Step::Open { resumed } => {
                self.world.sides[0].resumed = resumed;
                self.world.input(0, Input::SocketOpen);
            }
            Step::Close => self.world.input(0, Input::SocketClosed(SocketEnd::Lost)),
            Step::Roster(others) => self.roster(&others),
            Step::Left(who) => {
                let peer = id(OTHERS[who]);
                self.world
                    .input(0, Input::Relay(RelayMessage::Left { peer }));
            }
            Step::Says { from, whom, signal } => {
                let whom = join(whom.0, whom.1);
                let known = before.iter().any(|peer| peer.peer == id(OTHERS[from]));
                if self.says(from, whom.clone(), signal)
                    && known
                    && from == 0
                    && whom.peer != id(HOST)
                {
                    self.removed.push(whom);
                } else if from != 0 && self.world.ended(0).is_none() {
                    assert_eq!(self.peers(), before, "only the host can");
                }
            }
            Step::Peer(who, what) => {
                let input = match what {
                    0 => PeerInput::Connected,
                    1 => PeerInput::DataOpen,
                    2 => PeerInput::Disconnected,
                    _ => PeerInput::Local(Description {
                        kind: DescriptionType::Offer,
                        sdp: sdp(9),
                    }),
                };
                self.world.input(0, Input::Peer(id(OTHERS[who]), input));
            }
        }
        if self.world.ended(0).is_none() {
            for peer in self.peers() {
                assert!(!self.removed.contains(&peer), "{peer:?} was removed");
            }
        }
    }

    fn roster(&mut self, others: &[(usize, u8)]) {
        self.order += 1;
        let order = self.order;
        let Some(me) = self.world.sides[0].member.clone() else {
            return;
        };
        let key = self.world.key.clone();
        let member = |who, nonce| {
            let Removed { peer, nonce } = join(who, nonce);
            member_of(&key, End { peer, nonce }, "Grace", order)
        };
        let mut peers: Vec<_> = others
            .iter()
            .map(|(who, nonce)| member(*who, *nonce))
            .collect();
        peers.push(me);
        let host = Some(Host {
            key: self.world.key.public(),
            member: member(0, 0),
        });
        let room = RelayMessage::Room {
            kind: RoomKind::Call,
            host,
            count: peers.len() as u32 + 1,
            peers,
            capacity: 8,
            locked: false,
        };
        self.world.input(0, Input::Relay(room));
    }

    /// Says whether it could be said.
    fn says(&mut self, from: usize, whom: Removed, signal: bool) -> bool {
        let sender = id(OTHERS[from]);
        let call = &self.world.sides[0].call;
        let Some(peer) = call.peers.get(&sender) else {
            return false;
        };
        let Some(me) = call.me.clone().filter(|_| peer.is_alive()) else {
            return false;
        };
        if !signal {
            let word = serde_json::to_string(&DataMessage::Removed(whom)).unwrap();
            self.world
                .input(0, Input::Peer(sender, PeerInput::Data(word)));
            return true;
        }
        let end = End {
            peer: sender.clone(),
            nonce: peer.member.nonce.clone(),
        };
        self.seq += 1;
        let (n, seq) = (self.seq, self.seq);
        let body = serde_json::to_string(&SignalBody::Removed(whom)).unwrap();
        let key = (from == 0).then(|| self.world.key.clone());
        let auth = Authenticator::new(self.world.key.room(), &secret(), key);
        let (body, sig) = auth.seal(&end, &me, seq, SEAL_NONCE, &body);
        let signal = RelayMessage::Signal {
            from: sender,
            n,
            seq,
            body,
            sig,
        };
        self.world.input(0, Input::Relay(signal));
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_guest_talks_to_whom_the_host_has_sent_away(steps in prop::collection::vec(step(), 0..60)) {
        let mut walk = Walk::new();
        walk.take(Step::Open { resumed: false });
        walk.take(Step::Roster(vec![(1, 0), (2, 0)]));
        for step in steps {
            walk.take(step);
        }
    }
}
