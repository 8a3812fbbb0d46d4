//! Whose connection is made next, where hundreds may come at once. A connection has a certificate, sockets and a task
//! while it is made, whether anybody answers or not, so only so many are made at a time.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

/// How long the next one waits for the answer of one before it: a good connection needs a tenth of it.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
/// How long the next one waits for the connection of one that has answered.
const WAY_PATIENCE: Duration = Duration::from_secs(10);
/// A place is not given on sooner after it was taken: who comes, fails at once and comes again gets no more.
const REST: Duration = Duration::from_secs(1);

/// Those who wait for a connection, the first come first, and those whose connection is being made.
#[derive(Debug)]
pub(crate) struct Turns<K> {
    /// As many are made at a time. One that takes too long keeps its connection and not its place.
    places: usize,
    /// As many have none yet, those that take too long among them.
    most: usize,
    waiting: VecDeque<K>,
    opening: BTreeMap<K, Turn>,
    /// Until when the places of those are not given on that are gone already; at most `places`.
    resting: Vec<Instant>,
    /// When it was asked last: what has ended by then is known.
    asked: Option<Instant>,
}

#[derive(Debug)]
struct Turn {
    since: Instant,
    /// When the next one has waited long enough.
    until: Instant,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<K> {
    /// Make its connection.
    Open(K),
    /// Give its connection up: it has had its turn.
    GiveUp(K),
}

impl<K: Ord + Clone> Turns<K> {
    /// `places` are made at a time, `most` of them may be without an end.
    pub(crate) fn new(places: usize, most: usize) -> Self {
        Self {
            places,
            most,
            waiting: VecDeque::new(),
            opening: BTreeMap::new(),
            resting: Vec::new(),
            asked: None,
        }
    }

    /// One more waits.
    pub(crate) fn wait(&mut self, who: K) {
        self.waiting.push_back(who);
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether this one waits.
    pub(crate) fn waits(&self, who: &K) -> bool {
        self.waiting.contains(who)
    }

    /// What is to be done now; to be asked until there is nothing.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Next<K>> {
        self.asked = Some(now);
        self.resting.retain(|until| *until > now);
        if self.waiting.is_empty() || self.taken(now) >= self.places {
            return None;
        }
        if self.opening.len() >= self.most {
            let late = self.opening.iter().min_by_key(|(_, turn)| turn.until);
            let who = late.map(|(who, _)| who.clone())?;
            self.opening.remove(&who);
            return Some(Next::GiveUp(who));
        }
        let who = self.waiting.pop_front()?;
        let turn = Turn {
            since: now,
            until: now + ANSWER_PATIENCE,
        };
        self.opening.insert(who.clone(), turn);
        Some(Next::Open(who))
    }

    /// Its answer came.
    pub(crate) fn answered(&mut self, who: &K) {
        if let Some(turn) = self.opening.get_mut(who) {
            turn.until = turn.since + WAY_PATIENCE;
        }
    }

    /// Its connection is up.
    pub(crate) fn connected(&mut self, who: &K) {
        self.opening.remove(who);
    }

    /// It is gone, or of no more use.
    pub(crate) fn over(&mut self, now: Instant, who: &K) {
        self.waiting.retain(|waiting| waiting != who);
        let until = self.opening.remove(who).map(|turn| turn.since + REST);
        self.resting.extend(until.filter(|until| *until > now));
    }

    /// When [`next`](Self::next) has something to say, if nothing happens before.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let ends = self.opening.values().map(|turn| turn.until);
        ends.chain(self.resting.iter().copied())
            .filter(|end| !self.waiting.is_empty() && Some(*end) > self.asked)
            .min()
    }

    fn taken(&self, now: Instant) -> usize {
        let made = self.opening.values().filter(|turn| turn.until > now);
        made.count() + self.resting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[expect(clippy::disallowed_methods, reason = "any moment will do as the first")]
    fn start() -> Instant {
        Instant::now()
    }

    fn turns(waiting: u32) -> Turns<u32> {
        let mut turns = Turns::new(4, 10);
        (0..waiting).for_each(|who| turns.wait(who));
        turns
    }

    /// Whose connections are made, and whose are given up.
    fn all(turns: &mut Turns<u32>, now: Instant) -> (Vec<u32>, Vec<u32>) {
        let (mut opened, mut given_up) = (vec![], vec![]);
        while let Some(next) = turns.next(now) {
            match next {
                Next::Open(who) => opened.push(who),
                Next::GiveUp(who) => given_up.push(who),
            }
        }
        assert!(turns.deadline().is_none_or(|at| at > now), "it would spin");
        (opened, given_up)
    }

    #[test]
    fn the_first_come_is_the_first_served_as_others_get_through() {
        let (mut turns, now) = (turns(6), start());
        assert_eq!(all(&mut turns, now), (vec![0, 1, 2, 3], vec![]));
        turns.connected(&2);
        assert_eq!(all(&mut turns, now), (vec![4], vec![]));
        assert!(turns.waits(&5) && !turns.waits(&4));
        turns.connected(&0);
        assert_eq!(all(&mut turns, now).0, [5]);
        assert_eq!((turns.waiting(), turns.deadline()), (0, None));
    }

    #[test]
    fn who_does_not_answer_keeps_its_connection_until_there_are_too_many() {
        let (mut turns, start) = (turns(100), start());
        let mut open = 0;
        for round in 0..10 {
            let (opened, given_up) = all(&mut turns, start + ANSWER_PATIENCE * round);
            assert_eq!(opened.len(), 4);
            open = open + opened.len() - given_up.len();
            assert!(open <= 10, "{open}");
            // The one that waits longest first.
            assert_eq!(given_up.is_empty(), round < 2);
            assert!(given_up.iter().all(|who| *who < 4 * (round - 1)));
        }
    }

    #[test]
    fn who_answers_has_time_to_connect() {
        let (mut turns, now) = (turns(5), start());
        all(&mut turns, now);
        (0..4).for_each(|who| turns.answered(&who));
        assert_eq!(
            all(&mut turns, now + WAY_PATIENCE - SECOND),
            (vec![], vec![])
        );
        assert_eq!(turns.deadline(), Some(now + WAY_PATIENCE));
        assert_eq!(all(&mut turns, now + WAY_PATIENCE), (vec![4], vec![]));
    }

    #[test]
    fn who_fails_at_once_and_comes_again_gets_no_more_than_others() {
        let (mut turns, now) = (turns(0), start());
        let mut opened = 0;
        for who in 0..100 {
            turns.wait(who);
            opened += all(&mut turns, now).0.len();
            turns.over(now, &who);
        }
        assert_eq!(opened, 4);
        turns.wait(100);
        assert_eq!(all(&mut turns, now), (vec![], vec![]));
        assert_eq!(turns.deadline(), Some(now + REST));
        assert_eq!(all(&mut turns, now + REST).0, [100]);
        // Who goes while it waits takes no place.
        turns.wait(101);
        turns.over(now, &101);
        assert!(!turns.waits(&101));
    }
}
