//! Who offers, who answers, and which way is taken.

use super::*;

#[test]
fn who_was_there_first_offers() {
    let world = World::pair();
    assert!(world.sides[0].has(&OFFER));
    assert!(!world.sides[1].has(&OFFER));
    assert_eq!(world.phase(0), CallPhase::Connecting);
}

#[test]
fn offer_and_answer_lead_to_a_call() {
    let mut world = World::pair();
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    assert!(world.sides[1].has(&description(0, DescriptionType::Offer)));
    assert!(world.sides[1].has(&PeerOutput::CreateAnswer));
    world.local(1, DescriptionType::Answer);
    world.deliver(1);
    assert!(world.sides[0].has(&description(1, DescriptionType::Answer)));
    world.input(0, Input::Peer(id(GUEST), PeerInput::Connected));
    assert_eq!(world.phase(0), CallPhase::Connected);
    assert_eq!(world.sides[0].call.view().connected_at, Some(1_000_000));
}

#[test]
fn in_a_glare_the_smaller_id_gives_way() {
    let mut world = World::connected();
    // Both lost the other; only the one that offers at the start restarts, so the glare is made by hand.
    world.input(0, Input::Peer(id(GUEST), PeerInput::Disconnected));
    assert!(world.sides[0].has(&PeerOutput::CreateOffer { ice_restart: true }));
    world.sides[1].call.with_peer(&id(HOST), |peer| {
        peer.want_offer(false);
        peer::Ask::Nothing
    });
    world.drain(1);
    world.local(0, DescriptionType::Offer);
    world.local(1, DescriptionType::Offer);
    world.deliver(0);
    world.deliver(1);
    // "b…" is the smaller id: the guest is polite, takes the host's offer and drops its own.
    assert!(world.sides[1].has(&description(0, DescriptionType::Offer)));
    assert!(!world.sides[0].has(&description(1, DescriptionType::Offer)));
    world.local(1, DescriptionType::Answer);
    world.deliver(1);
    assert!(world.sides[0].has(&description(1, DescriptionType::Answer)));
}

#[test]
fn an_offer_that_a_remote_one_overtook_is_not_sent() {
    let mut world = World::connected();
    world.sides[1].call.with_peer(&id(HOST), |peer| {
        peer.want_offer(false);
        peer::Ask::Nothing
    });
    world.drain(1);
    world.input(0, Input::Peer(id(GUEST), PeerInput::Disconnected));
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    world.local(1, DescriptionType::Offer);
    assert!(
        world.sides[1].signals.is_empty(),
        "the overtaken offer stays at home"
    );
    world.local(1, DescriptionType::Answer);
    assert_eq!(world.sides[1].signals.len(), 1);
}

#[test]
fn an_answer_without_an_offer_is_left_alone() {
    let mut world = World::pair();
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    world.local(1, DescriptionType::Answer);
    let signals = world.sides[1].signals.clone();
    world.deliver(1);
    // The same answer again, as a new signal.
    let RelayMessage::Signal { body, seq, .. } = &signals[0] else {
        panic!()
    };
    let me = world.sides[1].call.me.clone().unwrap();
    let to = world.sides[0].call.me.clone().unwrap();
    let auth = &world.sides[1].call.auth;
    let sealed = SealedSignal {
        from: &me,
        to: &to,
        seq: *seq,
        body,
        sig: None,
    };
    let text = auth.open(&sealed, None).unwrap();
    let (body, sig) = auth.seal(&me, &to, 99, SEAL_NONCE, &text);
    let again = RelayMessage::Signal {
        from: id(GUEST),
        n: 99,
        seq: 99,
        body,
        sig,
    };
    world.input(0, Input::Relay(again));
    assert_eq!(
        world.sides[0].count(|o| matches!(o, PeerOutput::SetRemote(_))),
        1
    );
    assert_eq!(world.ended(0), None);
}

#[test]
fn a_candidate_before_its_description_waits_for_it() {
    let mut world = World::pair();
    let candidate = |text: &str| Candidate {
        candidate: text.into(),
        sdp_mid: Some("0".into()),
        sdp_m_line_index: Some(0),
        username_fragment: None,
    };
    let early = PeerInput::Candidate(Some(candidate("candidate:1")));
    world.input(0, Input::Peer(id(GUEST), early));
    world.deliver(0);
    assert_eq!(
        world.sides[1].count(|o| matches!(o, PeerOutput::AddCandidate(_))),
        0
    );
    world.local(0, DescriptionType::Offer);
    world.input(0, Input::Peer(id(GUEST), PeerInput::Candidate(None)));
    world.deliver(0);
    let order: Vec<_> = world.sides[1].peer.iter().map(|(_, o)| o).collect();
    let set = order
        .iter()
        .position(|o| matches!(o, PeerOutput::SetRemote(_)))
        .unwrap();
    let add = order
        .iter()
        .position(|o| matches!(o, PeerOutput::AddCandidate(Some(_))))
        .unwrap();
    assert!(set < add);
    assert!(world.sides[1].has(&PeerOutput::AddCandidate(None)));
}

#[test]
fn an_end_that_only_answers_is_offered_to_after_a_while() {
    let mut world = World::new();
    let part = Part::Host {
        key: world.key.clone(),
        kind: RoomKind::Call,
        capacity: 2,
        knock: false,
    };
    let mut callee = config(&world.key, part, world.now);
    callee.only_answers = true;
    world.add(callee, HOST);
    world.join(0);
    world.guest();
    world.join(1);
    assert!(!world.sides[0].has(&OFFER) && !world.sides[1].has(&OFFER));
    world.pass(OFFER_PATIENCE);
    assert!(!world.sides[0].has(&OFFER));
    assert!(world.sides[1].has(&OFFER));
}

#[test]
fn two_ends_that_only_answer_are_told_that_there_is_no_way() {
    let mut world = World::new();
    for (part, peer) in [
        (
            Part::Host {
                key: world.key.clone(),
                kind: RoomKind::Call,
                capacity: 2,
                knock: false,
            },
            HOST,
        ),
        (Part::Guest { role: Role::Caller }, GUEST),
    ] {
        let mut config = config(&world.key, part, world.now);
        config.only_answers = true;
        let side = world.add(config, peer);
        world.join(side);
    }
    world.pass(OFFER_PATIENCE + CONNECT_PATIENCE);
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::ConnectionFailed
        })
    );
}

#[test]
fn a_guest_that_finds_no_way_gives_up() {
    let mut world = World::pair();
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    world.pass(CONNECT_PATIENCE);
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::ConnectionFailed
        })
    );
}

#[test]
fn a_lost_path_is_looked_for_once_and_then_given_up() {
    let mut world = World::connected();
    world.input(0, Input::Peer(id(GUEST), PeerInput::Disconnected));
    assert_eq!(world.phase(0), CallPhase::Reconnecting);
    world.input(0, Input::Peer(id(GUEST), PeerInput::Connected));
    assert_eq!(world.phase(0), CallPhase::Connected);
    world.input(0, Input::Peer(id(GUEST), PeerInput::Failed));
    world.pass(CONNECT_PATIENCE);
    assert_eq!(world.ended(0), Some(EndReason::Network));
}

#[test]
fn an_offer_that_crosses_the_giving_up_is_for_nothing() {
    let mut world = World::pair();
    world.pass(OFFER_PATIENCE);
    world.local(1, DescriptionType::Offer);
    world.input(0, Input::Peer(id(GUEST), PeerInput::Failed));
    assert!(world.sides[0].has(&PeerOutput::Close));
    world.deliver(1);
    // Its connection is closed: nothing is done with it, and nothing that was under way opens it again.
    world.input(0, Input::Peer(id(GUEST), PeerInput::Connected));
    assert!(!world.sides[0].has(&description(1, DescriptionType::Offer)));
    assert_ne!(world.phase(0), CallPhase::Connected);
}
