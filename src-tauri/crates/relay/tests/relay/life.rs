//! Rooms and sockets from their first moment to their last.

use std::time::Duration;

use ahoy_contract::{
    ErrorCode,
    wire::{ClientMessage, RelayMessage, VERSION},
};
use ahoy_relay::Config;
use tokio::{io::AsyncReadExt as _, net::TcpListener, time::timeout};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_util::sync::CancellationToken;

use crate::client::{PATIENCE, Roster, Running, talk};

#[tokio::test]
async fn two_meet_talk_and_part() {
    let relay = Running::new(Config::default()).await;
    let (mut host, mut guest) = relay.call(1).await;
    talk(&mut host, &mut guest).await;
    guest.send(&ClientMessage::Leave).await;
    assert_eq!(
        host.next().await,
        RelayMessage::Left {
            peer: guest.peer.clone()
        }
    );
    assert_eq!(
        host.roster().await,
        Roster {
            host: Some(host.peer.clone()),
            peers: vec![]
        }
    );
    relay.stopped().await;
}

#[tokio::test]
async fn what_the_operator_offers_comes_with_the_welcome() {
    let config = Config {
        ice_servers: serde_json::from_str(
            r#"[{"urls":["turn:x"],"username":"u","credential":"c"}]"#,
        )
        .unwrap(),
        ..Config::default()
    };
    let offered = config.ice_servers.clone();
    let relay = Running::new(config).await;
    let mut tokens = Vec::new();
    for resume in [None, Some("anything".to_owned())] {
        let mut client = relay.stranger().await;
        client
            .send(&ClientMessage::Hello {
                version: VERSION,
                app: "x".to_owned(),
                resume,
                ack: Some(3),
            })
            .await;
        let RelayMessage::Welcome {
            ice_servers,
            resume,
            peer,
            ..
        } = client.next().await
        else {
            panic!("no welcome");
        };
        assert_eq!(ice_servers, offered);
        tokens.push((peer, resume));
    }
    // A token of the past brings a membership of its own, not that of another.
    assert_ne!(tokens[0], tokens[1]);
    relay.stopped().await;
}

#[tokio::test]
async fn a_host_that_lost_its_place_comes_back_to_its_guests() {
    let mut config = Config::default();
    config.limits.resume = Duration::from_millis(50);
    let relay = Running::new(config).await;
    let (host, mut guest) = relay.call(1).await;
    let lost = host.peer.clone();
    drop(host);
    assert_eq!(guest.next().await, RelayMessage::Left { peer: lost });
    assert_eq!(
        guest.roster().await,
        Roster {
            host: None,
            peers: vec![guest.peer.clone()]
        }
    );
    let mut host = relay.client().await;
    host.create(1).await;
    assert_eq!(guest.roster().await.host, Some(host.peer.clone()));
    talk(&mut host, &mut guest).await;
    relay.stopped().await;
}

#[tokio::test]
async fn a_room_whose_host_stays_away_ends_for_its_guests() {
    let mut config = Config::default();
    config.limits.host_away = Duration::from_millis(50);
    config.limits.resume = Duration::from_millis(50);
    let relay = Running::new(config).await;
    for key in [1, 2] {
        let (host, mut guest) = relay.call(key).await;
        drop(host);
        assert!(matches!(guest.next().await, RelayMessage::Left { .. }));
        assert_eq!(guest.roster().await.host, None);
        assert_eq!(guest.error().await, ErrorCode::NotFound);
        assert_eq!(relay.handle.counts().rooms, 0);
    }
    relay.stopped().await;
}

#[tokio::test]
async fn stopping_closes_every_socket_and_joins_everything() {
    let relay = Running::patient(Config::default()).await;
    let (mut host, mut guest) = relay.call(1).await;
    let mut stranger = relay.stranger().await;
    let mut idle = relay.tcp().await;
    let (address, handle) = (relay.address, relay.handle.clone());
    relay.stop.cancel();
    for client in [&mut host, &mut guest, &mut stranger] {
        assert_eq!(client.closed().await, Some(CloseCode::Away));
        assert_eq!(client.closed().await, None);
    }
    let mut rest = Vec::new();
    timeout(PATIENCE, idle.read_to_end(&mut rest))
        .await
        .unwrap()
        .ok();
    timeout(PATIENCE, relay.task)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(handle.counts().sockets, 0);
    // Nobody listens there any more.
    TcpListener::bind(address).await.unwrap();
}

#[tokio::test]
async fn a_socket_that_does_not_answer_the_close_holds_nothing_up() {
    let relay = Running::new(Config::default()).await;
    let silent = relay.client().await;
    let handle = relay.handle.clone();
    relay.stopped().await;
    assert_eq!(handle.counts().sockets, 0);
    drop(silent);
}

#[tokio::test]
async fn a_relay_that_is_dropped_cuts_everything_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(ahoy_relay::serve(
        listener,
        Config::default(),
        CancellationToken::new(),
    ));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    // It is served: an answer comes.
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut buffer = [0; 16];
    stream.read_exact(&mut buffer).await.unwrap();
    task.abort();
    let mut rest = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut rest))
        .await
        .expect("it was not cut off")
        .ok();
}
