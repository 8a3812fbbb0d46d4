//! One room.

use std::{collections::VecDeque, time::Duration};

use ahoy_contract::{
    ErrorCode, PeerId, PublicKey,
    wire::{Host, Member, RelayMessage, RoomKind},
};

use super::{
    kept::Kept,
    pairs::{OF_MEMBER, OF_MEMBERS, OF_VIEWER, OF_VIEWERS, Pairs, member_cost, viewer_cost},
    seats::SeatQueue,
};
use crate::{
    flow::{Flow, Verdict},
    request::{Newcomer, Refusal},
    token::Key,
};

/// The most who wait at one door.
const MAX_WAITING: usize = 16;

/// One room.
#[derive(Debug)]
pub(super) struct Room {
    key: PublicKey,
    /// What it is for, for as long as it lives.
    pub(super) kind: RoomKind,
    /// The host's place counts.
    pub(super) capacity: u32,
    /// The members in the order in which they came, the host among them.
    pub(super) seats: Vec<Seat>,
    /// The host, while it has a seat.
    pub(super) host: Option<Key>,
    /// When the room ends, while the host has none.
    pub(super) ends: Option<Duration>,
    /// Whether guests wait until the host lets them in.
    pub(super) knock: bool,
    /// Whether newcomers are sent away.
    pub(super) locked: bool,
    /// Those who ask to come in, in the order in which they came; at most [`MAX_WAITING`].
    pub(super) door: Vec<Waiting>,
    /// The last who went from the door without coming in; at most [`MAX_WAITING`]. What the host was told of
    /// it may have been lost with its socket.
    pub(super) went: VecDeque<PeerId>,
    /// Until when viewers are not told again how many they are.
    pub(super) count_rests: Option<Duration>,
    /// Their number has changed meanwhile.
    pub(super) count_changed: bool,
    /// The budget of all viewers together for signals to the host of a broadcast.
    to_host: Flow,
    /// The clients that have found no free seat.
    pub(super) queue: SeatQueue,
    /// The number of the next who comes; never given twice, so it tells who was there first.
    next_order: u32,
}

/// A member in its room.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) key: Key,
    pub(super) member: Member,
    /// The signals that it was sent.
    pub(super) kept: Kept,
    /// How much more it may send to whom.
    pub(super) sent: Pairs,
    /// How much more may be sent to it, in a call. Made when it is needed: most calls are small.
    received: Option<Box<Flow>>,
}

/// One who asks to come in.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) key: Key,
    pub(super) newcomer: Newcomer,
}

impl Waiting {
    /// What the host is told of it, and it is told itself.
    pub(super) fn knock(&self) -> RelayMessage {
        let Newcomer { name, nonce, mac } = self.newcomer.clone();
        RelayMessage::Knock {
            peer: self.key.peer(),
            name,
            nonce,
            mac,
        }
    }
}

impl Room {
    /// A room without members, for who holds this key.
    pub(super) fn new(key: PublicKey, kind: RoomKind) -> Self {
        Self {
            key,
            kind,
            capacity: 0,
            seats: Vec::new(),
            host: None,
            ends: None,
            knock: false,
            locked: false,
            door: Vec::new(),
            went: VecDeque::new(),
            count_rests: None,
            count_changed: false,
            to_host: OF_VIEWERS.flow(),
            queue: SeatQueue::default(),
            next_order: 0,
        }
    }

    /// Lets one in.
    pub(super) fn seat(&mut self, key: Key, newcomer: Newcomer) {
        let Newcomer { name, nonce, mac } = newcomer;
        let member = Member {
            peer: key.peer(),
            name,
            nonce,
            mac,
            order: self.next_order,
        };
        // After four billion joins all have the same number; nobody lives to see it.
        self.next_order = self.next_order.saturating_add(1);
        self.seats.push(Seat {
            key,
            member,
            kept: Kept::default(),
            sent: Pairs::default(),
            received: None,
        });
    }

    /// Takes a member out.
    pub(super) fn take(&mut self, key: Key) -> Option<Seat> {
        let index = self.index(key)?;
        let seat = self.seats.remove(index);
        for other in &mut self.seats {
            other.sent.forget(key);
        }
        Some(seat)
    }

    /// Takes one from the door.
    pub(super) fn take_from_door(&mut self, key: Key) -> Option<Waiting> {
        let index = self.door.iter().position(|waiting| waiting.key == key)?;
        let waiting = self.door.remove(index);
        if self.door.is_empty() {
            self.door = Vec::new();
        }
        Some(waiting)
    }

    /// Notes that one went from the door without coming in.
    pub(super) fn note_went(&mut self, peer: PeerId) {
        self.went.retain(|went| *went != peer);
        if self.went.len() >= MAX_WAITING {
            self.went.pop_front();
        }
        self.went.push_back(peer);
    }

    /// Whether nobody is in the room or at its door.
    pub(super) fn is_empty(&self) -> bool {
        self.seats.is_empty() && self.door.is_empty()
    }

    /// All in the room and at its door.
    pub(super) fn all(&self) -> impl Iterator<Item = Key> {
        let waiting = self.door.iter().map(|waiting| waiting.key);
        self.seats.iter().map(|seat| seat.key).chain(waiting)
    }

    /// Where a member sits.
    pub(super) fn index(&self, key: Key) -> Option<usize> {
        self.seats.iter().position(|seat| seat.key == key)
    }

    /// The member of this id.
    pub(super) fn find(&self, peer: &PeerId) -> Option<Key> {
        let seat = self.seats.iter().find(|seat| seat.member.peer == *peer)?;
        Some(seat.key)
    }

    /// The one at the door of this id.
    pub(super) fn find_at_door(&self, peer: &PeerId) -> Option<Key> {
        let waiting = self
            .door
            .iter()
            .find(|waiting| waiting.key.peer() == *peer)?;
        Some(waiting.key)
    }

    /// Whether no more guests have place. The host's place is kept while it is away.
    pub(super) fn is_full(&self) -> bool {
        self.free_seats() == 0
    }

    /// Returns how many guests may still come in.
    pub(super) fn free_seats(&self) -> usize {
        let guests = self.seats.len() - usize::from(self.host.is_some());
        (self.capacity as usize).saturating_sub(guests + 1)
    }

    /// Returns for how many more clients that come now there is place, in the room or at its door.
    pub(super) fn places(&self) -> usize {
        let free = self.free_seats();
        if self.knock {
            free.min(MAX_WAITING.saturating_sub(self.door.len()))
        } else {
            free
        }
    }

    /// Whether one member may say something to another: viewers have to do with the host alone.
    pub(super) fn may_signal(&self, from: Key, to: Key) -> bool {
        self.kind == RoomKind::Call || [from, to].map(Some).contains(&self.host)
    }

    /// Whether a signal of so many bytes from one of these seats to the other is passed on. Without a limit one member could
    /// send another so much that its socket takes no more, and so could all viewers together to the host of a broadcast.
    pub(super) fn pass(
        &mut self,
        now: Duration,
        from: usize,
        to: usize,
        bytes: usize,
    ) -> Result<(), Refusal> {
        let addressee = self.seats[to].key;
        let sent = &mut self.seats[from].sent;
        let (passes, message) = match self.kind {
            RoomKind::Call => {
                let cost = member_cost(bytes);
                let passes = sent.take(now, addressee, OF_MEMBER, cost) || {
                    let received = self.seats[to]
                        .received
                        .get_or_insert_with(|| Box::new(OF_MEMBERS.flow()));
                    received.take(now, cost) == Verdict::Pass
                };
                (passes, "You send this member too much: wait a little.")
            }
            RoomKind::Broadcast if self.host == Some(addressee) => {
                let cost = viewer_cost(bytes);
                let passes = sent.take(now, addressee, OF_VIEWER, cost)
                    || self.to_host.take(now, cost) == Verdict::Pass;
                (passes, "The host is sent too much: wait a little.")
            }
            RoomKind::Broadcast => return Ok(()),
        };
        if passes {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::RateLimited, message))
    }

    /// Who is in the room.
    pub(super) fn roster(&self) -> RelayMessage {
        let guests = self.seats.iter().filter(|seat| self.host != Some(seat.key));
        self.message(guests.map(|seat| seat.member.clone()).collect())
    }

    /// What a viewer sees of a broadcast room: the host, itself, and how many there are.
    pub(super) fn part_of(&self, viewer: &Member) -> RelayMessage {
        self.message(vec![viewer.clone()])
    }

    fn message(&self, peers: Vec<Member>) -> RelayMessage {
        let host = self.seats.iter().find(|seat| self.host == Some(seat.key));
        RelayMessage::Room {
            kind: self.kind,
            host: host.map(|seat| Host {
                key: self.key.clone(),
                member: seat.member.clone(),
            }),
            peers,
            count: self.seats.len() as u32,
            capacity: self.capacity,
            locked: self.locked,
        }
    }
}
