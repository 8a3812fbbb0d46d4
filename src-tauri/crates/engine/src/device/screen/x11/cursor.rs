//! The pointer, drawn into a picture and taken out again. Pure.

/// What the pointer looks like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Cursor {
    pub(super) width: usize,
    pub(super) height: usize,
    /// The pixel of it that points, from its upper left corner.
    pub(super) hot: (i32, i32),
    /// Row by row, 0xAARRGGBB, multiplied by alpha already.
    pub(super) pixels: Vec<u32>,
}

/// What a picture shows where the pointer was drawn.
#[derive(Debug)]
pub(super) struct Under {
    /// Where its rows begin in the picture, in bytes, and how many bytes each has.
    rows: Vec<usize>,
    length: usize,
    bytes: Vec<u8>,
}

impl Under {
    /// Takes the pointer out of the picture again.
    pub(super) fn restore(self, picture: &mut [u8]) {
        if self.length == 0 {
            return;
        }
        for (start, bytes) in self.rows.iter().zip(self.bytes.chunks_exact(self.length)) {
            picture[*start..*start + self.length].copy_from_slice(bytes);
        }
    }
}

impl Cursor {
    /// The part of the pointer's columns and rows that is within a picture of this size when it points at `at`: how many
    /// are left out at the upper left, where it begins in the picture, and how many are drawn. `None`: nothing of it.
    fn part(&self, size: (usize, usize), at: (i32, i32)) -> Option<[(usize, usize, usize); 2]> {
        let part = |at: i32, hot: i32, length: usize, size: usize| {
            let start = i64::from(at) - i64::from(hot);
            let end = (start + length as i64).min(size as i64);
            let from = start.max(0);
            (from < end).then(|| {
                (
                    (from - start) as usize,
                    from as usize,
                    (end - from) as usize,
                )
            })
        };
        Some([
            part(at.0, self.hot.0, self.width, size.0)?,
            part(at.1, self.hot.1, self.height, size.1)?,
        ])
    }

    /// Whether anything of it is seen in a picture of this size when it points at `at`.
    pub(super) fn is_within(&self, size: (usize, usize), at: (i32, i32)) -> bool {
        self.part(size, at).is_some()
    }

    /// Draws the pointer at `at` into BGRX without padding, of this size, and gives what was there.
    pub(super) fn draw(&self, picture: &mut [u8], size: (usize, usize), at: (i32, i32)) -> Under {
        let mut under = Under {
            rows: Vec::new(),
            length: 0,
            bytes: Vec::new(),
        };
        let Some([(skip_x, left, width), (skip_y, top, height)]) = self.part(size, at) else {
            return under;
        };
        under.length = width * 4;
        for row in 0..height {
            let start = ((top + row) * size.0 + left) * 4;
            let Some(bytes) = picture.get_mut(start..start + width * 4) else {
                break;
            };
            under.rows.push(start);
            under.bytes.extend_from_slice(bytes);
            let pixels = self
                .pixels
                .iter()
                .skip((skip_y + row) * self.width + skip_x);
            for (under, pixel) in bytes.chunks_exact_mut(4).zip(pixels) {
                blend(under, *pixel);
            }
        }
        under
    }
}

/// One pixel over another.
fn blend(under: &mut [u8], pixel: u32) {
    let [b, g, r, alpha] = pixel.to_le_bytes();
    for (under, over) in under.iter_mut().zip([b, g, r]) {
        let rest = u32::from(*under) * (255 - u32::from(alpha));
        *under = over.saturating_add(((rest + 127) / 255) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (usize, usize) = (5, 4);

    /// 2x2: solid red, half white, half white, nothing; it points with its lower right pixel.
    fn cursor() -> Cursor {
        Cursor {
            width: 2,
            height: 2,
            hot: (1, 1),
            pixels: vec![0xffff_0000, 0x8080_8080, 0x8080_8080, 0],
        }
    }

    fn pixel(picture: &[u8], x: usize, y: usize) -> [u8; 3] {
        let at = (y * SIZE.0 + x) * 4;
        [picture[at], picture[at + 1], picture[at + 2]]
    }

    #[test]
    fn it_is_mixed_with_what_is_under_it_and_taken_out_again() {
        let before = vec![100; SIZE.0 * SIZE.1 * 4];
        let mut picture = before.clone();
        let under = cursor().draw(&mut picture, SIZE, (3, 2));
        assert_eq!(pixel(&picture, 2, 1), [0, 0, 255]);
        assert_eq!(pixel(&picture, 3, 1), [178; 3]);
        assert_eq!(pixel(&picture, 2, 2), [178; 3]);
        assert_eq!(pixel(&picture, 3, 2), [100; 3]);
        assert_eq!(pixel(&picture, 1, 1), [100; 3]);
        under.restore(&mut picture);
        assert_eq!(picture, before);
    }

    #[test]
    fn at_the_edges_its_part_within_is_drawn_and_nothing_beyond() {
        let before: Vec<u8> = (0..SIZE.0 * SIZE.1 * 4).map(|n| n as u8).collect();
        for x in -3..9 {
            for y in -3..9 {
                let mut picture = before.clone();
                let under = cursor().draw(&mut picture, SIZE, (x, y));
                let within = (0..=5).contains(&x) && (0..=4).contains(&y);
                assert_eq!(cursor().is_within(SIZE, (x, y)), within, "{x},{y}");
                if !within {
                    assert_eq!(picture, before, "{x},{y}");
                }
                under.restore(&mut picture);
                assert_eq!(picture, before, "{x},{y}");
            }
        }
        let mut picture = before.clone();
        cursor().draw(&mut picture, SIZE, (0, 0));
        assert_eq!(picture, before, "its only pixel within is clear");
        cursor().draw(&mut picture, SIZE, (5, 1));
        assert_eq!(pixel(&picture, 4, 0), [0, 0, 255]);
    }

    #[test]
    fn one_without_an_image_or_far_away_is_nowhere() {
        let mut picture = vec![1; SIZE.0 * SIZE.1 * 4];
        let none = Cursor::default();
        none.draw(&mut picture, SIZE, (2, 2)).restore(&mut picture);
        assert!(!none.is_within(SIZE, (2, 2)));
        let far = (i32::MIN, i32::MAX);
        cursor().draw(&mut picture, SIZE, far).restore(&mut picture);
        assert!(picture.iter().all(|byte| *byte == 1));
    }
}
