//! What reaches the decoder, and what it hands out.

use std::time::Instant;

use super::{header, raw_decoder::RawDecoder};
use crate::{
    codec::{CodecError, VideoDecoder},
    frame::{EncodedFrame, FramePool, I420Buffer, VideoCodec, VideoFrame},
};

/// Decompresses VP8 or VP9. What it is given may be hostile: larger pictures than [`MAX_SIDE`](super::MAX_SIDE)
/// are refused before anything is allocated for them, and after damage it takes nothing but a key frame.
pub struct VpxDecoder {
    codec: VideoCodec,
    /// `None` until a key frame comes, and after an error.
    running: Option<RawDecoder>,
    pool: FramePool,
}

impl VpxDecoder {
    /// A decoder, which waits for a key frame.
    pub fn new(codec: VideoCodec) -> Self {
        Self {
            codec,
            running: None,
            pool: FramePool::new(),
        }
    }

    fn decode_or_stop(&mut self, frame: &EncodedFrame) -> Result<Option<VideoFrame>, String> {
        if frame.codec != self.codec {
            return Err(format!("the frame is {}", frame.codec.name()));
        }
        let key_frame = header::check(self.codec, &frame.data)?;
        let mut decoder = match self.running.take() {
            Some(decoder) => decoder,
            None if key_frame => RawDecoder::new(self.codec)?,
            None => return Err("it waits for a key frame".to_owned()),
        };
        let shown = match decoder.decode(&frame.data)? {
            None => None,
            Some(picture) => {
                let (width, height) = picture.size();
                header::check_size(width, height)?;
                let buffer = self.pool.make(width, height, |out| copy(&picture, out))?;
                Some((buffer, picture.color()))
            }
        };
        self.running = Some(decoder);
        Ok(shown.map(|(buffer, color)| VideoFrame {
            buffer,
            color,
            captured: now(),
        }))
    }
}

impl VideoDecoder for VpxDecoder {
    fn decode(&mut self, frame: &EncodedFrame) -> Result<Option<VideoFrame>, CodecError> {
        // After an error the decoder is gone, and with it whatever the damage did inside.
        self.decode_or_stop(frame)
            .map_err(|detail| CodecError::Decode {
                codec: self.codec.name(),
                detail,
            })
    }
}

pub(super) fn copy(
    picture: &super::raw_decoder::Picture<'_>,
    out: &mut I420Buffer,
) -> Result<(), String> {
    let strides = out.strides();
    for (n, (plane, stride)) in out.planes_mut().into_iter().zip(strides).enumerate() {
        let mut rows = 0;
        for (from, to) in picture.rows(n).zip(plane.chunks_mut(stride)) {
            to[..from.len()].copy_from_slice(from);
            rows += 1;
        }
        if rows * stride != plane.len() {
            return Err("the picture is not whole".to_owned());
        }
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a decoded picture says when it was decoded"
)]
fn now() -> Instant {
    Instant::now()
}
