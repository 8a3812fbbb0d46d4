//! How alike two pictures are to the eye (Wang, Bovik, Sheikh and Simoncelli, 2004).

use crate::y4m::Luma;

/// The side of the squares that are compared, and the step from one to the next.
const SIDE: usize = 8;
const STEP: usize = 4;
/// What keeps dark and even squares from dividing by nothing: (0.01 * 255)² and (0.03 * 255)².
const C1: f64 = 6.5025;
const C2: f64 = 58.5225;

/// The mean structural similarity of the brightness of two pictures of one size: 1 where they are the same. `None`
/// where their sizes differ, or are smaller than a square.
pub fn ssim(one: &Luma, other: &Luma) -> Option<f64> {
    if (one.width, one.height) != (other.width, other.height) || one.width.min(one.height) < SIDE {
        return None;
    }
    let (mut sum, mut count) = (0.0, 0_u32);
    for top in (0..=one.height - SIDE).step_by(STEP) {
        for left in (0..=one.width - SIDE).step_by(STEP) {
            sum += square(one, other, left, top);
            count += 1;
        }
    }
    Some(sum / f64::from(count))
}

fn square(one: &Luma, other: &Luma, left: usize, top: usize) -> f64 {
    let (mut a, mut b, mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for row in top..top + SIDE {
        let at = row * one.width + left;
        let pairs = one.pixels[at..at + SIDE]
            .iter()
            .zip(&other.pixels[at..at + SIDE]);
        for (x, y) in pairs.map(|(x, y)| (f64::from(*x), f64::from(*y))) {
            a += x;
            b += y;
            aa += x * x;
            bb += y * y;
            ab += x * y;
        }
    }
    let n = (SIDE * SIDE) as f64;
    let (a, b) = (a / n, b / n);
    let (aa, bb, ab) = (aa / n - a * a, bb / n - b * b, ab / n - a * b);
    (2.0 * a * b + C1) * (2.0 * ab + C2) / ((a * a + b * b + C1) * (aa + bb + C2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(value: impl Fn(usize, usize) -> u8) -> Luma {
        let (width, height) = (64, 48);
        let pixels = (0..width * height).map(|at| value(at % width, at / width));
        Luma {
            width,
            height,
            pixels: pixels.collect(),
        }
    }

    #[test]
    fn what_is_blurred_is_less_alike_than_what_is_a_little_darker() {
        let text = |x: usize, y: usize| {
            if (x / 2 + y / 3).is_multiple_of(2) {
                230
            } else {
                20
            }
        };
        let sharp = picture(text);
        assert!(ssim(&sharp, &sharp).unwrap() > 0.999);
        let darker = picture(|x, y| text(x, y) - 8);
        let blurred = picture(|x, y| {
            let sum: u32 = (0..4).map(|d| u32::from(text(x + d, y))).sum();
            (sum / 4) as u8
        });
        let (darker, blurred) = (
            ssim(&sharp, &darker).unwrap(),
            ssim(&sharp, &blurred).unwrap(),
        );
        assert!(darker > 0.98 && blurred < 0.8, "{darker} {blurred}");
    }

    #[test]
    fn pictures_of_different_sizes_are_not_compared() {
        let one = picture(|_, _| 0);
        let other = Luma {
            width: 48,
            height: 64,
            ..picture(|_, _| 0)
        };
        assert_eq!(ssim(&one, &other), None);
    }
}
