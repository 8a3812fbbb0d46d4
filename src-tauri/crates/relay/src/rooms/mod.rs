//! PURE. Who is in which room, and what that means for whom.
//!
//! [`Rooms::handle`], [`Rooms::gone`] and [`Rooms::expire`] change it, [`Rooms::poll`] gives what is to
//! be sent, in order. It knows no socket, clock or lock: sockets are numbers, time is the time since any
//! fixed moment and never goes back. `hub` calls it, from any task, under one lock.
//!
//! A room is opened by who holds its key. While its host is away it stays for a set time; the host comes
//! back by opening it again. A host that opens its room from a second socket takes it over from the first.

mod room;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use ahoy_contract::{ErrorCode, PeerId, RoomId, wire::RelayMessage};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use self::room::{Room, Seat};
use crate::request::{Newcomer, Opening, Refusal, Signal};

/// The most members of a call room: everybody sends to everybody.
const CALL_MEMBERS: u32 = 8;
/// The fewest members that a room is made for.
const LEAST_MEMBERS: u32 = 2;

/// One socket, for as long as it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SocketId(pub(crate) u64);

/// The text of a message; a copy of it shares the text.
pub(crate) type Text = Utf8Bytes;

/// What is done with the rooms, read and (where it opens a room) proven.
#[derive(Debug)]
pub(crate) enum Action<'a> {
    /// Opens a room, or comes back to it.
    Open(Box<Opening>),
    /// Comes into a room.
    Join { room: RoomId, newcomer: Newcomer },
    /// Says something to another member.
    Signal(Signal<'a>),
    /// Goes out of the room.
    Leave,
}

/// How much the rooms may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Rooms at once.
    pub(crate) rooms: usize,
    /// Members in one room.
    pub(crate) members: u32,
    /// How long a room waits for its host.
    pub(crate) host_away: Duration,
}

/// All rooms of a relay.
#[derive(Debug)]
pub(crate) struct Rooms {
    bounds: Bounds,
    rooms: HashMap<RoomId, Room>,
    /// Which room a socket is in.
    places: HashMap<SocketId, RoomId>,
    /// When a room whose host went ends. In order, for the wait is the same for all. An entry counts only
    /// while its room still has that end: the host may have come back.
    ends: VecDeque<(Duration, RoomId)>,
    /// What is to be sent. Whoever called takes it out before the next call, so it holds at most what
    /// one change says to the members of a few rooms.
    out: VecDeque<(SocketId, Text)>,
}

impl Rooms {
    /// No rooms.
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            rooms: HashMap::new(),
            places: HashMap::new(),
            ends: VecDeque::new(),
            out: VecDeque::new(),
        }
    }

    /// What one socket does, known to others as `peer`. What it is refused goes back to it alone.
    pub(crate) fn handle(
        &mut self,
        now: Duration,
        socket: SocketId,
        peer: &PeerId,
        action: Action<'_>,
    ) {
        let done = match action {
            Action::Open(opening) => self.open(socket, peer, *opening),
            Action::Join { room, newcomer } => self.join(socket, peer, &room, newcomer),
            Action::Signal(signal) => self.signal(socket, peer, &signal),
            Action::Leave => match self.take_out(now, socket) {
                true => Ok(()),
                false => Err(not_in_room()),
            },
        };
        if let Err(refusal) = done {
            self.send(socket, &refusal.to_message());
        }
    }

    /// The socket is no more.
    pub(crate) fn gone(&mut self, now: Duration, socket: SocketId) {
        self.take_out(now, socket);
    }

    /// Ends the rooms whose host stayed away too long.
    pub(crate) fn expire(&mut self, now: Duration) {
        while let Some((end, _)) = self.ends.front()
            && *end <= now
        {
            let Some((end, id)) = self.ends.pop_front() else {
                break;
            };
            if self
                .rooms
                .get(&id)
                .is_some_and(|room| room.ends == Some(end))
            {
                self.end(&id);
            }
        }
    }

    /// When [`expire`](Self::expire) next has something to do, at the earliest.
    pub(crate) fn next_expiry(&self) -> Option<Duration> {
        self.ends.front().map(|(end, _)| *end)
    }

    /// The next message, and whom it goes to.
    pub(crate) fn poll(&mut self) -> Option<(SocketId, Text)> {
        self.out.pop_front()
    }

    /// How many rooms there are, and how many members in all of them.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.rooms.len(), self.places.len())
    }

    fn open(&mut self, socket: SocketId, peer: &PeerId, opening: Opening) -> Result<(), Refusal> {
        self.must_be_outside(socket)?;
        let id = RoomId::of_key(opening.key());
        let most = self.bounds.members.clamp(LEAST_MEMBERS, CALL_MEMBERS);
        let capacity = opening.capacity.clamp(LEAST_MEMBERS, most);
        if !self.rooms.contains_key(&id) {
            self.make_place()?;
        }
        let room = self
            .rooms
            .entry(id.clone())
            .or_insert_with(|| Room::new(opening.key().clone()));
        room.capacity = capacity;
        room.ends = None;
        let replaced = room.host.take().and_then(|old| room.take(old));
        room.seat(socket, peer, opening.newcomer);
        room.host = Some(socket);
        self.places.insert(socket, id.clone());
        if let Some(old) = replaced {
            self.places.remove(&old.socket);
            let message = Refusal::new(
                ErrorCode::Removed,
                "The host has come in from another place.",
            );
            self.send(old.socket, &message.to_message());
            self.tell_left(&id, old.member.peer, Some(socket));
        }
        self.send(socket, &RelayMessage::Created { room: id.clone() });
        self.tell_roster(&id);
        Ok(())
    }

    fn join(
        &mut self,
        socket: SocketId,
        peer: &PeerId,
        id: &RoomId,
        newcomer: Newcomer,
    ) -> Result<(), Refusal> {
        self.must_be_outside(socket)?;
        let Some(room) = self.rooms.get_mut(id) else {
            return Err(Refusal::new(ErrorCode::NotFound, "There is no such room."));
        };
        // The host's place is kept while it is away.
        if room.guests() + 1 >= room.capacity as usize {
            return Err(Refusal::new(ErrorCode::RoomFull, "The room is full."));
        }
        room.seat(socket, peer, newcomer);
        self.places.insert(socket, id.clone());
        self.tell_roster(id);
        Ok(())
    }

    fn signal(
        &mut self,
        socket: SocketId,
        from: &PeerId,
        signal: &Signal<'_>,
    ) -> Result<(), Refusal> {
        let place = self.places.get(&socket).ok_or_else(not_in_room)?;
        let addressee = self
            .rooms
            .get_mut(place)
            .and_then(|room| room.find(&signal.to))
            .filter(|addressee| addressee.socket != socket)
            .ok_or_else(|| {
                Refusal::new(ErrorCode::NoSuchPeer, "The addressee is not in the room.")
            })?;
        let n = addressee.delivered + 1;
        let text = signal.forward(from, n)?;
        addressee.delivered = n;
        self.out.push_back((addressee.socket, text.into()));
        Ok(())
    }

    // Out of its room, by its own wish or not; false when it was in none.
    fn take_out(&mut self, now: Duration, socket: SocketId) -> bool {
        let Some(id) = self.places.remove(&socket) else {
            return false;
        };
        let Some(room) = self.rooms.get_mut(&id) else {
            return false;
        };
        let left = room.take(socket);
        if room.host == Some(socket) {
            let end = now + self.bounds.host_away;
            room.host = None;
            room.ends = Some(end);
            self.ends.push_back((end, id.clone()));
        }
        if let Some(left) = left {
            self.tell_left(&id, left.member.peer, None);
            self.tell_roster(&id);
        }
        true
    }

    fn must_be_outside(&self, socket: SocketId) -> Result<(), Refusal> {
        if self.places.contains_key(&socket) {
            return Err(Refusal::new(
                ErrorCode::BadMessage,
                "You are in a room already: leave it first.",
            ));
        }
        Ok(())
    }

    // A room that all have left holds nothing that its host could not open again, so it may go early.
    fn make_place(&mut self) -> Result<(), Refusal> {
        if self.rooms.len() < self.bounds.rooms {
            return Ok(());
        }
        let deserted = self.ends.iter().position(|(end, id)| {
            self.rooms
                .get(id)
                .is_some_and(|room| room.ends == Some(*end) && room.seats.is_empty())
        });
        match deserted.and_then(|index| self.ends.remove(index)) {
            Some((_, id)) => {
                self.rooms.remove(&id);
                Ok(())
            }
            None => Err(Refusal::new(
                ErrorCode::Busy,
                "This relay has no place for another room now.",
            )),
        }
    }

    fn end(&mut self, id: &RoomId) {
        let Some(room) = self.rooms.remove(id) else {
            return;
        };
        let over = Refusal::new(
            ErrorCode::NotFound,
            "The host has not come back: the room is closed.",
        );
        let text = text_of(&over.to_message());
        for Seat { socket, .. } in room.seats {
            self.places.remove(&socket);
            self.out.push_back((socket, text.clone()));
        }
    }

    // One text for all: the members of a call room are told the same.
    fn tell_roster(&mut self, id: &RoomId) {
        let Some(room) = self.rooms.get(id) else {
            return;
        };
        let text = text_of(&room.roster());
        self.out
            .extend(room.seats.iter().map(|seat| (seat.socket, text.clone())));
    }

    fn tell_left(&mut self, id: &RoomId, peer: PeerId, but: Option<SocketId>) {
        let Some(room) = self.rooms.get(id) else {
            return;
        };
        let text = text_of(&RelayMessage::Left { peer });
        let told = room
            .seats
            .iter()
            .map(|seat| seat.socket)
            .filter(|socket| Some(*socket) != but);
        self.out.extend(told.map(|socket| (socket, text.clone())));
    }

    fn send(&mut self, to: SocketId, message: &RelayMessage) {
        self.out.push_back((to, text_of(message)));
    }
}

/// The text of a message.
pub(crate) fn text_of(message: &RelayMessage) -> Text {
    // These types hold nothing that JSON cannot say; an empty object is no message to any client.
    serde_json::to_string(message)
        .unwrap_or_else(|_| "{}".to_owned())
        .into()
}

fn not_in_room() -> Refusal {
    Refusal::new(ErrorCode::NotInRoom, "You are in no room.")
}
