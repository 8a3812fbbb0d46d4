//! The test sound: 440 Hz, and a beep of 1 kHz on every second of the time of day.

use std::{f64::consts::TAU, time::Duration};

use super::{
    AudioSource, DeviceError,
    clock::{Clock, Pace},
};
use crate::frame::{AudioBlock, SAMPLE_RATE};

/// 440 Hz at -20 dB below full scale.
const TONE: (f64, f64) = (440.0, 0.1);
/// For the first 20 ms of each second 1 kHz at -6 dB.
const BEEP: (f64, f64) = (1000.0, 0.501_187);
const BEEP_SECONDS: f64 = 0.020;

/// The test sound at a time of day in seconds. Both tones begin anew with each second and have whole
/// periods in it, so it is the same sound for every second.
pub(crate) fn sample(unix: f64) -> f32 {
    let within = unix.rem_euclid(1.0);
    let (frequency, amplitude) = if within < BEEP_SECONDS { BEEP } else { TONE };
    (amplitude * (TAU * frequency * within).sin()) as f32
}

/// Brings the test sound, 10 ms at a time, each block when its last sample is due.
#[derive(Debug)]
pub struct TestTone {
    pace: Pace,
    begin: Duration,
}

impl Default for TestTone {
    fn default() -> Self {
        let clock = Clock::take();
        let start = clock.taken_at();
        Self {
            pace: Pace::new(start + Duration::from_millis(10), 100, 1),
            begin: clock.unix(start),
        }
    }
}

impl AudioSource for TestTone {
    fn read(&mut self, block: &mut AudioBlock, _within: Duration) -> Result<bool, DeviceError> {
        let number = self.pace.wait();
        let begin = self.begin + Duration::from_millis(number.saturating_mul(10));
        let within = f64::from(begin.subsec_nanos()) / 1e9;
        for (i, out) in block.iter_mut().enumerate() {
            *out = sample(within + i as f64 / f64::from(SAMPLE_RATE));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::BLOCK_SAMPLES;

    /// The root mean square in dB below full scale.
    fn level(samples: &[f32]) -> f32 {
        10.0 * (samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32).log10()
    }

    #[test]
    fn the_levels_are_as_promised() {
        let stretch = |from: f64, samples: usize| -> Vec<f32> {
            (0..samples)
                .map(|i| sample(from + i as f64 / 48_000.0))
                .collect()
        };
        assert!((level(&stretch(1_700_000_000.1, 4800)) + 20.0 + 3.01).abs() < 0.1);
        assert!((level(&stretch(1_700_000_000.0, 960)) + 6.0 + 3.01).abs() < 0.1);
    }

    #[test]
    fn it_comes_at_the_pace_of_sound() {
        let mut tone = TestTone::default();
        let begin = super::super::clock::now();
        let mut block = [0.0; BLOCK_SAMPLES];
        for _ in 0..20 {
            assert!(tone.read(&mut block, Duration::ZERO).unwrap());
        }
        assert!(begin.elapsed() >= Duration::from_millis(195));
        assert!(block.iter().any(|s| *s != 0.0));
    }
}
