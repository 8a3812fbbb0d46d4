//! What the user does in a call.

use super::*;

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
