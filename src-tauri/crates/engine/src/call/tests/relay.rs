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
    // The relay knows the new socket as a new member.
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
    world.sides[1].id = id("cccccccccccccccc");
    world.join(1);
    assert_eq!(
        (world.ended(1), world.phase(1)),
        (None, CallPhase::Connecting)
    );
}
