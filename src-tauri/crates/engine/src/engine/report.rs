//! The counters of a peer, gathered from the pipelines and the connection.

use std::{sync::Arc, time::Duration};

use ahoy_contract::{PeerId, ui::Quality};

use crate::{
    audio::JitterStats,
    frame::{Bitrate, VideoCodec},
    media::{AudioStats, Sent, VideoStats},
    rtc::{MediaKind, Peer, PeerStats},
};

/// What was counted of one kind of pictures so far, both ways.
#[derive(Debug, Clone, Default)]
pub struct PicturesReport {
    /// The codec of those that it is sent.
    pub sent_codec: Option<VideoCodec>,
    /// Those that it was sent.
    pub sent_frames: u64,
    /// Width and height of the last one.
    pub sent_size: (u32, u32),
    /// Key frames that the encoder made.
    pub sent_key_frames: u64,
    /// What the encoder aims at.
    pub sent_target: Bitrate,
    /// The codec of its own.
    pub codec: Option<VideoCodec>,
    /// Its own, decoded, or received whole where nothing is decoded.
    pub frames: u64,
    /// Its own that could not be shown.
    pub dropped: u64,
    /// Times that its picture stood still, and for how long in all.
    pub freezes: (u64, Duration),
    /// Width and height of its own.
    pub size: (u32, u32),
}

impl PicturesReport {
    fn of(rtc: &Peer, kind: MediaKind, sent: Option<&Sent>, received: Option<&VideoStats>) -> Self {
        Self {
            sent_codec: sent.and_then(|_| rtc.sender(kind).codec()),
            sent_frames: sent.map_or(0, Sent::frames),
            sent_size: sent.map_or((0, 0), Sent::size),
            sent_key_frames: sent.map_or(0, Sent::key_frames),
            sent_target: sent.map_or(Bitrate::default(), Sent::target),
            codec: received.and_then(VideoStats::codec),
            frames: received.map_or(0, VideoStats::frames),
            dropped: received.map_or(0, VideoStats::dropped),
            freezes: received.map_or((0, Duration::ZERO), VideoStats::freezes),
            size: received.map_or((0, 0), VideoStats::size),
        }
    }
}

/// What was counted of one peer so far.
#[derive(Debug, Clone)]
pub struct PeerReport {
    /// Who.
    pub peer: PeerId,
    /// The connection.
    pub connection: PeerStats,
    /// Pictures of cameras.
    pub video: PicturesReport,
    /// Pictures of screens.
    pub screen: PicturesReport,
    /// How loud it is, dB below full scale.
    pub level_db: f64,
    /// Its jitter buffer.
    pub jitter: JitterStats,
}

/// Where a peer's counters are.
#[derive(Clone)]
pub(super) struct Counters {
    pub(super) rtc: Peer,
    /// What goes out, where something does: the camera's pictures and a screen's.
    pub(super) sent: Option<Arc<Sent>>,
    pub(super) sent_screen: Option<Arc<Sent>>,
    pub(super) video: Option<Arc<VideoStats>>,
    pub(super) screen: Option<Arc<VideoStats>>,
    pub(super) audio: Option<Arc<AudioStats>>,
}

impl Counters {
    pub(super) fn report(&self, peer: PeerId) -> PeerReport {
        let (rtc, camera, screen) = (&self.rtc, MediaKind::Video, MediaKind::Screen);
        let (sent, sent_screen) = (self.sent.as_deref(), self.sent_screen.as_deref());
        PeerReport {
            peer,
            connection: rtc.stats(),
            video: PicturesReport::of(rtc, camera, sent, self.video.as_deref()),
            screen: PicturesReport::of(rtc, screen, sent_screen, self.screen.as_deref()),
            level_db: self.audio.as_ref().map_or(-100.0, |audio| audio.level_db()),
            jitter: self
                .audio
                .as_ref()
                .map_or_else(JitterStats::default, |audio| audio.jitter()),
        }
    }
}

/// How good a connection feels: loss above 2 % is heard, above 8 % annoys; from 300 ms round trip on
/// people begin to talk at once (ITU-T G.114 gives 150 ms one way as the limit of good).
pub(super) fn quality(stats: &PeerStats) -> Option<Quality> {
    let rtt = stats.rtt?;
    let loss = stats
        .audio
        .sent
        .fraction_lost
        .max(stats.video.sent.fraction_lost);
    Some(if loss > 0.08 || rtt > Duration::from_millis(600) {
        Quality::Poor
    } else if loss > 0.02 || rtt > Duration::from_millis(300) {
        Quality::Fair
    } else {
        Quality::Good
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_as_good_as_its_worst_side() {
        let mut stats = PeerStats::default();
        assert_eq!(quality(&stats), None, "nothing was measured yet");
        stats.rtt = Some(Duration::from_millis(40));
        assert_eq!(quality(&stats), Some(Quality::Good));
        stats.video.sent.fraction_lost = 0.05;
        assert_eq!(quality(&stats), Some(Quality::Fair));
        stats.rtt = Some(Duration::from_millis(900));
        assert_eq!(quality(&stats), Some(Quality::Poor));
    }
}
