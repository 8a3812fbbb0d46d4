//! How loud sound is.

use crate::frame::{AudioBlock, BLOCK_SAMPLES};

/// What counts as silence, in dB below full scale; nothing is reported below it.
pub const SILENCE_DB: f32 = -100.0;

/// Blocks per report: a meter that moves ten times a second looks alive and costs nothing.
const BLOCKS: usize = 10;

/// The root mean square of samples in dB: a full-scale square wave has 0, a full-scale sine -3.
/// [`SILENCE_DB`] at least, also for no samples.
pub fn rms_db(samples: &[f32]) -> f32 {
    decibel(energy(samples), samples.len())
}

fn energy(samples: &[f32]) -> f32 {
    samples.iter().map(|s| s * s).sum()
}

fn decibel(energy: f32, samples: usize) -> f32 {
    let mean = energy / samples.max(1) as f32;
    if mean.is_finite() {
        (10.0 * mean.log10()).max(SILENCE_DB)
    } else {
        SILENCE_DB
    }
}

/// Says ten times a second how loud the last 100 ms were.
#[derive(Debug, Default)]
pub struct LevelMeter {
    energy: f32,
    blocks: usize,
}

impl LevelMeter {
    /// Takes 10 ms; gives the level in dB below full scale when 100 ms are full.
    pub fn push(&mut self, block: &AudioBlock) -> Option<f32> {
        self.energy += energy(block);
        self.blocks += 1;
        if self.blocks < BLOCKS {
            return None;
        }
        let level = decibel(self.energy, self.blocks * BLOCK_SAMPLES);
        *self = Self::default();
        Some(level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(amplitude: f32) -> AudioBlock {
        std::array::from_fn(|i| {
            amplitude * (std::f32::consts::TAU * 1000.0 * i as f32 / 48_000.0).sin()
        })
    }

    #[test]
    fn a_sine_is_three_decibels_below_its_peak() {
        assert!((rms_db(&sine(1.0)) + 3.01).abs() < 0.02);
        assert!((rms_db(&sine(0.1)) + 23.01).abs() < 0.02);
    }

    #[test]
    fn silence_and_rubbish_are_silence() {
        assert_eq!(rms_db(&[0.0; 480]), SILENCE_DB);
        assert_eq!(rms_db(&[]), SILENCE_DB);
        assert_eq!(rms_db(&[f32::NAN; 4]), SILENCE_DB);
    }

    #[test]
    fn the_meter_reports_ten_times_a_second() {
        let mut meter = LevelMeter::default();
        let levels: Vec<f32> = (0..100).filter_map(|_| meter.push(&sine(0.1))).collect();
        assert_eq!(levels.len(), 10);
        assert!(levels.iter().all(|l| (l + 23.01).abs() < 0.02));
    }
}
