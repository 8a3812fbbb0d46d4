//! Encoders and decoders, one file per codec. Each instance is used by one media thread.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod opus;
mod vpx;

pub use opus::{OpusDecoder, OpusEncoder};
pub use vpx::{MAX_SIDE, VpxDecoder, VpxEncoder};

use crate::frame::{Bitrate, EncodedFrame, OPUS_SAMPLES, VideoCodec, VideoFrame};

/// A codec failed.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The library refused a setting.
    #[error("{codec} cannot be set up: {detail}")]
    Setup {
        /// Which codec.
        codec: &'static str,
        /// The library's words.
        detail: String,
    },
    /// A picture or a stretch of sound could not be encoded.
    #[error("{codec} could not encode: {detail}")]
    Encode {
        /// Which codec.
        codec: &'static str,
        /// The library's words.
        detail: String,
    },
    /// What came in is damaged, or needs something that did not come.
    #[error("{codec} could not decode: {detail}")]
    Decode {
        /// Which codec.
        codec: &'static str,
        /// The library's words.
        detail: String,
    },
}

/// What is in the picture, which the encoder is tuned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Content {
    /// People and things.
    #[default]
    Camera,
    /// Text and windows.
    Screen,
}

/// How a video encoder starts.
#[derive(Debug, Clone, Copy)]
pub struct VideoEncoderConfig {
    /// The bitrate to aim at.
    pub bitrate: Bitrate,
    /// Pictures per second to expect.
    pub fps: u32,
    /// What is in the picture.
    pub content: Content,
    /// In three temporal layers, of which some receivers get fewer (L1T3 of W3C WebRTC-SVC §6); VP9 only.
    pub layers: bool,
}

/// Compresses pictures. A change of their size is the encoder's own business: it begins anew with a
/// key frame where its codec needs that.
pub trait VideoEncoder: Send {
    /// The codec.
    fn codec(&self) -> VideoCodec;
    /// Compresses one picture; `key` asks for a key frame. `None`: the encoder left it out to keep its
    /// rate. The caller fills in `rtp_time`.
    fn encode(&mut self, frame: &VideoFrame, key: bool)
    -> Result<Option<EncodedFrame>, CodecError>;
    /// Aims at another bitrate from the next picture on.
    fn set_bitrate(&mut self, bitrate: Bitrate) -> Result<(), CodecError>;
}

/// Decompresses pictures.
pub trait VideoDecoder: Send {
    /// Decompresses one picture. `None`: nothing to show for it. After an error a key frame is needed.
    fn decode(&mut self, frame: &EncodedFrame) -> Result<Option<VideoFrame>, CodecError>;
}

/// Compresses sound.
pub trait AudioEncoder: Send {
    /// Compresses 20 ms into `packet` and says how many bytes were written.
    fn encode(
        &mut self,
        samples: &[f32; OPUS_SAMPLES],
        packet: &mut [u8],
    ) -> Result<usize, CodecError>;
    /// How much of what is sent is expected to be lost, in percent: steers in-band FEC.
    fn set_expected_loss(&mut self, percent: u8) -> Result<(), CodecError>;
    /// Aims at another bitrate.
    fn set_bitrate(&mut self, bitrate: Bitrate) -> Result<(), CodecError>;
}

/// Decompresses sound; each call fills 20 ms.
pub trait AudioDecoder: Send {
    /// The packet that is due.
    fn decode(
        &mut self,
        packet: &[u8],
        samples: &mut [f32; OPUS_SAMPLES],
    ) -> Result<(), CodecError>;
    /// The packet that is due was lost, and the one after it is here: takes what that one holds of it.
    fn decode_fec(
        &mut self,
        next: &[u8],
        samples: &mut [f32; OPUS_SAMPLES],
    ) -> Result<(), CodecError>;
    /// The packet that is due was lost: makes something that fits.
    fn conceal(&mut self, samples: &mut [f32; OPUS_SAMPLES]) -> Result<(), CodecError>;
}
