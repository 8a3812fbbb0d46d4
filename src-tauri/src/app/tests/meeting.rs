//! Calls through relays of small WebRTC pages.

use super::*;

const URL: &str = "ws://192.0.2.1:3002/";

fn call(shape: RelayShape) -> RelayCall {
    let url = URL.into();
    RelayCall { url, shape }
}

/// In the lobby of such a call, with what was done on the way.
fn before(shape: RelayShape) -> Person {
    let mut person = Person::new();
    person.says(Command::JoinRelay(call(shape)));
    person
}

/// What was started, with what was captured for it.
fn started(person: &mut Person) -> (Option<Capture>, RelayCall) {
    let mut capture = None;
    for action in person.done.drain(..) {
        match action {
            Action::OpenMedia(opened) => capture = Some(opened),
            Action::StartCall(StartCall::Relay(meeting)) => {
                return (capture, meeting.call().clone());
            }
            _ => {}
        }
    }
    panic!("no call was started")
}

#[test]
fn the_lobby_shows_who_sends_what_and_says_nothing_to_the_relay() {
    let mut person = before(RelayShape::Both);
    assert_eq!(person.did(), ["Save", "OpenMedia"]);
    let Screen::Lobby(lobby) = person.view().screen else {
        panic!("no lobby")
    };
    assert_eq!(lobby.relay, Some(call(RelayShape::Both)));
    assert_eq!((lobby.kind, lobby.host), (Some(RoomKind::Call), false));
    // Ahoy's own relay has nothing to do with it.
    assert_eq!(person.view().relay, RelayView::Idle);
    person.says(Command::Back);
    assert_eq!(person.did(), ["CloseMedia"]);
    assert_eq!(person.view().screen, Screen::Start);
    // The next time it stands there.
    let last = person.view().settings.last_relay;
    assert_eq!(last, Some(call(RelayShape::Both)));
}

#[test]
fn a_call_goes_from_the_lobby_to_the_end_and_leaves_no_trace_among_the_recent_ones() {
    let mut person = before(RelayShape::Both);
    person.enters();
    let devices = Capture::Devices {
        muted: false,
        camera_off: false,
    };
    assert_eq!(
        started(&mut person),
        (Some(devices), call(RelayShape::Both))
    );
    assert_eq!(person.call_view().phase, CallPhase::Joining);
    person.feed(changed(None, &[""], None));
    let view = person.call_view();
    assert_eq!(view.relay, Some(call(RelayShape::Both)));
    assert_eq!(
        (view.host, view.kind, view.link),
        (false, RoomKind::Call, None)
    );
    person.feed(changed(None, &[""], Some(EndReason::ByThem)));
    assert_eq!(person.did(), ["EndCall", "CloseMedia"]);
    let Screen::Ended(ended) = person.view().screen else {
        panic!("not ended")
    };
    assert_eq!(ended.relay, Some(call(RelayShape::Both)));
    assert!(ended.can_call_again && person.view().recents.is_empty());
    // Back through the lobby.
    person.says(Command::CallAgain);
    assert_eq!(person.did(), ["OpenMedia"]);
    person.enters();
    assert_eq!(started(&mut person).1, call(RelayShape::Both));
}

#[test]
fn what_is_only_received_is_received_with_nothing_open() {
    for shape in [
        RelayShape::Receive,
        RelayShape::View,
        RelayShape::SocketIo { media: false },
    ] {
        let mut person = before(shape.clone());
        assert_eq!(person.did(), ["Save"], "{shape:?}");
        person.says(Command::Back);
        assert_eq!(person.did(), Vec::<String>::new());
        person.says(Command::JoinRelay(call(shape.clone())));
        person.enters();
        let capture = Some(Capture::Nothing);
        assert_eq!(started(&mut person), (capture, call(shape.clone())));
        let watches = !matches!(shape, RelayShape::SocketIo { .. });
        let kind = if watches {
            RoomKind::Broadcast
        } else {
            RoomKind::Call
        };
        person.feed(changed(None, &[""], None));
        let view = person.call_view();
        assert_eq!((view.kind, view.host), (kind, false), "{shape:?}");
    }
}

#[test]
fn a_part_of_the_screen_is_chosen_before_it_is_sent() {
    for shape in [RelayShape::Broadcast, RelayShape::Send { screen: true }] {
        let mut person = before(shape.clone());
        assert_eq!(person.did(), ["Save", "ShowSources"]);
        person.enters();
        assert!(!person.did().contains(&"StartCall".to_owned()));
        let source = SourceView {
            id: "a".into(),
            kind: SourceKind::Monitor,
            name: "Screen a".into(),
            width: 1920,
            height: 1080,
        };
        person.feed(Input::Sources(Ok(vec![source]))).enters();
        let (capture, _) = started(&mut person);
        assert!(matches!(capture, Some(Capture::Screen { source, .. }) if source == "a"));
        person.feed(changed(None, &["viewer one"], None));
        let view = person.call_view();
        assert_eq!((view.kind, view.host), (RoomKind::Broadcast, true));
        // Something else is shown as in any broadcast.
        person.says(Command::ShowSources { shown: true });
        assert_eq!(person.did(), ["ShowSources"]);
        person.says(Command::HangUp);
        let Screen::Ended(ended) = person.view().screen else {
            panic!("not ended")
        };
        assert_eq!((ended.host, ended.name), (true, None), "{shape:?}");
    }
}

#[test]
fn what_cannot_be_joined_is_said_and_leads_nowhere() {
    let mut person = Person::new();
    let shape = RelayShape::Both;
    for url in ["", "hello", "http://127.0.0.1/", "ws://a:b@127.0.0.1/"] {
        let url = url.into();
        let shape = shape.clone();
        person.says(Command::JoinRelay(RelayCall { url, shape }));
        let error = person.view().error.expect("an error");
        assert_eq!(error.code, ErrorCode::BadRelay);
        person.says(Command::DismissError);
    }
    assert_eq!(person.did(), Vec::<String>::new());
    assert_eq!(person.view().settings.last_relay, None);
    // In a call it is late.
    let mut person = Person::in_own_call();
    person.did();
    person.says(Command::JoinRelay(call(shape)));
    assert_eq!(person.did(), Vec::<String>::new());
}

#[test]
fn by_turn_only_nothing_is_said_to_a_relay_that_names_no_server() {
    let mut person = before(RelayShape::Both);
    person.says(Command::SetRelayOnly { on: true }).did();
    person.enters();
    assert!(!person.did().contains(&"StartCall".to_owned()));
    assert_eq!(person.view().error.unwrap().code, ErrorCode::TurnMissing);
    assert!(matches!(person.view().screen, Screen::Lobby(_)));
    person.says(Command::SetRelayOnly { on: false }).enters();
    started(&mut person);
}
