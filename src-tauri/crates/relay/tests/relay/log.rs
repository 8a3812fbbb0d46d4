//! What `ahoy-relay` logs for its operator, and what not.

use ahoy_contract::{
    ErrorCode,
    wire::{RelayMessage, RoomKind},
};
use http::header;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;

use crate::{
    certificate::Logged,
    client::{Client, create},
};

async fn stream(relay: &Logged) -> TcpStream {
    TcpStream::connect(relay.address).await.unwrap()
}

#[tokio::test]
async fn a_room_at_an_address_that_is_not_the_relays_is_refused_and_the_log_names_the_flag() {
    let mut relay = Logged::start(&[]).await;
    // Another relay on this computer passes on what its own host said, and its name. An address is not logged.
    for (host, told) in [("localhost:5", true), ("203.0.113.9:5", false)] {
        let url = format!("ws://{}/ws", relay.address);
        let headers = [(header::HOST, host)];
        let mut client = Client::open_with(stream(&relay).await, &url, &headers)
            .await
            .unwrap();
        client.hello().await;
        client.relay = format!("http://{host}");
        let message = create(1, RoomKind::Call, &client);
        for _ in 0..2 {
            client.send(&message).await;
            match client.next().await {
                RelayMessage::Error { code, message } => {
                    assert_eq!(code, ErrorCode::BadMessage);
                    assert!(message.contains("--public-url"), "{message}");
                }
                other => panic!("not refused: {other:?}"),
            }
        }
        let line = relay.logs("--public-url").await;
        assert_eq!(line.contains(host), told, "{line}");
        assert!(!line.contains("203.0.113.9"), "{line}");
    }
    // Each was told once.
    assert_eq!(relay.rest().await, "");
}

#[tokio::test]
async fn an_origin_is_logged_once_and_no_address_of_others() {
    let mut relay = Logged::start(&[]).await;
    let own_port = format!("http://127.0.0.1:{}", relay.address.port() ^ 1);
    for (origin, told) in [
        ("https://evil.example.org", true),
        (own_port.as_str(), true),
        ("http://203.0.113.9", false),
        ("https://[2001:db8::9]:8443", false),
    ] {
        for _ in 0..2 {
            let url = format!("ws://{}/ws", relay.address);
            match Client::open(stream(&relay).await, &url, Some(origin)).await {
                Err(Error::Http(response)) => assert_eq!(response.status(), 403),
                other => panic!("not refused: {}", other.is_ok()),
            }
        }
        if told {
            let line = relay.logs("was refused a socket").await;
            assert!(
                line.contains(origin) && line.contains("--public-url"),
                "{line}"
            );
        }
    }
    let line = relay.logs("at an IP address").await;
    assert!(line.contains("--public-url"), "{line}");
    let rest = line + &relay.rest().await;
    assert!(
        !rest.contains("203.0.113.9") && !rest.contains("2001:db8"),
        "{rest}"
    );
    assert_eq!(rest.matches("refused").count(), 1, "{rest}");
}
