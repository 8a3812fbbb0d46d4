//! The door of a host's room: who asks to come in, who was let in, who was sent away. The relay keeps a door
//! too, but is not believed: this end opens a connection only to whom its user, or an open door, let in.

use std::{collections::BTreeSet, time::Instant};

use ahoy_contract::{
    PeerId, PublicKey,
    ui::KnockView,
    wire::{ClientMessage, Member},
};

use super::{
    Call, Event, Output, Part, Socket,
    removed::{RemovedJoins, join_of},
    token_bucket::TokenBucket,
    view,
};

/// As many as wait at a door (the relay says so too); more are not heard.
const MAX_KNOCKS: usize = 16;

/// As many are remembered of a kind: the viewers of a long day.
const MAX_REMEMBERED: usize = 16_384;

/// Who asks to come in.
#[derive(Debug)]
struct Knock {
    peer: PeerId,
    name: String,
    /// The relay has it in the room already.
    inside: Option<(Member, Option<PublicKey>)>,
}

/// The door of a room.
#[derive(Debug)]
pub(super) struct Door {
    /// Guests wait until they are admitted.
    knock: bool,
    /// The user has closed it to newcomers.
    pub(super) locked: bool,
    /// What the relay knows of that: what it has shown when this end came in, or was told since.
    pub(super) told: bool,
    /// The relay was asked to have newcomers wait when this end came in.
    asked: bool,
    knocks: Vec<Knock>,
    /// Whom the relay was told to let in and does not show inside yet, in that order.
    entering: Vec<Knock>,
    /// The let in: an id is one end's for as long as it holds its token, so it may come back.
    pub(super) admitted: BTreeSet<PeerId>,
    pub(super) sent_away: BTreeSet<PeerId>,
    /// The joins that the host has sent away: at the host those that it told the others of, at a guest those that
    /// it was told of.
    pub(super) removed: RemovedJoins,
    /// Limits how often the others are told that one of those has returned.
    pub(super) returns: TokenBucket,
    /// Who was heard once: a sound for each is enough.
    heard: BTreeSet<PeerId>,
}

impl Door {
    pub(super) fn new(knock: bool) -> Self {
        Self {
            knock,
            locked: false,
            told: false,
            asked: false,
            knocks: Vec::new(),
            entering: Vec::new(),
            admitted: BTreeSet::new(),
            sent_away: BTreeSet::new(),
            removed: RemovedJoins::default(),
            returns: TokenBucket::default(),
            heard: BTreeSet::new(),
        }
    }

    /// Who asks, the longest waiting first.
    pub(super) fn view(&self) -> Vec<KnockView> {
        let knocks = self.knocks.iter();
        knocks
            .map(|knock| KnockView {
                peer: knock.peer.clone(),
                name: knock.name.clone(),
            })
            .collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.knocks.is_empty()
    }

    /// The relay is back and tells once more who waits.
    pub(super) fn relay_is_back(&mut self) {
        self.knocks.clear();
        self.entering.clear();
    }

    /// Whether the relay is to have newcomers wait from the moment on in which this end comes in. It does also
    /// where the room is locked: the relay may have forgotten that, and shall let nobody in until it is told again.
    pub(super) fn ask(&mut self) -> bool {
        self.asked = self.is_closed();
        self.asked
    }

    /// Whether newcomers wait until the user lets them in.
    fn is_closed(&self) -> bool {
        self.knock || self.locked
    }

    /// One that waited has gone. Says whether there was one.
    pub(super) fn gone(&mut self, peer: &PeerId) -> bool {
        self.entering.retain(|knock| knock.peer != *peer);
        self.stop_asking(peer)
    }

    /// The user need not be asked about one any more. Says whether it was.
    fn stop_asking(&mut self, peer: &PeerId) -> bool {
        let before = self.knocks.len();
        self.knocks.retain(|knock| knock.peer != *peer);
        self.knocks.len() != before
    }

    /// The relay has no room for the one whom it was told to let in: it waits again, until somebody leaves.
    pub(super) fn full(&mut self) -> bool {
        if self.entering.is_empty() {
            return false;
        }
        let knock = self.entering.remove(0);
        self.admitted.remove(&knock.peer);
        self.knocks.insert(0, knock);
        true
    }

    /// Forgets those that were in the room when nobody had let them in and are not any more.
    pub(super) fn keep_inside(&mut self, members: &[(Member, Option<PublicKey>)]) {
        self.entering
            .retain(|knock| members.iter().all(|(member, _)| member.peer != knock.peer));
        self.knocks.retain(|knock| {
            knock.inside.is_none() || members.iter().any(|(member, _)| member.peer == knock.peer)
        });
    }

    /// Says whether it is in the set now.
    pub(super) fn remember<T: Ord + Clone>(set: &mut BTreeSet<T>, item: &T) -> bool {
        // More than come to any call are made up.
        set.contains(item) || (set.len() < MAX_REMEMBERED && set.insert(item.clone()))
    }
}

impl Call {
    pub(super) fn is_host(&self) -> bool {
        matches!(self.config.part, Part::Host { .. })
    }

    /// Whether this end may talk to a member that the relay shows. One that nobody has let in waits at the door.
    pub(super) fn lets_in(&mut self, member: &Member, key: Option<&PublicKey>) -> bool {
        if !self.is_host() {
            return !self.door.removed.contains(&join_of(member));
        }
        let id = &member.peer;
        if self.door.sent_away.contains(id) {
            // It is back, or the relay has not heard: it is sent away once more.
            self.evictions.want(self.now, member);
            return false;
        }
        if self.door.is_closed() {
            if self.door.admitted.contains(id) {
                self.door.gone(id);
                return true;
            }
            self.knocked(id, &member.name, Some((member.clone(), key.cloned())));
            return false;
        }
        self.door.gone(id);
        self.now_admitted(id);
        true
    }

    /// Notes that one was let in. Of more than come to any call those are forgotten that are gone: they ask again, should
    /// the door be closed when they come back.
    fn now_admitted(&mut self, id: &PeerId) {
        if self.door.admitted.len() >= MAX_REMEMBERED {
            self.door.admitted.retain(|id| self.peers.contains_key(id));
        }
        self.door.admitted.insert(id.clone());
    }

    /// Somebody asks to come in.
    pub(super) fn knocked(
        &mut self,
        peer: &PeerId,
        name: &str,
        inside: Option<(Member, Option<PublicKey>)>,
    ) {
        if !self.is_host() || self.me.as_ref().is_some_and(|me| me.peer == *peer) {
            return;
        }
        let name = view::tidy(name);
        let open = !self.door.is_closed() && !self.door.sent_away.contains(peer);
        let known = self.door.admitted.contains(peer) || open;
        if inside.is_none() && known {
            self.now_admitted(peer);
            // It was in before: the relay has forgotten, the user has not. Or the room is not locked any more, and the
            // relay still has newcomers wait.
            if self.door.stop_asking(peer) {
                self.outputs.push_back(Output::View);
            }
            self.tell_admitted(peer, true);
        } else if let Some(knock) = self.door.knocks.iter_mut().find(|k| k.peer == *peer) {
            knock.name = name;
            knock.inside = inside;
        } else if self.door.knocks.len() < MAX_KNOCKS {
            let peer = peer.clone();
            self.door.knocks.push(Knock {
                peer: peer.clone(),
                name: name.clone(),
                inside,
            });
            if self.door.heard.len() >= MAX_REMEMBERED {
                self.door.heard.clear();
            }
            if self.door.heard.insert(peer.clone()) {
                self.outputs
                    .push_back(Output::Event(Event::Knock { peer, name }));
            }
            self.outputs.push_back(Output::View);
        }
    }

    /// The user lets one in that asked, or not.
    pub(super) fn admit(&mut self, now: Instant, peer: &PeerId, accept: bool) {
        let Some(at) = self.door.knocks.iter().position(|k| k.peer == *peer) else {
            // It has gone, or never asked.
            return;
        };
        let knock = self.door.knocks.remove(at);
        self.outputs.push_back(Output::View);
        self.door.heard.remove(peer);
        if accept {
            self.door.sent_away.remove(peer);
            self.now_admitted(peer);
        }
        match (knock.inside, accept) {
            (None, accept) => {
                self.tell_admitted(peer, accept);
                if accept && self.door.entering.len() < MAX_KNOCKS {
                    self.door.entering.push(Knock {
                        peer: knock.peer,
                        name: knock.name,
                        inside: None,
                    });
                }
            }
            (Some((member, key)), true) => self.add_peer(now, member, key),
            (Some((member, _)), false) => {
                // The user is not asked about it again until it asks itself.
                Door::remember(&mut self.door.sent_away, peer);
                self.tell_removed(peer);
                // They may have believed the relay.
                self.tell_others(&join_of(&member));
            }
        }
    }

    /// The user closes the room to newcomers, or opens it.
    pub(super) fn lock(&mut self, locked: bool) {
        if !self.is_host() || self.door.locked == locked {
            return;
        }
        self.door.locked = locked;
        self.door.admitted.extend(self.peers.keys().cloned());
        self.tell_lock();
        if !self.door.is_closed() {
            // Those whom the relay has let in by itself come with the next roster.
            let (inside, waiting) = std::mem::take(&mut self.door.knocks)
                .into_iter()
                .partition(|knock| knock.inside.is_some());
            self.door.knocks = inside;
            for knock in waiting {
                self.knocked(&knock.peer, &knock.name, None);
            }
        }
        self.outputs.push_back(Output::View);
    }

    /// Tells the relay of the lock where it does not know. Not while members are still to come back, to whom a
    /// locked door would be closed, if newcomers have to wait anyhow.
    pub(super) fn tell_lock(&mut self) {
        let locked = self.door.locked;
        let awaited = self.peers.values().any(|peer| !peer.is_present());
        let later = locked && awaited && self.door.asked;
        if self.is_host() && self.socket == Socket::Joined && self.door.told != locked && !later {
            self.door.told = locked;
            self.outputs
                .push_back(Output::Send(ClientMessage::Lock { locked }));
        }
    }

    pub(super) fn tell_admitted(&mut self, peer: &PeerId, accept: bool) {
        // While the relay is away nothing is lost: whoever still waits knocks again when it is back.
        if self.socket == Socket::Joined {
            let peer = peer.clone();
            self.outputs
                .push_back(Output::Send(ClientMessage::Admit { peer, accept }));
        }
    }
}
