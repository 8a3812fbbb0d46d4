//! Sockets that break, and clients that come back.

use ahoy_contract::{
    ErrorCode,
    wire::{ClientMessage, RelayMessage},
};
use ahoy_relay::Config;
use data_encoding::BASE64URL_NOPAD;
use futures_util::StreamExt as _;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

use crate::client::{Client, PATIENCE, Roster, Running, talk};

const REPLACED: CloseCode = CloseCode::Library(4001);

async fn signal(from: &mut Client<TcpStream>, to: &Client<TcpStream>, body: &str) {
    let peer = to.peer.clone();
    from.signal(&peer, body).await;
}

/// All that a client has said so far has been heard: a signal to itself is refused.
async fn heard(client: &mut Client<TcpStream>) {
    let own = client.peer.clone();
    client.signal(&own, "").await;
    assert_eq!(client.error().await, ErrorCode::NoSuchPeer);
}

#[tokio::test]
async fn a_guest_whose_socket_broke_misses_nothing_and_is_missed_by_nobody() {
    let relay = Running::new(Config::default()).await;
    let (mut host, mut guest) = relay.call(1).await;
    signal(&mut host, &guest, "first").await;
    assert_eq!(guest.signalled().await, (1, "first".to_owned()));
    let (lost, token) = (guest.peer.clone(), guest.token.clone());
    drop(guest);
    for body in ["second", "third"] {
        host.signal(&lost, body).await;
    }
    heard(&mut host).await;
    let (mut guest, resumed) = relay.back(&token, 1).await;
    assert!(resumed);
    assert_eq!(guest.peer, lost);
    assert_ne!(guest.token, token);
    assert_eq!(guest.signalled().await, (2, "second".to_owned()));
    assert_eq!(guest.signalled().await, (3, "third".to_owned()));
    assert_eq!(
        guest.roster().await,
        Roster {
            host: Some(host.peer.clone()),
            peers: vec![lost]
        }
    );
    // The host's next message is from the guest: nothing came between.
    talk(&mut guest, &mut host).await;
    guest.send(&ClientMessage::Ack { n: 4 }).await;
    talk(&mut host, &mut guest).await;
    assert_eq!(relay.handle.counts().members, 2);
    relay.stopped().await;
}

#[tokio::test]
async fn a_close_without_leave_keeps_the_place_and_leave_gives_it_up() {
    let relay = Running::new(Config::default()).await;
    let (mut host, mut guest) = relay.call(1).await;
    let token = guest.token.clone();
    guest.socket.close(None).await.unwrap();
    while let Some(Ok(_)) = timeout(PATIENCE, guest.socket.next()).await.unwrap() {}
    let (mut guest, resumed) = relay.back(&token, 0).await;
    assert!(resumed);
    guest.roster().await;
    talk(&mut host, &mut guest).await;

    guest.send(&ClientMessage::Leave).await;
    assert!(matches!(host.next().await, RelayMessage::Left { .. }));
    host.roster().await;
    let (token, peer) = (guest.token.clone(), guest.peer.clone());
    drop(guest);
    let (guest, resumed) = relay.back(&token, 0).await;
    assert!(!resumed);
    assert_eq!(guest.peer, peer);
    relay.stopped().await;
}

#[tokio::test]
async fn a_half_open_socket_is_closed_when_its_member_comes_back() {
    let relay = Running::new(Config::default()).await;
    let (mut host, mut guest) = relay.call(1).await;
    signal(&mut host, &guest, "into the dark").await;
    heard(&mut host).await;
    let (mut back, resumed) = relay.back(&guest.token, 0).await;
    assert!(resumed);
    assert_eq!(back.signalled().await, (1, "into the dark".to_owned()));
    back.roster().await;
    // What went into the old socket before it was closed may still be read there.
    let mut code = None;
    while let Some(Ok(message)) = timeout(PATIENCE, guest.socket.next()).await.unwrap() {
        if let Message::Close(frame) = message {
            code = frame.map(|frame| frame.code);
        }
    }
    assert_eq!(code, Some(REPLACED));
    talk(&mut host, &mut back).await;
    relay.stopped().await;
}

#[tokio::test]
async fn a_token_that_is_stolen_old_foreign_or_none_disturbs_nobody() {
    let relay = Running::new(Config::default()).await;
    let other = Running::new(Config::default()).await;
    let (mut host, mut guest) = relay.call(1).await;
    let (mut other_host, mut other_guest) = relay.call(2).await;
    let old = guest.token.clone();
    let (mut back, resumed) = relay.back(&old, 0).await;
    assert!(resumed);
    back.roster().await;
    assert_eq!(guest.closed().await, Some(REPLACED));
    // That the new token arrived is known by what comes after it.
    talk(&mut back, &mut host).await;
    let foreign = other.client().await.token;
    let mut forged = BASE64URL_NOPAD.decode(back.token.as_bytes()).unwrap();
    forged[31] ^= 1;
    let mut peers = vec![host.peer.clone(), back.peer.clone()];
    for token in [
        old.as_str(),
        &BASE64URL_NOPAD.encode(&forged),
        &BASE64URL_NOPAD.encode(&forged[..31]),
        &foreign,
        "",
        "anything",
        "\u{202E}\0💥",
        &"A".repeat(60_000),
    ] {
        let (mut mallory, resumed) = relay.back(token, 7).await;
        assert!(!resumed, "{token}");
        // An id of its own: that of nobody who is there.
        assert!(!peers.contains(&mallory.peer), "{token}");
        peers.push(mallory.peer.clone());
        signal(&mut mallory, &host, "{}").await;
        assert_eq!(mallory.error().await, ErrorCode::NotInRoom);
    }
    talk(&mut host, &mut back).await;
    talk(&mut other_host, &mut other_guest).await;
    assert_eq!(relay.handle.counts().members, 4);
    other.stopped().await;
    relay.stopped().await;
}

#[tokio::test]
async fn of_two_sockets_with_one_token_one_is_the_member() {
    let relay = Running::new(Config::default()).await;
    let (mut host, guest) = relay.call(1).await;
    let (mut other_host, mut other_guest) = relay.call(2).await;
    let (token, peer) = (guest.token.clone(), guest.peer.clone());
    drop(guest);
    host.signal(&peer, "missed").await;
    heard(&mut host).await;
    // At once: both have said hello before either is answered.
    let (mut first, mut second) = (relay.stranger().await, relay.stranger().await);
    let hello = crate::client::hello_with(&token, 0);
    first.send(&hello).await;
    second.send(&hello).await;
    let next = async |client: &mut Client<TcpStream>| match timeout(PATIENCE, client.socket.next())
        .await
        .unwrap()
    {
        Some(Ok(Message::Text(text))) => Some(serde_json::from_str(&text).unwrap()),
        Some(Ok(Message::Close(frame))) => {
            assert_eq!(frame.map(|frame| frame.code), Some(REPLACED));
            None
        }
        Some(Ok(Message::Ping(_))) => Some(RelayMessage::Left { peer: peer.clone() }),
        other => panic!("{other:?}"),
    };
    // A welcome, or the end if the other came in between: when both have one the relay has heard both.
    let mut members = Vec::new();
    for mut client in [first, second] {
        match next(&mut client).await {
            Some(RelayMessage::Welcome {
                peer: own, resumed, ..
            }) => {
                assert_eq!(resumed, own == peer);
                if resumed {
                    members.push(client);
                }
            }
            None => {}
            Some(other) => panic!("{other:?}"),
        }
    }
    host.signal(&peer, "for the one").await;
    let (mut missed, mut last) = (0, 0);
    for mut client in members {
        while let Some(message) = next(&mut client).await {
            match message {
                RelayMessage::Signal { n: 1, .. } => missed += 1,
                RelayMessage::Signal { n: 2, .. } => {
                    last += 1;
                    break;
                }
                _ => {}
            }
        }
    }
    // Each may have been the member, but one at a time; and it is one in the end.
    assert!(missed >= 1 && last == 1, "{missed} {last}");
    talk(&mut other_host, &mut other_guest).await;
    let counts = relay.handle.counts();
    assert_eq!((counts.rooms, counts.members), (2, 4));
    relay.stopped().await;
}

#[tokio::test]
async fn numbers_that_were_never_sent_are_refused_and_forget_nothing() {
    let relay = Running::new(Config::default()).await;
    let (mut host, mut guest) = relay.call(1).await;
    signal(&mut host, &guest, "one").await;
    assert_eq!(guest.signalled().await.0, 1);
    for n in [2, 1_000_000, u64::MAX] {
        guest.send(&ClientMessage::Ack { n }).await;
        assert_eq!(guest.error().await, ErrorCode::BadMessage);
    }
    let (mut back, resumed) = relay.back(&guest.token, u64::MAX).await;
    assert!(resumed);
    assert_eq!(back.signalled().await, (1, "one".to_owned()));
    back.roster().await;
    talk(&mut host, &mut back).await;
    relay.stopped().await;
}

#[tokio::test]
async fn what_is_kept_for_one_that_is_away_is_bounded_and_its_place_is_not_lost() {
    let relay = Running::new(Config::default()).await;
    let (mut host, guest) = relay.call(1).await;
    let (peer, token) = (guest.peer.clone(), guest.token.clone());
    drop(guest);
    for n in 1..=100 {
        host.signal(&peer, &n.to_string()).await;
    }
    heard(&mut host).await;
    let (mut back, resumed) = relay.back(&token, 0).await;
    assert!(resumed);
    for n in 37..=100 {
        assert_eq!(back.signalled().await, (n, n.to_string()));
    }
    back.roster().await;
    talk(&mut host, &mut back).await;
    relay.stopped().await;
}

#[tokio::test]
async fn a_host_comes_back_while_guests_are_at_the_door() {
    let relay = Running::new(Config::default()).await;
    let mut host = relay.client().await;
    let room = host.create_knocking(1).await;
    let mut inside = relay.client().await;
    inside.knock(&room).await;
    assert_eq!(host.knocked().await, inside.peer);
    let admit = |client: &Client<TcpStream>| ClientMessage::Admit {
        peer: client.peer.clone(),
        accept: true,
    };
    host.send(&admit(&inside)).await;
    host.roster().await;
    inside.roster().await;
    let mut early = relay.client().await;
    early.knock(&room).await;
    assert_eq!(host.knocked().await, early.peer);

    let (token, peer) = (host.token.clone(), host.peer.clone());
    drop(host);
    let mut late = relay.client().await;
    late.knock(&room).await;
    let (mut host, resumed) = relay.back(&token, 0).await;
    assert!(resumed);
    assert_eq!(host.peer, peer);
    assert_eq!(
        host.roster().await,
        Roster {
            host: Some(peer),
            peers: vec![inside.peer.clone()]
        }
    );
    assert_eq!(host.knocked().await, early.peer);
    assert_eq!(host.knocked().await, late.peer);
    host.send(&admit(&late)).await;
    for client in [&mut host, &mut inside, &mut late] {
        assert_eq!(client.roster().await.peers.len(), 2);
    }
    talk(&mut host, &mut late).await;
    assert_eq!(relay.handle.counts().members, 4);
    relay.stopped().await;
}

#[tokio::test]
async fn who_comes_back_again_and_again_stays_who_it_is() {
    let relay = Running::new(Config::default()).await;
    let (mut host, guest) = relay.call(1).await;
    let (mut token, peer) = (guest.token.clone(), guest.peer.clone());
    drop(guest);
    for round in 1..=50 {
        let body = round.to_string();
        host.signal(&peer, &body).await;
        heard(&mut host).await;
        let (mut guest, resumed) = relay.back(&token, round - 1).await;
        assert!(resumed, "{round}");
        assert_eq!(guest.peer, peer);
        assert_eq!(guest.signalled().await, (round, body));
        guest.roster().await;
        token = guest.token.clone();
    }
    let counts = relay.handle.counts();
    assert_eq!((counts.rooms, counts.members), (1, 2));
    relay.stopped().await;
}
