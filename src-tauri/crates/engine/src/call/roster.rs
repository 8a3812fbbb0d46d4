//! Who is in the room, by the relay's word, and what follows for the connections.

use std::time::Instant;

use ahoy_contract::{
    PeerId, PublicKey,
    ui::PeerState,
    wire::{Host, Member},
};

use super::{Call, Event, MAX_MEMBERS, Output, Socket, peer::Presence};

impl Call {
    /// The relay says who is in the room.
    pub(super) fn roster(
        &mut self,
        now: Instant,
        host: Option<Host>,
        peers: Vec<Member>,
        locked: bool,
    ) {
        let host_present = host.is_some();
        let mut members: Vec<(Member, Option<PublicKey>)> = host
            .into_iter()
            .map(|host| (host.member, Some(host.key)))
            .collect();
        members.extend(peers.into_iter().map(|member| (member, None)));
        // More than a room holds comes only from a relay that means harm.
        members.truncate(MAX_MEMBERS);
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
        self.order = members.remove(at).0.order;
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

    /// The others in the room. `back`: this end is there for the first time, or again.
    fn meet(&mut self, now: Instant, members: Vec<(Member, Option<PublicKey>)>, back: bool) {
        self.door.keep_inside(&members);
        for id in self.peers.keys().cloned().collect::<Vec<_>>() {
            let nonce = self.peers.get(&id).map(|peer| &peer.member.nonce);
            match members.iter().find(|(member, _)| member.peer == id) {
                None => self.missing(now, &id, back),
                // Another join: another member.
                Some((member, _)) if Some(&member.nonce) != nonce => self.remove_peer(&id, None),
                Some(_) => {}
            }
        }
        for (member, key) in members {
            let id = member.peer.clone();
            let Some(peer) = self.peers.get_mut(&id) else {
                if self.lets_in(&member, key.as_ref()) {
                    self.add_peer(now, member, key);
                }
                if self.ended.is_some() {
                    return;
                }
                continue;
            };
            let returned = !peer.is_present();
            peer.presence = Presence::Here;
            peer.was_first = member.order < self.order;
            peer.member.order = member.order;
            if back || returned {
                self.tell_again(&id);
            }
        }
    }

    /// A member is not in the room, by the relay's word. As long as its media flows it stays. `back`: this end has
    /// just come back itself, so the member may be about to.
    pub(super) fn missing(&mut self, now: Instant, id: &PeerId, back: bool) {
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        match peer.state {
            PeerState::Connected => {
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
