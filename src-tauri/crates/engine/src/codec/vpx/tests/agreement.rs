//! A decoder has the very pictures that the encoder makes the next from, also where it gets fewer layers: to the last
//! pixel, for whatever is wrong in one is in all that follow.

use super::*;

const PICTURES: u32 = 300;

/// What is done before one of the pictures is compressed.
struct Step {
    spread: bool,
    key: bool,
    kbps: u64,
    /// It is the same picture again, to become so sharp at least.
    sharp: Option<u32>,
}

impl Step {
    /// The next picture, and nothing else.
    const NEXT: Self = Self {
        spread: false,
        key: false,
        kbps: 1_000,
        sharp: None,
    };
}

fn agree(codec: VideoCodec, (content, layers): (Content, bool), step: impl Fn(u32) -> Step) {
    let settings = VideoEncoderConfig {
        bitrate: Bitrate::kbps(step(0).kbps),
        fps: 30,
        content,
        layers,
    };
    let mut encoder = VpxEncoder::new(codec, settings).unwrap();
    // Of one that gets all, and of two that get fewer layers.
    let mut decoders = [2, 1, 0].map(|top| (top, VpxDecoder::new(codec)));
    let (start, mut made, mut shown) = (start(), 0, 0);
    for n in 0..PICTURES {
        let Step {
            spread,
            key,
            kbps,
            sharp,
        } = step(n);
        encoder.set_spread(spread);
        encoder.set_bitrate(Bitrate::kbps(kbps)).unwrap();
        encoder.sharpen(sharp);
        shown = if sharp.is_some() { shown } else { n };
        let original = frame(film(shown), start, n);
        let Some(encoded) = encoder.encode(&original, key).unwrap() else {
            continue;
        };
        made += 1;
        let own = encoder.reference().unwrap();
        let layer = encoded.layer.unwrap_or(0);
        for (top, decoder) in decoders.iter_mut().filter(|(top, _)| layer <= *top) {
            let decoded = decoder.decode(&encoded).unwrap().unwrap().buffer;
            // One that no other is made from the encoder leaves unfinished: it takes no loop filter.
            assert!(
                layer == 2 || own.planes() == decoded.planes(),
                "{codec:?}, {content:?}, layers {layers} up to {top}: picture {n} is another, by {:.1} dB",
                psnr(&own, &decoded)
            );
        }
    }
    assert!(made > PICTURES / 2, "{made} pictures");
}

/// A view that pans over something larger in which something moves; now and then the scene is another.
fn film(n: u32) -> I420Buffer {
    let whole = picture(768, 448, n + n / 70 * 400);
    let mut view = I420Buffer::new(640, 368);
    let pan = |period: f32, room: f32| ((n as f32 / period).sin() * 0.5 + 0.5) * room;
    // Whole pixels of colour.
    let (left, top) = (pan(11.0, 64.0) as usize, pan(17.0, 40.0) as usize);
    let strides = view.strides();
    for (plane, (pixels, stride)) in view.planes_mut().into_iter().zip(strides).enumerate() {
        let (left, top) = if plane == 0 {
            (left * 2, top * 2)
        } else {
            (left, top)
        };
        let rows = whole.planes()[plane].chunks(whole.strides()[plane]);
        for (row, from) in pixels.chunks_mut(stride).zip(rows.skip(top)) {
            row.copy_from_slice(&from[left..left + stride]);
        }
    }
    view
}

const CONTENTS: [Content; 2] = [Content::Camera, Content::Screen];

#[test]
fn a_call_is_decoded_as_it_was_meant() {
    for codec in BOTH {
        for content in CONTENTS {
            agree(codec, (content, false), |n| Step {
                key: n % 90 == 40,
                kbps: if n < 150 { 1_000 } else { 300 },
                ..Step::NEXT
            });
        }
    }
}

#[test]
fn what_an_audience_gets_is_decoded_as_it_was_meant() {
    for content in CONTENTS {
        agree(VideoCodec::Vp9, (content, true), |n| Step {
            kbps: if n % 90 < 60 { 1_000 } else { 400 },
            sharp: (n % 100 > 80).then_some(20),
            ..Step::NEXT
        });
    }
}

#[test]
fn so_it_is_while_layers_come_and_go() {
    for content in CONTENTS {
        agree(VideoCodec::Vp9, (content, true), |n| Step {
            spread: matches!(n, 50..111 | 160..190 | 250..),
            key: matches!(n, 80 | 140 | 230),
            kbps: if n % 100 < 60 { 1_500 } else { 500 },
            sharp: (n % 40 > 30).then_some(20),
        });
    }
}
