//! What the ends say on the data channel.

use super::*;

#[test]
fn what_each_end_sends_is_known_to_the_other() {
    let mut world = World::connected();
    world.input(
        0,
        Input::LocalState {
            muted: true,
            camera_off: false,
            screen: false,
        },
    );
    let state = DataMessage::State {
        muted: true,
        camera_off: false,
    };
    assert!(world.sides[0].has(&PeerOutput::Data(state.clone())));
    let text = serde_json::to_string(&state).unwrap();
    world.input(1, Input::Peer(id(HOST), PeerInput::Data(text)));
    assert!(world.sides[1].call.view().peers[0].muted);
}

fn shows(world: &mut World, side: usize, screen: bool) {
    world.input(
        side,
        Input::LocalState {
            muted: false,
            camera_off: false,
            screen,
        },
    );
}

fn sees(world: &World, side: usize) -> bool {
    world.sides[side].call.view().peers[0].screen
}

const fn screen(shown: bool) -> PeerOutput {
    PeerOutput::Data(DataMessage::Screen { shown })
}

#[test]
fn both_may_show_a_screen_at_once_and_nothing_is_negotiated_for_it() {
    let mut world = World::connected();
    shows(&mut world, 0, true);
    shows(&mut world, 1, true);
    for side in &world.sides {
        assert_eq!(side.peer, [(side.peer[0].0.clone(), screen(true))]);
        assert_eq!(side.signals, []);
    }
    world.talk();
    assert!(sees(&world, 0) && sees(&world, 1));
    shows(&mut world, 0, true);
    assert!(!world.sides[0].has(&screen(true)), "that is known");
    shows(&mut world, 0, false);
    world.talk();
    assert!(sees(&world, 0) && !sees(&world, 1));
}

#[test]
fn who_comes_while_a_screen_is_shown_is_told_and_a_restart_changes_nothing() {
    let mut world = World::pair();
    shows(&mut world, 0, true);
    assert_eq!(world.sides[0].count(|output| *output == screen(true)), 0);
    world.local(0, DescriptionType::Offer);
    world.deliver(0);
    world.local(1, DescriptionType::Answer);
    world.deliver(1);
    world.connect(0, 1);
    assert!(world.sides[0].has(&screen(true)));
    assert!(
        world.sides[1].has(&screen(false)),
        "it says that it knows of screens"
    );
    world.talk();
    assert!(sees(&world, 1) && !sees(&world, 0));
    world.clear();
    for (side, other) in [(0, GUEST), (1, HOST)] {
        world.input(side, Input::Peer(id(other), PeerInput::Disconnected));
        world.input(side, Input::Peer(id(other), PeerInput::Connected));
    }
    assert!(sees(&world, 1) && !world.sides[0].has(&screen(true)));
}

#[test]
fn what_a_later_version_says_of_a_screen_is_left_alone() {
    let mut world = World::connected();
    for text in [
        r#"{"type":"screen"}"#,
        r#"{"type":"screen","shown":"yes"}"#,
        r#"{"type":"screens","shown":true}"#,
    ] {
        world.input(1, Input::Peer(id(HOST), PeerInput::Data(text.into())));
        assert!(!sees(&world, 1));
    }
}

#[test]
fn a_line_of_chat_waits_for_the_data_channel() {
    let mut world = World::pair();
    world.input(
        0,
        Input::Chat {
            to: None,
            text: "hello".into(),
        },
    );
    let line = PeerOutput::Data(DataMessage::Chat {
        id: 1,
        text: "hello".into(),
    });
    assert!(!world.sides[0].has(&line));
    world.input(0, Input::Peer(id(GUEST), PeerInput::DataOpen));
    assert!(world.sides[0].has(&line));
}

fn write(world: &mut World, side: usize, text: &str) {
    let text = text.to_owned();
    world.input(side, Input::Chat { to: None, text });
}

#[test]
fn a_line_is_delivered_when_everybody_has_it() {
    let mut world = World::connected();
    write(&mut world, 0, "hello");
    let line = world.sides[0].call.view().chat[0].clone();
    assert_eq!((line.name, line.delivered), (None, false));
    world.talk();
    assert!(world.sides[0].call.view().chat[0].delivered);
    let line = world.sides[1].call.view().chat[0].clone();
    assert_eq!(
        (line.name.as_deref(), line.text.as_str(), line.delivered),
        (Some("Ada"), "hello", true)
    );
    write(&mut world, 1, "and you");
    world.talk();
    for side in [0, 1] {
        let chat = world.sides[side].call.view().chat;
        assert_eq!(chat.len(), 2);
        assert!(chat.iter().all(|line| line.delivered) && chat[0].id < chat[1].id);
    }
    assert!(world.sides[0].events.iter().any(
        |event| matches!(event, Event::Chat { peer, text } if *peer == id(GUEST) && text == "and you")
    ));
}

#[test]
fn a_line_that_nobody_confirms_is_not_delivered() {
    let mut world = World::connected();
    write(&mut world, 0, "hello");
    // Not its line, and not somebody who was there.
    let other = serde_json::to_string(&DataMessage::ChatReceived { id: 7 }).unwrap();
    world.input(0, Input::Peer(id(GUEST), PeerInput::Data(other)));
    assert!(!world.sides[0].call.view().chat[0].delivered);
    world.sides[1].member = None;
    world.roster();
    world.input(0, Input::Peer(id(GUEST), PeerInput::Disconnected));
    assert!(
        !world.sides[0].call.view().chat[0].delivered,
        "it left before"
    );
    write(&mut world, 0, "anybody?");
    assert!(!world.sides[0].call.view().chat[1].delivered);
}

#[test]
fn a_line_that_is_too_long_is_refused_with_a_sentence() {
    let mut world = World::connected();
    write(&mut world, 0, &"x".repeat(16 * 1024 + 1));
    assert_eq!(world.sides[0].error(), Some(ErrorCode::TooLarge));
    assert!(world.sides[0].call.view().chat.is_empty() && world.sides[0].peer.is_empty());
    write(&mut world, 0, &"x".repeat(16 * 1024));
    assert_eq!(world.sides[0].call.view().chat.len(), 1);
}

#[test]
fn a_line_of_a_mebibyte_is_neither_sent_nor_taken() {
    for length in [16 * 1024 + 1, 1024 * 1024] {
        let mut world = World::connected();
        let text = "x".repeat(length);
        write(&mut world, 0, &text);
        assert_eq!(world.sides[0].error(), Some(ErrorCode::TooLarge));
        let long = serde_json::to_string(&DataMessage::Chat { id: 1, text }).unwrap();
        for rubbish in [long, "x".repeat(length), "[".repeat(length)] {
            world.input(1, Input::Peer(id(HOST), PeerInput::Data(rubbish)));
        }
        write(&mut world, 0, "hello");
        world.talk();
        for side in [0, 1] {
            assert_eq!(world.ended(side), None);
            let chat = world.sides[side].call.view().chat;
            assert_eq!((chat.len(), chat[0].text.as_str()), (1, "hello"));
        }
    }
}

#[test]
fn old_lines_make_room_for_new_ones() {
    let mut world = World::connected();
    for (count, text, kept) in [
        (600, "short".to_owned(), 500),
        (40, "x".repeat(16 * 1024), 32),
    ] {
        for _ in 0..count {
            write(&mut world, 0, &text);
            world.talk();
            world.pass(Duration::from_millis(500));
        }
        for side in [0, 1] {
            let chat = world.sides[side].call.view().chat;
            assert_eq!(chat.len(), kept);
            assert!(chat.is_sorted_by_key(|line| line.id));
            assert!(chat.last().is_some_and(|line| line.delivered));
        }
    }
}

#[test]
fn who_writes_faster_than_anybody_types_is_not_heard_and_sees_that_it_did_not_arrive() {
    let mut world = World::connected();
    let flood = |world: &mut World, lines: usize| {
        for n in 0..lines {
            write(world, 1, &n.to_string());
            world.talk();
        }
    };
    flood(&mut world, 100);
    let [heard, wrote] = [0, 1].map(|side: usize| world.sides[side].call.view());
    assert_eq!((heard.chat.len(), heard.chat_cut), (20, true));
    let arrived = |line: &&ahoy_contract::ui::ChatLine| line.delivered;
    assert_eq!(wrote.chat.iter().filter(arrived).count(), 20);
    assert!(wrote.chat[..20].iter().all(|line| line.delivered) && !wrote.chat_cut);
    // The events of it are no more than the lines.
    let told = |event: &&Event| matches!(event, Event::Chat { .. });
    assert_eq!(world.sides[0].events.iter().filter(told).count(), 20);
    // The other one may write as before, and so may this one after a while.
    write(&mut world, 0, "hello");
    world.talk();
    assert_eq!(world.sides[1].call.view().chat.len(), 101);
    world.pass(Duration::from_secs(2));
    flood(&mut world, 100);
    assert_eq!(world.sides[0].call.view().chat.len(), 20 + 1 + 4);
    assert_eq!((world.ended(0), world.ended(1)), (None, None));
}

#[test]
fn a_thousand_lines_at_once_make_one_more_view_and_not_a_thousand() {
    let mut world = World::connected();
    let mut views = 0;
    for id in 1..=1_000 {
        let text = "x".to_owned();
        let line = serde_json::to_string(&DataMessage::Chat { id, text }).unwrap();
        let now = world.now;
        let call = &mut world.sides[0].call;
        call.handle(now, Input::Peer(super::id(GUEST), PeerInput::Data(line)));
        views += std::iter::from_fn(|| call.poll())
            .filter(|output| *output == Output::View)
            .count();
    }
    assert_eq!(views, 21);
}
