//! PURE. Who is in which room, and what that means for whom.
//!
//! [`Rooms::greet`], [`Rooms::handle`], [`Rooms::gone`] and [`Rooms::expire`] change it, [`Rooms::poll`]
//! gives what is to be sent, in order. It knows no socket, clock or lock: sockets are numbers, time is the
//! time since any fixed moment and never goes back. `hub` calls it, from any task, under one lock.
//!
//! - `people`: who is known, on which socket, by which token. `back`: sockets that break, and members that
//!   come back on another; `kept`: what they missed meanwhile.
//! - `answers`: what costs its sender nothing. `pairs`: how much each may send to each.
//! - `room` is one room, for a call or a broadcast; `door` is what only its host may do: admit, lock, remove.
//!   `tell`: who is told of what.
//!
//! A room is opened by who holds its key. While its host is away it stays for a set time; the host comes
//! back by opening it again. A host that opens its room from a second socket takes it over from the first.

mod answers;
mod back;
mod door;
mod kept;
mod pairs;
mod people;
mod room;
mod seats;
mod tell;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use ahoy_contract::{
    ErrorCode, PeerId, RoomId,
    wire::{RelayMessage, RoomKind},
};
use tokio_tungstenite::tungstenite::Utf8Bytes;

pub(crate) use self::back::{Greeting, Hello};
use self::{people::People, room::Room};
use crate::{
    request::{Newcomer, Opening, Refusal, Signal},
    token::Key,
};

/// The most members of a call room: everybody sends to everybody.
const CALL_MEMBERS: u32 = 8;
/// The most members of a broadcast room: its host sends to each, and is told of all in one message, which
/// clients take up to 256 KiB of.
const BROADCAST_MEMBERS: u32 = 512;
/// The fewest members that a room is made for.
const LEAST_MEMBERS: u32 = 2;

/// One socket, for as long as it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SocketId(pub(crate) u64);

/// The text of a message; a copy of it shares the text.
pub(crate) type Text = Utf8Bytes;

/// What a socket is given.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// A message of the relay.
    Text(Text),
    /// A signal of another member.
    Signal {
        /// Its sender.
        from: Key,
        /// The message.
        text: Text,
    },
    /// A member has left: of what it sent only the last is still worth sending.
    SenderLeft(Key),
    /// Its end: who was on it goes on on another.
    Close,
}

/// What is done with the rooms, read and (where it opens a room) proven.
#[derive(Debug)]
pub(crate) enum Action<'a> {
    /// Opens a room, or comes back to it.
    Open(Box<Opening>),
    /// Comes into a room, or to its door.
    Join { room: RoomId, newcomer: Newcomer },
    /// Asks what a room is for.
    Look(RoomId),
    /// Lets one in that waits at the door, or sends it away.
    Admit { peer: PeerId, accept: bool },
    /// Closes the room to newcomers, or opens it.
    Lock(bool),
    /// Sends a member away, or one at the door.
    Remove(PeerId),
    /// Says something to another member.
    Signal(Signal<'a>),
    /// Has got all signals up to this number.
    Ack(u64),
    /// Goes out of the room, or from its door.
    Leave,
}

/// How much the rooms may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Rooms at once.
    pub(crate) rooms: usize,
    /// Members in one call room.
    pub(crate) call_members: u32,
    /// Members in one broadcast room.
    pub(crate) broadcast_members: u32,
    /// How long a room waits for its host.
    pub(crate) host_away: Duration,
    /// How long a member whose socket broke keeps its place.
    pub(crate) resume: Duration,
    /// Bytes of signals that are kept, over all members.
    pub(crate) kept_bytes: usize,
}

/// All rooms of a relay.
#[derive(Debug)]
pub(crate) struct Rooms {
    bounds: Bounds,
    rooms: HashMap<RoomId, Room>,
    people: People,
    /// When a room whose host went ends. In order, for the wait is the same for all. An entry counts only
    /// while its room still has that end: the host may have come back.
    ends: VecDeque<(Duration, RoomId)>,
    /// When the viewers of a broadcast room may be told anew how many they are. In order, for the wait is the
    /// same for all; an entry counts only while its room still has that time.
    counts: VecDeque<(Duration, RoomId)>,
    /// Bytes of signals that are kept.
    kept_bytes: usize,
    /// What is to be sent. Whoever called takes it out before the next call, so it holds at most what
    /// one change says to the members of a few rooms.
    out: VecDeque<(SocketId, Said)>,
}

impl Rooms {
    /// No rooms.
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            rooms: HashMap::new(),
            people: People::default(),
            ends: VecDeque::new(),
            counts: VecDeque::new(),
            kept_bytes: 0,
            out: VecDeque::new(),
        }
    }

    /// What one socket does that was greeted. What it is refused goes back to it alone; a socket whose
    /// member went on on another is not heard. Says whether the socket is the host's of a broadcast now.
    pub(crate) fn handle(&mut self, now: Duration, socket: SocketId, action: Action<'_>) -> bool {
        let Some(key) = self.people.on(socket) else {
            return false;
        };
        let done = match action {
            Action::Open(opening) => self.open(key, *opening),
            Action::Join { room, newcomer } => self.join(now, key, &room, newcomer),
            Action::Look(room) => self.look(key, room),
            Action::Admit { peer, accept } => self.admit(now, key, &peer, accept),
            Action::Lock(locked) => self.lock(key, locked),
            Action::Remove(peer) => self.remove(now, key, &peer),
            Action::Signal(signal) => self.signal(now, key, &signal),
            Action::Ack(n) => self.ack(key, n),
            Action::Leave => match self.take_out(now, key) {
                true => Ok(()),
                false => Err(not_in_room()),
            },
        };
        if let Err(refusal) = done {
            self.send(key, text_of(&refusal.to_message()));
        }
        let room = self.people.place(key).and_then(|id| self.rooms.get(id));
        room.is_some_and(|room| room.kind == RoomKind::Broadcast && room.host == Some(key))
    }

    /// The member on a socket goes out of its room, or from its door.
    pub(crate) fn expel(&mut self, now: Duration, socket: SocketId) {
        if let Some(key) = self.people.on(socket) {
            self.take_out(now, key);
        }
    }

    /// The next that is to be sent, and whom it goes to.
    pub(crate) fn poll(&mut self) -> Option<(SocketId, Said)> {
        self.out.pop_front()
    }

    /// How many rooms there are, and how many members in all of them: those at a door count, and those
    /// who are waited for.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.rooms.len(), self.people.placed())
    }

    fn open(&mut self, key: Key, opening: Opening) -> Result<(), Refusal> {
        self.must_be_outside(key)?;
        let id = RoomId::of_key(opening.key());
        let kind = opening.kind;
        let most = match kind {
            RoomKind::Call => self.bounds.call_members.min(CALL_MEMBERS),
            RoomKind::Broadcast => self.bounds.broadcast_members.min(BROADCAST_MEMBERS),
        };
        let capacity = opening
            .capacity
            .clamp(LEAST_MEMBERS, most.max(LEAST_MEMBERS));
        match self.rooms.get(&id) {
            Some(room) if room.kind == kind => {}
            // Who waits for a call is no viewer.
            Some(_) => self.end(&id, "The host has opened a room of another kind."),
            None => self.make_place()?,
        }
        let room = self
            .rooms
            .entry(id.clone())
            .or_insert_with(|| Room::new(opening.key().clone(), kind));
        room.capacity = capacity;
        room.knock = opening.knock;
        room.ends = None;
        let replaced = room.host.take();
        if let Some(old) = replaced.and_then(|old| self.unseat(&id, old)) {
            let message = "The host has come in from another place.";
            self.dismiss(old, ErrorCode::Removed, message);
            self.tell_left(&id, old, true);
        }
        if let Some(room) = self.rooms.get_mut(&id) {
            room.seat(key, opening.newcomer);
            room.host = Some(key);
        }
        self.people.put(key, id.clone());
        self.send(key, text_of(&RelayMessage::Created { room: id.clone() }));
        self.open_door(&id);
        self.tell_all(&id);
        self.tell_door(&id);
        Ok(())
    }

    fn look(&mut self, key: Key, id: RoomId) -> Result<(), Refusal> {
        let kind = self.rooms.get(&id).ok_or_else(not_found)?.kind;
        self.send(key, text_of(&RelayMessage::Found { room: id, kind }));
        Ok(())
    }

    fn join(
        &mut self,
        now: Duration,
        key: Key,
        id: &RoomId,
        newcomer: Newcomer,
    ) -> Result<(), Refusal> {
        self.must_be_outside(key)?;
        let room = self.rooms.get_mut(id).ok_or_else(not_found)?;
        if room.locked {
            let message = "The host has locked the room.";
            return Err(Refusal::new(ErrorCode::Locked, message));
        }
        let places = room.places();
        if !room.queue.takes_seat(now, key, places) {
            // A full door is refused with the same code, because that is the one with which ends try again.
            return Err(room_full());
        }
        if room.knock {
            return self.knock(key, id, newcomer);
        }
        room.seat(key, newcomer);
        self.people.put(key, id.clone());
        self.tell_came(now, id, key);
        Ok(())
    }

    fn signal(&mut self, now: Duration, key: Key, signal: &Signal<'_>) -> Result<(), Refusal> {
        let room = match self.people.place(key) {
            Some(id) => self.rooms.get_mut(id),
            None => None,
        };
        let room = room.ok_or_else(not_in_room)?;
        // Who is at the door is not in the room.
        let from = room.index(key).ok_or_else(not_in_room)?;
        let to = room
            .find(&signal.to)
            .filter(|to| *to != key && room.may_signal(key, *to))
            .ok_or_else(no_such_peer)?;
        let index = room.index(to).ok_or_else(no_such_peer)?;
        room.pass(now, from, index, signal.bytes())?;
        let peer = room.seats[from].member.peer.clone();
        let seat = &mut room.seats[index];
        let text: Text = signal.forward(&peer, seat.kept.next())?.into();
        let place = self.kept_bytes + text.len() <= self.bounds.kept_bytes;
        let socket = self.people.socket(to);
        if socket.is_none() && !place {
            self.take_out(now, to);
            return Err(no_such_peer());
        }
        self.kept_bytes -= seat.kept.bytes();
        if place {
            seat.kept.push(key, text.clone());
        } else {
            seat.kept.pass_over();
        }
        self.kept_bytes += seat.kept.bytes();
        if let Some(socket) = socket {
            let from = key;
            self.out.push_back((socket, Said::Signal { from, text }));
        }
        Ok(())
    }

    /// A signal was not passed on, for too much of the same sender's waits at its addressee's socket. The sender is
    /// told so; what is kept of it the addressee gets when it comes back.
    pub(crate) fn signal_was_dropped(&mut self, from: Key) {
        let message = "This member takes too little of what you send it: wait a little.";
        let refusal = Refusal::new(ErrorCode::RateLimited, message);
        self.send(from, text_of(&refusal.to_message()));
    }

    // Out of its room or from its door, by its own wish or not; false when it was nowhere.
    fn take_out(&mut self, now: Duration, key: Key) -> bool {
        let Some(id) = self.people.place(key).cloned() else {
            return false;
        };
        self.people.take_away(key, None);
        if self.unseat(&id, key).is_none() {
            self.take_from_door(&id, key);
            return true;
        }
        let host = self.rooms.get(&id).is_some_and(|r| r.host == Some(key));
        if let Some(room) = self.rooms.get_mut(&id).filter(|_| host) {
            let end = now + self.bounds.host_away;
            room.host = None;
            room.ends = Some(end);
            self.ends.push_back((end, id.clone()));
        }
        self.tell_gone(now, &id, key, host);
        true
    }

    // Takes a member's seat, with what was kept for it.
    fn unseat(&mut self, id: &RoomId, key: Key) -> Option<Key> {
        let seat = self.rooms.get_mut(id)?.take(key)?;
        self.kept_bytes -= seat.kept.bytes();
        let sockets = seat
            .sent
            .addressees()
            .filter_map(|to| self.people.socket(to));
        self.out
            .extend(sockets.map(|socket| (socket, Said::SenderLeft(key))));
        Some(key)
    }

    fn must_be_outside(&self, key: Key) -> Result<(), Refusal> {
        if self.people.place(key).is_some() {
            return Err(Refusal::new(
                ErrorCode::BadMessage,
                "You are in a room already, or at its door: leave it first.",
            ));
        }
        Ok(())
    }

    // A room that all have left holds nothing that its host could not open again, so it may go early; and
    // before a host is sent away, one whose members are all waited for.
    fn make_place(&mut self) -> Result<(), Refusal> {
        if self.rooms.len() < self.bounds.rooms {
            return Ok(());
        }
        let deserted = self.ends.iter().position(|(end, id)| {
            self.rooms
                .get(id)
                .is_some_and(|room| room.ends == Some(*end) && room.is_empty())
        });
        if let Some((_, id)) = deserted.and_then(|index| self.ends.remove(index)) {
            self.rooms.remove(&id);
            return Ok(());
        }
        let silent = self.people.broken().find(|id| {
            self.rooms
                .get(id)
                .is_some_and(|room| room.all().all(|key| self.people.socket(key).is_none()))
        });
        match silent.cloned() {
            Some(id) => {
                for key in self.clear(&id) {
                    self.people.take_away(key, None);
                }
                Ok(())
            }
            None => Err(Refusal::new(
                ErrorCode::Busy,
                "This relay has no place for another room now.",
            )),
        }
    }

    fn end(&mut self, id: &RoomId, message: &'static str) {
        for key in self.clear(id) {
            self.dismiss(key, ErrorCode::NotFound, message);
        }
    }

    // Takes a room away; who was in it has to be told.
    fn clear(&mut self, id: &RoomId) -> Vec<Key> {
        let Some(room) = self.rooms.remove(id) else {
            return Vec::new();
        };
        let kept = room.seats.iter().map(|seat| seat.kept.bytes());
        self.kept_bytes -= kept.sum::<usize>();
        room.all().collect()
    }

    // Tells one why it has its place no more: now, or when it comes back.
    fn dismiss(&mut self, key: Key, code: ErrorCode, message: &'static str) {
        let text = text_of(&Refusal::new(code, message).to_message());
        self.people.take_away(key, Some(&text));
        self.send(key, text);
    }
}

/// The text of a message.
pub(crate) fn text_of(message: &RelayMessage) -> Text {
    // These types hold nothing that JSON cannot say; an empty object is no message to any client.
    serde_json::to_string(message)
        .unwrap_or_else(|_| "{}".to_owned())
        .into()
}

fn not_found() -> Refusal {
    Refusal::new(ErrorCode::NotFound, "There is no such room.")
}

fn not_in_room() -> Refusal {
    Refusal::new(ErrorCode::NotInRoom, "You are in no room.")
}

fn no_such_peer() -> Refusal {
    Refusal::new(ErrorCode::NoSuchPeer, "The addressee is not in the room.")
}

fn room_full() -> Refusal {
    Refusal::new(ErrorCode::RoomFull, "The room is full.")
}
