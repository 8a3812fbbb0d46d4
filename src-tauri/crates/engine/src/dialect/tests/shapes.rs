//! Two ends, or three, in each shape.

use super::*;

/// Two ends that come one after the other, the second after the first has done what it does by itself.
fn pair(form: Form, first: Part, second: Part) -> World {
    let mut world = World::new();
    world.join(plan(form, first));
    let other = Plan::new(form, second, "bob", targets(form, second)).unwrap();
    world.join(other);
    world
}

fn targets(form: Form, part: Part) -> Option<&'static str> {
    (form == Form::Targeted && matches!(part, Part::Caller | Part::Send)).then_some("ada")
}

fn page_offer(fragment: &str) -> Value {
    json!({"type": "offer", "sdp": sdp(fragment)})
}

fn left(world: &World, end: usize) -> usize {
    let left = |event: &&Event| matches!(event, Event::PeerLeft { .. });
    world.ends[end].events.iter().filter(left).count()
}

#[test]
fn a_sender_offers_at_once_and_only_it_tells_candidates() {
    for strict in [false, true] {
        let mut world = World::new();
        world.strict = strict;
        let receiver = world.join(plan(Form::Broadcast, Part::Receive));
        assert!(world.ends[receiver].said.is_empty(), "it waits");
        let sender = world.join(plan(Form::Broadcast, Part::Send));
        assert_eq!(world.ends[sender].types(), ["offer", "ice"]);
        assert_eq!(world.ends[receiver].types(), ["answer"]);
        assert_eq!(world.ends[sender].up(Media::Send), 1);
        assert_eq!(world.ends[receiver].up(Media::Receive), 1);
        let connection = world.ends[receiver].connections.values().next().unwrap();
        assert_eq!(connection.candidates.len(), 1);
        assert_eq!(connection.terms.unwrap().channel, None);
        let ice: Value = serde_json::from_str(&world.ends[sender].said[1]).unwrap();
        let ice: Value = serde_json::from_str(ice["ice"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&ice["sdpMid"], &ice["sdpMLineIndex"]),
            (&json!("a"), &json!(0))
        );
    }
}

#[test]
fn a_candidate_before_its_description_is_kept() {
    let mut world = World::new();
    let receiver = world.join(plan(Form::Broadcast, Part::Receive));
    for fragment in ["early", "other"] {
        let ice = serde_json::to_string(&candidate(fragment)).unwrap();
        world.page(receiver, &json!({"type": "ice", "ice": ice}));
    }
    for _ in 0..1000 {
        world.page(
            receiver,
            &json!({"type": "ice", "ice": r#"{"candidate":"candidate:2"}"#}),
        );
    }
    let ice = serde_json::to_string(&candidate("early")).unwrap();
    world.page(receiver, &json!({"type": "ice", "ice": ice}));
    let offer = page_offer("early");
    world.page(receiver, &offer);
    let candidates = &world.ends[receiver]
        .connections
        .values()
        .next()
        .unwrap()
        .candidates;
    assert!(candidates.len() <= 64, "{}", candidates.len());
    assert!(candidates.contains(&candidate("early").candidate));
    assert!(!candidates.contains(&candidate("other").candidate));
}

#[test]
fn an_answer_that_nobody_asked_for_and_a_second_one_are_for_nothing() {
    let mut world = World::new();
    let receiver = world.join(plan(Form::Broadcast, Part::Receive));
    let answer = json!({"type": "answer", "sdp": sdp("page")});
    world.page(receiver, &answer);
    assert!(world.ends[receiver].connections.is_empty());
    let sender = world.join(plan(Form::Broadcast, Part::Send));
    world.page(sender, &answer);
    let connection = world.ends[sender].connections.values().next().unwrap();
    assert_ne!(
        connection.remote.as_deref(),
        Some("page"),
        "the first one stands"
    );
    assert_eq!(world.ends[sender].up(Media::Send), 1);
}

#[test]
fn an_offer_while_in_a_call_is_refused_until_the_call_proves_dead() {
    let mut world = World::new();
    let receiver = world.join(plan(Form::Broadcast, Part::Receive));
    let sender = world.join(plan(Form::Broadcast, Part::Send));
    let offer = page_offer("page");
    world.page(receiver, &offer);
    assert_eq!(world.ends[receiver].up(Media::Receive), 1);
    assert_eq!(world.ends[receiver].count("answer"), 1, "refused");
    // The page before was loaded again, and offers at once; that the old one is dead shows later.
    world.wait(Duration::from_secs(1));
    world.vanish(sender);
    assert_eq!(world.ends[receiver].count("answer"), 2);
    let connection = world.ends[receiver].connections.values().next().unwrap();
    assert_eq!(connection.remote.as_deref(), Some("page"));
}

#[test]
fn of_two_offers_at_once_the_first_is_answered_and_the_second_waits() {
    let mut world = World::new();
    let receiver = world.join(plan(Form::Broadcast, Part::Receive));
    for page in ["one", "two"] {
        let offer = page_offer(page);
        world.page(receiver, &offer);
    }
    assert_eq!(world.ends[receiver].count("answer"), 1);
    world.wait(Duration::from_secs(6));
    assert_eq!(
        world.ends[receiver].count("answer"),
        2,
        "the first never came up"
    );
}

#[test]
fn a_receiver_waits_for_the_next_sender() {
    let mut world = World::new();
    let receiver = world.join(plan(Form::Broadcast, Part::Receive));
    for round in 1..=3 {
        let sender = world.join(plan(Form::Broadcast, Part::Send));
        assert_eq!(world.ends[receiver].up(Media::Receive), 1);
        world.vanish(sender);
        world.wait(Duration::from_secs(30));
        assert_eq!(left(&world, receiver), round);
        assert!(world.ends[receiver].connections.is_empty());
    }
    assert!(!world.ends[receiver].has_error());
    assert_eq!(world.ends[receiver].call.ended(), None);
}

#[test]
fn both_call_at_the_same_time_on_two_connections() {
    for parts in [[Part::Caller, Part::Caller], [Part::Callee, Part::Caller]] {
        let mut world = pair(Form::Broadcast, parts[0], parts[1]);
        world.wait(Duration::from_secs(5));
        for end in 0..2 {
            assert_eq!(world.ends[end].up(Media::Send), 1, "{parts:?}");
            assert_eq!(world.ends[end].up(Media::Receive), 1, "{parts:?}");
            // What it tells belongs to the other's receiving connection.
            assert_eq!(world.ends[end].count("ice"), world.ends[end].count("offer"));
        }
        let before: Vec<usize> = world.ends.iter().map(|end| end.said.len()).collect();
        world.wait(Duration::from_secs(60));
        let after: Vec<usize> = world.ends.iter().map(|end| end.said.len()).collect();
        assert_eq!(before, after, "{parts:?}: they go on offering");
    }
}

#[test]
fn both_sockets_open_before_either_speaks() {
    let mut world = World::new();
    let ends = [
        world.add(plan(Form::Broadcast, Part::Caller)),
        world.add(plan(Form::Broadcast, Part::Caller)),
    ];
    for end in ends {
        world.input(end, Input::SocketOpen);
    }
    world.settle();
    world.wait(Duration::from_secs(5));
    for end in ends {
        assert_eq!(
            (
                world.ends[end].up(Media::Send),
                world.ends[end].up(Media::Receive)
            ),
            (1, 1)
        );
        assert_eq!(world.ends[end].count("offer"), 1, "no offer was lost");
    }
}

#[test]
fn a_newcomer_is_offered_to_again() {
    let mut world = World::new();
    let caller = world.join(plan(Form::Broadcast, Part::Caller));
    assert_eq!(world.ends[caller].types(), ["offer", "ice"], "at once");
    // A page that calls.
    let offer = page_offer("page");
    world.page(caller, &offer);
    assert_eq!(world.ends[caller].types(), ["offer", "ice", "answer"]);
    world.wait(Duration::from_secs(2));
    assert_eq!(
        world.ends[caller].types(),
        ["offer", "ice", "answer", "offer", "ice"]
    );
    world.wait(Duration::from_secs(20));
    assert_eq!(
        world.ends[caller].count("offer"),
        2,
        "once for each newcomer"
    );
}

#[test]
fn a_callee_offers_after_it_has_answered() {
    let mut world = World::new();
    let callee = world.join(plan(Form::Broadcast, Part::Callee));
    assert!(world.ends[callee].said.is_empty());
    let offer = page_offer("page");
    world.page(callee, &offer);
    assert_eq!(world.ends[callee].types(), ["answer", "offer", "ice"]);
}

#[test]
fn a_lost_sending_connection_is_offered_again_while_the_other_end_is_there() {
    let mut world = pair(Form::Broadcast, Part::Caller, Part::Caller);
    world.wait(Duration::from_secs(5));
    let sending = world.ends[0]
        .call
        .core
        .links
        .iter()
        .find(|(_, link)| link.offers);
    let sending = sending.unwrap().0.clone();
    world.input(0, Input::Peer(sending, PeerInput::Failed));
    // The other end's receiving connection is silent.
    let receiving = world.ends[1]
        .call
        .core
        .links
        .iter()
        .find(|(_, link)| !link.offers);
    let receiving = receiving.unwrap().0.clone();
    world.input(1, Input::Peer(receiving, PeerInput::Disconnected));
    world.settle();
    world.wait(Duration::from_secs(30));
    for end in 0..2 {
        assert_eq!(
            (
                world.ends[end].up(Media::Send),
                world.ends[end].up(Media::Receive)
            ),
            (1, 1)
        );
    }
}

#[test]
fn who_is_ready_already_makes_the_call() {
    for parts in [
        [Part::Caller, Part::Caller],
        [Part::Callee, Part::Caller],
        [Part::Caller, Part::Callee],
        [Part::Send, Part::Receive],
    ] {
        let mut world = pair(Form::Ready, parts[0], parts[1]);
        world.wait(Duration::from_secs(5));
        for end in 0..2 {
            assert!(
                world.ends[end].connections.values().any(|it| it.up),
                "{parts:?}"
            );
            assert_eq!(world.ends[end].types()[0], "ready");
        }
        let offers = [0, 1].map(|end| world.ends[end].count("offer"));
        assert_eq!(offers.iter().sum::<usize>(), 1, "{parts:?}: {offers:?}");
        for end in 0..2 {
            if parts[end] == Part::Callee {
                assert_eq!(offers[end], 0, "it only answers");
            }
        }
        // Candidates go both ways, and their end.
        for end in 0..2 {
            assert_eq!(world.ends[end].count("candidate"), 2);
            let connection = world.ends[end].connections.values().next().unwrap();
            assert_eq!(connection.candidates.len(), 1);
        }
    }
}

#[test]
fn two_that_never_call_do_not_go_on_for_ever() {
    let mut world = pair(Form::Ready, Part::Callee, Part::Callee);
    world.wait(Duration::from_secs(60));
    for end in 0..2 {
        assert!(
            world.ends[end].count("ready") <= 3,
            "{:?}",
            world.ends[end].types()
        );
    }
}

#[test]
fn ready_at_the_same_moment_ends_in_one_connection() {
    let mut world = World::new();
    let ends = [
        world.add(plan(Form::Ready, Part::Caller)),
        world.add(plan(Form::Ready, Part::Caller)),
    ];
    for end in ends {
        world.input(end, Input::SocketOpen);
    }
    world.settle();
    world.wait(Duration::from_secs(5));
    for end in ends {
        assert_eq!(world.ends[end].up(Media::Both), 1);
        assert_eq!(world.ends[end].connections.len(), 1);
    }
}

#[test]
fn an_offer_that_crosses_the_own_one_is_answered_if_its_page_never_yields() {
    for page in ["a-page", "zz-page"] {
        let mut world = World::new();
        let end = world.join(plan(Form::Ready, Part::Caller));
        world.page(end, &json!({"type": "ready"}));
        assert_eq!(world.ends[end].count("offer"), 1);
        let offer = page_offer(page);
        world.page(end, &offer);
        world.wait(Duration::from_secs(3));
        assert_eq!(world.ends[end].count("answer"), 1, "{page}");
        let connection = world.ends[end].connections.values().next().unwrap();
        assert_eq!(connection.remote.as_deref(), Some(page));
    }
}

#[test]
fn candidates_are_written_as_the_page_writes() {
    let mut world = World::new();
    let end = world.join(plan(Form::Ready, Part::Caller));
    world.page(end, &json!({"type": "ready"}));
    assert_eq!(
        world.ends[end].types(),
        ["ready", "offer"],
        "how the page writes is not known yet"
    );
    let answer = json!({"type": "answer", "answer": {"type": "answer", "sdp": sdp("page")}});
    world.page(end, &answer);
    let last: Value = serde_json::from_str(&world.ends[end].said[2]).unwrap();
    assert_eq!(last["candidate"]["sdpMLineIndex"], 0, "{last}");
}

#[test]
fn a_bye_ends_the_call_and_hanging_up_says_it() {
    let mut world = pair(Form::Ready, Part::Caller, Part::Caller);
    world.input(0, Input::HangUp);
    world.settle();
    assert_eq!(world.ends[0].types().last().unwrap(), "bye");
    assert_eq!(world.ends[0].call.ended(), Some(EndReason::ByMe));
    assert_eq!(world.ends[1].call.ended(), Some(EndReason::ByThem));
    assert!(world.ends.iter().all(|end| end.connections.is_empty()));
    assert!(world.ends.iter().all(|end| end.call.deadline().is_none()));
    // One that is in no call does not care.
    let mut world = World::new();
    let end = world.join(plan(Form::Ready, Part::Caller));
    world.page(end, &json!({"type": "bye"}));
    assert_eq!(world.ends[end].call.ended(), None);
}

#[test]
fn a_third_is_refused_without_a_word() {
    let mut world = pair(Form::Ready, Part::Caller, Part::Caller);
    let before: Vec<usize> = world.ends.iter().map(|end| end.said.len()).collect();
    for end in 0..2 {
        world.page(end, &json!({"type": "ready"}));
        let offer = page_offer("third");
        world.page(end, &offer);
        let foreign = candidate("third").candidate;
        world.page(
            end,
            &json!({"type": "candidate", "candidate": foreign, "sdpMid": "0", "sdpMLineIndex": 0}),
        );
        let connection = world.ends[end].connections.values().next().unwrap();
        assert!(connection.up && !connection.candidates.contains(&foreign));
    }
    world.wait(Duration::from_secs(60));
    let after: Vec<usize> = world.ends.iter().map(|end| end.said.len()).collect();
    assert_eq!(before, after);
}

#[test]
fn a_page_that_was_loaded_again_is_soon_called_again() {
    let mut world = pair(Form::Ready, Part::Caller, Part::Caller);
    world.page(0, &json!({"type": "ready"}));
    assert_eq!(world.ends[0].up(Media::Both), 1, "in a call");
    world.wait(Duration::from_secs(5));
    world.vanish(1);
    world.wait(Duration::from_secs(3));
    assert_eq!(world.ends[0].types().last().unwrap(), "ready");
    assert!(world.ends[0].connections.is_empty());
}

#[test]
fn rubbish_of_a_stranger_is_no_error_of_the_call() {
    let mut world = World::new();
    let end = world.join(plan(Form::Broadcast, Part::Receive));
    world.ends[end].slow = true;
    for page in ["one", "two", "three"] {
        let offer = page_offer(page);
        world.page(end, &offer);
        let peer = world.ends[end].connections.keys().next().unwrap().clone();
        world.input(end, Input::Peer(peer, PeerInput::StepFailed("no".into())));
        assert!(world.ends[end].connections.is_empty());
    }
    assert!(!world.ends[end].has_error());
    assert_eq!(left(&world, end), 3);
}

#[test]
fn over_socket_io_the_own_description_comes_back_and_is_left_out() {
    for parts in [[Part::Callee, Part::Caller], [Part::Receive, Part::Send]] {
        let world = pair(Form::SocketIo, parts[0], parts[1]);
        assert_eq!(world.ends[1].types(), ["send-offer"]);
        assert_eq!(world.ends[0].types(), ["send-answer"]);
        for end in 0..2 {
            assert_eq!(world.ends[end].opened, 1);
            let connection = world.ends[end].connections.values().next().unwrap();
            assert!(connection.up);
            let terms = connection.terms.unwrap();
            assert_eq!((terms.channel, terms.trickle), (Some("channel"), false));
        }
    }
}

#[test]
fn a_description_that_is_sent_again_brings_its_candidates_only() {
    let mut world = World::new();
    let end = world.join(plan(Form::SocketIo, Part::Callee));
    let again = format!(
        "{}a=candidate:7 1 udp 1 192.0.2.1 5000 typ host\r\n",
        sdp("page")
    );
    for sdp in [sdp("page"), again] {
        world.page(
            end,
            &json!(["receive-offer", {"type": "offer", "sdp": sdp}]),
        );
    }
    assert_eq!(world.ends[end].types(), ["send-answer"]);
    let connection = world.ends[end].connections.values().next().unwrap();
    assert_eq!(
        connection.candidates,
        ["candidate:7 1 udp 1 192.0.2.1 5000 typ host"]
    );
}

#[test]
fn lines_of_chat_wait_for_the_channel_and_come_as_plain_text() {
    let mut world = pair(Form::SocketIo, Part::Callee, Part::Caller);
    let peer = world.ends[1].connections.keys().next().unwrap().clone();
    let chat = |text: &str| Input::Chat {
        to: None,
        text: text.into(),
    };
    let now = world.now;
    let call = &mut world.ends[1].call;
    call.handle(now, chat("one"));
    call.handle(now, Input::Peer(peer.clone(), PeerInput::DataOpen));
    call.handle(now, chat("two"));
    call.handle(
        now,
        Input::Peer(peer.clone(), PeerInput::Data("{\"type\":\"bye\"}".into())),
    );
    call.handle(
        now,
        Input::Peer(peer.clone(), PeerInput::Data("x".repeat(60_000))),
    );
    let mut lines = Vec::new();
    let mut heard = Vec::new();
    while let Some(output) = call.poll() {
        match output {
            Output::Peer(_, PeerOutput::Text(line)) => lines.push(line),
            Output::Event(Event::Chat { text, .. }) => heard.push(text),
            _ => {}
        }
    }
    assert_eq!(lines, ["one", "two"]);
    assert_eq!(heard, ["{\"type\":\"bye\"}"], "text is text");
    assert_eq!(call.view().chat.len(), 3);
    world.input(1, Input::Peer(peer, PeerInput::DataClosed));
    assert_eq!(left(&world, 1), 1, "the page is closed");
}

#[test]
fn a_targeted_offer_is_answered_by_its_target_only() {
    let mut world = World::new();
    let named = |name, part, target| Plan::new(Form::Targeted, part, name, target).unwrap();
    let bob = world.join(named("bob", Part::Callee, None));
    let eve = world.join(named("eve", Part::Callee, None));
    let picky = world.join(named("bob", Part::Receive, Some("carol")));
    let ada = world.join(named("ada", Part::Caller, Some("bob")));
    assert_eq!(world.ends[ada].types(), ["video-offer"]);
    assert_eq!(world.ends[bob].types(), ["video-answer"]);
    assert!(world.ends[eve].said.is_empty() && world.ends[picky].said.is_empty());
    let answer: Value = serde_json::from_str(&world.ends[bob].said[0]).unwrap();
    assert_eq!(
        (&answer["name"], &answer["target"]),
        (&json!("bob"), &json!("ada"))
    );
    assert_eq!(world.ends[ada].up(Media::Both), 1);
    let joined = world.ends[bob].events.iter().find_map(|event| match event {
        Event::PeerJoined { name, .. } => Some(name.as_str()),
        _ => None,
    });
    assert_eq!(joined, Some("ada"));
    // Another one's answer is not taken.
    let mut world = World::new();
    let ada = world.join(named("ada", Part::Caller, Some("bob")));
    for (name, target, taken) in [
        ("eve", "ada", false),
        ("bob", "eve", false),
        ("bob", "ada", true),
    ] {
        world.page(
            ada,
            &json!({"type": "video-answer", "name": name, "target": target, "sdp": sdp("page")}),
        );
        let connection = world.ends[ada].connections.values().next().unwrap();
        assert_eq!(connection.described, taken, "{name} {target}");
    }
}

#[test]
fn a_relay_that_goes_away_is_looked_for_and_the_call_goes_on() {
    let mut world = pair(Form::Ready, Part::Caller, Part::Caller);
    for _ in 0..50 {
        world.input(0, Input::SocketClosed(SocketEnd::Lost));
        world.wait(Duration::from_secs(5));
    }
    assert_eq!(world.ends[0].call.ended(), None);
    assert!(world.ends[0].connects > 40);
    let view = world.ends[0].call.view();
    assert!(view.relay_lost && view.connected_at.is_some());
    // A first try that fails is told at once.
    let mut world = World::new();
    let end = world.add(plan(Form::Ready, Part::Caller));
    world.input(end, Input::SocketClosed(SocketEnd::Lost));
    let code = ErrorCode::RelayUnreachable;
    assert_eq!(
        world.ends[end].call.ended(),
        Some(EndReason::Refused { code })
    );
}
