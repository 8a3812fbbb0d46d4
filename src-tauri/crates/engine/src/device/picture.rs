//! The test picture: stamped, and otherwise moving like what a camera sees.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use super::{
    DeviceError, DeviceKind, VideoFormat, VideoSource,
    clock::{self, Clock, Pace},
    stamp,
    texture::{MARGIN, Texture},
};
use crate::frame::{Color, FramePool, I420Buffer, VideoFrame};

/// What is made where nothing is said.
pub const DEFAULT_FORMAT: VideoFormat = VideoFormat {
    width: 1280,
    height: 720,
    fps: 30,
};

const MAX_SIDE: u32 = 4096;
const MAX_FPS: u32 = 120;

/// Brings the test picture: at the top the [`stamp`] of the moment when it was made, below it a textured
/// background that pans slowly, a textured head that sways before it, and three balls that bounce.
#[derive(Debug)]
pub struct TestPicture {
    format: VideoFormat,
    pace: Pace,
    background: Texture,
    head: Texture,
    pool: FramePool,
}

impl TestPicture {
    /// Pictures of this format from now on. Fails where a stamp does not fit (below 64 pixels of width)
    /// or the size or rate is beyond all cameras.
    pub fn new(format: VideoFormat) -> Result<Self, DeviceError> {
        let VideoFormat { width, height, fps } = format;
        if !(stamp::MIN_WIDTH..=MAX_SIDE).contains(&width)
            || !(width / 16 + 2..=MAX_SIDE).contains(&height)
            || !(1..=MAX_FPS).contains(&fps)
        {
            return Err(DeviceError::Failed(
                DeviceKind::Camera,
                format!("there is no test picture of {width}x{height} at {fps}"),
            ));
        }
        Ok(Self {
            format,
            background: Texture::new(width, height, 1),
            head: Texture::new(width / 3, height / 2, 2),
            pool: FramePool::new(),
            pace: Pace::new(clock::now(), fps, 1),
        })
    }

    /// The picture of a moment, in seconds since the first, without its stamp.
    pub fn at(&self, seconds: f64) -> I420Buffer {
        let mut out = I420Buffer::new(self.format.width, self.format.height);
        self.draw(seconds, &mut out);
        out
    }

    /// Draws the picture of a moment, in seconds since the first.
    fn draw(&self, at: f64, out: &mut I420Buffer) {
        let (width, height) = (f64::from(self.format.width), f64::from(self.format.height));
        // Two periods without a common measure, so that the same picture never comes again soon.
        let pan = |period: f64| ((at / period).sin() * 0.5 + 0.5) * f64::from(MARGIN);
        self.background
            .fill(pan(2.3) as usize, pan(3.7) as usize, out);

        let sway = (at * 0.9).sin() * 0.06 + 0.5;
        let nod = (at * 1.7).sin() * 0.02 + 0.58;
        let head = Ellipse {
            x: width * sway,
            y: height * nod,
            across: width * 0.13,
            down: height * 0.24,
        };
        let top = (head.y - head.down).max(0.0) as usize;
        head.draw(out, |out, y, columns| {
            self.head.row(y.saturating_sub(top), y, columns, out);
        });
        for (n, (luma, u, v)) in [(190, 90, 170), (70, 180, 100), (150, 100, 90)]
            .into_iter()
            .enumerate()
        {
            let n = n as f64;
            let ball = Ellipse {
                x: width * bounce(at * (0.31 + 0.09 * n) + 0.3 * n),
                y: height * bounce(at * (0.41 - 0.07 * n) + 0.2 * n),
                across: width * 0.035,
                down: width * 0.035,
            };
            ball.draw(out, |out, y, columns| {
                paint(out, y, columns, luma, u, v);
            });
        }
    }
}

impl TestPicture {
    /// Waits until the next picture is due.
    fn picture(&mut self) -> VideoFrame {
        let number = self.pace.wait();
        let VideoFormat { width, height, fps } = self.format;
        let mut pool = std::mem::take(&mut self.pool);
        let mut captured: Option<Instant> = None;
        let made = pool.make(width, height, |out| {
            self.draw(number as f64 / f64::from(fps), out);
            let clock = Clock::take();
            stamp::write(out, clock.unix(clock.taken_at()).as_millis() as u32);
            captured = Some(clock.taken_at());
            Ok::<(), Infallible>(())
        });
        self.pool = pool;
        let Ok(buffer) = made;
        VideoFrame {
            buffer,
            color: Color::default(),
            captured: captured.unwrap_or_else(clock::now),
        }
    }
}

impl VideoSource for TestPicture {
    fn read(&mut self, _within: Duration) -> Result<Option<VideoFrame>, DeviceError> {
        Ok(Some(self.picture()))
    }
}

/// There and back between 0.1 and 0.9 as `at` grows by 2.
fn bounce(at: f64) -> f64 {
    0.1 + 0.8 * (at.rem_euclid(2.0) - 1.0).abs()
}

struct Ellipse {
    x: f64,
    y: f64,
    across: f64,
    down: f64,
}

impl Ellipse {
    /// Calls `row` for each pair of rows with the columns inside; both are even.
    fn draw(
        &self,
        out: &mut I420Buffer,
        row: impl Fn(&mut I420Buffer, usize, std::ops::Range<usize>),
    ) {
        let (width, height) = (f64::from(out.width()), f64::from(out.height()));
        let first = ((self.y - self.down).max(0.0) as usize) & !1;
        let last = (self.y + self.down).min(height - 2.0).max(0.0) as usize;
        for y in (first..last).step_by(2) {
            let from_centre = (y as f64 - self.y) / self.down;
            let half = self.across * (1.0 - from_centre * from_centre).max(0.0).sqrt();
            let left = ((self.x - half).clamp(0.0, width) as usize) & !1;
            let right = ((self.x + half).clamp(0.0, width) as usize) & !1;
            if left < right {
                row(out, y, left..right);
            }
        }
    }
}

/// One colour into two rows.
fn paint(out: &mut I420Buffer, y: usize, columns: std::ops::Range<usize>, luma: u8, u: u8, v: u8) {
    let strides = out.strides();
    let planes = out.planes_mut();
    for row in [y, y + 1] {
        planes[0][row * strides[0]..][columns.clone()].fill(luma);
    }
    let half = columns.start / 2..columns.end / 2;
    planes[1][y / 2 * strides[1]..][half.clone()].fill(u);
    planes[2][y / 2 * strides[2]..][half].fill(v);
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn pictures_are_stamped_with_the_time_and_move() {
        let mut source = TestPicture::new(VideoFormat {
            width: 320,
            height: 180,
            fps: 60,
        })
        .unwrap();
        let mut before: Option<VideoFrame> = None;
        for _ in 0..5 {
            let frame = source.picture();
            let clock = Clock::take();
            let stamp = stamp::read(&frame.buffer).unwrap();
            let now = clock.unix(clock.taken_at()).as_millis() as u32;
            assert!(now.wrapping_sub(stamp) < 1000);
            let same = clock.unix(frame.captured).as_millis() as u32;
            assert!(stamp.abs_diff(same) <= 1);
            if let Some(before) = before {
                assert!(frame.captured > before.captured);
                let moved = before.buffer.planes()[0]
                    .iter()
                    .zip(frame.buffer.planes()[0])
                    .skip(320 * 20)
                    .filter(|(a, b)| a != b)
                    .count();
                assert!(moved > 100, "{moved} pixels moved");
            }
            before = Some(frame);
        }
    }

    #[test]
    fn all_sizes_can_be_drawn() {
        for (width, height) in [
            (64, 36),
            (65, 99),
            (640, 360),
            (353, 287),
            (1920, 1080),
            (720, 1280),
        ] {
            let source = TestPicture::new(VideoFormat {
                width,
                height,
                fps: 30,
            })
            .unwrap();
            let mut out = I420Buffer::new(width, height);
            for n in 0..40 {
                source.draw(f64::from(n) * 0.37, &mut out);
            }
        }
    }

    #[test]
    fn absurd_formats_are_refused() {
        for (width, height, fps) in [
            (0, 0, 0),
            (32, 32, 30),
            (1280, 10, 30),
            (9000, 720, 30),
            (640, 360, 0),
            (640, 360, 1000),
        ] {
            let format = VideoFormat { width, height, fps };
            assert!(TestPicture::new(format).is_err());
        }
    }

    #[test]
    #[ignore = "measures"]
    fn cost_of_a_picture() {
        let source = TestPicture::new(DEFAULT_FORMAT).unwrap();
        let mut out = I420Buffer::new(1280, 720);
        let begin = clock::now();
        for n in 0..300 {
            source.draw(f64::from(n) / 30.0, &mut out);
            stamp::write(&mut out, n);
        }
        let each = begin.elapsed() / 300;
        println!("{each:?}");
        assert!(each < Duration::from_millis(1));
    }
}
