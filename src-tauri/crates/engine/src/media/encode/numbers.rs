//! The numbers of the pictures, the same in both encodings. Pure.

use std::{collections::VecDeque, time::Instant};

/// As many pictures as an encoding may be behind the other.
const RECENT: usize = 16;

/// Gives them.
#[derive(Debug)]
pub(super) struct Numbers {
    next: u16,
    recent: VecDeque<(Instant, u16)>,
}

impl Numbers {
    pub(super) fn new(first: u16) -> Self {
        Self {
            next: first,
            recent: VecDeque::with_capacity(RECENT),
        }
    }

    /// The number of the picture that was captured at this moment.
    pub(super) fn of(&mut self, captured: Instant) -> u16 {
        let known = self.recent.iter().find(|(at, _)| *at == captured);
        if let Some((_, number)) = known {
            return *number;
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((captured, number));
        number
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_picture_has_one_number_in_both_encodings() {
        #[expect(clippy::disallowed_methods, reason = "a test's time begins now")]
        let start = Instant::now();
        let mut numbers = Numbers::new(u16::MAX);
        let first = numbers.of(start);
        assert_eq!(
            numbers.of(start + Duration::from_millis(33)),
            first.wrapping_add(1)
        );
        assert_eq!(numbers.of(start), first);
        assert_eq!(
            numbers.of(start + Duration::from_millis(33) * 2),
            first.wrapping_add(2)
        );
    }
}
