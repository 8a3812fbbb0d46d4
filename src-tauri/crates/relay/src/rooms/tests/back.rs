//! Sockets that break, and members that come back.

use super::*;

/// The numbers of the signals that one gets, in order.
fn numbers(said: &[(u64, RelayMessage)], socket: u64) -> Vec<u64> {
    said.iter()
        .filter(|(to, _)| *to == socket)
        .filter_map(|(_, message)| match message {
            RelayMessage::Signal { n, .. } => Some(*n),
            _ => None,
        })
        .collect()
}

fn resumed(as_peer: u64) -> Welcome {
    Welcome {
        peer: peer(as_peer),
        resumed: true,
    }
}

/// The old id, but no membership.
fn anew(as_peer: u64) -> Welcome {
    Welcome {
        peer: peer(as_peer),
        resumed: false,
    }
}

#[test]
fn a_member_whose_socket_broke_goes_on_on_another_and_others_see_nothing() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    assert_eq!(numbers(&relay.signal(1, 2), 2), [1]);
    assert_eq!(relay.breaks(2), []);
    for _ in 0..3 {
        assert_eq!(relay.signal(1, 2), []);
    }
    relay.wait(29);
    assert_eq!(relay.said(), []);

    let (welcome, said) = relay.back(20, 2, 1);
    assert_eq!(welcome, resumed(2));
    // What it missed, in order, then how it is now; to nobody else a word.
    assert_eq!(numbers(&said, 20), [2, 3, 4]);
    assert_eq!(rosters(&said), [(20, Some(peer(1)), vec![peer(2)], 2)]);
    assert_eq!(said.len(), 4);
    assert!(matches!(said[3].1, RelayMessage::Room { .. }));
    // It is who it was for the others, and its time counts no more.
    relay.wait(300);
    assert_eq!(relay.said(), []);
    assert_eq!(numbers(&relay.signal(1, 2), 20), [5]);
    let said = relay.signal(20, 1);
    assert!(matches!(&said[0], (1, RelayMessage::Signal { from, .. }) if *from == peer(2)));
}

#[test]
fn what_was_acknowledged_is_not_sent_again() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    for _ in 0..5 {
        relay.signal(1, 2);
    }
    assert_eq!(relay.act(2, Action::Ack(2)), []);
    let (_, said) = relay.back(20, 2, 0);
    assert_eq!(numbers(&said, 20), [3, 4, 5]);
    let (_, said) = relay.back(21, 2, 4);
    assert_eq!(numbers(&said, 21), [5]);
    // A number that was never sent is refused, and nothing is forgotten for it.
    let said = relay.act(21, Action::Ack(6));
    assert_eq!(errors(&said), [(21, ErrorCode::BadMessage)]);
    let (welcome, said) = relay.back(22, 2, u64::MAX);
    assert_eq!(welcome, resumed(2));
    assert_eq!(numbers(&said, 22), [3, 4, 5]);
    assert_eq!(relay.act(22, Action::Ack(5)), []);
    assert_eq!(relay.rooms.kept_bytes, 0);
    // In no room there is nothing to acknowledge, and no harm in it.
    relay.act(22, Action::Leave);
    assert_eq!(relay.act(22, Action::Ack(5)), []);
}

#[test]
fn a_socket_that_is_still_there_is_closed_and_not_heard() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    let (welcome, _) = relay.back(20, 2, 0);
    assert_eq!(welcome, resumed(2));
    assert_eq!(relay.closed, [2]);
    // What the old one still says is nothing, and its end neither.
    assert_eq!(relay.signal(2, 1), []);
    assert_eq!(relay.act(2, Action::Leave), []);
    assert_eq!(relay.breaks(2), []);
    relay.wait(300);
    assert_eq!(relay.said(), []);
    assert_eq!(numbers(&relay.signal(1, 2), 20), [1]);
}

#[test]
fn a_token_of_the_past_or_of_nobody_disturbs_no_member() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    let old = relay.tokens[&peer(2)].clone();
    relay.back(20, 2, 0);
    relay.rooms.confirm(SocketId(20));
    let forged = old.renewed(&token(66, 66));
    for (socket, shown) in [(30, old), (31, forged)] {
        let (welcome, said) = relay.hello(socket, Some(shown), 0);
        assert_eq!(welcome, anew(socket));
        assert_eq!(said, []);
        assert_eq!(
            errors(&relay.signal(socket, 1)),
            [(socket, ErrorCode::NotInRoom)]
        );
    }
    assert_eq!(relay.closed, [2]);
    assert_eq!(numbers(&relay.signal(1, 2), 20), [1]);
}

#[test]
fn a_welcome_that_was_lost_on_the_way_costs_nothing() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    let known = relay.tokens[&peer(2)].clone();
    // The client never sees what these two bring, and tries again with what it has.
    for socket in [20, 21] {
        assert_eq!(relay.hello(socket, Some(known.clone()), 0).0, resumed(2));
        relay.breaks(socket);
    }
    assert_eq!(relay.hello(22, Some(known.clone()), 0).0, resumed(2));
    // Now it does, and the token is spent.
    relay.rooms.confirm(SocketId(22));
    assert_eq!(relay.hello(23, Some(known), 0).0, anew(23));
    assert_eq!(relay.back(24, 2, 0).0, resumed(2));
}

#[test]
fn who_does_not_come_back_in_time_is_gone() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    relay.breaks(2);
    assert_eq!(relay.rooms.next_expiry(), Some(relay.now + RESUME));
    relay.wait(30);
    let said = relay.said();
    assert_eq!(said[0], (1, RelayMessage::Left { peer: peer(2) }));
    assert_eq!(rosters(&said), [(1, Some(peer(1)), vec![], 1)]);
    assert_eq!(errors(&relay.signal(1, 2)), [(1, ErrorCode::NoSuchPeer)]);
    // Under its old id it can come in anew.
    let (welcome, said) = relay.back(20, 2, 0);
    assert_eq!((welcome, said), (anew(2), vec![]));
    assert_eq!(rosters(&relay.join(20, 7))[0].2, [peer(2)]);
}

#[test]
fn a_relay_that_was_restarted_calls_everybody_by_their_name() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    let tokens = relay.tokens.clone();
    let mut relay = Relay::new();
    for (socket, before) in [(10, 1), (20, 2)] {
        let (welcome, said) = relay.hello(socket, Some(tokens[&peer(before)].clone()), 9);
        assert_eq!((welcome, said), (anew(before), vec![]));
    }
    assert_eq!(errors(&relay.join(20, 7)), [(20, ErrorCode::NotFound)]);
    relay.open(10, 7);
    let said = relay.join(20, 7);
    assert_eq!(rosters(&said)[0], (10, Some(peer(1)), vec![peer(2)], 2));
    // An id in use is not given twice, whatever token is shown.
    relay.rooms.confirm(SocketId(20));
    let stolen = tokens[&peer(2)].renewed(&token(9, 9));
    assert_eq!(relay.hello(30, Some(stolen), 0).0, anew(30));
    assert_eq!(numbers(&relay.signal(10, 2), 20), [1]);
}

#[test]
fn who_is_in_no_room_is_forgotten_with_its_socket() {
    let mut relay = Relay::new();
    relay.hello(1, None, 0);
    // Two sockets of one that is nowhere: the later counts.
    assert_eq!(relay.back(2, 1, 0).0, anew(1));
    assert_eq!(relay.closed, [1]);
    relay.breaks(2);
    assert_eq!(relay.rooms.people.known(), 0);
    assert_eq!(relay.rooms.next_expiry(), None);
}

#[test]
fn leaving_gives_the_place_up_at_once() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    let said = relay.act(2, Action::Leave);
    assert_eq!(said[0], (1, RelayMessage::Left { peer: peer(2) }));
    assert_eq!(relay.breaks(2), []);
    assert_eq!(relay.back(20, 2, 0), (anew(2), vec![]));
}

#[test]
fn a_flood_for_one_that_is_away_costs_nobody_but_its_sender() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    relay.join(3, 7);
    relay.breaks(1);
    assert_eq!(relay.signal(2, 1), []);
    let flood = "x".repeat(1000);
    let refused: Vec<_> = (0..1000)
        .flat_map(|_| relay.signal_of(3, &peer(1), &flood))
        .collect();
    assert!(!refused.is_empty() && errors(&refused).len() == refused.len());
    assert!(
        errors(&refused)
            .iter()
            .all(|error| *error == (3, ErrorCode::RateLimited))
    );
    assert_eq!(relay.signal(2, 1), []);
    let (welcome, said) = relay.back(10, 1, 0);
    assert_eq!(welcome, resumed(1));
    let from = |wanted: u64| {
        said.iter().filter(move |(_, message)| {
            matches!(message, RelayMessage::Signal { from, .. } if *from == peer(wanted))
        })
    };
    assert_eq!(from(2).count(), 2);
    // The last of the flood's.
    assert!((30..=64).contains(&from(3).count()));
    assert_eq!(rosters(&said).len(), 1);
}

#[test]
fn what_is_kept_is_bounded_over_all_members() {
    let mut relay = Relay::bounded(Bounds {
        rooms: 10,
        call_members: 8,
        broadcast_members: 512,
        host_away: AWAY,
        resume: RESUME,
        kept_bytes: 65_000,
    });
    relay.open(1, 7);
    for socket in 2..=4 {
        relay.join(socket, 7);
    }
    relay.breaks(2);
    let body = "x".repeat(20_000);
    for to in [3, 2, 3] {
        relay.signal_of(1, &peer(to), &body);
    }
    // One that has its socket goes on without what is kept; one that has none loses its place.
    let said = relay.signal_of(1, &peer(4), &body);
    assert_eq!(numbers(&said, 4), [1]);
    let said = relay.signal_of(1, &peer(2), &body);
    assert!(said.contains(&(3, RelayMessage::Left { peer: peer(2) })));
    assert_eq!(relay.back(40, 4, 0).0, anew(4));
    assert_eq!(relay.back(41, 3, 0).0, resumed(3));
    assert!(relay.rooms.kept_bytes < 65_000);
    relay.act(41, Action::Leave);
    assert_eq!(relay.rooms.kept_bytes, 0);
}

#[test]
fn of_what_is_missing_the_last_of_each_sender_is_kept() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    relay.join(3, 7);
    relay.signal(3, 2);
    for _ in 0..70 {
        relay.signal(1, 2);
    }
    let (welcome, said) = relay.back(20, 2, 0);
    assert_eq!(welcome, resumed(2));
    let last = 8..=71;
    assert_eq!(
        numbers(&said, 20),
        [1].into_iter().chain(last).collect::<Vec<_>>()
    );
}

#[test]
fn in_a_call_each_may_send_each_so_much() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    relay.join(3, 7);
    let flood = "x".repeat(60 * 1024);
    let mut passed = 0;
    for _ in 0..100 {
        let said = relay.signal_of(3, &peer(1), &flood);
        match &said[..] {
            [(1, RelayMessage::Signal { .. })] => passed += 1,
            other => assert_eq!(errors(other), [(3, ErrorCode::RateLimited)]),
        }
    }
    // One of its own, and two of what all may send beside.
    assert_eq!(passed, 3);
    // Neither the flood's sender to another, nor another to the flood's victim, nor the victim itself is held up.
    for (from, to) in [(3, 2), (2, 1), (1, 2), (1, 3)] {
        let said = relay.signal_of(from, &peer(to), &flood);
        assert!(matches!(&said[..], [(got, RelayMessage::Signal { .. })] if *got == to));
    }
    relay.wait(6);
    assert!(matches!(
        &relay.signal_of(3, &peer(1), &flood)[..],
        [(1, RelayMessage::Signal { .. })]
    ));
}

#[test]
fn a_hosts_minute_begins_when_its_place_is_lost() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    relay.breaks(1);
    relay.wait(29);
    assert_eq!(relay.said(), []);
    assert_eq!(rosters(&relay.join(3, 7))[0].1, Some(peer(1)));
    relay.wait(1);
    assert_eq!(rosters(&relay.said())[0].1, None);
    relay.wait(59);
    assert_eq!(errors(&relay.said()), []);
    relay.wait(1);
    assert_eq!(
        errors(&relay.said()),
        [(2, ErrorCode::NotFound), (3, ErrorCode::NotFound)]
    );
}

#[test]
fn what_happened_to_one_that_was_away_is_told_when_it_comes_back() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    relay.join(3, 7);
    relay.breaks(2);
    relay.act(1, Action::Remove(peer(2)));
    let (welcome, said) = relay.back(20, 2, 0);
    assert_eq!(welcome, resumed(2));
    assert_eq!(errors(&said), [(20, ErrorCode::Removed)]);
    assert_eq!(said.len(), 1);
    // Said once. It is in no room, and may come again.
    assert_eq!(relay.back(21, 2, 0), (anew(2), vec![]));
    assert_eq!(rosters(&relay.join(21, 7)).len(), 3);

    // A host whose room was taken over by another socket of its own.
    relay.breaks(1);
    relay.open(5, 7);
    assert_eq!(errors(&relay.back(10, 1, 0).1), [(10, ErrorCode::Removed)]);

    // A room that ended meanwhile.
    relay.act(5, Action::Leave);
    relay.wait(59);
    relay.breaks(3);
    relay.wait(2);
    relay.said();
    assert_eq!(errors(&relay.back(30, 3, 0).1), [(30, ErrorCode::NotFound)]);
    assert_eq!(relay.rooms.count(), (0, 0));
    // And one that never comes back leaves nothing.
    relay.open(6, 8);
    relay.join(7, 8);
    relay.breaks(7);
    relay.act(6, Action::Remove(peer(7)));
    relay.wait(30);
    assert!(!relay.rooms.people.is_known(&peer(7)));
}

#[test]
fn a_room_whose_members_are_all_away_makes_place_when_there_are_too_many() {
    let mut relay = Relay::of(2, 8);
    relay.open(1, 1);
    relay.open(2, 2);
    relay.join(3, 2);
    relay.breaks(1);
    relay.breaks(2);
    assert_eq!(errors(&relay.open(4, 4)), []);
    // It is not told that its room is over: it may open it again.
    assert_eq!(relay.back(10, 1, 0), (anew(1), vec![]));
    assert_eq!(errors(&relay.open(10, 1)), [(10, ErrorCode::Busy)]);
    assert_eq!(relay.back(20, 2, 0).0, resumed(2));
}
