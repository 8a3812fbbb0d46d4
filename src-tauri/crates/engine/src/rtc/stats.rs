//! Counters of a connection.

use std::time::Duration;

use super::{MediaKind, guard::Refused};
use crate::{frame::Bitrate, packet::SyncPoint};

/// What a connection has counted so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PeerStats {
    /// The last round-trip time of RTCP (RFC 3550 §6.4.1).
    pub rtt: Option<Duration>,
    /// How much may be sent, sound and pictures together.
    pub estimate: Bitrate,
    /// Sound.
    pub audio: StreamStats,
    /// Pictures.
    pub video: StreamStats,
    /// Pictures of a screen beside those.
    pub screen: StreamStats,
    /// Datagrams that did not get past the sockets.
    pub refused: Refused,
}

impl PeerStats {
    /// The counters of a kind.
    pub fn stream(&self, kind: MediaKind) -> &StreamStats {
        match kind {
            MediaKind::Audio => &self.audio,
            MediaKind::Video => &self.video,
            MediaKind::Screen => &self.screen,
        }
    }

    pub(super) fn stream_mut(&mut self, kind: MediaKind) -> &mut StreamStats {
        match kind {
            MediaKind::Audio => &mut self.audio,
            MediaKind::Video => &mut self.video,
            MediaKind::Screen => &mut self.screen,
        }
    }
}

/// Both ways of a kind of media.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StreamStats {
    /// To the peer.
    pub sent: SentStats,
    /// From the peer.
    pub received: ReceivedStats,
}

/// What was sent, and what the peer said about it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SentStats {
    /// Packets, retransmissions not counted.
    pub packets: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
    /// Packets sent again.
    pub retransmitted: u64,
    /// The part that was lost of late, 0 to 1, by the peer's last report.
    pub fraction_lost: f64,
    /// The jitter that the peer sees (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// Packets that the peer asked for again.
    pub nacks: u64,
    /// Picture loss indications.
    pub plis: u64,
    /// Full intra requests.
    pub firs: u64,
}

/// What arrived.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ReceivedStats {
    /// Packets, those sent again included.
    pub packets: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
    /// Packets that were lost on the way, by the last report to the peer; those that came again are not
    /// taken off.
    pub lost: u64,
    /// The jitter of what arrives (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// Packets that were thrown away because nobody took them in time.
    pub dropped: u64,
    /// Packets asked for again.
    pub nacks: u64,
    /// Key frames asked for.
    pub plis: u64,
    /// The two clocks of the sender.
    pub sync: Option<SyncPoint>,
}
