//! When the pictures of an encoding are spread over temporal layers. Pure.

use std::time::{Duration, Instant};

use super::Rung;

/// There are layers of the large encoding for so long after nobody has needed them any more, at first.
const STAY: Duration = Duration::from_secs(5);

/// And of the small one: a key frame holds up those most who have to take that one.
const SMALL_STAY: Duration = Duration::from_secs(20);

/// There are layers for so long at most after nobody has needed them any more.
const LONGEST_STAY: Duration = Duration::from_secs(160);

/// A picture counts for no longer than this: what stands still says nothing about the ways of those who watch.
const LONGEST_STEP: Duration = Duration::from_millis(500);

/// Whether the pictures of an encoding are spread over its layers. That takes more time and twice the bits, so they are only
/// while somebody gets fewer, and for a while after. Each change is a key frame for all who watch, so that while is twice
/// as long each time.
#[derive(Debug)]
pub struct Spread {
    on: bool,
    /// For how long nobody has needed it.
    calm: Duration,
    /// How long they stay so after that, at first and now.
    first_stay: Duration,
    stay: Duration,
    last: Option<Instant>,
}

impl Spread {
    /// Those of this encoding, at its beginning.
    pub fn of(rung: Rung) -> Self {
        let stay = match rung {
            Rung::Large => STAY,
            Rung::Small => SMALL_STAY,
        };
        Self {
            // Who has to take the small one has no room for a second key frame.
            on: rung == Rung::Small,
            calm: Duration::ZERO,
            first_stay: stay,
            stay,
            last: None,
        }
    }

    /// Whether they are from the picture of `now` on; `needed`: somebody cannot take all of them.
    pub fn update(&mut self, now: Instant, needed: bool) -> bool {
        let last = self.last.replace(now).unwrap_or(now);
        self.calm += now.saturating_duration_since(last).min(LONGEST_STEP);
        if needed {
            (self.on, self.calm) = (true, Duration::ZERO);
        } else if self.on && self.calm >= self.stay {
            (self.on, self.calm) = (false, Duration::ZERO);
            self.stay = (self.stay * 2).min(LONGEST_STAY);
        } else if !self.on && self.calm >= LONGEST_STAY {
            self.stay = self.first_stay;
        }
        self.on
    }

    /// Whether they are spread already.
    pub fn is_on(&self) -> bool {
        self.on
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::estimator::tests::epoch;

    /// The seconds in which it changes, of so many, with two pictures in each.
    fn changes(spread: &mut Spread, seconds: u64, needed: impl Fn(u64) -> bool) -> Vec<u64> {
        let moment = |half: u64| epoch() + Duration::from_millis(500) * half as u32;
        (0..seconds * 2)
            .filter(|half| {
                let was = spread.is_on();
                spread.update(moment(*half), needed(half / 2)) != was
            })
            .map(|half| half / 2)
            .collect()
    }

    #[test]
    fn there_are_layers_while_somebody_needs_them_and_a_while_longer() {
        let none = changes(&mut Spread::of(Rung::Large), 100, |_| false);
        assert_eq!(none, [0; 0]);
        let once = changes(&mut Spread::of(Rung::Large), 100, |second| {
            (3..20).contains(&second)
        });
        assert_eq!(once, [3, 24]);
        let small = changes(&mut Spread::of(Rung::Small), 100, |second| second == 3);
        assert_eq!(small, [23], "from the beginning");
    }

    #[test]
    fn layers_that_come_over_and_over_stay_longer_until_it_is_quiet_for_long() {
        let mut spread = Spread::of(Rung::Large);
        let needed = |second: u64| [0, 10, 25, 60, 400].contains(&second);
        let all = changes(&mut spread, 500, needed);
        assert_eq!(all, [0, 5, 10, 20, 25, 45, 60, 100, 400, 405]);
    }

    #[test]
    fn a_pause_is_not_a_time_in_which_nobody_needed_layers() {
        let mut spread = Spread::of(Rung::Large);
        spread.update(epoch(), true);
        assert!(spread.update(epoch() + STAY * 3, false));
    }
}
