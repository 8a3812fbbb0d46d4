//! What the parts of one connection share: the counters, the way out for events, and what is known
//! about the streams.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

use super::{
    MediaKind, PeerEvent, PeerState, PeerStats,
    burst::Followers,
    config::KINDS,
    guard::Guard,
    sdp::{self, Section, section},
    socket::{Gate, Stage},
};
use crate::frame::{Bitrate, VideoCodec};

/// Seconds from 1900, where NTP begins, to 1970 (RFC 5905 §6).
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// What has this time stamp was captured then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capture {
    pub(super) timestamp: u32,
    pub(super) at: Instant,
}

/// One per connection.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) stats: Mutex<PeerStats>,
    pub(super) estimate: watch::Sender<Bitrate>,
    pub(super) followers: Followers,
    pub(super) guard: Arc<Guard>,
    pub(super) gate: Arc<Gate>,
    events: Mutex<Option<mpsc::Sender<PeerEvent>>>,
    captures: Mutex<[Option<Capture>; KINDS]>,
    /// The numbers (SSRC) of the screen's streams: this end's, and those that the peer's last description names.
    screens: Mutex<(Option<u32>, Vec<u32>)>,
    /// The most that is sent, bits per second.
    max: AtomicU64,
    /// The video codec of each payload type that the peer may send; few, so a list is searched.
    payloads: Mutex<Vec<(u8, VideoCodec)>>,
    clock: Clock,
    connected: AtomicBool,
    /// The library has something to send that it has not looked for yet.
    has_unsent: AtomicBool,
    lost_event: AtomicBool,
}

impl Shared {
    pub(super) fn new(
        events: mpsc::Sender<PeerEvent>,
        estimate: Bitrate,
        max: Bitrate,
        clock: Clock,
    ) -> Self {
        Self {
            stats: Mutex::new(PeerStats {
                estimate,
                ..PeerStats::default()
            }),
            estimate: watch::Sender::new(estimate),
            followers: Followers::default(),
            guard: Arc::default(),
            gate: Arc::default(),
            events: Mutex::new(Some(events)),
            captures: Mutex::default(),
            screens: Mutex::default(),
            max: AtomicU64::new(max.as_bps()),
            payloads: Mutex::default(),
            clock,
            connected: AtomicBool::new(false),
            has_unsent: AtomicBool::new(false),
            lost_event: AtomicBool::new(false),
        }
    }

    /// Tells an event without waiting: the connection's own task must not stop.
    pub(super) fn emit(&self, event: PeerEvent) {
        let Some(Err(mpsc::error::TrySendError::Full(event))) = self
            .events
            .lock()
            .as_ref()
            .map(|events| events.try_send(event))
        else {
            return;
        };
        if !self.lost_event.swap(true, Ordering::Relaxed) {
            // An event may hold addresses, or what the peer wrote.
            warn!("the queue of events is full; events are lost");
            debug!(?event, "the first one that is lost");
        }
    }

    /// Tells an event and waits while the queue is full. `false`: nobody listens any more.
    pub(super) async fn emit_waiting(&self, event: PeerEvent) -> bool {
        let events = self.events.lock().clone();
        match events {
            Some(events) => events.send(event).await.is_ok(),
            None => false,
        }
    }

    /// Tells that it is over, and nothing after that.
    pub(super) fn close(&self) {
        self.connected.store(false, Ordering::Relaxed);
        self.emit(PeerEvent::State(PeerState::Closed));
        self.events.lock().take();
    }

    /// Media may be sent: keys were exchanged.
    pub(super) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.events.lock().is_none()
    }

    pub(super) fn set_connected(&self) {
        self.connected.store(true, Ordering::Relaxed);
    }

    /// Notes that a pair was selected. The library makes the first record of DTLS for that only after it has looked for what
    /// is to be sent, and would look again when it next has something to do.
    pub(super) fn selected(&self) {
        self.has_unsent.store(true, Ordering::Relaxed);
        self.gate.open(Stage::Selected);
    }

    /// Returns, once, whether the library has to look again for what is to be sent.
    pub(super) fn take_unsent(&self) -> bool {
        self.has_unsent.swap(false, Ordering::Relaxed)
    }

    pub(super) fn captured(&self, kind: MediaKind, capture: Capture) {
        self.captures.lock()[kind as usize] = Some(capture);
    }

    pub(super) fn last_capture(&self, kind: MediaKind) -> Option<Capture> {
        self.captures.lock()[kind as usize]
    }

    /// The wall clock of this end at `now`, as NTP; it never jumps during a connection.
    pub(super) fn ntp(&self, now: Instant) -> u64 {
        self.clock.ntp(now)
    }

    /// Takes note of which stream of this end is the screen's.
    pub(super) fn sends_screen(&self, ssrc: u32) {
        self.screens.lock().0 = Some(ssrc);
    }

    /// Takes note of what the sockets have to know of an own description, before the library gets it. New credentials are
    /// an ICE restart, with which the library forgets those of the peer.
    pub(super) fn learn_local(&self, description: &str) {
        let mut filter = self.guard.filter();
        if let Some((ufrag, password)) = sdp::credentials(description)
            && filter.set_credentials(ufrag, password)
        {
            self.gate.close(Stage::Described);
        }
        let types = sdp::payload_types(description);
        filter.ssrcs().allow_payload_types(types);
    }

    /// Takes note of the streams in a description of the peer, before they begin: which of them exist, and which are the
    /// screen's.
    pub(super) fn learn_remote(&self, description: &str) {
        {
            let mut filter = self.guard.filter();
            if let Some((ufrag, password)) = sdp::credentials(description) {
                filter.set_remote_credentials(ufrag, password);
            }
            let ssrcs = filter.ssrcs();
            ssrcs.announce(sdp::announced_ssrcs(description));
            ssrcs.allow_payload_types(sdp::payload_types(description));
        }
        let screen = section(description, MediaKind::Screen);
        self.screens.lock().1 = screen.map(|screen| screen.ssrcs).unwrap_or_default();
    }

    /// What kind of pictures a stream carries.
    pub(super) fn pictures_of(&self, ssrc: u32) -> MediaKind {
        let (own, theirs) = &*self.screens.lock();
        if *own == Some(ssrc) || theirs.contains(&ssrc) {
            MediaKind::Screen
        } else {
            MediaKind::Video
        }
    }

    pub(super) fn set_max(&self, max: Bitrate) {
        self.max.store(max.as_bps(), Ordering::Relaxed);
    }

    pub(super) fn max(&self) -> Bitrate {
        Bitrate::bps(self.max.load(Ordering::Relaxed))
    }

    /// Takes note of the payload types of a description, of either side.
    pub(super) fn learn_payloads(&self, section: &Section) {
        let mut payloads = self.payloads.lock();
        for &(payload, codec) in &section.codecs {
            match payloads.iter_mut().find(|(known, _)| *known == payload) {
                Some(known) => known.1 = codec,
                None => payloads.push((payload, codec)),
            }
        }
    }

    pub(super) fn codec_of(&self, payload: u8) -> Option<VideoCodec> {
        let payloads = self.payloads.lock();
        let found = payloads.iter().find(|(known, _)| *known == payload);
        found.map(|(_, codec)| *codec)
    }
}

/// Ties the monotonic clock to the wall clock once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    start: Instant,
    unix: Duration,
}

impl Clock {
    pub(super) fn now() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "a connection is an edge: RTCP carries wall-clock time"
        )]
        let (start, wall) = (Instant::now(), SystemTime::now());
        Self {
            start,
            unix: wall.duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }

    fn ntp(&self, now: Instant) -> u64 {
        let unix = self.unix + now.saturating_duration_since(self.start);
        let seconds = unix.as_secs() + NTP_TO_UNIX;
        let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
        (seconds << 32) | fraction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_second_is_half_of_the_fraction() {
        let clock = Clock {
            start: Clock::now().start,
            unix: Duration::from_millis(1_500),
        };
        let ntp = clock.ntp(clock.start);
        assert_eq!(ntp >> 32, NTP_TO_UNIX + 1);
        assert_eq!(ntp & 0xffff_ffff, 1 << 31);
    }
}
