//! A screen beside the camera, in a section of its own.

use super::*;

fn with_screen() -> PeerConfig {
    PeerConfig {
        screen: Direction::BOTH,
        ..loopback()
    }
}

/// Sends a picture of a kind until `queue` has one of them; the last byte says which.
async fn arrives(from: &Peer, kind: MediaKind, last: u8, queue: &mut mpsc::Receiver<RtpPacket>) {
    let picture = Payload {
        data: Bytes::from(vec![0x90, last]),
        marker: true,
    };
    let sent = async {
        for time in 0.. {
            from.sender(kind).send(&picture, time, now()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        () = sent => {}
        packet = packet(queue) => assert_eq!(packet.payload[..], [0x90, last]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_goes_both_ways_beside_the_camera_and_is_told_from_it() {
    let (mut a, mut b) = pair(with_screen(), with_screen()).await;
    for round in 0..2_u8 {
        for kind in [MediaKind::Video, MediaKind::Screen] {
            let mark = kind as u8 + 10 * round;
            assert_eq!(a.peer.sender(kind).codec(), Some(VideoCodec::Vp9));
            let (at_a, at_b) = match kind {
                MediaKind::Screen => (&mut a.screen, &mut b.screen),
                _ => (&mut a.video, &mut b.video),
            };
            arrives(&a.peer, kind, mark, at_b).await;
            arrives(&b.peer, kind, mark, at_a).await;
        }
        // What was under way may still come; a new exchange changes nothing.
        for queue in [&mut a.video, &mut b.video, &mut a.screen, &mut b.screen] {
            tokio::time::sleep(Duration::from_millis(50)).await;
            while queue.try_recv().is_ok() {}
        }
        negotiate(&b.peer, &a.peer, false).await;
    }
    let stats = a.peer.stats();
    assert!(stats.screen.sent.packets > 0 && stats.screen.received.packets > 0);
    a.peer.close().await;
    b.peer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_frame_is_asked_for_of_the_pictures_that_need_it() {
    let (mut a, mut b) = pair(with_screen(), with_screen()).await;
    arrives(&a.peer, MediaKind::Video, 1, &mut b.video).await;
    arrives(&a.peer, MediaKind::Screen, 2, &mut b.screen).await;
    let peer_b = b.peer.clone();
    for kind in [MediaKind::Screen, MediaKind::Video] {
        b.peer.request_key_frame(kind).await;
        let asked = |event: &PeerEvent| matches!(event, PeerEvent::KeyFrameRequested(_));
        let event = a.until(&peer_b, asked).await;
        assert_eq!(event, PeerEvent::KeyFrameRequested(kind));
    }
    let stats = a.peer.stats();
    assert_eq!((stats.video.sent.plis, stats.screen.sent.plis), (1, 1));
    a.peer.close().await;
    b.peer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_without_a_section_for_a_screen_is_called_as_ever() {
    for offers in [true, false] {
        let (mut knows, mut other) = if offers {
            pair(with_screen(), loopback()).await
        } else {
            let (other, knows) = pair(loopback(), with_screen()).await;
            (knows, other)
        };
        for _ in 0..2 {
            assert!(!other.peer.sender(MediaKind::Screen).is_negotiated());
            arrives(&knows.peer, MediaKind::Video, 1, &mut other.video).await;
            arrives(&other.peer, MediaKind::Video, 2, &mut knows.video).await;
            // The end that knows screens offers once more, with its section.
            negotiate(&knows.peer, &other.peer, false).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            for end in [&mut knows, &mut other] {
                while end.video.try_recv().is_ok() {}
            }
        }
        knows.peer.close().await;
        other.peer.close().await;
    }
}
