//! Smooth noise, drawn once and shown in parts: detail for an encoder, at the price of a copy.

use std::ops::Range;

use crate::frame::I420Buffer;

/// How far a texture is larger than what is shown of it, in pixels: so far a view can pan.
pub(super) const MARGIN: u32 = 128;

/// Sizes of the noise's grains in pixels and how strong each is, in steps of luma: a room has large
/// soft shapes and little fine detail.
const GRAINS: [(usize, f32); 4] = [(96, 60.0), (32, 26.0), (12, 12.0), (4, 7.0)];
const CHROMA_GRAINS: [(usize, f32); 2] = [(80, 34.0), (20, 8.0)];

#[derive(Debug)]
struct Plane {
    width: usize,
    data: Vec<u8>,
}

impl Plane {
    fn new(width: usize, height: usize, grains: &[(usize, f32)], middle: f32, seed: u32) -> Self {
        let mut sums = vec![middle; width * height];
        for (layer, (grain, strength)) in grains.iter().enumerate() {
            let seed = seed.wrapping_mul(31).wrapping_add(layer as u32);
            let mut upper = line(0, width, *grain, seed);
            let mut lower = line(1, width, *grain, seed);
            for (y, row) in sums.chunks_exact_mut(width).enumerate() {
                let within = y % grain;
                if within == 0 && y > 0 {
                    upper = lower;
                    lower = line(y / grain + 1, width, *grain, seed);
                }
                let share = smooth(within as f32 / *grain as f32);
                for ((sum, up), low) in row.iter_mut().zip(&upper).zip(&lower) {
                    *sum += strength * (up + (low - up) * share);
                }
            }
        }
        Self {
            width,
            data: sums.iter().map(|s| s.clamp(20.0, 230.0) as u8).collect(),
        }
    }

    fn at(&self, x: usize, y: usize, length: usize) -> &[u8] {
        &self.data[y * self.width + x..][..length]
    }
}

/// One line of the grid's points, interpolated along the line; -1 to 1.
fn line(row: usize, width: usize, grain: usize, seed: u32) -> Vec<f32> {
    let point = |column: usize| {
        let mut hash = seed
            ^ (column as u32).wrapping_mul(0x9E37_79B1)
            ^ (row as u32).wrapping_mul(0x85EB_CA6B);
        hash ^= hash >> 15;
        hash = hash.wrapping_mul(0x2C1B_3C6D);
        hash ^= hash >> 12;
        hash = hash.wrapping_mul(0x297A_2D39);
        hash ^= hash >> 15;
        (hash >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..width)
        .map(|x| {
            let (left, right) = (point(x / grain), point(x / grain + 1));
            left + (right - left) * smooth((x % grain) as f32 / grain as f32)
        })
        .collect()
}

fn smooth(share: f32) -> f32 {
    share * share * (3.0 - 2.0 * share)
}

/// A textured surface in I420.
#[derive(Debug)]
pub(super) struct Texture {
    planes: [Plane; 3],
    height: usize,
}

impl Texture {
    /// A surface to fill a view of this size, wherever it pans within [`MARGIN`].
    pub(super) fn new(width: u32, height: u32, seed: u32) -> Self {
        let margin = MARGIN as usize;
        let (width, height) = (width as usize + margin + 2, height as usize + margin + 2);
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        Self {
            planes: [
                Plane::new(width, height, &GRAINS, 120.0, seed),
                Plane::new(half_width, half_height, &CHROMA_GRAINS, 128.0, seed + 100),
                Plane::new(half_width, half_height, &CHROMA_GRAINS, 128.0, seed + 200),
            ],
            height,
        }
    }

    /// Fills a picture of the size named at the beginning with the part at `x`, `y`, both at most [`MARGIN`].
    pub(super) fn fill(&self, x: usize, y: usize, out: &mut I420Buffer) {
        let (strides, rows) = (out.strides(), out.rows());
        let planes = out.planes_mut();
        for (index, (plane, texture)) in planes.into_iter().zip(&self.planes).enumerate() {
            let halve = usize::from(index > 0);
            let lines = plane.chunks_exact_mut(strides[index]).take(rows[index]);
            for (row, line) in lines.enumerate() {
                line.copy_from_slice(texture.at(x >> halve, (y >> halve) + row, line.len()));
            }
        }
    }

    /// Fills rows `y` and `y + 1` of a picture between two columns with the surface's row `row`, so that it
    /// moves along with the columns. Rows and columns are even; columns beyond the surface stay as they are.
    pub(super) fn row(&self, row: usize, y: usize, columns: Range<usize>, out: &mut I420Buffer) {
        let length = columns.len().min(self.planes[0].width) & !1;
        let strides = out.strides();
        let planes = out.planes_mut();
        // Centred, so that the surface keeps its place on what it covers.
        let from = ((self.planes[0].width - length) / 2) & !1;
        let row = (row % (self.height - 2)) & !1;
        for step in 0..2 {
            planes[0][(y + step) * strides[0] + columns.start..][..length]
                .copy_from_slice(self.planes[0].at(from, row + step, length));
        }
        for index in 1..3 {
            planes[index][y / 2 * strides[index] + columns.start / 2..][..length / 2]
                .copy_from_slice(self.planes[index].at(from / 2, row / 2, length / 2));
        }
    }
}
