//! Streams of VP9 in temporal layers.

use super::*;
use crate::{
    codec::vpx::layers::Parts,
    packet::{Packetizer, Vp9Descriptor},
};

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
    let (mut parts, mut packetizer) = (Parts::new(true), Packetizer::new(0));
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
