//! What the ends say on the data channel.

use super::*;

#[test]
fn what_each_end_sends_is_known_to_the_other() {
    let mut world = World::connected();
    world.input(
        0,
        Input::LocalState {
            muted: true,
            camera_off: false,
        },
    );
    let state = DataMessage::State {
        muted: true,
        camera_off: false,
    };
    assert!(world.sides[0].has(&PeerOutput::Data(state.clone())));
    let text = serde_json::to_string(&state).unwrap();
    world.input(1, Input::Peer(id(HOST), PeerInput::Data(text)));
    assert!(world.sides[1].call.view().peers[0].muted);
}

#[test]
fn a_line_of_chat_waits_for_the_data_channel() {
    let mut world = World::pair();
    world.input(
        0,
        Input::Chat {
            to: None,
            text: "hello".into(),
        },
    );
    let line = PeerOutput::Data(DataMessage::Chat {
        id: 1,
        text: "hello".into(),
    });
    assert!(!world.sides[0].has(&line));
    world.input(0, Input::Peer(id(GUEST), PeerInput::DataOpen));
    assert!(world.sides[0].has(&line));
}
