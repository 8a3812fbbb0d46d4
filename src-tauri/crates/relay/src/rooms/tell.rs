//! Who is told of what in a room.
//!
//! In a call room everybody is told everything. In a broadcast room that would be as many rosters as viewers for
//! each viewer that comes; so its host is told of each that comes and goes, and a viewer only of itself, of
//! the host, and from time to time of the number of them all.

use std::time::Duration;

use ahoy_contract::{
    RoomId,
    wire::{RelayMessage, RoomKind},
};

use super::{Rooms, Said, Text, text_of};
use crate::token::Key;

/// How long the viewers of a room are not told again how many they are.
const COUNT_EVERY: Duration = Duration::from_secs(1);

impl Rooms {
    /// Tells everybody in a room how it is: who is its host, whether it is locked.
    pub(super) fn tell_all(&mut self, id: &RoomId) {
        let Some(room) = self.rooms.get_mut(id) else {
            return;
        };
        room.count_changed = false;
        let (whole, host) = (text_of(&room.roster()), room.host);
        match room.kind {
            RoomKind::Call => self.tell(id, &whole),
            RoomKind::Broadcast => {
                if let Some(host) = host {
                    self.send(host, whole);
                }
                self.tell_viewers(id, None);
            }
        }
    }

    /// Tells those who have to know that one has come in, itself among them.
    pub(super) fn tell_came(&mut self, now: Duration, id: &RoomId, key: Key) {
        let Some(room) = self.rooms.get(id) else {
            return;
        };
        if room.kind == RoomKind::Call {
            return self.tell_all(id);
        }
        let Some(seat) = room.index(key).map(|index| &room.seats[index]) else {
            return;
        };
        let own = text_of(&room.part_of(&seat.member));
        let joined = text_of(&RelayMessage::Joined(seat.member.clone()));
        let host = room.host;
        self.send(key, own);
        if let Some(host) = host {
            self.send(host, joined);
        }
        self.count_changed(now, id, Some(key));
    }

    /// Tells those who have to know that one is in the room no more; whether it was its `host`.
    pub(super) fn tell_gone(&mut self, now: Duration, id: &RoomId, key: Key, host: bool) {
        self.tell_left(id, key, host);
        let kind = self.rooms.get(id).map(|room| room.kind);
        if kind == Some(RoomKind::Broadcast) && !host {
            self.count_changed(now, id, None);
        } else {
            self.tell_all(id);
        }
    }

    /// The first part of [`tell_gone`](Self::tell_gone): that it left, not how the room is without it.
    pub(super) fn tell_left(&mut self, id: &RoomId, key: Key, host: bool) {
        let text = text_of(&RelayMessage::Left { peer: key.peer() });
        match self.rooms.get(id) {
            Some(room) if room.kind == RoomKind::Broadcast && !host => {
                if let Some(host) = room.host {
                    self.send(host, text);
                }
            }
            _ => self.tell(id, &text),
        }
    }

    /// Tells viewers their number where that has to wait no more.
    pub(super) fn tell_counts(&mut self, now: Duration) {
        while let Some((end, id)) = self.counts.pop_front_if(|(end, _)| *end <= now) {
            let room = self.rooms.get_mut(&id);
            let Some(room) = room.filter(|room| room.count_rests == Some(end)) else {
                continue;
            };
            room.count_rests = None;
            if room.count_changed {
                self.count_changed(now, &id, None);
            }
        }
    }

    /// Gives one who may have missed it how the room is.
    pub(super) fn tell_one(&mut self, id: &RoomId, key: Key) {
        let Some(room) = self.rooms.get(id) else {
            return;
        };
        let part = room.kind == RoomKind::Broadcast && room.host != Some(key);
        let seat = room.seats.iter().find(|seat| seat.key == key);
        let text = match seat {
            Some(seat) if part => text_of(&room.part_of(&seat.member)),
            _ => text_of(&room.roster()),
        };
        self.send(key, text);
    }

    /// To one, while it has a socket.
    pub(super) fn send(&mut self, to: Key, text: Text) {
        if let Some(socket) = self.people.socket(to) {
            self.out.push_back((socket, Said::Text(text)));
        }
    }

    // The viewers are told at once, and then not again for a while; `told` knows it already.
    fn count_changed(&mut self, now: Duration, id: &RoomId, told: Option<Key>) {
        let Some(room) = self.rooms.get_mut(id) else {
            return;
        };
        if room.count_rests.is_some() {
            room.count_changed = true;
            return;
        }
        let end = now + COUNT_EVERY;
        room.count_rests = Some(end);
        room.count_changed = false;
        self.counts.push_back((end, id.clone()));
        self.tell_viewers(id, told);
    }

    fn tell_viewers(&mut self, id: &RoomId, but: Option<Key>) {
        let Some(room) = self.rooms.get(id) else {
            return;
        };
        for seat in &room.seats {
            if room.host == Some(seat.key) || but == Some(seat.key) {
                continue;
            }
            if let Some(socket) = self.people.socket(seat.key) {
                let text = text_of(&room.part_of(&seat.member));
                self.out.push_back((socket, Said::Text(text)));
            }
        }
    }

    // One text for all.
    fn tell(&mut self, id: &RoomId, text: &Text) {
        let Some(room) = self.rooms.get(id) else {
            return;
        };
        let sockets = room
            .seats
            .iter()
            .filter_map(|seat| self.people.socket(seat.key));
        self.out
            .extend(sockets.map(|socket| (socket, Said::Text(text.clone()))));
    }
}
