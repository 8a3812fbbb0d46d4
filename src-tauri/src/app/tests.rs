//! The app as its user goes through it, without devices, relay or network.

use ahoy_contract::{
    ErrorCode, Link, PeerId, Secret, UserError,
    id::Pin,
    ui::{
        AppView, CallPhase, CallView, ChatLine, Command, DeviceInfo, DeviceState, DeviceView,
        EndReason, MediaView, PeerState, PeerView, RelayChoice, RelayView, Screen, Theme,
    },
};
use ahoy_engine::call::HostKey;

use super::{
    action::{Action, CallAction, Input, MediaAction, StartCall},
    room::Listening,
    state::State,
};
use crate::{address::Address, recents::Recents, settings::Settings};

const NOW: u64 = 1_000_000;

struct Person {
    state: State,
    done: Vec<Action>,
}

impl Person {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let mut n = 0;
        let keys = move || {
            n += 1;
            Some((HostKey::from_bytes(&[n; 32]), Secret::new([n; 16])))
        };
        Self {
            state: State::new(settings, Recents::default(), None, Box::new(keys)),
            done: Vec::new(),
        }
    }

    fn feed(&mut self, input: Input) -> &mut Self {
        self.state.handle(NOW, input);
        self.done.extend(std::iter::from_fn(|| self.state.poll()));
        self
    }

    fn says(&mut self, command: Command) -> &mut Self {
        self.feed(Input::Command(command))
    }

    fn enters(&mut self) -> &mut Self {
        self.says(Command::Enter {
            name: " Ada ".into(),
        })
    }

    /// All actions since the last time, in short.
    fn did(&mut self) -> Vec<String> {
        let short = |action: &Action| {
            let debug = format!("{action:?}");
            let end = debug.find([' ', '(']).unwrap_or(debug.len());
            debug[..end].to_owned()
        };
        self.done.drain(..).map(|action| short(&action)).collect()
    }

    /// The call that was started last.
    fn started(&mut self) -> StartCall {
        let call = self.done.drain(..).rev().find_map(|action| match action {
            Action::StartCall(call) => Some(*call),
            _ => None,
        });
        call.expect("a call was started")
    }

    fn view(&self) -> AppView {
        self.state.view()
    }

    fn call_view(&self) -> CallView {
        match self.view().screen {
            Screen::Call(call) => call,
            other => panic!("{other:?}"),
        }
    }

    /// In an own call whose room is open.
    fn in_own_call() -> Self {
        let mut person = Self::new();
        person
            .says(Command::NewCall)
            .feed(Input::Relay(Ok(listening())));
        person.enters();
        let link = person.started().way.link;
        person.feed(changed(Some(link), &[], None));
        person
    }
}

fn listening() -> Listening {
    let address = |interface: &str, ip: &str| Address {
        ip: ip.parse().unwrap(),
        interface: interface.into(),
    };
    Listening {
        port: 3002,
        pin: Some(Pin::new([9; 32])),
        addresses: vec![
            address("eth0", "192.168.1.20"),
            address("wlan0", "10.0.0.7"),
        ],
    }
}

fn changed(link: Option<String>, peers: &[&str], ended: Option<EndReason>) -> Input {
    let peers = peers.iter().map(|name| PeerView {
        peer: PeerId::from_bytes(&[7; 10]),
        name: (*name).into(),
        host: false,
        state: PeerState::Connected,
        muted: false,
        camera_off: false,
        quality: None,
        words: None,
    });
    let peers: Vec<_> = peers.collect();
    Input::Call {
        view: CallView {
            phase: CallPhase::Waiting,
            host: true,
            link,
            addresses: Vec::new(),
            knocks: Vec::new(),
            locked: false,
            relay_lost: false,
            chat: Vec::new(),
            connected_at: (!peers.is_empty()).then_some(NOW - 65_000),
            peers,
        },
        ended,
    }
}

fn relay_error() -> UserError {
    UserError::new(
        ErrorCode::RelayFailed,
        "It does not listen.",
        "Do something.",
    )
}

fn somebodys_link() -> String {
    let room = "abcdefghijklmnopqrstuvwxyz";
    format!("https://example.org/r/{room}#AAECAwQFBgcICQoLDA0ODw")
}

fn boxed(camera: DeviceState, selected: Option<&str>, known: &[&str]) -> Box<MediaView> {
    Box::new(media(camera, selected, known))
}

fn media(camera: DeviceState, selected: Option<&str>, known: &[&str]) -> MediaView {
    let device = |state, selected: Option<&str>| DeviceView {
        devices: known
            .iter()
            .map(|id| DeviceInfo {
                id: (*id).into(),
                name: (*id).into(),
            })
            .collect(),
        selected: selected.map(str::to_owned),
        state,
    };
    MediaView {
        camera: device(camera, selected),
        microphone: device(DeviceState::Open, None),
        speaker: device(DeviceState::Open, None),
        muted: false,
        camera_off: false,
    }
}

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
    assert_eq!(person.did(), ["OpenMedia"]);
    assert!(matches!(person.view().screen, Screen::Lobby(ref lobby) if !lobby.host));
    person.enters();
    let call = person.started();
    assert!(call.key.is_none());
    assert_eq!(call.way.link, somebodys_link());
    assert_eq!(call.way.relay.socket_url(), "wss://example.org:443/ws");
    person.feed(changed(None, &[], Some(EndReason::ByThem)));
    person.says(Command::CallAgain).enters();
    assert_eq!(person.started().way.link, somebodys_link());
}

#[test]
fn a_bad_link_is_said_in_the_banner_and_can_be_dismissed() {
    let mut person = Person::new();
    for (link, message) in [
        ("hello", "not an Ahoy link"),
        (&somebodys_link()[..50], "incomplete"),
        (&somebodys_link().replace("https", "http"), "not secure"),
    ] {
        person.says(Command::OpenLink { link: link.into() });
        let error = person.view().error.expect("an error");
        assert_eq!(error.code, ErrorCode::BadLink);
        assert!(error.message.contains(message), "{error}");
        assert_eq!(person.view().screen, Screen::Start);
        person.says(Command::DismissError);
        assert_eq!(person.view().error, None);
    }
    assert_eq!(person.did(), Vec::<String>::new());
}

#[test]
fn who_goes_in_before_the_relay_listens_waits_for_it() {
    let mut person = Person::new();
    person.says(Command::NewCall).enters();
    assert!(matches!(person.view().screen, Screen::Lobby(ref lobby) if lobby.busy));
    assert_eq!(person.did(), ["OpenMedia", "StartRelay", "Save"]);
    person.enters();
    assert_eq!(person.did(), Vec::<String>::new(), "once is enough");
    person.feed(Input::Relay(Ok(listening())));
    assert_eq!(person.did(), ["StartCall"]);
}

#[test]
fn a_relay_that_fails_is_said_and_going_in_tries_again() {
    let mut person = Person::new();
    person.says(Command::NewCall).enters();
    person.feed(Input::Relay(Err(relay_error())));
    assert_eq!(person.view().error, Some(relay_error()));
    assert!(matches!(person.view().relay, RelayView::Failed { .. }));
    assert!(matches!(person.view().screen, Screen::Lobby(ref lobby) if !lobby.busy));
    person.did();
    person.enters();
    assert_eq!(person.did(), ["StartRelay"]);
    assert_eq!(person.view().error, None);
    person.feed(Input::Relay(Ok(listening())));
    assert_eq!(person.did(), ["StartCall"]);
}

#[test]
fn the_link_follows_the_address_that_is_chosen_and_there() {
    let mut person = Person::in_own_call();
    let host = |person: &Person| {
        let link: Link = person.call_view().link.unwrap().parse().unwrap();
        link.relay.host
    };
    let chosen = |person: &Person| {
        let addresses = person.call_view().addresses;
        let chosen: Vec<_> = addresses.into_iter().filter(|a| a.chosen).collect();
        assert_eq!(chosen.len(), 1);
        chosen[0].address.clone()
    };
    assert_eq!(person.call_view().addresses.len(), 2);
    assert_eq!(
        (host(&person), chosen(&person)),
        ("192.168.1.20".into(), "192.168.1.20".into())
    );
    person.says(Command::SelectLinkAddress {
        address: "10.0.0.7".into(),
    });
    assert_eq!(
        (host(&person), chosen(&person)),
        ("10.0.0.7".into(), "10.0.0.7".into())
    );
    person.says(Command::CopyLink);
    assert!(matches!(&person.done[..], [Action::Copy(link)] if link.contains("10.0.0.7")));
    let gone = listening().addresses[..1].to_vec();
    person.feed(Input::Addresses(gone));
    assert_eq!(
        (host(&person), chosen(&person)),
        ("192.168.1.20".into(), "192.168.1.20".into())
    );
}

#[test]
fn a_server_is_used_instead_of_the_built_in_relay() {
    let mut person = Person::new();
    person.says(Command::SetRelay {
        relay: RelayChoice::Server {
            url: "https://Example.org/".into(),
        },
    });
    let url = "https://example.org".to_owned();
    assert_eq!(person.view().relay, RelayView::Server { url });
    person.says(Command::NewCall).enters();
    let call = person.started();
    assert_eq!(call.way.pin, None);
    assert!(call.way.link.starts_with("https://example.org/r/"));
    person.feed(changed(Some(call.way.link.clone()), &[], None));
    assert_eq!(person.call_view().link, Some(call.way.link));
    assert!(person.call_view().addresses.is_empty());
}

#[test]
fn an_address_that_is_none_changes_nothing() {
    let mut person = Person::new();
    for url in ["", "example", "http://example.org", "https://example.org/x"] {
        person.says(Command::SetRelay {
            relay: RelayChoice::Server { url: url.into() },
        });
        assert_eq!(
            person.view().error.map(|error| error.code),
            Some(ErrorCode::BadLink)
        );
        assert_eq!(person.view().settings.relay, RelayChoice::ThisNetwork);
    }
    assert_eq!(person.did(), Vec::<String>::new());
}

#[test]
fn another_relay_replaces_the_one_that_runs_but_never_under_a_call() {
    let mut person = Person::in_own_call();
    let link = person.call_view().link;
    person.did();
    person.says(Command::SetRelay {
        relay: RelayChoice::ThisComputer,
    });
    assert_eq!(person.did(), ["Save"]);
    assert_eq!(person.call_view().link, link);
    person.says(Command::HangUp);
    assert_eq!(
        person.did(),
        ["EndCall", "CloseMedia", "SaveRecents", "StopRelay"]
    );
    assert_eq!(person.view().relay, RelayView::Idle);
    person.says(Command::CallAgain);
    assert_eq!(person.did(), ["OpenMedia", "StartRelay"]);
    let here = Listening {
        pin: None,
        addresses: Vec::new(),
        ..listening()
    };
    person.feed(Input::Relay(Ok(here)));
    person.says(Command::SetRelay {
        relay: RelayChoice::ThisNetwork,
    });
    assert_eq!(
        person.did(),
        ["Save", "StopRelay", "StartRelay"],
        "in the lobby it changes at once"
    );
}

#[test]
fn the_port_that_was_found_is_kept() {
    let mut person = Person::new();
    person.says(Command::NewCall);
    person.feed(Input::Relay(Ok(Listening {
        port: 3005,
        ..listening()
    })));
    assert_eq!(person.state.settings().relay_port, 3005);
    assert_eq!(person.did(), ["OpenMedia", "StartRelay", "Save"]);
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
fn what_was_off_stays_off_when_calling_again_and_is_on_in_a_new_call() {
    let mut person = Person::in_own_call();
    person
        .says(Command::SetMuted { muted: true })
        .says(Command::SetCameraOff { off: true })
        .says(Command::HangUp)
        .says(Command::CallAgain);
    let opened = |person: &mut Person| {
        let opened = person.done.drain(..).rev().find_map(|action| match action {
            Action::OpenMedia { muted, camera_off } => Some((muted, camera_off)),
            _ => None,
        });
        opened.unwrap()
    };
    assert_eq!(opened(&mut person), (true, true));
    person.says(Command::Back).says(Command::NewCall);
    assert_eq!(opened(&mut person), (false, false));
}

#[test]
fn leaving_the_lobby_closes_the_devices() {
    let mut person = Person::new();
    person.says(Command::NewCall);
    person.feed(Input::Media(boxed(DeviceState::Open, None, &["cam"])));
    assert_eq!(person.view().media.camera.state, DeviceState::Open);
    person.did();
    person.says(Command::Back);
    assert_eq!(person.did(), ["CloseMedia"]);
    assert_eq!(person.view().media.camera.state, DeviceState::Closed);
    person.feed(Input::Media(boxed(DeviceState::Open, None, &["cam"])));
    assert_eq!(
        person.view().media.camera.state,
        DeviceState::Closed,
        "that came late"
    );
}

#[test]
fn a_device_that_fails_is_said_once_and_no_more_when_it_works_again() {
    let error = UserError::new(ErrorCode::CameraBusy, "In use.", "Close it.");
    let failed = || DeviceState::Failed {
        error: error.clone(),
    };
    let mut person = Person::new();
    person.says(Command::NewCall);
    person.feed(Input::Media(boxed(failed(), None, &["cam"])));
    assert_eq!(person.view().error.as_ref(), Some(&error));
    person.says(Command::DismissError);
    person.feed(Input::Media(boxed(failed(), None, &["cam", "other"])));
    assert_eq!(person.view().error, None, "it was said already");
    person.feed(Input::Media(boxed(DeviceState::Opening, None, &["cam"])));
    person.feed(Input::Media(boxed(failed(), None, &["cam"])));
    assert_eq!(person.view().error.as_ref(), Some(&error));
    person.feed(Input::Media(boxed(DeviceState::Open, None, &["cam"])));
    assert_eq!(person.view().error, None);
}

#[test]
fn a_chosen_camera_that_is_gone_gives_way_and_stays_the_choice() {
    let mut person = Person::new();
    person
        .says(Command::SelectCamera {
            id: Some("old".into()),
        })
        .says(Command::NewCall);
    person.did();
    person.feed(Input::Media(boxed(DeviceState::Missing, Some("old"), &[])));
    assert_eq!(
        person.did(),
        Vec::<String>::new(),
        "there is nothing to give way to"
    );
    person.feed(Input::Media(boxed(
        DeviceState::Missing,
        Some("old"),
        &["new"],
    )));
    assert!(matches!(
        &person.done[..],
        [Action::Media(MediaAction::SelectCamera(None))]
    ));
    assert_eq!(person.state.settings().camera.as_deref(), Some("old"));
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
fn what_is_set_is_kept_once() {
    let mut person = Person::new();
    person.says(Command::SetTheme { theme: Theme::Dark });
    person.says(Command::SetTheme { theme: Theme::Dark });
    assert_eq!(person.did(), ["Save"]);
    assert_eq!(person.view().settings.theme, Theme::Dark);
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
fn a_call_that_was_is_kept_and_leads_back() {
    let mut person = Person::in_own_call();
    let room = room_of(&person.call_view());
    person.did();
    person.says(Command::HangUp);
    assert!(person.did().contains(&"SaveRecents".to_owned()));
    let recents = person.view().recents;
    assert_eq!((recents.len(), recents[0].host), (1, true));
    person.says(Command::Back).says(Command::CallRecent {
        id: recents[0].id.clone(),
    });
    person.enters();
    let way = person.started().way;
    assert_eq!(way.room, room);
    // One line for one room, however often.
    person.feed(changed(Some(way.link), &[], None));
    person.says(Command::HangUp);
    assert_eq!(person.view().recents.len(), 1);
    person.says(Command::ForgetRecents);
    assert!(person.view().recents.is_empty());
    person.says(Command::Back).says(Command::CallRecent {
        id: recents[0].id.clone(),
    });
    assert_eq!(person.view().screen, Screen::Start);
    assert_eq!(person.view().error.unwrap().code, ErrorCode::NotFound);
}

#[test]
fn a_way_that_led_nowhere_is_not_kept() {
    let mut person = Person::new();
    person.says(Command::OpenLink {
        link: somebodys_link(),
    });
    person.enters();
    let refused = EndReason::Refused {
        code: ErrorCode::NotFound,
    };
    person.feed(changed(None, &[], Some(refused)));
    assert!(person.view().recents.is_empty());
}

#[test]
fn a_link_from_outside_opens_a_lobby_and_never_a_call() {
    let mut person = Person::new();
    person.feed(Input::Link(somebodys_link()));
    assert!(matches!(person.view().screen, Screen::Lobby(_)));
    assert!(!person.did().contains(&"StartCall".to_owned()));
    // Another one, while the devices are open.
    person.feed(Input::Link(somebodys_link()));
    assert_eq!(person.did(), Vec::<String>::new());
    person.feed(Input::Link("https://example.org/<b>".into()));
    assert_eq!(person.view().error.unwrap().code, ErrorCode::BadLink);
    assert!(matches!(person.view().screen, Screen::Lobby(_)));

    let mut person = Person::in_own_call();
    person.did();
    person.feed(Input::Link(somebodys_link()));
    assert_eq!(person.view().error.unwrap().code, ErrorCode::Busy);
    assert!(matches!(person.view().screen, Screen::Call(_)));
    assert_eq!(person.did(), Vec::<String>::new());
}

#[test]
fn what_the_user_does_with_a_call_reaches_it_and_is_late_where_there_is_none() {
    let peer = PeerId::from_bytes(&[7; 10]);
    let admit = Command::Admit {
        peer: peer.clone(),
        accept: true,
    };
    let mut person = Person::new();
    person.says(admit.clone());
    assert_eq!(person.did(), Vec::<String>::new());
    let mut person = Person::in_own_call();
    person.did();
    person
        .says(admit)
        .says(Command::SetLocked { locked: true })
        .says(Command::Remove { peer: peer.clone() })
        .says(Command::SendChat { text: "Hi".into() })
        .says(Command::SendChat { text: " \n".into() });
    let done: Vec<_> = person
        .done
        .drain(..)
        .filter_map(|action| match action {
            Action::Call(action) => Some(action),
            _ => None,
        })
        .collect();
    assert_eq!(
        done,
        [
            CallAction::Admit {
                peer: peer.clone(),
                accept: true
            },
            CallAction::Lock(true),
            CallAction::Remove(peer),
            CallAction::Chat("Hi".into()),
        ]
    );
    person.says(Command::SendChat {
        text: "x".repeat(16 * 1024 + 1),
    });
    assert_eq!(person.view().error.unwrap().code, ErrorCode::TooLarge);
    assert_eq!(person.did(), Vec::<String>::new());
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

#[test]
fn what_was_written_stays_through_the_calls_in_one_room() {
    let line = |id, text: &str| ChatLine {
        id,
        name: None,
        text: text.into(),
        at: NOW,
        delivered: true,
    };
    let with = |link: String, lines: Vec<ChatLine>| {
        let Input::Call { mut view, ended } = changed(Some(link), &[], None) else {
            unreachable!()
        };
        view.chat = lines;
        Input::Call { view, ended }
    };
    let texts = |person: &Person| -> Vec<(u32, String)> {
        let chat = person.call_view().chat;
        chat.into_iter().map(|line| (line.id, line.text)).collect()
    };
    let mut person = Person::in_own_call();
    let link = person.call_view().link.unwrap();
    person.feed(with(link, vec![line(1, "one"), line(2, "two")]));
    person.says(Command::HangUp).says(Command::CallAgain);
    person.enters();
    let link = person.started().way.link;
    person.feed(with(link, vec![line(1, "three")]));
    let wanted = [(1, "one"), (2, "two"), (3, "three")].map(|(id, text)| (id, text.to_owned()));
    assert_eq!(texts(&person), wanted);
    // Another room is another matter.
    person.says(Command::HangUp).says(Command::NewCall);
    person.enters();
    let link = person.started().way.link;
    person.feed(with(link, vec![line(1, "four")]));
    assert_eq!(texts(&person), [(1, "four".to_owned())]);
}

fn room_of(view: &CallView) -> ahoy_contract::RoomId {
    let link: Link = view.link.as_deref().unwrap().parse().unwrap();
    link.room
}
