//! How one encoding serves many who watch it: what it aims at, and what each of them gets of it.
//!
//! The large encoding goes by what most of the viewers can take. While somebody cannot take all of it its pictures are
//! spread over three temporal layers (L1T3), and that one gets fewer of those, at a half or a quarter of the pictures;
//! whoever cannot take the lowest layer either gets the small encoding, which exists only while somebody needs it.

use std::time::{Duration, Instant};

use crate::frame::{LAYER_PERCENT, LAYERS};

/// Somebody who gets more than before has to be able to take this much more than it takes, in percent: an estimate
/// wanders by a tenth without any reason.
const RISE_PERCENT: u64 = 110;

/// How long a viewer stays with an encoding: changing over costs a key frame, which all others get too.
const STAY: Duration = Duration::from_secs(5);

/// So long stays who has just come: of its path nothing was known, and its first pictures show what it bears.
const FIRST_STAY: Duration = Duration::from_secs(1);

/// The highest layer.
const TOP: u8 = LAYERS as u8 - 1;

/// Which encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rung {
    /// The whole picture.
    #[default]
    Large,
    /// Half its width and height.
    Small,
}

/// What a viewer gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which encoding.
    pub rung: Rung,
    /// The highest temporal layer of it.
    pub layer: u8,
    /// When it changed over, and how long it stays.
    since: Option<(Instant, Duration)>,
    /// It has just come.
    is_new: bool,
}

impl Default for Place {
    /// All of the large encoding.
    fn default() -> Self {
        Self {
            rung: Rung::Large,
            layer: TOP,
            since: None,
            is_new: true,
        }
    }
}

/// What the large encoding aims at, in bits per second: what three of four viewers can take; where there are two, the
/// better one. `shares` is what each of them can take, in any order, and is sorted. `None` without viewers.
pub fn large_target(shares: &mut [u64]) -> Option<u64> {
    shares.sort_unstable();
    let narrow = if shares.len() < 2 {
        0
    } else {
        shares.len().div_ceil(4)
    };
    shares.get(narrow).copied()
}

impl Place {
    /// What a viewer that can take `share` gets from `now` on, the large encoding aiming at `target` and taking `taken` of
    /// that: for fewer pictures goes what it takes, for small ones what it may take at any time. A viewer that is given
    /// little because it takes little could never show that it takes more.
    pub fn update(&mut self, now: Instant, share: u64, target: u64, taken: u64) {
        let part = |all: u64, layer: u8, percent: u64| {
            all * LAYER_PERCENT[layer as usize] / 100 * percent / 100
        };
        let needs = |layer, percent| part(taken.min(target), layer, percent);
        let lowest = |percent| part(target, 0, percent);
        let settled = self
            .since
            .is_none_or(|(since, stay)| now.saturating_duration_since(since) >= stay);
        let is_new = std::mem::take(&mut self.is_new);
        match self.rung {
            Rung::Small if !settled || share < lowest(RISE_PERCENT) => return,
            Rung::Small => {
                (self.rung, self.layer) = (Rung::Large, 0);
                self.since = Some((now, STAY));
            }
            Rung::Large if settled && share < lowest(90) => {
                (self.rung, self.layer) = (Rung::Small, TOP);
                self.since = Some((now, if is_new { FIRST_STAY } else { STAY }));
                return;
            }
            Rung::Large => {}
        }
        while self.layer > 0 && share < needs(self.layer, 100) * 95 / 100 {
            self.layer -= 1;
        }
        // The whole of it needs no room to spare: the encoding goes by what the viewers can take.
        let rise = |layer: u8| if layer == TOP { 100 } else { RISE_PERCENT };
        while self.layer < TOP && share >= needs(self.layer + 1, rise(self.layer + 1)) {
            self.layer += 1;
        }
    }

    /// When a viewer of the small encoding may leave it.
    pub fn stays_until(&self) -> Option<Instant> {
        let (since, stay) = self.since.filter(|_| self.rung == Rung::Small)?;
        Some(since + stay)
    }

    /// Whether it gets fewer pictures because it could not take all of them at `whole` bits per second, which they take
    /// together when they are not spread.
    pub fn needs_fewer(&self, share: u64, whole: u64) -> bool {
        self.layer < TOP && share < whole * RISE_PERCENT / 100
    }
}

/// So many key frames a viewer may ask for in a row.
const WISHES: u32 = 3;

/// Then one in each such time.
const WISH_EVERY: Duration = Duration::from_secs(4);

/// How often one viewer of many is given a key frame: all others get it too, and it takes the room of ten pictures.
#[derive(Debug)]
pub struct Patience {
    left: u32,
    since: Instant,
}

impl Patience {
    /// For one who has asked for nothing yet.
    pub fn new(now: Instant) -> Self {
        Self {
            left: WISHES,
            since: now,
        }
    }

    /// It asks for one: whether it is given. Who is not asks again.
    pub fn grants(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since);
        let earned = passed.as_secs() / WISH_EVERY.as_secs();
        if self.left == WISHES {
            self.since = now;
        } else if earned > 0 {
            self.since += WISH_EVERY * earned.min(u32::MAX.into()) as u32;
            self.left = WISHES.min(self.left.saturating_add(earned.min(WISHES.into()) as u32));
        }
        let granted = self.left > 0;
        self.left = self.left.saturating_sub(1);
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::estimator::tests::epoch;

    fn placed(share: u64) -> Place {
        let mut place = Place::default();
        place.update(epoch(), share, 1_000, 1_000);
        place
    }

    #[test]
    fn who_asks_over_and_over_does_not_spoil_the_picture_for_all() {
        let (mut patience, start) = (Patience::new(epoch()), epoch());
        let asked = (0..200).map(|n| start + Duration::from_millis(100) * n);
        let granted = asked.filter(|at| patience.grants(*at)).count();
        // Three, and one in four of twenty seconds.
        assert!((7..=8).contains(&granted), "{granted}");
        let later = start + Duration::from_secs(100);
        assert!((0..3).all(|_| patience.grants(later)));
        assert!(!patience.grants(later));
    }

    #[test]
    fn a_few_narrow_viewers_do_not_hold_up_the_others() {
        assert_eq!(large_target(&mut []), None);
        assert_eq!(large_target(&mut [7]), Some(7));
        assert_eq!(large_target(&mut [900, 100]), Some(900));
        assert_eq!(large_target(&mut [900, 100, 800]), Some(800));
        let mut many = [vec![2_000; 48], vec![100; 16]].concat();
        assert_eq!(large_target(&mut many), Some(2_000));
        // Where most are narrow the encoding is made for them.
        let mut many = [vec![2_000; 8], vec![100; 24]].concat();
        assert_eq!(large_target(&mut many), Some(100));
    }

    #[test]
    fn who_cannot_take_all_gets_fewer_pictures_before_it_gets_small_ones() {
        let at = |share| (placed(share).rung, placed(share).layer);
        assert_eq!(at(5_000), (Rung::Large, 2));
        assert_eq!(at(1_000), (Rung::Large, 2));
        assert_eq!(at(800), (Rung::Large, 1));
        assert_eq!(at(500), (Rung::Large, 0));
        assert_eq!(at(300), (Rung::Small, 2));
    }

    #[test]
    fn an_estimate_that_wanders_changes_nothing() {
        let mut place = placed(800);
        for share in [700, 660, 640, 625, 700, 900, 940] {
            place.update(epoch(), share, 1_000, 1_000);
            assert_eq!(place.layer, 1, "{share}");
        }
        place.update(epoch(), 1_000, 1_000, 1_000);
        assert_eq!(place.layer, 2);
    }

    #[test]
    fn who_can_take_what_there_is_gets_all_of_it() {
        let mut place = placed(500);
        place.update(epoch(), 500, 1_000, 600);
        assert_eq!((place.rung, place.layer), (Rung::Large, 1));
        place.update(epoch(), 500, 1_000, 400);
        assert_eq!((place.rung, place.layer), (Rung::Large, 2));
        // A large picture is no reason to ask for more than was aimed at.
        place.update(epoch(), 1_000, 1_000, 3_000);
        assert_eq!((place.rung, place.layer), (Rung::Large, 2));
        // How large the next ones are is not known: the lowest layer has to fit as it may be.
        place.update(epoch(), 300, 1_000, 300);
        assert_eq!(place.rung, Rung::Small);
    }

    #[test]
    fn who_has_just_come_gets_the_whole_picture_as_soon_as_its_path_has_shown_what_it_bears() {
        let (mut place, start) = (Place::default(), epoch());
        place.update(start, 300, 1_000, 500);
        assert_eq!(place.rung, Rung::Small);
        place.update(start + FIRST_STAY, 1_000, 1_000, 500);
        assert_eq!((place.rung, place.layer), (Rung::Large, 2), "all at once");
        // Who was there already waits longer.
        let mut place = placed(5_000);
        place.update(start, 300, 1_000, 500);
        place.update(start + FIRST_STAY, 1_000, 1_000, 500);
        assert_eq!(place.rung, Rung::Small);
    }

    #[test]
    fn between_the_encodings_nobody_goes_to_and_fro() {
        let mut place = placed(300);
        let later = epoch() + STAY;
        place.update(epoch() + FIRST_STAY / 2, 5_000, 1_000, 1_000);
        assert_eq!(place.rung, Rung::Small);
        place.update(later, 480, 1_000, 1_000);
        assert_eq!(place.rung, Rung::Small, "it would fall back at once");
        place.update(later, 500, 1_000, 1_000);
        assert_eq!((place.rung, place.layer), (Rung::Large, 0));
        place.update(later, 100, 1_000, 1_000);
        assert_eq!(place.rung, Rung::Large);
        place.update(later + STAY, 100, 1_000, 1_000);
        assert_eq!(place.rung, Rung::Small);
    }
}
