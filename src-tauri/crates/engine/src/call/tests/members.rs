//! Who comes, who goes, and when the call is over.

use super::*;

#[test]
fn a_host_alone_waits_with_the_link() {
    let mut world = World::new();
    let host = world.host();
    assert_eq!(
        (world.phase(host), world.sides[host].call.view().link),
        (CallPhase::Joining, None)
    );
    world.join(host);
    assert_eq!(world.phase(host), CallPhase::Waiting);
    assert!(world.sides[host].call.view().link.is_some());
}

#[test]
fn hanging_up_ends_both_in_every_state() {
    for (stage, build) in [World::pair as fn() -> World, World::connected]
        .into_iter()
        .enumerate()
    {
        for who in [0, 1] {
            let mut world = build();
            world.input(who, Input::HangUp);
            assert_eq!(
                world.ended(who),
                Some(EndReason::ByMe),
                "stage {stage}, side {who}"
            );
            assert!(world.sides[who].has(&PeerOutput::Close));
            world.deliver(who);
            assert_eq!(
                world.ended(1 - who),
                Some(EndReason::ByThem),
                "stage {stage}, side {who}"
            );
            assert!(world.sides[1 - who].has(&PeerOutput::Close));
        }
    }
    for host in [true, false] {
        let mut world = World::new();
        let side = if host { world.host() } else { world.guest() };
        world.input(side, Input::HangUp);
        assert_eq!(
            world.ended(side),
            Some(EndReason::ByMe),
            "before the relay answered"
        );
    }
}

#[test]
fn a_bye_on_the_data_channel_ends_too() {
    let mut world = World::connected();
    let bye = serde_json::to_string(&DataMessage::Bye {
        reason: ByeReason::HangUp,
    })
    .unwrap();
    world.input(0, Input::Peer(id(GUEST), PeerInput::Data(bye)));
    assert_eq!(world.ended(0), Some(EndReason::ByThem));
}

#[test]
fn a_guest_gone_without_a_word_leaves_the_host_waiting() {
    let mut world = World::connected();
    world.sides[1].member = None;
    world.roster();
    assert_eq!(
        (world.ended(0), world.phase(0)),
        (None, CallPhase::Connected),
        "as long as its media flows it is there"
    );
    assert!(!world.sides[0].has(&PeerOutput::Close));
    world.input(0, Input::Peer(id(GUEST), PeerInput::Disconnected));
    assert_eq!((world.ended(0), world.phase(0)), (None, CallPhase::Waiting));
    assert!(world.sides[0].has(&PeerOutput::Close));
    assert!(
        world.sides[0]
            .events
            .iter()
            .any(|e| matches!(e, Event::PeerLeft { reason: None, .. }))
    );
}

#[test]
fn a_host_gone_without_a_word_is_waited_for() {
    let mut world = World::connected();
    world.sides[0].member = None;
    world.roster();
    assert_eq!(
        (world.ended(1), world.phase(1)),
        (None, CallPhase::Connected)
    );
    world.input(1, Input::Peer(id(HOST), PeerInput::Disconnected));
    assert_eq!(
        (world.ended(1), world.phase(1)),
        (None, CallPhase::HostAway)
    );
    world.input(
        1,
        Input::Relay(RelayMessage::Error {
            code: ErrorCode::NotFound,
            message: String::new(),
        }),
    );
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::NotFound
        })
    );
}

#[test]
fn with_three_in_the_room_one_may_leave() {
    let mut world = World::connected();
    let part = Part::Guest { role: Role::Caller };
    let third = config(&world.key, part, world.now);
    world.add(third, THIRD);
    world.join(2);
    assert_eq!(world.sides[0].call.view().peers.len(), 2);
    world.input(1, Input::HangUp);
    world.deliver(1);
    assert_eq!((world.ended(0), world.ended(2)), (None, None));
    assert_eq!(world.sides[0].call.view().peers.len(), 1);
}

#[test]
fn a_stranger_who_says_nothing_does_not_end_the_hosts_call() {
    let mut world = World::pair();
    world.pass(CONNECT_PATIENCE + OFFER_PATIENCE);
    assert_eq!(world.ended(0), None);
    assert_eq!(world.sides[0].error(), Some(ErrorCode::ConnectionFailed));
    assert!(world.sides[0].has(&PeerOutput::Close));
    assert_eq!(world.phase(0), CallPhase::Waiting);
}

#[test]
fn a_stranger_in_the_room_does_not_keep_a_call_from_ending() {
    let mut world = World::connected();
    let mut third = config(&world.key, Part::Guest { role: Role::Caller }, world.now);
    third.secret = Secret::new([8; 16]);
    world.add(third, THIRD);
    world.join(2);
    world.input(2, Input::Peer(id(HOST), PeerInput::Candidate(None)));
    world.deliver(2);
    assert_eq!((world.ended(0), world.sides[0].error()), (None, None));
    world.input(1, Input::HangUp);
    world.deliver(1);
    assert_eq!(world.ended(0), Some(EndReason::ByThem));
}

#[test]
fn a_name_of_any_length_with_marks_is_made_fit_wherever_it_is_shown() {
    let mut world = World::new();
    world.host();
    world.join(0);
    let mut guest = config(&world.key, Part::Guest { role: Role::Caller }, world.now);
    guest.name = format!("\u{202e}<b>\u{0}\n{}", "x".repeat(10_000));
    world.add(guest, GUEST);
    world.join(1);
    let fit = format!("<b> {}", "x".repeat(60));
    assert_eq!(world.sides[0].call.view().peers[0].name, fit);
    world.connect(0, 1);
    world.input(
        1,
        Input::Chat {
            to: None,
            text: "hello".into(),
        },
    );
    world.talk();
    assert_eq!(world.sides[0].call.view().chat[0].name, Some(fit.clone()));
    world.input(1, Input::HangUp);
    world.deliver(1);
    let named = world.sides[0].events.iter().filter(|event| {
        matches!(event, Event::PeerJoined { name, .. } | Event::PeerLeft { name, .. } if *name == fit)
    });
    assert_eq!(named.count(), 2);
}
