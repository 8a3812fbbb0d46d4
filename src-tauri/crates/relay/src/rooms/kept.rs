//! The signals that one member was sent and has not acknowledged: what it gets again when it comes back.

use std::collections::{HashMap, VecDeque};

use super::Text;
use crate::token::Key;

/// The most signals of one sender that are kept for one member, and the most bytes of them. A greeting is one
/// description of at most 20 kB and a few dozen candidates. One longer signal is kept all the same.
pub(super) const SENDER_SIGNALS: usize = 64;
pub(super) const SENDER_BYTES: usize = 48 * 1024;
/// The most signals that are kept for one member, and the most bytes of them: as much as the seven others of a call
/// may have there.
pub(super) const MAX_SIGNALS: usize = 7 * SENDER_SIGNALS;
pub(super) const MAX_BYTES: usize = 7 * 64 * 1024;

/// The signals that one member was sent and has not acknowledged. Holds no memory while there are none.
///
/// Where there is no place for another, old signals of its own sender go, and in a large broadcast those of the
/// sender that has the most. So nobody can push out what another has sent.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The number of the last that it was sent; they begin with 1.
    last: u64,
    /// The number of the last that was acknowledged.
    acked: u64,
    queue: Option<Box<Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    /// In the order of their numbers.
    signals: VecDeque<Signal>,
    bytes: usize,
    /// The number of the last that was passed over and not acknowledged; 0 when there is none.
    lost: u64,
}

#[derive(Debug)]
struct Signal {
    n: u64,
    from: Key,
    text: Text,
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

    /// Keeps the next signal; older ones make place for it.
    pub(super) fn push(&mut self, from: Key, text: Text) {
        self.last += 1;
        let queue = self.queue.get_or_insert_default();
        queue.make_place(from, text.len());
        queue.bytes += text.len();
        queue.signals.push_back(Signal {
            n: self.last,
            from,
            text,
        });
    }

    /// Counts the next signal without keeping it, for want of memory: nor can those before it be of use then.
    pub(super) fn pass_over(&mut self) {
        self.last += 1;
        self.queue = Some(Box::new(Queue {
            lost: self.last,
            ..Queue::default()
        }));
    }

    /// Returns whether an acknowledgement of this number confirms what none has confirmed before.
    pub(super) fn is_news(&self, n: u64) -> bool {
        n > self.acked && n <= self.last
    }

    /// Forgets what arrived; false when the number was never sent, and then nothing is forgotten.
    pub(super) fn ack(&mut self, n: u64) -> bool {
        if n > self.last {
            return false;
        }
        self.acked = self.acked.max(n);
        let Some(queue) = &mut self.queue else {
            return true;
        };
        while let Some(signal) = queue.signals.pop_front_if(|signal| signal.n <= n) {
            queue.bytes -= signal.text.len();
        }
        if queue.lost <= n {
            queue.lost = 0;
        }
        if queue.signals.is_empty() && queue.lost == 0 {
            self.queue = None;
        }
        true
    }

    /// What is kept of what a member still needs that got all up to `ack`, in order; `None` when something was passed
    /// over. A number that was never sent counts as none.
    pub(super) fn after(&self, ack: u64) -> Option<impl Iterator<Item = &Text>> {
        let ack = if ack > self.last { 0 } else { ack };
        let lost = self.queue.as_ref().map_or(0, |queue| queue.lost);
        if lost > ack {
            return None;
        }
        let signals = self.queue.iter().flat_map(|queue| &queue.signals);
        let missed = signals.filter(move |signal| signal.n > ack);
        Some(missed.map(|signal| &signal.text))
    }
}

impl Queue {
    // Makes place for a signal of so many bytes.
    fn make_place(&mut self, from: Key, bytes: usize) {
        // No sender can have more than there is of all.
        if self.signals.len() >= SENDER_SIGNALS || self.bytes + bytes > SENDER_BYTES {
            let own = self.signals.iter().filter(|signal| signal.from == from);
            let (mut count, mut size) = own.fold((0, 0), |(count, size), signal| {
                (count + 1, size + signal.text.len())
            });
            while count >= SENDER_SIGNALS || size + bytes > SENDER_BYTES {
                let Some(length) = self.drop_oldest(from) else {
                    break;
                };
                (count, size) = (count - 1, size - length);
            }
        }
        while self.signals.len() >= MAX_SIGNALS || self.bytes + bytes > MAX_BYTES {
            let Some(most) = self.who_has_most() else {
                break;
            };
            self.drop_oldest(most);
        }
    }

    fn drop_oldest(&mut self, from: Key) -> Option<usize> {
        let mut signals = self.signals.iter();
        let index = signals.position(|signal| signal.from == from)?;
        let length = self.signals.remove(index)?.text.len();
        self.bytes -= length;
        Some(length)
    }

    fn who_has_most(&self) -> Option<Key> {
        let mut sizes: HashMap<Key, usize> = HashMap::new();
        for signal in &self.signals {
            *sizes.entry(signal.from).or_default() += signal.text.len();
        }
        sizes
            .into_iter()
            .max_by_key(|(_, size)| *size)
            .map(|(key, _)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Token;

    fn key(byte: u8) -> Key {
        Token::new([byte; 32]).key()
    }

    fn filled(signals: u64) -> Kept {
        let mut kept = Kept::default();
        for n in 1..=signals {
            assert_eq!(kept.next(), n);
            kept.push(key(1), n.to_string().into());
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
        let news: Vec<_> = (0..8).filter(|n| kept.is_news(*n)).collect();
        assert_eq!(news, [3, 4, 5]);
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
    fn who_sends_too_much_loses_its_own_oldest_signals() {
        let mut kept = filled(2);
        for _ in 0..1000 {
            kept.push(key(2), "3".into());
        }
        let texts = after(&kept, 0).unwrap();
        assert_eq!(texts.len(), 2 + SENDER_SIGNALS);
        assert_eq!(texts[..2], [1, 2]);
        assert!(kept.ack(1002));
        assert_eq!(kept.bytes(), 0);

        for _ in 0..100 {
            kept.push(key(2), "x".repeat(16 * 1024).into());
            kept.push(key(3), "x".into());
        }
        assert_eq!(kept.bytes(), SENDER_BYTES + SENDER_SIGNALS);
        // One that is longer than all that is kept of a sender is kept alone.
        kept.push(key(2), "x".repeat(64 * 1024).into());
        assert_eq!(kept.bytes(), 64 * 1024 + SENDER_SIGNALS);
    }

    #[test]
    fn seven_senders_find_place_and_of_more_whoever_has_the_most_makes_it() {
        let mut kept = Kept::default();
        for sender in 1..=7 {
            for _ in 0..100 {
                kept.push(key(sender), "x".repeat(500).into());
            }
        }
        assert_eq!(kept.after(0).unwrap().count(), MAX_SIGNALS);
        for sender in 8..200 {
            kept.push(key(sender), "1".into());
        }
        assert_eq!(kept.after(0).unwrap().count(), MAX_SIGNALS);
        let small = kept.after(0).unwrap().filter(|text| text.len() == 1);
        assert_eq!(small.count(), 192);

        let mut kept = Kept::default();
        for sender in 1..=100 {
            kept.push(key(sender), "x".repeat(60 * 1024).into());
            assert!(kept.bytes() <= MAX_BYTES);
        }
    }

    #[test]
    fn what_was_passed_over_is_missed_until_it_is_acknowledged() {
        let mut kept = filled(3);
        kept.pass_over();
        kept.push(key(1), "5".into());
        assert_eq!(kept.bytes(), 1);
        assert_eq!(after(&kept, 3), None);
        assert_eq!(after(&kept, 4), Some(vec![5]));
        assert!(kept.ack(3));
        assert_eq!(after(&kept, 3), None);
        assert!(kept.ack(4));
        assert_eq!(after(&kept, 0), Some(vec![5]));
    }
}
