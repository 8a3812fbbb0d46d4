//! Between frames and RTP packets: payload formats, order and assembly. Pure.
//!
//! To send, a [`Packetizer`] cuts frames into payloads. To receive, a [`FrameReceiver`] puts packets in order
//! ([`Reorder`]) and joins them to frames ([`Assembler`]). The descriptors in front of the payloads are
//! [`Vp8Descriptor`] and [`Vp9Descriptor`]; the payload of Opus is the Opus packet itself (RFC 7587 §4.2).

mod assembler;
mod bitstream;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod packetizer;
mod picture_id;
mod receive;
mod reorder;
mod sync;
mod unwrap;
mod vp8;
mod vp9;

#[cfg(test)]
mod tests;

use std::time::Instant;

use bytes::Bytes;

pub use assembler::{Assembled, Assembler, MAX_FRAME_BYTES};
pub use packetizer::Packetizer;
pub use picture_id::{PictureId, TemporalLayer};
pub use receive::{FrameReceiver, Received};
pub use reorder::{Delivery, Reorder, ReorderCounts};
pub use sync::SyncPoint;
pub use unwrap::Unwrap;
pub use vp8::Vp8Descriptor;
pub use vp9::{LayerFrame, ScalabilityStructure, Vp9Descriptor};

use crate::frame::VideoCodec;

/// The largest RTP payload that is made, in bytes: with RTP, extensions, SRTP, UDP and IPv6 around it a
/// packet stays below the 1280 bytes that every IPv6 path carries (RFC 8200 §5).
pub const MAX_PAYLOAD: usize = 1150;

/// A payload that is not what its payload type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// It ends within its descriptor, or right behind it.
    #[error("the payload is cut short")]
    Short,
    /// Its descriptor says what cannot be.
    #[error("the payload descriptor is malformed")]
    Malformed,
}

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
