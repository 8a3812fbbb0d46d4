//! The door of a room, and what only its host may do: admit, lock, remove.

use std::time::Duration;

use ahoy_contract::{ErrorCode, PeerId, RoomId, wire::RelayMessage};

use super::{Rooms, no_such_peer, not_in_room, room::Waiting, room_full, text_of};
use crate::{
    request::{Newcomer, Refusal},
    token::Key,
};

impl Rooms {
    /// One asks to come in, and there is place for it at the door: the host is told, and it itself, so that it can say that
    /// it waits.
    pub(super) fn knock(
        &mut self,
        key: Key,
        id: &RoomId,
        newcomer: Newcomer,
    ) -> Result<(), Refusal> {
        let Some(room) = self.rooms.get_mut(id) else {
            return Err(not_in_room());
        };
        let waiting = Waiting { key, newcomer };
        let (text, host) = (text_of(&waiting.knock()), room.host);
        room.door.push(waiting);
        self.people.put(key, id.clone());
        self.send(key, text.clone());
        if let Some(host) = host {
            self.send(host, text);
        }
        Ok(())
    }

    /// The host lets one in that waits at the door, or sends it away.
    pub(super) fn admit(
        &mut self,
        now: Duration,
        key: Key,
        peer: &PeerId,
        accept: bool,
    ) -> Result<(), Refusal> {
        let id = self.hosted_by(key)?;
        let Some(room) = self.rooms.get_mut(&id) else {
            return Err(not_in_room());
        };
        let guest = room.find_at_door(peer).ok_or_else(no_such_peer)?;
        if accept && room.is_full() {
            return Err(room_full());
        }
        let Some(waiting) = room.take_from_door(guest) else {
            return Err(no_such_peer());
        };
        if accept {
            room.seat(guest, waiting.newcomer);
            self.tell_came(now, &id, guest);
        } else {
            room.queue.note_sent_away(guest);
            self.dismiss(guest, ErrorCode::Denied, "The host did not let you in.");
        }
        Ok(())
    }

    /// The host closes the room to newcomers, or opens it. Those at the door wait on.
    pub(super) fn lock(&mut self, key: Key, locked: bool) -> Result<(), Refusal> {
        let id = self.hosted_by(key)?;
        if let Some(room) = self.rooms.get_mut(&id)
            && room.locked != locked
        {
            room.locked = locked;
            self.tell_all(&id);
        }
        Ok(())
    }

    /// The host sends a member away, or one at the door.
    pub(super) fn remove(&mut self, now: Duration, key: Key, peer: &PeerId) -> Result<(), Refusal> {
        let id = self.hosted_by(key)?;
        let Some(room) = self.rooms.get_mut(&id) else {
            return Err(not_in_room());
        };
        let (seated, waiting) = (room.find(peer), room.find_at_door(peer));
        let guest = seated.or(waiting).ok_or_else(no_such_peer)?;
        if guest == key {
            let message = "A host does not remove itself: leave the room instead.";
            return Err(Refusal::new(ErrorCode::BadMessage, message));
        }
        room.take_from_door(guest);
        room.queue.note_sent_away(guest);
        self.unseat(&id, guest);
        self.dismiss(guest, ErrorCode::Removed, "The host has removed you.");
        if seated.is_some() {
            self.tell_gone(now, &id, guest, false);
        }
        Ok(())
    }

    /// One goes from the door without coming in.
    pub(super) fn take_from_door(&mut self, id: &RoomId, key: Key) {
        let Some(room) = self.rooms.get_mut(id) else {
            return;
        };
        if room.take_from_door(key).is_none() {
            return;
        }
        let (peer, host) = (key.peer(), room.host);
        room.note_went(peer.clone());
        if let Some(host) = host {
            self.send(host, text_of(&RelayMessage::Left { peer }));
        }
    }

    /// A host that has come in anew may ask for no knocking: then all who wait come in, while there is place.
    pub(super) fn open_door(&mut self, id: &RoomId) {
        let Some(room) = self.rooms.get_mut(id) else {
            return;
        };
        if room.knock {
            return;
        }
        let mut outside = Vec::new();
        for waiting in std::mem::take(&mut room.door) {
            if room.is_full() {
                outside.push(waiting.key);
            } else {
                room.seat(waiting.key, waiting.newcomer);
            }
        }
        for key in outside {
            self.dismiss(key, ErrorCode::RoomFull, "The room is full.");
        }
    }

    /// Tells the host who waits.
    pub(super) fn tell_door(&mut self, id: &RoomId) {
        let Some(room) = self.rooms.get(id) else {
            return;
        };
        let Some(host) = room.host else { return };
        let knocks: Vec<_> = room
            .door
            .iter()
            .map(|waiting| text_of(&waiting.knock()))
            .collect();
        for text in knocks {
            self.send(host, text);
        }
    }

    /// Tells a host that comes back who went from the door: it may know them as waiting.
    pub(super) fn tell_went(&mut self, id: &RoomId) {
        let Some(room) = self.rooms.get(id) else {
            return;
        };
        let Some(host) = room.host else { return };
        let went: Vec<_> = room
            .went
            .iter()
            .filter(|peer| room.find(peer).is_none() && room.find_at_door(peer).is_none())
            .map(|peer| text_of(&RelayMessage::Left { peer: peer.clone() }))
            .collect();
        for text in went {
            self.send(host, text);
        }
    }

    // The room of its host; nobody else may ask for what follows.
    fn hosted_by(&self, key: Key) -> Result<RoomId, Refusal> {
        let id = self.people.place(key).ok_or_else(not_in_room)?;
        match self.rooms.get(id) {
            Some(room) if room.host == Some(key) => Ok(id.clone()),
            Some(_) => Err(Refusal::new(
                ErrorCode::Denied,
                "Only the host of the room may do this.",
            )),
            None => Err(not_in_room()),
        }
    }
}
