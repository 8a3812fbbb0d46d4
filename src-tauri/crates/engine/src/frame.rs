//! Pictures and sound as they pass between rooms, and the units they are measured in. Pure.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;

/// Samples per second of all sound inside the engine; one channel, `f32` from -1 to 1.
pub const SAMPLE_RATE: u32 = 48_000;

/// Samples in one [`AudioBlock`]: 10 ms, the step that sound devices and echo cancellers work in.
pub const BLOCK_SAMPLES: usize = 480;

/// Samples in one Opus frame: 20 ms, what calls send (RFC 7587 §3).
pub const OPUS_SAMPLES: usize = 960;

/// 10 ms of mono sound at [`SAMPLE_RATE`].
pub type AudioBlock = [f32; BLOCK_SAMPLES];

/// Bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bitrate(u64);

impl Bitrate {
    /// From bits per second.
    pub const fn bps(bits: u64) -> Self {
        Self(bits)
    }

    /// From thousands of bits per second.
    pub const fn kbps(kilobits: u64) -> Self {
        Self(kilobits * 1000)
    }

    /// As bits per second.
    pub const fn as_bps(self) -> u64 {
        self.0
    }

    /// As thousands of bits per second, rounded down.
    pub const fn as_kbps(self) -> u64 {
        self.0 / 1000
    }
}

/// How luma and chroma were made from red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorMatrix {
    /// ITU-R BT.601: cameras that say nothing, and VP8 by its definition (RFC 6386 §9.2).
    #[default]
    Bt601,
    /// ITU-R BT.709: screens, and what says so.
    Bt709,
}

/// Which values mean black and white.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorRange {
    /// 16 to 235 (luma), 16 to 240 (chroma).
    #[default]
    Limited,
    /// 0 to 255.
    Full,
}

/// How the numbers of a picture mean colours. Never guessed twice: whoever makes a frame says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Color {
    /// The matrix.
    pub matrix: ColorMatrix,
    /// The range.
    pub range: ColorRange,
}

/// A picture in I420: a full plane of luma and two of chroma at half the width and height, rounded up.
///
/// Planes lie in one allocation in the order Y, U, V. `strides` are the bytes from one row to the next
/// and may be larger than a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct I420Buffer {
    data: Vec<u8>,
    width: u32,
    height: u32,
    strides: [usize; 3],
}

impl I420Buffer {
    /// A black picture (limited range) without padding between rows.
    pub fn new(width: u32, height: u32) -> Self {
        Self::reusing(Vec::new(), width, height, true)
    }

    /// Like [`new`](Self::new), made of an allocation that is no longer needed. With `clear` unset the
    /// contents are whatever was there: for callers that write every byte.
    pub fn reusing(mut data: Vec<u8>, width: u32, height: u32, clear: bool) -> Self {
        let (w, h) = (width as usize, height as usize);
        let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
        let luma = w * h;
        let length = luma + 2 * cw * ch;
        data.resize(length, 0);
        if clear {
            data[..luma].fill(16);
            data[luma..].fill(128);
        }
        Self {
            data,
            width,
            height,
            strides: [w, cw, cw],
        }
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Bytes per row of Y, U and V.
    pub fn strides(&self) -> [usize; 3] {
        self.strides
    }

    /// Rows of Y, U and V.
    pub fn rows(&self) -> [usize; 3] {
        let h = self.height as usize;
        [h, h.div_ceil(2), h.div_ceil(2)]
    }

    /// The planes Y, U and V, each `stride * rows` bytes.
    pub fn planes(&self) -> [&[u8]; 3] {
        let [y, u, _] = self.lengths();
        let (luma, chroma) = self.data.split_at(y);
        let (cb, cr) = chroma.split_at(u);
        [luma, cb, cr]
    }

    /// The planes Y, U and V, to be written.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let [y, u, _] = self.lengths();
        let (luma, chroma) = self.data.split_at_mut(y);
        let (cb, cr) = chroma.split_at_mut(u);
        [luma, cb, cr]
    }

    /// All planes in one slice, in the order Y, U, V.
    pub fn as_bytes(&self) -> &[u8] {
        &self.data
    }

    /// Gives the allocation back, for [`reusing`](Self::reusing).
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    fn lengths(&self) -> [usize; 3] {
        let rows = self.rows();
        [
            self.strides[0] * rows[0],
            self.strides[1] * rows[1],
            self.strides[2] * rows[2],
        ]
    }
}

/// How many pictures a [`FramePool`] remembers: enough for one being made, one in each slot or queue
/// behind it and those that two consumers still look at.
const POOL_FRAMES: usize = 8;

/// Allocations of pictures, used again once nobody looks at them any more: a 720p picture is 1.4 MB,
/// and thirty fresh ones a second cost more in page faults than in copying.
///
/// It remembers at most eight pictures. Where more are on their way it allocates and forgets the oldest:
/// nobody waits, and nothing is lost.
#[derive(Debug, Default)]
pub struct FramePool {
    frames: Vec<Arc<I420Buffer>>,
}

impl FramePool {
    /// An empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// A picture of this size, written by `write`, which must write every byte: it may find an old
    /// picture in there. Its error is handed on.
    pub fn make<E>(
        &mut self,
        width: u32,
        height: u32,
        write: impl FnOnce(&mut I420Buffer) -> Result<(), E>,
    ) -> Result<Arc<I420Buffer>, E> {
        let free = self
            .frames
            .iter()
            .position(|frame| Arc::strong_count(frame) == 1)
            .map(|index| self.frames.swap_remove(index));
        let mut buffer = match free.and_then(|frame| Arc::try_unwrap(frame).ok()) {
            Some(old) if (old.width(), old.height()) == (width, height) => old,
            Some(old) => I420Buffer::reusing(old.into_data(), width, height, false),
            None => I420Buffer::reusing(Vec::new(), width, height, false),
        };
        write(&mut buffer)?;
        let buffer = Arc::new(buffer);
        if self.frames.len() == POOL_FRAMES {
            self.frames.remove(0);
        }
        self.frames.push(Arc::clone(&buffer));
        Ok(buffer)
    }
}

/// A picture on its way; cloning shares it.
#[derive(Debug, Clone)]
pub struct VideoFrame {
    /// The pixels.
    pub buffer: Arc<I420Buffer>,
    /// What they mean.
    pub color: Color,
    /// When it was captured; for a received picture, when it was decoded.
    pub captured: Instant,
}

impl VideoFrame {
    /// Wraps pixels.
    pub fn new(buffer: I420Buffer, color: Color, captured: Instant) -> Self {
        Self {
            buffer: Arc::new(buffer),
            color,
            captured,
        }
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.buffer.width()
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.buffer.height()
    }
}

/// The video codecs that Ahoy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// RFC 6386, RFC 7741.
    Vp8,
    /// VP9 bitstream specification 0.7, RFC 9628.
    Vp9,
}

impl VideoCodec {
    /// The name as it stands in SDP and statistics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
        }
    }
}

/// Temporal layers of an encoding in layers: of every four pictures one is of the lowest, one of the middle one, two
/// are of the highest.
pub const LAYERS: usize = 3;

/// How much of such an encoding's bits the layers up to each take, in percent.
pub const LAYER_PERCENT: [u64; LAYERS] = [45, 65, 100];

/// One compressed picture.
#[derive(Debug, Clone)]
pub struct EncodedFrame {
    /// The codec's bitstream of one frame.
    pub data: Bytes,
    /// The codec.
    pub codec: VideoCodec,
    /// It needs no earlier frame.
    pub key_frame: bool,
    /// Width in pixels, where known; of a received delta frame it is 0.
    pub width: u32,
    /// Height in pixels, likewise.
    pub height: u32,
    /// When its picture was captured; for a received one, when its last packet came.
    pub captured: Instant,
    /// The RTP time stamp at 90 kHz (RFC 3550 §5.1).
    pub rtp_time: u32,
    /// The temporal layer of a frame that was made in layers; those of higher ones may be left out.
    pub layer: Option<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_sizes_round_chroma_up() {
        let buffer = I420Buffer::new(5, 3);
        assert_eq!(buffer.strides(), [5, 3, 3]);
        assert_eq!(buffer.planes().map(<[u8]>::len), [15, 6, 6]);
    }

    #[test]
    fn a_pool_gives_out_only_what_nobody_holds() {
        let mut pool = FramePool::new();
        let mut paint = |value: u8| {
            pool.make(4, 4, |buffer| {
                buffer
                    .planes_mut()
                    .into_iter()
                    .for_each(|plane| plane.fill(value));
                Ok::<(), ()>(())
            })
            .unwrap()
        };
        let first = paint(1);
        let second = paint(2);
        assert!(first.as_bytes().iter().all(|&byte| byte == 1));
        let address = second.as_bytes().as_ptr();
        drop(second);
        assert_eq!(
            paint(3).as_bytes().as_ptr(),
            address,
            "the free one is used again"
        );
        let held: Vec<_> = (0..20).map(&mut paint).collect();
        assert!(
            held.iter()
                .enumerate()
                .all(|(n, frame)| frame.as_bytes()[0] == n as u8)
        );
        assert!(first.as_bytes().iter().all(|&byte| byte == 1));
    }
}
