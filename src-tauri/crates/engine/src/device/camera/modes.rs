//! Which of a camera's modes is nearest to what is wanted.

use crate::device::VideoFormat;

/// The formats that become I420 without a way round by RGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pixels {
    Yuyv,
    Nv12,
    Mjpeg,
}

/// One way in which a camera can bring pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mode {
    pub(super) pixels: Pixels,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Pictures a second, rounded.
    pub(super) fps: u32,
}

/// The nearest of the modes that can be used; `None`: there is none.
pub(super) fn nearest(modes: &[Mode], wanted: VideoFormat) -> Option<Mode> {
    modes
        .iter()
        .copied()
        .filter(|mode| mode.width > 0 && mode.height > 0 && mode.fps > 0)
        .min_by(|a, b| distance(*a, wanted).total_cmp(&distance(*b, wanted)))
}

/// How far a mode is from what is wanted, in doublings. Half the rate is worse than half the area, and
/// too little is worse than too much, which costs only work. MJPEG costs a decoder and looks worse than
/// pictures that were never compressed, so it must bring something for that.
fn distance(mode: Mode, wanted: VideoFormat) -> f64 {
    let doublings = |a: u32, b: u32| (f64::from(a.max(1)) / f64::from(b.max(1))).log2();
    let (wide, high) = (
        doublings(mode.width, wanted.width),
        doublings(mode.height, wanted.height),
    );
    let rate = doublings(mode.fps, wanted.fps);
    let weigh = |value: f64, less: f64, more: f64| {
        if value < 0.0 {
            -value * less
        } else {
            value * more
        }
    };
    let format = match mode.pixels {
        Pixels::Nv12 => 0.0,
        Pixels::Yuyv => 0.01,
        Pixels::Mjpeg => 0.15,
    };
    weigh(wide + high, 1.5, 1.0) + (wide - high).abs() * 0.5 + weigh(rate, 2.0, 0.1) + format
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: VideoFormat = VideoFormat {
        width: 1280,
        height: 720,
        fps: 30,
    };

    fn mode(pixels: Pixels, width: u32, height: u32, fps: u32) -> Mode {
        Mode {
            pixels,
            width,
            height,
            fps,
        }
    }

    #[test]
    fn a_usual_webcam_gives_mjpeg_for_the_rate() {
        let best = mode(Pixels::Mjpeg, 1280, 720, 30);
        let modes = [
            mode(Pixels::Yuyv, 640, 480, 30),
            mode(Pixels::Yuyv, 1280, 720, 10),
            mode(Pixels::Mjpeg, 640, 480, 30),
            mode(Pixels::Mjpeg, 1920, 1080, 30),
            best,
        ];
        assert_eq!(nearest(&modes, WANTED), Some(best));
    }

    #[test]
    fn what_was_not_compressed_is_taken_where_it_is_as_good() {
        let best = mode(Pixels::Yuyv, 1280, 720, 30);
        let modes = [
            mode(Pixels::Mjpeg, 1280, 720, 30),
            mode(Pixels::Mjpeg, 1280, 720, 60),
            best,
        ];
        assert_eq!(nearest(&modes, WANTED), Some(best));
    }

    #[test]
    fn a_smooth_small_picture_beats_a_large_slow_one() {
        let best = mode(Pixels::Yuyv, 640, 360, 30);
        let modes = [mode(Pixels::Yuyv, 1280, 720, 10), best];
        assert_eq!(nearest(&modes, WANTED), Some(best));
    }

    #[test]
    fn the_shape_counts() {
        let best = mode(Pixels::Yuyv, 640, 360, 30);
        let modes = [mode(Pixels::Yuyv, 640, 480, 30), best];
        let wanted = VideoFormat {
            width: 640,
            height: 360,
            fps: 30,
        };
        assert_eq!(nearest(&modes, wanted), Some(best));
    }

    #[test]
    fn from_360_to_1080_lines_the_wanted_ones_are_taken_and_else_the_nearest() {
        let sizes = [
            (320, 240),
            (640, 360),
            (640, 480),
            (960, 540),
            (1280, 720),
            (1920, 1080),
            (2592, 1944),
        ];
        let modes: Vec<_> = sizes
            .iter()
            .map(|(width, height)| mode(Pixels::Mjpeg, *width, *height, 30))
            .collect();
        let taken = |width, height| {
            let wanted = VideoFormat {
                width,
                height,
                fps: 30,
            };
            nearest(&modes, wanted).map(|mode| (mode.width, mode.height))
        };
        for wanted in [(640, 360), (960, 540), (1280, 720), (1920, 1080)] {
            assert_eq!(taken(wanted.0, wanted.1), Some(wanted));
        }
        assert_eq!(taken(848, 480), Some((960, 540)));
        assert_eq!(taken(1600, 900), Some((1920, 1080)));
        assert_eq!(taken(160, 90), Some((320, 240)));
    }

    #[test]
    fn a_camera_without_a_usable_mode_has_none() {
        assert_eq!(nearest(&[], WANTED), None);
        assert_eq!(nearest(&[mode(Pixels::Yuyv, 0, 720, 0)], WANTED), None);
    }
}
