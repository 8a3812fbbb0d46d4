//! The order in which clients that found a room full get its next free seats.
//!
//! Strangers who know a room's id can take its seats; the host has them removed within a round trip, and they come back at
//! once. Without an order the fastest client would get each free seat, which a stranger's program is.

use std::{collections::VecDeque, time::Duration};

use crate::token::Key;

/// The time for which a client keeps its turn without asking again. Ahoy's own ends ask five times a second.
const TURN_KEPT: Duration = Duration::from_millis(600);

/// The most clients that wait for a seat of one room; one more has no turn.
const MAX_WAITING: usize = 256;

/// The clients that wait for a seat, the first first.
#[derive(Debug, Default)]
pub(super) struct SeatQueue {
    waiting: VecDeque<(Key, Duration)>,
}

impl SeatQueue {
    /// Decides whether a client gets one of the `free` seats now. It does unless enough others have waited longer; then it
    /// waits itself, and has to ask again before its turn lapses.
    pub(super) fn takes_seat(&mut self, now: Duration, key: Key, free: usize) -> bool {
        self.waiting
            .retain(|(waiting, until)| *waiting == key || *until > now);
        let at = self.waiting.iter().position(|(waiting, _)| *waiting == key);
        let ahead = at.unwrap_or(self.waiting.len());
        if ahead < free {
            if let Some(at) = at {
                self.waiting.remove(at);
            }
            return true;
        }
        let until = now + TURN_KEPT;
        if let Some((_, kept)) = at.and_then(|at| self.waiting.get_mut(at)) {
            *kept = until;
        } else if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back((key, until));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{TOKEN_BYTES, Token};

    const SECOND: Duration = Duration::from_secs(1);

    fn key(number: u8) -> Key {
        Token::new([number; TOKEN_BYTES]).key()
    }

    #[test]
    fn a_free_seat_is_the_first_comers_where_nobody_waits() {
        let mut queue = SeatQueue::default();
        assert!(queue.takes_seat(SECOND, key(1), 1));
        assert!(queue.waiting.is_empty());
    }

    #[test]
    fn those_who_wait_longer_come_first_however_often_others_ask() {
        let mut queue = SeatQueue::default();
        assert!(!queue.takes_seat(SECOND, key(1), 0));
        for _ in 0..100 {
            assert!(
                !queue.takes_seat(SECOND, key(2), 1),
                "it is kept for the first"
            );
        }
        assert!(queue.takes_seat(SECOND, key(2), 2), "there is one for each");
        assert!(queue.takes_seat(SECOND, key(1), 1));
        assert!(queue.takes_seat(SECOND, key(2), 1));
    }

    #[test]
    fn a_turn_lapses_unless_its_client_asks_again() {
        let mut queue = SeatQueue::default();
        assert!(!queue.takes_seat(SECOND, key(1), 0));
        assert!(!queue.takes_seat(SECOND + TURN_KEPT / 2, key(1), 0));
        assert!(!queue.takes_seat(SECOND + TURN_KEPT, key(2), 1));
        assert!(queue.takes_seat(SECOND * 2, key(2), 1));
    }

    #[test]
    fn a_crowd_that_waits_is_bounded() {
        let mut queue = SeatQueue::default();
        for number in 0..1_000_u16 {
            let mut bytes = [0; TOKEN_BYTES];
            bytes[..2].copy_from_slice(&number.to_be_bytes());
            queue.takes_seat(SECOND, Token::new(bytes).key(), 0);
        }
        assert_eq!(queue.waiting.len(), MAX_WAITING);
    }
}
