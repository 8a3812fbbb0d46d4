//! What several programs play, together. Pure.

use std::collections::{BTreeMap, VecDeque};

use crate::frame::{AudioBlock, BLOCK_SAMPLES};

/// What is held of a program's sound before it is mixed in: the server sends the sounds of one moment one after the other.
const AHEAD: usize = 2 * BLOCK_SAMPLES;

/// More than this held of one means that it was held up; the oldest are left out.
const MOST: usize = 10 * BLOCK_SAMPLES;

/// Mixes what programs play, at the pace of what they play on.
#[derive(Debug, Default)]
pub(super) struct Mix {
    programs: BTreeMap<u32, Program>,
    /// Samples that the device has played and that were not mixed yet.
    due: usize,
}

#[derive(Debug, Default)]
struct Program {
    held: VecDeque<f32>,
    /// It is mixed in; else enough must be held first.
    plays: bool,
}

impl Mix {
    /// A program plays from now on, by this number.
    pub(super) fn add(&mut self, program: u32) {
        self.programs.entry(program).or_default();
    }

    /// It plays no more.
    pub(super) fn remove(&mut self, program: u32) {
        self.programs.remove(&program);
    }

    /// What a program has played; of one that was not added nothing is taken.
    pub(super) fn push(&mut self, program: u32, samples: impl IntoIterator<Item = f32>) {
        if let Some(program) = self.programs.get_mut(&program) {
            program.held.extend(samples);
            if program.held.len() > MOST {
                program.held.drain(..program.held.len() - AHEAD);
            }
        }
    }

    /// The device has played so many samples.
    pub(super) fn advance(&mut self, samples: usize) {
        // No more than a stretch that is not worth catching up with.
        self.due = (self.due + samples).min(MOST);
    }

    /// The next 10 ms of all together, once the device has played them.
    pub(super) fn pull(&mut self) -> Option<AudioBlock> {
        self.due = self.due.checked_sub(BLOCK_SAMPLES)?;
        let mut block = [0.0f32; BLOCK_SAMPLES];
        for program in self.programs.values_mut() {
            program.plays |= program.held.len() >= AHEAD;
            if !program.plays {
                continue;
            }
            let here = program.held.len().min(BLOCK_SAMPLES);
            // One that has stopped for a moment is waited for once more.
            program.plays = here == BLOCK_SAMPLES;
            for (sum, sample) in block.iter_mut().zip(program.held.drain(..here)) {
                *sum += sample;
            }
        }
        Some(block.map(|sample| sample.clamp(-1.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(value: f32) -> AudioBlock {
        [value; BLOCK_SAMPLES]
    }

    #[test]
    fn programs_are_heard_together_at_the_devices_pace() {
        let mut mix = Mix::default();
        mix.add(1);
        mix.add(2);
        assert_eq!(mix.pull(), None);
        for _ in 0..3 {
            mix.push(1, block(0.25));
            mix.push(2, block(0.5));
        }
        mix.push(3, block(1.0));
        assert_eq!(mix.pull(), None, "the device has not played it");
        mix.advance(BLOCK_SAMPLES - 1);
        assert_eq!(mix.pull(), None);
        mix.advance(BLOCK_SAMPLES + 1);
        assert_eq!(mix.pull(), Some(block(0.75)));
        mix.remove(2);
        assert_eq!(mix.pull(), Some(block(0.25)));
        assert_eq!(mix.pull(), None);
    }

    #[test]
    fn silence_is_brought_while_nobody_plays_or_one_has_only_begun() {
        let mut mix = Mix::default();
        mix.add(1);
        mix.push(1, block(0.5));
        mix.advance(2 * BLOCK_SAMPLES);
        assert_eq!(mix.pull(), Some(block(0.0)));
        mix.push(1, block(0.5));
        assert_eq!(mix.pull(), Some(block(0.5)));
    }

    #[test]
    fn one_that_pauses_is_waited_for_and_one_that_was_held_up_catches_up() {
        let mut mix = Mix::default();
        mix.add(1);
        let step = |mix: &mut Mix| {
            mix.advance(BLOCK_SAMPLES);
            mix.pull().unwrap()
        };
        mix.push(1, [0.5; AHEAD]);
        assert_eq!(step(&mut mix), block(0.5));
        assert_eq!(step(&mut mix), block(0.5));
        assert_eq!(step(&mut mix), block(0.0));
        mix.push(1, block(0.5));
        assert_eq!(step(&mut mix), block(0.0), "not enough yet");
        mix.push(1, [0.25; MOST]);
        for _ in 0..AHEAD / BLOCK_SAMPLES {
            assert_eq!(step(&mut mix), block(0.25));
        }
        assert_eq!(step(&mut mix), block(0.0));
    }

    #[test]
    fn what_is_too_loud_together_is_cut() {
        let mut mix = Mix::default();
        for program in 0..4 {
            mix.add(program);
            mix.push(program, [-0.5; AHEAD]);
        }
        mix.advance(BLOCK_SAMPLES);
        assert_eq!(mix.pull(), Some(block(-1.0)));
        mix.advance(usize::MAX / 2);
        assert!((0..100).map_while(|_| mix.pull()).count() <= MOST / BLOCK_SAMPLES);
    }
}
