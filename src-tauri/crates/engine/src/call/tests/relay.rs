//! The relay does not answer, is lost, and comes back.

use super::*;

#[test]
fn a_relay_that_does_not_answer_is_told_at_once() {
    let mut world = World::new();
    let guest = world.guest();
    world.input(guest, Input::SocketClosed(SocketEnd::Lost));
    assert_eq!(
        world.ended(guest),
        Some(EndReason::Refused {
            code: ErrorCode::RelayUnreachable
        })
    );

    let mut world = World::new();
    let guest = world.guest();
    world.sides[guest].call.handle(world.now, Input::SocketOpen);
    while world.sides[guest].call.poll().is_some() {}
    world.pass(RELAY_PATIENCE);
    assert_eq!(
        world.ended(guest),
        Some(EndReason::Refused {
            code: ErrorCode::RelayUnreachable
        })
    );
}

#[test]
fn a_relay_lost_during_a_call_is_looked_for_and_the_ends_meet_again() {
    let mut world = World::connected();
    world.input(1, Input::SocketClosed(SocketEnd::Lost));
    assert_eq!(world.phase(1), CallPhase::Connected);
    let before = world.sides[1].connects;
    world.pass(Duration::from_secs(1));
    assert_eq!(world.sides[1].connects, before + 1);
    // The relay knows the new socket as a new member. It is not believed as long as media flows.
    for side in [0, 1] {
        let other = world.sides[1 - side].id.clone();
        world.input(side, Input::Peer(other, PeerInput::Disconnected));
    }
    world.sides[1].id = id("cccccccccccccccc");
    world.sides[0].peer.clear();
    world.sides[1].peer.clear();
    world.join(1);
    assert!(world.sides[0].has(&OFFER));
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    assert!(world.sides[1].has(&description(0, DescriptionType::Offer)));
    world.local(1, DescriptionType::Answer);
    world.deliver(1);
    assert!(world.sides[0].has(&description(1, DescriptionType::Answer)));
    assert_eq!((world.ended(0), world.ended(1)), (None, None));
}

#[test]
fn a_room_that_is_not_back_yet_is_tried_again() {
    let mut world = World::connected();
    world.input(1, Input::SocketClosed(SocketEnd::Lost));
    world.pass(Duration::from_secs(1));
    world.input(1, Input::SocketOpen);
    let gone = RelayMessage::Error {
        code: ErrorCode::NotFound,
        message: String::new(),
    };
    world.input(1, Input::Relay(gone));
    assert_eq!(world.ended(1), None);
    world.pass(Duration::from_secs(2));
    world.join(1);
    assert_eq!(
        (world.ended(1), world.phase(1)),
        (None, CallPhase::Connected)
    );
}

fn left(side: &Side) -> bool {
    let left = |event: &Event| matches!(event, Event::PeerLeft { .. });
    side.events.iter().any(left)
}

/// The socket of a side breaks, and a second later it has a new one; the relay's roster is still to come.
fn reopen(world: &mut World, side: usize, resumed: bool) {
    world.input(side, Input::SocketClosed(SocketEnd::Lost));
    assert!(world.sides[side].call.view().relay_lost);
    world.pass(Duration::from_secs(1));
    world.sides[side].resumed = resumed;
    world.input(side, Input::SocketOpen);
}

#[test]
fn a_membership_goes_on_over_a_new_socket() {
    let mut world = World::connected();
    let before = world.sides[1].member.clone();
    reopen(&mut world, 1, true);
    let last = world.n;
    assert_eq!(
        world.sides[1].hello,
        (Some("token".into()), Some(1)),
        "the offer was the last that came; {last} were sent in all"
    );
    assert_eq!(world.sides[1].member, before, "it does not join again");
    world.roster();
    assert!(!world.sides[1].call.view().relay_lost);
    for side in [0, 1] {
        assert!(!left(&world.sides[side]));
        assert!(world.sides[side].peer.is_empty(), "media is left alone");
        assert_eq!(world.phase(side), CallPhase::Connected);
    }
}

#[test]
fn a_relay_that_was_restarted_finds_everybody_as_they_were() {
    let mut world = World::connected();
    let nonces: Vec<_> = world
        .sides
        .iter()
        .map(|side| side.member.clone().unwrap().nonce)
        .collect();
    for side in &mut world.sides {
        side.member = None;
    }
    // The guest is back before the host: it does not miss it as long as media flows.
    reopen(&mut world, 1, false);
    world.roster();
    assert_eq!(world.phase(1), CallPhase::Connected);
    reopen(&mut world, 0, false);
    world.roster();
    for side in [0, 1] {
        let member = world.sides[side].member.clone().unwrap();
        assert_eq!(member.nonce, nonces[side]);
        assert!(!left(&world.sides[side]));
        assert!(world.sides[side].peer.is_empty(), "media is left alone");
        assert_eq!(world.phase(side), CallPhase::Connected);
    }
    // What they say to each other still counts. The guest was there first this time.
    world.input(1, Input::Peer(id(HOST), PeerInput::Disconnected));
    world.local(1, DescriptionType::Offer);
    world.deliver(1);
    assert!(world.sides[0].has(&description(1, DescriptionType::Offer)));
}

#[test]
fn what_was_said_while_the_relay_was_away_is_said_again() {
    for resumed in [true, false] {
        let mut world = World::pair();
        world.input(0, Input::SocketClosed(SocketEnd::Lost));
        world.local(0, DescriptionType::Offer);
        let candidate = Some(Candidate {
            candidate: "candidate:1".into(),
            sdp_mid: None,
            sdp_m_line_index: Some(0),
            username_fragment: None,
        });
        world.input(
            0,
            Input::Peer(id(GUEST), PeerInput::Candidate(candidate.clone())),
        );
        assert!(world.sides[0].signals.is_empty());
        world.pass(Duration::from_secs(1));
        world.sides[0].resumed = resumed;
        world.join(0);
        world.deliver(0);
        assert!(world.sides[1].has(&description(0, DescriptionType::Offer)));
        assert!(world.sides[1].has(&PeerOutput::AddCandidate(candidate)));
        assert_eq!(world.ended(1), None);
    }
}

#[test]
fn a_call_goes_on_without_a_relay_for_as_long_as_media_flows() {
    let mut world = World::connected();
    world.input(1, Input::SocketClosed(SocketEnd::Lost));
    let away = |world: &mut World, times: usize, end: SocketEnd| {
        for _ in 0..times {
            world.pass(Duration::from_secs(5));
            world.input(1, Input::SocketClosed(end));
        }
    };
    away(&mut world, 720, SocketEnd::Lost);
    away(&mut world, 720, SocketEnd::NotTrusted);
    assert_eq!(
        (world.ended(1), world.phase(1)),
        (None, CallPhase::Connected)
    );
    assert!(world.sides[1].call.view().relay_lost);
    world.input(1, Input::Peer(id(HOST), PeerInput::Disconnected));
    away(&mut world, 8, SocketEnd::Lost);
    assert_eq!(world.ended(1), Some(EndReason::Network));
}

#[test]
fn a_room_that_was_closed_does_not_end_what_goes_on() {
    let mut world = World::connected();
    for code in [ErrorCode::NotFound, ErrorCode::NotInRoom] {
        let message = String::new();
        world.input(1, Input::Relay(RelayMessage::Error { code, message }));
        assert_eq!(
            (world.ended(1), world.phase(1)),
            (None, CallPhase::Connected)
        );
        world.pass(Duration::from_secs(5));
        world.join(1);
    }
}

#[test]
fn who_loses_a_peer_looks_whether_the_relay_is_there() {
    let mut world = World::connected();
    world.input(1, Input::Peer(id(HOST), PeerInput::Disconnected));
    assert_eq!(world.sides[1].probes, 1);
}

#[test]
fn on_another_network_connections_are_made_anew() {
    for socket_lost in [false, true] {
        for moved_first in [false, true] {
            let mut world = World::connected();
            let nonce = world.sides[1].member.clone().unwrap().nonce;
            // The host notices too, and what it says is under way when the guest comes in anew.
            world.input(0, Input::Peer(id(GUEST), PeerInput::Disconnected));
            world.local(0, DescriptionType::Offer);
            let moved = [
                Input::NetworkChanged,
                Input::Peer(id(HOST), PeerInput::Disconnected),
            ];
            if socket_lost {
                world.input(1, Input::SocketClosed(SocketEnd::Lost));
                world.sides[1].resumed = true;
            }
            let order = if moved_first { [0, 1] } else { [1, 0] };
            let mut moved = moved.map(Some);
            for at in order {
                world.input(1, moved[at].take().unwrap());
            }
            if socket_lost {
                world.pass(Duration::from_secs(1));
                world.input(1, Input::SocketOpen);
            }
            assert_ne!(world.sides[1].member.clone().unwrap().nonce, nonce);
            let late = world.sides[0].signals.clone();
            assert!(!late.is_empty());
            // What comes for the place that was left is not told of as if it had come for the new one.
            let acks = world.sides[1].acks.len();
            world.input(1, Input::Relay(late[0].clone()));
            assert_eq!(world.sides[1].acks.len(), acks);
            world.roster();
            for signal in late {
                world.input(1, Input::Relay(signal));
            }
            for side in [0, 1] {
                assert_eq!(world.ended(side), None);
                assert!(world.sides[side].has(&PeerOutput::Close));
                assert!(world.sides[side].has(&PeerOutput::Open {
                    ice_servers: vec![],
                    terms: Terms::NATIVE,
                }));
            }
            world.sides[0].signals.clear();
            world.sides[0].to.clear();
            world.sides[1].peer.clear();
            world.local(0, DescriptionType::Offer);
            world.deliver(0);
            assert!(world.sides[1].has(&description(0, DescriptionType::Offer)));
        }
    }
}

#[test]
fn another_network_changes_nothing_while_media_flows() {
    let mut world = World::connected();
    world.input(1, Input::NetworkChanged);
    assert!(world.sides[1].peer.is_empty() && world.sides[1].probes == 1);
    assert_eq!(world.phase(1), CallPhase::Connected);
}

#[test]
fn who_slept_and_lost_everybody_comes_in_anew() {
    let mut world = World::connected();
    let nonce = world.sides[1].member.take().unwrap().nonce;
    world.input(1, Input::Peer(id(HOST), PeerInput::Disconnected));
    reopen(&mut world, 1, false);
    assert_ne!(world.sides[1].member.clone().unwrap().nonce, nonce);
}

#[test]
fn a_connection_that_is_given_up_here_counts_as_failed_at_once() {
    let mut world = World::connected();
    world.input(0, Input::Peer(id(GUEST), PeerInput::Closed));
    assert_eq!(world.ended(0), Some(EndReason::Network));
    assert_eq!(world.sides[0].error(), Some(ErrorCode::ConnectionFailed));
}

#[test]
fn by_turn_only_a_call_without_a_turn_server_ends_before_it_begins() {
    let turn = |user: Option<&str>, url: &str| IceServer {
        urls: vec!["stun:a.example".into(), url.into()],
        username: user.map(str::to_owned),
        credential: user.map(str::to_owned),
    };
    for (needs_turn, servers, starts) in [
        (true, vec![], false),
        (true, vec![turn(None, "turn:a.example")], false),
        (true, vec![turn(Some("u"), "turns:a.example")], false),
        (
            true,
            vec![turn(Some("u"), "turn:a.example?transport=tcp")],
            false,
        ),
        (
            true,
            vec![turn(Some("u"), "turn:a.example?transport=udp")],
            true,
        ),
        (false, vec![], true),
    ] {
        let world = World::new();
        let part = Part::Guest { role: Role::Caller };
        let config = CallConfig {
            needs_turn,
            ..config(&world.key, part, world.now)
        };
        let now = world.now;
        let mut call = Call::new(config, || Nonce::new([1; 16]));
        call.handle(now, Input::SocketOpen);
        let welcome = RelayMessage::Welcome {
            peer: id(GUEST),
            challenge: Nonce::new([1; 16]),
            ice_servers: servers.clone(),
            resume: "token".into(),
            resumed: false,
        };
        call.handle(now, Input::Relay(welcome));
        let outputs: Vec<Output> = std::iter::from_fn(|| call.poll()).collect();
        let joins = |output: &Output| matches!(output, Output::Send(ClientMessage::Join { .. }));
        assert_eq!(outputs.iter().any(joins), starts, "{servers:?}");
        let code = ErrorCode::TurnMissing;
        let end = (!starts).then_some(EndReason::Refused { code });
        assert_eq!(call.ended(), end, "{servers:?}");
    }
}
