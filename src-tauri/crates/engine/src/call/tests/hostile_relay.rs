//! A relay that means harm while media flows: it ends no connection, and puts nobody else in a member's place.

use super::*;

/// Asserts that both ends of [`World::connected`] talk as before and that their users were told nothing.
fn go_on(world: &World) {
    for side in [0, 1] {
        assert_eq!(world.ended(side), None, "side {side}");
        assert_eq!(world.phase(side), CallPhase::Connected, "side {side}");
        assert_eq!(world.sides[side].error(), None, "side {side}");
        let peers = world.sides[side].call.view().peers;
        assert_eq!(peers.len(), 1, "side {side}");
        assert!(!world.sides[side].has(&PeerOutput::Close), "side {side}");
    }
}

fn error(world: &mut World, side: usize, code: ErrorCode) {
    let message = String::new();
    world.input(side, Input::Relay(RelayMessage::Error { code, message }));
}

fn signal(from: &str, body: String, seq: u64) -> RelayMessage {
    RelayMessage::Signal {
        from: id(from),
        n: seq.saturating_add(1_000),
        seq,
        body,
        sig: None,
    }
}

#[test]
fn the_relays_word_alone_removes_nobody_while_media_flows() {
    let mut world = World::connected();
    error(&mut world, 1, ErrorCode::Removed);
    go_on(&world);
    assert!(world.sides[1].call.view().relay_lost);
    for code in [
        ErrorCode::Removed,
        ErrorCode::Denied,
        ErrorCode::Version,
        ErrorCode::BadMessage,
        ErrorCode::NotInRoom,
    ] {
        world.pass(Duration::from_secs(5));
        world.input(1, Input::SocketOpen);
        world.sides[1].events.clear();
        error(&mut world, 1, code);
        go_on(&world);
    }
    // The host itself can, by the connection.
    let reason = ByeReason::Removed;
    let bye = serde_json::to_string(&DataMessage::Bye { reason }).unwrap();
    world.input(1, Input::Peer(id(HOST), PeerInput::Data(bye)));
    let code = ErrorCode::Removed;
    assert_eq!(world.ended(1), Some(EndReason::Refused { code }));
}

#[test]
fn a_signal_that_is_not_authentic_closes_nobody_who_is_connected() {
    let mut world = World::pair();
    world.local(0, DescriptionType::Offer);
    let recorded = world.sides[0].signals[0].clone();
    world.deliver(0);
    world.local(1, DescriptionType::Answer);
    let answer = world.sides[1].signals[0].clone();
    world.deliver(1);
    world.connect(0, 1);
    world.clear();
    for _ in 0..100 {
        world.input(1, Input::Relay(recorded.clone()));
        world.input(0, Input::Relay(answer.clone()));
        for seq in [0, 1, 5, u64::MAX] {
            world.input(1, Input::Relay(signal(HOST, "AAAA".into(), seq)));
            world.input(0, Input::Relay(signal(GUEST, String::new(), seq)));
        }
    }
    go_on(&world);
    assert_eq!(world.sides[1].call.peers[&id(HOST)].forged, 500);
    assert!(world.sides[0].signals.is_empty() && world.sides[1].signals.is_empty());
    // What the members say themselves is heard as before.
    world.input(0, Input::Peer(id(GUEST), PeerInput::Disconnected));
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    assert!(world.sides[1].has(&description(0, DescriptionType::Offer)));
}

/// Shows the host a room in which its guest is this one.
fn show_host(world: &mut World, guest: Member) {
    world.sides[1].member = Some(guest);
    let room = |world: &World| RelayMessage::Room {
        kind: RoomKind::Call,
        host: Some(Host {
            key: world.key.public(),
            member: world.sides[0].member.clone().unwrap(),
        }),
        peers: vec![world.sides[1].member.clone().unwrap()],
        count: 2,
        capacity: 8,
        locked: false,
    };
    let room = room(world);
    world.input(0, Input::Relay(room));
}

/// Returns the guest's member as it would be after another join.
fn guest_anew(world: &World, nonce: u8) -> Member {
    let nonce = Nonce::new([nonce; 16]);
    let peer = id(GUEST);
    member(&world.key, End { peer, nonce }, "Ada", 9)
}

/// Returns an offer by the guest, under a join of its, to the host.
fn offer(world: &World, nonce: u8) -> RelayMessage {
    let (kind, sdp) = (DescriptionType::Offer, sdp(7));
    let body = SignalBody::Description(Description { kind, sdp });
    let body = serde_json::to_string(&body).unwrap();
    let (peer, nonce) = (id(GUEST), Nonce::new([nonce; 16]));
    let me = world.sides[0].call.me.clone().unwrap();
    let auth = &world.sides[1].call.auth;
    let (body, _) = auth.seal(&End { peer, nonce }, &me, 1, SEAL_NONCE, &body);
    signal(GUEST, body, 1)
}

#[test]
fn a_connected_member_is_replaced_only_by_one_with_a_proof_and_a_voice() {
    let mut world = World::connected();
    let mut unproven = guest_anew(&world, 77);
    unproven.mac = Mac::new([0; 32]);
    show_host(&mut world, unproven);
    go_on(&world);
    assert_eq!(
        world.sides[0].said,
        [],
        "nor is the relay told to remove it"
    );
    // A proof may be an old one, which the relay has recorded.
    let proven = guest_anew(&world, 78);
    show_host(&mut world, proven);
    go_on(&world);
    // The member of that join speaks, to this join of the host's.
    let offer = offer(&world, 78);
    world.input(0, Input::Relay(offer));
    assert_eq!(world.sides[0].count(|o| *o == PeerOutput::Close), 1);
    let nonce = Nonce::new([78; 16]);
    assert_eq!(world.sides[0].call.peers[&id(GUEST)].member.nonce, nonce);
    assert!(
        world.sides[0].has(&description(7, DescriptionType::Offer)) || world.sides[0].has(&OFFER)
    );
    assert_eq!((world.ended(0), world.sides[0].error()), (None, None));
}

#[test]
fn a_member_that_is_shown_twice_is_the_one_with_the_proof() {
    let mut world = World::pair();
    let proven = world.sides[1].member.clone().unwrap();
    let mut unproven = guest_anew(&world, 77);
    unproven.mac = Mac::new([0; 32]);
    let room = RelayMessage::Room {
        kind: RoomKind::Call,
        host: Some(Host {
            key: world.key.public(),
            member: world.sides[0].member.clone().unwrap(),
        }),
        peers: vec![proven.clone(), unproven],
        count: 3,
        capacity: 8,
        locked: false,
    };
    world.input(0, Input::Relay(room));
    let known = &world.sides[0].call.peers[&id(GUEST)].member;
    assert_eq!(known.nonce, proven.nonce);
    assert!(!world.sides[0].has(&PeerOutput::Close));
}

#[test]
fn a_member_that_has_come_back_is_met_as_soon_as_its_old_connection_is_lost() {
    for input in [
        PeerInput::Disconnected,
        PeerInput::Failed,
        PeerInput::DataClosed,
    ] {
        let mut world = World::connected();
        let proven = guest_anew(&world, 78);
        show_host(&mut world, proven);
        world.input(0, Input::Peer(id(GUEST), input));
        let nonce = Nonce::new([78; 16]);
        assert_eq!(world.sides[0].call.peers[&id(GUEST)].member.nonce, nonce);
        assert!(world.sides[0].has(&OFFER));
        assert_eq!(world.ended(0), None);
    }
}

#[test]
fn a_recorded_join_of_before_and_its_signals_replace_nobody() {
    let mut world = World::pair();
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    world.local(1, DescriptionType::Answer);
    let (before, signal) = (
        world.sides[1].member.clone().unwrap(),
        world.sides[1].signals[0].clone(),
    );
    world.deliver(1);
    // It comes in anew, and is connected under that join.
    let anew = guest_anew(&world, 78);
    show_host(&mut world, anew);
    for input in [PeerInput::Connected, PeerInput::DataOpen] {
        world.input(0, Input::Peer(id(GUEST), input));
    }
    world.clear();
    show_host(&mut world, before);
    world.input(0, Input::Relay(signal));
    assert_eq!(world.phase(0), CallPhase::Connected);
    let nonce = Nonce::new([78; 16]);
    assert_eq!(world.sides[0].call.peers[&id(GUEST)].member.nonce, nonce);
}

#[test]
fn a_relay_that_is_wrong_about_this_end_counts_as_lost_while_media_flows() {
    type Change = fn(&mut World);
    let cases: [(&str, Change); 4] = [
        ("a name", |world| {
            let member = world.sides[1].member.as_mut().unwrap();
            member.name = "Eve".into();
            world.roster();
        }),
        ("a proof", |world| {
            let member = world.sides[1].member.as_mut().unwrap();
            member.mac = Mac::new([0; 32]);
            world.roster();
        }),
        ("a kind", |world| {
            world.kind = RoomKind::Broadcast;
            world.roster();
            world.kind = RoomKind::Call;
        }),
        ("an id", |world| {
            world.input(1, Input::SocketClosed(SocketEnd::Lost));
            world.pass(Duration::from_secs(1));
            world.sides[1].id = id("cccccccccccccccc");
            world.input(1, Input::SocketOpen);
            world.sides[1].id = id(GUEST);
        }),
    ];
    for (what, change) in cases {
        let mut world = World::connected();
        let member = world.sides[1].member.clone();
        change(&mut world);
        assert!(world.sides[1].call.view().relay_lost, "{what}");
        assert_eq!(world.ended(1), None, "{what}");
        assert_eq!(world.phase(1), CallPhase::Connected, "{what}");
        // It says what is so again.
        world.sides[1].member = member;
        world.pass(Duration::from_secs(5));
        world.join(1);
        assert!(!world.sides[1].call.view().relay_lost, "{what}");
        assert_eq!(world.phase(1), CallPhase::Connected, "{what}");
        assert!(!world.sides[1].has(&PeerOutput::Close), "{what}");
    }
}

#[test]
fn a_relay_that_swallows_a_join_and_resumes_it_ends_nothing() {
    let mut world = World::connected();
    let nonce = world.sides[1].member.clone().unwrap().nonce;
    for resumed in [false, true] {
        world.input(1, Input::SocketClosed(SocketEnd::Lost));
        world.pass(Duration::from_secs(5));
        world.sides[1].resumed = resumed;
        world.input(1, Input::SocketOpen);
    }
    assert_eq!(world.sides[1].member.clone().unwrap().nonce, nonce);
    world.roster();
    go_on(&world);
}

/// Has the relay show a host that it has made up, and this end as the only guest.
fn show_false_host(world: &mut World, side: usize) {
    let nonce = Nonce::new([66; 16]);
    let peer = id("hhhhhhhhhhhhhhhh");
    let host = Host {
        key: HostKey::from_bytes(&[4; 32]).public(),
        member: Member {
            peer,
            nonce,
            name: "Eve".into(),
            mac: Mac::new([0; 32]),
            order: 1,
        },
    };
    let room = RelayMessage::Room {
        kind: RoomKind::Call,
        host: Some(host),
        peers: vec![world.sides[side].member.clone().unwrap()],
        count: 2,
        capacity: 8,
        locked: false,
    };
    world.input(side, Input::Relay(room));
}

#[test]
fn a_host_that_the_relay_has_made_up_is_announced_to_nobody() {
    let named = |event: &Event| matches!(event, Event::PeerJoined { name, .. } if name == "Eve");
    let mut world = World::new();
    world.guest();
    world.input(0, Input::SocketOpen);
    show_false_host(&mut world, 0);
    let code = ErrorCode::NotAuthentic;
    assert_eq!(world.ended(0), Some(EndReason::Refused { code }));
    assert!(!world.sides[0].events.iter().any(named));
    // Nor does it end a call with the real one.
    let mut world = World::connected();
    show_false_host(&mut world, 1);
    go_on(&world);
    assert!(!world.sides[1].events.iter().any(named));
}
