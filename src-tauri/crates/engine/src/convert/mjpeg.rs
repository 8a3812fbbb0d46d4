//! Motion JPEG, as cameras bring it, to I420.

use std::sync::Arc;

use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::ConvertError;
use crate::frame::{FramePool, I420Buffer};

/// The longest side of a JPEG that is decoded, in pixels: twice what the largest camera mode brings, so
/// that a damaged header cannot ask for gigabytes.
pub const MAX_JPEG_SIDE: usize = 4096;

/// An APP0 segment after which the decoder takes the Huffman tables of ITU-T T.81 Annex K where the picture
/// brings none: cameras leave them out.
const MOTION_JPEG: [u8; 9] = [0xff, 0xe0, 0, 7, b'A', b'V', b'I', b'1', 0];

/// Decodes the pictures of one camera.
#[derive(Debug, Default)]
pub struct Mjpeg {
    jpeg: Vec<u8>,
    pixels: Vec<u8>,
}

impl Mjpeg {
    /// A decoder; its memory grows to the size of the pictures and is kept.
    pub fn new() -> Self {
        Self::default()
    }

    /// One JPEG (4:4:4, 4:2:2, 4:2:0 or grey) to I420 in BT.601 limited range, although JPEG itself has
    /// full range (ITU-T T.871): so it is what all cameras bring, and what VP8 can say.
    ///
    /// What stands behind the JPEG's end marker is left out: drivers hand out their whole buffer. A picture
    /// without its end marker was cut short and is an error.
    pub fn decode(
        &mut self,
        data: &[u8],
        pool: &mut FramePool,
    ) -> Result<Arc<I420Buffer>, ConvertError> {
        let end = end_of_picture(data).ok_or_else(|| damaged("it has no end"))?;
        self.jpeg.clear();
        self.jpeg.extend_from_slice(&data[..2]);
        self.jpeg.extend_from_slice(&MOTION_JPEG);
        self.jpeg.extend_from_slice(&data[2..end]);

        let options = DecoderOptions::new_fast()
            .set_max_width(MAX_JPEG_SIDE)
            .set_max_height(MAX_JPEG_SIDE)
            .jpeg_set_out_colorspace(ColorSpace::YCbCr);
        let mut decoder =
            JpegDecoder::new_with_options(ZCursor::new(self.jpeg.as_slice()), options);
        decoder.decode_headers().map_err(damaged)?;
        let (width, height) = decoder
            .info()
            .map(|info| (info.width, info.height))
            .filter(|&(width, height)| width > 0 && height > 0)
            .ok_or_else(|| damaged("it has no size"))?;
        let channels = match decoder.input_colorspace() {
            Some(ColorSpace::YCbCr) => 3,
            Some(ColorSpace::Luma) => {
                decoder.set_options(options.jpeg_set_out_colorspace(ColorSpace::Luma));
                1
            }
            other => return Err(damaged(format!("it is in {other:?}"))),
        };
        let length = usize::from(width) * usize::from(height) * channels;
        self.pixels.resize(length, 0);
        decoder.decode_into(&mut self.pixels).map_err(damaged)?;

        pool.make(width.into(), height.into(), |out| {
            if channels == 3 {
                planar(&self.pixels, out);
            } else {
                grey(&self.pixels, out);
            }
            Ok(())
        })
    }
}

fn damaged(detail: impl std::fmt::Display) -> ConvertError {
    ConvertError::Data {
        format: "MJPEG",
        detail: detail.to_string(),
    }
}

/// Where the first JPEG in the data ends, its end marker included: goes from segment to segment, as the
/// marker's bytes may stand within one (ITU-T T.81 §B.1.1).
fn end_of_picture(data: &[u8]) -> Option<usize> {
    const START: u8 = 0xd8;
    const END: u8 = 0xd9;
    const SCAN: u8 = 0xda;
    if data.get(..2)? != [0xff, START] {
        return None;
    }
    let mut at = 2;
    loop {
        // Any number of fill bytes may stand before a marker.
        while data.get(at)? != &0xff {
            at += 1;
        }
        while data.get(at)? == &0xff {
            at += 1;
        }
        let marker = *data.get(at)?;
        at += 1;
        match marker {
            END => return Some(at),
            // A stuffed byte, a restart, or another marker without a length.
            0x00 | 0x01 | 0xd0..=0xd8 => {}
            _ => {
                let length = u16::from_be_bytes([*data.get(at)?, *data.get(at + 1)?]);
                at += usize::from(length.max(2));
                if marker == SCAN {
                    // Within a scan 0xff is always followed by 0 or a restart number.
                    at += data
                        .get(at..)?
                        .windows(2)
                        .position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7))?;
                }
            }
        }
    }
}

/// 0–255 to 16–235.
fn limited_luma(value: u8) -> u8 {
    ((u32::from(value) * 56_284 + 32_768) >> 16) as u8 + 16
}

/// The sum of `1 << shift` values of 0–255 to their mean in 16–240.
fn limited_chroma(sum: u32, shift: u32) -> u8 {
    // 224/255 in 16 bits; 16 × 256/255 more puts 128 on 128.
    let mean = (sum * 57_568) >> shift;
    ((mean + 32_768 + (128 << 16) - 128 * 57_568) >> 16) as u8
}

/// Y, Cb and Cr by turns to planes; chroma is the mean of each square of four.
fn planar(pixels: &[u8], out: &mut I420Buffer) {
    let width = out.width() as usize;
    let [y_stride, u_stride, v_stride] = out.strides();
    let [y, u, v] = out.planes_mut();
    let rows = pixels
        .chunks(width * 6)
        .zip(y.chunks_mut(y_stride * 2))
        .zip(u.chunks_mut(u_stride))
        .zip(v.chunks_mut(v_stride));
    for (((pair, y), u), v) in rows {
        // An odd last row, like an odd last column, is its own neighbour.
        let (top, bottom) = match pair.len() {
            length if length == width * 6 => pair.split_at(width * 3),
            _ => (pair, pair),
        };
        let (y_top, y_bottom) = y.split_at_mut(y_stride);
        luma_row(top, y_top);
        if !y_bottom.is_empty() {
            luma_row(bottom, y_bottom);
        }
        let squares = top.chunks(6).zip(bottom.chunks(6));
        for (((top, bottom), u), v) in squares.zip(u).zip(v) {
            let right = top.len() - 3;
            let sum = |channel: usize| {
                [top, bottom]
                    .iter()
                    .map(|row| u32::from(row[channel]) + u32::from(row[right + channel]))
                    .sum()
            };
            *u = limited_chroma(sum(1), 2);
            *v = limited_chroma(sum(2), 2);
        }
    }
}

fn luma_row(pixels: &[u8], row: &mut [u8]) {
    for (pixel, y) in pixels.chunks_exact(3).zip(row) {
        *y = limited_luma(pixel[0]);
    }
}

fn grey(pixels: &[u8], out: &mut I420Buffer) {
    let [y, u, v] = out.planes_mut();
    for (pixel, y) in pixels.iter().zip(y) {
        *y = limited_luma(*pixel);
    }
    u.fill(128);
    v.fill(128);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BARS: [&[u8]; 3] = [
        include_bytes!("testdata/bars-420.jpg"),
        include_bytes!("testdata/bars-422.jpg"),
        include_bytes!("testdata/bars-444.jpg"),
    ];
    const GREY: &[u8] = include_bytes!("testdata/gray.jpg");

    fn decode(data: &[u8]) -> Result<Arc<I420Buffer>, ConvertError> {
        Mjpeg::new().decode(data, &mut FramePool::new())
    }

    /// Blue (0x3060c0), white and red (0xc03020) bars of 16 pixels, in BT.601 limited.
    fn assert_bars(picture: &I420Buffer) {
        assert_eq!((picture.width(), picture.height()), (48, 32));
        let [y, u, v] = picture.planes();
        for (x, expected) in [
            (8, [96, 177, 100]),
            (24, [235, 128, 128]),
            (40, [93, 100, 192]),
        ] {
            for row in [4, 20] {
                let at = row / 2 * 24 + x / 2;
                let found = [y[row * 48 + x], u[at], v[at]];
                assert!(
                    found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 3),
                    "at {x},{row}: {found:?} is not {expected:?}"
                );
            }
        }
    }

    #[test]
    fn all_samplings_give_the_same_picture() {
        for jpeg in BARS {
            assert_bars(&decode(jpeg).unwrap());
        }
        let grey = decode(GREY).unwrap();
        assert_eq!((grey.width(), grey.height()), (40, 24));
        let [y, u, _] = grey.planes();
        assert!(y.iter().all(|&value| value.abs_diff(126) <= 1));
        assert!(u.iter().all(|&value| value == 128));
    }

    #[test]
    fn range_maps_its_ends_and_its_middle() {
        assert_eq!([0, 255].map(limited_luma), [16, 235]);
        assert_eq!(
            [0, 128, 255].map(|value| limited_chroma(value * 4, 2)),
            [16, 128, 240]
        );
    }

    #[test]
    fn what_stands_behind_the_end_is_left_out() {
        for stale in [&[0u8; 500][..], BARS[1], &[0xff, 0xd9, 0xff, 0xd8]] {
            let mut data = BARS[0].to_vec();
            data.extend_from_slice(stale);
            assert_bars(&decode(&data).unwrap());
            assert_eq!(end_of_picture(&data), Some(BARS[0].len()));
        }
    }

    #[test]
    fn a_camera_may_leave_the_huffman_tables_out() {
        let jpeg = include_bytes!("testdata/bars-std-huffman.jpg");
        let mut without = Vec::new();
        let mut at = 2;
        without.extend_from_slice(&jpeg[..2]);
        while jpeg[at + 1] != 0xda {
            let length = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]])) + 2;
            if jpeg[at + 1] != 0xc4 {
                without.extend_from_slice(&jpeg[at..at + length]);
            }
            at += length;
        }
        without.extend_from_slice(&jpeg[at..]);
        assert!(without.len() < jpeg.len());
        assert_bars(&decode(&without).unwrap());
    }

    #[test]
    fn a_picture_cut_short_is_an_error() {
        for length in 0..BARS[0].len() {
            assert!(decode(&BARS[0][..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_huge_size_is_an_error() {
        let mut data = BARS[0].to_vec();
        let frame = data
            .windows(2)
            .position(|pair| pair == [0xff, 0xc0])
            .unwrap();
        data[frame + 5..frame + 9].fill(0xff);
        assert!(decode(&data).is_err());
    }

    proptest! {
        #[test]
        fn damaged_pictures_never_panic(
            which in 0usize..3,
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        ) {
            let mut data = BARS[which].to_vec();
            for (at, value) in damage {
                let at = at.index(data.len());
                data[at] = value;
            }
            let _ = decode(&data);
        }
    }
}
