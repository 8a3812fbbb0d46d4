//! From one meaning of the numbers to another, within I420.

use crate::frame::{Color, ColorMatrix, ColorRange, I420Buffer};

/// What every VP8 decoder takes a picture for: BT.601 limited (RFC 6386 §9.2 knows nothing else). Whoever
/// feeds a VP8 encoder brings other pictures to this first.
pub const VP8_COLOR: Color = Color {
    matrix: ColorMatrix::Bt601,
    range: ColorRange::Limited,
};

/// Fixed point with 14 bits behind the point: a sum of three products stays within `i32`.
const ONE: f32 = 16_384.0;
const HALF: i32 = 8_192;
const SHIFT: i32 = 14;

/// Writes `picture`, whose numbers mean `from`, into `out` so that they mean `to`. Where the two have not the
/// same size nothing is written beyond the smaller one.
pub fn recolor(picture: &I420Buffer, from: Color, to: Color, out: &mut I420Buffer) {
    let width = picture.width().min(out.width()) as usize;
    if width == 0 || out.height() == 0 {
        return;
    }
    let map = Map::new(from, to);
    let [y_stride, u_stride, v_stride] = picture.strides();
    let [y, u, v] = picture.planes();
    let [out_y_stride, out_u_stride, out_v_stride] = out.strides();
    let [out_y, out_u, out_v] = out.planes_mut();
    let from_rows = y
        .chunks(y_stride * 2)
        .zip(u.chunks(u_stride).zip(v.chunks(v_stride)));
    let out_rows = out_y.chunks_mut(out_y_stride * 2).zip(
        out_u
            .chunks_mut(out_u_stride)
            .zip(out_v.chunks_mut(out_v_stride)),
    );
    let mut lift = vec![0i32; width.div_ceil(2)];
    for ((y, (u, v)), (out_y, (out_u, out_v))) in from_rows.zip(out_rows) {
        for ((((u, v), lift), out_u), out_v) in u.iter().zip(v).zip(&mut lift).zip(out_u).zip(out_v)
        {
            let (u, v) = (i32::from(*u) - 128, i32::from(*v) - 128);
            *lift = map.luma[1] * u + map.luma[2] * v + map.luma_offset;
            *out_u = byte(map.u[0] * u + map.u[1] * v + map.chroma_offset);
            *out_v = byte(map.v[0] * u + map.v[1] * v + map.chroma_offset);
        }
        for (y, out_y) in y.chunks(y_stride).zip(out_y.chunks_mut(out_y_stride)) {
            for ((y, out_y), lift) in y[..width].chunks(2).zip(out_y.chunks_mut(2)).zip(&lift) {
                for (y, out_y) in y.iter().zip(out_y) {
                    *out_y = byte(map.luma[0] * i32::from(*y) + lift);
                }
            }
        }
    }
}

fn byte(value: i32) -> u8 {
    (value >> SHIFT).clamp(0, 255) as u8
}

/// One linear map of luma and centred chroma, in fixed point; rounding is within the offsets.
struct Map {
    luma: [i32; 3],
    luma_offset: i32,
    u: [i32; 2],
    v: [i32; 2],
    chroma_offset: i32,
}

impl Map {
    fn new(from: Color, to: Color) -> Self {
        let [old, new] = [from, to].map(Space::new);
        // Red, green and blue from luma and centred chroma, all in units of one (ITU-R BT.709-6 §3).
        let red = [1.0, 0.0, 2.0 * (1.0 - old.red)];
        let blue = [1.0, 2.0 * (1.0 - old.blue), 0.0];
        let green_weight = 1.0 - old.red - old.blue;
        let green: [f32; 3] = std::array::from_fn(|n| {
            let luma = if n == 0 { 1.0 } else { 0.0 };
            (luma - old.red * red[n] - old.blue * blue[n]) / green_weight
        });
        // And back, by the other weights.
        let luma: [f32; 3] = std::array::from_fn(|n| {
            new.red * red[n] + (1.0 - new.red - new.blue) * green[n] + new.blue * blue[n]
        });
        let u: [f32; 3] = std::array::from_fn(|n| (blue[n] - luma[n]) / (2.0 * (1.0 - new.blue)));
        let v: [f32; 3] = std::array::from_fn(|n| (red[n] - luma[n]) / (2.0 * (1.0 - new.red)));

        let fixed = |value: f32| (value * ONE).round() as i32;
        let (y_gain, c_gain) = (new.luma / old.luma, new.chroma / old.chroma);
        let y_from_c = new.luma / old.chroma;
        let gain = fixed(luma[0] * y_gain);
        Self {
            luma: [gain, fixed(luma[1] * y_from_c), fixed(luma[2] * y_from_c)],
            luma_offset: ((new.black as i32) << SHIFT) - gain * old.black as i32 + HALF,
            u: [fixed(u[1] * c_gain), fixed(u[2] * c_gain)],
            v: [fixed(v[1] * c_gain), fixed(v[2] * c_gain)],
            chroma_offset: (128 << SHIFT) + HALF,
        }
    }
}

/// The weights of red and blue in luma, and how far the numbers reach.
struct Space {
    red: f32,
    blue: f32,
    black: f32,
    luma: f32,
    chroma: f32,
}

impl Space {
    fn new(color: Color) -> Self {
        let (red, blue) = match color.matrix {
            ColorMatrix::Bt601 => (0.299, 0.114),
            ColorMatrix::Bt709 => (0.2126, 0.0722),
        };
        let (black, luma, chroma) = match color.range {
            ColorRange::Limited => (16.0, 219.0, 224.0),
            ColorRange::Full => (0.0, 255.0, 255.0),
        };
        Self {
            red,
            blue,
            black,
            luma,
            chroma,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_color(yuv: [u8; 3]) -> I420Buffer {
        let mut picture = I420Buffer::new(5, 3);
        for (plane, value) in picture.planes_mut().into_iter().zip(yuv) {
            plane.fill(value);
        }
        picture
    }

    fn color(matrix: ColorMatrix, range: ColorRange) -> Color {
        Color { matrix, range }
    }

    #[test]
    fn known_colours_land_where_they_should() {
        use ColorMatrix::{Bt601, Bt709};
        use ColorRange::{Full, Limited};
        for (from, old, new) in [
            (color(Bt709, Limited), [63, 102, 240], [81, 90, 240]), // red
            (color(Bt709, Limited), [173, 42, 26], [145, 54, 34]),  // green
            (color(Bt709, Limited), [32, 240, 118], [41, 240, 110]), // blue
            (color(Bt709, Limited), [235, 128, 128], [235, 128, 128]),
            (color(Bt601, Full), [0, 128, 128], [16, 128, 128]),
            (color(Bt601, Full), [255, 128, 128], [235, 128, 128]),
            (color(Bt601, Full), [76, 85, 255], [81, 90, 240]),
            (VP8_COLOR, [77, 50, 200], [77, 50, 200]),
        ] {
            let mut out = one_color([0, 0, 0]);
            recolor(&one_color(old), from, VP8_COLOR, &mut out);
            for (plane, expected) in out.planes().iter().zip(new) {
                assert!(
                    plane.iter().all(|value| value.abs_diff(expected) <= 1),
                    "{old:?} became {:?}, not {new:?}",
                    out.planes().map(|plane| plane[0])
                );
            }
        }
    }

    #[test]
    fn other_sizes_do_not_panic() {
        for (width, height) in [(0, 0), (1, 1), (9, 2), (2, 9)] {
            let mut out = I420Buffer::new(width, height);
            recolor(&one_color([1, 2, 3]), VP8_COLOR, VP8_COLOR, &mut out);
            let mut out = one_color([0, 0, 0]);
            recolor(
                &I420Buffer::new(width, height),
                VP8_COLOR,
                VP8_COLOR,
                &mut out,
            );
        }
    }
}
