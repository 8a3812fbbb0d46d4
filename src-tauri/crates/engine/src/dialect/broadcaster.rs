//! `nc1s`: one broadcaster and a connection for each viewer, by the id that the viewer made.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use ahoy_contract::{PeerId, peer::DescriptionType};

use super::{
    core::{Core, is_over},
    link::Change,
    message::{Body, Id, Message},
    shape::Shape,
};
use crate::call::Media;

/// Between two looks at each connection.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// As many looks may find a connection down; on the next one it is closed.
const MAX_LOOKS: u32 = 3;
/// As many viewers as there may be, those that wait to be offered to among them. Each connection has sockets, keys and
/// queues; a lobby's strangers may come in any number.
const MAX_VIEWERS: usize = 512;
/// As many connections as are being made at once: keys and sockets cost, and those that are up must not suffer.
const MAX_OPENING: usize = 16;
/// As many are made between two looks: one that is answered with rubbish is closed at once, and makes room for the next.
const MAX_PER_LOOK: usize = 128;
/// How long a viewer's connection stands before the same viewer may have another: a page that is loaded again takes
/// longer, and one that repeats itself gets no more.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Who shows.
#[derive(Debug, Default)]
pub(super) struct Broadcaster {
    viewers: BTreeMap<Id, PeerId>,
    /// Who has joined and is offered to when there is room, the first come first.
    waiting: VecDeque<Id>,
    next_look: Option<Instant>,
    /// Connections made since the last look.
    made: usize,
    told_full: bool,
}

impl Broadcaster {
    fn joined(&mut self, core: &mut Core, now: Instant, id: Id) {
        if self.waiting.contains(&id) {
            return;
        }
        let known = self.viewers.contains_key(&id);
        if !known && self.viewers.len() + self.waiting.len() >= MAX_VIEWERS {
            if !std::mem::replace(&mut self.told_full, true) {
                tracing::warn!(
                    "there are {MAX_VIEWERS} viewers: no more are let in while they stay"
                );
            }
            return;
        }
        self.waiting.push_back(id);
        self.serve(core, now);
    }

    /// Offers to those that wait, as far as there is room.
    fn serve(&mut self, core: &mut Core, now: Instant) {
        let mut opening = core
            .links
            .values()
            .filter(|link| !link.ever_connected())
            .count();
        let mut later = VecDeque::new();
        while opening < MAX_OPENING
            && self.made < MAX_PER_LOOK
            && let Some(id) = self.waiting.pop_front()
        {
            let before = self.viewers.get(&id).cloned();
            if let Some(before) = before {
                let link = core.links.get(&before);
                if link.is_some_and(|link| now < link.since + AGAIN_AFTER) {
                    later.push_back(id);
                    continue;
                }
                if link.is_some_and(|link| !link.ever_connected()) {
                    opening -= 1;
                }
                self.forget(core, &before);
            }
            let peer = core.fresh();
            core.open(now, &peer, (Media::Send, true), Some(id.clone()));
            core.joined(&peer);
            self.viewers.insert(id, peer);
            opening += 1;
            self.made += 1;
        }
        later.append(&mut self.waiting);
        self.waiting = later;
        if self.made > 0 || !self.waiting.is_empty() {
            self.next_look.get_or_insert(now + LOOK_EVERY);
        }
    }

    fn forget(&mut self, core: &mut Core, peer: &PeerId) {
        self.viewers.retain(|_, known| known != peer);
        self.told_full = false;
        core.close(peer, None);
    }

    /// Looks at each connection, and closes those that were down too often.
    fn look(&mut self, core: &mut Core, now: Instant) {
        let mut gone = Vec::new();
        for (peer, link) in &mut core.links {
            if link.is_up() {
                link.looks = 0;
                continue;
            }
            link.looks += 1;
            if link.looks > MAX_LOOKS {
                gone.push(peer.clone());
            }
        }
        for peer in gone {
            self.forget(core, &peer);
        }
        self.made = 0;
        self.next_look = (!self.viewers.is_empty()).then(|| now + LOOK_EVERY);
        self.serve(core, now);
    }
}

impl Shape for Broadcaster {
    fn online(&mut self, _: &mut Core, _: Instant) {}

    fn message(&mut self, core: &mut Core, now: Instant, message: Message) {
        let Some(id) = message.id else {
            tracing::debug!("a message of no viewer is left out");
            return;
        };
        let peer = self.viewers.get(&id).cloned();
        match (message.body, peer) {
            (Body::Join, _) => self.joined(core, now, id),
            (Body::Description(description), Some(peer))
                if description.kind == DescriptionType::Answer =>
            {
                core.described(now, &peer, description);
            }
            (Body::Candidate(candidate), Some(peer)) => core.candidate(&peer, candidate),
            _ => tracing::debug!("a message that is not for a broadcaster is left out"),
        }
    }

    fn changed(&mut self, core: &mut Core, now: Instant, peer: &PeerId, change: Change) {
        match change {
            Change::Lost => self.forget(core, peer),
            Change::Connected => {}
            Change::Answered | Change::Silent => return,
        }
        self.serve(core, now);
    }

    fn tick(&mut self, core: &mut Core, now: Instant) {
        if is_over(self.next_look, now) {
            self.look(core, now);
        }
    }

    fn deadline(&self, _: &Core) -> Option<Instant> {
        self.next_look
    }

    fn remove(&mut self, core: &mut Core, now: Instant, peer: &PeerId) {
        self.forget(core, peer);
        self.serve(core, now);
    }
}
