//! Which temporal layer each picture of a VP9 stream belongs to, and what it refers to. Pure.
//!
//! Pictures of the higher layers may be left out for who cannot take all. That has its price: the lowest layer refers
//! four pictures back, where the screen has scrolled four times as far, so that all together take up to three times the
//! bits. While everybody can take all of them they are therefore all in the lowest layer, each made from the one before.
//! Which way it is may change with any picture here; the encoder changes with a key frame.

/// The layers of four pictures on end.
const PATTERN: [u8; 4] = [0, 2, 1, 2];

const TOP: u8 = 2;

/// Where a decoder keeps the last picture of the lowest layer, and where that of the middle one.
const BASE: u8 = 0;
const MIDDLE: u8 = 1;

/// One picture's part in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Its layer.
    pub(super) layer: u8,
    /// The layer that the encoder takes it for, whose search and rate control go by that. Also where all are in the lowest
    /// a camera's are counted in turn: each layer has a ledger of its own, which only come out even if each gets its
    /// share, and what stands still is refreshed in the lowest. A screen's are all counted in the highest: one ledger
    /// gives them one sharpness, and the search is the quickest.
    pub(super) counts_as: u8,
    /// The place of the picture that it refers to.
    pub(super) refers_to: u8,
    /// The place where it is kept; `None`: no other refers to it.
    pub(super) kept_in: Option<u8>,
}

/// The parts of a stream's pictures.
#[derive(Debug)]
pub(super) struct Parts {
    screen: bool,
    spread: bool,
    /// In [`PATTERN`].
    position: usize,
}

impl Parts {
    /// All in the lowest layer; of a screen, or of a camera.
    pub(super) fn new(screen: bool) -> Self {
        Self {
            screen,
            spread: false,
            position: 0,
        }
    }

    /// The next pictures are spread over the layers, or all in the lowest.
    pub(super) fn set_spread(&mut self, spread: bool) {
        if self.spread != spread {
            self.spread = spread;
            self.position = 0;
        }
    }

    pub(super) fn is_spread(&self) -> bool {
        self.spread
    }

    /// The part of the next picture.
    pub(super) fn next(&self, key: bool) -> Part {
        let position = if key { 0 } else { self.position };
        let counts_as = PATTERN[position];
        if !self.spread {
            return Part {
                layer: 0,
                counts_as: if self.screen { TOP } else { counts_as },
                refers_to: BASE,
                kept_in: Some(BASE),
            };
        }
        Part {
            layer: counts_as,
            counts_as,
            refers_to: if position == 3 { MIDDLE } else { BASE },
            kept_in: [Some(BASE), None, Some(MIDDLE), None][position],
        }
    }

    /// That picture was made.
    pub(super) fn made(&mut self, key: bool) {
        self.position = if key { 1 } else { (self.position + 1) % 4 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_picture_refers_to_one_that_may_be_left_out() {
        let (mut parts, mut kept) = (Parts::new(false), [None; 2]);
        for n in 0..200_u32 {
            if n % 7 == 0 {
                parts.set_spread(n % 3 == 0);
            }
            let key = n % 23 == 0;
            let part = parts.next(key);
            parts.made(key);
            if key {
                // A key frame takes the place of all.
                kept = [Some((n, 0)); 2];
            }
            let (_, layer) = kept[usize::from(part.refers_to)].unwrap();
            assert!(layer < part.layer || part.layer == 0 && layer == 0, "{n}");
            // What the middle holds is of this run of four.
            if part.refers_to == MIDDLE {
                assert_eq!(kept[1], Some((n - 1, 1)));
            }
            if let Some(place) = part.kept_in {
                kept[usize::from(place)] = Some((n, part.layer));
            }
        }
    }

    #[test]
    fn each_is_made_from_the_one_before_while_all_are_taken() {
        let mut parts = Parts::new(false);
        let mut next = |key| {
            let part = parts.next(key);
            parts.made(key);
            part.layer
        };
        let layers: Vec<u8> = (0..8).map(|n| next(n == 0)).collect();
        assert_eq!(layers, [0; 8]);
        parts.set_spread(true);
        let mut next = |key| {
            let part = parts.next(key);
            parts.made(key);
            part.layer
        };
        let layers: Vec<u8> = (0..8).map(|n| next(n == 5)).collect();
        assert_eq!(layers, [0, 2, 1, 2, 0, 0, 2, 1]);
    }
}
