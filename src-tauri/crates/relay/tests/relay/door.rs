//! Who comes in, and who says so.

use ahoy_contract::{
    ErrorCode, PeerId,
    wire::{ClientMessage, MAX_NAME_BYTES, RelayMessage},
};
use ahoy_relay::Config;
use futures_util::future::join_all;

use crate::client::{Running, join, talk};

fn admit(peer: &PeerId, accept: bool) -> ClientMessage {
    ClientMessage::Admit {
        peer: peer.clone(),
        accept,
    }
}

#[tokio::test]
async fn the_host_decides_who_comes_in() {
    let relay = Running::new(Config::default()).await;
    let mut host = relay.client().await;
    let room = host.create_knocking(1).await;
    let (mut welcome, mut unwelcome) = (relay.client().await, relay.client().await);
    for guest in [&mut welcome, &mut unwelcome] {
        guest.knock(&room).await;
        assert_eq!(host.knocked().await, guest.peer);
    }
    host.send(&admit(&unwelcome.peer, false)).await;
    assert_eq!(unwelcome.error().await, ErrorCode::Denied);
    host.send(&admit(&welcome.peer, true)).await;
    host.roster().await;
    assert_eq!(welcome.roster().await.peers, [welcome.peer.clone()]);
    talk(&mut host, &mut welcome).await;

    host.send(&ClientMessage::Lock { locked: true }).await;
    for client in [&mut host, &mut welcome] {
        let RelayMessage::Room { locked: true, .. } = client.next().await else {
            panic!("not locked");
        };
    }
    unwelcome.send(&join(&room)).await;
    assert_eq!(unwelcome.error().await, ErrorCode::Locked);

    let peer = welcome.peer.clone();
    host.send(&ClientMessage::Remove { peer: peer.clone() })
        .await;
    assert_eq!(welcome.error().await, ErrorCode::Removed);
    assert_eq!(host.next().await, RelayMessage::Left { peer });
    assert_eq!(host.roster().await.peers, []);
    relay.stopped().await;
}

#[tokio::test]
async fn a_thousand_knocks_disturb_nobody() {
    let relay = Running::new(Config::default()).await;
    let (mut other_host, mut other_guest) = relay.call(2).await;
    let mut host = relay.client().await;
    let room = host.create_knocking(1).await;
    let knocks = (0..1000).map(|_| async {
        let mut client = relay.client().await;
        client.send(&join(&room)).await;
        let answer = client.next().await;
        (client, answer)
    });
    let mut waiting = Vec::new();
    for (client, answer) in join_all(knocks).await {
        match answer {
            RelayMessage::Knock { peer, .. } => {
                assert_eq!(peer, client.peer);
                waiting.push(client);
            }
            RelayMessage::Error { code, .. } => assert_eq!(code, ErrorCode::RoomFull),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(waiting.len(), 16);
    for _ in 0..16 {
        let peer = host.knocked().await;
        assert!(waiting.iter().any(|client| client.peer == peer));
    }
    // It holds seven guests; all the others may still be sent away.
    for (index, client) in waiting.iter_mut().enumerate() {
        host.send(&admit(&client.peer, true)).await;
        if index < 7 {
            assert_eq!(host.roster().await.peers.len(), index + 1);
            client.roster().await;
        } else {
            assert_eq!(host.error().await, ErrorCode::RoomFull);
            host.send(&admit(&client.peer, false)).await;
            assert_eq!(client.error().await, ErrorCode::Denied);
        }
    }
    talk(&mut other_host, &mut other_guest).await;
    assert_eq!(relay.handle.counts().members, 10);
    relay.stopped().await;
}

#[tokio::test]
async fn who_is_not_the_host_decides_nothing() {
    let relay = Running::new(Config::default()).await;
    let (mut other_host, mut other_guest) = relay.call(2).await;
    let mut host = relay.client().await;
    let room = host.create_knocking(1).await;
    let (mut guest, mut waiting, mut stranger) = (
        relay.client().await,
        relay.client().await,
        relay.client().await,
    );
    guest.knock(&room).await;
    host.knocked().await;
    host.send(&admit(&guest.peer, true)).await;
    host.roster().await;
    guest.roster().await;
    waiting.knock(&room).await;
    host.knocked().await;
    let (own, inside, outside) = (host.peer.clone(), guest.peer.clone(), waiting.peer.clone());
    for (client, code, lock) in [
        (&mut guest, ErrorCode::Denied, ErrorCode::Denied),
        (&mut waiting, ErrorCode::Denied, ErrorCode::Denied),
        (&mut stranger, ErrorCode::NotInRoom, ErrorCode::NotInRoom),
    ] {
        for message in [
            admit(&outside, true),
            admit(&outside, false),
            ClientMessage::Remove { peer: own.clone() },
            ClientMessage::Remove {
                peer: inside.clone(),
            },
        ] {
            client.send(&message).await;
            assert_eq!(client.error().await, code, "{message:?}");
        }
        client.send(&ClientMessage::Lock { locked: true }).await;
        assert_eq!(client.error().await, lock);
    }
    // Nor does a host in another's room, or for one that is nowhere.
    let nobody = PeerId::from_bytes(&[9; 10]);
    for message in [
        admit(&outside, true),
        admit(&nobody, true),
        ClientMessage::Remove { peer: inside },
        ClientMessage::Remove { peer: nobody },
    ] {
        other_host.send(&message).await;
        assert_eq!(other_host.error().await, ErrorCode::NoSuchPeer);
    }
    talk(&mut host, &mut guest).await;
    talk(&mut other_host, &mut other_guest).await;
    host.send(&admit(&outside, true)).await;
    assert_eq!(host.roster().await.peers.len(), 2);
    assert_eq!(relay.handle.counts().members, 5);
    relay.stopped().await;
}

#[tokio::test]
async fn a_name_goes_on_as_it_came() {
    let relay = Running::new(Config::default()).await;
    let mut host = relay.client().await;
    let room = host.create_knocking(1).await;
    let named = |given: &str| {
        let mut join = join(&room);
        if let ClientMessage::Join { name, .. } = &mut join {
            *name = given.to_owned();
        }
        join
    };
    let mut long = relay.client().await;
    long.send(&named(&"x".repeat(MAX_NAME_BYTES + 1))).await;
    assert_eq!(long.error().await, ErrorCode::BadMessage);
    // The others check a proof over the very name, and make it fit to be shown themselves.
    for shown in [
        &"x".repeat(MAX_NAME_BYTES),
        "<img src=x onerror=alert(1)>\"'\\",
        "\u{202E}tsoh\u{202C} \u{2066}\u{0}\u{7}\u{1b}[2J",
        "\u{200F}\u{200B}שרה כהן\u{2069}",
        "\n\t \u{2028}",
    ] {
        let mut guest = relay.client().await;
        guest.send(&named(shown)).await;
        for client in [&mut guest, &mut host] {
            let RelayMessage::Knock { name, .. } = client.next().await else {
                panic!("no knock");
            };
            assert_eq!(name, shown);
        }
        host.send(&admit(&guest.peer, true)).await;
        let RelayMessage::Room { peers, .. } = host.next().await else {
            panic!("no roster");
        };
        assert_eq!(peers[0].name, shown);
        let peer = guest.peer.clone();
        host.send(&ClientMessage::Remove { peer }).await;
        assert!(matches!(host.next().await, RelayMessage::Left { .. }));
        host.roster().await;
    }
    relay.stopped().await;
}
