//! A picture as an encoding takes it: how large, and in which colours. It holds nothing.

use crate::{
    codec::MAX_SIDE,
    convert::{recolor, scale},
    frame::{Color, I420Buffer, VideoFrame},
    rate::Rung,
};

/// A picture of this width or height is not made smaller.
const SMALLEST: u32 = 32;

/// The picture for this encoding, where that is another one. `layered`: it may come in layers. `only`: the colour that the
/// codec's decoders take all for.
pub(super) fn fitted(
    picture: &VideoFrame,
    rung: Rung,
    layered: bool,
    only: Option<Color>,
) -> Option<VideoFrame> {
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
    let sized = scaled.as_ref().unwrap_or(picture);
    let is_odd = !(sized.width().is_multiple_of(2) && sized.height().is_multiple_of(2));
    let even = (layered && is_odd)
        .then(|| VideoFrame::new(evened(&sized.buffer), sized.color, sized.captured));
    let scaled = even.or(scaled);
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

/// In even numbers, with an edge that is there twice: in a stream with layers libvpx takes no others, and says so of each
/// picture on the program's own output.
fn evened(picture: &I420Buffer) -> I420Buffer {
    let mut out = I420Buffer::new(
        picture.width().next_multiple_of(2),
        picture.height().next_multiple_of(2),
    );
    let (from_strides, to_strides) = (picture.strides(), out.strides());
    for (n, to) in out.planes_mut().into_iter().enumerate() {
        let mut rows = picture.planes()[n].chunks_exact(from_strides[n].max(1));
        let mut last: &[u8] = &[];
        for to in to.chunks_exact_mut(to_strides[n].max(1)) {
            last = rows.next().unwrap_or(last);
            let (same, more) = to.split_at_mut(last.len().min(to.len()));
            same.copy_from_slice(&last[..same.len()]);
            more.fill(same.last().copied().unwrap_or_default());
        }
    }
    out
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

    #[test]
    fn in_layers_an_odd_picture_has_its_edge_twice() {
        let mut buffer = I420Buffer::new(5, 3);
        let [luma, blue, red] = buffer.planes_mut();
        for (n, value) in luma.iter_mut().enumerate() {
            *value = n as u8;
        }
        blue.copy_from_slice(&[1, 2, 3, 4, 5, 6]);
        red.fill(9);
        #[expect(
            clippy::disallowed_methods,
            reason = "a test's picture is captured now"
        )]
        let captured = std::time::Instant::now();
        let odd = VideoFrame::new(buffer, Color::default(), captured);
        assert!(fitted(&odd, Rung::Large, false, None).is_none());
        let whole = fitted(&odd, Rung::Large, true, None).unwrap();
        let even = &whole.buffer;
        assert_eq!((even.width(), even.height()), (6, 4));
        let rows: Vec<_> = even.planes()[0].chunks(6).collect();
        assert_eq!(rows[1], [5, 6, 7, 8, 9, 9]);
        assert_eq!(rows[2..], [[10, 11, 12, 13, 14, 14]; 2]);
        assert_eq!(even.planes()[1], [1, 2, 3, 4, 5, 6]);
        assert!(fitted(&whole, Rung::Large, true, None).is_none());
        let none = VideoFrame::new(I420Buffer::new(0, 3), Color::default(), captured);
        fitted(&none, Rung::Large, true, None);
    }
}
