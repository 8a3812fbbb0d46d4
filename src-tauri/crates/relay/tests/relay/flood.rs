//! A member of a call room that sends more than anybody can take: the others keep their places and hear each other.

use std::time::Duration;

use ahoy_contract::wire::{MAX_MESSAGE_BYTES, RelayMessage};
use ahoy_relay::Config;
use futures_util::StreamExt as _;
use tokio::{
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Client, PATIENCE, Running, signal, talk};

/// Nearly as long as a message may be.
const LONG: usize = MAX_MESSAGE_BYTES - 1024;

/// A relay at which a socket may send as many messages as it likes.
fn patient() -> Config {
    let mut config = Config::default();
    config.limits.messages_per_second = 1_000_000;
    config.limits.message_burst = 1_000_000;
    config
}

/// A host and two guests in a room of their own.
async fn three(relay: &Running) -> [Client<TcpStream>; 3] {
    let (mut host, mut guest) = (relay.client().await, relay.client().await);
    let room = host.create(1).await;
    guest.join(&room).await;
    let mut third = relay.client().await;
    third.join(&room).await;
    for _ in 0..2 {
        host.roster().await;
    }
    guest.roster().await;
    [host, guest, third]
}

/// Sends as much as the relay takes, to each in turn, and reads what it answers, until it is told to stop; gives how many
/// signals went out.
fn flood(
    mut stranger: Client<TcpStream>,
    to: &[&Client<TcpStream>],
    time: Duration,
) -> JoinHandle<usize> {
    let body = "x".repeat(LONG);
    let texts: Vec<_> = to
        .iter()
        .map(|one| serde_json::to_string(&signal(&one.peer, &body)).unwrap())
        .collect();
    tokio::spawn(async move {
        let (start, mut sent) = (Instant::now(), 0);
        while start.elapsed() < time {
            for text in &texts {
                let message = Message::Text(text.as_str().into());
                if stranger.raw(message).await.is_err() {
                    return sent;
                }
                sent += 1;
            }
            while let Ok(Some(Ok(_))) =
                timeout(Duration::from_micros(100), stranger.socket.next()).await
            {}
        }
        sent
    })
}

/// The next signal that is from this one; gives its body.
async fn from(to: &mut Client<TcpStream>, wanted: &Client<TcpStream>) -> String {
    loop {
        // Besides it may be told of members that leave.
        if let RelayMessage::Signal { from, body, .. } = to.next().await
            && from == wanted.peer
        {
            return body;
        }
    }
}

#[tokio::test]
async fn a_flood_keeps_nobody_from_hearing_the_others() {
    let relay = Running::new(patient()).await;
    let [mut host, mut guest, stranger] = three(&relay).await;
    let flood = flood(stranger, &[&host, &guest], Duration::from_secs(3));
    let mut worst = Duration::ZERO;
    for round in 0..50 {
        let (body, start) = (round.to_string(), Instant::now());
        let peer = host.peer.clone();
        guest.signal(&peer, &body).await;
        assert_eq!(from(&mut host, &guest).await, body);
        let peer = guest.peer.clone();
        host.signal(&peer, &body).await;
        assert_eq!(from(&mut guest, &host).await, body);
        worst = worst.max(start.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
    let sent = timeout(PATIENCE, flood).await.unwrap().unwrap();
    assert!(sent > 100, "{sent}");
    assert!(worst < Duration::from_secs(1), "{worst:?}");
    assert_eq!(relay.handle.counts().members, 3);
    relay.stopped().await;
}

#[tokio::test]
async fn a_flood_costs_a_member_that_takes_nothing_for_a_while_neither_its_place_nor_a_signal() {
    let relay = Running::new(patient()).await;
    let [mut host, mut guest, stranger] = three(&relay).await;
    // The host reads nothing: what is sent to it waits at the relay.
    let flood = flood(stranger, &[&host], Duration::from_secs(2));
    let peer = host.peer.clone();
    for round in 0..20 {
        guest.signal(&peer, &round.to_string()).await;
        sleep(Duration::from_millis(100)).await;
    }
    timeout(PATIENCE, flood).await.unwrap().unwrap();
    for round in 0..20 {
        assert_eq!(from(&mut host, &guest).await, round.to_string());
    }
    assert_eq!(relay.handle.counts().members, 3);
    talk(&mut guest, &mut host).await;
    relay.stopped().await;
}

#[tokio::test]
async fn a_flood_costs_a_member_that_is_away_neither_its_place_nor_a_signal() {
    let relay = Running::new(patient()).await;
    let [host, mut guest, stranger] = three(&relay).await;
    let (token, peer) = (host.token.clone(), host.peer.clone());
    let flood = flood(stranger, &[&host], Duration::from_millis(500));
    drop(host);
    for round in 0..10 {
        guest.signal(&peer, &round.to_string()).await;
        sleep(Duration::from_millis(50)).await;
    }
    timeout(PATIENCE, flood).await.unwrap().unwrap();
    let (mut host, resumed) = relay.back(&token, 0).await;
    assert!(resumed);
    for round in 0..10 {
        assert_eq!(from(&mut host, &guest).await, round.to_string());
    }
    relay.stopped().await;
}

#[tokio::test]
async fn long_messages_count_as_several_and_who_does_not_stop_is_closed() {
    let relay = Running::new(Config::default()).await;
    let [mut host, mut guest, mut stranger] = three(&relay).await;
    let text = serde_json::to_string(&signal(&host.peer, &"x".repeat(LONG))).unwrap();
    let (mut limited, mut sent) = (0, 0);
    // A hundred a second are what a socket may send of short ones.
    while stranger
        .raw(Message::Text(text.as_str().into()))
        .await
        .is_ok()
    {
        sent += 1;
        assert!(sent < 1500, "it is not closed");
        while let Ok(Some(Ok(Message::Text(text)))) =
            timeout(Duration::from_micros(100), stranger.socket.next()).await
        {
            limited += u32::from(text.contains("rate_limited"));
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert!(limited > 1, "{limited}");
    // A description is no long message, and candidates are short.
    let peer = host.peer.clone();
    for length in [7000].into_iter().chain([500; 40]) {
        guest.signal(&peer, &"x".repeat(length)).await;
        assert_eq!(from(&mut host, &guest).await.len(), length);
    }
    relay.stopped().await;
}

#[tokio::test]
async fn a_member_that_takes_nothing_at_all_is_given_up_and_holds_nobody_up() {
    let mut config = patient();
    config.limits.ping = Duration::from_millis(500);
    config.limits.resume = Duration::from_millis(100);
    let relay = Running::new(config).await;
    let mut host = relay.client().await;
    let room = host.create(1).await;
    let mut deaf = relay.client().await;
    deaf.join(&room).await;
    let text = serde_json::to_string(&signal(&deaf.peer, &"x".repeat(LONG))).unwrap();
    // The host is told that it sends too much, and in the end that the other is gone.
    let told = async {
        let mut limited = false;
        loop {
            host.raw(Message::Text(text.as_str().into())).await.unwrap();
            while let Ok(Some(Ok(message))) =
                timeout(Duration::from_millis(5), host.socket.next()).await
            {
                let text = message.to_string();
                limited |= text.contains("rate_limited");
                if text.contains(r#""type":"left""#) {
                    return limited;
                }
            }
        }
    };
    assert!(timeout(PATIENCE, told).await.expect("it was never dropped"));
    let mut guest = relay.client().await;
    guest.join(&room).await;
    let peer = host.peer.clone();
    guest.signal(&peer, "after").await;
    assert_eq!(from(&mut host, &guest).await, "after");
    relay.stopped().await;
}
