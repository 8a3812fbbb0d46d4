//! Messages that cost their sender nothing, because others made them necessary: their number is bounded by what those
//! others have sent, which was paid for.

use std::time::Duration;

use ahoy_contract::{PeerId, RoomId};

use super::{Rooms, SocketId, room::Room};
use crate::token::Key;

impl Rooms {
    /// Returns whether an `ack` of this number confirms signals that were not confirmed before.
    pub(crate) fn confirms(&self, socket: SocketId, n: u64) -> bool {
        let Some((room, key)) = self.room_of(socket) else {
            return false;
        };
        let seat = room.seats.iter().find(|seat| seat.key == key);
        seat.is_some_and(|seat| seat.kept.is_news(n))
    }

    /// Returns whether the member on a socket is a host that can let this one in, or send it away.
    pub(crate) fn can_admit(&self, socket: SocketId, peer: &PeerId, accept: bool) -> bool {
        self.hosted_on(socket).is_some_and(|(room, _)| {
            let is_refused = accept && room.is_full();
            !is_refused && room.find_at_door(peer).is_some()
        })
    }

    /// Returns whether the member on a socket is a host that can remove this one.
    pub(crate) fn can_remove(&self, socket: SocketId, peer: &PeerId) -> bool {
        self.hosted_on(socket).is_some_and(|(room, host)| {
            let guest = room.find(peer).or_else(|| room.find_at_door(peer));
            guest.is_some_and(|guest| guest != host)
        })
    }

    /// Returns whether the client on a socket holds a turn for a place in this room.
    pub(crate) fn holds_turn(&self, now: Duration, socket: SocketId, id: &RoomId) -> bool {
        let (room, key) = (self.rooms.get(id), self.people.on(socket));
        room.zip(key)
            .is_some_and(|(room, key)| room.queue.holds_turn(now, key))
    }

    fn hosted_on(&self, socket: SocketId) -> Option<(&Room, Key)> {
        let found = self.room_of(socket);
        found.filter(|(room, key)| room.host == Some(*key))
    }

    fn room_of(&self, socket: SocketId) -> Option<(&Room, Key)> {
        let key = self.people.on(socket)?;
        Some((self.rooms.get(self.people.place(key)?)?, key))
    }
}
