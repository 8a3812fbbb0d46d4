//! A picture as the message that carries it to the window. Pure.

use ahoy_contract::video::{HEADER_BYTES, MAGIC};
use ahoy_engine::{
    convert,
    frame::{Color, ColorMatrix, ColorRange, I420Buffer, VideoFrame},
};

/// A size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Size {
    /// Whether a tile of this size shows anything.
    pub(super) fn is_visible(self) -> bool {
        self.width > 0 && self.height > 0
    }
}

/// The largest size of a picture of the size `picture` that fits into `tile`: never larger than the
/// picture, in its proportions, and even. `None`: there is nothing to show.
pub(super) fn fit(picture: Size, tile: Size) -> Option<Size> {
    let (w, h) = (u64::from(picture.width), u64::from(picture.height));
    let (tile_w, tile_h) = (u64::from(tile.width).min(w), u64::from(tile.height).min(h));
    if w < 2 || h < 2 || tile_w == 0 || tile_h == 0 {
        return None;
    }
    // Whichever side is the tighter one is filled; the other follows in proportion, rounded.
    let (width, height) = if tile_w * h <= tile_h * w {
        (tile_w, (tile_w * h + w / 2) / w)
    } else {
        ((tile_h * w + h / 2) / h, tile_h)
    };
    let even = |side: u64| u32::try_from(side & !1).unwrap_or(u32::MAX).max(2);
    Some(Size {
        width: even(width),
        height: even(height),
    })
}

/// Scales a picture to `size` and packs it for the window; `scratch` is kept by the caller for the next
/// one. `captured_ms` is in milliseconds of UNIX time.
pub(super) fn message(
    frame: &VideoFrame,
    size: Size,
    captured_ms: f64,
    sequence: u32,
    scratch: Vec<u8>,
) -> (Vec<u8>, Vec<u8>) {
    let source = &frame.buffer;
    if (source.width(), source.height()) == (size.width, size.height) {
        return (pack(source, frame.color, captured_ms, sequence), scratch);
    }
    let mut scaled = I420Buffer::reusing(scratch, size.width, size.height, false);
    convert::scale(source, &mut scaled);
    let message = pack(&scaled, frame.color, captured_ms, sequence);
    (message, scaled.into_data())
}

fn pack(picture: &I420Buffer, color: Color, captured_ms: f64, sequence: u32) -> Vec<u8> {
    let (width, height) = (picture.width(), picture.height());
    let chroma = width.div_ceil(2);
    let rows = picture.rows();
    let widths = [width as usize, chroma as usize, chroma as usize];
    let length: usize = widths
        .iter()
        .zip(rows)
        .map(|(width, rows)| width * rows)
        .sum();
    let mut bytes = Vec::with_capacity(HEADER_BYTES + length);
    bytes.extend_from_slice(&MAGIC.to_le_bytes());
    bytes.extend_from_slice(&width.to_le_bytes());
    bytes.extend_from_slice(&height.to_le_bytes());
    bytes.push(match color.matrix {
        ColorMatrix::Bt601 => 0,
        ColorMatrix::Bt709 => 1,
    });
    bytes.push(match color.range {
        ColorRange::Limited => 0,
        ColorRange::Full => 1,
    });
    bytes.extend_from_slice(&[0; 2]);
    bytes.extend_from_slice(&captured_ms.to_le_bytes());
    bytes.extend_from_slice(&sequence.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    debug_assert_eq!(bytes.len(), HEADER_BYTES);
    for ((plane, stride), width) in picture
        .planes()
        .into_iter()
        .zip(picture.strides())
        .zip(widths)
    {
        if stride == width {
            bytes.extend_from_slice(plane);
        } else {
            for row in plane.chunks(stride) {
                bytes.extend_from_slice(&row[..width]);
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn size(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    #[test]
    fn a_picture_fills_its_tile_in_proportion_and_never_grows() {
        for (picture, tile, expected) in [
            ((1280, 720), (1280, 720), Some((1280, 720))),
            ((1280, 720), (4000, 4000), Some((1280, 720))),
            ((1280, 720), (640, 640), Some((640, 360))),
            ((1280, 720), (640, 100), Some((178, 100))),
            ((720, 1280), (640, 640), Some((360, 640))),
            ((641, 361), (1000, 1000), Some((640, 360))),
            ((1280, 720), (101, 101), Some((100, 56))),
            ((1280, 720), (1, 1), Some((2, 2))),
            ((3840, 2), (100, 100), Some((100, 2))),
            ((1280, 720), (0, 100), None),
            ((1, 1), (100, 100), None),
            (
                (u32::MAX, u32::MAX),
                (u32::MAX, u32::MAX),
                Some((u32::MAX - 1, u32::MAX - 1)),
            ),
        ] {
            assert_eq!(
                fit(size(picture.0, picture.1), size(tile.0, tile.1)),
                expected.map(|(w, h)| size(w, h)),
                "{picture:?} in {tile:?}"
            );
        }
    }

    #[test]
    fn the_message_says_what_the_picture_is() {
        let mut buffer = I420Buffer::new(8, 4);
        for (plane, value) in buffer.planes_mut().into_iter().zip([50, 100, 200]) {
            plane.fill(value);
        }
        #[expect(clippy::disallowed_methods, reason = "a frame wants a time, whichever")]
        let now = Instant::now();
        let color = Color {
            matrix: ColorMatrix::Bt709,
            range: ColorRange::Full,
        };
        let frame = VideoFrame::new(buffer, color, now);
        for to in [size(8, 4), size(4, 2)] {
            let (bytes, _) = message(&frame, to, 1.5, 7, Vec::new());
            let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            assert_eq!(u32_at(0), 0x5948_4F41);
            assert_eq!((u32_at(4), u32_at(8)), (to.width, to.height));
            assert_eq!(bytes[12..16], [1, 1, 0, 0]);
            assert_eq!(bytes[16..24], 1.5f64.to_le_bytes());
            assert_eq!((u32_at(24), u32_at(28)), (7, 0));
            let luma = (to.width * to.height) as usize;
            let planes = &bytes[HEADER_BYTES..];
            assert_eq!(planes.len(), luma * 3 / 2);
            assert!(planes[..luma].iter().all(|&value| value == 50));
            assert!(planes[luma..luma * 5 / 4].iter().all(|&value| value == 100));
            assert!(planes[luma * 5 / 4..].iter().all(|&value| value == 200));
        }
    }
}
