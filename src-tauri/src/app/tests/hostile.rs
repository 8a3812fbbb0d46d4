//! A page that is not what it should be: whatever it says, nothing grows without end, and nothing leaves but what the
//! user's own commands could have caused.

use super::*;

/// Every command with as much text as there is room for.
fn commands(text: &str) -> Vec<Command> {
    let t = || text.to_owned();
    let targeted = |name: String, target| RelayShape::Targeted { name, target };
    let relay = |url: String, shape| Command::JoinRelay(RelayCall { url, shape });
    vec![
        Command::OpenLink { link: t() },
        Command::OpenLink {
            link: format!(
                "https://{text}/r/{}#AAECAwQFBgcICQoLDA0ODw",
                somebodys_room()
            ),
        },
        Command::AcceptLink { id: u32::MAX },
        Command::DismissLink { id: u32::MAX },
        relay(t(), RelayShape::Both),
        relay(format!("ws://{text}/"), RelayShape::Both),
        relay(format!("ws://127.0.0.1/{text}"), RelayShape::Both),
        relay("ws://127.0.0.1/".into(), targeted(t(), None)),
        relay("ws://127.0.0.1/".into(), targeted("a".into(), Some(t()))),
        Command::Enter { name: t() },
        Command::SelectCamera { id: Some(t()) },
        Command::SelectMicrophone { id: Some(t()) },
        Command::SelectSpeaker { id: Some(t()) },
        Command::SelectSource { id: t() },
        Command::SetShareRate { fps: u32::MAX },
        Command::SelectLinkAddress { address: t() },
        Command::SetRelay {
            relay: RelayChoice::Server { url: t() },
        },
        Command::SetRelay {
            relay: RelayChoice::Server {
                url: format!("https://{text}"),
            },
        },
        Command::SendChat { text: t() },
        Command::CallRecent { id: t() },
        Command::SetLanguage {
            language: Language::English,
        },
        Command::CopyLink,
    ]
}

/// More than what is kept or shown of all that a person may enter.
const SMALL: usize = 32 * 1024;

/// Gives every command to somebody who is here, and looks how large what comes of it is.
fn try_all(mut begin: impl FnMut() -> Person, text: &str) {
    for command in commands(text) {
        let mut person = begin();
        person.done.clear();
        let name = format!("{command:?}");
        person.says(command);
        person.enters();
        let view = serde_json::to_string(&person.view()).unwrap();
        assert!(view.len() < SMALL, "{name:.60}: a view of {}", view.len());
        let settings = serde_json::to_string(person.state.settings()).unwrap();
        assert!(
            settings.len() < SMALL,
            "{name:.60}: settings of {}",
            settings.len()
        );
        for action in &person.done {
            let action = format!("{action:?}");
            assert!(action.len() < SMALL, "{name:.60}: {action:.60}");
        }
    }
}

#[test]
fn no_text_of_the_page_is_kept_shown_or_sent_at_any_length() {
    for text in [
        "x".repeat(1024 * 1024),
        "a.".repeat(512 * 1024),
        "\u{202e}".repeat(100_000),
    ] {
        try_all(Person::new, &text);
        try_all(Person::in_own_call, &text);
        try_all(
            || {
                let mut person = Person::new();
                person.says(Command::NewBroadcast);
                person
            },
            &text,
        );
    }
}

#[test]
fn the_page_cannot_answer_for_the_user_where_no_link_was_opened() {
    for begin in [Person::new, Person::in_own_call] {
        for id in [0, 1, 2, u32::MAX] {
            let mut person = begin();
            person.done.clear();
            person
                .says(Command::AcceptLink { id })
                .says(Command::DismissLink { id });
            assert_eq!(person.did(), Vec::<String>::new());
        }
    }
}
