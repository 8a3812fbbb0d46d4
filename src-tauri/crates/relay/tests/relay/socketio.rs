//! Socket.IO in the lobby, spoken by hand: Engine.IO 4 over WebSocket and over requests.

use std::time::Duration;

use ahoy_contract::wire::MAX_MESSAGE_BYTES;
use http::StatusCode;
use serde_json::{Value, json};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::{
    client::{PATIENCE, Running, talk},
    http::{ask, ask_with},
    page::{Page, clients, lobby},
};

const SOCKET: &str = "/socket.io/?EIO=4&transport=websocket";
const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// A client with a WebSocket from the start, connected.
async fn connected(relay: &Running) -> Page {
    let mut page = opened(relay).await;
    page.say("40").await;
    assert!(packet(&mut page).await.starts_with(r#"40{"sid":"#));
    page
}

/// One that has not said yet where to.
async fn opened(relay: &Running) -> Page {
    let mut page = Page::at(relay, SOCKET).await.unwrap();
    let open: Value = serde_json::from_str(page.hear().await.strip_prefix('0').unwrap()).unwrap();
    assert_eq!(open["maxPayload"], json!(MAX_MESSAGE_BYTES));
    page
}

fn event(name: &str, data: &Value) -> String {
    format!("42{}", json!([name, data]))
}

/// The packet that comes next; pings of Engine.IO are answered.
async fn packet(page: &mut Page) -> String {
    loop {
        let text = page.hear().await;
        if text != "2" {
            return text;
        }
        page.say("3").await;
    }
}

/// The name and the data of the event that comes next.
async fn received(page: &mut Page) -> (String, Value) {
    named(&packet(page).await)
}

fn named(packet: &str) -> (String, Value) {
    let parts: Vec<Value> = serde_json::from_str(packet.strip_prefix("42").unwrap()).unwrap();
    let [Value::String(name), data] = &parts[..] else {
        panic!("no event but {packet}");
    };
    (name.clone(), data.clone())
}

/// A client that polls, with an Origin as browsers send it.
struct Poller<'a> {
    relay: &'a Running,
    path: String,
}

impl<'a> Poller<'a> {
    async fn open(relay: &'a Running) -> Self {
        let mut poller = Self {
            relay,
            path: POLLING.to_owned(),
        };
        let open = poller.polled().await;
        let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
        assert_eq!(open["upgrades"], json!(["websocket"]));
        let sid = open["sid"].as_str().unwrap();
        poller.path = format!("{POLLING}&sid={sid}");
        poller
    }

    async fn connected(relay: &'a Running) -> Self {
        let poller = Self::open(relay).await;
        poller.post("40").await;
        let [connected] = &poller.poll().await[..] else {
            panic!("not connected");
        };
        assert!(connected.starts_with(r#"40{"sid":"#));
        poller
    }

    async fn ask(&self, method: &str, body: &str) -> (String, String) {
        let request = format!(
            "{method} {} HTTP/1.1\r\nOrigin: https://pages.example.org\r\nContent-Type: text/plain",
            self.path
        );
        ask_with(self.relay, &request, body).await
    }

    /// The packets that come next, at least one; pings are answered.
    async fn poll(&self) -> Vec<String> {
        loop {
            let body = self.polled().await;
            let packets = body.split('\u{1e}').map(str::to_owned);
            let (pings, others): (Vec<_>, Vec<_>) = packets.partition(|packet| packet == "2");
            if !pings.is_empty() {
                self.post("3").await;
            }
            if !others.is_empty() {
                return others;
            }
        }
    }

    async fn polled(&self) -> String {
        let (head, body) = self.ask("GET", "").await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        for part in [
            "access-control-allow-origin: https://pages.example.org\r\n",
            "cache-control: no-store",
            "vary: origin",
        ] {
            assert!(head.contains(part), "no {part} in {head}");
        }
        body
    }

    async fn post(&self, body: &str) {
        let (head, answer) = self.ask("POST", body).await;
        assert!(head.starts_with("http/1.1 200") && answer == "ok", "{head}");
    }
}

#[tokio::test]
async fn an_event_comes_back_to_everybody_under_its_other_name() {
    let relay = Running::new(lobby(|_| {})).await;
    let (mut one, mut other) = (connected(&relay).await, connected(&relay).await);
    let poller = Poller::connected(&relay).await;
    let offer = json!({ "type": "offer", "sdp": "v=0\r\no=- 1 é \"x\" \u{1F600}", "more": [null, 1.5, {}] });
    let answer = json!({ "type": "answer", "sdp": "" });
    one.say(event("send-offer", &offer)).await;
    other.say(event("send-answer", &answer)).await;
    for page in [&mut one, &mut other] {
        let mut both = [received(page).await, received(page).await];
        // Which of the two came first is not known.
        both.sort_by(|a, b| b.0.cmp(&a.0));
        assert_eq!(both[0], ("receive-offer".to_owned(), offer.clone()));
        assert_eq!(both[1], ("receive-answer".to_owned(), answer.clone()));
    }
    let mut polled = Vec::new();
    while polled.len() < 2 {
        polled.extend(poller.poll().await.iter().map(|packet| named(packet)));
    }
    polled.sort_by(|a, b| b.0.cmp(&a.0));
    assert_eq!(polled[0], ("receive-offer".to_owned(), offer));
    assert_eq!(polled[1], ("receive-answer".to_owned(), answer.clone()));

    poller.post(&event("send-offer", &answer)).await;
    for page in [&mut one, &mut other] {
        let expected = ("receive-offer".to_owned(), answer.clone());
        assert_eq!(received(page).await, expected);
    }
    assert_eq!(named(&poller.poll().await[0]).0, "receive-offer");
    assert_eq!(relay.handle.counts().lobby, 3);
    relay.stopped().await;
}

#[tokio::test]
async fn events_keep_their_order() {
    let relay = Running::new(lobby(|_| {})).await;
    let (mut one, mut other) = (connected(&relay).await, connected(&relay).await);
    for number in 0..500 {
        one.say(event("send-offer", &json!(number))).await;
    }
    for number in 0..500 {
        assert_eq!(received(&mut other).await.1, json!(number));
        assert_eq!(received(&mut one).await.1, json!(number));
    }
    relay.stopped().await;
}

#[tokio::test]
async fn a_client_that_polls_may_change_over_to_a_websocket() {
    let relay = Running::new(lobby(|_| {})).await;
    let poller = Poller::connected(&relay).await;
    let path = poller.path.replace("polling", "websocket");
    let mut page = Page::at(&relay, &path).await.unwrap();
    page.say("2probe").await;
    assert_eq!(page.hear().await, "3probe");
    page.say("5").await;
    let mut other = connected(&relay).await;
    other.say(event("send-offer", &json!("x"))).await;
    assert_eq!(received(&mut page).await.1, json!("x"));
    // It is one client, and holds one place.
    assert_eq!(relay.handle.counts().lobby, 2);
    drop(page);
    clients(&relay, 1).await;
    relay.stopped().await;
}

#[tokio::test]
async fn other_events_and_other_pages_are_not_passed_on() {
    let relay = Running::new(lobby(|_| {})).await;
    let (mut one, mut other) = (connected(&relay).await, connected(&relay).await);
    let (mut page, mut third) = (Page::open(&relay).await, Page::open(&relay).await);
    for name in ["message", "receive-offer", "send-offer ", "disconnect", ""] {
        one.say(event(name, &json!("x"))).await;
    }
    page.say(event("send-offer", &json!("from the hall"))).await;
    one.say(event("send-offer", &json!("last"))).await;
    assert_eq!(received(&mut other).await.1, json!("last"));
    assert!(third.hear().await.contains("from the hall"));
    page.say("last").await;
    assert_eq!(third.hear().await, "last");
    relay.stopped().await;
}

#[tokio::test]
async fn any_site_may_ask_first() {
    let relay = Running::new(lobby(|_| {})).await;
    let request = format!(
        "OPTIONS {POLLING} HTTP/1.1\r\nOrigin: https://pages.example.org\r\n\
         Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-token"
    );
    let (head, body) = ask(&relay, &request).await;
    assert!(
        head.starts_with("http/1.1 204") && body.is_empty(),
        "{head}"
    );
    for part in [
        "access-control-allow-origin: https://pages.example.org\r\n",
        "access-control-allow-methods: get, post",
        "access-control-allow-headers: x-token",
    ] {
        assert!(head.contains(part), "no {part} in {head}");
    }
    // The rest of the relay is not opened by that.
    let (head, _) = ask(
        &relay,
        "GET / HTTP/1.1\r\nOrigin: https://pages.example.org",
    )
    .await;
    assert!(!head.contains("access-control"), "{head}");
    relay.stopped().await;
}

#[tokio::test]
async fn an_old_client_is_refused_and_holds_nothing() {
    let relay = Running::new(lobby(|_| {})).await;
    for query in [
        "EIO=3&transport=polling&t=abc",
        "EIO=3&transport=polling&b64=1",
        "EIO=2&transport=polling",
        "transport=polling",
        "EIO=four&transport=polling",
        "",
    ] {
        let (head, body) = ask(&relay, &format!("GET /socket.io/?{query} HTTP/1.1")).await;
        assert!(head.starts_with("http/1.1 400"), "{query}: {head}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            answer,
            json!({ "code": 5, "message": "Unsupported protocol version" })
        );
        let path = format!("/socket.io/?{}", query.replace("polling", "websocket"));
        let refused = Page::at(&relay, &path).await.err();
        assert_eq!(refused, Some(StatusCode::BAD_REQUEST), "{query}");
    }
    assert_eq!(relay.handle.counts().lobby, 0);
    relay.stopped().await;
}

#[tokio::test]
async fn what_is_no_socket_io_is_refused() {
    let relay = Running::new(lobby(|_| {})).await;
    let (mut one, mut other) = (connected(&relay).await, connected(&relay).await);
    for (request, status) in [
        (format!("GET {POLLING}&sid=AAAAAAAAAAAAAAHs HTTP/1.1"), 400),
        (format!("GET {POLLING}&sid=../../x HTTP/1.1"), 400),
        (format!("POST {POLLING} HTTP/1.1"), 400),
        (format!("PUT {POLLING} HTTP/1.1"), 400),
        (
            "GET /socket.io/?EIO=4&transport=carrier HTTP/1.1".to_owned(),
            400,
        ),
        (format!("GET {SOCKET} HTTP/1.1"), 400),
        (format!("GET {SOCKET} HTTP/1.1\r\nUpgrade: websocket"), 400),
    ] {
        let (head, _) = ask(&relay, &request).await;
        assert!(
            head.starts_with(&format!("http/1.1 {status}")),
            "{request}: {head}"
        );
    }
    // An upgrade of nobody's session is closed.
    let path = format!("{SOCKET}&sid=AAAAAAAAAAAAAAHs");
    Page::at(&relay, &path).await.unwrap().closed().await;
    for rubbish in [
        "rubbish".to_owned(),
        "4".to_owned(),
        "42".to_owned(),
        "42[".to_owned(),
        "42[7,8]".to_owned(),
        "4{}".to_owned(),
        // With things attached.
        r#"451-["send-offer",{"_placeholder":true,"num":0}]"#.to_owned(),
        "4599999999999-[]".to_owned(),
        "x".repeat(MAX_MESSAGE_BYTES + 1),
    ] {
        let mut bad = connected(&relay).await;
        bad.say(rubbish).await;
        bad.closed().await;
    }
    // What is an event all the same, and may be dropped.
    for odd in [
        r#"42["send-offer"]"#.to_owned(),
        r#"42["send-offer",{"_placeholder":true,"num":0}]"#.to_owned(),
        format!(r#"42["send-offer",{}]"#, "[".repeat(10_000)),
        "40".to_owned(),
        "40/other,".to_owned(),
        "43[]".to_owned(),
        r#"43999["x"]"#.to_owned(),
    ] {
        let mut odd_one = connected(&relay).await;
        odd_one.say(odd).await;
        odd_one.say("41").await;
        drop(odd_one);
    }
    clients(&relay, 2).await;
    let last = ("receive-answer".to_owned(), json!("last"));
    one.say(event("send-answer", &json!("last"))).await;
    while received(&mut other).await != last {}
    relay.stopped().await;
}

#[tokio::test]
async fn places_are_bounded_and_come_back() {
    let relay = Running::new(lobby(|limits| {
        limits.lobby_clients = 3;
        limits.hello = Duration::from_millis(100);
        limits.ping = Duration::from_millis(200);
    }))
    .await;
    let (mut host, mut guest) = relay.call(1).await;
    // One that never says where to, one that opens and never polls, one that polls once.
    let mut silent = opened(&relay).await;
    let _opened = Poller::open(&relay).await;
    let _connected = Poller::connected(&relay).await;
    let (head, _) = ask(&relay, &format!("GET {POLLING} HTTP/1.1")).await;
    assert!(head.starts_with("http/1.1 503"), "{head}");
    for path in [SOCKET, "/"] {
        let refused = Page::at(&relay, path).await.err();
        assert_eq!(refused, Some(StatusCode::SERVICE_UNAVAILABLE), "{path}");
    }
    // They are given up, and what they held is free.
    clients(&relay, 0).await;
    silent.closed().await;
    let mut page = connected(&relay).await;
    page.say(event("send-offer", &json!(1))).await;
    assert_eq!(received(&mut page).await.1, json!(1));
    talk(&mut host, &mut guest).await;
    relay.stopped().await;
}

#[tokio::test]
async fn polls_do_not_use_up_what_others_need_to_connect() {
    let relay = Running::new(lobby(|limits| limits.handshakes = 4)).await;
    // Ten that wait for what comes next, where four may be under way.
    let mut polls = Vec::new();
    for _ in 0..10 {
        let poller = Poller::connected(&relay).await;
        let mut poll = relay.tcp().await;
        let request = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", poller.path);
        poll.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(ask(&relay, "GET /healthz HTTP/1.1").await.1, "ok");
        polls.push((poller, poll));
    }
    let (mut host, mut guest) = relay.call(1).await;
    talk(&mut host, &mut guest).await;
    // They were waiting indeed: each is answered, though nobody asks again.
    let mut page = connected(&relay).await;
    page.say(event("send-offer", &json!("go"))).await;
    for (poller, poll) in &mut polls {
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains("receive-offer") {
            let read = timeout(PATIENCE, poll.read_buf(&mut answer)).await;
            assert_ne!(read.expect("the poll is held").unwrap(), 0);
            if answer.ends_with(b"\r\n\r\n2") {
                poller.post("3").await;
                answer.clear();
                let request = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", poller.path);
                poll.write_all(request.as_bytes()).await.unwrap();
            }
        }
    }
    relay.stopped().await;
}

#[tokio::test]
async fn who_floods_is_not_heard_and_the_others_are() {
    let relay = Running::new(lobby(|limits| {
        limits.lobby_messages_per_second = 5;
        limits.lobby_message_burst = 40;
    }))
    .await;
    let (mut one, mut other) = (connected(&relay).await, connected(&relay).await);
    let flood = Poller::connected(&relay).await;
    let events: Vec<_> = (0..200).map(|n| event("send-offer", &json!(n))).collect();
    flood.post(&events.join("\u{1e}")).await;
    one.say(event("send-answer", &json!("mine"))).await;
    let (mut before, mine) = (0, ("receive-answer".to_owned(), json!("mine")));
    loop {
        let next = received(&mut other).await;
        if next == mine {
            break;
        }
        assert_eq!(next.1, json!(before));
        before += 1;
    }
    assert!((40..100).contains(&before), "{before}");
    // It was sent away.
    let (head, _) = flood.ask("GET", "").await;
    assert!(head.starts_with("http/1.1 400"), "{head}");
    clients(&relay, 2).await;
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
    let (mut loud, mut other) = (connected(&relay).await, connected(&relay).await);
    let mut slow = connected(&relay).await;
    let data = json!("x".repeat(MAX_MESSAGE_BYTES - 100));
    for _ in 0..500 {
        loud.say(event("send-offer", &data)).await;
        for page in [&mut loud, &mut other] {
            assert_eq!(received(page).await.1, data);
        }
    }
    clients(&relay, 2).await;
    loud.say(event("send-offer", &json!("still here"))).await;
    assert_eq!(received(&mut other).await.1, json!("still here"));
    slow.closed().await;
    relay.stopped().await;
}

#[tokio::test]
async fn stopping_ends_all_of_it() {
    let relay = Running::patient(lobby(|_| {})).await;
    let mut page = connected(&relay).await;
    let mut silent = opened(&relay).await;
    let poller = Poller::connected(&relay).await;
    let _opened = Poller::open(&relay).await;
    assert_eq!(relay.handle.counts().lobby, 4);
    let handle = relay.handle.clone();
    let mut poll = relay.tcp().await;
    let request = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", poller.path);
    poll.write_all(request.as_bytes()).await.unwrap();
    relay.stop.cancel();
    page.closed().await;
    silent.closed().await;
    // Whatever it is told, the poll ends.
    let mut rest = Vec::new();
    let ended = timeout(PATIENCE, poll.read_to_end(&mut rest)).await;
    let _ = ended.expect("the poll is held");
    relay.stopped().await;
    assert_eq!(handle.counts().lobby, 0);
}
