//! Who is in the room, by the relay's word, and what follows for the connections.

use std::time::Instant;

use ahoy_contract::{
    ErrorCode, PeerId, PublicKey,
    peer::ByeReason,
    ui::PeerState,
    wire::{ClientMessage, Host, Member, Role, RoomKind},
};

use super::{
    Call, Event, Next, Output, Part, PeerOutput, Socket, max_members,
    peer::{Peer, Presence},
};

/// The whole of a room, by the relay's word.
pub(super) struct Roster {
    pub(super) kind: RoomKind,
    pub(super) host: Option<Host>,
    pub(super) peers: Vec<Member>,
    pub(super) count: u32,
    pub(super) locked: bool,
}

impl Call {
    /// The relay says who is in the room.
    pub(super) fn roster(&mut self, now: Instant, roster: Roster) {
        let Roster {
            kind,
            host,
            peers,
            count,
            locked,
        } = roster;
        let host_present = host.is_some();
        let mut members: Vec<(Member, Option<PublicKey>)> = host
            .into_iter()
            .map(|host| (host.member, Some(host.key)))
            .collect();
        members.extend(peers.into_iter().map(|member| (member, None)));
        // More than a room holds comes only from a relay that means harm.
        members.truncate(max_members(kind));
        // A roster without this end as it is now is of no use: it is late, or this end was removed and hears so.
        let Some(me) = self.next.as_ref().or(self.me.as_ref()) else {
            return;
        };
        let Some(at) = members
            .iter()
            .position(|(member, _)| member.peer == me.peer && member.nonce == me.nonce)
        else {
            return;
        };
        let shown = members.remove(at).0;
        let talking = self.is_talking();
        if talking && (!self.is_shown_as_sent(&shown) || kind != self.kind) {
            self.distrust(now, "another name, or another kind of room");
            return;
        }
        if !self.is_shown_as_sent(&shown) {
            // The relay gives this end another name, or keeps its proof from the others.
            self.outputs.push_back(Output::Send(ClientMessage::Leave));
            self.refuse(ErrorCode::NotAuthentic);
            return;
        }
        self.order = shown.order;
        self.full_since = None;
        if !self.is_of_kind(kind) {
            self.outputs.push_back(Output::Send(ClientMessage::Leave));
            self.refuse(ErrorCode::NotFound);
            return;
        }
        if self.watches() {
            // A viewer has to do with nobody but the broadcaster, whatever the relay shows.
            members.retain(|(_, key)| key.is_some());
        }
        self.count = count;
        self.came_in();
        self.host_present = host_present;
        self.room_locked = locked;
        self.lost_since = None;
        self.attempts = 0;
        self.at_the_door = false;
        let back = self.socket != Socket::Joined;
        if back {
            self.socket = Socket::Joined;
            self.joined_once = true;
            self.door.told = locked;
            self.outputs.push_back(Output::Event(Event::Ready));
        }
        self.meet(now, members, back);
        if self.ended.is_none() {
            self.tell_lock();
            self.outputs.push_back(Output::View);
        }
    }

    /// Whether the room is what this end came for. A caller that comes to a broadcast watches it.
    fn is_of_kind(&mut self, kind: RoomKind) -> bool {
        match &self.config.part {
            Part::Host { kind: own, .. } => kind == *own,
            Part::Guest { role } => {
                self.kind = kind;
                kind == RoomKind::Broadcast || *role == Role::Caller
            }
        }
    }

    /// Whether this end only watches.
    pub(super) fn watches(&self) -> bool {
        self.kind == RoomKind::Broadcast && !self.is_host()
    }

    /// Who begins the negotiation with a member: whether it was there first and so does it, and whether this end may. A
    /// broadcaster always begins, even where it has come back to its viewers.
    pub(super) fn turns(&self, member: &Member) -> (bool, bool) {
        match self.kind {
            RoomKind::Broadcast => (!self.is_host(), self.is_host()),
            RoomKind::Call => (member.order < self.order, !self.config.only_answers),
        }
    }

    /// To a broadcaster: a viewer came.
    pub(super) fn viewer_came(&mut self, now: Instant, member: Member) {
        if !self.is_host() || self.socket != Socket::Joined {
            return;
        }
        // What was to become of another join of its is over.
        self.evictions.keep_join(&member);
        let known = self.peers.contains_key(&member.peer);
        if known || self.peers.len() + 1 < max_members(self.kind) {
            self.member_is_here(now, member, None, false);
        }
        if self.ended.is_none() {
            self.tell_lock();
            self.outputs.push_back(Output::View);
        }
    }

    /// Makes the connections of a broadcast whose turn it is.
    pub(super) fn take_turns(&mut self, now: Instant) {
        // While the relay is away nobody hears an offer, and nobody can answer one.
        while self.socket == Socket::Joined
            && self.ended.is_none()
            && let Some(next) = self.opening.next(now)
        {
            match next {
                Next::Open(id) => self.open(now, &id),
                Next::GiveUp(id) => {
                    self.with_peer(&id, Peer::give_up);
                    self.signal_bye(&id, ByeReason::Failed);
                    self.outputs.push_back(Output::Peer(id, PeerOutput::Close));
                }
            }
        }
    }

    /// The others in the room. `back`: this end is there for the first time, or again.
    fn meet(&mut self, now: Instant, members: Vec<(Member, Option<PublicKey>)>, back: bool) {
        self.door.keep_inside(&members);
        self.evictions.keep(&members);
        let is_shown = |peer: &Peer| {
            let mut members = members.iter();
            members.any(|(it, _)| it.peer == peer.member.peer && it.nonce == peer.member.nonce)
        };
        let missing = self.peers.iter().filter(|(_, peer)| !is_shown(peer));
        for id in missing.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.missing(now, &id, back);
        }
        for (member, key) in members {
            self.member_is_here(now, member, key, back);
            if self.ended.is_some() {
                return;
            }
        }
    }

    /// A member is in the room, which this end may know already.
    fn member_is_here(&mut self, now: Instant, member: Member, key: Option<PublicKey>, back: bool) {
        let id = member.peer.clone();
        let (was_first, _) = self.turns(&member);
        let Some(peer) = self.peers.get_mut(&id) else {
            if self.is_proven(now, &member, key.as_ref()) && self.lets_in(&member, key.as_ref()) {
                self.add_peer(now, member, key);
            }
            return;
        };
        if peer.member.nonce != member.nonce {
            self.came_anew(now, member, key);
            return;
        }
        let returned = !peer.is_present();
        peer.presence = Presence::Here;
        peer.was_first = was_first;
        peer.member.order = member.order;
        if back || returned {
            self.tell_again(&id);
        }
    }

    /// Handles a member that the relay shows under another join than the one that it is known by. One that is connected
    /// is kept as long as its media flows or until the new join says something itself: a proof alone may be an old one.
    fn came_anew(&mut self, now: Instant, member: Member, key: Option<PublicKey>) {
        let id = member.peer.clone();
        if !self.is_authentic(&member, key.as_ref()) {
            return;
        }
        let state = self.peers.get(&id).map(|peer| peer.state);
        if state != Some(PeerState::Connected) {
            self.remove_peer(&id, None);
            self.member_is_here(now, member, key, false);
        } else if self.lets_in(&member, key.as_ref())
            && let Some(peer) = self.peers.get_mut(&id)
        {
            peer.successor = Some((member, key));
        }
    }

    /// Replaces a member by the one that it has come back as.
    pub(super) fn succeed(&mut self, now: Instant, (member, key): (Member, Option<PublicKey>)) {
        self.remove_peer(&member.peer, None);
        self.member_is_here(now, member, key, false);
    }

    /// A member is not in the room, by the relay's word. As long as its media flows it stays. `back`: this end has
    /// just come back itself, so the member may be about to.
    pub(super) fn missing(&mut self, now: Instant, id: &PeerId, back: bool) {
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        match peer.state {
            PeerState::Connected => {
                peer.successor = None;
                if peer.is_present() {
                    peer.presence = if back {
                        Presence::Awaited
                    } else {
                        Presence::Gone
                    };
                }
            }
            PeerState::Reconnecting if back || peer.presence == Presence::Awaited => {
                peer.presence = Presence::Awaited;
                peer.deadline.get_or_insert(now + super::CONNECT_PATIENCE);
            }
            _ => self.remove_peer(id, None),
        }
    }
}
