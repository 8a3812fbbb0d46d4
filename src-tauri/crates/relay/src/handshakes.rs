//! How many connections are in TLS or HTTP at once, and what becomes of those that are too many.
//!
//! They wait, in the order in which they came. Where too many wait, or one has waited for too long, a few at a time are
//! told so; for the rest words would cost what the limit saves.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore, TryAcquireError},
    time::timeout,
};

use crate::config::Limits;

/// How many connections at once are told that they are too many, and how many that they come too fast from one address.
const REFUSALS: usize = 64;
const ADDRESS_REFUSALS: usize = 16;

/// The places for connections that are in TLS or HTTP.
#[derive(Debug)]
pub(crate) struct Handshakes {
    places: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    wait: Duration,
    refusals: Arc<Semaphore>,
    address_refusals: Arc<Semaphore>,
}

/// What becomes of a connection.
#[derive(Debug)]
pub(crate) enum Entry {
    /// It is served, and holds this until it has become a socket.
    Serve(OwnedSemaphorePermit),
    /// It waits.
    Wait(Waiting),
    /// It is told why it is not served, and holds this meanwhile.
    Refuse(Crowd, OwnedSemaphorePermit),
}

/// A place in the queue.
#[derive(Debug)]
pub(crate) struct Waiting {
    handshakes: Arc<Handshakes>,
    _place: OwnedSemaphorePermit,
}

/// Why a connection is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crowd {
    /// There are too many connections.
    Relay,
    /// There are too many from its address, or they come too fast.
    Address,
}

impl Handshakes {
    pub(crate) fn new(limits: &Limits) -> Self {
        let semaphore = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self {
            places: semaphore(limits.handshakes),
            queue: semaphore(limits.waiting),
            wait: limits.wait,
            refusals: semaphore(REFUSALS),
            address_refusals: semaphore(ADDRESS_REFUSALS),
        }
    }

    /// One more connection comes; `None` when it is to be dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Entry> {
        // A place that becomes free is given to whoever waits, so nobody gets in between.
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Some(Entry::Serve(place));
        }
        match self.queue.clone().try_acquire_owned() {
            Ok(place) => Some(Entry::Wait(Waiting {
                handshakes: self.clone(),
                _place: place,
            })),
            Err(_) => self.refuse(Crowd::Relay),
        }
    }

    /// One is not served; `None` when it is to be dropped.
    pub(crate) fn refuse(&self, crowd: Crowd) -> Option<Entry> {
        let refusals = match crowd {
            Crowd::Relay => &self.refusals,
            Crowd::Address => &self.address_refusals,
        };
        let permit: Result<_, TryAcquireError> = refusals.clone().try_acquire_owned();
        permit.ok().map(|permit| Entry::Refuse(crowd, permit))
    }
}

impl Waiting {
    /// Waits for a place, and gives what becomes of the connection then: it does not wait once more.
    pub(crate) async fn end(self) -> Option<Entry> {
        let places = self.handshakes.places.clone();
        let place: Result<Result<_, AcquireError>, _> =
            timeout(self.handshakes.wait, places.acquire_owned()).await;
        match place {
            Ok(Ok(place)) => Some(Entry::Serve(place)),
            _ => self.handshakes.refuse(Crowd::Relay),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshakes(places: usize, waiting: usize, wait: Duration) -> Arc<Handshakes> {
        let mut limits = Limits::default();
        (limits.handshakes, limits.waiting, limits.wait) = (places, waiting, wait);
        Arc::new(Handshakes::new(&limits))
    }

    fn waits(handshakes: &Arc<Handshakes>) -> Waiting {
        match handshakes.enter() {
            Some(Entry::Wait(waiting)) => waiting,
            other => panic!("it does not wait: {other:?}"),
        }
    }

    #[tokio::test]
    async fn who_comes_when_all_places_are_taken_waits_in_order() {
        let handshakes = handshakes(1, 2, Duration::from_secs(60));
        let Some(Entry::Serve(place)) = handshakes.enter() else {
            panic!("no place");
        };
        let (first, second) = (waits(&handshakes), waits(&handshakes));
        assert!(matches!(
            handshakes.enter(),
            Some(Entry::Refuse(Crowd::Relay, _))
        ));
        let first = tokio::spawn(first.end());
        tokio::task::yield_now().await;
        let second = tokio::spawn(second.end());
        tokio::task::yield_now().await;
        drop(place);
        // Nobody gets in before those who wait.
        assert!(!matches!(handshakes.enter(), Some(Entry::Serve(_))));
        let Some(Entry::Serve(place)) = first.await.unwrap() else {
            panic!("the first is not served");
        };
        drop(place);
        assert!(matches!(second.await.unwrap(), Some(Entry::Serve(_))));
        assert!(matches!(handshakes.enter(), Some(Entry::Serve(_))));
    }

    #[tokio::test]
    async fn who_has_waited_too_long_is_told_so() {
        let handshakes = handshakes(0, 1, Duration::from_millis(20));
        for _ in 0..2 {
            let end = waits(&handshakes).end().await;
            assert!(matches!(end, Some(Entry::Refuse(Crowd::Relay, _))));
        }
    }

    #[test]
    fn a_few_are_told_and_the_rest_dropped() {
        let handshakes = handshakes(0, 0, Duration::ZERO);
        for (crowd, most) in [(Crowd::Relay, REFUSALS), (Crowd::Address, ADDRESS_REFUSALS)] {
            let held: Vec<_> = (0..100).filter_map(|_| handshakes.refuse(crowd)).collect();
            assert_eq!(held.len(), most);
        }
        assert!(matches!(handshakes.enter(), Some(Entry::Refuse(..))));
    }
}
