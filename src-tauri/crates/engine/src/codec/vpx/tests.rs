use std::time::{Duration, Instant};

use bytes::Bytes;

use super::*;
use crate::{
    codec::{Content, VideoDecoder, VideoEncoder, VideoEncoderConfig},
    frame::{
        Bitrate, Color, ColorMatrix, ColorRange, EncodedFrame, I420Buffer, VideoCodec, VideoFrame,
    },
    packet::{Packetizer, Vp9Descriptor},
};

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

/// An encoder in layers, and what it makes of 48 pictures; the 21st is asked to be a key frame. `spread` says of each
/// picture whether it may use them.
fn layered(start: Instant, spread: impl Fn(u32) -> bool) -> Vec<(EncodedFrame, VideoFrame)> {
    let settings = VideoEncoderConfig {
        bitrate: Bitrate::kbps(800),
        fps: 30,
        content: Content::Screen,
        layers: true,
    };
    let mut encoder = VpxEncoder::new(VideoCodec::Vp9, settings).unwrap();
    (0..48)
        .filter_map(|n| {
            let original = frame(picture(320, 240, n), start, n);
            encoder.set_spread(spread(n));
            let encoded = encoder.encode(&original, n == 21).unwrap()?;
            Some((encoded, original))
        })
        .collect()
}

#[test]
fn the_higher_layers_of_vp9_may_be_left_out() {
    let all = layered(start(), |_| true);
    assert_eq!(all.len(), 48, "of a screen no picture is left out");
    let mut run = 0;
    for (n, (encoded, _)) in all.iter().enumerate() {
        assert_eq!(encoded.key_frame, n == 0 || n == 21);
        if encoded.key_frame {
            run = 0;
        }
        assert_eq!(encoded.layer, Some([0, 2, 1, 2][run % 4]), "picture {n}");
        run += 1;
    }
    let bytes = |top: u8| -> usize {
        let kept = all.iter().filter(|(it, _)| it.layer <= Some(top));
        kept.filter(|(it, _)| !it.key_frame)
            .map(|(it, _)| it.data.len())
            .sum()
    };
    assert!(bytes(0) * 2 < bytes(2), "{} of {}", bytes(0), bytes(2));
    for top in 0..3 {
        let worst = worst_up_to(top, &all);
        assert!(worst > 26.0, "up to layer {top}: {worst} dB");
    }
}

/// How much the worst picture has lost where only those up to a layer arrive.
fn worst_up_to(top: u8, all: &[(EncodedFrame, VideoFrame)]) -> f64 {
    let mut decoder = VpxDecoder::new(VideoCodec::Vp9);
    let kept = all.iter().filter(|(it, _)| it.layer <= Some(top));
    kept.map(|(encoded, original)| {
        let decoded = decoder.decode(encoded).unwrap().unwrap();
        psnr(&original.buffer, &decoded.buffer)
    })
    .fold(f64::MAX, f64::min)
}

#[test]
fn layers_come_and_go_with_a_key_frame() {
    // Also in the middle of four, and across a key frame.
    let spread = |n: u32| matches!(n, 5..12 | 18..29 | 35..38);
    let all = layered(start(), spread);
    for (n, (encoded, _)) in all.iter().enumerate() {
        // Each change makes one.
        let changes = [5, 12, 18, 21, 29, 35, 38];
        assert_eq!(encoded.key_frame, n == 0 || changes.contains(&n), "{n}");
        if !spread(n as u32) {
            assert_eq!(encoded.layer, Some(0), "picture {n}");
        }
    }
    let higher = all.iter().filter(|(it, _)| it.layer > Some(0)).count();
    assert!(higher > 10, "{higher}");
    for top in 0..3 {
        let worst = worst_up_to(top, &all);
        assert!(worst > 26.0, "up to layer {top}: {worst} dB");
    }
}

/// All are taken, then some are not, then all again.
#[test]
fn a_stream_of_which_all_is_taken_again_is_made_as_it_was() {
    for content in [Content::Camera, Content::Screen] {
        let settings = VideoEncoderConfig {
            bitrate: Bitrate::kbps(800),
            fps: 30,
            content,
            layers: true,
        };
        let mut encoder = VpxEncoder::new(VideoCodec::Vp9, settings).unwrap();
        let mut decoder = VpxDecoder::new(VideoCodec::Vp9);
        let (start, mut keys) = (start(), Vec::new());
        for n in 0..80 {
            let original = frame(picture(320, 240, n), start, n);
            encoder.set_spread((10..30).contains(&n));
            let Some(encoded) = encoder.encode(&original, false).unwrap() else {
                continue;
            };
            if encoded.key_frame {
                keys.push(n);
            }
            // `error_resilient_mode` (bitstream specification 0.7, §6.2): one may be left out.
            let resilient = content == Content::Camera || (10..30).contains(&n);
            assert_eq!(encoded.data[0] & 1, u8::from(resilient), "{n}");
            let decoded = decoder.decode(&encoded).unwrap().unwrap();
            let psnr = psnr(&original.buffer, &decoded.buffer);
            assert!(psnr > 26.0, "{content:?}, picture {n}: {psnr} dB");
        }
        assert_eq!(keys, [0, 10, 30], "{content:?}");
    }
}

#[test]
fn pictures_go_on_when_layers_come_after_many_key_frames() {
    for content in [Content::Camera, Content::Screen] {
        go_on_after_many_key_frames(content);
    }
}

fn go_on_after_many_key_frames(content: Content) {
    let settings = VideoEncoderConfig {
        bitrate: Bitrate::kbps(600),
        fps: 30,
        content,
        layers: true,
    };
    let mut encoder = VpxEncoder::new(VideoCodec::Vp9, settings).unwrap();
    let start = start();
    // Somebody joins twice in each second for half a minute.
    for n in 0..900 {
        let original = frame(picture(640, 368, n), start, n);
        encoder.encode(&original, n % 15 == 0).unwrap();
    }
    encoder.set_spread(true);
    let made = (900..930)
        .filter(|n| {
            let original = frame(picture(640, 368, *n), start, *n);
            encoder.encode(&original, false).unwrap().is_some()
        })
        .count();
    assert!(made > 24, "{content:?}: {made} of 30");
}

#[test]
fn the_packets_say_what_a_picture_was_made_from() {
    // Pictures are left out and layers come and go; the places are the decoder's.
    let (mut parts, mut packetizer) = (layers::Parts::new(true), Packetizer::new(0));
    let mut kept: [u16; 2] = [0; 2];
    let mut seed = 7_u32;
    for n in 0..2_000_u16 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let chance = seed >> 24;
        parts.set_spread(chance & 0x30 == 0);
        let key = n == 0 || chance > 250;
        let part = parts.next(key);
        // The encoder leaves it out.
        if !key && chance.is_multiple_of(5) {
            continue;
        }
        parts.made(key);
        let encoded = EncodedFrame {
            data: Bytes::from_static(b"picture"),
            codec: VideoCodec::Vp9,
            key_frame: key,
            layer: Some(part.layer),
            width: 16,
            height: 16,
            captured: start(),
            rtp_time: 0,
        };
        let payloads = packetizer.packetize_layered(&encoded, part.layer, n);
        let payloads = payloads.unwrap();
        let (descriptor, _) = Vp9Descriptor::parse(&payloads[0].data).unwrap();
        let from = kept[usize::from(part.refers_to)];
        let said = if key { vec![] } else { vec![(n - from) as u8] };
        assert_eq!(descriptor.references, said, "picture {n}");
        if key {
            kept = [n; 2];
        } else if let Some(place) = part.kept_in {
            kept[usize::from(place)] = n;
        }
    }
}

/// Something like letters that run to the left by 20 pixels a picture.
fn running_text(n: u32) -> I420Buffer {
    let mut picture = I420Buffer::new(640, 368);
    let stride = picture.strides()[0];
    let [luma, blue, red] = picture.planes_mut();
    blue.fill(128);
    red.fill(128);
    for (y, line) in luma.chunks_mut(stride).enumerate() {
        for (x, value) in line.iter_mut().enumerate() {
            let (x, y) = ((x as u32 + 20 * n) / 2, y as u32 / 2);
            let noise = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77))
                .wrapping_mul(0xC2B2_AE3D);
            let ink = y % 8 < 5 && noise >> 30 == 0;
            *value = if ink { 16 } else { 235 };
        }
    }
    picture
}

#[test]
fn without_layers_what_runs_over_the_screen_is_better() {
    let made = |spread: bool| {
        let settings = VideoEncoderConfig {
            bitrate: Bitrate::kbps(2_000),
            fps: 30,
            content: Content::Screen,
            layers: true,
        };
        let mut encoder = VpxEncoder::new(VideoCodec::Vp9, settings).unwrap();
        encoder.set_spread(spread);
        let start = start();
        let all: Vec<_> = (0..60)
            .filter_map(|n| {
                let original = frame(running_text(n), start, n);
                Some((encoder.encode(&original, false).unwrap()?, original))
            })
            .collect();
        let bytes: usize = all.iter().skip(30).map(|(it, _)| it.data.len()).sum();
        (worst_up_to(2, &all[..]), bytes)
    };
    let ((layers, _), (none, bytes)) = (made(true), made(false));
    assert!(none > layers + 3.0, "{none} dB, {layers} dB");
    // Of one second.
    assert!(bytes < 275_000, "{bytes}");
}

#[test]
fn the_layers_follow_the_bitrate() {
    for spread in [true, false] {
        follow_the_bitrate(spread);
    }
}

fn follow_the_bitrate(spread: bool) {
    let settings = VideoEncoderConfig {
        bitrate: Bitrate::kbps(2_000),
        fps: 30,
        content: Content::Camera,
        layers: true,
    };
    let mut encoder = VpxEncoder::new(VideoCodec::Vp9, settings).unwrap();
    encoder.set_spread(spread);
    let start = start();
    let mut sums = [0, 0];
    for n in 0..240 {
        if n == 120 {
            encoder.set_bitrate(Bitrate::kbps(200)).unwrap();
        }
        let original = frame(picture(640, 360, n), start, n);
        if let Some(encoded) = encoder.encode(&original, false).unwrap() {
            sums[n as usize / 120] += encoded.data.len();
        }
    }
    // Four seconds each, the first with a key frame.
    assert!(
        sums[1] < 130_000 && sums[0] > 2 * sums[1],
        "{spread}: {sums:?}"
    );
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
