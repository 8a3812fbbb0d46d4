//! How good the pictures of a call are that arrived, and the pictures of Chromium's camera.

use ahoy_engine::device::VideoFormat;
use ahoy_tests::{quality::Reference, y4m::Luma};
use anyhow::Result;

use crate::{FPS, HEIGHT, WIDTH};

/// How many pictures Chromium's camera goes through, there and back.
pub(crate) const CLIP: u32 = 30;
/// How far into a call of the engine a picture may be, in pictures.
const LONGEST_CALL: u32 = 90 * FPS;

/// The pictures that are sent.
pub(crate) fn reference() -> Result<Reference> {
    Ok(Reference::new(VideoFormat {
        width: WIDTH,
        height: HEIGHT,
        fps: FPS,
    })?)
}

/// The pictures of Chromium's camera, one after the other, I420 without padding.
pub(crate) fn raw(reference: &Reference) -> Vec<u8> {
    let mut raw = Vec::new();
    for number in 0..CLIP {
        let picture = reference.picture(number);
        let widths = [WIDTH, WIDTH / 2, WIDTH / 2].map(|width| width as usize);
        for ((plane, stride), width) in picture.planes().iter().zip(picture.strides()).zip(widths) {
            for row in plane.chunks_exact(stride) {
                raw.extend_from_slice(&row[..width]);
            }
        }
    }
    raw
}

/// The mean of the peak signal to noise of pictures that arrived, in dB. `live`: they come from the engine's own camera,
/// which never repeats itself; else from the clip. `None`: they did not arrive in the size in which they were sent.
pub(crate) fn psnr(reference: &Reference, pictures: &[Luma], live: bool) -> Option<f64> {
    let numbers = if live { LONGEST_CALL } else { CLIP };
    let mut sum = 0.0;
    for luma in pictures {
        sum += reference.find(luma, 0..numbers)?.psnr;
    }
    (!pictures.is_empty()).then(|| sum / pictures.len() as f64)
}
