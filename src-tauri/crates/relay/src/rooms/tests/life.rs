//! Rooms that are opened, filled, left and ended.

use super::*;

#[test]
fn a_host_opens_a_room_and_guests_come_and_go() {
    let mut relay = Relay::new();
    let said = relay.open(1, 7);
    assert_eq!(said[0], (1, RelayMessage::Created { room: room(7) }));
    assert_eq!(rosters(&said), [(1, Some(peer(1)), vec![], 1)]);

    assert_eq!(
        rosters(&relay.join(2, 7)),
        [
            (1, Some(peer(1)), vec![peer(2)], 2),
            (2, Some(peer(1)), vec![peer(2)], 2)
        ]
    );
    let said = relay.join(3, 7);
    assert_eq!(rosters(&said).len(), 3);
    assert!(order_of(&said, 1) < order_of(&said, 2) && order_of(&said, 2) < order_of(&said, 3));

    // By its own wish or not, the others are told the same.
    let said = relay.act(2, Action::Leave);
    let left = RelayMessage::Left { peer: peer(2) };
    assert_eq!(said[..2], [(1, left.clone()), (3, left)]);
    assert_eq!(rosters(&said).len(), 2);
    let said = relay.gone(3);
    assert_eq!(said[0], (1, RelayMessage::Left { peer: peer(3) }));
    assert_eq!(rosters(&said), [(1, Some(peer(1)), vec![], 1)]);
    assert_eq!(relay.rooms.count(), (1, 1));
}

#[test]
fn the_roster_shows_what_the_members_gave() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    let said = relay.join(2, 7);
    let Some((
        _,
        RelayMessage::Room {
            kind,
            host,
            peers,
            capacity,
            locked,
            ..
        },
    )) = said.last()
    else {
        panic!("no roster");
    };
    let host = host.as_ref().unwrap();
    assert_eq!((*kind, *capacity, *locked), (RoomKind::Call, 8, false));
    assert_eq!((&host.key, host.member.name.as_str()), (&public(7), "host"));
    assert_eq!(
        (peers[0].name.as_str(), &peers[0].nonce),
        ("n2", &Nonce::new([2; 16]))
    );
}

#[test]
fn a_number_of_order_is_never_given_twice() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    let mut last = order_of(&relay.join(2, 7), 2);
    for _ in 0..5 {
        relay.gone(2);
        let order = order_of(&relay.join(2, 7), 2);
        assert!(order > last);
        last = order;
    }
}

#[test]
fn signals_go_to_their_addressee_alone_and_are_numbered_for_it() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    relay.join(3, 7);
    for (from, to, expected) in [(1, 2, 1), (3, 2, 2), (2, 1, 1), (1, 2, 3), (3, 1, 2)] {
        let said = relay.signal(from, to);
        let [
            (
                got,
                RelayMessage::Signal {
                    from: sender,
                    n,
                    seq: 1,
                    ..
                },
            ),
        ] = &said[..]
        else {
            panic!("{said:?}");
        };
        assert_eq!((*got, sender, *n), (to, &peer(from), expected));
    }
}

#[test]
fn what_is_refused_is_told_to_its_sender_alone() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    relay.open(3, 8);
    for (socket, action, code) in [
        (9, Action::Leave, ErrorCode::NotInRoom),
        (
            9,
            Action::Join {
                room: room(6),
                newcomer: newcomer(9),
            },
            ErrorCode::NotFound,
        ),
        (
            2,
            Action::Join {
                room: room(8),
                newcomer: newcomer(2),
            },
            ErrorCode::BadMessage,
        ),
        (
            2,
            Action::Join {
                room: room(7),
                newcomer: newcomer(2),
            },
            ErrorCode::BadMessage,
        ),
        (2, open(9, 8, false), ErrorCode::BadMessage),
    ] {
        assert_eq!(errors(&relay.act(socket, action)), [(socket, code)]);
    }
    for (from, to, code) in [
        (9, 1, ErrorCode::NotInRoom),
        (1, 3, ErrorCode::NoSuchPeer),
        (1, 99, ErrorCode::NoSuchPeer),
        (1, 1, ErrorCode::NoSuchPeer),
    ] {
        let said = relay.signal(from, to);
        assert_eq!(errors(&said), [(from, code)]);
        assert_eq!(said.len(), 1);
    }
    assert_eq!(relay.rooms.count(), (2, 3));
}

#[test]
fn a_room_holds_as_many_as_it_may() {
    for (asked, limit, holds) in [
        (0, 8, 2),
        (1, 8, 2),
        (3, 8, 3),
        (8, 8, 8),
        (1000, 8, 8),
        (1000, 100, 8),
        (8, 4, 4),
    ] {
        let mut relay = Relay::of(1, limit);
        relay.act(1, open(7, asked, false));
        for socket in 2..=holds {
            assert_eq!(errors(&relay.join(socket, 7)), [], "{asked} {limit}");
        }
        assert_eq!(
            errors(&relay.join(100, 7)),
            [(100, ErrorCode::RoomFull)],
            "{asked} {limit}"
        );
        // The host's place is kept: no guest takes it while it is away.
        relay.gone(1);
        assert_eq!(errors(&relay.join(101, 7)), [(101, ErrorCode::RoomFull)]);
        assert_eq!(errors(&relay.act(1, open(7, asked, false))), []);
        assert_eq!(relay.rooms.count(), (1, holds as usize));
    }
}

#[test]
fn a_host_comes_back_within_the_life_of_its_room() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    let said = relay.gone(1);
    assert_eq!(said[0], (2, RelayMessage::Left { peer: peer(1) }));
    assert_eq!(rosters(&said), [(2, None, vec![peer(2)], 1)]);
    // Guests may come while they wait, and see that it is away.
    relay.wait(59);
    assert_eq!(rosters(&relay.join(3, 7))[0].1, None);

    let said = relay.open(4, 7);
    assert_eq!(said[0], (4, RelayMessage::Created { room: room(7) }));
    assert_eq!(rosters(&said).len(), 3);
    assert_eq!(rosters(&said)[0].1, Some(peer(4)));
    // It comes last, so those who are there offer to it.
    assert!(order_of(&said, 4) > order_of(&said, 3));
    // The old end counts no more, and the next absence has its own.
    relay.wait(300);
    assert_eq!(relay.rooms.count(), (1, 3));
    relay.gone(4);
    relay.wait(59);
    assert_eq!(relay.rooms.count(), (1, 2));
    relay.wait(1);
    assert_eq!(relay.rooms.count(), (0, 0));
}

#[test]
fn a_room_whose_host_stays_away_ends() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    relay.join(3, 7);
    relay.gone(1);
    relay.wait(60);
    let said = relay.said();
    assert_eq!(
        errors(&said),
        [(2, ErrorCode::NotFound), (3, ErrorCode::NotFound)]
    );
    assert_eq!(errors(&relay.signal(2, 3)), [(2, ErrorCode::NotInRoom)]);
    assert_eq!(errors(&relay.join(2, 7)), [(2, ErrorCode::NotFound)]);
    assert_eq!(relay.rooms.next_expiry(), None);
    // Its host can open it again, and the guests can come again.
    relay.open(4, 7);
    assert_eq!(rosters(&relay.join(2, 7)).len(), 2);
}

#[test]
fn a_room_that_all_have_left_is_there_for_a_minute() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.gone(1);
    assert_eq!(relay.rooms.count(), (1, 0));
    relay.wait(59);
    assert_eq!(errors(&relay.join(2, 7)), []);
    relay.gone(2);
    relay.wait(1);
    assert_eq!(relay.rooms.count(), (0, 0));
}

#[test]
fn a_second_socket_of_the_host_takes_the_room_over() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    let said = relay.open(3, 7);
    assert_eq!(errors(&said), [(1, ErrorCode::Removed)]);
    assert!(said.contains(&(2, RelayMessage::Left { peer: peer(1) })));
    assert_eq!(
        rosters(&said),
        [
            (2, Some(peer(3)), vec![peer(2)], 2),
            (3, Some(peer(3)), vec![peer(2)], 2)
        ]
    );
    // What becomes of the old socket is nothing to the room any more.
    assert_eq!(relay.gone(1), []);
    relay.wait(300);
    assert_eq!(relay.rooms.count(), (1, 2));
    assert_eq!(errors(&relay.signal(2, 1)), [(2, ErrorCode::NoSuchPeer)]);
}

#[test]
fn when_there_are_too_many_rooms_a_deserted_one_makes_place() {
    let mut relay = Relay::of(2, 8);
    relay.open(1, 1);
    relay.open(2, 2);
    assert_eq!(errors(&relay.open(3, 3)), [(3, ErrorCode::Busy)]);
    // A room with guests is not deserted.
    relay.join(4, 1);
    relay.gone(1);
    assert_eq!(errors(&relay.open(3, 3)), [(3, ErrorCode::Busy)]);
    // Its own host finds it all the same.
    assert_eq!(errors(&relay.open(5, 1)), []);
    relay.gone(2);
    assert_eq!(errors(&relay.open(3, 3)), []);
    assert_eq!(errors(&relay.join(6, 2)), [(6, ErrorCode::NotFound)]);
    relay.wait(300);
    assert_eq!(relay.rooms.count(), (2, 3));
}

#[test]
fn the_next_end_is_known() {
    let mut relay = Relay::new();
    assert_eq!(relay.rooms.next_expiry(), None);
    relay.open(1, 1);
    relay.open(2, 2);
    relay.gone(1);
    let first = relay.now + AWAY;
    relay.wait(10);
    relay.gone(2);
    assert_eq!(relay.rooms.next_expiry(), Some(first));
    relay.wait(50);
    assert_eq!(relay.rooms.count(), (1, 0));
    assert_eq!(
        relay.rooms.next_expiry(),
        Some(relay.now + Duration::from_secs(10))
    );
}
