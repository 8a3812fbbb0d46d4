//! From what devices bring to what the engine works with, and to what shows it. Pure.
//!
//! Camera formats become I420 without a way round by RGB ([`yuyv`], [`nv12`], [`i420`], [`Mjpeg`]);
//! screens come as BGRA or RGBA ([`bgra`], [`rgba_to_i420`]). [`scale`] and [`recolor`] go from I420 to I420, [`rgba`] is for
//! snapshots and tests, [`Resampler`] is for sound. Each writes into memory that the caller keeps.

mod mjpeg;
mod pixels;
mod recolor;
mod resample;
mod scale;

pub use mjpeg::{MAX_JPEG_SIDE, Mjpeg};
pub use pixels::{bgra, i420, nv12, rgba, rgba_to_i420, yuyv};
pub use recolor::{VP8_COLOR, recolor};
pub use resample::{AudioSample, Resampler};
pub use scale::scale;

/// Something could not be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// The data do not make a picture of the size that was named.
    #[error("{format}: {length} bytes are not {width}x{height}")]
    Size {
        /// Of which format.
        format: &'static str,
        /// How many bytes there are.
        length: usize,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The data are damaged or of a kind that is not understood.
    #[error("{format}: {detail}")]
    Data {
        /// Of which format.
        format: &'static str,
        /// What is wrong with them.
        detail: String,
    },
    /// A rate or a number of channels that no device has.
    #[error("sound cannot be resampled: {0}")]
    Rate(String),
}
