//! Sound of any rate and any number of channels to one channel of another rate, in blocks of any size.

use std::collections::VecDeque;

use rubato::{
    Adjustable, Async, FixedAsync, Resampler as _, SincInterpolationParameters,
    SincInterpolationType, WindowFunction, audioadapter_buffers::direct::InterleavedSlice,
};

use super::ConvertError;

/// Rates of sound in samples per second that some device has: telephone to studio, with room on both sides.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=768_000;
/// More channels than any sound card has.
const MAX_CHANNELS: usize = 64;
/// How far the rate may be moved off its nominal value: clocks of sound cards are within 0.1 %, the rest
/// is for catching up unheard.
const MAX_DRIFT: f64 = 0.02;
/// Length of the filter in samples: its delay is half of that, below 1 ms, and its 64 taps keep what folds
/// back more than 80 dB down in the range of speech.
const FILTER: usize = 64;
/// Steps of work per second: 5 ms each, so that a block of 10 ms waits for no more than what it needs.
const STEPS: u32 = 200;

/// A sample as sound devices bring it.
pub trait AudioSample: Copy {
    /// From -1 to 1; silence for what is no number.
    fn to_f32(self) -> f32;
}

impl AudioSample for f32 {
    fn to_f32(self) -> f32 {
        if self.is_finite() { self } else { 0.0 }
    }
}

impl AudioSample for i16 {
    fn to_f32(self) -> f32 {
        f32::from(self) / 32_768.0
    }
}

/// Turns a stream of sound into one channel at another rate.
///
/// It holds at most one second that was not pulled; beyond that the oldest is lost.
pub struct Resampler {
    channels: usize,
    engine: Option<Engine>,
    ready: VecDeque<f32>,
    limit: usize,
}

struct Engine {
    inner: Async<f32>,
    waiting: Vec<f32>,
    made: Vec<f32>,
}

impl Resampler {
    /// From `channels` interleaved channels at the rate `from` to one at the rate `to`, both in samples per
    /// second. Where the rates are the same nothing is filtered or delayed, and
    /// [`set_drift`](Self::set_drift) does nothing.
    pub fn new(from: u32, channels: usize, to: u32) -> Result<Self, ConvertError> {
        let mut resampler = Self::adjustable(from, channels, to)?;
        if from == to {
            resampler.engine = None;
        }
        Ok(resampler)
    }

    /// The same, for two clocks that drift apart: [`set_drift`](Self::set_drift) works at every rate.
    pub fn adjustable(from: u32, channels: usize, to: u32) -> Result<Self, ConvertError> {
        if !RATES.contains(&from) || !RATES.contains(&to) {
            return Err(ConvertError::Rate(format!("{from} Hz to {to} Hz")));
        }
        if channels == 0 || channels > MAX_CHANNELS {
            return Err(ConvertError::Rate(format!("{channels} channels")));
        }
        let parameters = SincInterpolationParameters::new(FILTER, WindowFunction::BlackmanHarris2)
            .interpolation(SincInterpolationType::Cubic);
        let inner = Async::new_sinc(
            f64::from(to) / f64::from(from),
            1.0 + MAX_DRIFT,
            &parameters,
            (from / STEPS) as usize,
            1,
            FixedAsync::Input,
        )
        .map_err(|error| ConvertError::Rate(error.to_string()))?;
        let made = vec![0.0; inner.output_frames_max()];
        Ok(Self {
            channels,
            engine: Some(Engine {
                inner,
                waiting: Vec::new(),
                made,
            }),
            ready: VecDeque::new(),
            limit: to as usize,
        })
    }

    /// Makes `drift` more samples than the two rates say: 0.001 makes 0.1 % more of the same sound. Beyond
    /// ±2 % it stays at that. The change is gradual.
    pub fn set_drift(&mut self, drift: f64) {
        if let Some(engine) = &mut self.engine {
            let drift = if drift.is_finite() { drift } else { 0.0 };
            // The lower bound of the ratio is the reciprocal of the upper one.
            let ratio = (1.0 + drift).clamp(1.0 / (1.0 + MAX_DRIFT), 1.0 + MAX_DRIFT);
            // Only a ratio beyond the bounds is refused.
            let _ = engine.inner.set_resample_ratio_relative(ratio, true);
        }
    }

    /// Takes interleaved sound; the channels become their mean. Samples of an incomplete last frame are
    /// left out.
    pub fn push<S: AudioSample>(&mut self, interleaved: &[S]) {
        let share = 1.0 / self.channels as f32;
        let mono = interleaved
            .chunks_exact(self.channels)
            .map(|frame| frame.iter().map(|sample| sample.to_f32()).sum::<f32>() * share);
        match &mut self.engine {
            None => self.ready.extend(mono),
            Some(engine) => {
                engine.waiting.extend(mono);
                engine.run(&mut self.ready);
            }
        }
        let surplus = self.ready.len().saturating_sub(self.limit);
        self.ready.drain(..surplus);
    }

    /// Fills the block if there is enough, and says whether it did.
    pub fn pull(&mut self, block: &mut [f32]) -> bool {
        let length = block.len();
        if self.ready.len() < length {
            return false;
        }
        for (sample, ready) in block.iter_mut().zip(self.ready.drain(..length)) {
            *sample = ready;
        }
        true
    }

    /// How many samples can be pulled.
    pub fn available(&self) -> usize {
        self.ready.len()
    }

    /// Forgets what was not pulled.
    pub fn clear(&mut self) {
        self.ready.clear();
        if let Some(engine) = &mut self.engine {
            engine.waiting.clear();
            engine.inner.reset();
        }
    }
}

impl Engine {
    fn run(&mut self, ready: &mut VecDeque<f32>) {
        let mut done = 0;
        loop {
            let step = self.inner.input_frames_next();
            let Some(input) = self.waiting.get(done..done + step) else {
                break;
            };
            let room = self.made.len();
            let result = InterleavedSlice::new(input, 1, step)
                .ok()
                .zip(InterleavedSlice::new_mut(&mut self.made, 1, room).ok())
                .and_then(|(from, mut to)| {
                    self.inner.process_into_buffer(&from, &mut to, None).ok()
                });
            done += step;
            // Both buffers have the sizes that it asked for, so it has nothing to refuse.
            if let Some((_, made)) = result {
                ready.extend(&self.made[..made]);
            }
        }
        self.waiting.drain(..done);
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::frame::{AudioBlock, BLOCK_SAMPLES, SAMPLE_RATE};

    fn tone(rate: u32, frequency: f64, level: f64, seconds: f64) -> Vec<f32> {
        (0..(f64::from(rate) * seconds) as u32)
            .map(|n| level * (TAU * frequency * f64::from(n) / f64::from(rate)).sin())
            .map(|sample| sample as f32)
            .collect()
    }

    fn all(resampler: &mut Resampler) -> Vec<f32> {
        let mut block: AudioBlock = [0.0; BLOCK_SAMPLES];
        let mut sound = Vec::new();
        while resampler.pull(&mut block) {
            sound.extend_from_slice(&block);
        }
        sound
    }

    /// Level of one frequency by correlation, and of all else.
    fn analyse(sound: &[f32], rate: f32, frequency: f32) -> (f32, f32) {
        let n = sound.len() as f32;
        let (mut sine, mut cosine, mut power) = (0.0f64, 0.0f64, 0.0f64);
        for (n, &sample) in sound.iter().enumerate() {
            let phase = f64::from(frequency) * n as f64 / f64::from(rate) * TAU;
            sine += f64::from(sample) * phase.sin();
            cosine += f64::from(sample) * phase.cos();
            power += f64::from(sample).powi(2);
        }
        let level = 2.0 * (sine.powi(2) + cosine.powi(2)).sqrt() as f32 / n;
        let rest = (power as f32 / n - level * level / 2.0).max(0.0).sqrt();
        (level, rest)
    }

    #[test]
    fn a_tone_keeps_its_frequency_and_level() {
        for rate in [8_000, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000] {
            let mut resampler = Resampler::new(rate, 1, SAMPLE_RATE).unwrap();
            let sound = tone(rate, 1_000.0, 0.5, 1.0);
            for chunk in sound.chunks(rate as usize / 97) {
                resampler.push(chunk);
            }
            let out = all(&mut resampler);
            assert!(
                (out.len() as i64 - 48_000).abs() <= 960,
                "{rate}: {}",
                out.len()
            );
            // A whole number of periods, past the filter's start.
            let (level, rest) = analyse(&out[4_800..43_200], 48_000.0, 1_000.0);
            assert!((level - 0.5).abs() < 0.005, "{rate}: level {level}");
            assert!(rest < 0.001, "{rate}: {rest} of noise");
        }
    }

    #[test]
    fn what_one_rate_cannot_hold_does_not_fold_back() {
        let mut resampler = Resampler::new(96_000, 1, SAMPLE_RATE).unwrap();
        resampler.push(&tone(96_000, 40_000.0, 0.5, 0.5));
        let out = all(&mut resampler);
        let loudest = out[2_400..]
            .iter()
            .fold(0.0f32, |most, sample| most.max(sample.abs()));
        assert!(loudest < 0.001, "{loudest}");
    }

    #[test]
    fn channels_become_their_mean_and_integers_their_level() {
        let mut resampler = Resampler::new(48_000, 2, SAMPLE_RATE).unwrap();
        resampler.push(&[16_384i16, 0].repeat(BLOCK_SAMPLES));
        let mut block: AudioBlock = [0.0; BLOCK_SAMPLES];
        assert!(resampler.pull(&mut block));
        assert!(block.iter().all(|&sample| (sample - 0.25).abs() < 1e-6));
        assert!(!resampler.pull(&mut block));
    }

    #[test]
    fn drift_makes_more_or_less_of_the_same_sound() {
        for drift in [-0.01, 0.0, 0.005] {
            let mut resampler = Resampler::adjustable(48_000, 1, SAMPLE_RATE).unwrap();
            resampler.set_drift(drift);
            let mut out = Vec::new();
            for chunk in tone(48_000, 1_000.0, 0.5, 4.0).chunks(480) {
                resampler.push(chunk);
                out.extend(all(&mut resampler));
            }
            let expected = 192_000.0 * (1.0 + drift);
            assert!(
                (out.len() as f64 - expected).abs() < 1_000.0,
                "{drift}: {}",
                out.len()
            );
            let frequency = 1_000.0 / (1.0 + drift as f32);
            let (level, _) = analyse(&out[4_800..52_800], 48_000.0, frequency);
            assert!((level - 0.5).abs() < 0.01, "{drift}: level {level}");
        }
    }

    #[test]
    fn what_nobody_pulls_is_lost_oldest_first() {
        let mut resampler = Resampler::new(48_000, 1, SAMPLE_RATE).unwrap();
        resampler.push(&vec![0.1f32; 48_000]);
        resampler.push(&vec![0.2f32; 47_520]);
        assert_eq!(resampler.available(), 48_000);
        let mut block: AudioBlock = [0.0; BLOCK_SAMPLES];
        assert!(resampler.pull(&mut block));
        assert_eq!(block[0], 0.1);
        assert!(resampler.pull(&mut block));
        assert_eq!(block[0], 0.2);
    }

    #[test]
    fn nonsense_is_an_error_or_silence() {
        for (from, channels, to) in [
            (0, 1, 48_000),
            (48_000, 0, 48_000),
            (48_000, 65, 48_000),
            (u32::MAX, 1, 48_000),
            (48_000, 1, 0),
        ] {
            assert!(Resampler::new(from, channels, to).is_err());
        }
        let mut resampler = Resampler::adjustable(44_100, 2, SAMPLE_RATE).unwrap();
        resampler.set_drift(f64::NAN);
        resampler.set_drift(9.0);
        resampler.push(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY].repeat(10_000));
        resampler.push(&[1i16]);
        assert!(all(&mut resampler).iter().all(|&sample| sample == 0.0));
    }
}
