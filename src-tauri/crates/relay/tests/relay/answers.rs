//! What an end answers to others costs it nothing, however many they are: they could have it refused otherwise.

use std::time::Duration;

use ahoy_contract::{
    ErrorCode,
    wire::{ClientMessage, RelayMessage},
};
use ahoy_relay::Config;
use tokio::{task::JoinSet, time::timeout};

use crate::{
    broadcast::broadcast,
    client::{PATIENCE, Running, join, many_sockets, signal},
};

/// So long nothing comes when all has come.
const SILENCE: Duration = Duration::from_millis(500);

#[tokio::test]
async fn an_end_that_confirms_each_of_many_signals_is_not_refused() {
    let relay = Running::new(Config::default()).await;
    let mut host = relay.client().await;
    let room = host.create(1).await;
    let mut senders = JoinSet::new();
    for _ in 0..7 {
        let mut member = relay.client().await;
        member.join(&room).await;
        let text = serde_json::to_string(&signal(&host.peer, "")).unwrap();
        // As many as a socket may send at once.
        senders.spawn(async move {
            for _ in 0..480 {
                member.text(text.clone()).await;
                tokio::task::yield_now().await;
            }
            member
        });
    }
    let (mut confirmed, mut last) = (0, 0);
    while let Ok(message) = timeout(SILENCE, host.next()).await {
        match message {
            RelayMessage::Signal { n, .. } => {
                (confirmed, last) = (confirmed + 1, n);
                host.send(&ClientMessage::Ack { n }).await;
            }
            RelayMessage::Room { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(confirmed > 1_500, "{confirmed}");
    assert_eq!(relay.handle.counts().members, 8);
    // What confirms nothing new is a message as any other.
    for _ in 0..600 {
        host.send(&ClientMessage::Ack { n: last }).await;
    }
    assert_eq!(host.error().await, ErrorCode::RateLimited);
    senders.join_all().await;
    relay.stopped().await;
}

#[tokio::test]
async fn a_host_that_removes_all_of_many_strangers_is_not_refused() {
    const VIEWERS: usize = 500;
    many_sockets();
    let relay = Running::new(Config::default()).await;
    let mut host = relay.client().await;
    let room = broadcast(&mut host, 1).await;
    let mut strangers = Vec::new();
    for _ in 0..VIEWERS {
        strangers.push(relay.client().await);
    }
    for round in 1..=3 {
        for stranger in &mut strangers {
            stranger.send(&join(&room)).await;
        }
        let mut left = 0;
        while left < VIEWERS {
            match host.next().await {
                RelayMessage::Joined(member) => {
                    host.send(&ClientMessage::Remove { peer: member.peer })
                        .await;
                }
                RelayMessage::Left { .. } => left += 1,
                RelayMessage::Room { .. } => {}
                other => panic!("round {round}, after {left}: {other:?}"),
            }
        }
        for stranger in &mut strangers {
            let removed = async {
                loop {
                    match stranger.next().await {
                        RelayMessage::Room { .. } => {}
                        RelayMessage::Error { code, .. } => return code,
                        other => panic!("{other:?}"),
                    }
                }
            };
            let code = timeout(PATIENCE, removed).await.unwrap();
            assert_eq!(code, ErrorCode::Removed);
        }
    }
    // One that is not there is a message as any other.
    let peer = strangers[0].peer.clone();
    for _ in 0..600 {
        let peer = peer.clone();
        host.send(&ClientMessage::Remove { peer }).await;
    }
    let mut codes = Vec::new();
    while codes.last() != Some(&ErrorCode::RateLimited) {
        codes.push(host.error().await);
    }
    assert!(codes.len() > 100);
    relay.stopped().await;
}
