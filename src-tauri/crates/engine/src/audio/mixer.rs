//! Many voices into one, without clipping.

use crate::frame::{AudioBlock, BLOCK_SAMPLES};

/// Below this a sample passes unchanged; what is above is bent towards, and never past, full scale.
/// 0.8 (-2 dB) leaves a single well-levelled voice exactly as it came.
const KNEE: f32 = 0.8;

/// Sums the blocks of all voices that play at the same time.
#[derive(Debug)]
pub struct Mixer {
    sum: AudioBlock,
}

impl Default for Mixer {
    fn default() -> Self {
        Self {
            sum: [0.0; BLOCK_SAMPLES],
        }
    }
}

impl Mixer {
    /// Adds one voice's 10 ms.
    pub fn add(&mut self, block: &AudioBlock) {
        for (sum, sample) in self.sum.iter_mut().zip(block) {
            *sum += sample;
        }
    }

    /// The sum of what was added since the last call, limited softly to -1 to 1; silence when nothing was.
    pub fn take(&mut self) -> AudioBlock {
        let mut out = std::mem::replace(&mut self.sum, [0.0; BLOCK_SAMPLES]);
        for sample in &mut out {
            *sample = limit(*sample);
        }
        out
    }
}

fn limit(sample: f32) -> f32 {
    let size = sample.abs();
    if size <= KNEE {
        sample
    } else if size.is_nan() {
        0.0
    } else {
        let room = 1.0 - KNEE;
        (KNEE + room * ((size - KNEE) / room).tanh()).copysign(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_voice_passes_unchanged_and_none_is_silence() {
        let mut mixer = Mixer::default();
        let voice: AudioBlock = std::array::from_fn(|i| 0.7 * (i as f32 * 0.1).sin());
        mixer.add(&voice);
        assert_eq!(mixer.take(), voice);
        assert_eq!(mixer.take(), [0.0; BLOCK_SAMPLES]);
    }

    #[test]
    fn eight_loud_voices_stay_within_full_scale_and_keep_their_order() {
        let mut mixer = Mixer::default();
        let voice: AudioBlock = std::array::from_fn(|i| i as f32 / 480.0 - 0.5);
        for _ in 0..8 {
            mixer.add(&voice);
        }
        let out = mixer.take();
        assert!(out.iter().all(|s| s.abs() <= 1.0));
        assert!(out.windows(2).all(|w| w[1] >= w[0]));
    }

    #[test]
    fn rubbish_does_not_spread() {
        let mut mixer = Mixer::default();
        mixer.add(&[f32::NAN; BLOCK_SAMPLES]);
        assert_eq!(mixer.take(), [0.0; BLOCK_SAMPLES]);
        mixer.add(&[f32::INFINITY; BLOCK_SAMPLES]);
        assert_eq!(mixer.take(), [1.0; BLOCK_SAMPLES]);
    }
}
