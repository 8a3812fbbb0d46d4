//! How much of one frequency is in a sound.

use std::f64::consts::TAU;

/// The level of a sine of this frequency, in dB below full scale, by the Goertzel algorithm.
pub fn level_db(samples: &[f32], rate: f64, frequency: f64) -> f64 {
    let turn = 2.0 * (TAU * frequency / rate).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        let next = f64::from(*sample) + turn * last - before;
        before = last;
        last = next;
    }
    let power = last * last + before * before - turn * last * before;
    let amplitude = 2.0 * power.max(0.0).sqrt() / samples.len().max(1) as f64;
    20.0 * amplitude.max(1e-6).log10()
}

/// A sine of full scale times `amplitude`, 16 bit, as bytes.
pub fn sine(rate: usize, seconds: usize, frequency: f64, amplitude: f64) -> Vec<u8> {
    (0..rate * seconds)
        .map(|n| (TAU * frequency * n as f64 / rate as f64).sin() * amplitude * f64::from(i16::MAX))
        .flat_map(|sample| (sample as i16).to_le_bytes())
        .collect()
}

/// 16-bit samples as numbers from -1 to 1.
pub fn samples(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(2)
        .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / f32::from(i16::MAX))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_is_found_at_its_own_frequency_only() {
        let sound = samples(&sine(48_000, 1, 440.0, 0.1));
        assert!((level_db(&sound, 48_000.0, 440.0) + 20.0).abs() < 0.1);
        assert!(level_db(&sound, 48_000.0, 1_000.0) < -60.0);
    }
}
