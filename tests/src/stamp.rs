//! The stamp in a picture: its capture time as two rows of 32 square blocks, each 1/32 of the width. The
//! first row is `unix_ms mod 2^32`, most significant bit first, white for one; the second its inverse.

use crate::y4m::{Luma, Picture, grey};

const BITS: usize = 32;
/// What separates white from black, halfway between the two in limited range.
const MIDDLE: u32 = 126;

/// Reads the stamp of a picture; `None` where there is none or it is not whole.
pub fn read(luma: &Luma) -> Option<u32> {
    let block = luma.width as f64 / BITS as f64;
    if block < 4.0 || (2.0 * block) as usize > luma.height {
        return None;
    }
    let bit = |row: usize, column: usize| {
        // The middle half of the block: its edges blur.
        let range = |index: usize| {
            let start = (index as f64 + 0.25) * block;
            start as usize..(start + 0.5 * block) as usize + 1
        };
        let mut sum = 0;
        let mut count = 0;
        for y in range(row) {
            for x in range(column) {
                sum += u32::from(luma.pixels[y * luma.width + x]);
                count += 1;
            }
        }
        sum / count > MIDDLE
    };
    let mut stamp = 0;
    for column in 0..BITS {
        if bit(0, column) == bit(1, column) {
            return None;
        }
        stamp = stamp << 1 | u32::from(bit(0, column));
    }
    Some(stamp)
}

/// Draws a stamp onto a picture.
pub fn draw(luma: &mut Luma, stamp: u32) {
    let block = luma.width / BITS;
    for (y, row) in luma
        .pixels
        .chunks_mut(luma.width)
        .take(2 * block)
        .enumerate()
    {
        for (x, pixel) in row.iter_mut().enumerate() {
            let column = (x / block).min(BITS - 1);
            let one = stamp >> (BITS - 1 - column) & 1 == 1;
            *pixel = if one == (y < block) { 235 } else { 16 };
        }
    }
}

/// A clip for a fake camera, 30 pictures a second: stamps that count milliseconds from `start`, below them a bar
/// that moves.
pub fn clip(width: usize, height: usize, pictures: usize, start: u32) -> Vec<Picture> {
    (0..pictures)
        .map(|index| {
            let mut picture = grey(width, height, 90);
            let bar = index * 8 % width;
            for row in picture.luma.pixels.chunks_mut(width) {
                let end = (bar + width / 16).min(width);
                row[bar..end].fill(180);
            }
            draw(&mut picture.luma, start + (index * 1000 / 30) as u32);
            picture
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_was_drawn() {
        for (width, height) in [(1280, 720), (640, 360), (320, 180)] {
            let mut picture = grey(width, height, 128);
            for stamp in [0, 1, 0xdead_beef, u32::MAX] {
                draw(&mut picture.luma, stamp);
                assert_eq!(read(&picture.luma), Some(stamp));
            }
        }
    }

    #[test]
    fn a_picture_without_a_stamp_has_none() {
        assert_eq!(read(&grey(640, 360, 16).luma), None);
        assert_eq!(read(&grey(640, 360, 235).luma), None);
        assert_eq!(read(&grey(16, 16, 16).luma), None);
    }
}
