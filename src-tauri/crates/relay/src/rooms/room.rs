//! One room.

use std::time::Duration;

use ahoy_contract::{
    PeerId, PublicKey,
    wire::{Host, Member, RelayMessage, RoomKind},
};

use super::SocketId;
use crate::request::Newcomer;

/// One room.
#[derive(Debug)]
pub(super) struct Room {
    key: PublicKey,
    /// The host's place counts.
    pub(super) capacity: u32,
    /// The members in the order in which they came, the host among them.
    pub(super) seats: Vec<Seat>,
    /// The host, while it is there.
    pub(super) host: Option<SocketId>,
    /// When the room ends, while the host is away.
    pub(super) ends: Option<Duration>,
    /// The number of the next who comes; never given twice, so it tells who was there first.
    next_order: u32,
}

/// A member in its room.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) socket: SocketId,
    pub(super) member: Member,
    /// The signals that it was sent.
    pub(super) delivered: u64,
}

impl Room {
    /// A room without members, for who holds this key.
    pub(super) fn new(key: PublicKey) -> Self {
        Self {
            key,
            capacity: 0,
            seats: Vec::new(),
            host: None,
            ends: None,
            next_order: 0,
        }
    }

    /// Lets one in.
    pub(super) fn seat(&mut self, socket: SocketId, peer: &PeerId, newcomer: Newcomer) {
        let Newcomer { name, nonce } = newcomer;
        let member = Member {
            peer: peer.clone(),
            name,
            nonce,
            order: self.next_order,
        };
        // After four billion joins all have the same number; nobody lives to see it.
        self.next_order = self.next_order.saturating_add(1);
        self.seats.push(Seat {
            socket,
            member,
            delivered: 0,
        });
    }

    /// Takes one out.
    pub(super) fn take(&mut self, socket: SocketId) -> Option<Seat> {
        let index = self.seats.iter().position(|seat| seat.socket == socket)?;
        Some(self.seats.remove(index))
    }

    /// The member of this id.
    pub(super) fn find(&mut self, peer: &PeerId) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.member.peer == *peer)
    }

    /// How many members are not the host.
    pub(super) fn guests(&self) -> usize {
        self.seats.len() - usize::from(self.host.is_some())
    }

    /// Who is in the room.
    pub(super) fn roster(&self) -> RelayMessage {
        let (mut host, mut peers) = (None, Vec::with_capacity(self.seats.len()));
        for seat in &self.seats {
            let member = seat.member.clone();
            if self.host == Some(seat.socket) {
                host = Some(Host {
                    key: self.key.clone(),
                    member,
                });
            } else {
                peers.push(member);
            }
        }
        RelayMessage::Room {
            kind: RoomKind::Call,
            host,
            peers,
            count: self.seats.len() as u32,
            capacity: self.capacity,
            locked: false,
        }
    }
}
