//! Fuzz targets: descriptions and candidates of a peer, and what it sends once its keys are exchanged.

use std::{
    collections::{BTreeSet, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rtc::{
    ice::candidate::unmarshal_candidate,
    interceptor::{
        AttributedPacket, Interceptor, Packet, RTCPFeedback, RTPHeaderExtension, StreamInfo,
        TaggedPacket,
    },
    peer_connection::sdp::RTCSessionDescription,
    rtcp, rtp,
    sansio::Protocol as _,
    sdp::description::session::SessionDescription,
    shared::{TransportContext, marshal::Unmarshal as _},
};
use tokio::sync::mpsc;

use super::{
    EVENT_QUEUE, MediaKind,
    candidates::{CandidateBudget, MAX_CANDIDATES, usable_candidate, with_candidates},
    guard::{DtlsFilter, Filter, SsrcFilter, Verdict},
    media_engine::TRANSPORT_CC,
    remote_description::{MAX_SDP, RemoteDescription, with_refused},
    sdp::{MAX_SSRCS, Setup, section, setup, with_setup},
    setup::interceptors,
    shared::{Clock, Shared},
};
use crate::{
    frame::Bitrate,
    fuzz::{Input, start},
};

/// The description of a peer, as it is made ready for the library, and the library's own parser behind that.
pub(crate) fn sdp(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // A peer's first description, as its connection would take it.
    let sanitize = |description: &RemoteDescription| {
        let (mut budget, now) = (CandidateBudget::default(), start());
        description.sanitized(|candidate| budget.admit(now, candidate))
    };
    let Ok(description) = RemoteDescription::parse(&text) else {
        return;
    };
    assert!(text.len() <= MAX_SDP);
    let clean = sanitize(&description);
    assert!(clean.len() <= 2 * text.len() + 64);
    if clean.len() <= MAX_SDP {
        let again = RemoteDescription::parse(&clean).map(|again| sanitize(&again));
        assert_eq!(again.as_ref(), Ok(&clean));
    }
    // The library finds no other candidates than those that were admitted.
    if let Ok(read) = SessionDescription::try_from(clean.clone()) {
        let sections = read.media_descriptions.iter();
        let candidates = sections
            .flat_map(|section| &section.attributes)
            .filter(|attribute| attribute.is_ice_candidate())
            .filter_map(|attribute| attribute.value.as_deref());
        let mut count = 0;
        for candidate in candidates {
            count += 1;
            assert!(usable_candidate(candidate).is_some());
            if let Ok(read) = unmarshal_candidate(candidate) {
                assert_eq!(usable_candidate(candidate), Some(read.addr()));
            }
        }
        assert!(count <= MAX_CANDIDATES);
    }
    assert_eq!(
        sections(&with_refused(&clean, &description.refused())),
        sections(&clean) + description.refused().len()
    );
    for kind in [MediaKind::Audio, MediaKind::Video, MediaKind::Screen] {
        if let Some(section) = section(&clean, kind) {
            assert!(section.ssrcs.len() <= MAX_SSRCS);
            assert!(section.codecs.len() + section.rtx.len() <= 256);
        }
    }
    if setup(&clean).is_some() {
        for role in [Setup::Active, Setup::Passive] {
            assert_eq!(setup(&with_setup(&clean, role)), Some(role));
        }
    }
    let told = ["candidate:1 1 udp 1 192.0.2.1 9 typ host".to_owned()];
    let with = with_candidates(&clean, &told);
    assert!(with.matches("\na=end-of-candidates\r\n").count() <= 1);
    assert_eq!(with_candidates(&with, &told), with);
    let _ = RTCSessionDescription::offer(clean.clone());
    let _ = RTCSessionDescription::answer(clean);
}

/// The most checks that leave in any one second.
const MAX_CHECKS: usize = 50;
const SECOND: Duration = Duration::from_secs(1);
/// The most copies of one DTLS datagram that pass during a handshake, and more than those.
const MAX_COPIES: usize = 256;
const COPIES: usize = 300;
/// The most streams of each kind that pass though nobody announced them and no packet was authenticated.
const MAX_STRANGE_STREAMS: usize = 16;

/// Datagrams that arrive and leave at a connection's sockets. No input holds a check that is authentic, so nothing but
/// checks passes from an address that this end sends nothing to, and few checks leave in any one second. Behind that,
/// as from the peer itself, few fragments and few streams pass.
pub(crate) fn guard(data: &[u8]) {
    let mut input = Input::new(data);
    let mut filter = Filter::default();
    filter.set_credentials("ufrag", "a password of 24 letters");
    let local = SocketAddr::from(([192, 0, 2, 1], 5000));
    let (mut dtls, mut ssrcs) = (DtlsFilter::default(), SsrcFilter::default());
    ssrcs.allow_payload_types(u128::MAX);
    let mut streams = BTreeSet::new();
    let mut left = VecDeque::new();
    let mut now = start();
    while !input.is_empty() {
        let (what, who) = (input.byte(), input.byte());
        now += Duration::from_millis(u64::from(input.byte()));
        let length = usize::from(input.number() % 1500);
        let datagram = input.take(length);
        if what & 1 == 0 {
            let from = SocketAddr::from(([198, 51, 100, who & 3], 6000));
            let verdict = filter.arrived(now, local, from, datagram);
            if who & 2 != 0 && !matches!(datagram.first(), Some(0..=3)) {
                assert!(matches!(verdict, Verdict::Refuse(_)), "{verdict:?}");
            }
        } else {
            let to = SocketAddr::from(([198, 51, 100, who & 1], 6000));
            let _ = filter.leaving(now, local, to, datagram);
        }
        if what & 2 != 0 {
            filter.handshake_done();
        }
        while filter.next_check(now).is_some() {
            left.push_back(now);
            while left.front().is_some_and(|at| *at + SECOND <= now) {
                left.pop_front();
            }
            assert!(left.len() <= MAX_CHECKS, "checks leave in turn");
        }
        let copies = (0..COPIES).filter(|_| dtls.arrived(datagram).is_ok());
        assert!(copies.count() <= MAX_COPIES, "few fragments pass");
        if ssrcs.arrived(datagram).is_ok() {
            // Where RTCP and RTP have it (RFC 3550 §5.1 and §6.4).
            let is_rtcp = matches!(datagram[1], 192..=223);
            let at = if is_rtcp { 4 } else { 8 };
            streams.insert((is_rtcp, datagram[at..at + 4].to_vec()));
            let alike = streams.iter().filter(|(kind, _)| *kind == is_rtcp);
            assert!(alike.count() <= MAX_STRANGE_STREAMS, "few streams pass");
        }
    }
}

fn sections(sdp: &str) -> usize {
    sdp.lines().filter(|line| line.starts_with("m=")).count()
}

/// One datagram of RTCP.
pub(crate) fn rtcp(data: &[u8]) {
    let mut session = Session::new(start());
    session.receive(data);
    session.pass(Duration::from_secs(1));
}

/// Datagrams of RTP and RTCP, each led by the milliseconds before it and its length.
pub(crate) fn rtp(data: &[u8]) {
    let mut input = Input::new(data);
    let mut session = Session::new(start());
    while !input.is_empty() {
        session.pass(Duration::from_millis(u64::from(input.byte())));
        let length = usize::from(input.number());
        session.receive(input.take(length));
    }
    session.pass(Duration::from_secs(1));
}

/// The numbers of the streams: this end's sound and pictures with what is sent again, and the peer's.
const STREAMS: [(u32, Option<u32>, &str); 2] = [
    (0x1111_1111, None, "audio/opus"),
    (0x2222_2222, Some(0x2323_2323), "video/VP9"),
];
const THEIRS: [(u32, Option<u32>, &str); 2] = [
    (0x3333_3333, None, "audio/opus"),
    (0x4444_4444, Some(0x4545_4545), "video/VP9"),
];

/// The most that is ever sent.
const MAX: Bitrate = Bitrate::kbps(2_500);
/// Packets that were sent before.
const SENT: u16 = 64;
/// Bytes of each.
const SIZE: usize = 1_100;

/// The interceptors of a connection that has sent pictures for a while. What the peer asks for again is at most what the
/// estimate allows, and never more than the configured maximum.
struct Session<T> {
    chain: T,
    shared: Arc<Shared>,
    now: Instant,
    /// Milliseconds that have passed.
    passed: u64,
    /// Bytes that left because of what the peer sent.
    left: usize,
    _events: mpsc::Receiver<super::PeerEvent>,
}

impl Session<()> {
    fn new(now: Instant) -> Session<impl Interceptor> {
        let (events, _events) = mpsc::channel(EVENT_QUEUE);
        let shared = Arc::new(Shared::new(events, MAX, MAX, Clock::now()));
        let mut chain = interceptors(&shared, MAX, true).build();
        for stream in STREAMS {
            chain.bind_local_stream(&info(stream));
        }
        for stream in THEIRS {
            chain.bind_remote_stream(&info(stream));
        }
        let mut session = Session {
            chain,
            shared,
            now,
            passed: 0,
            left: 0,
            _events,
        };
        for number in 0..SENT {
            let mut header = rtp::Header {
                version: 2,
                payload_type: 98,
                sequence_number: number,
                timestamp: u32::from(number) * 300,
                ssrc: STREAMS[1].0,
                ..rtp::Header::default()
            };
            let _ = header.set_extension(1, Bytes::copy_from_slice(&number.to_be_bytes()));
            let packet = rtp::Packet {
                header,
                payload: Bytes::from_static(&[0; SIZE]),
            };
            let packet = session.tagged(Packet::Rtp(packet));
            let _ = session.chain.handle_write(packet);
        }
        while session.chain.poll_write().is_some() {}
        session
    }
}

impl<T: Interceptor> Session<T> {
    fn tagged(&self, packet: Packet) -> TaggedPacket {
        TaggedPacket {
            now: self.now,
            transport: TransportContext::default(),
            message: AttributedPacket::new(packet),
        }
    }

    /// Takes a datagram as the library does once it has decrypted it (RFC 5761 §4 tells RTCP apart).
    fn receive(&mut self, data: &[u8]) {
        let mut bytes = Bytes::copy_from_slice(data);
        let packet = match data.get(1) {
            Some(192..=223) => rtcp::packet::unmarshal(&mut bytes).map(Packet::Rtcp),
            _ => rtp::Packet::unmarshal(&mut bytes).map(Packet::Rtp),
        };
        if let Ok(packet) = packet {
            let packet = self.tagged(packet);
            let _ = self.chain.handle_read(packet);
            while self.chain.poll_read().is_some() {}
        }
        self.drain();
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.passed += time.as_millis() as u64;
        let _ = self.chain.handle_timeout(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(packet) = self.chain.poll_write() {
            if let Packet::Rtp(packet) = packet.message.packet {
                self.left += packet.payload.len();
            }
        }
        let stats = *self.shared.stats.lock();
        assert!(stats.estimate <= MAX, "{stats:?}");
        // Half of the path, and what it carries in 300 ms at once.
        let allowed = MAX.as_bps() * (self.passed / 2 + 300) / 8 / 1000;
        assert!(
            self.left as u64 <= allowed + 2 * SIZE as u64,
            "{} bytes were sent again in {} ms",
            self.left,
            self.passed
        );
    }
}

fn info((ssrc, ssrc_rtx, mime_type): (u32, Option<u32>, &str)) -> StreamInfo {
    let feedback = |typ: &str, parameter: &str| RTCPFeedback {
        typ: typ.to_owned(),
        parameter: parameter.to_owned(),
    };
    StreamInfo {
        ssrc,
        ssrc_rtx,
        payload_type: 98,
        payload_type_rtx: ssrc_rtx.map(|_| 99),
        mime_type: mime_type.to_owned(),
        clock_rate: if ssrc_rtx.is_some() { 90_000 } else { 48_000 },
        rtp_header_extensions: vec![RTPHeaderExtension {
            uri: TRANSPORT_CC.to_owned(),
            id: 1,
        }],
        rtcp_feedback: vec![
            feedback("nack", ""),
            feedback("nack", "pli"),
            feedback("transport-cc", ""),
        ],
        ..StreamInfo::default()
    }
}
