//! How often one place in the code may say something.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Lines of one place that are written in [`WINDOW`]; more are counted.
pub(crate) const MOST: u32 = 5;
/// How long lines are counted until it is said how many there were.
pub(crate) const WINDOW: Duration = Duration::from_secs(10);
/// Places that are counted at once; of more the one that began first is told of early.
const PLACES: usize = 256;

/// Counts what each place says. `P` is how a place is told from others.
#[derive(Debug)]
pub(crate) struct Repeats<P> {
    places: BTreeMap<P, Said>,
}

#[derive(Debug, Clone, Copy)]
struct Said {
    since: Instant,
    lines: u32,
}

impl Said {
    fn left_out(self) -> u32 {
        self.lines.saturating_sub(MOST)
    }
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is written.
    Written,
    /// It is left out and counted.
    Counted {
        /// It is the first one of its place since that was told of.
        is_first: bool,
    },
}

impl<P: Ord + Clone> Repeats<P> {
    pub(crate) fn new() -> Self {
        Self {
            places: BTreeMap::new(),
        }
    }

    /// Decides about a line that a place says.
    pub(crate) fn admit(&mut self, now: Instant, place: P) -> Admission {
        let said = self.places.entry(place).or_insert(Said {
            since: now,
            lines: 0,
        });
        said.lines = said.lines.saturating_add(1);
        match said.left_out() {
            0 => Admission::Written,
            left_out => Admission::Counted {
                is_first: left_out == 1,
            },
        }
    }

    /// Returns when the first place of which lines were left out is to be told of.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let counted = self.places.values().filter(|said| said.left_out() > 0);
        counted.map(|said| said.since + WINDOW).min()
    }

    /// Takes the places whose window is over. Returns those of which lines were left out, with how many.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<(P, u32)> {
        let mut oldest = None;
        if self.places.len() >= PLACES {
            oldest = self.places.values().map(|said| said.since).min();
        }
        let is_due = |said: &Said| {
            now.saturating_duration_since(said.since) >= WINDOW || Some(said.since) == oldest
        };
        self.take(is_due)
    }

    /// Takes all places. Returns those of which lines were left out, with how many.
    pub(crate) fn rest(&mut self) -> Vec<(P, u32)> {
        self.take(|_| true)
    }

    fn take(&mut self, wanted: impl Fn(&Said) -> bool) -> Vec<(P, u32)> {
        let mut told = Vec::new();
        self.places.retain(|place, said| {
            let take = wanted(said);
            if take && said.left_out() > 0 {
                told.push((place.clone(), said.left_out()));
            }
            !take
        });
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_place_that_repeats_itself_is_cut_off_and_counted() {
        let (mut repeats, start) = (Repeats::new(), start());
        let said: Vec<_> = (0..1000).map(|_| repeats.admit(start, "a")).collect();
        let count = |what| said.iter().filter(|said| **said == what).count();
        assert_eq!(count(Admission::Written), MOST as usize);
        assert_eq!(count(Admission::Counted { is_first: true }), 1);
        assert_eq!(repeats.next_due(), Some(start + WINDOW));
        let other = repeats.admit(start - WINDOW / 2, "b");
        assert_eq!(other, Admission::Written, "another place");
        assert_eq!(repeats.next_due(), Some(start + WINDOW), "it said little");
        assert_eq!(repeats.due(start + WINDOW / 2), []);
        assert_eq!(repeats.due(start + WINDOW), [("a", 995)]);
        assert_eq!(repeats.due(start + WINDOW), []);
        assert_eq!(repeats.next_due(), None);
        let anew = repeats.admit(start + WINDOW, "a");
        assert_eq!(anew, Admission::Written, "it begins anew");
    }

    #[test]
    fn the_end_tells_of_what_was_left_out() {
        let (mut repeats, start) = (Repeats::new(), start());
        for _ in 0..7 {
            repeats.admit(start, 1);
        }
        repeats.admit(start, 2);
        assert_eq!(repeats.rest(), [(1, 2)]);
        assert_eq!(repeats.rest(), []);
    }

    #[test]
    fn few_places_are_remembered() {
        let (mut repeats, start) = (Repeats::new(), start());
        let mut told = 0;
        for place in 0..10_000_u32 {
            let now = start + Duration::from_micros(u64::from(place));
            told += repeats.due(now).len();
            for _ in 0..=MOST {
                repeats.admit(now, place);
            }
            assert!(repeats.places.len() <= PLACES);
        }
        assert!(told >= 10_000 - PLACES, "{told}");
    }
}
