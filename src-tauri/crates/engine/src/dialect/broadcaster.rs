//! `nc1s`: one broadcaster and a connection for each viewer, by the id that the viewer made.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use ahoy_contract::{PeerId, peer::DescriptionType};

use super::{
    core::{Core, is_over},
    link::Change,
    message::{Body, Id, Message},
    shape::Shape,
};
use crate::call::{Media, Next, Turns};

/// Between two looks at each connection.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// As many looks may find a connection down; on the next one it is closed.
const MAX_LOOKS: u32 = 3;
/// As many viewers as there may be, those that wait to be offered to among them. Each connection has sockets, keys and
/// queues; a lobby's strangers may come in any number.
const MAX_VIEWERS: usize = 512;
/// As many connections are made at a time, and as many have no answer or no way yet.
const OPENING: (usize, usize) = (16, 64);
/// How long a viewer's connection stands before the same viewer may have another: a page that is loaded again takes
/// longer, and one that repeats itself gets no more.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The same for one that has answered: it is about to connect.
const AGAIN_AFTER_ANSWER: Duration = Duration::from_secs(5);
/// How long it is known that somebody joined by the id of a viewer whose connection is up. Everybody can see that id, so
/// that connection stays; that it is dead, for a page was loaded again, shows after five seconds.
const WISH_KEPT: Duration = Duration::from_secs(10);

/// Who shows.
#[derive(Debug)]
pub(super) struct Broadcaster {
    viewers: BTreeMap<Id, PeerId>,
    /// Who has joined and is offered to when there is room.
    turns: Turns<Id>,
    /// Viewers that joined once more, and until when that is known.
    wishes: BTreeMap<Id, Instant>,
    next_look: Option<Instant>,
    told_full: bool,
}

impl Default for Broadcaster {
    fn default() -> Self {
        Self {
            viewers: BTreeMap::new(),
            turns: Turns::new(OPENING.0, OPENING.1),
            wishes: BTreeMap::new(),
            next_look: None,
            told_full: false,
        }
    }
}

impl Broadcaster {
    fn joined(&mut self, core: &mut Core, now: Instant, id: Id) {
        if self.turns.waits(&id) {
            return;
        }
        if self.viewers.contains_key(&id) {
            self.wishes.insert(id, now + WISH_KEPT);
        } else if self.viewers.len() + self.turns.waiting() < MAX_VIEWERS {
            self.turns.wait(id);
        } else if !std::mem::replace(&mut self.told_full, true) {
            tracing::warn!("there are {MAX_VIEWERS} viewers: no more are let in while they stay");
        }
        self.serve(core, now);
    }

    /// Offers to those that wait, as far as there is room.
    fn serve(&mut self, core: &mut Core, now: Instant) {
        self.replace(core, now);
        while let Some(next) = self.turns.next(now) {
            match next {
                Next::Open(id) => {
                    let peer = core.fresh();
                    core.open(now, &peer, (Media::Send, true), Some(id.clone()));
                    core.joined(&peer);
                    self.viewers.insert(id, peer);
                }
                Next::GiveUp(id) => {
                    if let Some(peer) = self.viewers.get(&id).cloned() {
                        self.forget(core, now, &peer);
                    }
                }
            }
        }
        if !self.viewers.is_empty() {
            self.next_look.get_or_insert(now + LOOK_EVERY);
        }
    }

    /// Those that joined once more wait for another connection, where the one that they have is of no use.
    fn replace(&mut self, core: &mut Core, now: Instant) {
        self.wishes.retain(|_, until| *until > now);
        let stands = |id: &Id| {
            let peer = self.viewers.get(id)?;
            let link = core.links.get(peer)?;
            let young = if link.is_described() {
                AGAIN_AFTER_ANSWER
            } else {
                AGAIN_AFTER
            };
            let stays = link.is_up() || !link.ever_connected() && now < link.since + young;
            (!stays).then(|| (id.clone(), peer.clone()))
        };
        let again: Vec<_> = self.wishes.keys().filter_map(stands).collect();
        for (id, peer) in again {
            self.forget(core, now, &peer);
            self.turns.wait(id);
        }
    }

    fn forget(&mut self, core: &mut Core, now: Instant, peer: &PeerId) {
        let id = self.viewers.iter().find(|(_, known)| *known == peer);
        if let Some(id) = id.map(|(id, _)| id.clone()) {
            self.viewers.remove(&id);
            self.wishes.remove(&id);
            self.turns.over(now, &id);
        }
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
            self.lost(core, now, &peer);
        }
        self.next_look = None;
        self.serve(core, now);
    }

    /// A connection is of no more use. Who joined once more meanwhile gets another.
    fn lost(&mut self, core: &mut Core, now: Instant, peer: &PeerId) {
        let wish = self
            .wishes
            .keys()
            .find(|id| self.viewers.get(id) == Some(peer))
            .cloned();
        self.forget(core, now, peer);
        if let Some(id) = wish {
            self.turns.wait(id);
        }
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
                if core.described(now, &peer, description) {
                    self.turns.answered(&id);
                }
            }
            (Body::Candidate(candidate), Some(peer)) => core.candidate(&peer, candidate),
            _ => tracing::debug!("a message that is not for a broadcaster is left out"),
        }
    }

    fn changed(&mut self, core: &mut Core, now: Instant, peer: &PeerId, change: Change) {
        match change {
            Change::Lost => self.lost(core, now, peer),
            Change::Connected => {
                let id = core.links.get(peer).and_then(|link| link.address.clone());
                id.iter().for_each(|id| self.turns.connected(id));
            }
            Change::Silent => {}
            Change::Answered => return,
        }
        self.serve(core, now);
    }

    fn tick(&mut self, core: &mut Core, now: Instant) {
        if is_over(self.next_look, now) {
            self.look(core, now);
        } else {
            self.serve(core, now);
        }
    }

    fn deadline(&self, _: &Core) -> Option<Instant> {
        [self.next_look, self.turns.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    fn remove(&mut self, core: &mut Core, now: Instant, peer: &PeerId) {
        self.forget(core, now, peer);
        self.serve(core, now);
    }
}
