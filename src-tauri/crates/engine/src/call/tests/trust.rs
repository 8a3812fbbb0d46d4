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
        ("the end of the body", |m| {
            if let RelayMessage::Signal { body, .. } = m {
                body.truncate(body.len() - 4);
            }
        }),
        ("the body", |m| {
            if let RelayMessage::Signal { body, .. } = m {
                *body = "v=0".into();
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
fn a_guest_with_another_secret_is_refused_and_the_host_has_it_removed() {
    let mut world = World::new();
    world.host();
    world.join(0);
    let mut guest = config(&world.key, Part::Guest { role: Role::Caller }, world.now);
    guest.secret = Secret::new([8; 16]);
    world.add(guest, GUEST);
    world.join(1);
    assert_eq!(
        world.ended(1),
        Some(EndReason::Refused {
            code: ErrorCode::NotAuthentic
        })
    );
    // Strangers come and go; the host's user is told nothing of them.
    assert_eq!((world.ended(0), world.sides[0].error()), (None, None));
    assert!(world.sides[0].peer.is_empty() && world.sides[0].signals.is_empty());
    assert!(world.sides[0].call.view().peers.is_empty());
    let removed = ClientMessage::Remove { peer: id(GUEST) };
    assert_eq!(world.sides[0].said, [removed]);
}

/// A host in its room, and a member there that gave no proof.
pub(super) fn with_stranger(kind: RoomKind) -> (World, Member) {
    let mut world = World::new();
    world.kind = kind;
    world.host();
    world.join(0);
    let stranger = Member {
        peer: id(THIRD),
        name: "Eve".into(),
        nonce: Nonce::new([9; 16]),
        mac: Mac::new([0; 32]),
        order: 2,
    };
    (world, stranger)
}

pub(super) fn removals(world: &World) -> usize {
    let is_removal = |said: &&ClientMessage| matches!(said, ClientMessage::Remove { .. });
    world.sides[0].said.iter().filter(is_removal).count()
}

#[test]
fn a_member_without_a_proof_gets_nothing_and_the_relay_is_asked_once_a_second_to_remove_it() {
    let (mut world, stranger) = with_stranger(RoomKind::Call);
    let shown = |world: &World| RelayMessage::Room {
        kind: RoomKind::Call,
        host: Some(Host {
            key: world.key.public(),
            member: world.sides[0].member.clone().unwrap(),
        }),
        peers: vec![stranger.clone()],
        count: 2,
        capacity: 8,
        locked: false,
    };
    for _ in 0..10 {
        let room = shown(&world);
        world.input(0, Input::Relay(room));
    }
    assert_eq!(removals(&world), 1);
    world.pass(Duration::from_secs(1));
    let room = shown(&world);
    world.input(0, Input::Relay(room));
    assert_eq!(removals(&world), 2, "the relay still shows it");
    assert!(world.sides[0].peer.is_empty() && world.sides[0].signals.is_empty());
    assert_eq!(world.sides[0].call.view().peers, []);
    assert_eq!(world.sides[0].error(), None);
}

#[test]
fn a_viewer_without_a_proof_gets_nothing_and_is_removed() {
    let (mut world, stranger) = with_stranger(RoomKind::Broadcast);
    world.input(0, Input::Relay(RelayMessage::Joined(stranger)));
    assert_eq!(removals(&world), 1);
    world.pass(Duration::from_secs(5));
    assert!(world.sides[0].peer.is_empty() && world.sides[0].call.view().peers.is_empty());
}

#[test]
fn a_join_request_without_a_proof_is_denied_before_anybody_is_asked() {
    let (
        mut world,
        Member {
            peer,
            name,
            nonce,
            mac,
            ..
        },
    ) = with_stranger(RoomKind::Call);
    world.input(0, Input::Lock { locked: true });
    world.sides[0].said.clear();
    let request = RelayMessage::Knock {
        peer: peer.clone(),
        name,
        nonce,
        mac,
    };
    world.input(0, Input::Relay(request));
    assert!(world.sides[0].call.view().knocks.is_empty());
    let accept = false;
    assert_eq!(world.sides[0].said, [ClientMessage::Admit { peer, accept }]);
}

#[test]
fn a_relay_cannot_give_a_member_another_name() {
    // To its own eyes.
    let mut world = World::new();
    world.host();
    world.join(0);
    world.guest();
    world.input(1, Input::SocketOpen);
    let renamed = |member: &mut Option<Member>| member.as_mut().unwrap().name = "Eve".into();
    renamed(&mut world.sides[1].member);
    world.roster();
    let code = ErrorCode::NotAuthentic;
    assert_eq!(world.ended(1), Some(EndReason::Refused { code }));
    assert_eq!(removals(&world), 1, "nor to the host's");
    assert!(world.sides[0].peer.is_empty());

    // And a host to its guests.
    let mut world = World::new();
    world.host();
    world.join(0);
    world.guest();
    world.input(1, Input::SocketOpen);
    let host = world.sides[0].member.clone().unwrap();
    renamed(&mut world.sides[0].member);
    world.roster();
    assert_eq!(world.ended(1), Some(EndReason::Refused { code }));
    assert_eq!(host.name, "Ada");
    assert_eq!(
        world.sides[1].count(|o| matches!(o, PeerOutput::Open { .. })),
        0
    );
}

#[test]
fn a_name_that_is_too_long_is_cut_before_it_is_proven() {
    let mut world = World::new();
    let mut long = config(&world.key, Part::Guest { role: Role::Caller }, world.now);
    long.name = "é".repeat(100);
    world.host();
    world.join(0);
    world.add(long, GUEST);
    world.join(1);
    assert_eq!(world.sides[1].member.as_ref().unwrap().name, "é".repeat(64));
    assert_eq!(world.ended(1), None);
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
        let auth = &world.sides[0].call.auth;
        let (sealed, sig) = auth.seal(&me, &to, 1, SEAL_NONCE, body);
        let odd = RelayMessage::Signal {
            from: id(HOST),
            n: 1,
            seq: 1,
            body: sealed,
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
