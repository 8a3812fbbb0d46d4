//! Who comes in, and who decides that.

use super::*;

const OPEN: PeerOutput = PeerOutput::Open {
    ice_servers: vec![],
    terms: Terms::NATIVE,
};

/// A host whose guests wait until they are let in, and one that waits.
fn knocking() -> (World, Member) {
    let mut world = World::new();
    world.knock = true;
    world.host();
    world.join(0);
    world.guest();
    world.input(1, Input::SocketOpen);
    let member = world.sides[1].member.take().unwrap();
    knock(&mut world, GUEST);
    (world, member)
}

/// The relay tells host and guest that somebody asks.
fn knock(world: &mut World, who: &str) {
    let message = join_request(&world.key, id(who), "Grace");
    for side in 0..world.sides.len() {
        world.input(side, Input::Relay(message.clone()));
    }
}

fn admit(world: &mut World, accept: bool) {
    let peer = id(GUEST);
    world.input(0, Input::Admit { peer, accept });
}

fn refuse(world: &mut World, side: usize, code: ErrorCode) {
    let message = String::new();
    world.input(side, Input::Relay(RelayMessage::Error { code, message }));
}

fn said(world: &World, message: &ClientMessage) -> usize {
    let said = world.sides[0].said.iter();
    said.filter(|said| *said == message).count()
}

fn admitted(accept: bool) -> ClientMessage {
    ClientMessage::Admit {
        peer: id(GUEST),
        accept,
    }
}

fn removed() -> ClientMessage {
    ClientMessage::Remove { peer: id(GUEST) }
}

fn waiting(world: &World) -> Vec<PeerId> {
    let knocks = world.sides[0].call.view().knocks;
    knocks.into_iter().map(|knock| knock.peer).collect()
}

#[test]
fn who_knocks_is_connected_to_once_the_host_says_so() {
    let (mut world, member) = knocking();
    assert_eq!(world.phase(1), CallPhase::Knocking);
    assert_eq!(waiting(&world), [id(GUEST)]);
    let heard = Event::Knock {
        peer: id(GUEST),
        name: "Grace".into(),
    };
    assert!(world.sides[0].events.contains(&heard));
    assert!(world.sides[0].peer.is_empty());
    admit(&mut world, true);
    assert_eq!(said(&world, &admitted(true)), 1);
    assert!(waiting(&world).is_empty());
    world.sides[1].member = Some(member);
    world.roster();
    assert!(world.sides[0].has(&OPEN) && world.sides[0].has(&OFFER));
    assert_eq!(world.phase(1), CallPhase::Connecting);
}

#[test]
fn who_is_denied_reads_that() {
    let (mut world, _) = knocking();
    admit(&mut world, false);
    assert_eq!(said(&world, &admitted(false)), 1);
    assert!(waiting(&world).is_empty());
    refuse(&mut world, 1, ErrorCode::Denied);
    let code = ErrorCode::Denied;
    assert_eq!(world.ended(1), Some(EndReason::Refused { code }));
    assert_eq!(world.sides[1].error(), Some(code));
}

#[test]
fn who_is_let_in_where_there_is_no_room_waits_on() {
    let (mut world, member) = knocking();
    admit(&mut world, true);
    refuse(&mut world, 0, ErrorCode::RoomFull);
    assert_eq!(waiting(&world), [id(GUEST)]);
    assert_eq!(world.sides[0].error(), Some(ErrorCode::RoomFull));
    assert_eq!(world.ended(0), None);
    // Somebody has left, and the host says it once more.
    admit(&mut world, true);
    assert_eq!(said(&world, &admitted(true)), 2);
    world.sides[1].member = Some(member);
    world.roster();
    assert!(world.sides[0].has(&OPEN));
    refuse(&mut world, 0, ErrorCode::RoomFull);
    assert!(waiting(&world).is_empty(), "it is inside");
}

#[test]
fn a_relay_that_lets_somebody_in_by_itself_is_not_followed() {
    let (mut world, member) = knocking();
    world.sides[1].member = Some(member);
    world.roster();
    // The guest believes it and speaks; the host's end does not hear.
    world.pass(OFFER_PATIENCE);
    world.local(1, DescriptionType::Offer);
    world.input(1, Input::Peer(id(HOST), PeerInput::Candidate(None)));
    world.deliver(1);
    assert!(world.sides[0].peer.is_empty());
    assert_eq!(waiting(&world), [id(GUEST)], "it waits as before");
    admit(&mut world, true);
    assert!(world.sides[0].has(&OPEN));
}

#[test]
fn one_that_the_relay_let_in_is_sent_away_where_the_host_says_no() {
    let (mut world, member) = knocking();
    world.sides[1].member = Some(member);
    world.roster();
    admit(&mut world, false);
    assert_eq!(said(&world, &removed()), 1);
    assert!(world.sides[0].peer.is_empty() && waiting(&world).is_empty());
}

#[test]
fn admitting_a_stranger_does_nothing() {
    let (mut world, _) = knocking();
    let peer = id(THIRD);
    let accept = true;
    world.input(0, Input::Admit { peer, accept });
    assert!(world.sides[0].said.is_empty());
    assert_eq!(waiting(&world), [id(GUEST)]);
}

#[test]
fn who_goes_away_from_the_door_is_forgotten() {
    let (mut world, _) = knocking();
    world.input(0, Input::Relay(RelayMessage::Left { peer: id(GUEST) }));
    assert!(waiting(&world).is_empty());
}

#[test]
fn a_crowd_at_the_door_is_cut_off_and_its_names_are_made_fit() {
    let (mut world, _) = knocking();
    for n in 0..1_000_u16 {
        let mut bytes = [0; 10];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        let peer = PeerId::from_bytes(&bytes);
        let name = format!("\u{202e}<b>{}\n", "x".repeat(10_000));
        let request = join_request(&world.key, peer, &name);
        world.input(0, Input::Relay(request));
    }
    let knocks = world.sides[0].call.view().knocks;
    assert_eq!(knocks.len(), 16);
    assert_eq!(knocks[1].name.chars().count(), 64);
    assert!(knocks[1].name.starts_with("<b>x"));
}

#[test]
fn who_waits_comes_back_to_the_door_after_its_socket_broke() {
    for resumed in [true, false] {
        let (mut world, member) = knocking();
        world.input(1, Input::SocketClosed(SocketEnd::Lost));
        let view = world.sides[1].call.view();
        assert_eq!((view.phase, view.relay_lost), (CallPhase::Knocking, true));
        world.pass(Duration::from_secs(1));
        world.sides[1].resumed = resumed;
        world.input(1, Input::SocketOpen);
        knock(&mut world, GUEST);
        assert!(!world.sides[1].call.view().relay_lost);
        admit(&mut world, true);
        world.sides[1].member = Some(member);
        world.roster();
        assert_eq!(world.phase(1), CallPhase::Connecting);
    }
}

#[test]
fn who_was_let_in_once_is_not_asked_about_again() {
    let (mut world, member) = knocking();
    admit(&mut world, true);
    world.sides[1].member = Some(member);
    world.roster();
    world.sides[0].events.clear();
    knock(&mut world, GUEST);
    assert_eq!(said(&world, &admitted(true)), 2);
    assert!(waiting(&world).is_empty());
    let asks = |event: &Event| matches!(event, Event::Knock { .. });
    assert!(!world.sides[0].events.iter().any(asks));
}

#[test]
fn a_locked_room_keeps_newcomers_out_whatever_the_relay_does() {
    let mut world = World::connected();
    world.input(0, Input::Lock { locked: true });
    assert!(world.sides[0].call.view().locked);
    assert_eq!(said(&world, &ClientMessage::Lock { locked: true }), 1);
    let third = config(&world.key, Part::Guest { role: Role::Caller }, world.now);
    world.add(third, THIRD);
    world.join(2);
    assert!(world.sides[0].peer.is_empty());
    assert_eq!(waiting(&world), [id(THIRD)]);
    assert_eq!(world.phase(0), CallPhase::Connected);
    world.input(0, Input::Lock { locked: false });
    world.roster();
    assert!(world.sides[0].has(&OPEN) && waiting(&world).is_empty());
}

#[test]
fn who_comes_in_by_an_open_door_is_not_asked_about_any_more() {
    let mut world = World::connected();
    world.input(0, Input::Lock { locked: true });
    let third = config(&world.key, Part::Guest { role: Role::Caller }, world.now);
    world.add(third, THIRD);
    world.join(2);
    assert_eq!(waiting(&world), [id(THIRD)]);
    world.input(0, Input::Lock { locked: false });
    let request = join_request(&world.key, id(THIRD), "Grace");
    world.input(0, Input::Relay(request));
    assert!(waiting(&world).is_empty());
}

#[test]
fn a_locked_room_stays_locked_over_a_restart_and_members_come_back() {
    let mut world = World::connected();
    world.input(0, Input::Lock { locked: true });
    let lock = ClientMessage::Lock { locked: true };
    let guest = host_returns(&mut world);
    assert!(world.asked, "nobody comes in by the relay's word");
    assert_eq!(
        said(&world, &lock),
        0,
        "the guest must be able to come back"
    );
    // Both knock at the door of a relay that knows nothing. Only one of them is known here.
    for who in [THIRD, GUEST] {
        let request = join_request(&world.key, id(who), "Grace");
        world.input(0, Input::Relay(request));
    }
    assert_eq!(waiting(&world), [id(THIRD)]);
    assert_eq!(said(&world, &admitted(true)), 1);
    world.sides[1].member = guest;
    world.roster();
    assert_eq!(said(&world, &lock), 1);
    world.roster();
    assert_eq!(said(&world, &lock), 1, "once is enough");
}

/// The relay is restarted, and the host comes back to it first.
fn host_returns(world: &mut World) -> Option<Member> {
    world.sides[0].said.clear();
    let guest = world.sides[1].member.take();
    world.input(0, Input::SocketClosed(SocketEnd::Lost));
    world.pass(Duration::from_secs(1));
    world.join(0);
    guest
}

#[test]
fn who_waits_at_a_room_that_is_opened_comes_in_by_itself() {
    let mut world = World::connected();
    world.input(0, Input::Lock { locked: true });
    world.sides[1].member = host_returns(&mut world);
    world.roster();
    knock(&mut world, THIRD);
    assert_eq!(waiting(&world), [id(THIRD)]);
    world.input(0, Input::Lock { locked: false });
    // The relay goes on having newcomers wait; the host is not asked about the next one either.
    let fourth = "cccccccccccccccc";
    knock(&mut world, fourth);
    assert!(waiting(&world).is_empty());
    for who in [THIRD, fourth] {
        let peer = id(who);
        let accept = true;
        assert_eq!(said(&world, &ClientMessage::Admit { peer, accept }), 1);
    }
}

#[test]
fn one_that_was_sent_away_does_not_come_in_by_itself() {
    let mut world = World::connected();
    world.input(0, Input::Lock { locked: true });
    world.sides[1].member = host_returns(&mut world);
    world.roster();
    world.input(0, Input::Lock { locked: false });
    world.input(0, Input::Remove { peer: id(GUEST) });
    world.input(1, Input::HangUp);
    knock(&mut world, GUEST);
    assert_eq!(said(&world, &admitted(true)), 0);
    assert_eq!(waiting(&world), [id(GUEST)]);
}

#[test]
fn a_room_that_is_locked_while_somebody_is_awaited_is_locked_at_once() {
    let mut world = World::connected();
    host_returns(&mut world);
    assert!(!world.asked);
    world.input(0, Input::Lock { locked: true });
    assert_eq!(said(&world, &ClientMessage::Lock { locked: true }), 1);
}

#[test]
fn a_room_that_is_opened_while_the_relay_is_away_is_opened_there_too() {
    let mut world = World::connected();
    world.input(0, Input::Lock { locked: true });
    world.locked = true;
    world.sides[0].said.clear();
    world.input(0, Input::SocketClosed(SocketEnd::Lost));
    world.input(0, Input::Lock { locked: false });
    world.pass(Duration::from_secs(1));
    world.join(0);
    assert_eq!(said(&world, &ClientMessage::Lock { locked: false }), 1);
}

#[test]
fn newcomers_read_that_a_room_is_locked() {
    let mut world = World::new();
    world.guest();
    world.input(0, Input::SocketOpen);
    refuse(&mut world, 0, ErrorCode::Locked);
    let code = ErrorCode::Locked;
    assert_eq!(world.ended(0), Some(EndReason::Refused { code }));
}

#[test]
fn who_is_sent_away_is_out_at_once_and_stays_out() {
    let mut world = World::connected();
    world.input(0, Input::Remove { peer: id(GUEST) });
    let bye = PeerOutput::Data(DataMessage::Bye {
        reason: ByeReason::Removed,
    });
    let done: Vec<_> = world.sides[0].peer.iter().map(|(_, o)| o).collect();
    assert_eq!(done, [&bye, &PeerOutput::Close]);
    assert_eq!(said(&world, &removed()), 1);
    assert_eq!((world.ended(0), world.phase(0)), (None, CallPhase::Waiting));
    world.sides[0].peer.clear();
    // The relay has not heard yet, or does not want to.
    world.roster();
    assert!(world.sides[0].peer.is_empty());
    assert_eq!(said(&world, &removed()), 2);
    world.deliver(0);
    let code = ErrorCode::Removed;
    assert_eq!(world.ended(1), Some(EndReason::Refused { code }));
}

#[test]
fn only_a_host_can_open_lock_or_send_away() {
    let mut world = World::connected();
    let peer = id(HOST);
    let accept = true;
    world.input(1, Input::Lock { locked: true });
    world.input(1, Input::Remove { peer: peer.clone() });
    world.input(1, Input::Admit { peer, accept });
    assert!(world.sides[1].said.is_empty() && world.sides[1].peer.is_empty());
    // And a guest that says it is removing the host only leaves.
    let reason = ByeReason::Removed;
    let bye = serde_json::to_string(&DataMessage::Bye { reason }).unwrap();
    world.input(0, Input::Peer(id(GUEST), PeerInput::Data(bye)));
    assert_eq!(world.ended(0), Some(EndReason::ByThem));
}

#[test]
fn a_call_does_not_end_while_somebody_waits_at_the_door() {
    let (mut world, member) = knocking();
    admit(&mut world, true);
    world.sides[1].member = Some(member);
    world.roster();
    knock(&mut world, THIRD);
    world.input(1, Input::HangUp);
    world.deliver(1);
    assert_eq!((world.ended(0), world.phase(0)), (None, CallPhase::Waiting));
}
