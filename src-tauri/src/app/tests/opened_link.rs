//! Links that are opened outside of the window.

use tokio_util::sync::CancellationToken;

use super::*;

/// A link to another room than that of [`somebodys_link`].
fn other_link(host: &str) -> String {
    let room = "b".repeat(26);
    format!("ahoy://{host}/r/{room}#AAECAwQFBgcICQoLDA0ODw")
}

fn opens(person: &mut Person, link: impl Into<String>) {
    person.feed(Input::Link(link.into()));
}

/// What the user is asked about.
fn asked(person: &Person) -> OpenedLink {
    match person.view().screen {
        Screen::LinkOpened(link) => link,
        other => panic!("{other:?}"),
    }
}

/// Where the link that waits leads to.
fn waiting(person: &Person) -> Option<String> {
    person.view().waiting_link.map(|link| link.address)
}

fn accepts(person: &mut Person) {
    let id = asked(person).id;
    person.says(Command::AcceptLink { id });
}

/// The devices that were opened, and how.
fn opened(person: &mut Person) -> (bool, bool) {
    let opened = person.done.drain(..).rev().find_map(|action| match action {
        Action::OpenMedia(Capture::Devices { muted, camera_off }) => Some((muted, camera_off)),
        _ => None,
    });
    opened.expect("devices were opened")
}

#[test]
fn nobody_is_spoken_to_and_nothing_is_opened_before_the_user_agrees() {
    let mut person = Person::new();
    opens(&mut person, somebodys_link());
    let link = asked(&person);
    assert_eq!(
        (link.address.as_str(), link.reach, link.international),
        ("example.org", Reach::Internet, false)
    );
    assert_eq!(person.view().waiting_link, None);
    person.enters();
    person.says(Command::RetryDevices);
    assert_eq!(person.did(), Vec::<String>::new());

    accepts(&mut person);
    assert_eq!(person.did(), ["Look"]);
    person.looked(Looked::Found(RoomKind::Call));
    assert_eq!(opened(&mut person), (true, true), "both are off");
    assert_eq!(person.view().waiting_link, None);
    // Asked once more by its user, the relay says so again; what the user has turned on since stays on.
    person.says(Command::SetCameraOff { off: false });
    person.enters();
    let link = person.started().way.link;
    assert_eq!(link, somebodys_link());
}

#[test]
fn a_link_that_is_not_wanted_is_forgotten_and_its_relay_hears_nothing() {
    let mut person = Person::new();
    opens(&mut person, somebodys_link());
    let id = asked(&person).id;
    person.says(Command::DismissLink { id });
    assert_eq!(person.view().screen, Screen::Start);
    person.says(Command::AcceptLink { id });
    assert_eq!(person.view().screen, Screen::Start);
    assert_eq!(person.did(), Vec::<String>::new());
}

#[test]
fn of_several_links_the_newest_counts_and_no_answer_is_given_to_one_that_was_not_seen() {
    let mut person = Person::new();
    opens(&mut person, somebodys_link());
    let seen = asked(&person);
    // The same one once more changes nothing.
    opens(&mut person, somebodys_link());
    assert_eq!(asked(&person), seen);
    for n in 0..1_000 {
        opens(&mut person, other_link(&format!("relay{n}.example")));
    }
    for late in [
        Command::AcceptLink { id: seen.id },
        Command::DismissLink { id: seen.id },
    ] {
        person.says(late);
        assert_eq!(asked(&person).address, "relay999.example");
    }
    assert_eq!(person.did(), Vec::<String>::new());
    accepts(&mut person);
    assert!(matches!(
        &person.done[..],
        [Action::Look { relay, .. }] if format!("{relay:?}").contains("relay999.example")
    ));
}

#[test]
fn a_lobby_stays_and_the_link_waits_until_it_is_left() {
    let mut person = Person::new();
    person.says(Command::NewCall).did();
    opens(&mut person, somebodys_link());
    assert!(matches!(person.view().screen, Screen::Lobby(ref lobby) if lobby.host));
    assert_eq!(waiting(&person).as_deref(), Some("example.org"));
    opens(&mut person, other_link("newer.example:3002"));
    assert_eq!(waiting(&person).as_deref(), Some("newer.example:3002"));
    let id = person.view().waiting_link.unwrap().id;
    person.says(Command::AcceptLink { id });
    assert!(matches!(person.view().screen, Screen::Lobby(ref lobby) if lobby.host));
    assert_eq!(person.did(), Vec::<String>::new());
    person.says(Command::Back);
    assert_eq!(person.did(), ["CloseMedia"]);
    assert_eq!(asked(&person).address, "newer.example:3002");
    accepts(&mut person);
    assert_eq!(person.did(), ["Look"]);
    // It is open now: the same link leads nowhere else.
    opens(&mut person, other_link("newer.example:3002"));
    assert_eq!(waiting(&person), None);
}

#[test]
fn a_call_goes_on_and_the_link_can_be_followed_from_its_end() {
    let mut person = Person::in_own_call();
    person.did();
    opens(&mut person, somebodys_link());
    assert_eq!(waiting(&person).as_deref(), Some("example.org"));
    let id = person.view().waiting_link.unwrap().id;
    person.says(Command::AcceptLink { id });
    assert!(matches!(person.view().screen, Screen::Call(_)));
    assert_eq!((person.did(), person.view().error), (vec![], None));

    // How the call ended is not covered up.
    person.says(Command::HangUp).did();
    assert!(matches!(person.view().screen, Screen::Ended(_)));
    assert_eq!(waiting(&person).as_deref(), Some("example.org"));
    person.says(Command::AcceptLink { id });
    assert_eq!(person.did(), ["Look"]);
    assert_eq!(waiting(&person), None);
    person.looked(Looked::Found(RoomKind::Call));
    assert_eq!(opened(&mut person), (true, true));

    let mut person = Person::in_own_call();
    opens(&mut person, somebodys_link());
    let id = person.view().waiting_link.unwrap().id;
    person.says(Command::DismissLink { id });
    assert_eq!(waiting(&person), None);
    person.says(Command::HangUp).says(Command::Back);
    assert_eq!(person.view().screen, Screen::Start);
}

#[test]
fn a_bad_link_takes_the_place_of_nothing_that_the_call_has_to_say() {
    let bad = "https://example.org/<b>";
    let code = |person: &Person| person.view().error.map(|error| error.code);
    let mut person = Person::new();
    opens(&mut person, bad);
    assert_eq!(code(&person), Some(ErrorCode::BadLink));
    assert_eq!(person.view().screen, Screen::Start);

    let mut person = Person::in_own_call();
    opens(&mut person, bad);
    assert_eq!(code(&person), Some(ErrorCode::BadLink));
    let mut person = Person::in_own_call();
    person.feed(Input::Error(relay_error()));
    opens(&mut person, bad);
    assert_eq!(code(&person), Some(ErrorCode::RelayFailed));
}

#[test]
fn a_good_link_is_asked_about_whatever_stood_in_the_banner() {
    let mut person = Person::new();
    opens(&mut person, "https://example.org/<b>");
    opens(&mut person, somebodys_link());
    asked(&person);
    accepts(&mut person);
    assert_eq!(person.view().error, None);
}

#[test]
fn an_address_is_shown_as_it_is_spoken_to() {
    for (host, address, reach, international) in [
        (
            "bücher.example",
            "xn--bcher-kva.example",
            Reach::Internet,
            true,
        ),
        ("аррӏе.com", "xn--80ak6aa92e.com", Reach::Internet, true),
        ("Example.ORG:443", "example.org", Reach::Internet, false),
        (
            "192.168.1.20:3002",
            "192.168.1.20:3002",
            Reach::ThisNetwork,
            false,
        ),
        (
            "[fd00::1]:3002",
            "[fd00::1]:3002",
            Reach::ThisNetwork,
            false,
        ),
        ("0x7f000001", "127.0.0.1", Reach::ThisComputer, false),
    ] {
        let mut person = Person::new();
        opens(&mut person, other_link(host));
        let link = asked(&person);
        assert_eq!(
            (link.address.as_str(), link.reach, link.international),
            (address, reach, international),
            "{host}"
        );
        assert!(link.address.is_ascii(), "{host}");
    }
}

#[tokio::test]
async fn links_that_come_faster_than_anybody_follows_hold_up_nothing_and_the_newest_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (app, handle) = files::app_in(folder.path());
    for n in 0..10_000 {
        handle.open_link(other_link(&format!("relay{n}.example")));
    }
    handle.open_link(format!("{}{}", somebodys_link(), " ".repeat(1024 * 1024)));
    handle.open_link(other_link("newest.example"));
    let theme = Theme::Dark;
    handle.dispatch(Command::SetTheme { theme }).unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(app.run(stop.clone()));
    let mut views = handle.views();
    let both = |view: &AppView| {
        let asks = matches!(&view.screen, Screen::LinkOpened(link) if link.address == "newest.example" && link.id == 1);
        asks && view.settings.theme == theme
    };
    let seen = views.wait_for(both);
    tokio::time::timeout(std::time::Duration::from_secs(10), seen)
        .await
        .unwrap()
        .unwrap();
    stop.cancel();
    task.await.unwrap();
}
