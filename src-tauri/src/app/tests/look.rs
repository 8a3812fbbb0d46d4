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

fn is_busy(person: &Person) -> bool {
    matches!(person.view().screen, Screen::Lobby(ref lobby) if lobby.busy)
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
fn an_old_relay_that_does_not_know_the_question_has_it_taken_for_a_call() {
    let mut person = follows();
    person.looked(Looked::Unknown);
    assert_eq!(kind(&person), Some(RoomKind::Call));
    assert_eq!(person.did(), ["Look", "OpenMedia"]);
}

#[test]
fn where_there_is_no_such_room_that_is_said_at_once_and_can_be_tried_again() {
    let mut person = follows();
    person.looked(Looked::Refused(ErrorCode::NotFound));
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
fn a_relay_that_is_away_or_busy_has_nothing_opened_and_is_asked_once_more_when_the_user_says_so() {
    for code in [
        ErrorCode::RelayUnreachable,
        ErrorCode::Busy,
        ErrorCode::RateLimited,
    ] {
        let mut person = follows();
        assert!(is_busy(&person));
        person.says(Command::CallAgain);
        assert_eq!(person.did(), ["Look"], "it is being asked");
        person.looked(Looked::Refused(code));
        assert_eq!(kind(&person), None);
        assert!(!is_busy(&person));
        assert_eq!(person.view().error.map(|error| error.code), Some(code));
        person.enters();
        assert_eq!(person.did(), Vec::<String>::new());
        person.says(Command::CallAgain);
        assert!(is_busy(&person));
        assert_eq!(person.view().error, None);
        person.looked(Looked::Found(RoomKind::Broadcast));
        assert_eq!(kind(&person), Some(RoomKind::Broadcast));
        assert_eq!(person.did(), ["Look"]);
    }
    // Where trying again leads nowhere, that is said as at any end.
    let mut person = follows();
    person.looked(Looked::Refused(ErrorCode::RelayNotTrusted));
    assert!(matches!(person.view().screen, Screen::Ended(ref ended) if !ended.can_call_again));
}

#[test]
fn what_was_taken_for_a_call_and_is_a_broadcast_closes_camera_and_microphone() {
    let mut person = follows();
    person.looked(Looked::Unknown).enters();
    person.feed(changed(None, &[], None)).did();
    let mut broadcast = || {
        let Input::Call { mut view, ended } = changed(Some(somebodys_link()), &["Ada"], None)
        else {
            unreachable!()
        };
        view.kind = RoomKind::Broadcast;
        person.feed(Input::Call { view, ended });
        std::mem::take(&mut person.done)
    };
    assert!(matches!(
        broadcast()[..],
        [Action::Media(MediaAction::OnlyWatch)]
    ));
    assert!(broadcast().is_empty(), "once is enough");
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
            Action::StartCall(StartCall::Room(call))
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
fn of_a_broadcast_that_is_over_it_is_said_that_it_was_one() {
    let ended = |person: &Person| match person.view().screen {
        Screen::Ended(ended) => ended.kind,
        other => panic!("{other:?}"),
    };
    let mut person = follows();
    person.looked(Looked::Found(RoomKind::Broadcast)).enters();
    let Input::Call { mut view, .. } = changed(Some(somebodys_link()), &["Ada"], None) else {
        unreachable!()
    };
    view.kind = RoomKind::Broadcast;
    let ended_call = Some(EndReason::ByThem);
    person.feed(Input::Call {
        view,
        ended: ended_call,
    });
    let gone = Looked::Refused(ErrorCode::NotFound);
    person.says(Command::CallAgain).looked(gone);
    assert_eq!(ended(&person), RoomKind::Broadcast);
    person.says(Command::CallAgain).looked(gone);
    assert_eq!(ended(&person), RoomKind::Broadcast);
    person.says(Command::Back).says(Command::OpenLink {
        link: somebodys_link(),
    });
    person.looked(gone);
    assert_eq!(ended(&person), RoomKind::Broadcast, "it is a recent one");
}

#[test]
fn the_lobby_of_somebodys_broadcast_is_left_with_nothing_to_close() {
    let mut person = follows();
    person.looked(Looked::Found(RoomKind::Broadcast)).did();
    person.says(Command::Back);
    assert_eq!(person.did(), Vec::<String>::new());
    assert_eq!(person.view().screen, Screen::Start);
}
