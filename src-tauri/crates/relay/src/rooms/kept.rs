//! The signals that one member was sent and has not acknowledged: what it gets again when it comes back.

use std::collections::VecDeque;

use super::Text;

/// The most signals that are kept for one member.
pub(super) const MAX_SIGNALS: usize = 64;
/// The most bytes of them. A greeting is one description of at most 16 kB or so and a few dozen candidates.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// The signals that one member was sent and has not acknowledged. Holds no memory while there are none.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The number of the last that it was sent; they begin with 1.
    last: u64,
    queue: Option<Box<Queue>>,
}

/// The signals up to the last, without a gap.
#[derive(Debug, Default)]
struct Queue {
    texts: VecDeque<Text>,
    bytes: usize,
    /// The number of the last that was dropped and not acknowledged; 0 when there is none.
    lost: u64,
}

impl Kept {
    /// The number of the next signal.
    pub(super) fn next(&self) -> u64 {
        self.last + 1
    }

    /// How many bytes are kept.
    pub(super) fn bytes(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.bytes)
    }

    /// Whether one more of so many bytes can be kept without dropping another.
    pub(super) fn has_place_for(&self, bytes: usize) -> bool {
        let signals = self.queue.as_ref().map_or(0, |queue| queue.texts.len());
        signals < MAX_SIGNALS && self.bytes() + bytes <= MAX_BYTES
    }

    /// Keeps the next signal; the oldest make place for it.
    pub(super) fn push(&mut self, text: Text) {
        self.last += 1;
        while !self.has_place_for(text.len()) && self.drop_oldest() {}
        let queue = self.queue.get_or_insert_default();
        queue.bytes += text.len();
        queue.texts.push_back(text);
    }

    /// Counts the next signal without keeping it: nor can those before it be of use then.
    pub(super) fn pass_over(&mut self) {
        self.last += 1;
        self.queue = Some(Box::new(Queue {
            lost: self.last,
            ..Queue::default()
        }));
    }

    /// Forgets what arrived; false when the number was never sent, and then nothing is forgotten.
    pub(super) fn ack(&mut self, n: u64) -> bool {
        if n > self.last {
            return false;
        }
        let Some(queue) = &mut self.queue else {
            return true;
        };
        while self.last - (queue.texts.len() as u64) < n {
            let Some(text) = queue.texts.pop_front() else {
                break;
            };
            queue.bytes -= text.len();
        }
        if queue.lost <= n {
            queue.lost = 0;
        }
        if queue.texts.is_empty() && queue.lost == 0 {
            self.queue = None;
        }
        true
    }

    /// What a member still needs that got all up to `ack`, in order; `None` when some of it is no more. A
    /// number that was never sent counts as none.
    pub(super) fn after(&self, ack: u64) -> Option<impl Iterator<Item = &Text>> {
        let ack = if ack > self.last { 0 } else { ack };
        let lost = self.queue.as_ref().map_or(0, |queue| queue.lost);
        if lost > ack {
            return None;
        }
        let texts = self.queue.iter().flat_map(|queue| &queue.texts);
        let first = self.last - texts.clone().count() as u64;
        let arrived = usize::try_from(ack.saturating_sub(first)).unwrap_or(usize::MAX);
        Some(texts.skip(arrived))
    }

    // Called when the last has its number and is not in the queue yet.
    fn drop_oldest(&mut self) -> bool {
        let Some(queue) = &mut self.queue else {
            return false;
        };
        let number = self.last - queue.texts.len() as u64;
        let Some(text) = queue.texts.pop_front() else {
            return false;
        };
        queue.bytes -= text.len();
        queue.lost = number;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(signals: u64) -> Kept {
        let mut kept = Kept::default();
        for n in 1..=signals {
            assert_eq!(kept.next(), n);
            kept.push(n.to_string().into());
        }
        kept
    }

    fn after(kept: &Kept, ack: u64) -> Option<Vec<u64>> {
        let texts = kept.after(ack)?;
        Some(texts.map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn what_is_not_acknowledged_is_kept() {
        let mut kept = filled(5);
        assert_eq!(after(&kept, 0), Some(vec![1, 2, 3, 4, 5]));
        assert_eq!(after(&kept, 3), Some(vec![4, 5]));
        assert!(kept.ack(2));
        assert_eq!(after(&kept, 0), Some(vec![3, 4, 5]));
        assert!(kept.ack(2) && kept.ack(1));
        assert_eq!(after(&kept, 4), Some(vec![5]));
        assert!(kept.ack(5));
        assert_eq!(after(&kept, 5), Some(vec![]));
        assert_eq!((kept.bytes(), kept.next()), (0, 6));
        assert!(kept.queue.is_none());
    }

    #[test]
    fn a_number_that_was_never_sent_forgets_nothing() {
        let mut kept = filled(2);
        assert!(!kept.ack(3) && !kept.ack(u64::MAX));
        assert_eq!(after(&kept, u64::MAX), Some(vec![1, 2]));
        assert!(!Kept::default().ack(1));
        assert!(Kept::default().ack(0));
    }

    #[test]
    fn what_was_dropped_is_missed() {
        let most = MAX_SIGNALS as u64;
        let mut kept = filled(most + 2);
        assert_eq!(after(&kept, 0), None);
        assert_eq!(after(&kept, 1), None);
        assert_eq!(after(&kept, 2).unwrap().len(), MAX_SIGNALS);
        assert!(kept.ack(1));
        assert_eq!(after(&kept, 0), None);
        assert!(kept.ack(3));
        assert_eq!(after(&kept, 0).unwrap()[0], 4);

        let mut kept = Kept::default();
        for _ in 0..40 {
            kept.push("x".repeat(MAX_BYTES / 8).into());
            assert!(kept.bytes() <= MAX_BYTES);
        }
        assert!(kept.after(31).is_none());
        assert_eq!(kept.after(32).unwrap().count(), 8);
    }

    #[test]
    fn what_was_passed_over_is_missed_until_it_is_acknowledged() {
        let mut kept = filled(3);
        kept.pass_over();
        kept.push("5".into());
        assert_eq!(kept.bytes(), 1);
        assert_eq!(after(&kept, 3), None);
        assert_eq!(after(&kept, 4), Some(vec![5]));
        assert!(kept.ack(3));
        assert_eq!(after(&kept, 3), None);
        assert!(kept.ack(4));
        assert_eq!(after(&kept, 0), Some(vec![5]));
    }
}
