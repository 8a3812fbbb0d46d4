//! The lobby: pages that speak a dialect, over real sockets.

use std::time::Duration;

use ahoy_contract::{
    ErrorCode,
    wire::{ClientMessage, MAX_MESSAGE_BYTES, RoomKind},
};
use ahoy_relay::Config;
use futures_util::SinkExt as _;
use http::StatusCode;
use tokio::{io::AsyncWriteExt as _, time::timeout};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

use crate::{
    client::{Client, PATIENCE, Running, create, hello, join, many_sockets, talk},
    http::ask,
    page::{Page, clients, lobby},
};

#[tokio::test]
async fn what_one_says_goes_to_all_others_as_it_came() {
    let relay = Running::new(lobby(|_| {})).await;
    let mut one = Page::open(&relay).await;
    // Pages choose their paths and protocols themselves, and are of whatever site.
    let other = Page::with(&relay, "/signal/7?x=1", "null", Some("json, x")).await;
    let mut other = other.unwrap();
    assert_eq!(other.protocol.as_deref(), Some("json"));
    let own = format!("http://{}", relay.address);
    let mut third = Page::with(&relay, "/", &own, None).await.unwrap();
    assert_eq!(third.protocol, None);
    let said = [
        r#"{"type":"offer","sdp":"v=0\r\n"}"#,
        // As a strict relay would have it.
        r#"{"id":"","type":"answer","sdp":"v=0\r\n","ice":""}"#,
        r#"{"type":"ice","ice":"{\"candidate\":\"candidate:1 1 UDP 1 192.0.2.1 9 typ host\",\"sdpMLineIndex\":0}"}"#,
        r#"{"type":"candidate","candidate":null}"#,
        " { \"type\" : \"ready\" , \"x\":1e2, \"x\":\"\\u00e9\"}\n",
        r#"{"type":"offer","#,
        "no JSON at all \u{1F600}\u{0}",
        "",
        "[[[[",
        r#"{"target":7,"name":[]}"#,
    ];
    for text in said {
        one.say(text).await;
    }
    for text in said {
        assert_eq!(other.hear().await, text);
        assert_eq!(third.hear().await, text);
    }
    // It does not come back: what the first hears first is another's.
    other.say("over").await;
    assert_eq!(one.hear().await, "over");
    assert_eq!(third.hear().await, "over");
    relay.stopped().await;
}

#[tokio::test]
async fn pages_find_each_other_in_each_dialect() {
    let relay = Running::new(lobby(|_| {})).await;
    // B: a broadcaster and two viewers, who see what is for the other.
    let mut host = Page::open(&relay).await;
    let (mut a, mut b) = (Page::open(&relay).await, Page::open(&relay).await);
    a.say(r#"{"type":"join","id":"a"}"#).await;
    assert_eq!(host.hear().await, r#"{"type":"join","id":"a"}"#);
    assert_eq!(b.hear().await, r#"{"type":"join","id":"a"}"#);
    host.say(r#"{"type":"offer","id":"a","sdp":"v=0"}"#).await;
    for viewer in [&mut a, &mut b] {
        assert_eq!(
            viewer.hear().await,
            r#"{"type":"offer","id":"a","sdp":"v=0"}"#
        );
    }
    a.say(r#"{"type":"answer","id":"a","sdp":"v=0"}"#).await;
    assert!(host.hear().await.contains("answer"));
    assert!(b.hear().await.contains("answer"));
    // R.
    for text in [r#"{"type":"ready"}"#, r#"{"type":"bye"}"#] {
        b.say(text).await;
        assert_eq!(host.hear().await, text);
        assert_eq!(a.hear().await, text);
    }
    relay.stopped().await;
}

#[tokio::test]
async fn what_names_its_target_goes_to_it_alone_where_it_is_known() {
    let relay = Running::new(lobby(|_| {})).await;
    let mut pages = Vec::new();
    for name in ["ada", "grace", "hedy"] {
        let mut page = Page::open(&relay).await;
        page.say(format!(r#"{{"type":"username","name":"{name}"}}"#))
            .await;
        for earlier in &mut pages {
            let earlier: &mut Page = earlier;
            assert!(earlier.hear().await.contains(name));
        }
        pages.push(page);
    }
    let [ada, grace, hedy] = &mut pages[..] else {
        panic!("three");
    };
    let offer = r#"{"type":"video-offer","name":"ada","target":"grace","sdp":"v=0"}"#;
    let answer = r#"{"type":"video-answer","name":"grace","target":"ada","sdp":"v=0"}"#;
    ada.say(offer).await;
    assert_eq!(grace.hear().await, offer);
    grace.say(answer).await;
    assert_eq!(ada.hear().await, answer);
    // Nobody is called so: it may be meant for anybody.
    let unknown = r#"{"type":"video-offer","name":"ada","target":"nobody"}"#;
    ada.say(unknown).await;
    assert_eq!(grace.hear().await, unknown);
    // The third has heard nothing of the first two.
    assert_eq!(hedy.hear().await, unknown);
    relay.stopped().await;
}

#[tokio::test]
async fn without_the_flag_there_is_no_lobby() {
    let relay = Running::new(Config::default()).await;
    for (path, status) in [
        ("/", 200),
        ("/other", 404),
        ("/socket.io/?EIO=4&transport=websocket", 404),
    ] {
        let refused = Page::at(&relay, path).await.err();
        assert_eq!(
            refused.map(|status| status.as_u16()),
            Some(status),
            "{path}"
        );
    }
    let (head, _) = ask(&relay, "GET /socket.io/?EIO=4&transport=polling HTTP/1.1").await;
    assert!(head.starts_with("http/1.1 404"), "{head}");
    assert!(!head.contains("access-control"), "{head}");
    relay.stopped().await;
}

#[tokio::test]
async fn the_rooms_stay_strict_and_apart() {
    let relay = Running::new(lobby(|_| {})).await;
    let (mut host, mut guest) = relay.call(1).await;
    let (mut page, mut other) = (Page::open(&relay).await, Page::open(&relay).await);
    // The page is there as before, and its socket as strict about who opens it.
    let (head, _) = ask(&relay, "GET / HTTP/1.1").await;
    assert!(head.starts_with("http/1.1 200") && head.contains("content-security-policy"));
    assert_eq!(
        Page::at(&relay, "/ws").await.err(),
        Some(StatusCode::FORBIDDEN)
    );
    // What is said to the rooms is only said to the lobby, by whom it may be.
    let room = ahoy_contract::RoomId::of_key(match &create(1, RoomKind::Call, &host) {
        ClientMessage::Create { key, .. } => key,
        _ => panic!("no create"),
    });
    for message in [
        hello(),
        join(&room),
        create(1, RoomKind::Call, &host),
        crate::client::signal(&host.peer, "{}"),
        ClientMessage::Look { room: room.clone() },
    ] {
        let text = serde_json::to_string(&message).unwrap();
        page.say(text.clone()).await;
        assert_eq!(other.hear().await, text);
    }
    talk(&mut host, &mut guest).await;
    // And the other way round.
    host.text(r#"{"type":"offer","sdp":"v=0"}"#).await;
    assert_eq!(host.error().await, ErrorCode::BadMessage);
    page.say("last").await;
    assert_eq!(other.hear().await, "last");
    let counts = relay.handle.counts();
    assert_eq!(
        (counts.rooms, counts.members, counts.sockets, counts.lobby),
        (1, 2, 2, 2)
    );
    relay.stopped().await;
}

#[tokio::test]
async fn who_sends_too_fast_waits_and_loses_nothing() {
    let relay = Running::new(lobby(|limits| {
        limits.lobby_messages_per_second = 2_000;
        limits.lobby_message_burst = 10;
    }))
    .await;
    let (mut fast, mut other) = (Page::open(&relay).await, Page::open(&relay).await);
    let flood = tokio::spawn(async move {
        for number in 0..3_000 {
            fast.say(number.to_string()).await;
        }
        fast
    });
    for number in 0..3_000 {
        assert_eq!(other.hear().await, number.to_string());
    }
    other.say("enough").await;
    assert_eq!(flood.await.unwrap().hear().await, "enough");
    relay.stopped().await;
}

#[tokio::test]
async fn a_crowd_is_listened_to_no_more_than_two_are() {
    let relay = Running::new(lobby(|limits| {
        limits.lobby_messages_per_second = 1;
        limits.lobby_message_burst = 20;
    }))
    .await;
    let mut other = Page::open(&relay).await;
    let mut crowd = Vec::new();
    for _ in 0..20 {
        crowd.push(Page::open(&relay).await);
    }
    clients(&relay, 21).await;
    for _ in 0..20 {
        for page in &mut crowd {
            page.say("flood").await;
        }
    }
    // Two may say twenty each at once. Then each is heard once more, and has to wait; who has said nothing yet has not.
    for _ in 0..40 {
        assert_eq!(other.hear().await, "flood");
    }
    let mut late = Page::open(&relay).await;
    late.say("me too").await;
    let mut heard = 40;
    while other.hear().await != "me too" {
        heard += 1;
    }
    assert!(heard < 100, "{heard} of four hundred");
    relay.stopped().await;
}

#[tokio::test]
async fn a_flood_leaves_the_others_their_turn() {
    let relay = Running::new(lobby(|limits| {
        limits.lobby_messages_per_second = 1;
        limits.lobby_message_burst = 20;
    }))
    .await;
    let (mut fast, mut other) = (Page::open(&relay).await, Page::open(&relay).await);
    let mut third = Page::open(&relay).await;
    for number in 0..300 {
        fast.say(number.to_string()).await;
    }
    assert_eq!(third.hear().await, "0");
    other.say("me too").await;
    // Of three hundred it takes minutes to be heard.
    let mut before = 0;
    while third.hear().await != "me too" {
        before += 1;
    }
    assert!(before < 100, "{before}");
    relay.stopped().await;
}

#[tokio::test]
async fn who_takes_nothing_is_closed_and_holds_nobody_up() {
    let relay = Running::new(lobby(|limits| {
        limits.lobby_messages_per_second = 1_000_000;
        limits.lobby_message_burst = 1_000_000;
        limits.stall = Duration::from_millis(300);
    }))
    .await;
    let (mut loud, mut other) = (Page::open(&relay).await, Page::open(&relay).await);
    let mut slow = Page::open(&relay).await;
    // More than the system keeps for a connection.
    let text = "x".repeat(MAX_MESSAGE_BYTES);
    for _ in 0..500 {
        loud.say(text.clone()).await;
        assert_eq!(other.hear().await.len(), text.len());
    }
    clients(&relay, 2).await;
    loud.say("still here").await;
    assert_eq!(other.hear().await, "still here");
    slow.closed().await;
    relay.stopped().await;
}

#[tokio::test]
async fn a_thousand_hear_each_other_and_one_more_has_no_place() {
    many_sockets();
    let relay = Running::new(lobby(|_| {})).await;
    let (mut host, mut guest) = relay.call(1).await;
    let mut pages = Vec::new();
    for _ in 0..1000 {
        pages.push(Page::open(&relay).await);
    }
    assert_eq!(relay.handle.counts().lobby, 1000);
    for path in ["/", "/socket.io/?EIO=4&transport=websocket"] {
        let refused = Page::at(&relay, path).await.err();
        assert_eq!(refused, Some(StatusCode::SERVICE_UNAVAILABLE), "{path}");
    }
    talk(&mut host, &mut guest).await;
    for (index, text) in [(0, "first"), (999, "last")] {
        pages[index].say(text).await;
        for (_, page) in pages.iter_mut().enumerate().filter(|(i, _)| *i != index) {
            assert_eq!(page.hear().await, text);
        }
    }
    // Every one of them says something at once.
    for (number, page) in pages.iter_mut().enumerate() {
        page.say(number.to_string()).await;
    }
    for page in [0, 500, 999] {
        let mut heard = Vec::new();
        for _ in 0..999 {
            heard.push(pages[page].hear().await.parse::<usize>().unwrap());
        }
        heard.sort_unstable();
        let expected: Vec<_> = (0..1000).filter(|number| *number != page).collect();
        assert_eq!(heard, expected);
    }
    pages.pop();
    clients(&relay, 999).await;
    pages.push(Page::open(&relay).await);
    drop(pages);
    clients(&relay, 0).await;
    talk(&mut host, &mut guest).await;
    relay.stopped().await;
}

#[tokio::test]
async fn what_is_no_text_is_not_passed_on() {
    let relay = Running::new(lobby(|_| {})).await;
    let (mut page, mut other) = (Page::open(&relay).await, Page::open(&relay).await);
    let binary = Message::Binary(b"{\"type\":\"ready\"}".as_slice().into());
    page.socket.send(binary).await.unwrap();
    page.say("text").await;
    assert_eq!(other.hear().await, "text");
    // Too large, not UTF-8, and no WebSocket frame at all.
    let mut large = Page::open(&relay).await;
    large.say("x".repeat(MAX_MESSAGE_BYTES + 1)).await;
    assert_eq!(large.closed().await, Some(CloseCode::Size));
    for (frame, code) in [
        (&b"\x81\x82\0\0\0\0\xFF\xFE"[..], Some(CloseCode::Invalid)),
        (b"\xC1\x80\0\0\0\0", None),
    ] {
        let mut bad = Page::open(&relay).await;
        bad.socket.get_mut().write_all(frame).await.unwrap();
        assert_eq!(bad.closed().await, code);
    }
    page.say("after that").await;
    assert_eq!(other.hear().await, "after that");
    clients(&relay, 2).await;
    relay.stopped().await;
}

#[tokio::test]
async fn a_page_that_is_gone_without_a_word_is_given_up() {
    let relay = Running::new(lobby(|limits| {
        limits.ping = Duration::from_millis(50);
        limits.unanswered_pings = 4;
    }))
    .await;
    // One answers its pings, for it reads. The other does not.
    let (mut page, silent) = (Page::open(&relay).await, Page::open(&relay).await);
    let reading = tokio::spawn(async move { page.hear().await });
    clients(&relay, 1).await;
    let mut third = Page::open(&relay).await;
    third.say("hello").await;
    assert_eq!(reading.await.unwrap(), "hello");
    drop(silent);
    relay.stopped().await;
}

#[tokio::test]
async fn stopping_closes_the_lobby() {
    let relay = Running::patient(lobby(|_| {})).await;
    let (mut page, mut other) = (Page::open(&relay).await, Page::open(&relay).await);
    let handle = relay.handle.clone();
    relay.stop.cancel();
    assert_eq!(page.closed().await, Some(CloseCode::Away));
    assert_eq!(other.closed().await, Some(CloseCode::Away));
    timeout(PATIENCE, relay.task)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(handle.counts().lobby, 0);
}

#[tokio::test]
async fn a_native_client_does_not_find_its_rooms_in_the_lobby() {
    let relay = Running::new(lobby(|_| {})).await;
    let mut page = Page::open(&relay).await;
    // One that asks at the wrong path is answered by nobody, and heard by all.
    let url = format!("ws://{}/", relay.address);
    let mut lost = Client::open(relay.tcp().await, &url, None).await.unwrap();
    let text = serde_json::to_string(&hello()).unwrap();
    lost.text(text.clone()).await;
    assert_eq!(page.hear().await, text);
    page.say("who are you?").await;
    assert!(matches!(
        timeout(PATIENCE, futures_util::StreamExt::next(&mut lost.socket)).await,
        Ok(Some(Ok(Message::Text(text)))) if text == "who are you?"
    ));
    relay.stopped().await;
}
