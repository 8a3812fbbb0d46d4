//! What a link leads to: the relay is asked before anything of the user's is opened.

use super::*;

fn follows() -> Person {
    let mut person = Person::new();
    person.says(Command::OpenLink {
        link: somebodys_link(),
    });
    person
}

fn kind(person: &Person) -> Option<RoomKind> {
    match person.view().screen {
        Screen::Lobby(lobby) => lobby.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_opened_and_nobody_goes_in_before_it_is_known() {
    let mut person = follows();
    assert_eq!(person.did(), ["Look"]);
    assert_eq!(kind(&person), None);
    person.enters();
    assert_eq!(person.did(), Vec::<String>::new());
    person.looked(Looked::Found(RoomKind::Call));
    assert_eq!(kind(&person), Some(RoomKind::Call));
    assert_eq!(person.did(), ["OpenMedia"]);
}

#[test]
fn a_relay_that_does_not_say_has_it_taken_for_a_call() {
    let mut person = follows();
    person.looked(Looked::Unknown);
    assert_eq!(kind(&person), Some(RoomKind::Call));
    assert_eq!(person.did(), ["Look", "OpenMedia"]);
}

#[test]
fn where_there_is_no_such_room_that_is_said_at_once_and_can_be_tried_again() {
    let mut person = follows();
    person.looked(Looked::NotFound);
    let Screen::Ended(ended) = person.view().screen else {
        panic!("not ended")
    };
    let code = ErrorCode::NotFound;
    assert_eq!(ended.reason, EndReason::Refused { code });
    assert!(ended.can_call_again);
    assert_eq!(person.did(), ["Look"]);
    assert!(person.view().recents.is_empty());
    person.says(Command::CallAgain);
    assert_eq!(person.did(), ["Look"]);
}

#[test]
fn an_answer_about_another_room_or_a_late_one_counts_for_nothing() {
    let mut person = follows();
    let room = "b".repeat(26).parse().unwrap();
    let looked = Looked::Found(RoomKind::Call);
    person.feed(Input::Looked { room, looked });
    assert_eq!(kind(&person), None);
    person.says(Command::Back);
    assert_eq!(person.did(), ["Look", "StopLooking"]);
    person.looked(Looked::Found(RoomKind::Call));
    assert_eq!(person.view().screen, Screen::Start);
    assert_eq!(person.did(), Vec::<String>::new());
    // A second answer does not make a broadcast of a call.
    let mut person = follows();
    person
        .looked(Looked::Found(RoomKind::Call))
        .looked(Looked::Found(RoomKind::Broadcast));
    assert_eq!(kind(&person), Some(RoomKind::Call));
}

#[test]
fn who_watches_has_neither_camera_nor_microphone_open() {
    let mut person = follows();
    person.looked(Looked::Found(RoomKind::Broadcast));
    assert_eq!(kind(&person), Some(RoomKind::Broadcast));
    assert_eq!(person.did(), ["Look"]);
    person.enters();
    assert!(matches!(
        &person.done[..],
        [
            Action::Save(_),
            Action::OpenMedia(Capture::Nothing),
            Action::StartCall(call)
        ] if call.kind == RoomKind::Broadcast && call.key.is_none()
    ));
    assert_eq!(person.call_view().kind, RoomKind::Broadcast);
    person.feed(changed(
        Some(somebodys_link()),
        &["Ada"],
        Some(EndReason::ByThem),
    ));
    let Screen::Ended(ended) = person.view().screen else {
        panic!("not ended")
    };
    assert_eq!(ended.name.as_deref(), Some("Ada"));
    assert!(!ended.host);
}

#[test]
fn the_lobby_of_somebodys_broadcast_is_left_with_nothing_to_close() {
    let mut person = follows();
    person.looked(Looked::Found(RoomKind::Broadcast)).did();
    person.says(Command::Back);
    assert_eq!(person.did(), Vec::<String>::new());
    assert_eq!(person.view().screen, Screen::Start);
}
