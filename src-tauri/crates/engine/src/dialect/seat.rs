//! What waits for a place: candidates that come before their description, and an offer that comes while there is a call.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use ahoy_contract::{
    PeerId,
    peer::{Candidate, Description},
};

use super::{core::Core, message::Id, sdp::Identity};

/// Candidates that are kept until their description comes. A browser has a dozen.
const MAX_EARLY: usize = 64;
/// How long an offer is kept that came at a wrong time. A page that was loaded again offers once; that the connection
/// with what it was before is dead shows after five seconds.
const KEPT_FOR: Duration = Duration::from_secs(10);
/// How long an exchange may take that somebody else waits behind.
const HURRY: Duration = Duration::from_secs(5);

/// An offer, from whom, and what candidates came after it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) description: Description,
    pub(super) from: Option<Id>,
    identity: Identity,
    candidates: Vec<Candidate>,
    until: Instant,
}

/// The waiting room of one connection.
#[derive(Debug, Default)]
pub(super) struct Seat {
    early: VecDeque<Candidate>,
    kept: Option<Kept>,
}

impl Seat {
    /// A candidate came: for the connection that there is, the offer that waits, or one that is still to come.
    pub(super) fn candidate(
        &mut self,
        core: &mut Core,
        link: Option<&PeerId>,
        candidate: Option<Candidate>,
    ) {
        if let (Some(kept), Some(candidate)) = (&mut self.kept, &candidate)
            && kept.identity.may_own(candidate)
            && kept.candidates.len() < MAX_EARLY
        {
            kept.candidates.push(candidate.clone());
        }
        match (link, candidate) {
            (Some(link), candidate) => core.candidate(link, candidate),
            // The end of candidates that nobody has seen tells nothing.
            (None, None) => {}
            (None, Some(candidate)) => {
                if self.early.len() == MAX_EARLY {
                    self.early.pop_front();
                }
                self.early.push_back(candidate);
            }
        }
    }

    /// An offer came while there is a connection: it is refused, unless that one proves dead soon.
    pub(super) fn refuse(
        &mut self,
        core: &mut Core,
        link: &PeerId,
        now: Instant,
        description: Description,
        from: Option<Id>,
    ) {
        let identity = Identity::of(&description.sdp);
        if self
            .kept
            .as_ref()
            .is_some_and(|kept| kept.identity == identity)
        {
            return;
        }
        if let Some(link) = core.links.get_mut(link) {
            if link.is_up() {
                tracing::info!("an offer while in a call is refused");
            } else {
                tracing::info!("an offer while another one is dealt with waits");
            }
            if !link.offers {
                link.hurry(now + HURRY);
            }
        }
        self.kept = Some(Kept {
            identity,
            description,
            from,
            candidates: Vec::new(),
            until: now + KEPT_FOR,
        });
    }

    /// The offer that waits, if it is not too old.
    pub(super) fn next(&mut self, now: Instant) -> Option<Kept> {
        self.kept.take().filter(|kept| kept.until > now)
    }

    /// Whether an offer waits that is not too old.
    pub(super) fn has_next(&self, now: Instant) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.until > now)
    }

    /// A connection has got its description: what came before it is given to it.
    pub(super) fn taken(&mut self, core: &mut Core, link: &PeerId, kept: Vec<Candidate>) {
        let early = std::mem::take(&mut self.early);
        for candidate in early.into_iter().chain(kept) {
            core.candidate(link, Some(candidate));
        }
    }

    /// Takes an offer on a connection that was just made for it.
    pub(super) fn take(
        &mut self,
        core: &mut Core,
        link: &PeerId,
        now: Instant,
        kept: Kept,
    ) -> bool {
        let taken = core.described(now, link, kept.description);
        self.taken(core, link, kept.candidates);
        taken
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Kept {
    /// An offer that nothing was kept of.
    pub(super) fn fresh(description: Description, from: Option<Id>, now: Instant) -> Self {
        Self {
            identity: Identity::of(&description.sdp),
            description,
            from,
            candidates: Vec::new(),
            until: now,
        }
    }
}
