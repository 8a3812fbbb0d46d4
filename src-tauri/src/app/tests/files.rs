//! What is kept from one run to the next.

use std::{fs, sync::Arc};

use super::*;
use crate::{
    app::{App, AppConfig, AppHandle, Desktop},
    environment::Environment,
    kept::{Kept, KeptFile},
};

#[test]
fn what_is_set_is_kept_once() {
    let mut person = Person::new();
    person.says(Command::SetTheme { theme: Theme::Dark });
    person.says(Command::SetTheme { theme: Theme::Dark });
    assert_eq!(person.did(), ["Save"]);
    assert_eq!(person.view().settings.theme, Theme::Dark);
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

/// A desktop that is not needed.
pub(super) struct Bare;

impl Desktop for Bare {
    fn copy(&self, _text: &str) -> Result<(), String> {
        Err("there is none".into())
    }

    fn notify(&self, _text: &str) {}
}

/// An Ahoy that keeps its files here, and does not run yet.
pub(super) fn app_in(folder: &std::path::Path) -> (App, AppHandle) {
    let environment = Environment {
        config_folder: folder.to_owned(),
        data_folder: folder.to_owned(),
        video: None,
        audio: None,
        speaker: None,
        relay: None,
    };
    let config = AppConfig {
        environment,
        settings: KeptFile::new(folder),
        recents: KeptFile::new(folder),
        relay_folder: folder.to_owned(),
    };
    App::new(config, Arc::new(Bare))
}

/// What the window shows at its start.
fn started_in(folder: &std::path::Path) -> AppView {
    let (_app, handle) = app_in(folder);
    handle.views().borrow().clone()
}

#[test]
fn a_file_of_rubbish_or_of_another_version_is_told_of_and_nothing_is_lost() {
    let files = [
        (
            (Settings::FILE, Settings::SET_ASIDE),
            [ErrorCode::SettingsUnreadable, ErrorCode::SettingsVersion],
        ),
        (
            (Recents::FILE, Recents::SET_ASIDE),
            [ErrorCode::RecentsUnreadable, ErrorCode::RecentsVersion],
        ),
    ];
    for ((file, aside), [unreadable, version]) in files {
        for (text, code, told) in [
            ("rubbish", unreadable, "could not be read"),
            ("", unreadable, "could not be read"),
            (
                r#"{"version":1,"name":7,"calls":7}"#,
                unreadable,
                "could not be read",
            ),
            (
                r#"{"version":2,"name":"<b>Ada"}"#,
                version,
                "another version",
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(file), text).unwrap();
            let view = started_in(folder.path());
            let error = view.error.expect("an error");
            assert_eq!(error.code, code);
            assert!(
                error.message.starts_with(file) && error.message.contains(told),
                "{error}"
            );
            assert!(error.hint.contains(aside), "{error}");
            assert_eq!(
                (view.screen, view.settings.name.as_str()),
                (Screen::Start, "")
            );
            assert_eq!(fs::read_to_string(folder.path().join(aside)).unwrap(), text);
            // It is told once.
            assert_eq!(started_in(folder.path()).error, None);
        }
    }
}

fn room_of(view: &CallView) -> ahoy_contract::RoomId {
    let link: Link = view.link.as_deref().unwrap().parse().unwrap();
    link.room
}
