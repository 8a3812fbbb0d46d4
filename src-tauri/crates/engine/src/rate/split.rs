//! How the bits for pictures are shared out between the camera and a screen that is shown beside it.

use crate::frame::Bitrate;

/// What of them is for the camera while a screen is shown: who is looked at reads the screen, and a face needs less.
const CAMERA_SHARE: f64 = 1.0 / 3.0;

/// The camera keeps this much where half of all is more: below it a face is not a picture any more.
const CAMERA_FLOOR: u64 = 150_000;

/// What each may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// The camera's pictures.
    pub camera: Bitrate,
    /// The screen's pictures.
    pub screen: Bitrate,
}

/// Shares out `all` between a camera and a screen, which take no more than these two. What one of them cannot take is
/// the other's.
pub fn split(all: Bitrate, max_camera: Bitrate, max_screen: Bitrate) -> Split {
    let bits = all.as_bps();
    let fair = (bits as f64 * CAMERA_SHARE) as u64;
    let wanted = fair.max(CAMERA_FLOOR.min(bits / 2));
    let left = bits.saturating_sub(max_screen.as_bps());
    let camera = wanted.max(left).min(max_camera.as_bps());
    Split {
        camera: Bitrate::bps(camera),
        screen: Bitrate::bps((bits - camera).min(max_screen.as_bps())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(all: u64) -> (u64, u64) {
        let split = split(
            Bitrate::kbps(all),
            Bitrate::kbps(2_500),
            Bitrate::kbps(6_000),
        );
        (split.camera.as_kbps(), split.screen.as_kbps())
    }

    #[test]
    fn the_screen_gets_most_and_the_camera_is_never_starved() {
        assert_eq!(shares(2_400), (800, 1_600));
        assert_eq!(shares(300), (150, 150));
        assert_eq!(shares(100), (50, 50));
        assert_eq!(shares(0), (0, 0));
    }

    #[test]
    fn what_one_cannot_take_is_the_others() {
        assert_eq!(shares(7_500), (2_500, 5_000));
        assert_eq!(shares(8_500), (2_500, 6_000));
        assert_eq!(shares(20_000), (2_500, 6_000));
        let small = split(
            Bitrate::kbps(4_000),
            Bitrate::kbps(2_500),
            Bitrate::kbps(2_000),
        );
        assert_eq!(small.camera, Bitrate::kbps(2_000));
        assert_eq!(small.screen, Bitrate::kbps(2_000));
    }
}
