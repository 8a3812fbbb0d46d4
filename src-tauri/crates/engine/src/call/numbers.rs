//! How far the numbering of signals has come with those who have left and may come back under the same join.

use std::collections::BTreeMap;

use ahoy_contract::{Nonce, PeerId};

/// As many joins are remembered: the viewers of a long day.
const MOST: usize = 16 * 1024;

/// The last numbers sent to and received from each member that has left since this end came in. One that comes back
/// goes on counting, so that nothing can be replayed. Full, a quarter is forgotten: first those from whom nothing was
/// ever received, for there is nothing of theirs to replay, and anybody can come and leave; of each kind the oldest.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    joins: BTreeMap<(PeerId, Nonce), Last>,
    left: u64,
}

#[derive(Debug)]
struct Last {
    sent: u64,
    received: u64,
    /// In the order in which they left.
    order: u64,
}

impl Numbers {
    /// One has left: the last numbers sent to it and received from it.
    pub(super) fn keep(&mut self, join: (PeerId, Nonce), (sent, received): (u64, u64)) {
        if (sent, received) == (0, 0) {
            return;
        }
        if self.joins.len() >= MOST {
            self.forget_some();
        }
        self.left += 1;
        let order = self.left;
        let last = Last {
            sent,
            received,
            order,
        };
        self.joins.insert(join, last);
    }

    /// One is there, perhaps again: the numbers to go on from.
    pub(super) fn take(&mut self, join: &(PeerId, Nonce)) -> (u64, u64) {
        let last = self.joins.remove(join);
        last.map_or((0, 0), |last| (last.sent, last.received))
    }

    /// Returns the last number received from a member that has left.
    pub(super) fn received(&self, join: &(PeerId, Nonce)) -> u64 {
        self.joins.get(join).map_or(0, |last| last.received)
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.joins.clear();
    }

    fn forget_some(&mut self) {
        let worth = |last: &Last| (last.received > 0, last.order);
        let mut worths: Vec<_> = self.joins.values().map(worth).collect();
        let (_, least, _) = worths.select_nth_unstable_by_key(MOST / 4, |worth| *worth);
        let least = *least;
        self.joins.retain(|_, last| worth(last) >= least);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(number: u64) -> (PeerId, Nonce) {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&number.to_be_bytes());
        (PeerId::from_bytes(&[7; 10]), Nonce::new(nonce))
    }

    #[test]
    fn who_comes_back_goes_on_counting() {
        let mut numbers = Numbers::default();
        numbers.keep(join(1), (5, 3));
        numbers.keep(join(2), (0, 0));
        assert_eq!(numbers.joins.len(), 1, "nothing to remember");
        assert_eq!(numbers.take(&join(1)), (5, 3));
        assert_eq!(
            numbers.take(&join(1)),
            (0, 0),
            "the member itself has them now"
        );
        numbers.keep(join(1), (9, 3));
        numbers.clear();
        assert_eq!(numbers.take(&join(1)), (0, 0));
    }

    #[test]
    fn a_flood_of_strangers_makes_nobody_forgotten_who_has_spoken() {
        let mut numbers = Numbers::default();
        for number in 0..1_000 {
            numbers.keep(join(number), (12, 8));
        }
        for number in 1_000..100_000 {
            numbers.keep(join(number), (12, 0));
            assert!(numbers.joins.len() <= MOST);
        }
        assert_eq!(numbers.take(&join(99_999)), (12, 0), "the last are known");
        for number in 0..1_000 {
            assert_eq!(numbers.take(&join(number)), (12, 8));
        }
    }

    #[test]
    fn where_all_have_spoken_the_oldest_is_forgotten() {
        let mut numbers = Numbers::default();
        for number in 0..=MOST as u64 {
            numbers.keep(join(number), (1, 1));
        }
        assert_eq!(numbers.joins.len(), MOST * 3 / 4 + 1);
        assert_eq!(numbers.take(&join(MOST as u64 / 4 - 1)), (0, 0));
        assert_eq!(numbers.take(&join(MOST as u64 / 4)), (1, 1));
    }
}
