//! What `--probe` measures at the receiving end of the `test` picture and the `test` sound. Pure.

use std::{collections::VecDeque, time::Duration};

use super::stamp;
use crate::frame::{AudioBlock, BLOCK_SAMPLES, I420Buffer, SAMPLE_RATE};

/// Pictures that the figures are taken over: 10 s at 30 a second.
const PICTURES: usize = 300;

/// Beeps count for as long.
const BEEPS_FOR: Duration = Duration::from_secs(10);

/// A stamp this far from now is no stamp, in ms; below 0 because two machines' clocks differ.
const PLAUSIBLE_MS: std::ops::Range<i32> = -1000..60_000;

/// How long pictures took from capture to here, in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// Half of them took at most this.
    pub p50: i32,
    /// 95 of 100 took at most this.
    pub p95: i32,
    /// None took more.
    pub max: i32,
}

/// Reads stamps and beeps, and keeps the figures of the last ten seconds.
#[derive(Debug, Default)]
pub struct Probe {
    pictures: VecDeque<i32>,
    /// When each was played, and its latency in ms.
    beeps: VecDeque<(Duration, f64)>,
    ear: Ear,
}

impl Probe {
    /// Takes a picture that is shown at `unix`, and gives its latency in ms. `None`: it has no stamp.
    pub fn picture(&mut self, picture: &I420Buffer, unix: Duration) -> Option<i32> {
        self.forget_beeps(unix);
        let sent = stamp::read(picture)?;
        let latency = (unix.as_millis() as u32).wrapping_sub(sent) as i32;
        if !PLAUSIBLE_MS.contains(&latency) {
            return None;
        }
        if self.pictures.len() == PICTURES {
            self.pictures.pop_front();
        }
        self.pictures.push_back(latency);
        Some(latency)
    }

    /// Takes 10 ms of sound whose first sample is played at `unix`, and gives the latency of a beep that
    /// ended in it, in ms. Beeps come on the second, so latencies of a second and more cannot be told from shorter ones.
    pub fn sound(&mut self, block: &AudioBlock, unix: Duration) -> Option<f64> {
        self.forget_beeps(unix);
        let onset = self.ear.listen(block, unix)?;
        let latency = onset.rem_euclid(1000.0);
        // A beep that seems 990 ms late was rather played 10 ms early, by a clock that runs ahead.
        let latency = if latency > 900.0 {
            latency - 1000.0
        } else {
            latency
        };
        self.beeps.push_back((unix, latency));
        Some(latency)
    }

    /// Sound that has stopped says nothing about the pictures of now.
    fn forget_beeps(&mut self, now: Duration) {
        self.beeps.retain(|(at, _)| *at + BEEPS_FOR > now);
    }

    /// The latency of the last pictures. `None` before the first stamp.
    pub fn latency(&self) -> Option<Latency> {
        let mut sorted: Vec<i32> = self.pictures.iter().copied().collect();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        Some(Latency {
            p50: sorted[last / 2],
            p95: sorted[last * 95 / 100],
            max: sorted[last],
        })
    }

    /// By how much sound comes after the picture, in ms; negative where it comes first. `None` before
    /// a beep and a stamp.
    pub fn av_offset_ms(&self) -> Option<f64> {
        let picture = self.latency()?.p50;
        let mut sorted: Vec<f64> = self.beeps.iter().map(|(_, latency)| *latency).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let sound = *sorted.get(sorted.len() / 2)?;
        Some(sound - f64::from(picture))
    }
}

/// Samples from one look to the next (2.5 ms), and looked at (5 ms: five periods of the beep).
const HOP: usize = BLOCK_SAMPLES / 4;
const LOOK: usize = 2 * HOP;

/// Looks that are remembered, 60 ms: the beep lasts 20.
const LOOKS: usize = 24;

/// A beep is at least this strong (it is sent at 0.5) and stands this many looks.
const STRONG: f32 = 0.12;
const LASTING: usize = 4;

/// Hears the beep of 1 kHz by the Goertzel algorithm.
#[derive(Debug, Default)]
struct Ear {
    before: Vec<f32>,
    /// Amplitude of 1 kHz, and the time of day of the look's middle in ms.
    looks: VecDeque<(f32, f64)>,
}

impl Ear {
    /// Gives the time of day in ms at which a beep began, once it has ended.
    fn listen(&mut self, block: &AudioBlock, unix: Duration) -> Option<f64> {
        let kept = self.before.len();
        let start = unix.as_secs_f64() * 1000.0 - ms(kept);
        let mut sound = std::mem::take(&mut self.before);
        sound.extend_from_slice(block);
        let mut onset = None;
        let mut from = 0;
        while from + LOOK <= sound.len() {
            let amplitude = goertzel(&sound[from..from + LOOK]);
            let middle = start + ms(from + HOP);
            onset = self.look(amplitude, middle).or(onset);
            from += HOP;
        }
        sound.drain(..from);
        self.before = sound;
        onset
    }

    fn look(&mut self, amplitude: f32, middle: f64) -> Option<f64> {
        if self.looks.len() == LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back((amplitude, middle));
        let peak = self.looks.iter().map(|l| l.0).fold(0.0, f32::max);
        let half = peak / 2.0;
        let over = self.looks.iter().filter(|l| l.0 >= half).count();
        if peak < STRONG || over < LASTING || amplitude >= half {
            return None;
        }
        // The beep fills half of a look when it begins in the middle of it.
        let rise = self.looks.iter().position(|l| l.0 >= half)?;
        let (after, at) = self.looks[rise];
        let onset = match rise.checked_sub(1).map(|i| self.looks[i]) {
            Some((before, was)) => {
                was + (at - was) * f64::from((half - before) / (after - before).max(f32::EPSILON))
            }
            None => at,
        };
        self.looks.clear();
        Some(onset)
    }
}

fn ms(samples: usize) -> f64 {
    samples as f64 * 1000.0 / f64::from(SAMPLE_RATE)
}

/// The amplitude of 1 kHz in the samples.
fn goertzel(samples: &[f32]) -> f32 {
    let turn = std::f32::consts::TAU * 1000.0 / SAMPLE_RATE as f32;
    let factor = 2.0 * turn.cos();
    let (mut one, mut two) = (0.0, 0.0);
    for sample in samples {
        let zero = sample + factor * one - two;
        two = one;
        one = zero;
    }
    let power = (one * one + two * two - factor * one * two).max(0.0);
    2.0 * power.sqrt() / samples.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(stamp: u32) -> I420Buffer {
        let mut picture = I420Buffer::new(640, 360);
        super::stamp::write(&mut picture, stamp);
        picture
    }

    #[test]
    fn latency_is_the_time_since_the_stamp_also_over_the_wrap() {
        let mut probe = Probe::default();
        assert_eq!(probe.latency(), None);
        let now = Duration::from_millis((1 << 32) * 400 + 20);
        assert_eq!(probe.picture(&picture(u32::MAX - 19), now), Some(40));
        assert_eq!(probe.picture(&picture(10), now), Some(10));
        assert_eq!(probe.picture(&picture(5_000_000), now), None);
        assert_eq!(probe.picture(&I420Buffer::new(640, 360), now), None);
        let latency = probe.latency().unwrap();
        assert_eq!((latency.p50, latency.max), (10, 40));
    }

    #[test]
    fn the_figures_are_of_the_last_pictures() {
        let mut probe = Probe::default();
        let mut at =
            |ms: u32| probe.picture(&picture(1000), Duration::from_millis(u64::from(1000 + ms)));
        at(900);
        for n in 0..300 {
            assert_eq!(at(n % 100), Some((n % 100) as i32));
        }
        let latency = probe.latency().unwrap();
        assert_eq!((latency.p50, latency.p95, latency.max), (49, 94, 99));
    }

    /// Hears the test tone `late` ms after it was made, `gain` as loud, in blocks that begin at `offset` ms.
    fn beeps(late: f64, gain: f32, offset: u64) -> Vec<f64> {
        let mut probe = Probe::default();
        let mut found = Vec::new();
        for n in 0..400u64 {
            let played = Duration::from_millis(1_700_000_000_500 + offset + n * 10);
            let made = played.as_secs_f64() - late / 1000.0;
            let block = std::array::from_fn(|i| {
                gain * super::super::tone::sample(made + i as f64 / 48_000.0)
            });
            found.extend(probe.sound(&block, played));
        }
        found
    }

    #[test]
    fn beeps_are_found_where_they_begin() {
        for (late, gain, offset) in [
            (0.0, 1.0, 0),
            (41.3, 1.0, 3),
            (180.0, 0.4, 7),
            (899.0, 1.0, 9),
        ] {
            let found = beeps(late, gain, offset);
            assert!(found.len() >= 3, "{late}: {found:?}");
            for latency in found {
                assert!((latency - late).abs() < 1.0, "{latency} is not {late}");
            }
        }
    }

    #[test]
    fn sound_and_picture_are_compared() {
        let mut probe = Probe::default();
        let now = Duration::from_millis(1_700_000_000_500);
        probe.picture(&picture((now.as_millis() as u32).wrapping_sub(50)), now);
        assert_eq!(probe.av_offset_ms(), None);
        for n in 0..100u64 {
            let played = now + Duration::from_millis(n * 10);
            let block = std::array::from_fn(|i| {
                super::super::tone::sample(played.as_secs_f64() - 0.080 + i as f64 / 48_000.0)
            });
            probe.sound(&block, played);
        }
        let offset = probe.av_offset_ms().unwrap();
        assert!((offset - 30.0).abs() < 1.0, "{offset}");
    }

    #[test]
    fn other_sound_is_no_beep() {
        let mut probe = Probe::default();
        for n in 0..300u32 {
            let block = std::array::from_fn(|i| {
                let t = (n * 480 + i as u32) as f32 / 48_000.0;
                0.1 * (std::f32::consts::TAU * 440.0 * t).sin()
                    + 0.3 * (std::f32::consts::TAU * 2700.0 * t).sin()
            });
            assert_eq!(
                probe.sound(&block, Duration::from_millis(u64::from(n) * 10)),
                None
            );
        }
    }
}
