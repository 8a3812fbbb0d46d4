//! Two connections in one process, over loopback.

use std::time::{Duration, Instant};

use ahoy_contract::peer::{Candidate, Description, DescriptionType};

use bytes::Bytes;
use tokio::{sync::mpsc, time::timeout};

mod one_way;
mod screen;

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
    screen: mpsc::Receiver<RtpPacket>,
    audio: mpsc::Receiver<RtpPacket>,
}

impl End {
    async fn open(config: PeerConfig) -> Self {
        let (peer, incoming) = Peer::open(config).await.unwrap();
        Self {
            peer,
            events: incoming.events,
            video: incoming.video,
            screen: incoming.screen,
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

/// Sends pictures of one packet until one arrives: the first may come before the peer's keys.
async fn flows(from: &End, to: &mut End) {
    let sender = from.peer.sender(MediaKind::Video);
    while to.video.try_recv().is_ok() {}
    timeout(PATIENCE, async {
        for timestamp in 0.. {
            sender
                .send(&payload(b"\x90abc"), timestamp, now())
                .await
                .unwrap();
            let wait = Duration::from_millis(20);
            if timeout(wait, to.video.recv()).await.is_ok() {
                return;
            }
        }
    })
    .await
    .expect("no packet arrived");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_use_what_the_answerer_prefers_of_what_both_have() {
    let only = |codecs: &[VideoCodec]| PeerConfig {
        codecs: codecs.to_vec(),
        ..loopback()
    };
    use VideoCodec::{Vp8, Vp9};
    for (a, b, used) in [
        (vec![Vp9, Vp8], vec![Vp8], Vp8),
        (vec![Vp8], vec![Vp9, Vp8], Vp8),
        (vec![Vp8, Vp9], vec![Vp9, Vp8], Vp9),
        (vec![], vec![Vp9], Vp9),
    ] {
        let (a, b) = (End::open(only(&a)).await, End::open(only(&b)).await);
        negotiate(&a.peer, &b.peer, false).await;
        for peer in [&a.peer, &b.peer] {
            assert_eq!(peer.sender(MediaKind::Video).codec(), Some(used));
        }
        // A second exchange, the other way, changes nothing.
        negotiate(&b.peer, &a.peer, false).await;
        for peer in [&a.peer, &b.peer] {
            assert_eq!(peer.sender(MediaKind::Video).codec(), Some(used));
        }
        a.peer.close().await;
        b.peer.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_way_media_is_sent_by_one_end_only() {
    let with = |video, audio| PeerConfig {
        video,
        audio,
        ..loopback()
    };
    let (a, mut b) = pair(
        with(Direction::SEND, Direction::NONE),
        with(Direction::RECEIVE, Direction::RECEIVE),
    )
    .await;
    flows(&a, &mut b).await;
    assert!(!a.peer.sender(MediaKind::Audio).is_negotiated());
    assert!(!b.peer.sender(MediaKind::Video).is_negotiated());
    let refused = b
        .peer
        .sender(MediaKind::Video)
        .send(&payload(b"x"), 0, now())
        .await;
    assert_eq!(refused, Err(RtcError::NotNegotiated));
    a.peer.close().await;
    b.peer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sections_of_unknown_media_are_refused_in_their_places() {
    let (mut a, mut b) = (End::open(loopback()).await, End::open(loopback()).await);
    let mut offer = a.peer.create_offer(false).await.unwrap();
    let own = offer.sdp.matches("m=").count();
    let at = offer.sdp.find("m=audio").unwrap();
    offer.sdp.insert_str(
        at,
        "m=text 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:text\r\na=rtpmap:98 t140/1000\r\na=sendrecv\r\n",
    );
    offer
        .sdp
        .push_str("m=application 9 UDP/BFCP *\r\na=mid:floor\r\n");
    let bundle = offer
        .sdp
        .replace("a=group:BUNDLE ", "a=group:BUNDLE text floor ");
    offer.sdp = bundle;
    b.peer.set_remote(&offer).await.unwrap();
    let answer = b.peer.create_answer().await.unwrap();
    let lines = answer.sdp.lines();
    let sections: Vec<&str> = lines.filter(|line| line.starts_with("m=")).collect();
    assert_eq!(sections.len(), own + 2, "{sections:?}");
    assert_eq!(sections[0], "m=text 0 UDP/TLS/RTP/SAVPF 98");
    assert_eq!(sections[own + 1], "m=application 0 UDP/BFCP *");
    assert!(!sections[1].starts_with("m=audio 0"), "{sections:?}");
    let group = answer
        .sdp
        .lines()
        .find(|line| line.starts_with("a=group:BUNDLE"));
    assert!(
        !group.unwrap().contains("text") && !group.unwrap().contains("floor"),
        "{group:?}"
    );
    a.peer.set_remote(&answer).await.unwrap();
    both(&mut a, &mut b, connected).await;
    flows(&a, &mut b).await;
    flows(&b, &mut a).await;
    a.peer.close().await;
    b.peer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_channel_is_taken_by_its_label() {
    let labelled = |label: Option<&str>| PeerConfig {
        channel: label.map(str::to_owned),
        ..loopback()
    };
    let (mut a, mut b) = pair(labelled(Some("channel")), labelled(Some("channel"))).await;
    both(&mut a, &mut b, |event| *event == PeerEvent::DataOpen).await;
    a.peer.send_data("hello").await.unwrap();
    let peer_a = a.peer.clone();
    let heard = b
        .until(&peer_a, |event| matches!(event, PeerEvent::Data(_)))
        .await;
    assert_eq!(heard, PeerEvent::Data("hello".into()));
    a.peer.close().await;
    b.peer.close().await;
    // One that knows no channel, or another one, closes it.
    for other in [None, Some("ahoy")] {
        let (mut a, b) = pair(labelled(Some("channel")), labelled(other)).await;
        let peer_b = b.peer.clone();
        a.until(&peer_b, |event| *event == PeerEvent::DataClosed)
            .await;
        assert!(b.peer.send_data("hello").await.is_err());
        a.peer.close().await;
        b.peer.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_data_channel_has_no_section_for_one() {
    let none = || PeerConfig {
        channel: None,
        ..loopback()
    };
    let offer = End::open(none())
        .await
        .peer
        .create_offer(false)
        .await
        .unwrap();
    assert!(!offer.sdp.contains("m=application"), "{}", offer.sdp);
    let (a, mut b) = pair(none(), none()).await;
    flows(&a, &mut b).await;
    a.peer.close().await;
    b.peer.close().await;
}

/// Candidates inside the descriptions, and none told later.
#[tokio::test(flavor = "multi_thread")]
async fn descriptions_that_hold_their_candidates_are_enough() {
    let (mut a, mut b) = (End::open(loopback()).await, End::open(loopback()).await);
    async fn whole(end: &mut End, description: Description) -> Description {
        let mut candidates = Vec::new();
        while let Some(event) = end.events.recv().await {
            match event {
                PeerEvent::Candidate(Some(candidate)) => candidates.push(candidate.candidate),
                PeerEvent::Candidate(None) => break,
                _ => {}
            }
        }
        assert!(!candidates.is_empty());
        let sdp = with_candidates(&description.sdp, &candidates);
        Description { sdp, ..description }
    }
    let offer = a.peer.create_offer(false).await.unwrap();
    let offer = whole(&mut a, offer).await;
    b.peer.set_remote(&offer).await.unwrap();
    let answer = b.peer.create_answer().await.unwrap();
    let answer = whole(&mut b, answer).await;
    a.peer.set_remote(&answer).await.unwrap();
    let wait = async |end: &mut End| {
        while !connected(&end.events.recv().await.unwrap()) {}
    };
    timeout(PATIENCE, async { tokio::join!(wait(&mut a), wait(&mut b)) })
        .await
        .unwrap();
    a.peer.close().await;
    b.peer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_hears_that_a_key_frame_is_needed() {
    let (mut a, mut b) = pair(loopback(), loopback()).await;
    flows(&a, &mut b).await;
    b.peer.request_key_frame(MediaKind::Video).await;
    let (peer_a, peer_b) = (a.peer.clone(), b.peer.clone());
    let asked = PeerEvent::KeyFrameRequested(MediaKind::Video);
    a.until(&peer_b, |event| *event == asked).await;
    assert_eq!(peer_a.stats().video.sent.plis, 1);
    assert_eq!(b.peer.stats().video.received.plis, 1);
    b.until(&peer_a, |event| {
        *event == PeerEvent::RemoteTrack(MediaKind::Video)
    })
    .await;
    a.peer.close().await;
    b.peer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_bring_the_round_trip_and_the_capture_clock() {
    let (a, mut b) = pair(loopback(), loopback()).await;
    let sender = a.peer.sender(MediaKind::Video);
    let captured = now();
    timeout(PATIENCE, async {
        for i in 0.. {
            sender
                .send(
                    &payload(b"\x90abc"),
                    i * 900,
                    captured + Duration::from_millis(10) * i,
                )
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
            let done = b.peer.stats().video.received.sync.is_some() && a.peer.stats().rtt.is_some();
            if done {
                break;
            }
        }
    })
    .await
    .unwrap();
    let sync = b.peer.stats().video.received.sync.unwrap();
    let since = sync.arrived - captured;
    let expected = since.as_secs_f64() * 90_000.0;
    assert!(
        (f64::from(sync.rtp) - expected).abs() < 2_000.0,
        "{sync:?} {since:?}"
    );
    let stats = a.peer.stats();
    assert!(stats.rtt.unwrap() < Duration::from_secs(1));
    assert_eq!(stats.video.sent.fraction_lost, 0.0);
    assert!(stats.video.sent.packets > 10);
    assert!(b.peer.stats().video.received.packets > 10);
    while b.video.try_recv().is_ok() {}
    a.peer.close().await;
    b.peer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crossed_offers_end_in_one_connection() {
    let (mut a, mut b) = (End::open(loopback()).await, End::open(loopback()).await);
    let offer_a = a.peer.create_offer(false).await.unwrap();
    let _ignored_by_a = b.peer.create_offer(false).await.unwrap();
    b.peer.set_remote(&offer_a).await.unwrap();
    let answer = b.peer.create_answer().await.unwrap();
    a.peer.set_remote(&answer).await.unwrap();
    both(&mut a, &mut b, connected).await;
    flows(&a, &mut b).await;
    flows(&b, &mut a).await;
    a.peer.send_data("one").await.ok();
    // And once more when it stands: now the other yields.
    let _ignored_by_b = a.peer.create_offer(false).await.unwrap();
    let offer_b = b.peer.create_offer(false).await.unwrap();
    a.peer.set_remote(&offer_b).await.unwrap();
    let answer = a.peer.create_answer().await.unwrap();
    b.peer.set_remote(&answer).await.unwrap();
    flows(&a, &mut b).await;
    flows(&b, &mut a).await;
    a.peer.close().await;
    b.peer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ice_restart_goes_on_with_the_media() {
    let (mut a, mut b) = pair(loopback(), loopback()).await;
    flows(&a, &mut b).await;
    for _ in 0..2 {
        negotiate(&a.peer, &b.peer, true).await;
        both(&mut a, &mut b, connected).await;
        flows(&a, &mut b).await;
        flows(&b, &mut a).await;
        // The other end may ask for it as well.
        negotiate(&b.peer, &a.peer, true).await;
        both(&mut a, &mut b, connected).await;
        flows(&a, &mut b).await;
    }
    a.peer.close().await;
    b.peer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn candidates_may_come_before_the_description() {
    let (mut a, mut b) = (End::open(loopback()).await, End::open(loopback()).await);
    let offer = a.peer.create_offer(false).await.unwrap();
    let early = a
        .until(&b.peer, |event| matches!(event, PeerEvent::Candidate(None)))
        .await;
    assert_eq!(early, PeerEvent::Candidate(None));
    b.peer.set_remote(&offer).await.unwrap();
    let answer = b.peer.create_answer().await.unwrap();
    b.until(&a.peer, |event| matches!(event, PeerEvent::Candidate(None)))
        .await;
    a.peer.set_remote(&answer).await.unwrap();
    both(&mut a, &mut b, connected).await;
    a.peer.close().await;
    b.peer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_is_told_and_nothing_works_after_it() {
    let (mut a, mut b) = pair(loopback(), loopback()).await;
    both(&mut a, &mut b, |event| *event == PeerEvent::DataOpen).await;
    let sender = a.peer.sender(MediaKind::Audio);
    a.peer.close().await;
    a.peer.close().await;
    assert_eq!(
        sender.send(&payload(b"x"), 0, now()).await,
        Err(RtcError::Closed)
    );
    assert_eq!(a.peer.create_offer(false).await, Err(RtcError::Closed));
    assert!(a.peer.send_data("late").await.is_err());
    let mut last = None;
    while let Some(event) = a.events.recv().await {
        last = Some(event);
    }
    assert_eq!(last, Some(PeerEvent::State(PeerState::Closed)));
    assert!(a.video.recv().await.is_none() && a.audio.recv().await.is_none());
    // The other end sees it at once, by the data channel.
    let peer_a = a.peer.clone();
    b.until(&peer_a, |event| *event == PeerEvent::DataClosed)
        .await;
    b.peer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_that_leave_together_arrive_each_and_in_order() {
    let (a, mut b) = pair(loopback(), loopback()).await;
    let (video, audio) = (
        a.peer.sender(MediaKind::Video),
        a.peer.sender(MediaKind::Audio),
    );
    // No more than the system keeps for who does not read yet.
    for number in 0..12_u32 {
        let mut burst = Burst::default();
        for n in 0..9 {
            // Of different lengths.
            let data: &'static [u8] = if n % 4 == 3 { b"\x90ab" } else { b"\x90abcd" };
            burst.add(&video, &payload(data), number, now()).unwrap();
        }
        if number % 2 == 0 {
            burst.add(&audio, &payload(b"end"), number, now()).unwrap();
        }
        // What cannot be sent takes nothing with it.
        let screen = a.peer.sender(MediaKind::Screen);
        let refused = burst.add(&screen, &payload(b"\x90"), number, now());
        assert_eq!(refused, Err(RtcError::NotNegotiated));
        burst.send().await.unwrap();
    }
    let mut numbers = Vec::new();
    for n in 0..12 * 9 {
        let packet = packet(&mut b.video).await;
        assert_eq!(packet.timestamp, n / 9);
        numbers.push(packet.sequence_number);
    }
    let follows = |pair: &[u16]| pair[1] == pair[0].wrapping_add(1);
    assert!(numbers.windows(2).all(follows), "{numbers:?}");
    for _ in 0..6 {
        packet(&mut b.audio).await;
    }
    a.peer.close().await;
    let mut burst = Burst::default();
    let refused = burst.add(&video, &payload(b"\x90"), 0, now());
    assert_eq!(refused, Err(RtcError::Closed));
    assert_eq!(burst.send().await, Ok(()), "there is nothing in it");
    b.peer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_does_not_match_its_description_gets_no_connection() {
    for hash in ["sha-256", "sha-999"] {
        let (mut a, mut b) = (End::open(loopback()).await, End::open(loopback()).await);
        let offer = a.peer.create_offer(false).await.unwrap();
        b.peer.set_remote(&offer).await.unwrap();
        let mut answer = b.peer.create_answer().await.unwrap();
        let start = answer.sdp.find("a=fingerprint:sha-256 ").unwrap() + 22;
        let other = if answer.sdp[start..].starts_with('A') {
            "B"
        } else {
            "A"
        };
        answer.sdp.replace_range(start..=start, other);
        answer.sdp = answer.sdp.replace("sha-256", hash);
        if a.peer.set_remote(&answer).await.is_ok() {
            let (peer_a, peer_b) = (a.peer.clone(), b.peer.clone());
            // The end that is not believed hears it by an alert; the other waits for keys that never come.
            let refused = b.until(&peer_a, |event| {
                assert!(!connected(event));
                *event == PeerEvent::State(PeerState::Failed)
            });
            let forward = async {
                while let Some(event) = a.events.recv().await {
                    assert!(!connected(&event));
                    if let PeerEvent::Candidate(candidate) = event {
                        peer_b.add_candidate(candidate.as_ref()).await.unwrap();
                    }
                }
            };
            tokio::select! {
                _ = refused => {}
                () = forward => unreachable!("a was not closed"),
            }
        }
        a.peer.close().await;
        b.peer.close().await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn thirty_connections_leave_no_socket_behind() {
    fn descriptors() -> usize {
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    }
    let once = async |close: bool| {
        let (a, b) = pair(loopback(), loopback()).await;
        if close {
            a.peer.close().await;
            b.peer.close().await;
        }
    };
    // The runtime's own descriptors are made at the first use.
    once(true).await;
    let before = descriptors();
    for i in 0..15 {
        once(i % 2 == 0).await;
    }
    // What was only dropped is closed in the background.
    timeout(PATIENCE, async {
        while descriptors() > before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("sockets stay open");
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_is_an_error_and_the_connection_goes_on() {
    let (mut a, mut b) = (End::open(loopback()).await, End::open(loopback()).await);
    let offer = a.peer.create_offer(false).await.unwrap();
    let description = |kind, sdp: String| Description { kind, sdp };
    let sdp = &offer.sdp;
    let without = |prefix: &str| {
        let kept = sdp.lines().filter(|line| !line.starts_with(prefix));
        kept.map(|line| format!("{line}\r\n")).collect::<String>()
    };
    let mutants = [
        String::new(),
        "rubbish".to_owned(),
        "v=0\r\n".to_owned(),
        "\0\u{fffd}".repeat(1000),
        sdp[..sdp.len() / 3].to_owned(),
        without("m="),
        without("a=mid"),
        without("a=fingerprint"),
        without("a=ice-ufrag"),
        without("a=ice-pwd"),
        without("a=setup"),
        without("a=rtpmap"),
        without("a=ssrc"),
        sdp.replace("sha-256 ", "sha-999 "),
        sdp.replace("a=mid:0", "a=mid:1"),
        sdp.replace("a=ssrc:", "a=ssrc:99999999999999999"),
        sdp.replace("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVPF 999 -1 x"),
        sdp.replace(
            "a=rtpmap:98 VP9/90000",
            "a=rtpmap:98 VP9/99999999999999999999",
        ),
        sdp.replace("apt=", "apt=x"),
        sdp.replace("a=extmap:", "a=extmap:99999"),
        sdp.replace("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 7 8 9"),
        sdp.replace("a=sctp-port:5000", "a=sctp-port:rubbish"),
        sdp.replace("m=video 9", "m=video 99999"),
        sdp.replace("IN IP4", "IN IP9"),
        format!("{sdp}{}", "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n".repeat(500)),
        sdp.repeat(100),
    ];
    for (i, mutant) in mutants.into_iter().enumerate() {
        let answer = description(DescriptionType::Answer, mutant.clone());
        assert!(b.peer.set_remote(&answer).await.is_err(), "answer {i}");
        // Some are odd and still usable: what counts is that nothing breaks.
        let odd = description(DescriptionType::Offer, mutant);
        let probe = End::open(loopback()).await;
        if probe.peer.set_remote(&odd).await.is_ok() {
            let _ = probe.peer.create_answer().await;
        }
        probe.peer.close().await;
    }
    for rubbish in [
        "rubbish",
        "candidate:",
        "candidate:1 1 udp x 127.0.0.1 5000 typ host",
        "candidate:1 1 udp 1 127.0.0.1 99999 typ host",
        "candidate:1 1 udp 1 127.0.0.1 5000 typ rubbish",
        "\0",
    ] {
        let candidate = Candidate {
            candidate: rubbish.to_owned(),
            sdp_mid: None,
            sdp_m_line_index: None,
            username_fragment: None,
        };
        let result = b.peer.add_candidate(Some(&candidate)).await;
        assert_eq!(
            result.is_err(),
            rubbish != "candidate:",
            "{rubbish} {result:?}"
        );
    }
    // A good offer still works on the same connection.
    b.peer.set_remote(&offer).await.unwrap();
    let answer = b.peer.create_answer().await.unwrap();
    a.peer.set_remote(&answer).await.unwrap();
    both(&mut a, &mut b, connected).await;
    a.peer.close().await;
    b.peer.close().await;
}
