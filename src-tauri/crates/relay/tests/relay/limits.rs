//! What comes from one address, and how much a relay takes at once.

use std::time::Duration;

use ahoy_contract::{
    ErrorCode,
    wire::{ClientMessage, RelayMessage, RoomKind},
};
use ahoy_relay::{Config, Limits, PerPrefix};
use http::{HeaderName, header};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};
use tokio_tungstenite::tungstenite::{Error, protocol::frame::coding::CloseCode};

use crate::{
    client::{Client, PATIENCE, Running, create, join},
    http::ask_raw,
    page::lobby,
};

const ASK: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
pub(crate) const LISTED: HeaderName = HeaderName::from_static("x-forwarded-for");

fn with_limits(change: impl FnOnce(&mut Limits)) -> Config {
    let mut config = Config::default();
    change(&mut config.limits);
    config
}

/// A relay behind a proxy on this computer.
pub(crate) fn behind_proxy(change: impl FnOnce(&mut Limits)) -> Config {
    Config {
        trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()],
        ..with_limits(change)
    }
}

pub(crate) async fn open(relay: &Running, headers: &[(HeaderName, &str)]) -> Client<TcpStream> {
    let url = format!("ws://{}/ws", relay.address);
    Client::open_with(relay.tcp().await, &url, headers)
        .await
        .unwrap()
}

/// Whether a socket with these headers is one too many.
async fn is_crowded(client: &mut Client<TcpStream>) -> bool {
    client.send(&crate::client::hello()).await;
    match client.next().await {
        RelayMessage::Welcome {
            challenge, peer, ..
        } => {
            (client.challenge, client.peer) = (challenge, peer);
            false
        }
        RelayMessage::Error { code, .. } => {
            assert_eq!(code, ErrorCode::RateLimited);
            assert_eq!(client.closed().await, Some(CloseCode::Again));
            true
        }
        other => panic!("no welcome but {other:?}"),
    }
}

#[tokio::test]
async fn whom_a_trusted_proxy_names_is_counted_by_its_own_address() {
    let relay = Running::new(behind_proxy(|limits| {
        limits.sockets_per_address = PerPrefix::of(1);
    }))
    .await;
    let mut held = Vec::new();
    for (headers, crowded) in [
        (vec![(LISTED, "192.0.2.1")], false),
        (vec![(LISTED, "192.0.2.1")], true),
        (vec![(LISTED, "10.9.9.9, 192.0.2.1")], true),
        (vec![(LISTED, "192.0.2.1, 192.0.2.2, 127.0.0.1")], false),
        (vec![(header::FORWARDED, "for=192.0.2.2;proto=https")], true),
        (
            vec![(header::FORWARDED, "for=\"[2001:db8::1]:4711\"")],
            false,
        ),
        (vec![(LISTED, "2001:db8::2")], true),
        (vec![(LISTED, "2001:db8:0:1::2")], false),
        // Whoever contradicts the proxy is not exempt as the proxy is.
        (
            vec![(LISTED, "192.0.2.3"), (header::FORWARDED, "for=127.0.0.1")],
            false,
        ),
        (
            vec![(LISTED, "192.0.2.4"), (header::FORWARDED, "for=127.0.0.1")],
            true,
        ),
        (vec![(LISTED, "rubbish")], true),
        (vec![(LISTED, "192.0.2.4")], false),
        // The proxy's own.
        (vec![], false),
        (vec![], false),
    ] {
        let mut client = open(&relay, &headers).await;
        assert_eq!(is_crowded(&mut client).await, crowded, "{headers:?}");
        held.push(client);
    }
    drop(held);
    // All places are free again.
    let freed = async {
        while relay.handle.counts().sockets > 0 {
            tokio::task::yield_now().await;
        }
        let mut client = open(&relay, &[(LISTED, "192.0.2.1")]).await;
        while is_crowded(&mut client).await {
            client = open(&relay, &[(LISTED, "192.0.2.1")]).await;
        }
    };
    timeout(PATIENCE, freed)
        .await
        .expect("the places did not come back");
    relay.stopped().await;
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let mut config = behind_proxy(|limits| limits.sockets_per_address = PerPrefix::of(1));
    config.trusted_proxies = vec!["192.0.2.0/24".parse().unwrap()];
    let relay = Running::new(config).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut client = open(&relay, &[(LISTED, "198.51.100.1")]).await;
        // It is loopback, whatever it says.
        assert!(!is_crowded(&mut client).await);
        held.push(client);
    }
    drop(held);
    relay.stopped().await;
}

#[tokio::test]
async fn who_comes_into_rooms_in_a_loop_is_slowed_down() {
    let relay = Running::new(behind_proxy(|limits| {
        limits.joins_per_minute = PerPrefix::of(3);
    }))
    .await;
    let (mut host, mut guest) = (relay.client().await, relay.client().await);
    let room = host.create(1).await;
    guest.join(&room).await;
    host.roster().await;
    let mut stranger = open(&relay, &[(LISTED, "192.0.2.1")]).await;
    for attempt in 0..6 {
        // From a socket of its own each time; the address is the same.
        stranger = match attempt {
            0 => stranger,
            _ => open(&relay, &[(LISTED, "192.0.2.1")]).await,
        };
        assert!(!is_crowded(&mut stranger).await);
        stranger.send(&join(&room)).await;
        if attempt < 3 {
            stranger.roster().await;
            for client in [&mut host, &mut guest] {
                client.roster().await;
            }
            stranger.send(&ClientMessage::Leave).await;
            for client in [&mut host, &mut guest] {
                assert!(matches!(client.next().await, RelayMessage::Left { .. }));
                client.roster().await;
            }
        } else {
            assert_eq!(stranger.error().await, ErrorCode::RateLimited);
        }
    }
    // Nor does it open rooms; others come and go.
    stranger.send(&create(9, RoomKind::Call, &stranger)).await;
    assert_eq!(stranger.error().await, ErrorCode::RateLimited);
    let mut other = open(&relay, &[(LISTED, "192.0.2.2")]).await;
    assert!(!is_crowded(&mut other).await);
    other.join(&room).await;
    relay.stopped().await;
}

#[tokio::test]
async fn sockets_that_come_too_fast_are_refused() {
    let relay = Running::new(behind_proxy(|limits| {
        limits.connections_per_minute = PerPrefix::of(5);
    }))
    .await;
    let mut crowded = 0;
    for _ in 0..10 {
        let mut client = open(&relay, &[(LISTED, "192.0.2.1")]).await;
        crowded += usize::from(is_crowded(&mut client).await);
    }
    assert_eq!(crowded, 5);
    let mut other = open(&relay, &[(LISTED, "192.0.2.2")]).await;
    assert!(!is_crowded(&mut other).await);
    relay.stopped().await;
}

#[tokio::test]
async fn the_lobby_counts_by_the_same_addresses() {
    let mut config = lobby(|limits| limits.sockets_per_address = PerPrefix::of(1));
    config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let relay = Running::new(config).await;
    let url = format!("ws://{}/", relay.address);
    let page = async |address| {
        let headers = [(LISTED, address)];
        Client::open_with(relay.tcp().await, &url, &headers)
            .await
            .unwrap()
    };
    let first = page("192.0.2.1").await;
    let mut second = page("192.0.2.1").await;
    assert_eq!(second.closed().await, Some(CloseCode::Again));
    let mut other = page("192.0.2.2").await;
    other.text("hello").await;
    let poll = async |address: &str| {
        let request = format!(
            "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\nConnection: close\r\n\r\n"
        );
        ask_raw(relay.tcp().await, &request).await.0
    };
    assert!(poll("192.0.2.1").await.starts_with("http/1.1 503"));
    assert!(poll("192.0.2.3").await.starts_with("http/1.1 200"));
    drop(first);
    relay.stopped().await;
}

#[tokio::test]
async fn handshakes_over_the_limit_wait() {
    let relay = Running::new(with_limits(|limits| limits.handshakes = 2)).await;
    let held = [relay.tcp().await, relay.tcp().await];
    let third = tokio::spawn(ask_raw(relay.tcp().await, ASK));
    let more = tokio::spawn(ask_raw(relay.tcp().await, ASK));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!third.is_finished() && !more.is_finished());
    drop(held);
    for waited in [third, more] {
        let (head, _) = timeout(PATIENCE, waited).await.unwrap().unwrap();
        assert!(head.starts_with("http/1.1 200"), "{head}");
    }
    relay.client().await.create(1).await;
    relay.stopped().await;
}

#[tokio::test]
async fn who_waits_too_long_or_finds_no_place_to_wait_is_told_so() {
    let relay = Running::new(with_limits(|limits| {
        (limits.handshakes, limits.waiting) = (1, 1);
        limits.wait = Duration::from_millis(300);
    }))
    .await;
    let held = relay.tcp().await;
    let waiting = tokio::spawn(ask_raw(relay.tcp().await, ASK));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let told = |(head, body): (String, String)| {
        assert!(head.starts_with("http/1.1 503"), "{head}");
        assert!(head.contains("retry-after: 5"), "{head}");
        assert!(body.contains(r#""code":"busy""#), "{body}");
    };
    told(ask_raw(relay.tcp().await, ASK).await);
    assert!(!waiting.is_finished());
    told(waiting.await.unwrap());
    // So is a program that wants a socket.
    let waiting = relay.tcp().await;
    let url = format!("ws://{}/ws", relay.address);
    match Client::open(relay.tcp().await, &url, None).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 503),
        other => panic!("not refused: {}", other.is_ok()),
    }
    drop((held, waiting));
    let served = async {
        loop {
            match Client::open(relay.tcp().await, &url, None).await {
                Ok(mut client) => {
                    client.hello().await;
                    return client.create(1).await;
                }
                // The relay has not seen the ends of the two yet.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    timeout(PATIENCE, served)
        .await
        .expect("the places did not come back");
    relay.stopped().await;
}

#[tokio::test]
async fn those_who_wait_hold_nothing_up_when_the_relay_stops() {
    let relay = Running::new(with_limits(|limits| {
        (limits.handshakes, limits.waiting) = (0, 1);
        limits.wait = Duration::from_secs(60);
    }))
    .await;
    let mut waiting = relay.tcp().await;
    let mut refused = relay.tcp().await;
    for stream in [&mut waiting, &mut refused] {
        stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    }
    relay.stopped().await;
}
