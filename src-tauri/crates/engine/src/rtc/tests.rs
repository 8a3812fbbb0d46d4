//! Two connections in one process, over loopback.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::{sync::mpsc, time::timeout};

use super::*;
use crate::{
    frame::VideoCodec,
    packet::{Payload, RtpPacket},
};

/// No event takes this long on a machine that works.
const PATIENCE: Duration = Duration::from_secs(20);

struct End {
    peer: Peer,
    events: mpsc::Receiver<PeerEvent>,
    video: mpsc::Receiver<RtpPacket>,
    audio: mpsc::Receiver<RtpPacket>,
}

impl End {
    async fn open(config: PeerConfig) -> Self {
        let (peer, incoming) = Peer::open(config).await.unwrap();
        Self {
            peer,
            events: incoming.events,
            video: incoming.video,
            audio: incoming.audio,
        }
    }

    /// Waits for an event; candidates on the way go to `other`.
    async fn until(&mut self, other: &Peer, wanted: impl Fn(&PeerEvent) -> bool) -> PeerEvent {
        timeout(PATIENCE, async {
            loop {
                let event = self.events.recv().await.expect("the connection has ended");
                if let PeerEvent::Candidate(candidate) = &event {
                    other.add_candidate(candidate.as_ref()).await.unwrap();
                }
                if wanted(&event) {
                    return event;
                }
            }
        })
        .await
        .expect("the event did not come")
    }
}

fn loopback() -> PeerConfig {
    PeerConfig {
        bind: BindPolicy::Loopback,
        ..PeerConfig::default()
    }
}

fn connected(event: &PeerEvent) -> bool {
    matches!(event, PeerEvent::State(PeerState::Connected { .. }))
}

/// `from` offers, `to` answers.
async fn negotiate(from: &Peer, to: &Peer, ice_restart: bool) {
    let offer = from.create_offer(ice_restart).await.unwrap();
    to.set_remote(&offer).await.unwrap();
    let answer = to.create_answer().await.unwrap();
    from.set_remote(&answer).await.unwrap();
}

/// Both ends of `a` and `b` reach an event.
async fn both(
    a: &mut End,
    b: &mut End,
    wanted: impl Fn(&PeerEvent) -> bool + Copy,
) -> (PeerEvent, PeerEvent) {
    let (peer_a, peer_b) = (a.peer.clone(), b.peer.clone());
    tokio::join!(a.until(&peer_b, wanted), b.until(&peer_a, wanted))
}

async fn pair(a: PeerConfig, b: PeerConfig) -> (End, End) {
    let (mut a, mut b) = (End::open(a).await, End::open(b).await);
    negotiate(&a.peer, &b.peer, false).await;
    both(&mut a, &mut b, connected).await;
    (a, b)
}

fn payload(data: &'static [u8]) -> Payload {
    Payload {
        data: Bytes::from_static(data),
        marker: true,
    }
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a test at the edge")]
    Instant::now()
}

async fn packet(queue: &mut mpsc::Receiver<RtpPacket>) -> RtpPacket {
    timeout(PATIENCE, queue.recv()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn media_and_data_go_both_ways() {
    let (mut a, mut b) = pair(loopback(), loopback()).await;
    for kind in [MediaKind::Audio, MediaKind::Video] {
        for (from, to) in [(&a, &b), (&b, &a)] {
            let sender = from.peer.sender(kind);
            assert!(sender.is_negotiated());
            assert_eq!(sender.codec().is_some(), kind == MediaKind::Video);
            sender
                .send(&payload(b"\x90abc"), 1234, now())
                .await
                .unwrap();
            let _ = to;
        }
    }
    for end in [&mut a, &mut b] {
        let video = packet(&mut end.video).await;
        assert_eq!(video.codec, Some(VideoCodec::Vp9));
        assert_eq!(
            (&video.payload[..], video.timestamp),
            (&b"\x90abc"[..], 1234)
        );
        assert!(video.marker);
        let audio = packet(&mut end.audio).await;
        assert_eq!(audio.codec, None);
    }
    both(&mut a, &mut b, |event| *event == PeerEvent::DataOpen).await;
    a.peer.send_data("hello").await.unwrap();
    b.peer.send_data("grüße").await.unwrap();
    let (at_a, at_b) = both(&mut a, &mut b, |event| matches!(event, PeerEvent::Data(_))).await;
    assert_eq!(at_a, PeerEvent::Data("grüße".into()));
    assert_eq!(at_b, PeerEvent::Data("hello".into()));
    assert!(matches!(
        a.peer.send_data(&"x".repeat(100_000)).await,
        Err(RtcError::DataNotSent(_))
    ));
    a.peer.close().await;
    b.peer.close().await;
}
