//! `1cs1cs`: two one-way connections. This end offers on the one that it sends on and answers on the one that it receives
//! on; both ends may call at the same time.

use std::time::{Duration, Instant};

use ahoy_contract::{
    PeerId,
    peer::{Description, DescriptionType},
};

use super::{
    core::{Core, after, is_over},
    link::Change,
    message::{Body, Message},
    plan::Part,
    sdp::Identity,
    seat::{Kept, Seat},
    shape::Shape,
};
use crate::call::Media;

/// How long an answer may take, once the other end is known to be there, until the offer counts as one that it has not
/// seen: it came later. Also the pause before a lost connection is offered again.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// One end of two one-way connections.
#[derive(Debug)]
pub(super) struct Mutual {
    /// It calls without being called.
    calls: bool,
    sending: PeerId,
    receiving: PeerId,
    seat: Seat,
    /// When to offer (again).
    offer_at: Option<Instant>,
}

impl Mutual {
    pub(super) fn new(core: &mut Core) -> Self {
        let (one, other) = (core.fresh(), core.fresh());
        Self {
            calls: core.plan.part == Part::Caller,
            // The one with the picture is listed first.
            receiving: one.clone().min(other.clone()),
            sending: one.max(other),
            seat: Seat::default(),
            offer_at: None,
        }
    }

    fn offer(&mut self, core: &mut Core, now: Instant) {
        self.offer_at = None;
        core.close(&self.sending, None);
        core.open(now, &self.sending, (Media::Send, true), None);
    }

    /// Whether an answer to the own offer has come.
    fn is_answered(&self, core: &Core) -> bool {
        let link = core.links.get(&self.sending);
        link.is_some_and(super::link::Link::is_described)
    }

    fn take(&mut self, core: &mut Core, now: Instant, kept: Kept) {
        let place = self.receiving.clone();
        core.close(&place, None);
        core.open(now, &place, (Media::Receive, false), None);
        if !self.seat.take(core, &place, now, kept) {
            core.lose(&place);
        }
    }

    fn offered(&mut self, core: &mut Core, now: Instant, description: Description) {
        let identity = Identity::of(&description.sdp);
        if core.is_own(&identity) {
            return;
        }
        let place = self.receiving.clone();
        match core.links.get(&place) {
            None => self.take(core, now, Kept::fresh(description, None, now)),
            Some(link) if link.knows(&identity) => {
                core.described(now, &place, description);
            }
            Some(_) => self.seat.refuse(core, &place, now, description, None),
        }
    }
}

impl Shape for Mutual {
    fn online(&mut self, core: &mut Core, now: Instant) {
        if self.calls && !self.is_answered(core) {
            self.offer(core, now);
        }
    }

    fn message(&mut self, core: &mut Core, now: Instant, message: Message) {
        if message.id.is_some() {
            tracing::debug!("a message of a broadcaster or viewer is left out");
            return;
        }
        match message.body {
            Body::Description(description) => match description.kind {
                DescriptionType::Offer => self.offered(core, now, description),
                // An answer belongs to the sending connection.
                DescriptionType::Answer => {
                    let place = self.sending.clone();
                    if !core.is_own(&Identity::of(&description.sdp))
                        && core.described(now, &place, description)
                    {
                        self.offer_at = None;
                    }
                }
            },
            // A candidate belongs to the receiving one.
            Body::Candidate(candidate) => {
                let place = self.receiving.clone();
                let there = core.links.contains_key(&place);
                self.seat
                    .candidate(core, there.then_some(&place), candidate);
            }
            Body::Join | Body::Ready | Body::Bye => {}
        }
    }

    fn changed(&mut self, core: &mut Core, now: Instant, peer: &PeerId, change: Change) {
        let receiving = *peer == self.receiving;
        match change {
            Change::Answered if !core.links.contains_key(&self.sending) => self.offer(core, now),
            // Was it there when this end offered? If it does not answer, it was not.
            Change::Answered if !self.is_answered(core) => {
                self.offer_at = after(now, ANSWER_WITHIN);
            }
            Change::Answered | Change::Connected => {}
            Change::Silent if receiving && self.seat.has_next(now) => {
                self.changed(core, now, peer, Change::Lost);
            }
            Change::Silent => {}
            Change::Lost => {
                core.lose(peer);
                if !receiving {
                    // Somebody is there to be called; who comes later shows by an offer.
                    if core.links.contains_key(&self.receiving) {
                        self.offer_at = after(now, ANSWER_WITHIN);
                    }
                } else if let Some(kept) = self.seat.next(now) {
                    self.take(core, now, kept);
                }
            }
        }
    }

    fn tick(&mut self, core: &mut Core, now: Instant) {
        if is_over(self.offer_at, now) {
            self.offer(core, now);
        }
    }

    fn deadline(&self, _: &Core) -> Option<Instant> {
        self.offer_at
    }

    fn remove(&mut self, core: &mut Core, _: Instant, _: &PeerId) {
        self.offer_at = None;
        self.seat.clear();
        for place in [self.sending.clone(), self.receiving.clone()] {
            core.close(&place, None);
        }
    }
}
