//! The relay: the built-in one or a server, and the address that the link carries.

use super::*;

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
    // What is no address of this machine is none for its link.
    person.says(Command::SelectLinkAddress {
        address: "evil.example".into(),
    });
    assert_eq!(chosen(&person), "10.0.0.7");
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
