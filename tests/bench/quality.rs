//! How good a picture is that arrived: against the one that was sent, which the test picture can draw again.

use ahoy_engine::{
    device::{TestPicture, VideoFormat},
    frame::I420Buffer,
};
use ahoy_tests::y4m::Luma;
use anyhow::Result;

use crate::{FPS, HEIGHT, WIDTH};

/// How many pictures Chromium's camera goes through, there and back.
pub(crate) const CLIP: u32 = 30;
/// How far into a call of the engine a picture may be, in pictures.
const LONGEST_CALL: u32 = 90 * FPS;
/// Of so many pixels in a row and a column, one is looked at to find the picture that was sent.
const COARSE: usize = 16;

/// Draws the pictures that were sent.
pub(crate) struct Reference {
    source: TestPicture,
}

impl Reference {
    pub(crate) fn new() -> Result<Self> {
        let format = VideoFormat {
            width: WIDTH,
            height: HEIGHT,
            fps: FPS,
        };
        Ok(Self {
            source: TestPicture::new(format)?,
        })
    }

    fn picture(&self, number: u32) -> I420Buffer {
        self.source.at(f64::from(number) / f64::from(FPS))
    }

    /// The pictures of Chromium's camera, one after the other, I420 without padding.
    pub(crate) fn raw(&self) -> Vec<u8> {
        let mut raw = Vec::new();
        for number in 0..CLIP {
            let picture = self.picture(number);
            let widths = [WIDTH, WIDTH / 2, WIDTH / 2].map(|width| width as usize);
            for ((plane, stride), width) in
                picture.planes().iter().zip(picture.strides()).zip(widths)
            {
                for row in plane.chunks_exact(stride) {
                    raw.extend_from_slice(&row[..width]);
                }
            }
        }
        raw
    }

    /// Peak signal to noise in the brightness of pictures that arrived, their mean in dB, without the rows of the
    /// stamp. `live`: they come from the engine's own camera, which never repeats itself; else from the clip. `None`:
    /// they did not arrive in the size in which they were sent.
    pub(crate) fn psnr(&self, pictures: &[Luma], live: bool) -> Option<f64> {
        let numbers = if live { LONGEST_CALL } else { CLIP };
        let mut sum = 0.0;
        for luma in pictures {
            if (luma.width, luma.height) != (WIDTH as usize, HEIGHT as usize) {
                return None;
            }
            let best =
                (0..numbers).min_by_key(|number| distance(&self.picture(*number), luma, COARSE))?;
            // What is coarse may miss by one.
            let error = (best.saturating_sub(1)..=best + 1)
                .map(|number| distance(&self.picture(number), luma, 1))
                .min()?;
            let pixels = WIDTH as usize * (HEIGHT as usize - stamp_rows());
            let mean = (error as f64 / pixels as f64).max(0.01);
            sum += 10.0 * (255.0 * 255.0 / mean).log10();
        }
        (!pictures.is_empty()).then(|| sum / pictures.len() as f64)
    }
}

/// The stamp's rows, and as many below them that an encoder smears it into.
fn stamp_rows() -> usize {
    WIDTH as usize / 32 * 2 + 16
}

/// The sum of the squared differences in brightness below the stamp, in each `step`th row and column.
fn distance(sent: &I420Buffer, arrived: &Luma, step: usize) -> u64 {
    let stride = sent.strides()[0];
    let mut sum = 0;
    for y in (stamp_rows()..arrived.height).step_by(step) {
        let sent = &sent.planes()[0][y * stride..];
        let arrived = &arrived.pixels[y * arrived.width..][..arrived.width];
        for x in (0..arrived.len()).step_by(step) {
            let difference = u64::from(sent[x].abs_diff(arrived[x]));
            sum += difference * difference;
        }
    }
    sum
}
