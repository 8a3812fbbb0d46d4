//! Who is known: by which token each comes back, on which socket it is, and in which room.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    mem,
    time::Duration,
};

use ahoy_contract::RoomId;

use super::{SocketId, Text};
use crate::token::{Key, Token, TokenSecret};

/// How many of those who have no socket are looked at for one whose room may go: it happens under load.
const MOST_LOOKED_AT: usize = 256;

/// All who have a socket, and the members whose socket broke a short time ago.
#[derive(Debug, Default)]
pub(super) struct People {
    known: HashMap<Key, Person>,
    sockets: HashMap<SocketId, Key>,
    /// Until when those are waited for whose sockets broke. In order, for the wait is the same for all.
    /// An entry counts only while its person still has that time: it may have come back.
    waits: VecDeque<(Duration, Key)>,
    /// How many have a place.
    placed: usize,
}

#[derive(Debug)]
struct Person {
    token: TokenSecret,
    /// The token before, while nothing shows that the last one arrived. The socket may have broken just
    /// then, and the client knows only this one.
    before: Option<TokenSecret>,
    line: Line,
    /// The room that it is in, or at whose door it is.
    place: Option<RoomId>,
}

#[derive(Debug)]
enum Line {
    Up(SocketId),
    // Boxed: few are without a socket.
    Broken(Box<Broken>),
}

#[derive(Debug)]
struct Broken {
    until: Duration,
    /// What it is told when it comes back: why it has its place no more.
    word: Option<Text>,
}

/// Who came on a new socket.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) key: Key,
    /// With which it comes back the next time.
    pub(super) token: Token,
    /// The socket that it had until now.
    pub(super) old: Option<SocketId>,
    /// What it has not been told yet, instead of a place.
    pub(super) word: Option<Text>,
}

impl People {
    /// Somebody comes on a new socket: by its last token as who it was, by the token of one who is not known
    /// under the same id, and otherwise as the one that the fresh token names. `None` when that one is known
    /// already, which randomness does not let happen.
    pub(super) fn arrive(
        &mut self,
        socket: SocketId,
        fresh: Token,
        resume: Option<&Token>,
    ) -> Option<Arrival> {
        if let Some(shown) = resume {
            let (key, token) = (shown.key(), shown.renewed(&fresh));
            match self.known.get_mut(&key) {
                None => return self.enter(socket, key, token, Some(shown)),
                Some(person) if person.accepts(shown) => {
                    person.token = token.secret().clone();
                    person.before = Some(shown.secret().clone());
                    let (old, word) = match mem::replace(&mut person.line, Line::Up(socket)) {
                        Line::Up(old) => (Some(old), None),
                        Line::Broken(broken) => (None, broken.word),
                    };
                    if let Some(old) = old {
                        self.sockets.remove(&old);
                    }
                    self.sockets.insert(socket, key);
                    return Some(Arrival {
                        key,
                        token,
                        old,
                        word,
                    });
                }
                // A token of the past, or one that was made up: the one whose id it is stays undisturbed.
                Some(_) => {}
            }
        }
        self.enter(socket, fresh.key(), fresh, None)
    }

    fn enter(
        &mut self,
        socket: SocketId,
        key: Key,
        token: Token,
        before: Option<&Token>,
    ) -> Option<Arrival> {
        let Entry::Vacant(entry) = self.known.entry(key) else {
            return None;
        };
        entry.insert(Person {
            token: token.secret().clone(),
            before: before.map(|token| token.secret().clone()),
            line: Line::Up(socket),
            place: None,
        });
        self.sockets.insert(socket, key);
        Some(Arrival {
            key,
            token,
            old: None,
            word: None,
        })
    }

    /// Something came over the socket that shows that its `welcome` arrived: the token before is void.
    pub(super) fn confirm(&mut self, socket: SocketId) {
        if let Some(person) = self
            .sockets
            .get(&socket)
            .and_then(|key| self.known.get_mut(key))
        {
            person.before = None;
        }
    }

    /// Who is on a socket; `None` when it is nobody any more.
    pub(super) fn on(&self, socket: SocketId) -> Option<Key> {
        self.sockets.get(&socket).copied()
    }

    /// The socket of one, while it has one.
    pub(super) fn socket(&self, key: Key) -> Option<SocketId> {
        match self.known.get(&key)?.line {
            Line::Up(socket) => Some(socket),
            Line::Broken(_) => None,
        }
    }

    /// The room that one is in, or at whose door it is.
    pub(super) fn place(&self, key: Key) -> Option<&RoomId> {
        self.known.get(&key)?.place.as_ref()
    }

    /// Gives one a place.
    pub(super) fn put(&mut self, key: Key, place: RoomId) {
        if let Some(person) = self.known.get_mut(&key) {
            self.placed += usize::from(person.place.replace(place).is_none());
        }
    }

    /// Takes one's place away. Who has no socket is forgotten, unless there is a word for it: then that is
    /// kept until it comes back, or its time is over. Who has one is given that word by the caller.
    pub(super) fn take_away(&mut self, key: Key, word: Option<&Text>) {
        let Some(person) = self.known.get_mut(&key) else {
            return;
        };
        self.placed -= usize::from(person.place.take().is_some());
        if let Line::Broken(broken) = &mut person.line {
            broken.word = word.cloned();
            if broken.word.is_none() {
                self.known.remove(&key);
            }
        }
    }

    /// A socket is no more. Who was on it keeps its place `until` then; who has none is forgotten.
    pub(super) fn gone(&mut self, socket: SocketId, until: Duration) {
        let Some(key) = self.sockets.remove(&socket) else {
            return;
        };
        match self.known.get_mut(&key) {
            Some(person) if person.place.is_some() => {
                person.line = Line::Broken(Box::new(Broken { until, word: None }));
                self.waits.push_back((until, key));
            }
            _ => {
                self.known.remove(&key);
            }
        }
    }

    /// The next whose time to come back is over, while it still has its place; the rest are forgotten.
    pub(super) fn expired(&mut self, now: Duration) -> Option<Key> {
        while let Some((until, key)) = self.waits.pop_front_if(|(until, _)| *until <= now) {
            match self.known.get(&key) {
                Some(person) if person.is_broken(until) && person.place.is_some() => {
                    return Some(key);
                }
                Some(person) if person.is_broken(until) => {
                    self.known.remove(&key);
                }
                _ => {}
            }
        }
        None
    }

    /// When [`expired`](Self::expired) next has something to say, at the earliest.
    pub(super) fn next_expiry(&self) -> Option<Duration> {
        self.waits.front().map(|(until, _)| *until)
    }

    /// Where those are, or at whose door, who have no socket: the longest away first, and not all of many.
    pub(super) fn broken(&self) -> impl Iterator<Item = &RoomId> {
        let longest = self.waits.iter().take(MOST_LOOKED_AT);
        longest.filter_map(|(until, key)| {
            let person = self.known.get(key)?;
            person.place.as_ref().filter(|_| person.is_broken(*until))
        })
    }

    /// How many have a place.
    pub(super) fn placed(&self) -> usize {
        self.placed
    }

    /// How many are known, with or without a place or a socket.
    #[cfg(test)]
    pub(super) fn known(&self) -> usize {
        self.known.len().max(self.sockets.len())
    }

    /// Whether one of this id is known.
    #[cfg(test)]
    pub(super) fn is_known(&self, peer: &ahoy_contract::PeerId) -> bool {
        self.known.keys().any(|key| key.peer() == *peer)
    }
}

impl Person {
    fn accepts(&self, token: &Token) -> bool {
        let last = self.token == *token.secret();
        let before = self.before.as_ref() == Some(token.secret());
        last || before
    }

    fn is_broken(&self, until: Duration) -> bool {
        matches!(&self.line, Line::Broken(broken) if broken.until == until)
    }
}
