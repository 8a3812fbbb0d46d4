//! The user's own broadcast: what is chosen, and what becomes of it.

use super::*;

fn source(id: &str) -> SourceView {
    SourceView {
        id: id.into(),
        kind: SourceKind::Monitor,
        name: format!("Screen {id}"),
        width: 1920,
        height: 1080,
    }
}

fn found(ids: &[&str]) -> Input {
    Input::Sources(Ok(ids.iter().map(|id| source(id)).collect()))
}

/// In the lobby of a broadcast, with the relay up.
fn before() -> Person {
    let mut person = Person::new();
    person
        .says(Command::NewBroadcast)
        .feed(Input::Relay(Ok(listening())));
    person
}

/// In the broadcast, whose room is open.
fn sharing() -> Person {
    let mut person = before();
    person.feed(found(&["a", "b"])).says(select("a")).enters();
    let link = person.started().way.link;
    person.feed(broadcast(Some(link), &[], None));
    person
}

fn broadcast(link: Option<String>, peers: &[&str], ended: Option<EndReason>) -> Input {
    let Input::Call { mut view, ended } = changed(link, peers, ended) else {
        unreachable!()
    };
    view.kind = RoomKind::Broadcast;
    Input::Call { view, ended }
}

fn select(id: &str) -> Command {
    Command::SelectSource { id: id.into() }
}

fn chosen(person: &Person) -> Option<String> {
    person.view().share.selected.map(|source| source.id)
}

#[test]
fn before_the_broadcast_nothing_is_captured_and_what_there_is_is_shown() {
    let mut person = Person::new();
    person.says(Command::NewBroadcast);
    assert_eq!(person.did(), ["ShowSources", "StartRelay"]);
    assert_eq!(person.view().share.sources, SourceList::Looking);
    assert!(matches!(person.view().screen, Screen::Lobby(ref lobby)
        if lobby.host && lobby.kind == Some(RoomKind::Broadcast)));
    person.feed(found(&["a", "b"]));
    let sources = vec![source("a"), source("b")];
    let found = SourceList::Found {
        sources,
        left_out: 0,
    };
    assert_eq!(person.view().share.sources, found);
    assert_eq!(person.view().share.state, DeviceState::Closed);
    person.says(Command::Back);
    assert_eq!(person.did(), ["HideSources"]);
    assert_eq!(person.view().share.sources, SourceList::Closed);
    assert_eq!(chosen(&person), None);
}

#[test]
fn a_monitor_that_is_the_only_one_stands_there_and_nothing_takes_the_place_of_a_choice() {
    let mut person = before();
    assert_eq!(chosen(&person), None);
    let window = SourceView {
        kind: SourceKind::Window,
        ..source("w")
    };
    person.feed(Input::Sources(Ok(vec![window.clone()])));
    assert_eq!(chosen(&person), None, "a window is for the user to choose");
    person.feed(Input::Sources(Ok(vec![source("a"), window])));
    assert_eq!(chosen(&person).as_deref(), Some("a"));
    // One of several is for the user to choose too.
    person.did();
    person.feed(found(&["a", "b"])).enters();
    assert_eq!(chosen(&person), None);
    assert_eq!(person.did(), Vec::<String>::new());
    person.feed(found(&["b"]));
    assert_eq!(chosen(&person).as_deref(), Some("b"));
    person.feed(found(&["a", "b"])).says(select("b"));
    person.says(select("what?"));
    assert_eq!(chosen(&person).as_deref(), Some("b"));
    person.feed(found(&["a"]));
    assert_eq!(chosen(&person), None);
    person.feed(found(&["a", "b"]));
    assert_eq!(chosen(&person), None, "the user chooses anew");
    person.did();
    person.enters();
    assert_eq!(person.did(), Vec::<String>::new());
}

#[test]
fn how_many_there_are_beside_those_that_can_be_chosen_is_said() {
    let mut person = before();
    let all: Vec<SourceView> = (0..30).map(|n| source(&format!("s{n}"))).collect();
    person.feed(Input::Sources(Ok(all.clone())));
    let found = SourceList::Found {
        sources: all[..24].to_vec(),
        left_out: 6,
    };
    assert_eq!(person.view().share.sources, found);
    person.says(select("s29"));
    assert_eq!(chosen(&person), None);
}

#[test]
fn why_there_is_nothing_to_choose_is_said_and_nobody_goes_in() {
    let error = UserError::new(ErrorCode::ScreenDenied, "No.", "Ask.");
    let mut person = before();
    person.did();
    person.feed(Input::Sources(Err(error.clone()))).enters();
    assert_eq!(person.view().share.sources, SourceList::Failed { error });
    assert_eq!(person.did(), Vec::<String>::new());
}

#[test]
fn the_broadcast_shows_what_was_chosen_as_it_was_chosen() {
    let mut person = before();
    person
        .feed(found(&["a", "b"]))
        .says(select("b"))
        .says(Command::SetShareSound { on: true })
        .says(Command::SetShareContent {
            content: ShareContent::Motion,
        })
        .says(Command::SetShareRate { fps: 60 })
        .says(Command::SetShareRate { fps: 1000 });
    person.did();
    person.enters();
    let capture = person.done.iter().find_map(|action| match action {
        Action::OpenMedia(capture) => Some(capture.clone()),
        _ => None,
    });
    assert_eq!(
        capture,
        Some(Capture::Screen {
            source: "b".into(),
            sound: true,
            content: ShareContent::Motion,
            fps: 60,
            paused: false,
        })
    );
    assert_eq!(
        person.did(),
        ["Save", "HideSources", "OpenMedia", "StartCall"]
    );
    assert!(person.call_view().host);
    assert_eq!(person.call_view().kind, RoomKind::Broadcast);
    // It is kept for the next time.
    let view = person.view().share;
    assert_eq!(
        (view.sound, view.content, view.fps),
        (true, ShareContent::Motion, 60)
    );
}

#[test]
fn it_waits_for_the_relay_as_a_call_does() {
    let mut person = Person::new();
    person.says(Command::NewBroadcast);
    person.feed(found(&["a"])).enters();
    assert!(matches!(person.view().screen, Screen::Lobby(ref lobby) if lobby.busy));
    person.did();
    // What the user pressed *Share* on is what is shown, whatever comes meanwhile.
    person.feed(found(&["b"]));
    assert_eq!(chosen(&person), None);
    person.feed(found(&["a", "b"]));
    assert_eq!(chosen(&person), None, "it was gone: the user chooses anew");
    person.says(select("a")).feed(found(&["a", "b"]));
    person.feed(Input::Relay(Ok(listening())));
    assert!(matches!(
        &person.done[1],
        Action::OpenMedia(Capture::Screen { source, .. }) if source == "a"
    ));
    assert_eq!(person.did(), ["HideSources", "OpenMedia", "StartCall"]);
}

#[test]
fn where_what_was_chosen_goes_while_the_relay_is_awaited_nothing_else_is_shown() {
    let mut person = Person::new();
    person.says(Command::NewBroadcast);
    person.feed(found(&["a"])).enters();
    person.feed(found(&["b"]));
    person.did();
    person.feed(Input::Relay(Ok(listening())));
    assert_eq!(person.did(), Vec::<String>::new());
    assert!(matches!(person.view().screen, Screen::Lobby(ref lobby) if !lobby.busy));
}

#[test]
fn something_else_is_shown_once_the_user_says_so() {
    let mut person = sharing();
    person.did();
    person.says(select("b"));
    assert_eq!(
        person.did(),
        Vec::<String>::new(),
        "nobody looked what there is"
    );
    person.says(Command::ShowSources { shown: true });
    person.says(Command::ShowSources { shown: true });
    assert_eq!(person.did(), ["ShowSources"]);
    person.feed(found(&["b", "c"]));
    assert_eq!(
        chosen(&person).as_deref(),
        Some("a"),
        "what is shown stays, also where it is gone"
    );
    person.says(select("c"));
    assert!(matches!(
        &person.done[..],
        [Action::HideSources, Action::Media(MediaAction::SelectScreen(id))] if id == "c"
    ));
    person.did();
    assert_eq!(chosen(&person).as_deref(), Some("c"));
    person.feed(found(&["a"]));
    assert_eq!(
        person.view().share.sources,
        SourceList::Closed,
        "that is late"
    );
    person
        .says(Command::ShowSources { shown: true })
        .says(Command::ShowSources { shown: false });
    assert_eq!(person.did(), ["ShowSources", "HideSources"]);
}

#[test]
fn what_the_desktop_asks_for_can_be_asked_for_once_more() {
    let mut person = before();
    person
        .feed(found(&["again", "asked"]))
        .says(select("asked"));
    person.did();
    person.enters();
    let link = person.started().way.link;
    person.feed(broadcast(Some(link), &[], None));
    person.says(Command::ShowSources { shown: true });
    person.feed(found(&["again", "asked"]));
    person.did();
    person.says(select("asked"));
    assert!(matches!(
        &person.done[..],
        [Action::HideSources, Action::Media(MediaAction::SelectScreen(id))] if id == "asked"
    ));
}

#[test]
fn it_is_paused_gets_another_content_and_goes_on_with_sound() {
    let mut person = sharing();
    person.did();
    person
        .says(Command::SetCameraOff { off: true })
        .says(Command::SetShareSound { on: true })
        .says(Command::SetShareContent {
            content: ShareContent::Motion,
        })
        .says(Command::SetShareRate { fps: 60 })
        .says(Command::SetCameraOff { off: false });
    let done: Vec<_> = person
        .done
        .drain(..)
        .filter_map(|action| match action {
            Action::Media(action) => Some(action),
            _ => None,
        })
        .collect();
    assert_eq!(
        done,
        [
            MediaAction::SetCameraOff(true),
            // Paused, nothing is heard either.
            MediaAction::SetSystemSound(false),
            MediaAction::SetSystemSound(false),
            MediaAction::SetContent(ShareContent::Motion),
            MediaAction::SetCameraOff(false),
            MediaAction::SetSystemSound(true),
        ]
    );
    assert_eq!(person.view().share.fps, 30, "that is for the next one");
}

#[test]
fn that_the_sound_fails_is_seen_for_as_long_as_it_does() {
    let error = UserError::new(ErrorCode::SystemSoundFailed, "No.", "Ask.");
    let failed = DeviceState::Failed { error };
    let mut person = sharing();
    let mut media = person.view().media;
    media.microphone.state = failed.clone();
    person.feed(Input::Media(Box::new(media)));
    let shown = |person: &Person| person.view().share.sound_state;
    assert_eq!(shown(&person), DeviceState::Closed, "it is not wanted");
    person
        .says(Command::SetShareSound { on: true })
        .says(Command::DismissError);
    assert_eq!(person.view().error, None);
    assert_eq!(shown(&person), failed);
}

#[test]
fn no_camera_or_microphone_comes_into_a_broadcast_whatever_the_window_says() {
    let choose = |person: &mut Person| {
        let id = || Some("other".to_owned());
        person
            .says(Command::SelectMicrophone { id: id() })
            .says(Command::SelectCamera { id: id() })
            .says(Command::SetMuted { muted: true });
        let settings = person.state.settings();
        assert_eq!((&settings.microphone, &settings.camera), (&id(), &id()));
        person
            .done
            .drain(..)
            .any(|action| matches!(action, Action::Media(_)))
    };
    let watching = || {
        let mut person = Person::new();
        person
            .says(Command::OpenLink {
                link: somebodys_link(),
            })
            .looked(Looked::Found(RoomKind::Broadcast));
        person
    };
    let mut entered = watching();
    entered.enters().feed(broadcast(None, &[], None)).did();
    for mut person in [before(), sharing(), watching(), entered] {
        person.did();
        assert!(!choose(&mut person));
    }
    assert!(choose(&mut Person::in_own_call()));
}

#[test]
fn stopped_it_closes_everything_and_leads_back_to_the_same_room() {
    let mut person = sharing();
    let link = person.call_view().link.unwrap();
    person.says(Command::ShowSources { shown: true });
    person.feed(broadcast(Some(link.clone()), &["Mika"], None));
    person.did();
    person.says(Command::HangUp);
    assert_eq!(
        person.did(),
        ["EndCall", "HideSources", "CloseMedia", "SaveRecents"]
    );
    let Screen::Ended(ended) = person.view().screen else {
        panic!("not ended")
    };
    assert_eq!((ended.kind, ended.host), (RoomKind::Broadcast, true));
    assert_eq!(ended.name, None, "it is not known by one of its viewers");
    let recents = person.view().recents;
    assert_eq!(recents[0].kind, RoomKind::Broadcast);

    person.says(Command::CallAgain);
    assert_eq!(person.did(), ["ShowSources"]);
    assert_eq!(chosen(&person), None);
    person.feed(found(&["a"])).enters();
    assert_eq!(person.started().way.link, link);
    person.says(Command::HangUp).says(Command::Back);
    person.says(Command::CallRecent {
        id: recents[0].id.clone(),
    });
    assert!(matches!(person.view().screen, Screen::Lobby(ref lobby)
        if lobby.kind == Some(RoomKind::Broadcast)));
}

/// In a call that looks what there is to show.
fn choosing_in_a_call() -> Person {
    let mut person = Person::in_own_call();
    person.says(Command::ShowSources { shown: true });
    person.feed(found(&["a", "b"]));
    person
}

/// The devices of a call, with its screen like this.
fn devices(screen: DeviceState) -> Input {
    let view = super::devices::media(DeviceState::Open, None, &[]);
    Input::Media(Box::new(MediaView { screen, ..view }))
}

#[test]
fn in_a_call_a_screen_is_shown_beside_the_camera_once_it_is_chosen() {
    let mut person = choosing_in_a_call();
    assert_eq!(
        chosen(&person),
        None,
        "nothing is shown before the user chooses"
    );
    let actions = person.did();
    assert_eq!(actions.last().map(String::as_str), Some("ShowSources"));
    person.says(select("b"));
    assert!(matches!(
        &person.done[..],
        [Action::HideSources, Action::Media(MediaAction::ShowScreen { source, content: ShareContent::Text })]
            if source == "b"
    ));
    person.did();
    person.feed(devices(DeviceState::Open));
    let share = person.view().share;
    assert_eq!(share.selected, Some(source("b")));
    assert_eq!(share.state, DeviceState::Open);
    person.says(Command::SetShareContent {
        content: ShareContent::Motion,
    });
    assert!(matches!(
        person.done.last(),
        Some(Action::Media(MediaAction::SetScreenContent(
            ShareContent::Motion
        )))
    ));
    person.did();
    person.says(Command::StopShare).says(Command::StopShare);
    assert!(matches!(
        &person.done[..],
        [Action::Media(MediaAction::HideScreen)]
    ));
    assert_eq!(chosen(&person), None);
    assert!(matches!(person.view().screen, Screen::Call(_)));
}

#[test]
fn a_screen_that_is_gone_is_told_of_and_the_call_goes_on() {
    let mut person = choosing_in_a_call();
    person.says(select("a"));
    person.did();
    let error = UserError::new(ErrorCode::ScreenDenied, "It is gone.", "Choose another.");
    let failed = DeviceState::Failed {
        error: error.clone(),
    };
    person.feed(devices(failed.clone()));
    assert_eq!(person.did(), ["Media"]);
    assert_eq!(person.view().error, Some(error));
    assert_eq!(chosen(&person), None);
    assert!(matches!(person.view().screen, Screen::Call(_)));
    person.says(Command::DismissError).feed(devices(failed));
    assert_eq!(person.view().error, None, "it is told once");
}

#[test]
fn with_the_call_its_screen_ends() {
    let mut person = choosing_in_a_call();
    person.says(select("a"));
    person.did();
    person.says(Command::HangUp);
    assert_eq!(person.did(), ["EndCall", "CloseMedia", "SaveRecents"]);
    person.says(Command::CallAgain);
    assert_eq!(chosen(&person), None);
}

#[test]
fn what_belongs_to_a_share_is_late_elsewhere() {
    let mut person = Person::new();
    person.says(Command::NewCall);
    person.did();
    for command in [
        Command::ShowSources { shown: true },
        select("a"),
        Command::StopShare,
        Command::ShowSources { shown: false },
    ] {
        person.says(command);
    }
    person.feed(found(&["a"]));
    assert_eq!(person.did(), Vec::<String>::new());
    assert_eq!(person.view().share.sources, SourceList::Closed);
}
