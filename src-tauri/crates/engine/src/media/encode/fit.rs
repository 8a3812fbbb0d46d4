//! A picture as an encoding takes it: how large, and in which colours. It holds nothing.

use crate::{
    codec::MAX_SIDE,
    convert::{recolor, scale},
    frame::{Color, I420Buffer, VideoFrame},
    rate::Rung,
};

/// A picture of this width or height is not made smaller.
const SMALLEST: u32 = 32;

/// The picture for this encoding, where that is another one. `only`: the colour that the codec's decoders take all for.
pub(super) fn fitted(picture: &VideoFrame, rung: Rung, only: Option<Color>) -> Option<VideoFrame> {
    let size = (picture.width(), picture.height());
    let wanted = match rung {
        Rung::Large => within(size),
        Rung::Small => half(within(size)),
    };
    let scaled = (size != wanted).then(|| {
        let mut buffer = I420Buffer::new(wanted.0, wanted.1);
        scale(&picture.buffer, &mut buffer);
        VideoFrame::new(buffer, picture.color, picture.captured)
    });
    let Some(color) = only.filter(|color| *color != picture.color) else {
        return scaled;
    };
    let picture = scaled.as_ref().unwrap_or(picture);
    let mut buffer = I420Buffer::new(picture.width(), picture.height());
    recolor(&picture.buffer, picture.color, color, &mut buffer);
    Some(VideoFrame::new(buffer, color, picture.captured))
}

/// The size in which every viewer can decode it, in even numbers where it has to shrink: monitors may be wider than that.
fn within((width, height): (u32, u32)) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= MAX_SIDE {
        return (width, height);
    }
    let shrunk = |side: u32| {
        let side = u64::from(side) * u64::from(MAX_SIDE) / u64::from(longest);
        // At most as wide as a picture may be, so it fits.
        (side as u32 & !1).max(2)
    };
    (shrunk(width), shrunk(height))
}

fn half((width, height): (u32, u32)) -> (u32, u32) {
    let half = |side: u32| {
        if side <= SMALLEST {
            side
        } else {
            (side / 2).next_multiple_of(2)
        }
    };
    (half(width), half(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_wide_for_a_viewer_shrinks_and_keeps_its_shape() {
        for (size, fits) in [
            ((1920, 1080), (1920, 1080)),
            ((4096, 1729), (4096, 1729)),
            ((5120, 2880), (4096, 2304)),
            ((5120, 1440), (4096, 1152)),
            ((2160, 7680), (1152, 4096)),
            ((16_384, 1), (4096, 2)),
        ] {
            assert_eq!(within(size), fits, "{size:?}");
        }
    }

    #[test]
    fn the_small_one_is_half_of_the_large_one() {
        assert_eq!(half((1920, 1080)), (960, 540));
        assert_eq!(half(within((5120, 1440))), (2048, 576));
        assert_eq!(half((32, 1081)), (32, 540));
    }
}
