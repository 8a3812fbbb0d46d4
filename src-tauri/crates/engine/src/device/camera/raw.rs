//! From a driver's bytes to pictures.

use std::time::Instant;

use super::modes::{Mode, Pixels};
use crate::{
    convert::{self, ConvertError, Mjpeg},
    frame::{Color, FramePool, VideoFrame},
};

/// What a driver says of its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Layout {
    /// Bytes from one row to the next; `None`: it follows from the length.
    pub(super) stride: Option<usize>,
    /// What the numbers mean. A JPEG says it itself.
    pub(super) color: Color,
}

/// Makes pictures of what a camera brings.
#[derive(Debug)]
pub(super) struct Raw {
    mode: Mode,
    layout: Layout,
    jpeg: Mjpeg,
    pool: FramePool,
}

impl Raw {
    pub(super) fn new(mode: Mode, layout: Layout) -> Self {
        Self {
            mode,
            layout,
            jpeg: Mjpeg::new(),
            pool: FramePool::new(),
        }
    }

    /// One picture. The bytes may go on behind it: drivers hand out their whole buffer.
    pub(super) fn picture(
        &mut self,
        bytes: &[u8],
        captured: Instant,
    ) -> Result<VideoFrame, ConvertError> {
        let Mode {
            pixels,
            width,
            height,
            ..
        } = self.mode;
        let (buffer, color) = match pixels {
            Pixels::Mjpeg => (self.jpeg.decode(bytes, &mut self.pool)?, Color::default()),
            Pixels::Nv12 => {
                // One and a half rows of bytes for each row of pixels.
                let rows = height as usize + (height as usize).div_ceil(2);
                let row = (width as usize).next_multiple_of(2);
                let (stride, bytes) = self.rows(bytes, rows, row);
                let fill = |out: &mut _| convert::nv12(bytes, stride, out);
                (self.pool.make(width, height, fill)?, self.layout.color)
            }
            Pixels::Yuyv => {
                let row = (width as usize).next_multiple_of(2) * 2;
                let (stride, bytes) = self.rows(bytes, height as usize, row);
                let fill = |out: &mut _| convert::yuyv(bytes, stride, out);
                (self.pool.make(width, height, fill)?, self.layout.color)
            }
        };
        Ok(VideoFrame {
            buffer,
            color,
            captured,
        })
    }

    /// The stride, and the bytes cut to `rows` of it. Where the driver does not say it, rows fill what came.
    fn rows<'a>(&self, bytes: &'a [u8], rows: usize, row: usize) -> (usize, &'a [u8]) {
        let stride = match self.layout.stride {
            Some(stride) if stride >= row => stride,
            _ if bytes.len().is_multiple_of(rows) => (bytes.len() / rows).max(row),
            _ => row,
        };
        let length = bytes.len().min(stride.saturating_mul(rows));
        (stride, &bytes[..length])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::clock::now;

    fn raw(pixels: Pixels, stride: Option<usize>) -> Raw {
        let mode = Mode {
            pixels,
            width: 4,
            height: 2,
            fps: 30,
        };
        let color = Color::default();
        Raw::new(mode, Layout { stride, color })
    }

    #[test]
    fn rows_are_found_with_and_without_a_stride() {
        let row = [10, 100, 20, 200, 30, 100, 40, 200];
        let tight = [row, row].concat();
        let wide = [&row[..], &[0; 8], &row, &[0; 8]].concat();
        let behind = [&wide[..], &[0; 5]].concat();
        for (stride, bytes) in [
            (None, &tight),
            (Some(8), &tight),
            (None, &wide),
            (Some(16), &wide),
            (Some(16), &behind),
        ] {
            let picture = raw(Pixels::Yuyv, stride).picture(bytes, now()).unwrap();
            assert_eq!(picture.buffer.planes()[0], [10, 20, 30, 40, 10, 20, 30, 40]);
            assert_eq!(picture.buffer.planes()[2], [200, 200]);
        }
    }

    #[test]
    fn nv12_has_half_as_many_rows_again() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8, 90, 91, 92, 93];
        let picture = raw(Pixels::Nv12, None).picture(&bytes, now()).unwrap();
        assert_eq!(picture.buffer.planes()[0], [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(picture.buffer.planes()[1], [90, 92]);
        assert_eq!(picture.buffer.planes()[2], [91, 93]);
    }

    #[test]
    fn what_is_cut_short_is_an_error() {
        for pixels in [Pixels::Yuyv, Pixels::Nv12, Pixels::Mjpeg] {
            for length in [0, 1, 7] {
                let bytes = vec![0; length];
                assert!(raw(pixels, None).picture(&bytes, now()).is_err());
                assert!(raw(pixels, Some(8)).picture(&bytes, now()).is_err());
            }
        }
    }
}
