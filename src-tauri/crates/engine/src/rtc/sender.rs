//! Sends one kind of media.

use std::{sync::Arc, time::Instant};

use parking_lot::Mutex;
use rtc::{
    media_stream::MediaStreamTrack,
    rtp,
    rtp_transceiver::rtp_sender::{
        RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters,
    },
};
use webrtc::media_stream::track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP};

use super::{
    MediaKind, RtcError, media_engine,
    shared::{Capture, Shared},
};
use crate::{frame::VideoCodec, packet::Payload};

/// The stream that camera and sound belong to: receivers play what belongs to one stream in step.
const STREAM: &str = "ahoy";

/// The stream of a screen, which waits for nothing.
const SCREEN_STREAM: &str = "ahoy-screen";

/// Sends one kind of media. Cheap to clone; its packets have to come from one task, in order.
#[derive(Clone)]
pub struct MediaSender {
    line: Arc<Line>,
}

struct Line {
    kind: MediaKind,
    shared: Arc<Shared>,
    /// `None`: this kind is not sent.
    track: Option<Track>,
    state: Mutex<State>,
}

struct Track {
    local: Arc<TrackLocalStaticRTP>,
    ids: Ids,
}

/// The numbers of a stream; they stay while the connection does.
#[derive(Debug, Clone, Copy)]
struct Ids {
    ssrc: u32,
    rtx: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    payload_type: Option<u8>,
    codec: Option<VideoCodec>,
    sequence_number: u16,
}

impl std::fmt::Debug for MediaSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaSender")
            .field("kind", &self.line.kind)
            .field("state", &*self.line.state.lock())
            .finish()
    }
}

impl MediaSender {
    /// `codec` is what pictures are announced with until the peer has chosen; `send` unset: nothing is
    /// ever sent.
    pub(super) fn new(
        kind: MediaKind,
        send: bool,
        codec: VideoCodec,
        shared: Arc<Shared>,
    ) -> Result<Self, getrandom::Error> {
        let ids = Ids {
            ssrc: getrandom::u32()?.max(1),
            rtx: getrandom::u32()?.max(1),
        };
        if kind == MediaKind::Screen {
            shared.sends_screen(ids.ssrc);
        }
        let track = send.then(|| Track {
            local: Arc::new(TrackLocalStaticRTP::new(description(kind, codec, ids))),
            ids,
        });
        // RFC 3550 §5.1: the first number is random; half of the range so that it does not wrap soon.
        let sequence_number = getrandom::u32()? as u16 >> 1;
        Ok(Self {
            line: Arc::new(Line {
                kind,
                shared,
                track,
                state: Mutex::new(State {
                    sequence_number,
                    ..State::default()
                }),
            }),
        })
    }

    /// The track to hand to the library; `None`: nothing is sent.
    pub(super) fn track(&self) -> Option<Arc<dyn TrackLocal>> {
        let track = self.line.track.as_ref()?;
        Some(track.local.clone())
    }

    /// The same track with the codec that the peer chose: the library binds retransmission and reports
    /// by it.
    pub(super) fn track_with(&self, codec: VideoCodec) -> Option<Arc<dyn TrackLocal>> {
        let ids = self.line.track.as_ref()?.ids;
        let description = description(self.line.kind, codec, ids);
        Some(Arc::new(TrackLocalStaticRTP::new(description)))
    }

    /// What the descriptions say: how packets are marked, or that the peer takes none.
    pub(super) fn set_payload(&self, payload: Option<(u8, Option<VideoCodec>)>) {
        let mut state = self.line.state.lock();
        state.payload_type = payload.map(|(payload_type, _)| payload_type);
        state.codec = payload.and_then(|(_, codec)| codec);
    }

    /// The codec that the peer takes; `None` for sound, before the descriptions were exchanged, and where
    /// the peer takes no pictures.
    pub fn codec(&self) -> Option<VideoCodec> {
        self.line.state.lock().codec
    }

    /// Whether the peer takes this kind of media, by the descriptions.
    pub fn is_negotiated(&self) -> bool {
        self.line.track.is_some() && self.line.state.lock().payload_type.is_some()
    }

    /// Sends a packet by itself: a [`Burst`] of one.
    ///
    /// # Errors
    /// As those of a burst.
    pub async fn send(
        &self,
        payload: &Payload,
        timestamp: u32,
        captured: Instant,
    ) -> Result<(), RtcError> {
        let packet = self.packet(payload, timestamp, captured)?;
        self.write(packet, Vec::new()).await
    }

    /// Hands a packet to the library, which others leave in front of.
    pub(super) async fn write(
        &self,
        packet: rtp::Packet,
        before: Vec<rtp::Packet>,
    ) -> Result<(), RtcError> {
        let track = self.line.track.as_ref().ok_or(RtcError::NotNegotiated)?;
        self.line.shared.followers.put(&packet, before);
        let leader = (packet.header.ssrc, packet.header.sequence_number);
        // The library's error holds the whole packet: not for a log.
        let written = track.local.write_rtp(packet).await;
        written.map_err(|_| {
            self.line.shared.followers.take(leader);
            RtcError::Closed
        })
    }

    /// The next packet of the stream.
    pub(super) fn packet(
        &self,
        payload: &Payload,
        timestamp: u32,
        captured: Instant,
    ) -> Result<rtp::Packet, RtcError> {
        let line = &self.line;
        let track = line.track.as_ref().ok_or(RtcError::NotNegotiated)?;
        if !line.shared.is_connected() {
            return Err(if line.shared.is_closed() {
                RtcError::Closed
            } else {
                RtcError::NotNegotiated
            });
        }
        let (payload_type, sequence_number) = {
            let mut state = line.state.lock();
            let payload_type = state.payload_type.ok_or(RtcError::NotNegotiated)?;
            state.sequence_number = state.sequence_number.wrapping_add(1);
            (payload_type, state.sequence_number)
        };
        line.shared.captured(
            line.kind,
            Capture {
                timestamp,
                at: captured,
            },
        );
        Ok(rtp::Packet {
            header: rtp::Header {
                version: 2,
                marker: payload.marker,
                payload_type,
                sequence_number,
                timestamp,
                ssrc: track.ids.ssrc,
                ..rtp::Header::default()
            },
            payload: payload.data.clone(),
        })
    }
}

fn description(kind: MediaKind, codec: VideoCodec, ids: Ids) -> MediaStreamTrack {
    let (stream, name) = match kind {
        MediaKind::Audio => (STREAM, "audio"),
        MediaKind::Video => (STREAM, "video"),
        MediaKind::Screen => (SCREEN_STREAM, "screen"),
    };
    let rtx = kind
        .is_pictures()
        .then_some(RTCRtpRtxParameters { ssrc: ids.rtx });
    MediaStreamTrack::new(
        stream.to_owned(),
        name.to_owned(),
        name.to_owned(),
        kind.into(),
        vec![RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ids.ssrc),
                rtx,
                ..RTCRtpCodingParameters::default()
            },
            active: true,
            codec: media_engine::codec(kind, codec),
            ..RTCRtpEncodingParameters::default()
        }],
    )
}
