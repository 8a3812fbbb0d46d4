//! Between frames and RTP packets: payload formats, order and assembly. Pure.

mod unwrap;

use std::time::Instant;

use bytes::Bytes;

pub use unwrap::Unwrap;

use crate::frame::VideoCodec;

/// The largest RTP payload that is made, in bytes: with RTP, extensions, SRTP, UDP and IPv6 around it a
/// packet stays below the 1280 bytes that every IPv6 path carries (RFC 8200 §5).
pub const MAX_PAYLOAD: usize = 1150;

/// The payload of one packet to send; number, SSRC and payload type are the connection's.
#[derive(Debug, Clone)]
pub struct Payload {
    /// Payload descriptor and data; shared by all who are sent it.
    pub data: Bytes,
    /// The last packet of a picture (RFC 3550 §5.1).
    pub marker: bool,
}

/// A packet that arrived.
#[derive(Debug, Clone)]
pub struct RtpPacket {
    /// Its video codec by payload type; `None` for sound.
    pub codec: Option<VideoCodec>,
    /// RFC 3550 §5.1.
    pub sequence_number: u16,
    /// In units of the payload's clock: 90 kHz for pictures, 48 kHz for Opus.
    pub timestamp: u32,
    /// RFC 3550 §5.1.
    pub marker: bool,
    /// What is behind header, CSRCs and extensions, padding removed.
    pub payload: Bytes,
    /// When it came.
    pub arrived: Instant,
}
