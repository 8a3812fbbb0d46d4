use std::f32::consts::TAU;

use super::*;

type Frame = [f32; OPUS_SAMPLES];

/// A voice-like sound: a tone with overtones whose pitch and level move.
fn voice(frames: usize) -> Vec<Frame> {
    let mut phase = 0.0f32;
    (0..frames)
        .map(|frame| {
            std::array::from_fn(|n| {
                let t = (frame * OPUS_SAMPLES + n) as f32 / SAMPLE_RATE as f32;
                phase = (phase + (160.0 + 30.0 * (TAU * 2.0 * t).sin()) / SAMPLE_RATE as f32) % 1.0;
                let level = 0.15 + 0.1 * (TAU * 3.0 * t).sin();
                (1..8)
                    .map(|k| (TAU * phase * k as f32).sin() / k as f32)
                    .sum::<f32>()
                    * level
            })
        })
        .collect()
}

fn encode(encoder: &mut OpusEncoder, frames: &[Frame]) -> Vec<Vec<u8>> {
    frames
        .iter()
        .map(|frame| {
            let mut packet = [0; 1500];
            let length = encoder.encode(frame, &mut packet).unwrap();
            packet[..length].to_vec()
        })
        .collect()
}

fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32
}

/// Signal to noise in decibels, at the shift where it is best: the codec delays.
fn likeness(original: &[f32], decoded: &[f32]) -> f32 {
    (0..800)
        .map(|shift| {
            let length = original.len() - 800;
            let noise: f32 = original[..length]
                .iter()
                .zip(&decoded[shift..])
                .map(|(a, b)| (a - b).powi(2))
                .sum();
            10.0 * (power(&original[..length]) * length as f32 / noise).log10()
        })
        .fold(f32::MIN, f32::max)
}

#[test]
fn sound_comes_back_at_about_the_bitrate() {
    let frames = voice(100);
    let packets = encode(&mut OpusEncoder::new().unwrap(), &frames);
    let bits = packets.iter().map(Vec::len).sum::<usize>() * 8;
    assert!((16_000..48_000).contains(&(bits / 2)), "{} bit/s", bits / 2);
    let mut decoder = OpusDecoder::new().unwrap();
    let mut decoded = Vec::new();
    for packet in &packets {
        let mut samples = [0.0; OPUS_SAMPLES];
        decoder.decode(packet, &mut samples).unwrap();
        decoded.extend_from_slice(&samples);
    }
    let likeness = likeness(&frames.concat()[9_600..57_600], &decoded[9_600..]);
    // Speech coding keeps what is heard rather than the wave.
    assert!(likeness > 5.0, "{likeness} dB");
}

#[test]
fn less_bitrate_gives_smaller_packets() {
    let frames = voice(60);
    let mut encoder = OpusEncoder::new().unwrap();
    let large: usize = encode(&mut encoder, &frames).iter().map(Vec::len).sum();
    encoder.set_bitrate(Bitrate::kbps(12)).unwrap();
    let small: usize = encode(&mut encoder, &frames).iter().map(Vec::len).sum();
    assert!(small * 3 < large * 2, "{small} of {large} bytes");
    encoder.set_bitrate(Bitrate::bps(0)).unwrap();
    encoder.set_bitrate(Bitrate::kbps(1_000_000)).unwrap();
}

#[test]
fn the_next_packet_brings_back_a_lost_one() {
    let frames = voice(100);
    let mut encoder = OpusEncoder::new().unwrap();
    encoder.set_expected_loss(30).unwrap();
    let packets = encode(&mut encoder, &frames);
    let decode = |repair: fn(&mut OpusDecoder, &[u8], &mut Frame)| {
        let mut decoder = OpusDecoder::new().unwrap();
        let mut decoded = Vec::new();
        for (n, packet) in packets.iter().enumerate() {
            let mut samples = [0.0; OPUS_SAMPLES];
            if n % 5 == 3 {
                repair(&mut decoder, &packets[n + 1], &mut samples);
            } else {
                decoder.decode(packet, &mut samples).unwrap();
            }
            decoded.extend_from_slice(&samples);
        }
        likeness(&frames.concat()[9_600..57_600], &decoded[9_600..])
    };
    let repaired = decode(|decoder, next, samples| decoder.decode_fec(next, samples).unwrap());
    let concealed = decode(|decoder, _, samples| decoder.conceal(samples).unwrap());
    assert!(
        repaired > concealed + 1.0,
        "{repaired} dB against {concealed} dB"
    );
}

#[test]
fn a_gap_fades_instead_of_stopping() {
    let frames = voice(50);
    let packets = encode(&mut OpusEncoder::new().unwrap(), &frames);
    let mut decoder = OpusDecoder::new().unwrap();
    let mut samples = [0.0; OPUS_SAMPLES];
    for packet in &packets {
        decoder.decode(packet, &mut samples).unwrap();
    }
    let before = power(&samples);
    decoder.conceal(&mut samples).unwrap();
    assert!(power(&samples) > before / 10.0);
    for _ in 0..50 {
        decoder.conceal(&mut samples).unwrap();
    }
    let after = power(&samples);
    assert!(after < before / 10.0, "{after} after {before}");
}

#[test]
fn a_stereo_packet_of_60_ms_is_decoded_to_one_channel() {
    let mut encoder = Encoder::new(SAMPLE_RATE, Channels::Stereo, Application::Audio).unwrap();
    let mut decoder = OpusDecoder::new().unwrap();
    let mut loudest = 0.0f32;
    for block in 0..10 {
        // Sound on the left only.
        let stereo: Vec<f32> = (0..3 * OPUS_SAMPLES)
            .flat_map(|n| {
                let t = (block * 3 * OPUS_SAMPLES + n) as f32 / SAMPLE_RATE as f32;
                [(TAU * 440.0 * t).sin() * 0.5, 0.0]
            })
            .collect();
        let mut packet = [0; 4000];
        let length = encoder.encode_float(&stereo, &mut packet).unwrap();
        let mut samples = [0.0; OPUS_SAMPLES];
        decoder.decode(&packet[..length], &mut samples).unwrap();
        for _ in 0..2 {
            decoder.conceal(&mut samples).unwrap();
            if block > 2 {
                // A tone of 0.25, the mean of both, without a gap.
                let level = (2.0 * power(&samples)).sqrt();
                assert!((0.2..0.3).contains(&level), "{level}");
            }
        }
        loudest = samples
            .iter()
            .fold(loudest, |most, sample| most.max(sample.abs()));
    }
    assert!(loudest < 0.4, "{loudest}");
}

proptest::proptest! {
    #[test]
    fn rubbish_never_panics(packets in proptest::collection::vec(
        (proptest::collection::vec(proptest::num::u8::ANY, 0..200), 0u8..3), 1..20,
    )) {
        let mut decoder = OpusDecoder::new().unwrap();
        let mut samples = [0.0; OPUS_SAMPLES];
        for (packet, how) in packets {
            let _ = match how {
                0 => decoder.decode(&packet, &mut samples),
                1 => decoder.decode_fec(&packet, &mut samples),
                _ => decoder.conceal(&mut samples),
            };
        }
    }
}
