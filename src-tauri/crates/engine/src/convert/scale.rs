//! I420 to another size.

use crate::frame::I420Buffer;

use super::pixels::copy_rows;

/// Weights have 14 bits, so that a row of 16-bit sums and a second pass over them stay within `u32`.
const WEIGHT_BITS: u32 = 14;
/// Between the two passes a value keeps 7 bits behind the point.
const BETWEEN_BITS: u32 = 7;

/// Scales `picture` to the size of `out`. Each plane by itself: an exact mean of squares for half the
/// size, the mean of the covered area when it shrinks otherwise, linear interpolation when it grows. The
/// proportions are the caller's business.
pub fn scale(picture: &I420Buffer, out: &mut I420Buffer) {
    let widths = |width: u32| {
        [
            width as usize,
            width.div_ceil(2) as usize,
            width.div_ceil(2) as usize,
        ]
    };
    let (from_widths, to_widths) = (widths(picture.width()), widths(out.width()));
    let (from_rows, to_rows) = (picture.rows(), out.rows());
    let (from_strides, to_strides) = (picture.strides(), out.strides());
    let to_planes = out.planes_mut();
    for (n, (from, to)) in picture.planes().into_iter().zip(to_planes).enumerate() {
        if from.is_empty() || to.is_empty() {
            return;
        }
        let from_size = (from_widths[n], from_rows[n]);
        let to_size = (to_widths[n], to_rows[n]);
        if from_size == to_size {
            copy_rows(from, from_strides[n], to, to_strides[n], to_size.0);
        } else if from_size == (to_size.0 * 2, to_size.1 * 2) {
            halve(from, from_strides[n], to, to_strides[n], to_size.0);
        } else {
            resize(
                (from, from_strides[n], from_size),
                (to, to_strides[n], to_size),
            );
        }
    }
}

fn halve(from: &[u8], from_stride: usize, to: &mut [u8], to_stride: usize, width: usize) {
    for (pair, to) in from.chunks(from_stride * 2).zip(to.chunks_mut(to_stride)) {
        let (top, bottom) = pair.split_at(from_stride);
        let squares = top.chunks_exact(2).zip(bottom.chunks_exact(2));
        for ((top, bottom), to) in squares.zip(&mut to[..width]) {
            let sum =
                u16::from(top[0]) + u16::from(top[1]) + u16::from(bottom[0]) + u16::from(bottom[1]);
            *to = ((sum + 2) >> 2) as u8;
        }
    }
}

type Source<'a> = (&'a [u8], usize, (usize, usize));
type Target<'a> = (&'a mut [u8], usize, (usize, usize));

fn resize((from, from_stride, from_size): Source<'_>, (to, to_stride, to_size): Target<'_>) {
    let across = Taps::new(from_size.0, to_size.0);
    let down = Taps::new(from_size.1, to_size.1);
    let mut sums = vec![0u32; from_size.0];
    let mut row = vec![0u16; from_size.0];
    for (n, to) in to.chunks_mut(to_stride).enumerate() {
        sums.fill(1 << (WEIGHT_BITS - BETWEEN_BITS - 1));
        let (start, weights) = down.of(n);
        for (k, &weight) in weights
            .iter()
            .enumerate()
            .filter(|(_, weight)| **weight != 0)
        {
            let from = &from[(start + k) * from_stride..][..from_size.0];
            for (sum, &value) in sums.iter_mut().zip(from) {
                *sum += u32::from(value) * weight;
            }
        }
        for (value, sum) in row.iter_mut().zip(&sums) {
            *value = (sum >> (WEIGHT_BITS - BETWEEN_BITS)) as u16;
        }
        let to = &mut to[..to_size.0];
        match across.count {
            1 => across.apply::<1>(&row, to),
            2 => across.apply::<2>(&row, to),
            3 => across.apply::<3>(&row, to),
            4 => across.apply::<4>(&row, to),
            _ => across.apply_any(&row, to),
        }
    }
}

/// Which old values make each new one along one side, and how much each weighs. The weights of one
/// value sum up to `1 << WEIGHT_BITS`.
struct Taps {
    count: usize,
    starts: Vec<usize>,
    weights: Vec<u32>,
}

impl Taps {
    fn new(from: usize, to: usize) -> Self {
        let ratio = from as f64 / to as f64;
        let reach = if ratio > 1.0 {
            ratio.ceil() as usize + 1
        } else {
            2
        };
        let count = reach.min(from);
        let mut starts = Vec::with_capacity(to);
        let mut weights = Vec::with_capacity(to * count);
        for n in 0..to {
            let (low, high) = if ratio > 1.0 {
                (n as f64 * ratio, (n + 1) as f64 * ratio)
            } else {
                // A window of one old value around the centre of the new one is linear interpolation.
                let centre = (n as f64 + 0.5) * ratio;
                (centre - 0.5, centre + 0.5)
            };
            let start = (low.max(0.0) as usize).min(from - count);
            let cover = |k: usize| {
                let left = if start + k == 0 {
                    f64::MIN
                } else {
                    (start + k) as f64
                };
                let right = if start + k + 1 == from {
                    f64::MAX
                } else {
                    (start + k + 1) as f64
                };
                (high.min(right) - low.max(left)).max(0.0) / (high - low)
            };
            let first = weights.len();
            weights.extend(
                (0..count).map(|k| (cover(k) * f64::from(1 << WEIGHT_BITS)).round() as u32),
            );
            // Rounding may leave the sum beside one, which would show as a change of brightness.
            let sum: u32 = weights[first..].iter().sum();
            if let Some(largest) = weights[first..].iter_mut().max() {
                *largest = (*largest + (1 << WEIGHT_BITS)).saturating_sub(sum);
            }
            starts.push(start);
        }
        Self {
            count,
            starts,
            weights,
        }
    }

    fn of(&self, n: usize) -> (usize, &[u32]) {
        (
            self.starts[n],
            &self.weights[n * self.count..][..self.count],
        )
    }

    /// One row; `N` is `count`, known to the compiler.
    fn apply<const N: usize>(&self, row: &[u16], to: &mut [u8]) {
        let (weights, _) = self.weights.as_chunks::<N>();
        for ((to, &start), weights) in to.iter_mut().zip(&self.starts).zip(weights) {
            let values = &row[start..start + N];
            let sum: u32 = values
                .iter()
                .zip(weights)
                .map(|(&value, weight)| u32::from(value) * weight)
                .sum();
            *to = rounded(sum);
        }
    }

    fn apply_any(&self, row: &[u16], to: &mut [u8]) {
        for (n, to) in to.iter_mut().enumerate() {
            let (start, weights) = self.of(n);
            let values = &row[start..start + self.count];
            let sum: u32 = values
                .iter()
                .zip(weights)
                .map(|(&value, weight)| u32::from(value) * weight)
                .sum();
            *to = rounded(sum);
        }
    }
}

fn rounded(sum: u32) -> u8 {
    const BITS: u32 = WEIGHT_BITS + BETWEEN_BITS;
    ((sum + (1 << (BITS - 1))) >> BITS) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, luma: impl Fn(u32, u32) -> u8) -> I420Buffer {
        let mut picture = I420Buffer::new(width, height);
        let [y, u, v] = picture.planes_mut();
        for (n, value) in y.iter_mut().enumerate() {
            *value = luma(n as u32 % width, n as u32 / width);
        }
        u.fill(77);
        v.fill(200);
        picture
    }

    #[test]
    fn half_is_the_mean_of_squares() {
        let mut out = I420Buffer::new(4, 2);
        scale(&picture(8, 4, |x, y| (x * 10 + y * 20) as u8), &mut out);
        assert_eq!(out.planes()[0], [15, 35, 55, 75, 55, 75, 95, 115]);
        assert!(out.planes()[1].iter().all(|&value| value == 77));
        assert!(out.planes()[2].iter().all(|&value| value == 200));
    }

    #[test]
    fn a_flat_picture_stays_flat_at_any_size() {
        for value in [0, 16, 127, 255] {
            let from = picture(67, 41, |_, _| value);
            for (width, height) in [
                (1, 1),
                (2, 300),
                (33, 20),
                (66, 40),
                (68, 42),
                (320, 180),
                (67, 3),
            ] {
                let mut out = I420Buffer::new(width, height);
                scale(&from, &mut out);
                assert!(
                    out.planes()[0].iter().all(|&found| found == value),
                    "{width}x{height}"
                );
                assert!(
                    out.planes()[1].iter().all(|&found| found == 77),
                    "{width}x{height}"
                );
            }
        }
    }

    #[test]
    fn a_ramp_stays_a_ramp_without_a_shift() {
        let from = picture(240, 16, |x, _| x as u8);
        for width in [80u32, 150, 160, 200, 333, 480] {
            let mut out = I420Buffer::new(width, 12);
            scale(&from, &mut out);
            for (x, &found) in out.planes()[0][..width as usize].iter().enumerate() {
                let expected =
                    ((x as f64 + 0.5) * 240.0 / f64::from(width) - 0.5).clamp(0.0, 239.0);
                assert!(
                    (f64::from(found) - expected).abs() <= 1.0,
                    "{width}: {found} at {x}"
                );
            }
        }
    }

    #[test]
    fn fine_detail_becomes_its_mean_and_not_a_moire() {
        let from = picture(1280, 8, |x, _| if x % 2 == 0 { 0 } else { 255 });
        let mut out = I420Buffer::new(320, 8);
        scale(&from, &mut out);
        assert!(out.planes()[0].iter().all(|value| value.abs_diff(128) <= 1));
    }

    #[test]
    fn empty_pictures_do_not_panic() {
        for (from, to) in [
            ((0, 0), (4, 4)),
            ((4, 4), (0, 0)),
            ((0, 4), (4, 0)),
            ((1, 1), (1, 1)),
        ] {
            scale(
                &I420Buffer::new(from.0, from.1),
                &mut I420Buffer::new(to.0, to.1),
            );
        }
    }
}
