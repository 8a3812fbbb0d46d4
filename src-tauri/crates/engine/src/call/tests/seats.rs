//! A room that is full for a moment: who comes waits for a seat, the first time and on its way back.

use super::*;

fn full(world: &mut World) {
    let (code, message) = (ErrorCode::RoomFull, String::new());
    world.sides[1].member = None;
    world.input(1, Input::Relay(RelayMessage::Error { code, message }));
}

#[test]
fn who_finds_the_room_full_asks_again_on_the_same_socket_for_two_seconds() {
    for returns in [false, true] {
        let mut world = World::new();
        if returns {
            world = World::connected();
            world.input(1, Input::SocketClosed(SocketEnd::Lost));
            world.pass(Duration::from_millis(500));
        } else {
            world.host();
            world.join(0);
            world.guest();
        }
        world.input(1, Input::SocketOpen);
        let connects = world.sides[1].connects;
        for _ in 0..10 {
            full(&mut world);
            assert_eq!(world.sides[1].call.view().relay_lost, returns);
            world.pass(Duration::from_millis(200));
            assert!(world.sides[1].member.is_some(), "it has asked again");
        }
        assert_eq!(world.sides[1].connects, connects);
        full(&mut world);
        if returns {
            assert_eq!(
                (world.ended(1), world.phase(1)),
                (None, CallPhase::Connected)
            );
            world.pass(Duration::from_secs(2));
            assert_eq!(world.sides[1].connects, connects + 1);
        } else {
            let code = ErrorCode::RoomFull;
            assert_eq!(world.ended(1), Some(EndReason::Refused { code }));
        }
    }
}
