//! What is said in the lobby, and how far each client has heard it.
//!
//! All texts stand in one queue, in which each client has its place. So a text is held once, however many are to get
//! it, and all that the lobby holds is bounded by the queue. It is held until all have passed it, or until newer
//! ones push it out; who has not passed it then takes too little, and is not waited for.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::{Place, address::Address, pace::Pace};
use crate::rooms::Text;

/// The most bytes that are held.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The most texts that are held: a few from each of a thousand clients.
const MAX_TEXTS: usize = 8192;
/// What a text needs beside its bytes, and beside those whom it is for.
const TEXT_OVERHEAD: usize = 96;
/// All clients together may say so many times as much as one: each text goes through the hands of all.
const CROWD: u32 = 2;

/// The queue, shared by the tasks of all clients.
#[derive(Debug)]
pub(super) struct Hall {
    queue: Mutex<Queue>,
    said: watch::Sender<()>,
    crowd: Mutex<Pace>,
    start: Instant,
}

/// One client in the hall, until it is dropped.
#[derive(Debug)]
pub(crate) struct Client {
    hall: Arc<Hall>,
    id: ClientId,
    said: watch::Receiver<()>,
    _place: Place,
}

/// It was too slow: what it should have got next is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Behind;

impl Hall {
    /// An empty hall, in which one may say so much in a second, and at once.
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        let [per_second, burst] = [per_second, burst].map(|one| one.saturating_mul(CROWD));
        Self {
            queue: Mutex::default(),
            said: watch::Sender::default(),
            crowd: Mutex::new(Pace::new(per_second, burst, Duration::ZERO)),
            start: Instant::now(),
        }
    }

    /// A client comes in. It hears what is said from now on.
    pub(super) fn enter(self: &Arc<Self>, place: Place) -> Client {
        Client {
            hall: self.clone(),
            id: self.lock().enter(),
            said: self.said.subscribe(),
            _place: place,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// Says something to all others, or to those whom it names.
    pub(super) fn say(&self, text: &str) {
        let address = Address::of(text);
        self.hall.lock().say(self.id, text, address);
        self.hall.said.send_replace(());
    }

    /// Takes what it said, so many messages' worth, from what all may say; how long it is not listened to for that.
    pub(super) fn spend(&self, tokens: u32) -> Duration {
        let mut crowd = self
            .hall
            .crowd
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        crowd.spend(self.hall.start.elapsed(), tokens)
    }

    /// Adds what it has not heard yet, in order, until there are so many bytes or there is no more.
    ///
    /// # Errors
    /// [`Behind`] when it was too slow.
    pub(super) fn hear(&self, texts: &mut Vec<Text>, bytes: usize) -> Result<(), Behind> {
        self.hall.lock().hear(self.id, texts, bytes)
    }

    /// Waits until there may be more to hear.
    pub(super) async fn more(&mut self) {
        // The hall is there for as long as one of its clients.
        let _ = self.said.changed().await;
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.hall.lock().leave(self.id);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct ClientId(u64);

/// PURE. The texts, and the clients' places among them.
#[derive(Debug, Default)]
struct Queue {
    texts: VecDeque<Said>,
    bytes: usize,
    /// The number of the first of the texts, or of the next where there are none.
    first: u64,
    clients: HashMap<ClientId, Hearer>,
    last_id: u64,
}

#[derive(Debug)]
struct Said {
    text: Text,
    from: ClientId,
    /// For whom, where not for all others.
    only: Option<Vec<ClientId>>,
    /// How many have not passed it yet.
    left: usize,
}

impl Said {
    /// As many bytes as are held for it.
    fn size(&self) -> usize {
        let only = self.only.as_ref().map_or(0, Vec::len);
        self.text.len() + TEXT_OVERHEAD + only * size_of::<ClientId>()
    }
}

#[derive(Debug)]
struct Hearer {
    /// The number of the text that it looks at next.
    next: u64,
    /// What it called itself last.
    name: Option<String>,
}

impl Queue {
    fn enter(&mut self) -> ClientId {
        self.last_id += 1;
        let (id, next) = (ClientId(self.last_id), self.end());
        self.clients.insert(id, Hearer { next, name: None });
        id
    }

    fn leave(&mut self, id: ClientId) {
        let Some(client) = self.clients.remove(&id) else {
            return;
        };
        let passed = client.next.saturating_sub(self.first) as usize;
        for said in self.texts.iter_mut().skip(passed) {
            said.left -= 1;
        }
        self.drop_passed();
        if self.clients.is_empty() {
            // So that the memory of a great crowd is given back.
            self.texts = VecDeque::new();
            self.clients = HashMap::new();
        }
    }

    // To the others who are known by the target's name. Where nobody is, it may still be known to somebody.
    fn say(&mut self, from: ClientId, text: &str, address: Address) {
        let Address { name, target } = address;
        if let (Some(name), Some(client)) = (name, self.clients.get_mut(&from)) {
            client.name = Some(name);
        }
        let only = target.and_then(|target| {
            let clients = self.clients.iter();
            let named: Vec<_> = clients
                .filter(|(id, client)| **id != from && client.name.as_ref() == Some(&target))
                .map(|(id, _)| *id)
                .collect();
            (!named.is_empty()).then_some(named)
        });
        let said = Said {
            // A copy: what was read from the socket would hold all of its buffer.
            text: text.to_owned().into(),
            from,
            only,
            left: self.clients.len(),
        };
        let size = said.size();
        while self.texts.len() >= MAX_TEXTS || self.bytes + size > MAX_BYTES {
            if !self.drop_first() {
                break;
            }
        }
        self.bytes += size;
        self.texts.push_back(said);
    }

    fn hear(
        &mut self,
        id: ClientId,
        texts: &mut Vec<Text>,
        mut bytes: usize,
    ) -> Result<(), Behind> {
        let client = self.clients.get_mut(&id).ok_or(Behind)?;
        let passed = client.next.checked_sub(self.first).ok_or(Behind)? as usize;
        for said in self.texts.iter_mut().skip(passed) {
            if bytes == 0 {
                break;
            }
            client.next += 1;
            said.left -= 1;
            let meant = said.only.as_ref().is_none_or(|only| only.contains(&id));
            if said.from != id && meant {
                bytes = bytes.saturating_sub(said.text.len().max(1));
                texts.push(said.text.clone());
            }
        }
        self.drop_passed();
        Ok(())
    }

    fn end(&self) -> u64 {
        self.first + self.texts.len() as u64
    }

    fn drop_passed(&mut self) {
        while self.texts.front().is_some_and(|said| said.left == 0) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) -> bool {
        let Some(said) = self.texts.pop_front() else {
            return false;
        };
        self.first += 1;
        self.bytes -= said.size();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(clients: usize) -> (Queue, Vec<ClientId>) {
        let mut queue = Queue::default();
        let ids = (0..clients).map(|_| queue.enter()).collect();
        (queue, ids)
    }

    fn say(queue: &mut Queue, from: ClientId, text: &str) {
        queue.say(from, text, Address::of(text));
    }

    fn heard(queue: &mut Queue, id: ClientId) -> Result<Vec<String>, Behind> {
        let mut texts = Vec::new();
        queue.hear(id, &mut texts, usize::MAX)?;
        Ok(texts.iter().map(|text| text.to_string()).collect())
    }

    fn all(texts: &[&str]) -> Result<Vec<String>, Behind> {
        Ok(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn all_others_hear_it_in_order_and_its_sender_does_not() {
        let (mut queue, ids) = queue(3);
        say(&mut queue, ids[0], "one");
        say(&mut queue, ids[1], "two");
        let late = queue.enter();
        say(&mut queue, ids[0], "three");
        assert_eq!(heard(&mut queue, ids[0]), all(&["two"]));
        assert_eq!(heard(&mut queue, ids[1]), all(&["one", "three"]));
        assert_eq!(heard(&mut queue, ids[2]), all(&["one", "two", "three"]));
        assert_eq!(heard(&mut queue, ids[2]), all(&[]));
        assert_eq!(heard(&mut queue, late), all(&["three"]));
        assert_eq!((queue.texts.len(), queue.bytes), (0, 0));
    }

    #[test]
    fn a_part_is_heard_at_a_time() {
        let (mut queue, ids) = queue(2);
        for text in ["aaaa", "bb", "cccc", "d"] {
            say(&mut queue, ids[0], text);
        }
        let mut parts = Vec::new();
        for _ in 0..4 {
            let mut texts = Vec::new();
            queue.hear(ids[1], &mut texts, 6).unwrap();
            parts.push(texts.len());
        }
        assert_eq!(parts, [2, 2, 0, 0]);
    }

    #[test]
    fn what_names_its_target_goes_to_it_alone_where_it_is_known() {
        let (mut queue, ids) = queue(4);
        let to_ada = r#"{"target":"Ada","name":"Grace"}"#;
        // Nobody is called so yet.
        say(&mut queue, ids[1], to_ada);
        for id in [0, 2, 3] {
            assert_eq!(heard(&mut queue, ids[id]), all(&[to_ada]));
        }
        let hello = r#"{"name":"Ada"}"#;
        say(&mut queue, ids[0], hello);
        say(&mut queue, ids[2], hello);
        say(&mut queue, ids[1], to_ada);
        // Two may have one name, of which one may be the page before it was loaded anew.
        assert_eq!(heard(&mut queue, ids[0]), all(&[hello, to_ada]));
        assert_eq!(heard(&mut queue, ids[2]), all(&[hello, to_ada]));
        assert_eq!(heard(&mut queue, ids[3]), all(&[hello, hello]));
        // The last name counts, and what one says to its own name is for others.
        say(&mut queue, ids[2], r#"{"name":"Hedy"}"#);
        say(&mut queue, ids[0], r#"{"target":"Ada"}"#);
        for id in [1, 2, 3] {
            let last = heard(&mut queue, ids[id]).unwrap().pop();
            assert_eq!(last.as_deref(), Some(r#"{"target":"Ada"}"#));
        }
        // Who has gone is known no more.
        queue.leave(ids[0]);
        say(&mut queue, ids[1], to_ada);
        assert_eq!(heard(&mut queue, ids[3]), all(&[to_ada]));
    }

    #[test]
    fn who_is_too_slow_is_not_waited_for_and_the_rest_lose_nothing() {
        for (text, holds) in [
            ("x".to_owned(), MAX_TEXTS),
            (
                "x".repeat(64 * 1024),
                MAX_BYTES / (64 * 1024 + TEXT_OVERHEAD),
            ),
        ] {
            let (mut queue, ids) = queue(3);
            let mut got = 0;
            for said in 1..=holds + 1 {
                say(&mut queue, ids[0], &text);
                got += heard(&mut queue, ids[1]).unwrap().len();
                assert_eq!(got, said);
                assert!(queue.bytes <= MAX_BYTES && queue.texts.len() <= MAX_TEXTS);
            }
            assert_eq!(heard(&mut queue, ids[2]), Err(Behind));
            // What its sender has not passed is its own, and that is no reason to lose it.
            queue.leave(ids[2]);
            assert_eq!(queue.clients.len(), 2);
        }
    }

    #[test]
    fn those_whom_a_text_is_for_count_where_many_have_one_name() {
        let (mut queue, ids) = queue(1000);
        for id in &ids[1..] {
            say(&mut queue, *id, r#"{"name":"x"}"#);
        }
        for id in &ids {
            let _ = heard(&mut queue, *id);
        }
        let text = r#"{"target":"x"}"#;
        for _ in 0..MAX_TEXTS {
            say(&mut queue, ids[0], text);
        }
        // Eight bytes for each of those.
        let size = text.len() + TEXT_OVERHEAD + 999 * 8;
        assert_eq!(queue.texts.len(), MAX_BYTES / size);
    }

    #[test]
    fn nothing_is_left_when_all_have_gone() {
        let (mut queue, ids) = queue(3);
        for round in 0..10 {
            for id in &ids {
                say(&mut queue, *id, r#"{"name":"x","target":"y"}"#);
            }
            let _ = heard(&mut queue, ids[round % 3]);
        }
        for id in ids {
            queue.leave(id);
            queue.leave(id);
        }
        assert_eq!((queue.texts.len(), queue.bytes), (0, 0));
        assert!(queue.clients.is_empty());
    }

    proptest::proptest! {
        /// Whoever speaks, listens, comes and goes in whatever order: each hears what the others said while it was
        /// there, once and in order, and nothing is held that nobody waits for.
        #[test]
        fn nothing_is_lost_or_held(steps in proptest::collection::vec((0_usize..5, 0_u8..8), 1..300)) {
            let mut queue = Queue::default();
            let mut clients: Vec<Option<(ClientId, Vec<String>)>> = vec![None; 5];
            for (number, (index, step)) in steps.into_iter().enumerate() {
                match (clients[index].clone(), step) {
                    (None, _) => clients[index] = Some((queue.enter(), Vec::new())),
                    (Some((id, _)), 0) => {
                        queue.leave(id);
                        clients[index] = None;
                    }
                    (Some((id, expected)), 1..=3) => {
                        proptest::prop_assert_eq!(heard(&mut queue, id), Ok(expected));
                        if let Some((_, expected)) = &mut clients[index] {
                            expected.clear();
                        }
                    }
                    (Some((id, _)), _) => {
                        let text = number.to_string();
                        say(&mut queue, id, &text);
                        for (other, expected) in clients.iter_mut().flatten() {
                            if *other != id {
                                expected.push(text.clone());
                            }
                        }
                    }
                }
                let held: usize = queue.texts.iter().map(Said::size).sum();
                proptest::prop_assert_eq!(held, queue.bytes);
                proptest::prop_assert!(queue.texts.front().is_none_or(|said| said.left > 0));
            }
            for (id, _) in clients.into_iter().flatten() {
                proptest::prop_assert!(heard(&mut queue, id).is_ok());
            }
            proptest::prop_assert_eq!((queue.texts.len(), queue.bytes), (0, 0));
        }
    }
}
