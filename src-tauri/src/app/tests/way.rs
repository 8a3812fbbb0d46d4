//! The way into a call, out of it and back.

use super::*;

#[test]
fn at_the_start_nothing_is_captured_and_nothing_listens() {
    let mut person = Person::new();
    assert_eq!(person.view().screen, Screen::Start);
    assert_eq!(person.view().relay, RelayView::Idle);
    assert_eq!(person.view().media.camera.state, DeviceState::Closed);
    for command in [
        Command::Enter { name: "x".into() },
        Command::Back,
        Command::HangUp,
        Command::CallAgain,
        Command::CopyLink,
        Command::RetryDevices,
        Command::SetMuted { muted: true },
        Command::SelectLinkAddress {
            address: "x".into(),
        },
        Command::AcceptLink { id: 1 },
        Command::DismissLink { id: 1 },
    ] {
        person.says(command);
    }
    assert_eq!(person.did(), Vec::<String>::new());
    assert_eq!(person.view().screen, Screen::Start);
}

#[test]
fn an_own_call_goes_from_the_start_to_the_end_and_back() {
    let mut person = Person::new();
    person.says(Command::NewCall);
    assert_eq!(person.did(), ["OpenMedia", "StartRelay"]);
    assert!(matches!(person.view().screen, Screen::Lobby(ref lobby) if lobby.host));
    assert_eq!(person.view().relay, RelayView::Starting);

    person.feed(Input::Relay(Ok(listening())));
    let address = "192.168.1.20:3002".to_owned();
    assert_eq!(person.view().relay, RelayView::Listening { address });

    person.enters();
    let call = person.started();
    assert_eq!(call.name, "Ada");
    assert_eq!(person.view().settings.name, "Ada");
    assert_eq!(person.call_view().phase, CallPhase::Joining);
    assert_eq!(person.call_view().link, None, "the room is not open yet");

    person.feed(changed(Some(call.way.link.clone()), &["Bob"], None));
    assert_eq!(person.call_view().link, Some(call.way.link));
    person.says(Command::HangUp);
    assert_eq!(person.did(), ["EndCall", "CloseMedia", "SaveRecents"]);
    let Screen::Ended(ended) = person.view().screen else {
        panic!("not ended")
    };
    assert_eq!(ended.reason, EndReason::ByMe);
    assert_eq!(
        (ended.name.as_deref(), ended.seconds),
        (Some("Bob"), Some(65))
    );
    assert!(
        matches!(person.view().relay, RelayView::Listening { .. }),
        "it goes on listening"
    );

    person.says(Command::Back);
    assert_eq!(person.view().screen, Screen::Start);
    assert_eq!(person.did(), Vec::<String>::new());
}

#[test]
fn calls_go_by_turn_only_from_the_next_one_on_where_the_user_wants_so() {
    let mut person = Person::new();
    person.says(Command::NewCall);
    person.feed(Input::Relay(Ok(listening()))).enters();
    assert!(!person.started().relay_only);
    person.says(Command::SetRelayOnly { on: true });
    assert_eq!(person.did(), ["Save"]);
    assert!(person.view().settings.relay_only);
    person
        .says(Command::HangUp)
        .says(Command::CallAgain)
        .enters();
    assert!(person.started().relay_only);
    // So do those of others, and what is watched.
    for kind in [RoomKind::Call, RoomKind::Broadcast] {
        person.says(Command::HangUp).says(Command::Back);
        person.says(Command::OpenLink {
            link: somebodys_link(),
        });
        person.looked(Looked::Found(kind)).enters();
        assert!(person.started().relay_only, "{kind:?}");
    }
    // Where there is no TURN server the end says so, and trying again may help: the user can change both.
    let code = ErrorCode::TurnMissing;
    person.feed(changed(None, &[], Some(EndReason::Refused { code })));
    let Screen::Ended(ended) = person.view().screen else {
        panic!("not ended")
    };
    assert!(ended.can_call_again);
}

#[test]
fn call_again_leads_to_the_same_room_and_a_new_call_to_another() {
    let mut person = Person::in_own_call();
    let first = person.call_view().link.unwrap();
    person
        .says(Command::HangUp)
        .says(Command::CallAgain)
        .enters();
    assert_eq!(person.started().way.link, first);
    person.says(Command::HangUp).says(Command::NewCall).enters();
    assert_ne!(person.started().way.link, first);
}

#[test]
fn a_guest_follows_the_link_and_needs_no_relay_of_its_own() {
    let mut person = Person::new();
    person.says(Command::OpenLink {
        link: somebodys_link(),
    });
    person.looked(Looked::Found(RoomKind::Call));
    assert_eq!(person.did(), ["Look", "OpenMedia"]);
    assert!(matches!(person.view().screen, Screen::Lobby(ref lobby) if !lobby.host));
    person.enters();
    let call = person.started();
    assert!(call.key.is_none());
    assert_eq!(call.way.link, somebodys_link());
    assert_eq!(call.way.relay.socket_url(), "wss://example.org:443/ws");
    person.feed(changed(None, &[], Some(EndReason::ByThem)));
    person
        .says(Command::CallAgain)
        .looked(Looked::Found(RoomKind::Call))
        .enters();
    assert_eq!(person.started().way.link, somebodys_link());
}

#[test]
fn how_a_call_ended_is_told_on_its_screen_alone() {
    for (reason, again) in [
        (EndReason::ByThem, true),
        (EndReason::Network, true),
        (
            EndReason::Refused {
                code: ErrorCode::RoomFull,
            },
            true,
        ),
        (
            EndReason::Refused {
                code: ErrorCode::NotFound,
            },
            true,
        ),
        (
            EndReason::Refused {
                code: ErrorCode::NotAuthentic,
            },
            false,
        ),
        (
            EndReason::Refused {
                code: ErrorCode::RelayNotTrusted,
            },
            false,
        ),
    ] {
        let mut person = Person::in_own_call();
        person.feed(Input::Error(relay_error()));
        assert!(person.view().error.is_some());
        person.feed(changed(None, &[], Some(reason)));
        assert_eq!(person.view().error, None);
        let Screen::Ended(ended) = person.view().screen else {
            panic!("not ended")
        };
        assert_eq!((ended.reason, ended.can_call_again), (reason, again));
        person.says(Command::CallAgain);
        assert_eq!(matches!(person.view().screen, Screen::Lobby(_)), again);
    }
}

#[test]
fn a_name_is_cut_to_what_the_wire_takes() {
    let mut person = Person::new();
    person
        .says(Command::NewCall)
        .feed(Input::Relay(Ok(listening())));
    person.says(Command::Enter {
        name: "ä".repeat(100),
    });
    assert_eq!(person.started().name, "ä".repeat(64));
}

#[test]
fn without_randomness_there_is_no_call() {
    let mut person = Person {
        state: State::new(
            Settings::default(),
            Recents::default(),
            None,
            Box::new(|| None),
        ),
        done: Vec::new(),
    };
    person.says(Command::NewCall);
    assert_eq!(person.view().screen, Screen::Start);
    assert_eq!(
        person.view().error.map(|error| error.code),
        Some(ErrorCode::Internal)
    );
}

#[test]
fn guests_wait_where_the_user_wants_to_be_asked() {
    let mut person = Person::new();
    person
        .says(Command::SetAskBeforeEntry { ask: true })
        .says(Command::NewCall)
        .feed(Input::Relay(Ok(listening())));
    person.enters();
    assert!(person.started().knock);
    assert!(person.view().settings.ask_before_entry);
}
