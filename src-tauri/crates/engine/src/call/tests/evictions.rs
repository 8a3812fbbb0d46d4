//! Members that the host has the relay remove, by a relay that does not hear it or cannot keep up.

use super::{
    trust::{removals, with_stranger},
    *,
};

/// Returns one of many members without a proof.
fn stranger(of: &Member, number: u32) -> Member {
    let mut bytes = [1; 10];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Member {
        peer: PeerId::from_bytes(&bytes),
        ..of.clone()
    }
}

#[test]
fn a_removal_that_is_lost_is_asked_for_again_without_a_word_of_the_relay() {
    let (mut world, stranger) = with_stranger(RoomKind::Broadcast);
    let peer = stranger.peer.clone();
    world.input(0, Input::Relay(RelayMessage::Joined(stranger)));
    assert_eq!(removals(&world), 1);
    world.pass(Duration::from_millis(4_500));
    assert_eq!(removals(&world), 5);
    world.input(0, Input::Relay(RelayMessage::Left { peer }));
    world.pass(Duration::from_secs(60));
    assert_eq!(removals(&world), 5, "it is gone");
    assert_eq!(world.sides[0].call.deadline(), None);
}

#[test]
fn a_thousand_strangers_are_removed_at_a_rate_that_the_relay_takes() {
    let (mut world, first) = with_stranger(RoomKind::Broadcast);
    for number in 0..1_000 {
        let stranger = stranger(&first, number);
        world.input(0, Input::Relay(RelayMessage::Joined(stranger)));
    }
    assert_eq!(removals(&world), 64);
    let mut last = 64;
    // A relay that hears each of them.
    for _ in 0..20 {
        world.pass(Duration::from_secs(1));
        let said = world.sides[0].said[last..].to_vec();
        assert!(said.len() <= 65, "{} in a second", said.len());
        last += said.len();
        for said in said {
            let ClientMessage::Remove { peer } = said else {
                panic!("{said:?}")
            };
            world.input(0, Input::Relay(RelayMessage::Left { peer }));
        }
    }
    let asked = world.sides[0].said.iter().map(|said| format!("{said:?}"));
    let asked: std::collections::BTreeSet<_> = asked.collect();
    assert_eq!(asked.len(), 1_000);
}

#[test]
fn strangers_do_not_keep_their_seats_over_a_broken_socket() {
    let (mut world, stranger) = with_stranger(RoomKind::Broadcast);
    world.input(0, Input::Relay(RelayMessage::Joined(stranger.clone())));
    world.input(0, Input::SocketClosed(SocketEnd::Lost));
    world.pass(Duration::from_millis(500));
    assert_eq!(removals(&world), 1, "nobody would hear it");
    world.sides[0].resumed = true;
    world.input(0, Input::SocketOpen);
    let room = RelayMessage::Room {
        kind: RoomKind::Broadcast,
        host: Some(Host {
            key: world.key.public(),
            member: world.sides[0].member.clone().unwrap(),
        }),
        peers: vec![stranger],
        count: 2,
        capacity: 8,
        locked: false,
    };
    world.input(0, Input::Relay(room));
    assert_eq!(removals(&world), 2);
}

#[test]
fn one_that_gives_its_proof_after_all_is_not_removed() {
    let (mut world, stranger) = with_stranger(RoomKind::Broadcast);
    world.input(0, Input::Relay(RelayMessage::Joined(stranger.clone())));
    let nonce = Nonce::new([5; 16]);
    let peer = stranger.peer;
    let proven = member(&world.key, End { peer, nonce }, "Vera", 3);
    world.input(0, Input::Relay(RelayMessage::Joined(proven)));
    world.pass(Duration::from_secs(5));
    assert_eq!(removals(&world), 1);
    assert_eq!(world.sides[0].call.view().others, 1);
}
