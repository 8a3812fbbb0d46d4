//! A decoder has the very pictures that the encoder makes the next from, also where it gets fewer layers: to the last
//! pixel, for whatever is wrong in one is in all that follow.

use super::*;

const PICTURES: u32 = 200;
/// Just above 640x360 libvpx is told another speed than below.
const LARGE: (u32, u32) = (640, 368);
/// No multiple of the blocks; of a stream in layers the numbers are even.
const SMALL: (u32, u32) = (322, 242);
const ODD: (u32, u32) = (321, 241);

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

/// What is compressed.
struct Stream {
    codec: VideoCodec,
    size: (u32, u32),
    content: Content,
    layers: bool,
}

fn agree(stream: &Stream, step: impl Fn(u32) -> Step) {
    let &Stream {
        codec,
        size,
        content,
        layers,
    } = stream;
    let settings = VideoEncoderConfig {
        bitrate: Bitrate::kbps(step(0).kbps),
        fps: 30,
        content,
        layers,
    };
    let mut encoder = VpxEncoder::new(codec, settings).unwrap();
    // Of one that gets all, and of two that get fewer layers.
    let tops: &[u8] = if layers { &[2, 1, 0] } else { &[0] };
    let mut decoders: Vec<_> = tops.iter().map(|_| VpxDecoder::new(codec)).collect();
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
        let original = frame(film(size, shown), start, n);
        let Some(encoded) = encoder.encode(&original, key).unwrap() else {
            continue;
        };
        made += 1;
        let own = encoder.reference().unwrap();
        let layer = encoded.layer.unwrap_or(0);
        for (top, decoder) in tops.iter().zip(&mut decoders) {
            if layer > *top {
                continue;
            }
            let decoded = decoder.decode(&encoded).unwrap().unwrap().buffer;
            // The encoder does not loop-filter a picture that no other refers to.
            let compared = if layer == 2 { 0 } else { 3 };
            for plane in 0..compared {
                assert!(
                    own.planes()[plane] == decoded.planes()[plane],
                    "{codec:?}, {content:?}, {size:?}, layers {layers} up to {top}: plane {plane} of picture {n}"
                );
            }
        }
    }
    assert!(made > PICTURES / 2, "{made} pictures");
}

/// A view that pans over something larger in which something moves; now and then the scene is another.
fn film((width, height): (u32, u32), n: u32) -> I420Buffer {
    let whole = picture(width + 128, height + 80, n + n / 70 * 400);
    let mut view = I420Buffer::new(width, height);
    let pan = |period: f32, room: f32| ((n as f32 / period).sin() * 0.5 + 0.5) * room;
    // Whole pixels of colour.
    let (left, top) = (pan(11.0, 64.0) as usize, pan(17.0, 40.0) as usize);
    let strides = view.strides();
    for (plane, (pixels, stride)) in view.planes_mut().into_iter().zip(strides).enumerate() {
        let scale = if plane == 0 { 2 } else { 1 };
        let rows = whole.planes()[plane].chunks(whole.strides()[plane]);
        for (row, from) in pixels.chunks_mut(stride).zip(rows.skip(scale * top)) {
            row.copy_from_slice(&from[scale * left..][..stride]);
        }
    }
    view
}

const CONTENTS: [Content; 2] = [Content::Camera, Content::Screen];

#[test]
fn a_call_is_decoded_as_it_was_meant() {
    for codec in BOTH {
        for (content, size) in [
            (Content::Camera, LARGE),
            (Content::Camera, ODD),
            (Content::Screen, LARGE),
        ] {
            let stream = Stream {
                codec,
                size,
                content,
                layers: false,
            };
            agree(&stream, |n| Step {
                key: n % 90 == 40,
                kbps: if n < 100 { 1_000 } else { 300 },
                ..Step::NEXT
            });
        }
    }
}

fn audience(content: Content, size: (u32, u32)) -> Stream {
    Stream {
        codec: VideoCodec::Vp9,
        size,
        content,
        layers: true,
    }
}

#[test]
fn what_an_audience_gets_is_decoded_as_it_was_meant() {
    for content in CONTENTS {
        for size in [LARGE, SMALL] {
            agree(&audience(content, size), |n| Step {
                kbps: if n % 90 < 60 { 1_000 } else { 400 },
                sharp: (n % 100 > 80).then_some(20),
                ..Step::NEXT
            });
        }
    }
}

#[test]
fn what_an_audience_gets_is_decoded_as_it_was_meant_while_layers_come_and_go() {
    for content in CONTENTS {
        for size in [LARGE, SMALL] {
            agree(&audience(content, size), |n| Step {
                spread: matches!(n, 30..75 | 110..140 | 170..),
                key: matches!(n, 55 | 90 | 155),
                kbps: if n % 100 < 60 { 1_500 } else { 500 },
                sharp: (n % 40 > 30).then_some(20),
            });
        }
    }
}
