//! Broadcast rooms: one sends, the others watch.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const KIND: RoomKind = RoomKind::Broadcast;

fn broadcast(relay: &mut Relay, socket: u64, key: u8) -> Vec<(u64, RelayMessage)> {
    relay.act(socket, open_for(KIND, key, 500, false))
}

/// Who is told of which newcomers.
fn joined(said: &[(u64, RelayMessage)]) -> Vec<(u64, PeerId)> {
    said.iter()
        .filter_map(|(to, message)| match message {
            RelayMessage::Joined(member) => Some((*to, member.peer.clone())),
            _ => None,
        })
        .collect()
}

fn left(to: u64, who: u64) -> (u64, RelayMessage) {
    (to, RelayMessage::Left { peer: peer(who) })
}

/// What a viewer sees: the host, itself, and how many there are.
fn part(socket: u64, host: u64, count: u32) -> (u64, Option<PeerId>, Vec<PeerId>, u32) {
    (socket, Some(peer(host)), vec![peer(socket)], count)
}

#[test]
fn the_host_hears_of_each_and_a_viewer_of_itself() {
    let mut relay = Relay::new();
    let said = broadcast(&mut relay, 1, 7);
    assert_eq!(said[0], (1, RelayMessage::Created { room: room(7) }));
    assert_eq!(rosters(&said), [(1, Some(peer(1)), vec![], 1)]);
    let Some((_, RelayMessage::Room { kind, capacity, .. })) = said.last() else {
        panic!("no roster");
    };
    assert_eq!((*kind, *capacity), (KIND, 500));

    let said = relay.join(2, 7);
    assert_eq!(joined(&said), [(1, peer(2))]);
    assert_eq!(rosters(&said), [part(2, 1, 2)]);
    assert_eq!(said.len(), 2);
    relay.wait(1);
    relay.join(3, 7);
    relay.said();
    let said = relay.act(2, Action::Leave);
    assert_eq!(said, [left(1, 2)]);
    // Whoever shows too little of itself is no other: nonce and order are there as in a call.
    let said = relay.join(4, 7);
    let (_, RelayMessage::Room { peers, .. }) = &said[0] else {
        panic!("no roster");
    };
    assert_eq!((peers[0].order, &peers[0].nonce), (3, &newcomer(4).nonce));
}

#[test]
fn viewers_are_told_their_number_once_in_a_second() {
    let mut relay = Relay::new();
    broadcast(&mut relay, 1, 7);
    relay.join(2, 7);
    relay.wait(1);
    assert_eq!(rosters(&relay.said()), []);
    // The first after a rest is told of at once, what follows within the second with the last of it.
    assert_eq!(rosters(&relay.join(3, 7)), [part(3, 1, 3), part(2, 1, 3)]);
    for socket in 4..=9 {
        assert_eq!(
            rosters(&relay.join(socket, 7)),
            [part(socket, 1, socket as u32)]
        );
    }
    relay.act(9, Action::Leave);
    assert_eq!(
        relay.rooms.next_expiry(),
        Some(relay.now + Duration::from_secs(1))
    );
    relay.wait(1);
    let told: Vec<_> = (2..=8).map(|socket| part(socket, 1, 8)).collect();
    assert_eq!(rosters(&relay.said()), told);
    // And again not sooner than after another.
    assert_eq!(relay.act(8, Action::Leave), [left(1, 8)]);
    relay.wait(1);
    assert_eq!(rosters(&relay.said()).len(), 6);
    relay.wait(1);
    assert_eq!(relay.said(), []);
    assert_eq!(relay.rooms.next_expiry(), None);
}

#[test]
fn five_hundred_joins_cost_what_five_hundred_joins_must() {
    let mut relay = Relay::new();
    relay.act(1, open_for(KIND, 7, 10_000, false));
    let (mut host, mut viewers) = (0, 0);
    for socket in 2..=512 {
        for (to, _) in relay.join(socket, 7) {
            *(if to == 1 { &mut host } else { &mut viewers }) += 1;
        }
    }
    // To the host one each, to each viewer its own.
    assert_eq!((host, viewers), (511, 511));
    assert_eq!(
        errors(&relay.join(600, 7)),
        [(600, ErrorCode::RoomFull)],
        "a broadcast has never more than 512"
    );
    relay.wait(1);
    let said = relay.said();
    assert_eq!(said.len(), 511);
    assert!(rosters(&said).iter().all(|(_, _, _, count)| *count == 512));
    // All of them fit into what a client takes at once.
    relay.breaks(1);
    let hello = Hello {
        fresh: token(1, 99),
        resume: Some(relay.tokens[&peer(1)].clone()),
        ack: 0,
    };
    let mut broadcasts = false;
    relay
        .rooms
        .greet(relay.now, SocketId(1000), hello, |greeting| {
            broadcasts = greeting.broadcasts;
            "welcome".into()
        })
        .unwrap();
    assert!(broadcasts);
    let texts: Vec<_> = std::iter::from_fn(|| relay.rooms.poll()).collect();
    let Some((SocketId(1000), Said::Text(whole))) = texts.last() else {
        panic!("no roster");
    };
    // 100 bytes each and the name, of which each byte may be escaped.
    assert!(whole.len() + 511 * 2 * 128 < 256 * 1024, "{}", whole.len());
}

#[test]
fn viewers_have_to_do_with_the_host_alone() {
    let mut relay = Relay::new();
    broadcast(&mut relay, 1, 7);
    relay.join(2, 7);
    relay.join(3, 7);
    for (from, to) in [(1, 2), (2, 1), (1, 3), (3, 1)] {
        let said = relay.signal(from, to);
        assert!(matches!(&said[..], [(got, RelayMessage::Signal { .. })] if *got == to));
    }
    for (from, to) in [(2, 3), (3, 2), (2, 2), (2, 99)] {
        let said = relay.signal(from, to);
        assert_eq!(errors(&said), [(from, ErrorCode::NoSuchPeer)]);
        assert_eq!(said.len(), 1);
    }
    // Nor while the host is away, when there is nobody to signal to.
    relay.gone(1);
    assert_eq!(errors(&relay.signal(2, 3)), [(2, ErrorCode::NoSuchPeer)]);
    assert_eq!(errors(&relay.signal(2, 1)), [(2, ErrorCode::NoSuchPeer)]);
}

/// How many of so many signals of a viewer get through to the host.
fn through(relay: &mut Relay, from: u64, signals: usize, bytes: usize) -> usize {
    let body = "x".repeat(bytes);
    let passes = |said: Vec<_>| match &said[..] {
        [(1, RelayMessage::Signal { .. })] => true,
        other => {
            assert_eq!(errors(other), [(from, ErrorCode::RateLimited)]);
            false
        }
    };
    (0..signals)
        .filter(|_| passes(relay.signal_of(from, &peer(1), &body)))
        .count()
}

#[test]
fn viewers_cannot_send_their_host_more_than_it_takes() {
    let mut relay = Relay::new();
    relay.act(1, open_for(KIND, 7, 512, false));
    for socket in 2..=402 {
        relay.join(socket, 7);
    }
    // One may use up all that is shared.
    assert_eq!(through(&mut relay, 2, 2_000, 300), 1_016);
    // The others may still say what makes a connection, and go on slowly. What is long counts as several.
    assert_eq!(through(&mut relay, 3, 1, 4_000), 1);
    assert_eq!(through(&mut relay, 3, 200, 300), 13);
    let all = (4..=402).map(|socket| through(&mut relay, socket, 30, 300));
    assert_eq!(all.sum::<usize>(), 399 * 16);
    relay.wait(1);
    relay.said();
    let next = (4..=402).map(|socket| through(&mut relay, socket, 10, 300));
    assert_eq!(next.sum::<usize>(), 399 + 500);
    // The host speaks as before.
    assert!(matches!(
        &relay.signal(1, 2)[..],
        [(2, RelayMessage::Signal { .. })]
    ));
}

#[test]
fn strangers_who_come_again_and_again_keep_no_viewer_from_its_connection() {
    let mut relay = Relay::new();
    relay.act(1, open_for(KIND, 7, 512, false));
    for _ in 0..500 {
        relay.join(2, 7);
        through(&mut relay, 2, 40, 300);
        relay.act(2, Action::Leave);
    }
    relay.join(3, 7);
    assert_eq!(through(&mut relay, 3, 1, 4_000), 1);
    assert_eq!(through(&mut relay, 3, 12, 300), 12);
}

#[test]
fn who_was_refused_a_broadcast_has_none() {
    let mut relay = Relay::new();
    let hosts = |relay: &mut Relay, socket: u64, action| {
        let (now, socket) = (relay.now, SocketId(socket));
        let hosts = relay.rooms.handle(now, socket, action);
        relay.said();
        hosts
    };
    let join = |socket| Action::Join {
        room: room(7),
        newcomer: newcomer(socket),
    };
    for socket in 1..=3 {
        relay.hello(socket, None, 0);
    }
    assert!(hosts(&mut relay, 1, open_for(KIND, 7, 8, false)));
    assert!(hosts(&mut relay, 1, Action::Look(room(7))), "it still is");
    assert!(!hosts(&mut relay, 2, join(2)));
    assert!(
        !hosts(&mut relay, 2, open_for(KIND, 8, 8, false)),
        "it is inside"
    );
    assert!(!hosts(&mut relay, 2, Action::Leave));
    // Its own, and then another's.
    assert!(hosts(&mut relay, 2, open_for(KIND, 8, 8, false)));
    assert!(!hosts(&mut relay, 2, Action::Leave));
    assert!(!hosts(&mut relay, 2, join(2)));
    // It is another's now.
    assert!(hosts(&mut relay, 3, open_for(KIND, 7, 8, false)));
    assert!(!hosts(&mut relay, 1, Action::Look(room(7))));
    // A call is no broadcast.
    assert!(!hosts(&mut relay, 1, open(9, 8, false)));
}

#[test]
fn a_host_that_goes_or_comes_back_concerns_all_at_once() {
    let mut relay = Relay::new();
    broadcast(&mut relay, 1, 7);
    relay.join(2, 7);
    relay.join(3, 7);
    // Its socket breaks and comes back: nobody but itself is told, and it of all.
    relay.breaks(1);
    assert_eq!(rosters(&relay.join(4, 7)), [part(4, 1, 4)]);
    let (welcome, said) = relay.back(10, 1, 0);
    assert!(welcome.resumed);
    let all = vec![peer(2), peer(3), peer(4)];
    assert_eq!(rosters(&said), [(10, Some(peer(1)), all.clone(), 4)]);
    assert_eq!(said.len(), 1);
    let (welcome, said) = relay.back(20, 2, 0);
    assert!(welcome.resumed);
    assert_eq!(rosters(&said), [(20, Some(peer(1)), vec![peer(2)], 4)]);

    // Its place is lost.
    let said = relay.act(10, Action::Leave);
    for (socket, viewer) in [(20, 2), (3, 3), (4, 4)] {
        assert!(said.contains(&left(socket, 1)));
        assert!(rosters(&said).contains(&(socket, None, vec![peer(viewer)], 3)));
    }
    assert_eq!(said.len(), 6);
    relay.wait(59);
    relay.said();
    // While there is no host, one more or less is a number to the others and nothing else.
    let said = relay.act(3, Action::Leave);
    let fewer = [(20, None, vec![peer(2)], 2), (4, None, vec![peer(4)], 2)];
    assert_eq!((rosters(&said), said.len()), (fewer.to_vec(), 2));
    let said = broadcast(&mut relay, 5, 7);
    assert_eq!(
        rosters(&said),
        [
            (5, Some(peer(5)), vec![peer(2), peer(4)], 3),
            (20, Some(peer(5)), vec![peer(2)], 3),
            (4, Some(peer(5)), vec![peer(4)], 3),
        ]
    );
    relay.act(5, Action::Leave);
    relay.wait(60);
    let said = relay.said();
    assert_eq!(
        errors(&said),
        [(20, ErrorCode::NotFound), (4, ErrorCode::NotFound)]
    );
    assert_eq!(relay.rooms.count(), (0, 0));
}

#[test]
fn a_second_socket_of_the_host_takes_the_broadcast_over() {
    let mut relay = Relay::new();
    broadcast(&mut relay, 1, 7);
    relay.join(2, 7);
    let said = broadcast(&mut relay, 3, 7);
    assert_eq!(errors(&said), [(1, ErrorCode::Removed)]);
    assert!(said.contains(&left(2, 1)));
    assert_eq!(
        rosters(&said),
        [(3, Some(peer(3)), vec![peer(2)], 2), part(2, 3, 2)]
    );
}

#[test]
fn the_door_and_the_lock_are_as_in_a_call() {
    let mut relay = Relay::new();
    relay.act(1, open_for(KIND, 7, 500, true));
    for socket in 2..=4 {
        let said = relay.join(socket, 7);
        assert!(matches!(
            said[..],
            [
                (_, RelayMessage::Knock { .. }),
                (1, RelayMessage::Knock { .. })
            ]
        ));
    }
    let said = relay.admit(1, 2, true);
    assert_eq!(joined(&said), [(1, peer(2))]);
    assert_eq!(rosters(&said), [part(2, 1, 2)]);
    assert_eq!(errors(&relay.admit(1, 3, false)), [(3, ErrorCode::Denied)]);
    assert_eq!(errors(&relay.admit(2, 4, true)), [(2, ErrorCode::Denied)]);

    let said = relay.act(1, Action::Lock(true));
    assert_eq!(rosters(&said).len(), 2);
    assert!(
        said.iter()
            .all(|(_, message)| matches!(message, RelayMessage::Room { locked: true, .. }))
    );
    assert_eq!(errors(&relay.join(5, 7)), [(5, ErrorCode::Locked)]);
    relay.act(1, Action::Lock(false));

    let said = relay.act(1, Action::Remove(peer(2)));
    assert_eq!(errors(&said), [(2, ErrorCode::Removed)]);
    assert_eq!(said[1..], [left(1, 2)]);
    // A host that asks no more lets them all in, and hears of them in one.
    relay.gone(1);
    let said = broadcast(&mut relay, 6, 7);
    assert_eq!(
        rosters(&said),
        [(6, Some(peer(6)), vec![peer(4)], 2), part(4, 6, 2)]
    );
    assert_eq!(joined(&said), []);
}

#[test]
fn what_a_room_is_for_can_be_asked_from_outside() {
    let mut relay = Relay::new();
    broadcast(&mut relay, 1, 7);
    relay.open_knocking(2, 8);
    relay.act(2, Action::Lock(true));
    for (key, kind) in [(7, KIND), (8, RoomKind::Call)] {
        // By anybody, in a room or not, and nobody notices.
        for socket in [9, 1] {
            let found = RelayMessage::Found {
                room: room(key),
                kind,
            };
            assert_eq!(
                relay.act(socket, Action::Look(room(key))),
                [(socket, found)]
            );
        }
    }
    let said = relay.act(9, Action::Look(room(6)));
    assert_eq!(errors(&said), [(9, ErrorCode::NotFound)]);
    assert_eq!(relay.rooms.count(), (2, 2));
}

#[test]
fn a_room_that_is_opened_for_something_else_begins_anew() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    relay.act(1, Action::Lock(true));
    relay.act(1, Action::Leave);
    let said = broadcast(&mut relay, 3, 7);
    // Who waited for a call watches nothing.
    assert_eq!(errors(&said), [(2, ErrorCode::NotFound)]);
    assert_eq!(rosters(&said), [(3, Some(peer(3)), vec![], 1)]);
    assert_eq!(rosters(&relay.join(2, 7)), [part(2, 3, 2)]);
    assert_eq!(
        errors(&relay.open(4, 7)),
        [(3, ErrorCode::NotFound), (2, ErrorCode::NotFound)]
    );
    assert_eq!(relay.rooms.count(), (1, 1));
    relay.wait(300);
    assert_eq!(relay.rooms.count(), (1, 1));
}

#[test]
fn the_operator_may_allow_fewer() {
    for (limit, asked, holds) in [
        (3, 500, 3),
        (100_000, 100_000, 512),
        (0, 500, 2),
        (512, 4, 4),
    ] {
        let mut relay = Relay::bounded(Bounds {
            rooms: 1,
            call_members: 8,
            broadcast_members: limit,
            host_away: AWAY,
            resume: RESUME,
            kept_bytes: 1024,
        });
        relay.act(1, open_for(KIND, 7, asked, false));
        for socket in 2..=holds {
            assert_eq!(errors(&relay.join(socket, 7)), [], "{limit} {asked}");
        }
        assert_eq!(
            errors(&relay.join(1000, 7)),
            [(1000, ErrorCode::RoomFull)],
            "{limit} {asked}"
        );
    }
}

/// What happens to a broadcast.
#[derive(Debug, Clone, Copy)]
enum Step {
    Open,
    Join(u64),
    Leave(u64),
    Break(u64),
    Back(u64),
    Remove(u64),
    Lock(bool),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let one = 1..8_u64;
    prop_oneof![
        2 => Just(Step::Open),
        6 => one.clone().prop_map(Step::Join),
        2 => one.clone().prop_map(Step::Leave),
        2 => one.clone().prop_map(Step::Break),
        3 => one.clone().prop_map(Step::Back),
        1 => one.prop_map(Step::Remove),
        1 => any::<bool>().prop_map(Step::Lock),
        3 => (0..20_u64).prop_map(Step::Wait),
    ]
}

/// What one has heard of the room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Seen {
    members: BTreeSet<PeerId>,
    host: Option<PeerId>,
    count: u32,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever happens in whatever order: the host always knows who is there, a viewer always whether its host is,
    /// after a second also how many there are, and never who the others are.
    #[test]
    fn each_knows_its_part(steps in proptest::collection::vec(step(), 1..120)) {
        let mut relay = Relay::new();
        // By socket; a client that comes back has the next hundred.
        let mut sockets: BTreeMap<u64, u64> = BTreeMap::new();
        let mut seen: BTreeMap<u64, Seen> = BTreeMap::new();
        for client in 0..8 {
            relay.hello(client, None, 0);
            sockets.insert(client, client);
        }
        for step in steps {
            let broken = |client: &u64, sockets: &BTreeMap<u64, u64>| !sockets.contains_key(client);
            let said = match step {
                Step::Open => match sockets.get(&0) {
                    Some(socket) => relay.act(*socket, open_for(KIND, 7, 500, false)),
                    None => continue,
                },
                Step::Join(client) => match sockets.get(&client) {
                    Some(socket) => relay.join(*socket, 7),
                    None => continue,
                },
                Step::Leave(client) => {
                    // The host, client 0, comes and goes as well.
                    let client = client % 7;
                    match sockets.get(&client) {
                        Some(socket) => {
                            seen.remove(socket);
                            relay.act(*socket, Action::Leave)
                        }
                        None => continue,
                    }
                }
                Step::Break(client) => match sockets.remove(&(client % 7)) {
                    Some(socket) => {
                        seen.remove(&socket);
                        relay.breaks(socket)
                    }
                    None => continue,
                },
                Step::Back(client) => {
                    let client = client % 7;
                    if !broken(&client, &sockets) {
                        continue;
                    }
                    let socket = 1000 + relay.tokens_made as u64 * 10 + client;
                    let (_, said) = relay.back(socket, client, 0);
                    relay.rooms.confirm(SocketId(socket));
                    sockets.insert(client, socket);
                    said
                }
                Step::Remove(client) => match sockets.get(&0) {
                    Some(socket) => relay.act(*socket, Action::Remove(peer(client))),
                    None => continue,
                },
                Step::Lock(locked) => match sockets.get(&0) {
                    Some(socket) => relay.act(*socket, Action::Lock(locked)),
                    None => continue,
                },
                Step::Wait(seconds) => {
                    relay.wait(seconds);
                    relay.said()
                }
            };
            for (to, message) in said {
                match message {
                    RelayMessage::Room { host, peers, count, kind, .. } => {
                        prop_assert_eq!(kind, KIND);
                        let host = host.map(|host| host.member.peer);
                        let members = peers.into_iter().map(|member| member.peer).collect();
                        seen.insert(to, Seen { members, host, count });
                    }
                    RelayMessage::Joined(member) => {
                        prop_assert!(seen.get_mut(&to).unwrap().members.insert(member.peer));
                    }
                    RelayMessage::Left { peer } => {
                        let seen = seen.get_mut(&to).unwrap();
                        prop_assert!(seen.members.remove(&peer) || seen.host == Some(peer));
                    }
                    RelayMessage::Error { code: ErrorCode::NotFound | ErrorCode::Removed, .. } => {
                        seen.remove(&to);
                    }
                    _ => {}
                }
            }
            let rooms = &relay.rooms;
            let Some(room) = rooms.rooms.get(&room(7)) else { continue };
            let host = room.host.map(|key| key.peer());
            let rests = room.count_changed;
            prop_assert_eq!(rests && room.count_rests.is_none(), false);
            for seat in &room.seats {
                let Some(SocketId(socket)) = rooms.people.socket(seat.key) else { continue };
                let seen = &seen[&socket];
                prop_assert_eq!(&seen.host, &host);
                if room.host == Some(seat.key) {
                    let guests = room.seats.iter().filter(|other| other.key != seat.key);
                    let guests: BTreeSet<_> = guests.map(|other| other.member.peer.clone()).collect();
                    prop_assert_eq!(&seen.members, &guests);
                } else {
                    prop_assert_eq!(&seen.members, &BTreeSet::from([seat.member.peer.clone()]));
                    prop_assert!(rests || seen.count as usize == room.seats.len());
                }
            }
        }
    }
}
