//! Places in rooms and at doors that strangers want too, and what a host says to strangers.

use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);

fn fills(relay: &mut Relay, sockets: std::ops::RangeInclusive<u64>) {
    for socket in sockets {
        assert_eq!(errors(&relay.join(socket, 7)), []);
    }
}

#[test]
fn whoever_waits_gets_a_place_at_a_full_door_before_those_whom_the_host_has_sent_away() {
    let mut relay = Relay::new();
    relay.open_knocking(1, 7);
    fills(&mut relay, 2..=17);
    // Strangers come back as soon as the host has denied them; a guest asks as often as its program does.
    assert_eq!(errors(&relay.join(18, 7)), [(18, ErrorCode::RoomFull)]);
    for socket in 2..=17 {
        assert_eq!(
            errors(&relay.admit(1, socket, false)),
            [(socket, ErrorCode::Denied)]
        );
        for _ in 0..10 {
            relay.now += 20 * MILLISECOND;
            if socket == 2 {
                let again = relay.join(socket, 7);
                assert_eq!(errors(&again), [(socket, ErrorCode::RoomFull)]);
            }
        }
        if socket == 2 {
            assert_eq!(errors(&relay.join(18, 7)), []);
        }
    }
    assert_eq!(errors(&relay.admit(1, 18, true)), []);
}

#[test]
fn whom_the_host_has_removed_comes_back_after_all_others() {
    let mut relay = Relay::of(100, 3);
    relay.open(1, 7);
    fills(&mut relay, 2..=3);
    relay.act(1, Action::Remove(peer(2)));
    fills(&mut relay, 4..=4);
    for socket in [2, 5] {
        assert_eq!(
            errors(&relay.join(socket, 7)),
            [(socket, ErrorCode::RoomFull)]
        );
    }
    relay.act(1, Action::Remove(peer(3)));
    assert_eq!(errors(&relay.join(2, 7)), [(2, ErrorCode::RoomFull)]);
    fills(&mut relay, 5..=5);
}

#[test]
fn who_waits_for_a_seat_holds_a_turn_for_that_room_alone() {
    let mut relay = Relay::of(100, 2);
    relay.open(1, 7);
    relay.open(2, 8);
    fills(&mut relay, 3..=3);
    assert_eq!(errors(&relay.join(4, 7)), [(4, ErrorCode::RoomFull)]);
    let holds = |relay: &Relay, socket, key| {
        relay
            .rooms
            .holds_turn(relay.now, SocketId(socket), &room(key))
    };
    assert!(holds(&relay, 4, 7));
    for (socket, key) in [(4, 8), (4, 9), (3, 7), (99, 7)] {
        assert!(!holds(&relay, socket, key), "{socket} {key}");
    }
    relay.now += 600 * MILLISECOND;
    assert!(!holds(&relay, 4, 7));
}

#[test]
fn only_answers_to_what_others_did_cost_nothing() {
    let mut relay = Relay::of(100, 3);
    relay.open_knocking(1, 7);
    for socket in 2..=5 {
        relay.join(socket, 7);
    }
    relay.open(6, 8);
    relay.join(7, 8);
    let admits = |relay: &Relay, socket, guest, accept| {
        relay
            .rooms
            .can_admit(SocketId(socket), &peer(guest), accept)
    };
    let removes =
        |relay: &Relay, socket, guest| relay.rooms.can_remove(SocketId(socket), &peer(guest));
    assert!(admits(&relay, 1, 2, true) && admits(&relay, 1, 2, false) && removes(&relay, 1, 2));
    relay.admit(1, 2, true);
    assert!(removes(&relay, 1, 2) && !admits(&relay, 1, 2, false));
    relay.admit(1, 3, true);
    // The room is full: who asks once more whether it is has to pay.
    assert!(!admits(&relay, 1, 4, true) && admits(&relay, 1, 4, false));
    // A guest, one at the door, another's host, one that is nowhere; and the host itself.
    for socket in [2, 4, 6, 99] {
        assert!(!removes(&relay, socket, 3), "{socket}");
        assert!(!admits(&relay, socket, 5, false), "{socket}");
    }
    assert!(!removes(&relay, 1, 1));
    relay.act(1, Action::Remove(peer(3)));
    assert!(!removes(&relay, 1, 3));

    let confirms = |relay: &Relay, socket, n| relay.rooms.confirms(SocketId(socket), n);
    assert!(!confirms(&relay, 1, 0) && !confirms(&relay, 1, 1));
    for _ in 0..3 {
        relay.signal(2, 1);
    }
    assert!(confirms(&relay, 1, 1) && confirms(&relay, 1, 3) && !confirms(&relay, 1, 4));
    assert!(!confirms(&relay, 2, 1), "it was sent none");
    relay.act(1, Action::Ack(2));
    assert!(!confirms(&relay, 1, 2) && confirms(&relay, 1, 3));
    assert!(!confirms(&relay, 99, 1));
}
