//! Broadcasts, over real sockets.

use ahoy_contract::{
    ErrorCode, RoomId,
    wire::{ClientMessage, RelayMessage, Role, RoomKind},
};
use ahoy_relay::Config;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Client, Running, create, join, many_sockets, signal};

/// Opens the broadcast of a key; `created` and the first roster are read.
pub(crate) async fn broadcast(host: &mut Client<TcpStream>, key: u8) -> RoomId {
    let mut create = create(key, RoomKind::Broadcast, host);
    if let ClientMessage::Create { capacity, .. } = &mut create {
        *capacity = 512;
    }
    host.send(&create).await;
    let RelayMessage::Created { room } = host.next().await else {
        panic!("not created");
    };
    assert_eq!(host.roster().await.host.as_ref(), Some(&host.peer));
    room
}

/// Comes to watch; what it sees of the room is read, and what the host hears of it.
async fn watch(host: &mut Client<TcpStream>, viewer: &mut Client<TcpStream>, room: &RoomId) {
    let seen = viewer.join(room).await;
    assert_eq!(seen.host.as_ref(), Some(&host.peer));
    assert_eq!(seen.peers, std::slice::from_ref(&viewer.peer));
    match host.next().await {
        RelayMessage::Joined(member) => assert_eq!(member.peer, viewer.peer),
        other => panic!("nobody joined but {other:?}"),
    }
}

/// The next that is not about how many there are, which comes at its own time.
async fn told(client: &mut Client<TcpStream>) -> RelayMessage {
    loop {
        match client.next().await {
            RelayMessage::Room { .. } => {}
            other => return other,
        }
    }
}

/// Waits until a viewer has been told of so many, itself and the host among them.
async fn counted(viewer: &mut Client<TcpStream>, members: u32) {
    loop {
        match viewer.next().await {
            RelayMessage::Room { count, peers, .. } => {
                assert_eq!(peers.len(), 1);
                if count == members {
                    return;
                }
            }
            other => panic!("no room but {other:?}"),
        }
    }
}

/// That one reaches the other.
async fn says(from: &mut Client<TcpStream>, to: &mut Client<TcpStream>) {
    from.signal(&to.peer.clone(), "{}").await;
    match told(to).await {
        RelayMessage::Signal { from: sender, .. } => assert_eq!(sender, from.peer),
        other => panic!("no signal but {other:?}"),
    }
}

#[tokio::test]
async fn a_page_looks_before_it_asks_for_a_camera() {
    let relay = Running::new(Config::default()).await;
    let (mut host, mut caller) = (relay.client().await, relay.client().await);
    let (shown, called) = (broadcast(&mut host, 1).await, caller.create(2).await);
    // Not before hello.
    let mut page = relay.stranger().await;
    let look = |room: &RoomId| ClientMessage::Look { room: room.clone() };
    page.send(&look(&shown)).await;
    assert_eq!(page.error().await, ErrorCode::BadMessage);
    let mut page = relay.client().await;
    for (room, kind) in [(&shown, RoomKind::Broadcast), (&called, RoomKind::Call)] {
        page.send(&look(room)).await;
        let room = room.clone();
        assert_eq!(page.next().await, RelayMessage::Found { room, kind });
    }
    page.send(&look(&"a".repeat(26).parse().unwrap())).await;
    assert_eq!(page.error().await, ErrorCode::NotFound);
    assert_eq!(relay.handle.counts().members, 2);
    // It asks as often as anybody may ask for anything.
    for _ in 0..600 {
        page.send(&look(&shown)).await;
    }
    loop {
        match page.next().await {
            RelayMessage::Found { .. } => {}
            RelayMessage::Error { code, .. } => {
                assert_eq!(code, ErrorCode::RateLimited);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    relay.stopped().await;
}

#[tokio::test]
async fn one_shows_and_the_others_watch() {
    let relay = Running::new(Config::default()).await;
    let mut host = relay.client().await;
    let room = broadcast(&mut host, 1).await;
    let (mut a, mut b) = (relay.client().await, relay.client().await);
    watch(&mut host, &mut a, &room).await;
    // Whatever it came for, it is a viewer here.
    let mut came = join(&room);
    if let ClientMessage::Join { role, .. } = &mut came {
        *role = Role::Viewer;
    }
    b.send(&came).await;
    counted(&mut b, 3).await;
    counted(&mut a, 3).await;
    assert!(matches!(host.next().await, RelayMessage::Joined(_)));
    for viewer in [&mut a, &mut b] {
        says(&mut host, viewer).await;
        says(viewer, &mut host).await;
    }
    let to_b = signal(&b.peer, "{}");
    a.send(&to_b).await;
    assert_eq!(a.error().await, ErrorCode::NoSuchPeer);

    host.send(&ClientMessage::Remove {
        peer: b.peer.clone(),
    })
    .await;
    assert_eq!(b.error().await, ErrorCode::Removed);
    let left = RelayMessage::Left {
        peer: b.peer.clone(),
    };
    assert_eq!(host.next().await, left);
    counted(&mut a, 2).await;
    // The host's socket breaks, and it is told again who is there.
    let (mut host, resumed) = relay.back(&host.token, 0).await;
    assert!(resumed);
    // What the viewers said is not acknowledged, so it comes again.
    let mut whole = None;
    while whole.is_none() {
        match host.next().await {
            RelayMessage::Room { peers, .. } => whole = Some(peers),
            RelayMessage::Signal { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    let whole: Vec<_> = whole.into_iter().flatten().map(|m| m.peer).collect();
    assert_eq!(whole, [a.peer.clone()]);
    relay.stopped().await;
}

#[tokio::test]
async fn hundreds_come_at_once_and_each_is_greeted() {
    const VIEWERS: usize = 400;
    const SIGNALS: usize = 12;
    many_sockets();
    let relay = Running::new(Config::default()).await;
    let mut host = relay.client().await;
    let room = broadcast(&mut host, 1).await;
    let mut viewers = Vec::new();
    for _ in 0..VIEWERS {
        viewers.push(relay.client().await);
    }
    // All at once, before the host reads anything.
    for viewer in &mut viewers {
        viewer.send(&join(&room)).await;
    }
    for viewer in &mut viewers {
        let seen = viewer.roster().await;
        assert_eq!(seen.peers, std::slice::from_ref(&viewer.peer));
    }
    for _ in 0..VIEWERS {
        assert!(matches!(host.next().await, RelayMessage::Joined(_)));
    }
    // It greets each with a description and candidates, and none of that is too much.
    for viewer in &viewers {
        for _ in 0..SIGNALS {
            host.signal(&viewer.peer, r#"{"candidate":null}"#).await;
        }
    }
    for viewer in &mut viewers {
        let mut signals = 0;
        while signals < SIGNALS {
            match told(viewer).await {
                RelayMessage::Signal { .. } => signals += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    // They all answer before the host reads anything of it, and it says that it got it.
    let answer = "x".repeat(4_000);
    for viewer in &mut viewers {
        viewer.signal(&host.peer, &answer).await;
    }
    for number in 1..=VIEWERS as u64 {
        assert_eq!(host.signalled().await.0, number);
        host.send(&ClientMessage::Ack { n: number }).await;
    }
    // A viewer has no more than anybody else.
    let viewer = &mut viewers[0];
    for _ in 0..600 {
        viewer.signal(&host.peer, "{}").await;
    }
    match told(viewer).await {
        RelayMessage::Error { code, .. } => assert_eq!(code, ErrorCode::RateLimited),
        other => panic!("{other:?}"),
    }
    assert_eq!(relay.handle.counts().members, VIEWERS + 1);
    relay.stopped().await;
}

#[tokio::test]
async fn nobody_gets_a_broadcasters_rate_for_asking() {
    let relay = Running::new(Config::default()).await;
    let mut host = relay.client().await;
    let room = broadcast(&mut host, 1).await;
    let mut refused = relay.client().await;
    watch(&mut host, &mut refused, &room).await;
    let own = create(2, RoomKind::Broadcast, &refused);
    refused.send(&own).await;
    assert_eq!(refused.error().await, ErrorCode::BadMessage);
    let mut left = relay.client().await;
    broadcast(&mut left, 3).await;
    left.send(&ClientMessage::Leave).await;
    watch(&mut host, &mut left, &room).await;
    // Each message of theirs counts as anybody's: who does not stop is closed long before two thousand.
    for viewer in [&mut refused, &mut left] {
        let ack = serde_json::to_string(&ClientMessage::Ack { n: 0 }).unwrap();
        for _ in 0..2_000 {
            if viewer.raw(Message::text(ack.clone())).await.is_err() {
                break;
            }
        }
        let limited = loop {
            match viewer.next().await {
                RelayMessage::Error { code, .. } => break code,
                RelayMessage::Room { .. } => {}
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(limited, ErrorCode::RateLimited);
    }
    relay.stopped().await;
}
