//! Whatever a client sends, it gets an error with a code, and others notice nothing.

use std::time::Duration;

use ahoy_contract::{
    ErrorCode, PeerId,
    wire::{ClientMessage, MAX_MESSAGE_BYTES, RoomKind},
};
use ahoy_relay::{Config, Limits};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

use crate::client::{Client, PATIENCE, Running, create, hello, join, signal, talk};

fn with_limits(change: impl FnOnce(&mut Limits)) -> Config {
    let mut config = Config::default();
    change(&mut config.limits);
    config
}

#[tokio::test]
async fn what_is_no_message_is_refused_and_the_socket_goes_on() {
    let relay = Running::new(Config::default()).await;
    let (mut host, mut guest) = relay.call(1).await;
    let stranger = PeerId::from_bytes(&[9; 10]);
    let rubbish_id = r#"{"type":"join","room":"💥","role":"caller","name":"","nonce":"AAAAAAAAAAAAAAAAAAAAAA","mac":""}"#;
    let rubbish_nonce = serde_json::to_string(&join(&"a".repeat(26).parse().unwrap()))
        .unwrap()
        .replace("AgICAgICAgICAgICAgICAg", "AgIC");
    let admit = ClientMessage::Admit {
        peer: stranger.clone(),
        accept: true,
    };
    let mut mallory = relay.client().await;
    for (text, code) in [
        ("", ErrorCode::BadMessage),
        ("hello there", ErrorCode::BadMessage),
        ("{", ErrorCode::BadMessage),
        ("[[[[[[", ErrorCode::BadMessage),
        (r#"{"type":"shout"}"#, ErrorCode::BadMessage),
        (r#"{"no":"type"}"#, ErrorCode::BadMessage),
        (rubbish_id, ErrorCode::BadMessage),
        (&rubbish_nonce, ErrorCode::BadMessage),
        (
            &serde_json::to_string(&hello()).unwrap(),
            ErrorCode::BadMessage,
        ),
        (
            &serde_json::to_string(&join(&"a".repeat(26).parse().unwrap())).unwrap(),
            ErrorCode::NotFound,
        ),
        (
            &serde_json::to_string(&signal(&stranger, "{}")).unwrap(),
            ErrorCode::NotInRoom,
        ),
        (
            &serde_json::to_string(&ClientMessage::Leave).unwrap(),
            ErrorCode::NotInRoom,
        ),
        (
            &serde_json::to_string(&admit).unwrap(),
            ErrorCode::NotInRoom,
        ),
        (
            &serde_json::to_string(&ClientMessage::Lock { locked: true }).unwrap(),
            ErrorCode::NotInRoom,
        ),
        (
            &serde_json::to_string(&ClientMessage::Remove {
                peer: stranger.clone(),
            })
            .unwrap(),
            ErrorCode::NotInRoom,
        ),
        (r#"{"type":"ack","n":-1}"#, ErrorCode::BadMessage),
    ] {
        mallory.text(text).await;
        assert_eq!(mallory.error().await, code, "{text}");
    }
    // What may be ignored is.
    mallory.send(&ClientMessage::Ack { n: u64::MAX }).await;
    mallory.create(2).await;
    mallory.signal(&host.peer.clone(), "{}").await;
    assert_eq!(mallory.error().await, ErrorCode::NoSuchPeer);
    talk(&mut host, &mut guest).await;
    relay.stopped().await;
}

#[tokio::test]
async fn a_binary_frame_is_refused() {
    let relay = Running::new(Config::default()).await;
    let mut client = relay.client().await;
    client
        .raw(Message::Binary(vec![0; 100].into()))
        .await
        .unwrap();
    assert_eq!(client.error().await, ErrorCode::BadMessage);
    client.create(1).await;
    relay.stopped().await;
}

#[tokio::test]
async fn a_message_of_a_mebibyte_is_too_large() {
    let relay = Running::new(Config::default()).await;
    let (mut host, mut guest) = relay.call(1).await;
    let text = serde_json::to_string(&signal(&host.peer, &"x".repeat(1024 * 1024))).unwrap();
    let mut mallory = relay.client().await;
    mallory.text(text.clone()).await;
    assert_eq!(mallory.error().await, ErrorCode::TooLarge);
    assert_eq!(mallory.closed().await, Some(CloseCode::Size));
    // In pieces it is no smaller.
    let mallory = relay.client().await;
    let (mut sink, mut stream) = mallory.socket.split();
    let sent = tokio::spawn(async move {
        use tokio_tungstenite::tungstenite::protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        };
        for (index, piece) in text.as_bytes().chunks(MAX_MESSAGE_BYTES / 2).enumerate() {
            let code = if index == 0 {
                Data::Text
            } else {
                Data::Continue
            };
            let frame = Frame::message(piece.to_vec(), OpCode::Data(code), false);
            // The relay may have closed by now.
            if sink.send(Message::Frame(frame)).await.is_err() {
                break;
            }
        }
    });
    let Some(Ok(Message::Text(answer))) = timeout(PATIENCE, stream.next()).await.unwrap() else {
        panic!("no answer");
    };
    assert!(answer.contains("too_large"), "{answer}");
    sent.await.unwrap();
    talk(&mut host, &mut guest).await;
    relay.stopped().await;
}

#[tokio::test]
async fn a_signal_that_grows_over_the_limit_is_refused_and_the_socket_goes_on() {
    let relay = Running::new(Config::default()).await;
    let (mut host, mut guest) = relay.call(1).await;
    let frame = serde_json::to_string(&signal(&guest.peer, ""))
        .unwrap()
        .len();
    host.signal(&guest.peer.clone(), &"x".repeat(MAX_MESSAGE_BYTES - frame))
        .await;
    assert_eq!(host.error().await, ErrorCode::TooLarge);
    talk(&mut host, &mut guest).await;
    relay.stopped().await;
}

#[tokio::test]
async fn hello_comes_first_in_time_and_in_this_version() {
    let relay = Running::new(Config::default()).await;
    for (text, code) in [
        (
            r#"{"type":"hello","version":3,"app":"x"}"#,
            ErrorCode::Version,
        ),
        (
            r#"{"type":"hello","version":0,"app":"x"}"#,
            ErrorCode::Version,
        ),
        (
            r#"{"type":"hello","version":"one","app":"x"}"#,
            ErrorCode::BadMessage,
        ),
        (r#"{"type":"leave"}"#, ErrorCode::BadMessage),
        ("GET / HTTP/1.1", ErrorCode::BadMessage),
    ] {
        let mut client = relay.stranger().await;
        client.text(text).await;
        assert_eq!(client.error().await, code, "{text}");
        assert_eq!(client.closed().await, Some(CloseCode::Policy));
    }
    relay.stopped().await;
    let relay = Running::new(with_limits(|limits| {
        limits.hello = Duration::from_millis(100);
    }))
    .await;
    let mut silent = relay.stranger().await;
    assert_eq!(silent.error().await, ErrorCode::BadMessage);
    assert_eq!(silent.closed().await, Some(CloseCode::Policy));
    relay.stopped().await;
}

#[tokio::test]
async fn what_breaks_the_websocket_protocol_is_told_so() {
    let relay = Running::new(Config::default()).await;
    let (mut host, mut guest) = relay.call(1).await;
    // Unmasked, a reserved bit, text that is not UTF-8 (masked with zeros).
    for (frame, close) in [
        (&b"\x81\x02{}"[..], 1002_u16),
        (b"\xC1\x80\0\0\0\0", 1002),
        (b"\x81\x82\0\0\0\0\xFF\xFE", 1007),
    ] {
        let mut client = relay.client().await;
        client.socket.get_mut().write_all(frame).await.unwrap();
        assert_eq!(client.error().await, ErrorCode::BadMessage, "{frame:?}");
        assert_eq!(
            client.closed().await.map(u16::from),
            Some(close),
            "{frame:?}"
        );
    }
    talk(&mut host, &mut guest).await;
    relay.stopped().await;
}

#[tokio::test]
async fn ten_thousand_joins_disturb_nobody() {
    // What 1250 joins of one socket are too many for, however long they take on a busy machine.
    let relay = Running::new(with_limits(|limits| {
        limits.messages_per_second = 5;
        limits.message_burst = 200;
    }))
    .await;
    let (mut host, mut guest) = relay.call(1).await;
    let floods: Vec<_> = (0..8_u8)
        .map(|index| {
            let room = "a".repeat(26).parse().unwrap();
            let text = serde_json::to_string(&join(&room)).unwrap();
            let (address, stream) = (relay.address, tokio::net::TcpStream::connect(relay.address));
            tokio::spawn(async move {
                let url = format!("ws://{address}/ws");
                let mut client = Client::open(stream.await.unwrap(), &url, None)
                    .await
                    .unwrap();
                client.hello().await;
                let (mut sink, mut stream) = client.socket.split();
                let write = async {
                    for _ in 0..1250 {
                        // A socket that floods is closed at last.
                        if sink.feed(Message::Text(text.clone().into())).await.is_err() {
                            return;
                        }
                    }
                    let _ = sink.flush().await;
                };
                let read = async {
                    let (mut answers, mut limited) = (0, 0);
                    while let Some(Ok(message)) = stream.next().await {
                        let Message::Text(text) = message else {
                            continue;
                        };
                        answers += 1;
                        limited += u32::from(text.contains("rate_limited"));
                    }
                    (answers, limited)
                };
                let ((), (answers, limited)) = tokio::join!(write, read);
                assert!(limited >= 1, "socket {index} was never limited");
                assert!(answers < 400, "socket {index} had {answers} answers");
            })
        })
        .collect();
    for _ in 0..50 {
        talk(&mut host, &mut guest).await;
    }
    for flood in floods {
        timeout(PATIENCE, flood)
            .await
            .expect("a flood was not closed")
            .unwrap();
    }
    talk(&mut host, &mut guest).await;
    assert_eq!(relay.handle.counts().rooms, 1);
    relay.stopped().await;
}

#[tokio::test]
async fn joins_that_succeed_are_limited_too() {
    let relay = Running::new(Config::default()).await;
    let mut client = relay.client().await;
    let mut limited = false;
    for _ in 0..200 {
        let create = create(1, RoomKind::Call, &client);
        client.send(&create).await;
        client.send(&ClientMessage::Leave).await;
    }
    while !limited {
        use ahoy_contract::wire::RelayMessage;
        match client.next().await {
            RelayMessage::Error {
                code: ErrorCode::RateLimited,
                ..
            } => limited = true,
            RelayMessage::Error { code, .. } => assert_eq!(code, ErrorCode::NotInRoom),
            _ => {}
        }
    }
    relay.stopped().await;
}

#[tokio::test]
async fn a_half_open_socket_is_given_up() {
    let config = with_limits(|limits| {
        limits.ping = Duration::from_millis(50);
        limits.unanswered_pings = 4;
        limits.resume = Duration::from_millis(50);
    });
    let relay = Running::new(config).await;
    let mut host = relay.client().await;
    let room = host.create(1).await;
    let mut guest = relay.client().await;
    guest.join(&room).await;
    host.roster().await;
    // The guest's end is open, but nobody reads there: no pong comes. The host's answers its pings.
    assert_eq!(
        host.next().await,
        ahoy_contract::wire::RelayMessage::Left {
            peer: guest.peer.clone()
        }
    );
    assert_eq!(host.roster().await.peers, []);
    assert_eq!(relay.handle.counts().members, 1);
    relay.stopped().await;
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_given_up() {
    let relay = Running::new(with_limits(|limits| {
        limits.handshake = Duration::from_millis(100);
    }))
    .await;
    for start in ["", "GET", "GET /ws HTTP/1.1\r\nHost: x\r\n"] {
        let mut stream = relay.tcp().await;
        stream.write_all(start.as_bytes()).await.unwrap();
        // An answer (408) or none: it ends.
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer))
            .await
            .expect("it is held for ever")
            .ok();
    }
    relay.client().await.create(1).await;
    relay.stopped().await;
}

#[tokio::test]
async fn sockets_are_bounded() {
    let relay = Running::new(with_limits(|limits| limits.sockets = 2)).await;
    let (mut host, mut guest) = relay.call(1).await;
    let mut third = relay.stranger().await;
    assert_eq!(third.error().await, ErrorCode::Busy);
    assert_eq!(third.closed().await, Some(CloseCode::Again));
    talk(&mut host, &mut guest).await;
    relay.stopped().await;
}
