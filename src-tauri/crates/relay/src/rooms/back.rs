//! Sockets that break, and members that come back on another.

use std::time::Duration;

use ahoy_contract::{ErrorCode, PeerId, RoomId, wire::RoomKind};

use super::{Rooms, Said, SocketId, Text, text_of};
use crate::{
    request::Refusal,
    token::{Key, Token},
};

/// What a client says first.
#[derive(Debug)]
pub(crate) struct Hello {
    /// Random bytes for a token, should it need a new one.
    pub(crate) fresh: Token,
    /// The token of its last `welcome`.
    pub(crate) resume: Option<Token>,
    /// The number of the last signal that it got; 0 for none.
    pub(crate) ack: u64,
}

/// What a client is welcomed with.
#[derive(Debug)]
pub(crate) struct Greeting {
    /// Who it is.
    pub(crate) peer: PeerId,
    /// With which it comes back the next time.
    pub(crate) token: Token,
    /// It goes on where it was.
    pub(crate) resumed: bool,
    /// It is the host of a broadcast.
    pub(crate) broadcasts: bool,
}

impl Rooms {
    /// A socket says hello. It gets the text that `welcome` makes of its greeting, and if it goes on with a
    /// membership what it missed.
    pub(crate) fn greet(
        &mut self,
        now: Duration,
        socket: SocketId,
        hello: Hello,
        welcome: impl FnOnce(Greeting) -> Text,
    ) -> Result<Key, Refusal> {
        let Hello { fresh, resume, ack } = hello;
        let arrival = self
            .people
            .arrive(socket, fresh, resume.as_ref())
            .ok_or_else(|| Refusal::new(ErrorCode::Busy, "The relay cannot make an id now."))?;
        let key = arrival.key;
        if let Some(old) = arrival.old {
            self.out.push_back((old, Said::Close));
        }
        let place = self.people.place(key).cloned();
        let missed = place.as_ref().and_then(|id| self.missed(id, key, ack));
        let room = place.as_ref().and_then(|id| self.rooms.get(id));
        let broadcasts = room.is_some_and(|room| {
            room.kind == RoomKind::Broadcast && room.host == Some(key) && missed.is_some()
        });
        self.send(
            key,
            welcome(Greeting {
                peer: key.peer(),
                token: arrival.token,
                resumed: missed.is_some() || arrival.word.is_some(),
                broadcasts,
            }),
        );
        match (place, missed) {
            (Some(id), Some(missed)) => {
                for text in missed {
                    self.send(key, text);
                }
                self.tell_state(&id, key);
            }
            // More than is kept was lost on the way: it comes in anew.
            (Some(_), None) => {
                self.take_out(now, key);
            }
            (None, _) => {}
        }
        if let Some(word) = arrival.word {
            self.send(key, word);
        }
        Ok(key)
    }

    /// Something came over a socket that shows that its `welcome` arrived.
    pub(crate) fn confirm(&mut self, socket: SocketId) {
        self.people.confirm(socket);
    }

    /// The socket is no more. Its member keeps its place for a while; others see no change.
    pub(crate) fn gone(&mut self, now: Duration, socket: SocketId) {
        self.people.gone(socket, now + self.bounds.resume);
    }

    /// Takes out those who have not come back, ends the rooms whose host stayed away too long, and tells viewers
    /// how many they are.
    pub(crate) fn expire(&mut self, now: Duration) {
        while let Some(key) = self.people.expired(now) {
            self.take_out(now, key);
        }
        self.tell_counts(now);
        while let Some((end, id)) = self.ends.pop_front_if(|(end, _)| *end <= now) {
            if self
                .rooms
                .get(&id)
                .is_some_and(|room| room.ends == Some(end))
            {
                self.end(&id, "The host has not come back: the room is closed.");
            }
        }
    }

    /// When [`expire`](Self::expire) next has something to do, at the earliest.
    pub(crate) fn next_expiry(&self) -> Option<Duration> {
        let ends = [&self.ends, &self.counts].map(|queue| queue.front().map(|(end, _)| *end));
        ends.into_iter()
            .flatten()
            .chain(self.people.next_expiry())
            .min()
    }

    /// A member has got all signals up to a number.
    pub(super) fn ack(&mut self, key: Key, n: u64) -> Result<(), Refusal> {
        let room = match self.people.place(key) {
            Some(id) => self.rooms.get_mut(id),
            None => None,
        };
        // It may have been taken out while this was under way, which is no fault of its own.
        let Some(seat) = room.and_then(|room| room.seats.iter_mut().find(|seat| seat.key == key))
        else {
            return Ok(());
        };
        self.kept_bytes -= seat.kept.bytes();
        let known = seat.kept.ack(n);
        self.kept_bytes += seat.kept.bytes();
        if known {
            Ok(())
        } else {
            let message = "You were sent no signal of this number.";
            Err(Refusal::new(ErrorCode::BadMessage, message))
        }
    }

    // The signals that a member still needs; `None` when some of them are no more.
    fn missed(&self, id: &RoomId, key: Key, ack: u64) -> Option<Vec<Text>> {
        let room = self.rooms.get(id)?;
        match room.index(key) {
            Some(index) => Some(room.seats[index].kept.after(ack)?.cloned().collect()),
            // At the door there are no signals.
            None => Some(Vec::new()),
        }
    }

    // How it is now, for one that may have missed how it came to be so.
    fn tell_state(&mut self, id: &RoomId, key: Key) {
        let Some(room) = self.rooms.get(id) else {
            return;
        };
        if let Some(waiting) = room.door.iter().find(|waiting| waiting.key == key) {
            let text = text_of(&waiting.knock());
            return self.send(key, text);
        }
        let host = room.host;
        self.tell_one(id, key);
        if host == Some(key) {
            self.tell_went(id);
            self.tell_door(id);
        }
    }
}
