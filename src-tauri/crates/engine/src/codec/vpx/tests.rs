use std::time::{Duration, Instant};

use bytes::Bytes;

use super::*;
use crate::{
    codec::{Content, VideoDecoder, VideoEncoder, VideoEncoderConfig},
    frame::{
        Bitrate, Color, ColorMatrix, ColorRange, EncodedFrame, I420Buffer, VideoCodec, VideoFrame,
    },
};

mod agreement;
mod layers;

const BOTH: [VideoCodec; 2] = [VideoCodec::Vp8, VideoCodec::Vp9];

fn encoder(codec: VideoCodec, kbps: u64) -> VpxEncoder {
    let settings = VideoEncoderConfig {
        bitrate: Bitrate::kbps(kbps),
        fps: 30,
        content: Content::Camera,
        layers: false,
    };
    VpxEncoder::new(codec, settings).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test's frames begin now")]
fn start() -> Instant {
    Instant::now()
}

/// A textured background that a textured disc wanders over; `n` counts pictures.
fn picture(width: u32, height: u32, n: u32) -> I420Buffer {
    let mut picture = I420Buffer::new(width, height);
    let strides = picture.strides();
    let time = n as f32 / 30.0;
    let (cx, cy) = (
        width as f32 * (0.5 + 0.3 * time.sin()),
        height as f32 * (0.5 + 0.3 * (time * 1.3).cos()),
    );
    let radius = height as f32 / 5.0;
    for (plane, (pixels, stride)) in picture.planes_mut().into_iter().zip(strides).enumerate() {
        let step = if plane == 0 { 1.0 } else { 2.0 };
        for (row, line) in pixels.chunks_mut(stride).enumerate() {
            for (column, value) in line.iter_mut().enumerate() {
                let (x, y) = (column as f32 * step, row as f32 * step);
                let (dx, dy) = (x - cx, y - cy);
                let inside = dx * dx + dy * dy < radius * radius;
                let wave = if inside {
                    170.0 + 40.0 * (dx * 0.25).sin() * (dy * 0.2).cos()
                } else {
                    90.0 + 30.0 * (x * 0.05).sin() + 25.0 * (y * 0.11 + x * 0.02).cos()
                };
                *value = if plane == 0 {
                    wave
                } else {
                    128.0 + (wave - 110.0) * 0.3 * (plane as f32 * 2.0 - 3.0)
                } as u8;
            }
        }
    }
    picture
}

fn frame(buffer: I420Buffer, start: Instant, n: u32) -> VideoFrame {
    VideoFrame::new(
        buffer,
        Color::default(),
        start + Duration::from_secs(1) * n / 30,
    )
}

fn psnr(a: &I420Buffer, b: &I420Buffer) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let (a, b) = (a.planes()[0], b.planes()[0]);
    let error: f64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
        .sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / error.max(1.0)).log10()
}

#[test]
fn pictures_come_back_much_as_they_were() {
    for codec in BOTH {
        let (mut encoder, mut decoder, start) =
            (encoder(codec, 1000), VpxDecoder::new(codec), start());
        let (mut bytes, mut worst) = (0, f64::MAX);
        for n in 0..60 {
            let original = frame(picture(321, 241, n), start, n);
            let Some(encoded) = encoder.encode(&original, false).unwrap() else {
                continue;
            };
            assert_eq!(encoded.key_frame, n == 0, "{codec:?}: picture {n}");
            assert_eq!((encoded.width, encoded.height), (321, 241));
            assert_eq!(encoded.captured, original.captured);
            bytes += encoded.data.len();
            let decoded = decoder.decode(&encoded).unwrap().unwrap();
            assert_eq!(decoded.color, Color::default());
            if n > 10 {
                worst = worst.min(psnr(&original.buffer, &decoded.buffer));
            }
        }
        assert!(worst > 33.0, "{codec:?}: {worst} dB");
        assert!(
            (30_000..375_000).contains(&bytes),
            "{codec:?}: {bytes} bytes in 2 s"
        );
    }
}

#[test]
fn a_key_frame_comes_when_it_is_asked_for_and_only_then() {
    for codec in BOTH {
        let (mut encoder, start) = (encoder(codec, 300), start());
        let mut keys = Vec::new();
        for n in 0..400 {
            let original = frame(picture(160, 120, n), start, n);
            let encoded = encoder.encode(&original, n == 100 || n == 101).unwrap();
            if encoded.is_some_and(|encoded| encoded.key_frame) {
                keys.push(n);
            }
        }
        assert_eq!(keys, [0, 100, 101], "{codec:?}");
    }
}

#[test]
fn a_key_frame_in_mid_stream_does_not_burst() {
    for codec in BOTH {
        let (mut encoder, start) = (encoder(codec, 1000), start());
        let (scene, mut sizes) = (picture(640, 360, 0), Vec::new());
        for n in 0..150u32 {
            // A still scene with the noise of a camera: the encoder has made it fine by and by.
            let mut buffer = scene.clone();
            let mut seed = n;
            for value in buffer.planes_mut()[0].iter_mut() {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *value = value.wrapping_add((seed >> 30) as u8);
            }
            let frame = frame(buffer, start, n);
            let encoded = encoder.encode(&frame, n % 50 == 49).unwrap();
            sizes.push(encoded.map_or(0, |encoded| encoded.data.len()));
        }
        // A mean frame has 4.2 kB.
        for key in [49, 99, 149] {
            assert!(sizes[key] < 34_000, "{codec:?}: {} bytes", sizes[key]);
        }
        for after in [50, 100] {
            let most = sizes[after..after + 40].iter().max().unwrap();
            assert!(*most < 21_000, "{codec:?}: {most} bytes");
        }
    }
}

#[test]
fn screens_are_encoded_too_and_an_encoder_may_be_prepared() {
    for codec in BOTH {
        let settings = VideoEncoderConfig {
            bitrate: Bitrate::kbps(1500),
            fps: 15,
            content: Content::Screen,
            layers: false,
        };
        let mut encoder = VpxEncoder::new(codec, settings).unwrap();
        let (mut decoder, start) = (VpxDecoder::new(codec), start());
        let original = frame(picture(640, 480, 0), start, 0);
        encoder.prepare(&original).unwrap();
        let mut last = 0.0;
        for n in 0..30 {
            let original = frame(picture(640, 480, n / 10), start, n * 2);
            let encoded = encoder.encode(&original, false).unwrap().unwrap();
            assert_eq!(encoded.key_frame, n == 0);
            let decoded = decoder.decode(&encoded).unwrap().unwrap();
            last = psnr(&original.buffer, &decoded.buffer);
        }
        assert!(last > 36.0, "{codec:?}: {last} dB");
    }
}

#[test]
fn the_size_may_change_at_any_picture() {
    for codec in BOTH {
        let (mut encoder, mut decoder, start) =
            (encoder(codec, 800), VpxDecoder::new(codec), start());
        let mut n = 0;
        for (width, height) in [
            (320, 180),
            (640, 360),
            (320, 180),
            (1280, 720),
            (2, 2),
            (161, 91),
        ] {
            for step in 0..5 {
                let original = frame(picture(width, height, n), start, n);
                n += 1;
                let Some(encoded) = encoder.encode(&original, false).unwrap() else {
                    continue;
                };
                assert_eq!(encoded.key_frame, step == 0);
                let decoded = decoder.decode(&encoded).unwrap().unwrap();
                assert_eq!((decoded.width(), decoded.height()), (width, height));
            }
        }
    }
}

#[test]
fn another_bitrate_takes_effect_without_a_key_frame() {
    for codec in BOTH {
        let (mut encoder, start) = (encoder(codec, 1500), start());
        let mut seconds = [0; 6];
        for n in 0..180 {
            if n == 90 {
                encoder.set_bitrate(Bitrate::kbps(200)).unwrap();
            }
            let mut buffer = picture(640, 360, n * 3);
            // Noise needs more bits than there are.
            let mut seed = n;
            for value in buffer.planes_mut()[0].iter_mut() {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *value = value.wrapping_add((seed >> 28) as u8);
            }
            let encoded = encoder.encode(&frame(buffer, start, n), false).unwrap();
            if let Some(encoded) = encoded {
                assert_eq!(encoded.key_frame, n == 0);
                seconds[n as usize / 30] += encoded.data.len() * 8;
            }
        }
        let [_, _, before, _, _, after] = seconds;
        assert!(
            (900_000..2_000_000).contains(&before),
            "{codec:?}: {before}"
        );
        assert!((50_000..400_000).contains(&after), "{codec:?}: {after}");
    }
}

#[test]
fn vp9_carries_the_colour_and_a_new_one_makes_a_key_frame() {
    let (mut encoder, mut decoder, start) = (
        encoder(VideoCodec::Vp9, 500),
        VpxDecoder::new(VideoCodec::Vp9),
        start(),
    );
    let mut n = 0;
    for matrix in [ColorMatrix::Bt601, ColorMatrix::Bt709] {
        for range in [ColorRange::Limited, ColorRange::Full] {
            for step in 0..3 {
                let mut original = frame(picture(160, 120, n), start, n);
                original.color = Color { matrix, range };
                n += 1;
                let encoded = encoder.encode(&original, false).unwrap().unwrap();
                assert_eq!(encoded.key_frame, step == 0);
                assert_eq!(
                    decoder.decode(&encoded).unwrap().unwrap().color,
                    original.color
                );
            }
        }
    }
}

#[test]
fn after_damage_a_key_frame_brings_the_picture_back() {
    for codec in BOTH {
        let (mut encoder, mut decoder, start) =
            (encoder(codec, 800), VpxDecoder::new(codec), start());
        let mut encode = |n, key| {
            encoder
                .encode(&frame(picture(320, 240, n), start, n), key)
                .unwrap()
                .unwrap()
        };
        let first = encode(0, false);
        let delta = encode(1, false);
        assert!(
            decoder.decode(&delta).is_err(),
            "it cannot begin with a delta frame"
        );
        decoder.decode(&first).unwrap();
        decoder.decode(&delta).unwrap();
        let mut damaged = encode(2, true);
        damaged.data = damaged.data.slice(..7);
        assert!(decoder.decode(&damaged).is_err());
        let delta = encode(3, false);
        assert!(decoder.decode(&delta).is_err(), "its reference never came");
        decoder.decode(&encode(4, true)).unwrap().unwrap();
        decoder.decode(&encode(5, false)).unwrap().unwrap();
    }
}

#[test]
fn huge_pictures_and_other_codecs_are_refused() {
    let start = start();
    let huge: [(VideoCodec, &[u8]); 3] = [
        (
            VideoCodec::Vp8,
            &[
                0x10, 0, 0, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff, 0x3f, 0, 0, 0,
            ],
        ),
        // A key frame of 65536x65536, alone and within a superframe.
        (
            VideoCodec::Vp9,
            &[0x82, 0x49, 0x83, 0x42, 0x0f, 0xff, 0xff, 0xff, 0xf0, 0, 0],
        ),
        (
            VideoCodec::Vp9,
            &[
                0x82, 0x49, 0x83, 0x42, 0x0f, 0xff, 0xff, 0xff, 0xf0, 0, 0xc0, 10, 0xc0,
            ],
        ),
    ];
    for (codec, data) in huge {
        let frame = EncodedFrame {
            data: Bytes::copy_from_slice(data),
            codec,
            key_frame: true,
            width: 0,
            height: 0,
            captured: start,
            rtp_time: 0,
            layer: None,
        };
        let error = VpxDecoder::new(codec)
            .decode(&frame)
            .unwrap_err()
            .to_string();
        assert!(error.contains("refused"), "{error}");
        for other in BOTH.into_iter().filter(|other| *other != codec) {
            assert!(VpxDecoder::new(other).decode(&frame).is_err());
        }
    }
}

#[test]
fn what_cannot_be_encoded_is_an_error() {
    let start = start();
    for codec in BOTH {
        let mut encoder = encoder(codec, 500);
        let empty = frame(I420Buffer::new(0, 0), start, 0);
        assert!(encoder.encode(&empty, false).is_err());
        let good = frame(picture(64, 64, 0), start, 1);
        assert!(encoder.encode(&good, false).unwrap().unwrap().key_frame);
        // Time that stands still or runs backwards is the caller's fault, but no error.
        for _ in 0..5 {
            encoder
                .encode(&frame(picture(64, 64, 0), start, 1), false)
                .unwrap();
            encoder
                .encode(&frame(picture(64, 64, 0), start, 0), false)
                .unwrap();
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn hostile_streams_never_panic(
        vp9 in proptest::bool::ANY,
        damage in proptest::collection::vec((0usize..6, proptest::num::usize::ANY, proptest::num::u8::ANY), 1..12),
        cut in 0usize..40,
    ) {
        let codec = if vp9 { VideoCodec::Vp9 } else { VideoCodec::Vp8 };
        let (mut encoder, mut decoder, start) = (encoder(codec, 200), VpxDecoder::new(codec), start());
        let mut frames: Vec<_> = (0..6)
            .filter_map(|n| encoder.encode(&frame(picture(96, 64, n), start, n), n == 4).unwrap())
            .collect();
        for (which, at, value) in damage {
            let count = frames.len();
            let frame = &mut frames[which % count];
            let mut data = frame.data.to_vec();
            let at = at % data.len();
            data[at] = value;
            frame.data = Bytes::from(data);
        }
        if let Some(frame) = frames.last_mut() {
            frame.data.truncate(cut);
        }
        for frame in &frames {
            if let Ok(Some(picture)) = decoder.decode(frame) {
                proptest::prop_assert!(picture.width() <= MAX_SIDE && picture.height() <= MAX_SIDE);
            }
        }
    }
}
