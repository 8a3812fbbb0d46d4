//! Rooms that knock, and what only a host may do.

use super::*;

/// Who is told of a knock, and whose.
fn knocks(said: &[(u64, RelayMessage)]) -> Vec<(u64, PeerId)> {
    said.iter()
        .filter_map(|(to, message)| match message {
            RelayMessage::Knock { peer, .. } => Some((*to, peer.clone())),
            _ => None,
        })
        .collect()
}

fn left(to: u64, who: u64) -> (u64, RelayMessage) {
    (to, RelayMessage::Left { peer: peer(who) })
}

#[test]
fn who_knocks_waits_and_comes_in_when_the_host_says_so() {
    let mut relay = Relay::new();
    relay.open_knocking(1, 7);
    let said = relay.join(2, 7);
    let Newcomer { name, nonce, mac } = newcomer(2);
    let knock = RelayMessage::Knock {
        peer: peer(2),
        name,
        nonce,
        mac,
    };
    assert_eq!(said, [(2, knock.clone()), (1, knock)]);
    // At the door it neither says nor hears anything.
    assert_eq!(errors(&relay.signal(2, 1)), [(2, ErrorCode::NotInRoom)]);
    assert_eq!(errors(&relay.signal(1, 2)), [(1, ErrorCode::NoSuchPeer)]);
    assert_eq!(errors(&relay.join(2, 7)), [(2, ErrorCode::BadMessage)]);
    let said = relay.admit(1, 2, true);
    assert_eq!(
        rosters(&said),
        [
            (1, Some(peer(1)), vec![peer(2)], 2),
            (2, Some(peer(1)), vec![peer(2)], 2)
        ]
    );
    assert_eq!(relay.signal(2, 1).len(), 1);
    // Who is in is at the door no more.
    assert_eq!(
        errors(&relay.admit(1, 2, true)),
        [(1, ErrorCode::NoSuchPeer)]
    );
    assert_eq!(
        errors(&relay.admit(1, 2, false)),
        [(1, ErrorCode::NoSuchPeer)]
    );
    assert_eq!(relay.rooms.count(), (1, 2));
}

#[test]
fn who_is_not_let_in_is_told_so() {
    let mut relay = Relay::new();
    relay.open_knocking(1, 7);
    relay.join(2, 7);
    let said = relay.admit(1, 2, false);
    assert_eq!(errors(&said), [(2, ErrorCode::Denied)]);
    assert_eq!(said.len(), 1);
    // It may ask again, and the host may say so without a word from it.
    assert_eq!(knocks(&relay.join(2, 7)).len(), 2);
    let said = relay.act(1, Action::Remove(peer(2)));
    assert_eq!(errors(&said), [(2, ErrorCode::Removed)]);
    assert_eq!(said.len(), 1);
    assert_eq!(relay.rooms.count(), (1, 1));
}

#[test]
fn only_the_host_says_who_comes_and_goes() {
    let mut relay = Relay::new();
    relay.open_knocking(1, 7);
    relay.join(2, 7);
    relay.admit(1, 2, true);
    relay.join(3, 7);
    relay.open(4, 8);
    for (socket, code) in [
        // A guest, one at the door, one that is nowhere, and the host of another room.
        (2, ErrorCode::Denied),
        (3, ErrorCode::Denied),
        (9, ErrorCode::NotInRoom),
        (4, ErrorCode::NoSuchPeer),
    ] {
        for action in [
            Action::Admit {
                peer: peer(3),
                accept: true,
            },
            Action::Admit {
                peer: peer(3),
                accept: false,
            },
            Action::Remove(peer(1)),
            Action::Remove(peer(2)),
        ] {
            let said = relay.act(socket, action);
            assert_eq!(errors(&said), [(socket, code)]);
            assert_eq!(said.len(), 1);
        }
        if socket != 4 {
            let said = relay.act(socket, Action::Lock(true));
            assert_eq!(errors(&said), [(socket, code)]);
        }
    }
    for action in [
        Action::Remove(peer(99)),
        Action::Admit {
            peer: peer(99),
            accept: true,
        },
    ] {
        assert_eq!(errors(&relay.act(1, action)), [(1, ErrorCode::NoSuchPeer)]);
    }
    let said = relay.act(1, Action::Remove(peer(1)));
    assert_eq!(errors(&said), [(1, ErrorCode::BadMessage)]);
    assert_eq!(relay.rooms.count(), (2, 4));
}

#[test]
fn so_many_wait_at_a_door_and_no_more() {
    let mut relay = Relay::new();
    relay.open_knocking(1, 7);
    for socket in 2..18 {
        assert_eq!(errors(&relay.join(socket, 7)), []);
    }
    let said = relay.join(18, 7);
    assert_eq!(errors(&said), [(18, ErrorCode::RoomFull)]);
    assert_eq!(said.len(), 1);
    // A room holds what it may, whoever waits.
    for socket in 2..9 {
        assert_eq!(errors(&relay.admit(1, socket, true)), []);
    }
    assert_eq!(errors(&relay.admit(1, 9, true)), [(1, ErrorCode::RoomFull)]);
    assert_eq!(errors(&relay.join(18, 7)), [(18, ErrorCode::RoomFull)]);
    relay.act(2, Action::Leave);
    assert_eq!(errors(&relay.admit(1, 9, true)), []);
}

#[test]
fn who_goes_from_the_door_is_told_to_the_host_alone() {
    let mut relay = Relay::new();
    relay.open_knocking(1, 7);
    relay.join(2, 7);
    relay.admit(1, 2, true);
    relay.join(3, 7);
    relay.join(4, 7);
    assert_eq!(relay.act(3, Action::Leave), [left(1, 3)]);
    assert_eq!(relay.breaks(4), []);
    relay.wait(30);
    assert_eq!(relay.said(), [left(1, 4)]);
    assert_eq!(
        errors(&relay.admit(1, 4, true)),
        [(1, ErrorCode::NoSuchPeer)]
    );
}

#[test]
fn who_waits_keeps_its_place_at_the_door() {
    let mut relay = Relay::new();
    relay.open_knocking(1, 7);
    relay.join(2, 7);
    relay.breaks(2);
    let (welcome, said) = relay.back(20, 2, 0);
    assert!(welcome.resumed);
    assert_eq!(knocks(&said), [(20, peer(2))]);
    assert_eq!(said.len(), 1);
    // Let in while it is away it finds itself in the room; sent away it hears of it.
    relay.breaks(20);
    assert_eq!(rosters(&relay.admit(1, 2, true)).len(), 1);
    let (welcome, said) = relay.back(21, 2, 0);
    assert!(welcome.resumed);
    assert_eq!(rosters(&said), [(21, Some(peer(1)), vec![peer(2)], 2)]);
    relay.join(3, 7);
    relay.breaks(3);
    assert_eq!(relay.admit(1, 3, false), []);
    assert_eq!(errors(&relay.back(30, 3, 0).1), [(30, ErrorCode::Denied)]);
}

#[test]
fn a_host_that_comes_back_is_told_who_waits_and_who_went() {
    let mut relay = Relay::new();
    relay.open_knocking(1, 7);
    for socket in 2..=5 {
        relay.join(socket, 7);
    }
    relay.admit(1, 5, true);
    relay.breaks(1);
    assert_eq!(relay.act(2, Action::Leave), []);
    assert_eq!(knocks(&relay.join(6, 7)), [(6, peer(6))]);
    // Went and came again: waiting counts.
    relay.act(3, Action::Leave);
    relay.join(3, 7);
    let (_, said) = relay.back(10, 1, 0);
    assert_eq!(rosters(&said).len(), 1);
    assert_eq!(said[1], left(10, 2));
    assert_eq!(knocks(&said), [(10, peer(4)), (10, peer(6)), (10, peer(3))]);
    assert_eq!(said.len(), 5);
    // So is one that opens its room anew, after its place was lost.
    relay.gone(10);
    let said = relay.open_knocking(7, 7);
    assert_eq!(said[0], (7, RelayMessage::Created { room: room(7) }));
    assert_eq!(knocks(&said), [(7, peer(4)), (7, peer(6)), (7, peer(3))]);
    relay.admit(7, 4, true);
    assert_eq!(relay.rooms.count(), (1, 5));
}

#[test]
fn a_door_whose_host_stays_away_is_closed() {
    let mut relay = Relay::new();
    relay.open_knocking(1, 7);
    relay.join(2, 7);
    relay.gone(1);
    // It may be knocked at until then.
    assert_eq!(knocks(&relay.join(3, 7)), [(3, peer(3))]);
    relay.wait(60);
    assert_eq!(
        errors(&relay.said()),
        [(2, ErrorCode::NotFound), (3, ErrorCode::NotFound)]
    );
    assert_eq!(relay.rooms.count(), (0, 0));
}

#[test]
fn a_host_that_asks_for_no_knocking_any_more_opens_the_door() {
    let mut relay = Relay::new();
    relay.act(1, open(7, 3, true));
    for socket in 2..=4 {
        relay.join(socket, 7);
    }
    relay.gone(1);
    let said = relay.act(5, open(7, 3, false));
    assert_eq!(errors(&said), [(4, ErrorCode::RoomFull)]);
    assert_eq!(rosters(&said).len(), 3);
    assert_eq!(rosters(&said)[0].2, [peer(2), peer(3)]);
    relay.act(2, Action::Leave);
    assert_eq!(rosters(&relay.join(6, 7)).len(), 3);
}

#[test]
fn a_locked_room_lets_nobody_in_but_those_at_its_door() {
    let mut relay = Relay::new();
    relay.open_knocking(1, 7);
    relay.join(2, 7);
    relay.admit(1, 2, true);
    relay.join(3, 7);
    let locked = |said: &[(u64, RelayMessage)]| -> Vec<(u64, bool)> {
        said.iter()
            .filter_map(|(to, message)| match message {
                RelayMessage::Room { locked, .. } => Some((*to, *locked)),
                _ => None,
            })
            .collect()
    };
    let said = relay.act(1, Action::Lock(true));
    assert_eq!(locked(&said), [(1, true), (2, true)]);
    assert_eq!(relay.act(1, Action::Lock(true)), []);
    assert_eq!(errors(&relay.join(4, 7)), [(4, ErrorCode::Locked)]);
    assert_eq!(locked(&relay.admit(1, 3, true)).len(), 3);
    // It stays locked for a host that comes back in either way, and for those who come back.
    relay.breaks(2);
    assert_eq!(locked(&relay.back(20, 2, 0).1), [(20, true)]);
    relay.gone(1);
    assert!(
        locked(&relay.open_knocking(5, 7))
            .iter()
            .all(|(_, locked)| *locked)
    );
    assert_eq!(errors(&relay.join(4, 7)), [(4, ErrorCode::Locked)]);
    let said = relay.act(5, Action::Lock(false));
    assert_eq!(locked(&said).len(), 3);
    assert_eq!(knocks(&relay.join(4, 7)).len(), 2);
}

#[test]
fn who_is_removed_is_out_and_the_rest_are_told() {
    let mut relay = Relay::new();
    relay.open(1, 7);
    relay.join(2, 7);
    relay.join(3, 7);
    relay.signal(3, 2);
    let said = relay.act(1, Action::Remove(peer(2)));
    assert_eq!(errors(&said), [(2, ErrorCode::Removed)]);
    assert!(said.contains(&left(1, 2)) && said.contains(&left(3, 2)));
    assert_eq!(
        rosters(&said),
        [
            (1, Some(peer(1)), vec![peer(3)], 2),
            (3, Some(peer(1)), vec![peer(3)], 2)
        ]
    );
    assert_eq!(errors(&relay.signal(2, 1)), [(2, ErrorCode::NotInRoom)]);
    assert_eq!(errors(&relay.signal(3, 2)), [(3, ErrorCode::NoSuchPeer)]);
    assert_eq!(relay.rooms.kept_bytes, 0);
}
