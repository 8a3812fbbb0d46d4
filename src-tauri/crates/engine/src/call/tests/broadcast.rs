//! One shows, the others watch.

use super::*;

fn viewer(world: &mut World, peer: &str) -> usize {
    let part = Part::Guest { role: Role::Viewer };
    world.add(config(&world.key, part, world.now), peer)
}

/// A broadcaster, and a viewer that has joined: the relay has told the one of the other.
fn watched() -> World {
    let mut world = World::new();
    world.kind = RoomKind::Broadcast;
    world.host();
    world.join(0);
    let side = viewer(&mut world, GUEST);
    world.join(side);
    world
}

/// A viewer comes to a broadcaster that is in its room, by the relay's word to it alone.
fn joined(world: &mut World, peer: &str, nonce: u8) {
    world.order += 1;
    let nonce = Nonce::new([nonce; 16]);
    let end = End {
        peer: id(peer),
        nonce,
    };
    let member = member(&world.key, end, "Vera", world.order);
    world.input(0, Input::Relay(RelayMessage::Joined(member)));
}

fn opened(world: &World, side: usize) -> usize {
    world.sides[side].count(|output| matches!(output, PeerOutput::Open { .. }))
}

#[test]
fn the_broadcaster_offers_to_each_who_comes_and_a_viewer_only_answers() {
    let mut world = watched();
    assert!(world.sides[0].has(&OFFER));
    joined(&mut world, THIRD, 200);
    let offers = |world: &World| world.sides[0].count(|output| *output == OFFER);
    assert_eq!(offers(&world), 2);
    // However long the offer takes.
    world.pass(OFFER_PATIENCE * 2);
    assert!(!world.sides[1].has(&OFFER));
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    assert!(world.sides[1].has(&PeerOutput::CreateAnswer));
    let view = world.sides[0].call.view();
    assert_eq!((view.kind, view.others), (RoomKind::Broadcast, 2));
    assert_eq!(world.sides[1].call.view().others, 1);
}

#[test]
fn a_broadcaster_that_comes_back_to_its_viewers_offers_again() {
    let mut world = watched();
    world.clear();
    // The relay has lost everything, and the viewer is back first.
    for side in [1, 0] {
        world.input(side, Input::SocketClosed(SocketEnd::Lost));
        world.pass(RETRY_AFTER[0]);
        world.input(side, Input::SocketOpen);
    }
    let nonce = Nonce::new([222; 16]);
    world.rejoined(1, nonce.clone());
    world.sides[1].call.next.as_mut().unwrap().nonce = nonce;
    world.roster();
    assert!(world.sides[0].has(&OFFER));
    world.pass(OFFER_PATIENCE * 2);
    assert!(!world.sides[1].has(&OFFER));
}

#[test]
fn a_broadcast_goes_on_without_viewers() {
    let mut world = watched();
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    world.local(1, DescriptionType::Answer);
    world.deliver(1);
    world.connect(0, 1);
    world.input(1, Input::HangUp);
    world.deliver(1);
    assert_eq!(world.ended(0), None);
    assert_eq!(world.sides[0].call.view().others, 0);
    // One whose way is lost for good ends it no more than one that says good-bye.
    joined(&mut world, THIRD, 200);
    for input in [PeerInput::Connected, PeerInput::Failed] {
        world.input(0, Input::Peer(id(THIRD), input));
    }
    world.pass(CONNECT_PATIENCE);
    assert_eq!(world.ended(0), None);
}

#[test]
fn the_broadcast_is_over_when_its_host_says_so() {
    let mut world = watched();
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    world.input(0, Input::HangUp);
    world.deliver(0);
    assert_eq!(world.ended(1), Some(EndReason::ByThem));
}

#[test]
fn a_viewer_has_to_do_with_nobody_but_the_host() {
    let mut world = watched();
    world.clear();
    let me = world.sides[1].member.clone().unwrap();
    let stranger = Member {
        peer: id(THIRD),
        nonce: Nonce::new([9; 16]),
        ..me.clone()
    };
    let room = RelayMessage::Room {
        kind: RoomKind::Broadcast,
        host: None,
        peers: vec![stranger.clone(), me],
        count: 3,
        capacity: 8,
        locked: false,
    };
    world.input(1, Input::Relay(room));
    world.input(1, Input::Relay(RelayMessage::Joined(stranger)));
    assert_eq!(opened(&world, 1), 0);
    let view = world.sides[1].call.view();
    assert_eq!(view.others, 3, "all of them watch: the host is away");
}

#[test]
fn who_came_to_watch_does_not_take_part_in_a_call() {
    let mut world = World::new();
    world.host();
    world.join(0);
    let side = viewer(&mut world, GUEST);
    world.join(side);
    let code = ErrorCode::NotFound;
    assert_eq!(world.ended(1), Some(EndReason::Refused { code }));
    assert_eq!(opened(&world, 1), 0);
}

#[test]
fn who_came_to_call_watches_where_it_is_a_broadcast() {
    let mut world = World::new();
    world.kind = RoomKind::Broadcast;
    world.host();
    world.join(0);
    world.guest();
    world.join(1);
    world.pass(OFFER_PATIENCE * 2);
    assert!(world.sides[0].has(&OFFER) && !world.sides[1].has(&OFFER));
    assert_eq!(world.sides[1].call.view().kind, RoomKind::Broadcast);
}

#[test]
fn a_viewer_that_joins_twice_is_one_viewer() {
    let mut world = watched();
    joined(&mut world, GUEST, 201);
    joined(&mut world, GUEST, 201);
    assert_eq!(world.sides[0].call.view().others, 1);
    assert_eq!(opened(&world, 0), 2, "the second join is a new end");
    assert_eq!(world.sides[0].count(|o| *o == PeerOutput::Close), 1);
}

#[test]
fn more_viewers_than_a_room_holds_are_not_met() {
    let mut world = watched();
    for number in 0..2000 {
        joined(&mut world, &stranger(number), 5);
    }
    assert_eq!(world.sides[0].call.view().others, 1023);
}

/// The id of one of many.
fn stranger(number: u32) -> String {
    let bits = |shift: u32| char::from(b'a' + (number >> shift & 0xf) as u8);
    let peer = [bits(8), bits(4), bits(0)].into_iter().cycle().take(15);
    std::iter::once('c').chain(peer).collect()
}

/// As many connections as there are.
fn open(world: &World) -> usize {
    opened(world, 0) - world.sides[0].count(|output| *output == PeerOutput::Close)
}

#[test]
fn among_hundreds_who_never_answer_a_viewer_has_its_turn_soon() {
    let mut world = World::new();
    world.kind = RoomKind::Broadcast;
    world.host();
    world.join(0);
    for number in 0..500 {
        joined(&mut world, &stranger(number), 5);
    }
    assert_eq!(open(&world), 32, "so many are made at a time");
    let side = viewer(&mut world, GUEST);
    world.input(side, Input::SocketOpen);
    let nonce = world.sides[side].member.as_ref().unwrap().nonce.clone();
    world.order += 1;
    let peer = id(GUEST);
    let member = member(&world.key, End { peer, nonce }, "Vera", world.order);
    world.input(0, Input::Relay(RelayMessage::Joined(member)));
    let mut seconds = 0;
    let its_turn = |world: &World| {
        let mut opened = world.sides[0].peer.iter();
        opened.any(|(peer, output)| *peer == id(GUEST) && *output == OFFER)
    };
    while !its_turn(&world) {
        seconds += 1;
        assert!(seconds < 33, "it has given up by then");
        world.pass(Duration::from_secs(1));
        assert!(open(&world) <= 128, "{} connections", open(&world));
    }
    // They have had a signal each, and the user is not told of every one.
    assert!(world.sides[0].error().is_none());
    // It is there, and whoever comes now goes before nobody.
    let peer = id(GUEST);
    for input in [PeerInput::Connected, PeerInput::DataOpen] {
        world.input(0, Input::Peer(peer.clone(), input));
    }
    world.pass(CONNECT_PATIENCE * 2);
    assert_eq!(open(&world), 1, "who never answered is given up in the end");
    let peers = world.sides[0].call.view().peers;
    let connected = peers.iter().filter(|it| it.state == PeerState::Connected);
    assert_eq!(connected.map(|it| &it.peer).collect::<Vec<_>>(), [&peer]);
}

#[test]
fn who_waits_for_its_turn_may_leave_and_is_offered_to_by_no_relay_that_is_away() {
    let mut world = World::new();
    world.kind = RoomKind::Broadcast;
    world.host();
    world.join(0);
    for number in 0..40 {
        joined(&mut world, &stranger(number), 5);
    }
    let left = RelayMessage::Left {
        peer: id(&stranger(39)),
    };
    world.input(0, Input::Relay(left));
    assert_eq!(world.sides[0].call.view().others, 39);
    world.input(0, Input::SocketClosed(SocketEnd::Lost));
    let others = world.sides[0].call.deadline();
    world.input(0, Input::Tick);
    assert_eq!(
        (opened(&world, 0), world.sides[0].call.deadline()),
        (32, others)
    );
    world.now += Duration::from_secs(3);
    world.input(0, Input::Tick);
    assert_eq!(opened(&world, 0), 32);
    // Its end ends all of it.
    world.input(0, Input::HangUp);
    assert_eq!(opened(&world, 0), 32);
    assert_eq!(world.sides[0].call.deadline(), None);
}

#[test]
fn a_viewer_waits_at_the_door_of_a_broadcast_too() {
    let mut world = World::new();
    (world.kind, world.knock) = (RoomKind::Broadcast, true);
    world.host();
    world.join(0);
    joined(&mut world, GUEST, 7);
    assert_eq!(opened(&world, 0), 0);
    let (peer, accept) = (id(GUEST), true);
    world.input(0, Input::Admit { peer, accept });
    assert_eq!(opened(&world, 0), 1);
}

#[test]
fn however_many_strangers_come_and_go_the_next_viewer_is_let_in() {
    let mut world = World::new();
    world.kind = RoomKind::Broadcast;
    world.host();
    world.join(0);
    for number in 0..40_000_u32 {
        let mut bytes = [1; 10];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        let peer = PeerId::from_bytes(&bytes);
        joined(&mut world, peer.as_str(), 5);
        world.input(0, Input::Relay(RelayMessage::Left { peer }));
        world.clear();
        world.sides[0].events.clear();
        world.now += Duration::from_millis(100);
    }
    joined(&mut world, GUEST, 7);
    assert_eq!(opened(&world, 0), 1);
}
