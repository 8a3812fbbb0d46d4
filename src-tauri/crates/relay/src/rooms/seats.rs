//! The order in which clients that found a room full get its next free seats.
//!
//! Strangers who know a room's id can take its seats; the host has them removed within a round trip, and they come back at
//! once. Without an order the fastest client would get each free seat, which a stranger's program is.

use std::{collections::VecDeque, time::Duration};

use crate::token::Key;

/// The time for which a client keeps its turn without asking again. Ahoy's own ends ask five times a second.
const TURN_KEPT: Duration = Duration::from_millis(600);

/// The time for which a free seat is kept for a client that does not ask.
const SEAT_KEPT: Duration = Duration::from_millis(250);

/// The most clients that wait for a seat of one room; one more has no turn.
const MAX_WAITING: usize = 256;

/// The most clients of which is known that the host has sent them away.
const MAX_SENT_AWAY: usize = 256;

/// The clients that wait for a seat.
#[derive(Debug, Default)]
pub(super) struct SeatQueue {
    /// In the order of their turns: those whom the host has sent away are behind all others.
    waiting: Vec<Waiting>,
    sent_away: VecDeque<Key>,
    /// The first time that a client asked since when there has always been a free seat.
    free_since: Option<Duration>,
}

#[derive(Debug)]
struct Waiting {
    key: Key,
    /// The last time that it asked.
    asked: Duration,
    sent_away: bool,
}

impl SeatQueue {
    /// Decides whether a client gets one of the `free` seats now. It does unless enough others come before it; then it
    /// waits itself, and has to ask again before its turn lapses.
    ///
    /// A client that has not asked for a while although a seat is free is passed over. It keeps its turn for the next seat,
    /// and comes before those whom the host has sent away even then.
    pub(super) fn takes_seat(&mut self, now: Duration, key: Key, free: usize) -> bool {
        self.waiting
            .retain(|one| one.key == key || one.asked + TURN_KEPT > now);
        let free_since = self.free_since.unwrap_or(now);
        self.free_since = (free > 0).then_some(free_since);
        let sent_away = self.sent_away.contains(&key);
        let at = self.waiting.iter().position(|one| one.key == key);
        let turn = at.unwrap_or_else(|| {
            let before = |one: &Waiting| sent_away || !one.sent_away;
            self.waiting.partition_point(before)
        });
        let ahead = self.waiting.iter().take(turn).filter(|one| {
            sent_away && !one.sent_away || one.asked.max(free_since) + SEAT_KEPT > now
        });
        if ahead.count() < free {
            if let Some(at) = at {
                self.waiting.remove(at);
            }
            if free == 1 {
                self.free_since = None;
            }
            return true;
        }
        if let Some(one) = at.and_then(|at| self.waiting.get_mut(at)) {
            one.asked = now;
        } else if turn < MAX_WAITING {
            self.waiting.truncate(MAX_WAITING - 1);
            let asked = now;
            let one = Waiting {
                key,
                asked,
                sent_away,
            };
            self.waiting.insert(turn, one);
        }
        false
    }

    /// Returns whether a client waits for a seat and has asked lately.
    pub(super) fn holds_turn(&self, now: Duration, key: Key) -> bool {
        let mut waiting = self.waiting.iter();
        waiting.any(|one| one.key == key && one.asked + TURN_KEPT > now)
    }

    /// Notes that the host has sent a client away: from now on its turn comes after those of all others.
    pub(super) fn note_sent_away(&mut self, key: Key) {
        self.sent_away.retain(|one| *one != key);
        if self.sent_away.len() >= MAX_SENT_AWAY {
            self.sent_away.pop_front();
        }
        self.sent_away.push_back(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{TOKEN_BYTES, Token};

    const SECOND: Duration = Duration::from_secs(1);
    const MILLISECOND: Duration = Duration::from_millis(1);

    fn key(number: u16) -> Key {
        let mut bytes = [0; TOKEN_BYTES];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        Token::new(bytes).key()
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
        let holds = |queue: &SeatQueue, now| queue.holds_turn(now, key(1));
        assert!(!holds(&queue, SECOND));
        assert!(!queue.takes_seat(SECOND, key(1), 0));
        assert!(!queue.takes_seat(SECOND + TURN_KEPT / 2, key(1), 0));
        assert!(holds(&queue, SECOND + TURN_KEPT));
        assert!(!queue.takes_seat(SECOND + TURN_KEPT, key(2), 1));
        assert!(!holds(&queue, SECOND * 2) && !queue.holds_turn(SECOND, key(3)));
        assert!(queue.takes_seat(SECOND * 2, key(2), 1));
    }

    #[test]
    fn a_seat_is_not_kept_long_for_one_who_does_not_ask() {
        let mut queue = SeatQueue::default();
        assert!(!queue.takes_seat(SECOND, key(1), 0));
        assert!(!queue.takes_seat(SECOND, key(2), 0));
        // It becomes free much later than the first has asked, who may be about to ask again.
        let free = SECOND + SEAT_KEPT;
        assert!(!queue.takes_seat(free, key(2), 1));
        assert!(!queue.takes_seat(free + SEAT_KEPT - MILLISECOND, key(2), 1));
        assert!(queue.takes_seat(free + SEAT_KEPT, key(2), 1));
        // The first was passed over, and is the first for the next.
        assert!(!queue.takes_seat(free + SEAT_KEPT, key(3), 1));
        assert!(queue.takes_seat(free + SEAT_KEPT, key(1), 1));
    }

    #[test]
    fn whom_the_host_has_sent_away_comes_after_all_others() {
        let mut queue = SeatQueue::default();
        queue.note_sent_away(key(1));
        queue.note_sent_away(key(2));
        assert!(!queue.takes_seat(SECOND, key(1), 0));
        assert!(!queue.takes_seat(SECOND, key(3), 0));
        assert!(!queue.takes_seat(SECOND, key(1), 1));
        // Nor does it get a seat for the other's being slow, while that one has its turn.
        let late = SECOND + TURN_KEPT - MILLISECOND;
        assert!(!queue.takes_seat(late, key(1), 1));
        assert!(!queue.takes_seat(late, key(2), 1));
        assert!(queue.takes_seat(late, key(3), 1));
        assert!(!queue.takes_seat(late, key(2), 1));
        assert!(queue.takes_seat(late, key(1), 1));
    }

    /// Runs strangers who wait before a guest and ask as rarely as their turns allow; whom the host sees it sends away a
    /// round trip later. Returns when the guest gets a seat.
    fn guest_waits(seats: usize, strangers: u16, asks_every: Duration) -> Duration {
        let every = TURN_KEPT - MILLISECOND;
        let round_trip = 50 * MILLISECOND;
        let mut queue = SeatQueue::default();
        let mut removals: Vec<(Duration, Key)> = Vec::new();
        let guest = key(strangers);
        for number in 0..=strangers {
            assert!(!queue.takes_seat(Duration::ZERO, key(number), 0));
        }
        for passed in 1..20_000 {
            let now = MILLISECOND * passed;
            removals.retain(|(until, key)| {
                let stays = *until > now;
                if !stays {
                    queue.note_sent_away(*key);
                }
                stays
            });
            for number in 0..strangers {
                // Evenly spread, and the first in the queue last: so the seats wait for it.
                let first = every * u32::from(strangers - number) / u32::from(strangers);
                let asks = (now + every - first)
                    .as_millis()
                    .is_multiple_of(every.as_millis());
                let outside = removals.iter().all(|(_, inside)| *inside != key(number));
                let free = seats - removals.len();
                if asks && outside && queue.takes_seat(now, key(number), free) {
                    removals.push((now + round_trip, key(number)));
                }
            }
            let asks = now.as_millis().is_multiple_of(asks_every.as_millis());
            if asks && queue.takes_seat(now, guest, seats - removals.len()) {
                return now;
            }
        }
        panic!("it never gets a seat");
    }

    #[test]
    fn strangers_who_hold_turns_and_take_no_seats_hold_up_nobody_for_long() {
        for asks_every in [200, 350] {
            let waited = guest_waits(7, 32, MILLISECOND * asks_every);
            assert!(waited < 2 * SECOND, "{asks_every}: {waited:?}");
        }
    }

    #[test]
    fn a_crowd_that_waits_is_bounded() {
        let mut queue = SeatQueue::default();
        for number in 0..1_000 {
            queue.note_sent_away(key(number));
            queue.takes_seat(SECOND, key(number), 0);
        }
        assert_eq!(queue.waiting.len(), MAX_WAITING);
        assert_eq!(queue.sent_away.len(), MAX_SENT_AWAY);
        // Others find place before those.
        for number in 1_000..2_000 {
            queue.takes_seat(SECOND, key(number), 0);
        }
        assert_eq!(queue.waiting.len(), MAX_WAITING);
        assert!(queue.holds_turn(SECOND, key(1_000)) && !queue.holds_turn(SECOND, key(999)));
    }
}
