//! Ends that only send, and tracks that nobody reads.

use std::{
    io,
    sync::{Arc, Mutex},
};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_only_sends_answers_an_offer_of_both_ways() {
    let sends = PeerConfig {
        video: Direction::SEND,
        audio: Direction::SEND,
        ..loopback()
    };
    let (mut a, mut b) = pair(loopback(), sends).await;
    flows(&b, &mut a).await;
    for kind in [MediaKind::Audio, MediaKind::Video] {
        assert!(b.peer.sender(kind).is_negotiated());
        assert!(!a.peer.sender(kind).is_negotiated(), "nobody wants it");
    }
    // Another exchange from either side changes nothing of that.
    negotiate(&a.peer, &b.peer, false).await;
    flows(&b, &mut a).await;
    negotiate(&b.peer, &a.peer, false).await;
    flows(&b, &mut a).await;
    assert!(!a.peer.sender(MediaKind::Video).is_negotiated());
    assert!(b.video.try_recv().is_err());
    a.peer.close().await;
    b.peer.close().await;
}

/// What was logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_that_nobody_reads_are_not_logged() {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::ERROR)
        .with_writer(move || writer.clone());
    // Another test of this process may have been first; then there is nothing to see.
    let _ = subscriber.try_init();
    let (a, mut b) = pair(loopback(), loopback()).await;
    flows(&a, &mut b).await;
    let End { peer, events, .. } = b;
    let sender = a.peer.sender(MediaKind::Video);
    let before = peer.stats().video.received.packets;
    let mut timestamp = 1;
    // More than the library keeps for who may come to read them.
    timeout(PATIENCE, async {
        while peer.stats().video.received.packets < before + 1_000 {
            for _ in 0..20 {
                timestamp += 1;
                let picture = payload(b"\x90abc");
                sender.send(&picture, timestamp, now()).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .unwrap();
    let text = logged.0.lock().unwrap().clone();
    let text = String::from_utf8_lossy(&text);
    assert!(!text.contains("track remote"), "{text}");
    drop(events);
    a.peer.close().await;
    peer.close().await;
}
