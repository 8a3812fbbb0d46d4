//! Keeps key frames, and what follows on them, from bursting. Pure.
//!
//! A rate control that has seen nothing but small changes for a while guesses a key frame's size badly, and after one
//! it makes up for its coarseness with a single delta frame of ten times the mean. Both would stand in a queue for a
//! quarter of a second. So a key frame is told from the one before it how finely it may be quantized, and then the
//! bound comes down from frame to frame.

/// How many steps of the quantizer, of the 64 there are, halve the size of a key frame: measured on textures at 0.1
/// to 0.6 bits per pixel.
const STEPS_PER_HALF: f32 = 8.0;

/// The lowest quantizer that the encoder may use, from picture to picture.
#[derive(Debug)]
pub(super) struct Easing {
    /// The bounds of the encoder's settings.
    lowest: u32,
    highest: u32,
    /// How far the bound comes down with each delta frame.
    step: u32,
    /// Quantizer and bytes of the last key frame.
    key: Option<(u32, usize)>,
    /// The bound that still holds after a key frame.
    bound: u32,
}

impl Easing {
    /// With the bounds of the encoder's settings, and how far it comes down with each delta frame.
    pub(super) fn new(lowest: u32, highest: u32, step: u32) -> Self {
        Self {
            lowest,
            highest,
            step,
            key: None,
            bound: lowest,
        }
    }

    /// The bound for the next picture. A key frame should have about `bytes`.
    pub(super) fn bound(&self, key: bool, bytes: usize) -> u32 {
        match self.key {
            Some((quantizer, before)) if key => {
                let halves = (before as f32 / bytes.max(1) as f32).log2();
                let bound = quantizer as f32 + halves * STEPS_PER_HALF;
                // Some room stays for the rate control.
                let top = self.highest.saturating_sub(self.step);
                (bound.max(0.0) as u32).clamp(self.lowest, top.max(self.lowest))
            }
            None if key => self.lowest,
            _ => self.bound,
        }
    }

    /// What became of the picture.
    pub(super) fn made(&mut self, key_frame: bool, quantizer: u32, bytes: usize) {
        let from = if key_frame {
            self.key = Some((quantizer, bytes));
            quantizer
        } else {
            self.bound
        };
        self.bound = from
            .saturating_sub(self.step)
            .clamp(self.lowest, self.highest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_frame_learns_from_the_one_before_it() {
        let mut easing = Easing::new(2, 52, 3);
        assert_eq!(easing.bound(true, 20_000), 2);
        easing.made(true, 30, 40_000);
        assert_eq!(easing.bound(true, 20_000), 38);
        assert_eq!(easing.bound(true, 40_000), 30);
        assert_eq!(easing.bound(true, 160_000), 14);
        assert_eq!(easing.bound(true, 0), 49);
        assert_eq!(easing.bound(true, usize::MAX), 2);
    }

    #[test]
    fn after_a_key_frame_the_bound_comes_down() {
        let mut easing = Easing::new(2, 52, 3);
        assert_eq!(easing.bound(false, 1), 2);
        easing.made(true, 9, 1000);
        let mut bounds = Vec::new();
        for _ in 0..4 {
            bounds.push(easing.bound(false, 1));
            easing.made(false, 50, 1000);
        }
        assert_eq!(bounds, [6, 3, 2, 2]);
    }
}
