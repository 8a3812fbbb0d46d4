//! Pixel formats of cameras and screens to I420, and I420 to RGBA.

use yuv::{
    BufferStoreMut, YuvConversionMode, YuvPackedImage, YuvPlanarImage, YuvPlanarImageMut, YuvRange,
    YuvStandardMatrix,
};

use super::ConvertError;
use crate::frame::{Color, ColorMatrix, ColorRange, I420Buffer};

/// YUYV (4:2:2, Y0 U Y1 V) to I420; `stride` is bytes per row, `out` says the size. What the numbers mean
/// does not change.
pub fn yuyv(data: &[u8], stride: usize, out: &mut I420Buffer) -> Result<(), ConvertError> {
    let (width, height) = (out.width(), out.height());
    let row = (width as usize).div_ceil(2) * 4;
    let data = rows("YUYV", data, stride, row, out)?;
    yuv::yuyv422_to_yuv420(
        &mut planar_mut(out),
        &YuvPackedImage {
            yuy: data,
            yuy_stride: stride as u32,
            width,
            height,
        },
    )
    .map_err(|error| wrong("YUYV", &error))
}

/// NV12 (a plane of luma, then one of U and V by turns) to I420; `stride` is bytes per row of both,
/// `out` says the size. What the numbers mean does not change.
pub fn nv12(data: &[u8], stride: usize, out: &mut I420Buffer) -> Result<(), ConvertError> {
    let (width, height) = (out.width() as usize, out.height() as usize);
    let (chroma_width, chroma_rows) = (width.div_ceil(2), height.div_ceil(2));
    if width == 0 || height == 0 || stride < chroma_width * 2 || stride > data.len() {
        return Err(size("NV12", data.len(), out));
    }
    // The last row may come without its padding.
    let needed = stride * (height + chroma_rows - 1) + chroma_width * 2;
    if data.len() < needed {
        return Err(size("NV12", data.len(), out));
    }
    let (luma, chroma) = data.split_at(stride * height);
    let [y_stride, u_stride, v_stride] = out.strides();
    let [y, u, v] = out.planes_mut();
    copy_rows(luma, stride, y, y_stride, width);
    for ((pairs, u), v) in chroma
        .chunks(stride)
        .zip(u.chunks_mut(u_stride))
        .zip(v.chunks_mut(v_stride))
    {
        for ((pair, u), v) in pairs.chunks_exact(2).zip(u).zip(v) {
            *u = pair[0];
            *v = pair[1];
        }
    }
    Ok(())
}

/// I420 without padding, as a file or a device brings it, into `out`, which says the size.
pub fn i420(data: &[u8], out: &mut I420Buffer) -> Result<(), ConvertError> {
    let (width, height) = (out.width() as usize, out.height() as usize);
    let (chroma_width, chroma_rows) = (width.div_ceil(2), height.div_ceil(2));
    let (luma, chroma) = (width * height, chroma_width * chroma_rows);
    if luma == 0 || data.len() < luma + 2 * chroma {
        return Err(size("I420", data.len(), out));
    }
    let strides = out.strides();
    let [y, u, v] = out.planes_mut();
    copy_rows(&data[..luma], width, y, strides[0], width);
    copy_rows(&data[luma..], chroma_width, u, strides[1], chroma_width);
    copy_rows(
        &data[luma + chroma..],
        chroma_width,
        v,
        strides[2],
        chroma_width,
    );
    Ok(())
}

/// BGRA, as screens bring it, to I420 in BT.709 limited range; `stride` is bytes per row, `out` says
/// the size. Alpha is left out.
pub fn bgra(data: &[u8], stride: usize, out: &mut I420Buffer) -> Result<(), ConvertError> {
    let data = rows("BGRA", data, stride, out.width() as usize * 4, out)?;
    yuv::bgra_to_yuv420(
        &mut planar_mut(out),
        data,
        stride as u32,
        YuvRange::Limited,
        YuvStandardMatrix::Bt709,
        YuvConversionMode::Balanced,
    )
    .map_err(|error| wrong("BGRA", &error))
}

/// RGBA, as some screens bring it, to I420; otherwise as [`bgra`].
pub fn rgba_to_i420(data: &[u8], stride: usize, out: &mut I420Buffer) -> Result<(), ConvertError> {
    let data = rows("RGBA", data, stride, out.width() as usize * 4, out)?;
    yuv::rgba_to_yuv420(
        &mut planar_mut(out),
        data,
        stride as u32,
        YuvRange::Limited,
        YuvStandardMatrix::Bt709,
        YuvConversionMode::Balanced,
    )
    .map_err(|error| wrong("RGBA", &error))
}

/// I420 to RGBA (alpha 255) without padding: `width * height * 4` bytes in `out`, whose allocation is
/// used again.
pub fn rgba(picture: &I420Buffer, color: Color, out: &mut Vec<u8>) -> Result<(), ConvertError> {
    let stride = picture.width() as usize * 4;
    out.resize(stride * picture.height() as usize, 0);
    let [y_plane, u_plane, v_plane] = picture.planes();
    let [y_stride, u_stride, v_stride] = picture.strides().map(|stride| stride as u32);
    yuv::yuv420_to_rgba(
        &YuvPlanarImage {
            y_plane,
            y_stride,
            u_plane,
            u_stride,
            v_plane,
            v_stride,
            width: picture.width(),
            height: picture.height(),
        },
        out,
        stride as u32,
        match color.range {
            ColorRange::Limited => YuvRange::Limited,
            ColorRange::Full => YuvRange::Full,
        },
        match color.matrix {
            ColorMatrix::Bt601 => YuvStandardMatrix::Bt601,
            ColorMatrix::Bt709 => YuvStandardMatrix::Bt709,
        },
    )
    .map_err(|error| wrong("RGBA", &error))
}

/// Copies rows of `width` bytes from one stride to another.
pub(super) fn copy_rows(
    from: &[u8],
    from_stride: usize,
    to: &mut [u8],
    to_stride: usize,
    width: usize,
) {
    for (from, to) in from.chunks(from_stride).zip(to.chunks_mut(to_stride)) {
        to[..width].copy_from_slice(&from[..width]);
    }
}

/// The rows of a packed picture, cut to exactly `stride * height`. A last row without its padding is
/// refused, as no driver brings that.
fn rows<'a>(
    format: &'static str,
    data: &'a [u8],
    stride: usize,
    row: usize,
    out: &I420Buffer,
) -> Result<&'a [u8], ConvertError> {
    match stride.checked_mul(out.height() as usize) {
        Some(length) if stride >= row && length > 0 && u32::try_from(stride).is_ok() => data
            .get(..length)
            .ok_or_else(|| size(format, data.len(), out)),
        _ => Err(size(format, data.len(), out)),
    }
}

fn planar_mut(out: &mut I420Buffer) -> YuvPlanarImageMut<'_, u8> {
    let (width, height) = (out.width(), out.height());
    let [y_stride, u_stride, v_stride] = out.strides().map(|stride| stride as u32);
    let [y, u, v] = out.planes_mut();
    YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(y),
        y_stride,
        u_plane: BufferStoreMut::Borrowed(u),
        u_stride,
        v_plane: BufferStoreMut::Borrowed(v),
        v_stride,
        width,
        height,
    }
}

fn size(format: &'static str, length: usize, out: &I420Buffer) -> ConvertError {
    ConvertError::Size {
        format,
        length,
        width: out.width(),
        height: out.height(),
    }
}

fn wrong(format: &'static str, error: &yuv::YuvError) -> ConvertError {
    ConvertError::Data {
        format,
        detail: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BT709: Color = Color {
        matrix: ColorMatrix::Bt709,
        range: ColorRange::Limited,
    };

    #[test]
    fn yuyv_keeps_luma_and_takes_one_chroma_of_four() {
        let mut out = I420Buffer::new(4, 2);
        let data = [
            10, 100, 11, 200, 12, 101, 13, 201, 99, 99, // two bytes of padding
            20, 100, 21, 200, 22, 101, 23, 201, 99, 99,
        ];
        yuyv(&data, 10, &mut out).unwrap();
        let [y, u, v] = out.planes();
        assert_eq!(y, [10, 11, 12, 13, 20, 21, 22, 23]);
        assert_eq!(u, [100, 101]);
        assert_eq!(v, [200, 201]);
    }

    #[test]
    fn nv12_splits_its_chroma_and_leaves_padding() {
        let mut out = I420Buffer::new(3, 3);
        let data = [
            1, 2, 3, 99, 99, 4, 5, 6, 99, 99, 7, 8, 9, 99, 99, // luma
            100, 200, 101, 201, 99, 102, 202, 103, 203,
        ];
        nv12(&data, 5, &mut out).unwrap();
        let [y, u, v] = out.planes();
        assert_eq!(y, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(u, [100, 101, 102, 103]);
        assert_eq!(v, [200, 201, 202, 203]);
    }

    #[test]
    fn known_colours_come_and_go_in_bt709() {
        for (bgra_pixel, yuv) in [
            ([255, 255, 255, 255], [235, 128, 128]),
            ([0, 0, 0, 255], [16, 128, 128]),
            ([0, 0, 255, 255], [63, 102, 240]),
            ([0, 255, 0, 255], [173, 42, 26]),
            ([255, 0, 0, 255], [32, 240, 118]),
        ] {
            let mut out = I420Buffer::new(16, 16);
            bgra(&bgra_pixel.repeat(256), 64, &mut out).unwrap();
            for (plane, expected) in out.planes().iter().zip(yuv) {
                assert!(
                    plane.iter().all(|&value| value.abs_diff(expected) <= 1),
                    "{bgra_pixel:?}: {} is not {expected}",
                    plane[0]
                );
            }
            let [b, g, r, a] = bgra_pixel;
            let mut other = I420Buffer::new(16, 16);
            rgba_to_i420(&[r, g, b, a].repeat(256), 64, &mut other).unwrap();
            assert_eq!(other, out);
            let mut back = Vec::new();
            rgba(&out, BT709, &mut back).unwrap();
            assert!(
                back.chunks_exact(4).all(|pixel| pixel
                    .iter()
                    .zip([r, g, b, a])
                    .all(|(&value, expected)| value.abs_diff(expected) <= 3)),
                "{bgra_pixel:?} came back as {:?}",
                &back[..4]
            );
        }
    }

    #[test]
    fn data_that_are_too_short_are_an_error() {
        let mut out = I420Buffer::new(64, 48);
        for length in [0, 1, 63, 64 * 48, 64 * 48 * 3 / 2 - 1] {
            let data = vec![0; length];
            assert!(yuyv(&data, 128, &mut out).is_err());
            assert!(nv12(&data, 64, &mut out).is_err());
            assert!(i420(&data, &mut out).is_err());
            assert!(bgra(&data, 256, &mut out).is_err());
            assert!(rgba_to_i420(&data, 256, &mut out).is_err());
        }
        let data = vec![0; 64 * 48 * 4];
        assert!(yuyv(&data, 127, &mut out).is_err());
        assert!(nv12(&data, 63, &mut out).is_err());
        assert!(bgra(&data, 255, &mut out).is_err());
        assert!(yuyv(&data, usize::MAX, &mut out).is_err());
    }

    #[test]
    fn odd_and_empty_sizes_do_not_panic() {
        for (width, height) in [(0, 0), (1, 1), (3, 5), (33, 17), (0, 4), (4, 0)] {
            let mut out = I420Buffer::new(width, height);
            let data = vec![128; 64 * 1024];
            let _ = yuyv(&data, 256, &mut out);
            let _ = nv12(&data, 256, &mut out);
            let _ = i420(&data, &mut out);
            let _ = bgra(&data, 256, &mut out);
            let _ = rgba(&out, BT709, &mut Vec::new());
        }
    }
}
