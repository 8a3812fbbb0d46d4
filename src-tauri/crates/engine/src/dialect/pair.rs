//! Two ends and one connection between them: `1c1s`, the viewer of `nc1s`, ready/bye, Socket.IO, targeted.

use std::time::{Duration, Instant};

use ahoy_contract::{
    PeerId,
    peer::{ByeReason, Description, DescriptionType},
    ui::EndReason,
};

use super::{
    core::{Core, after, is_over},
    link::Change,
    message::{Body, Form, Id, Message},
    plan::Part,
    sdp::Identity,
    seat::{Kept, Seat},
    shape::Shape,
};
use crate::call::Media;

/// How long one's own offer stands against one that crossed it before it yields: an answer takes two trips over the relay.
const YIELD_AFTER: Duration = Duration::from_secs(2);
/// After a connection is lost, before the next beginning: one that fails at once must not be tried without a pause.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Between two `join`s of a viewer that nothing is offered to: its broadcaster may come later.
const JOIN_EVERY: Duration = Duration::from_secs(10);
/// Between two answers of one that never calls to others that are ready: two of its kind would go on for ever.
const READY_EVERY: Duration = Duration::from_secs(10);
/// How long an offer may go unanswered before the log says what may be wrong.
const UNANSWERED: Duration = Duration::from_secs(10);

/// How this end begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// It offers.
    Offer,
    /// It says that it is ready.
    Ready,
    /// It says that it is there.
    Join,
    /// It waits for an offer.
    Wait,
}

/// One end of a pair.
#[derive(Debug)]
pub(super) struct Pair {
    begin: Begin,
    /// It takes offers.
    answers: bool,
    /// It calls who is ready.
    calls: bool,
    media: Media,
    /// The place of the other end.
    place: PeerId,
    /// There is a connection.
    busy: bool,
    seat: Seat,
    /// When to begin once more.
    again: Option<Instant>,
    /// When to give way to the offer that crossed the own one.
    yields: Option<Instant>,
    /// When to wonder why nobody answers.
    wonders: Option<Instant>,
    /// When it last answered somebody's `ready`.
    said_ready: Option<Instant>,
    /// When somebody was last ready during a call: perhaps the page at its other end, loaded again.
    other_ready: Option<Instant>,
}

impl Pair {
    pub(super) fn new(core: &mut Core) -> Self {
        let (form, part) = (core.plan.form, core.plan.part);
        let begin = match (form, part) {
            (Form::Ready, _) => Begin::Ready,
            (_, Part::Viewer) => Begin::Join,
            (_, Part::Caller | Part::Send) => Begin::Offer,
            _ => Begin::Wait,
        };
        if begin == Begin::Join {
            // The viewer makes its own id.
            let id = core.fresh();
            core.me = Id::new(id.as_str());
        }
        Self {
            begin,
            answers: begin != Begin::Offer || part == Part::Caller,
            calls: part != Part::Callee,
            media: match part {
                Part::Send => Media::Send,
                Part::Receive | Part::Viewer => Media::Receive,
                _ => Media::Both,
            },
            place: core.fresh(),
            busy: false,
            seat: Seat::default(),
            again: None,
            yields: None,
            wonders: None,
            said_ready: None,
            other_ready: None,
        }
    }

    /// Begins, where nothing has begun.
    fn begin(&mut self, core: &mut Core, now: Instant) {
        self.again = None;
        if self.busy || !core.online {
            return;
        }
        match self.begin {
            Begin::Offer => self.offer(core, now),
            Begin::Ready => core.say(Body::Ready, None),
            Begin::Join => {
                core.say(Body::Join, None);
                self.again = after(now, JOIN_EVERY);
            }
            Begin::Wait => {}
        }
    }

    fn offer(&mut self, core: &mut Core, now: Instant) {
        self.busy = true;
        self.wonders = after(now, UNANSWERED);
        let target = core.plan.target.clone();
        core.open(now, &self.place, (self.media, true), target);
    }

    /// Forgets the connection without a word about it.
    fn drop_link(&mut self, core: &mut Core) {
        self.busy = false;
        (self.yields, self.wonders) = (None, None);
        core.close(&self.place, None);
    }

    fn take(&mut self, core: &mut Core, now: Instant, kept: Kept) {
        self.drop_link(core);
        self.busy = true;
        self.again = None;
        let place = self.place.clone();
        core.open(now, &place, (self.media, false), kept.from.clone());
        if !self.seat.take(core, &place, now, kept) {
            self.lost(core, now);
        }
    }

    fn offered(
        &mut self,
        core: &mut Core,
        now: Instant,
        description: Description,
        from: Option<Id>,
    ) {
        let identity = Identity::of(&description.sdp);
        if core.is_own(&identity) {
            return;
        }
        if !self.answers {
            tracing::info!("an offer is left out: this end only sends");
            return;
        }
        let place = self.place.clone();
        let Some(link) = core.links.get(&place).filter(|_| self.busy) else {
            self.take(core, now, Kept::fresh(description, from, now));
            return;
        };
        if link.knows(&identity) {
            core.described(now, &place, description);
            return;
        }
        if link.offers && !link.is_described() {
            // Two offers at once. Both ends know both, once they are sent: the one that sorts first stands. An end that
            // knows nothing of this never yields, so this one does if it is not answered.
            let stands = link.local().is_some_and(|own| own.sdp < description.sdp);
            if !stands {
                self.take(core, now, Kept::fresh(description, from, now));
                return;
            }
            self.yields = after(now, YIELD_AFTER);
        }
        self.seat.refuse(core, &place, now, description, from);
    }

    fn answered(
        &mut self,
        core: &mut Core,
        now: Instant,
        description: Description,
        from: Option<&Id>,
    ) {
        let place = self.place.clone();
        let asked = core.plan.target.as_ref();
        if asked.is_some() && from.is_some() && from != asked {
            tracing::debug!("an answer of somebody else is left out");
            return;
        }
        let identity = Identity::of(&description.sdp);
        if !core.is_own(&identity) && core.described(now, &place, description) {
            (self.yields, self.wonders) = (None, None);
            self.seat.taken(core, &place, Vec::new());
        }
    }

    /// Somebody else is ready.
    fn ready(&mut self, core: &mut Core, now: Instant) {
        if self.begin != Begin::Ready {
            return;
        }
        match core.links.get(&self.place) {
            // One that an offer went to is gone; this is the next.
            Some(link) if !link.is_described() && now >= link.since + AGAIN_AFTER => {
                self.drop_link(core);
            }
            Some(_) => {
                self.other_ready = Some(now);
                return;
            }
            None => {}
        }
        if self.calls {
            self.again = None;
            self.offer(core, now);
        } else if self.said_ready.is_none_or(|at| now >= at + READY_EVERY) {
            self.said_ready = Some(now);
            core.say(Body::Ready, None);
        }
    }

    /// Whether somebody was ready a moment ago.
    fn is_other_ready(&self, now: Instant) -> bool {
        self.other_ready.is_some_and(|at| now < at + READY_EVERY)
    }

    /// The connection is of no more use.
    fn lost(&mut self, core: &mut Core, now: Instant) {
        self.busy = false;
        self.other_ready = None;
        (self.yields, self.wonders) = (None, None);
        core.lose(&self.place);
        match self.seat.next(now) {
            Some(kept) => self.take(core, now, kept),
            None => self.again = after(now, AGAIN_AFTER),
        }
    }

    /// Whether a message is for this end.
    fn is_for_me(core: &Core, message: &Message) -> bool {
        match core.plan.form {
            Form::Broadcast => message.id == core.me,
            Form::Targeted => {
                let target = message.target.as_ref();
                let from = message.id.as_ref();
                let asked = core.plan.target.as_ref();
                target.is_none_or(|target| Some(target) == core.me.as_ref())
                    && (asked.is_none() || from.is_none() || from == asked)
                    && (from.is_none() || from != core.me.as_ref())
            }
            Form::Ready | Form::SocketIo => true,
        }
    }
}

impl Shape for Pair {
    fn online(&mut self, core: &mut Core, now: Instant) {
        let unanswered = core
            .links
            .get(&self.place)
            .is_some_and(|link| !link.is_described());
        if unanswered {
            // What the socket before carried is lost.
            self.drop_link(core);
        }
        self.begin(core, now);
    }

    fn message(&mut self, core: &mut Core, now: Instant, message: Message) {
        if !Self::is_for_me(core, &message) {
            tracing::debug!("a message for somebody else is left out");
            return;
        }
        let from = match core.plan.form {
            Form::Targeted => message.id,
            _ => None,
        };
        match message.body {
            Body::Description(description) => match description.kind {
                DescriptionType::Offer => self.offered(core, now, description, from),
                DescriptionType::Answer => self.answered(core, now, description, from.as_ref()),
            },
            Body::Candidate(candidate) => {
                let place = self.place.clone();
                self.seat
                    .candidate(core, self.busy.then_some(&place), candidate);
            }
            Body::Ready => self.ready(core, now),
            Body::Bye if self.busy => {
                core.close(&self.place.clone(), Some(ByeReason::HangUp));
                self.seat.clear();
                core.end(EndReason::ByThem, None);
            }
            Body::Bye | Body::Join => {}
        }
    }

    fn changed(&mut self, core: &mut Core, now: Instant, peer: &PeerId, change: Change) {
        if *peer != self.place {
            return;
        }
        match change {
            Change::Lost => self.lost(core, now),
            Change::Silent if self.seat.has_next(now) || self.is_other_ready(now) => {
                self.lost(core, now);
            }
            Change::Silent | Change::Answered | Change::Connected => {}
        }
    }

    fn tick(&mut self, core: &mut Core, now: Instant) {
        if is_over(self.yields, now) {
            self.yields = None;
            if let Some(kept) = self.seat.next(now) {
                self.take(core, now, kept);
            }
        }
        if is_over(self.wonders, now) {
            self.wonders = None;
            tracing::warn!(
                "nobody has answered: the other end has to be there before this one offers"
            );
        }
        if is_over(self.again, now) {
            self.begin(core, now);
        }
    }

    fn deadline(&self, _: &Core) -> Option<Instant> {
        [self.yields, self.wonders, self.again]
            .into_iter()
            .flatten()
            .min()
    }

    fn remove(&mut self, core: &mut Core, now: Instant, peer: &PeerId) {
        if *peer == self.place && self.busy {
            self.drop_link(core);
            self.seat.clear();
            self.again = after(now, AGAIN_AFTER);
        }
    }

    fn hang_up(&mut self, core: &mut Core) {
        if core.plan.form == Form::Ready && core.online {
            core.say(Body::Bye, None);
        }
    }
}
