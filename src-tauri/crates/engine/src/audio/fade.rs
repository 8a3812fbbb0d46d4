//! Sound that begins and ends without a click.

use crate::frame::{AudioBlock, BLOCK_SAMPLES};

/// Lets a block come in from silence, over its 10 ms.
pub fn fade_in(block: &mut AudioBlock) {
    for (i, sample) in block.iter_mut().enumerate() {
        *sample *= (i + 1) as f32 / BLOCK_SAMPLES as f32;
    }
}

/// Lets a block go out into silence, over its 10 ms.
pub fn fade_out(block: &mut AudioBlock) {
    for (i, sample) in block.iter_mut().enumerate() {
        *sample *= 1.0 - (i + 1) as f32 / BLOCK_SAMPLES as f32;
    }
}

/// The 10 ms after sound that has broken off at the sample `last`: down to silence without a step.
pub fn tail(last: f32) -> AudioBlock {
    let last = if last.is_finite() { last } else { 0.0 };
    std::array::from_fn(|i| {
        let left = 1.0 - (i + 1) as f32 / BLOCK_SAMPLES as f32;
        // Quadratic, so that it also ends without a kink.
        last * left * left
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest step between neighbours.
    fn step(samples: &[f32]) -> f32 {
        samples
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).abs())
            .fold(0.0, f32::max)
    }

    #[test]
    fn sound_that_breaks_off_ends_without_a_step() {
        let loud = [0.9; BLOCK_SAMPLES];
        let heard = [loud, tail(0.9), [0.0; BLOCK_SAMPLES]].concat();
        assert!(step(&heard) < 0.01, "{}", step(&heard));
        assert!(
            tail(-0.5)
                .iter()
                .all(|sample| (-0.5..=0.0).contains(sample))
        );
        assert_eq!(tail(f32::NAN), [0.0; BLOCK_SAMPLES]);
    }

    #[test]
    fn sound_that_goes_out_does_so_without_a_step() {
        let mut block = [0.9; BLOCK_SAMPLES];
        fade_out(&mut block);
        let heard = [[0.9; BLOCK_SAMPLES], block, [0.0; BLOCK_SAMPLES]].concat();
        assert!(step(&heard) < 0.01, "{}", step(&heard));
        assert_eq!(block[BLOCK_SAMPLES - 1], 0.0);
    }

    #[test]
    fn sound_that_begins_loud_comes_in_without_a_step() {
        let mut block = [0.9; BLOCK_SAMPLES];
        fade_in(&mut block);
        let heard = [[0.0; BLOCK_SAMPLES], block, [0.9; BLOCK_SAMPLES]].concat();
        assert!(step(&heard) < 0.01, "{}", step(&heard));
        assert_eq!(block[BLOCK_SAMPLES - 1], 0.9);
    }
}
