//! What does not prove where it comes from.

use super::*;

fn tampered(change: impl Fn(&mut RelayMessage)) -> World {
    let mut world = World::pair();
    world.local(0, DescriptionType::Offer);
    change(&mut world.sides[0].signals[0]);
    world.deliver(0);
    world
}

#[test]
fn a_changed_signal_stops_the_peer_at_both_ends() {
    type Change = fn(&mut RelayMessage);
    let cases: [(&str, Change); 4] = [
        ("a byte of the body", |m| {
            if let RelayMessage::Signal { body, .. } = m {
                *body = body.replace("sdp of", "sdp_of");
            }
        }),
        ("the mac", |m| {
            if let RelayMessage::Signal { mac, .. } = m {
                *mac = Mac::new([0; 32]);
            }
        }),
        ("the number", |m| {
            if let RelayMessage::Signal { seq, .. } = m {
                *seq += 1;
            }
        }),
        ("no signature of the host", |m| {
            if let RelayMessage::Signal { sig, .. } = m {
                *sig = None;
            }
        }),
    ];
    for (what, change) in cases {
        let mut world = tampered(change);
        assert_eq!(
            world.ended(1),
            Some(EndReason::Refused {
                code: ErrorCode::NotAuthentic
            }),
            "{what}"
        );
        assert_eq!(
            world.sides[1].count(|o| matches!(o, PeerOutput::SetRemote(_))),
            0,
            "{what}"
        );
        assert!(world.sides[1].has(&PeerOutput::Close), "{what}");
        world.deliver(1);
        assert_eq!(
            world.sides[0].error(),
            Some(ErrorCode::NotAuthentic),
            "{what}"
        );
        assert_eq!(
            world.sides[0].call.view().peers[0].state,
            PeerState::NotAuthentic,
            "{what}"
        );
        assert_eq!(world.ended(0), None, "{what}: the host goes on waiting");
    }
}

#[test]
fn a_replayed_signal_stops_the_peer() {
    let mut world = World::pair();
    world.local(0, DescriptionType::Offer);
    let replay = world.sides[0].signals[0].clone();
    world.deliver(0);
    assert_eq!(world.ended(1), None);
    world.input(1, Input::Relay(replay));
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::NotAuthentic
        })
    );
}

#[test]
fn one_who_poses_as_the_host_gets_nothing() {
    let mut world = World::new();
    world.host();
    world.join(0);
    world.key = HostKey::from_bytes(&[4; 32]);
    let real = HostKey::from_bytes(&[3; 32]);
    let guest = config(&real, Part::Guest { role: Role::Caller }, world.now);
    world.add(guest, GUEST);
    world.join(1);
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::NotAuthentic
        })
    );
    assert_eq!(
        world.sides[1].count(|o| matches!(o, PeerOutput::Open { .. })),
        0
    );
}

#[test]
fn a_guest_with_another_secret_is_refused_and_the_host_waits_on() {
    let mut world = World::new();
    world.host();
    world.join(0);
    let mut guest = config(&world.key, Part::Guest { role: Role::Caller }, world.now);
    guest.secret = Secret::new([8; 16]);
    world.add(guest, GUEST);
    world.join(1);
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    world.deliver(1);
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::NotAuthentic
        })
    );
    assert_eq!(
        (world.ended(0), world.sides[0].error()),
        (None, Some(ErrorCode::NotAuthentic))
    );
}

#[test]
fn what_is_authentic_and_not_understood_is_left_alone() {
    for body in [
        "",
        "{",
        "[1]",
        r#"{"wave":1}"#,
        r#"{"description":{"type":"offer"}}"#,
    ] {
        let mut world = World::pair();
        let me = world.sides[0].call.me.clone().unwrap();
        let to = world.sides[1].call.me.clone().unwrap();
        let (mac, sig) = world.sides[0].call.auth.sign(&me, &to, 1, body);
        let odd = RelayMessage::Signal {
            from: id(HOST),
            n: 1,
            seq: 1,
            body: body.into(),
            mac,
            sig,
        };
        world.input(1, Input::Relay(odd));
        world.input(1, Input::Peer(id(HOST), PeerInput::Data(body.into())));
        assert_eq!(world.ended(1), None, "{body}");
    }
}

#[test]
fn what_was_recorded_before_a_member_left_the_roster_cannot_be_replayed_after() {
    let mut world = World::pair();
    world.local(0, DescriptionType::Offer);
    let recorded = world.sides[0].signals[0].clone();
    world.deliver(0);
    let host = world.sides[0].member.take();
    world.roster();
    world.sides[0].member = host;
    world.roster();
    world.input(1, Input::Relay(recorded));
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::NotAuthentic
        })
    );
}
