//! The capture time that the test picture carries, written into pixels and read from them.
//!
//! The top two rows of 32 square blocks, each 1/32 of the width: the first row is a number of 32 bits,
//! most significant first, white = 1; the second row is its inverse. It survives scaling and lossy
//! coding, and a picture without a stamp does not pass for one.

use crate::frame::I420Buffer;

const BITS: usize = 32;
const WHITE: u8 = 235;
const BLACK: u8 = 16;
const GREY: u8 = 128;

/// White and black of a block pair must be at least this far apart, in steps of luma.
const CONTRAST: u32 = 40;

/// The narrowest picture with a stamp: below two pixels a block cannot be told from its neighbours.
pub(crate) const MIN_WIDTH: u32 = 64;

/// Writes `value` into the top of the picture. One that is too small stays as it is.
pub(crate) fn write(picture: &mut I420Buffer, value: u32) {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let side = width / BITS;
    if width < MIN_WIDTH as usize || height < 2 * side {
        return;
    }
    let [luma_stride, chroma_stride, _] = picture.strides();
    let [luma, u, v] = picture.planes_mut();
    for (row, line) in luma
        .chunks_exact_mut(luma_stride)
        .take(2 * side)
        .enumerate()
    {
        let shown = if row < side { value } else { !value };
        for bit in 0..BITS {
            let white = shown >> (BITS - 1 - bit) & 1 == 1;
            line[bit * width / BITS..(bit + 1) * width / BITS].fill(if white {
                WHITE
            } else {
                BLACK
            });
        }
    }
    for plane in [u, v] {
        plane[..side * chroma_stride].fill(GREY);
    }
}

/// Reads the number that the top of the picture shows; `None` where there is none, or it is too blurred to be sure.
pub fn read(picture: &I420Buffer) -> Option<u32> {
    let side = f64::from(picture.width()) / BITS as f64;
    if picture.width() < MIN_WIDTH || f64::from(picture.height()) < 2.0 * side {
        return None;
    }
    let mut value = 0;
    for bit in 0..BITS {
        let above = block(picture, bit, 0, side);
        let below = block(picture, bit, 1, side);
        if above.abs_diff(below) < CONTRAST {
            return None;
        }
        value = value << 1 | u32::from(above > below);
    }
    Some(value)
}

/// The mean luma of the inner half of a block: coding smears its edges.
fn block(picture: &I420Buffer, column: usize, row: usize, side: f64) -> u32 {
    let range = |index: usize| {
        let from = (index as f64 + 0.25) * side;
        let to = (index as f64 + 0.75) * side;
        from as usize..(to.ceil() as usize).max(from as usize + 1)
    };
    let stride = picture.strides()[0];
    let luma = picture.planes()[0];
    let (mut sum, mut count) = (0, 0);
    for y in range(row) {
        for value in &luma[y * stride..][range(column)] {
            sum += u32::from(*value);
            count += 1;
        }
    }
    sum / count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::scale;

    const VALUES: [u32; 5] = [0, u32::MAX, 0x1234_5678, 0xAAAA_AAAA, 0x8000_0001];

    fn stamped(width: u32, height: u32, value: u32) -> I420Buffer {
        let mut picture = I420Buffer::new(width, height);
        for (i, byte) in picture.planes_mut()[0].iter_mut().enumerate() {
            *byte = (i * 7 % 220) as u8;
        }
        write(&mut picture, value);
        picture
    }

    #[test]
    fn what_was_written_is_read_at_any_size() {
        for (width, height) in [(1280, 720), (640, 360), (320, 240), (1000, 501), (64, 36)] {
            for value in VALUES {
                assert_eq!(read(&stamped(width, height, value)), Some(value));
            }
        }
    }

    #[test]
    fn it_is_read_after_scaling() {
        for (width, height) in [(640, 360), (320, 180), (854, 480), (160, 90), (1920, 1080)] {
            for value in VALUES {
                let mut scaled = I420Buffer::new(width, height);
                scale(&stamped(1280, 720, value), &mut scaled);
                assert_eq!(read(&scaled), Some(value), "{width}x{height}");
            }
        }
    }

    #[test]
    fn it_is_read_through_noise_and_weak_contrast() {
        let mut seed = 1u32;
        for value in VALUES {
            let mut picture = stamped(640, 360, value);
            for byte in &mut *picture.planes_mut()[0] {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (seed >> 24) as i32 / 3 - 42;
                *byte = (i32::from(*byte) * 6 / 10 + 60 + noise).clamp(0, 255) as u8;
            }
            assert_eq!(read(&picture), Some(value));
        }
    }

    #[test]
    fn a_picture_without_a_stamp_has_none() {
        assert_eq!(read(&I420Buffer::new(1280, 720)), None);
        assert_eq!(read(&I420Buffer::new(0, 0)), None);
        assert_eq!(read(&I420Buffer::new(640, 10)), None);
        let mut noise = I420Buffer::new(640, 360);
        for (i, byte) in noise.planes_mut()[0].iter_mut().enumerate() {
            *byte = (i.wrapping_mul(2_654_435_761) >> 13) as u8;
        }
        assert_eq!(read(&noise), None);
    }

    #[test]
    fn a_picture_that_is_too_small_is_left_alone() {
        let mut picture = I420Buffer::new(32, 2);
        write(&mut picture, 7);
        assert_eq!(picture, I420Buffer::new(32, 2));
    }
}
