//! How good a picture is that arrived: against the one that was sent, which the test picture can draw again.

use std::ops::Range;

use ahoy_engine::{
    device::{DeviceError, TestPicture, VideoFormat},
    frame::I420Buffer,
};

use crate::y4m::Luma;

/// Of so many pixels in a row and a column, one is looked at to find the picture that was sent.
const COARSE: usize = 16;

/// Draws the pictures that the engine's own camera sends.
pub struct Reference {
    source: TestPicture,
    format: VideoFormat,
}

/// The picture that another one was made from.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// Its number, from 0.
    pub number: u32,
    /// Peak signal to noise in the brightness, in dB, without the rows of the stamp.
    pub psnr: f64,
}

impl Reference {
    /// Of a camera with this format.
    ///
    /// # Errors
    /// There is no such test picture.
    pub fn new(format: VideoFormat) -> Result<Self, DeviceError> {
        Ok(Self {
            source: TestPicture::new(format)?,
            format,
        })
    }

    /// A picture by its number, without its stamp.
    pub fn picture(&self, number: u32) -> I420Buffer {
        self.source
            .at(f64::from(number) / f64::from(self.format.fps))
    }

    /// The one of these pictures that was sent, and how good what arrived of it is. `None`: it did not arrive in the size
    /// in which it was sent.
    pub fn find(&self, arrived: &Luma, numbers: Range<u32>) -> Option<Found> {
        let size = (self.format.width as usize, self.format.height as usize);
        if (arrived.width, arrived.height) != size {
            return None;
        }
        let top = self.stamp_rows();
        let distance = |number, step| distance(&self.picture(number), arrived, (top, step));
        let best = numbers.min_by_key(|number| distance(*number, COARSE))?;
        // What is coarse may miss by one.
        let (number, error) = (best.saturating_sub(1)..=best + 1)
            .map(|number| (number, distance(number, 1)))
            .min_by_key(|(_, error)| *error)?;
        let pixels = arrived.width * (arrived.height - top);
        let mean = (error as f64 / pixels as f64).max(0.01);
        Some(Found {
            number,
            psnr: 10.0 * (255.0 * 255.0 / mean).log10(),
        })
    }

    /// The stamp's rows, and as many below them that an encoder smears it into.
    fn stamp_rows(&self) -> usize {
        self.format.width as usize / 32 * 2 + 16
    }
}

/// The sum of the squared differences in brightness below the first `top` rows, in each `step`th row and column.
fn distance(sent: &I420Buffer, arrived: &Luma, (top, step): (usize, usize)) -> u64 {
    let stride = sent.strides()[0];
    let mut sum = 0;
    for y in (top..arrived.height).step_by(step) {
        let sent = &sent.planes()[0][y * stride..];
        let arrived = &arrived.pixels[y * arrived.width..][..arrived.width];
        for x in (0..arrived.len()).step_by(step) {
            let difference = u64::from(sent[x].abs_diff(arrived[x]));
            sum += difference * difference;
        }
    }
    sum
}
