//! What is offered and accepted: codecs, feedback, header extensions.

use rtc::{
    peer_connection::configuration::media_engine::{
        MIME_TYPE_OPUS, MIME_TYPE_RTX, MIME_TYPE_VP8, MIME_TYPE_VP9, MediaEngine,
    },
    rtp_transceiver::rtp_sender::{
        RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability,
        RtpCodecKind,
    },
};

use super::{MediaKind, sdp::Section};
use crate::frame::VideoCodec;

/// Numbers packets over all streams of a connection
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
pub(super) const TRANSPORT_CC: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// Names the media section of a packet (RFC 9143 §15).
const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

const OPUS_PAYLOAD: u8 = 111;

impl From<MediaKind> for RtpCodecKind {
    fn from(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Audio => Self::Audio,
            MediaKind::Video | MediaKind::Screen => Self::Video,
        }
    }
}

/// The library's table of what this side speaks, in the order of preference.
pub(super) fn media_engine(
    codecs: &[VideoCodec],
) -> Result<MediaEngine, rtc::shared::error::Error> {
    let mut engine = MediaEngine::default();
    engine.register_codec(
        RTCRtpCodecParameters {
            rtp_codec: opus(),
            payload_type: OPUS_PAYLOAD,
        },
        RtpCodecKind::Audio,
    )?;
    for parameters in offered(codecs) {
        engine.register_codec(parameters, RtpCodecKind::Video)?;
    }
    for uri in [TRANSPORT_CC, MID] {
        for kind in [RtpCodecKind::Audio, RtpCodecKind::Video] {
            let extension = RTCRtpHeaderExtensionCapability {
                uri: uri.to_owned(),
            };
            engine.register_header_extension(extension, kind, None)?;
        }
    }
    Ok(engine)
}

/// The video codecs of an offer, in the order of preference.
pub(super) fn offered(codecs: &[VideoCodec]) -> Vec<RTCRtpCodecParameters> {
    let described = codecs.iter().map(|&codec| {
        // The payload types that browsers use.
        let payload_type = match codec {
            VideoCodec::Vp8 => 96,
            VideoCodec::Vp9 => 98,
        };
        with_rtx(codec, payload_type, Some(payload_type + 1))
    });
    described.flatten().collect()
}

/// The codecs of the peer's offer in this side's order, with the peer's payload types; what the answer
/// will name, and so what the peer sends first.
pub(super) fn preferred(section: &Section, codecs: &[VideoCodec]) -> Vec<RTCRtpCodecParameters> {
    codecs
        .iter()
        .filter_map(|wanted| section.codecs.iter().find(|(_, codec)| codec == wanted))
        .flat_map(|&(payload_type, codec)| {
            let rtx = section
                .rtx
                .iter()
                .find(|(_, repaired)| *repaired == payload_type)
                .map(|(rtx, _)| *rtx);
            with_rtx(codec, payload_type, rtx)
        })
        .collect()
}

/// How a codec is described to the library.
pub(super) fn codec(kind: MediaKind, video: VideoCodec) -> RTCRtpCodec {
    match kind {
        MediaKind::Audio => opus(),
        MediaKind::Video | MediaKind::Screen => RTCRtpCodec {
            mime_type: match video {
                VideoCodec::Vp8 => MIME_TYPE_VP8,
                VideoCodec::Vp9 => MIME_TYPE_VP9,
            }
            .to_owned(),
            clock_rate: kind.clock_rate(),
            channels: 0,
            sdp_fmtp_line: match video {
                VideoCodec::Vp8 => String::new(),
                VideoCodec::Vp9 => "profile-id=0".to_owned(),
            },
            rtcp_feedback: [
                ("goog-remb", ""),
                ("transport-cc", ""),
                ("ccm", "fir"),
                ("nack", ""),
                ("nack", "pli"),
            ]
            .map(feedback)
            .to_vec(),
        },
    }
}

fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: MediaKind::Audio.clock_rate(),
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: vec![feedback(("transport-cc", ""))],
    }
}

fn with_rtx(video: VideoCodec, payload_type: u8, rtx: Option<u8>) -> Vec<RTCRtpCodecParameters> {
    let mut list = vec![RTCRtpCodecParameters {
        rtp_codec: codec(MediaKind::Video, video),
        payload_type,
    }];
    list.extend(rtx.map(|rtx| RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: MIME_TYPE_RTX.to_owned(),
            clock_rate: MediaKind::Video.clock_rate(),
            channels: 0,
            sdp_fmtp_line: format!("apt={payload_type}"),
            rtcp_feedback: vec![],
        },
        payload_type: rtx,
    }));
    list
}

fn feedback((typ, parameter): (&str, &str)) -> RTCPFeedback {
    RTCPFeedback {
        typ: typ.to_owned(),
        parameter: parameter.to_owned(),
    }
}
