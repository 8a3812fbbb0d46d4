//! One connection: its exchange of descriptions, its candidates, how it does.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use ahoy_contract::{
    peer::{Candidate, Description},
    ui::{PeerState, Quality},
};

use super::{
    message::Id,
    sdp::{Identity, candidates, first_section},
};
use crate::call::{CONNECT_PATIENCE, Negotiation};

/// Own candidates that wait for the other end's description; more are not gathered.
const MAX_UNTOLD: usize = 64;
/// Lines of chat that wait for the data channel.
const MAX_LINES: usize = 64;
/// How long a connection that was up may stay silent, beyond the five seconds after which it says so.
const SILENCE_PATIENCE: Duration = Duration::from_secs(10);

/// What happened to a connection that a shape wants to know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Its answer is on its way.
    Answered,
    /// It is up.
    Connected,
    /// It is silent, and may come back.
    Silent,
    /// It is of no more use.
    Lost,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Link {
    /// The other end's name in this dialect.
    pub(super) address: Option<Id>,
    /// This end offers.
    pub(super) offers: bool,
    pub(super) state: PeerState,
    pub(super) quality: Option<Quality>,
    /// When it was made.
    pub(super) since: Instant,
    /// In the order in which they were made.
    pub(super) order: u32,
    /// Whether others were told that somebody is there.
    pub(super) joined: bool,
    pub(super) data_open: bool,
    /// Looks at it while it was not up, one after the other.
    pub(super) looks: u32,
    pub(super) negotiation: Negotiation,
    /// Lines that wait for the data channel.
    pub(super) lines: VecDeque<String>,
    /// Own candidates that wait to be told; `None`: they are told at once.
    untold: Option<Vec<Option<Candidate>>>,
    local: Option<Description>,
    remote: Option<Identity>,
    deadline: Option<Instant>,
}

impl Link {
    /// `waits`: candidates are told when the other end has described itself.
    pub(super) fn new(
        now: Instant,
        order: u32,
        offers: bool,
        waits: bool,
        address: Option<Id>,
    ) -> Self {
        // Roll-back is not used: a shape decides whose offer stands before it gets here.
        let mut negotiation = Negotiation::new(false);
        if offers {
            negotiation.offer(false);
        }
        Self {
            address,
            offers,
            state: PeerState::Connecting,
            quality: None,
            since: now,
            order,
            joined: false,
            data_open: false,
            looks: 0,
            negotiation,
            lines: VecDeque::new(),
            untold: waits.then(Vec::new),
            local: None,
            remote: None,
            // An offer waits for its answer as long as it takes somebody to come.
            deadline: (!offers).then(|| now + CONNECT_PATIENCE),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.state == PeerState::Connected
    }

    /// Whether the other end has described itself.
    pub(super) fn is_described(&self) -> bool {
        self.remote.is_some()
    }

    /// Whether it was up, or still is.
    pub(super) fn ever_connected(&self) -> bool {
        matches!(self.state, PeerState::Connected | PeerState::Reconnecting)
    }

    pub(super) fn local(&self) -> Option<&Description> {
        self.local.as_ref()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// It has to be up by then.
    pub(super) fn hurry(&mut self, until: Instant) {
        if !self.is_up() {
            self.deadline = Some(self.deadline.map_or(until, |at| at.min(until)));
        }
    }

    /// The other end's description; says whether it makes sense here. One that was seen before brings its candidates only.
    pub(super) fn described(&mut self, now: Instant, description: Description) -> bool {
        let identity = Identity::of(&description.sdp);
        if let Some(known) = &self.remote {
            if *known == identity {
                for candidate in candidates(&description.sdp) {
                    self.negotiation.candidate(Some(candidate));
                }
            }
            return *known == identity;
        }
        if !self.negotiation.remote(description) {
            return false;
        }
        self.remote = Some(identity);
        self.deadline = Some(now + CONNECT_PATIENCE);
        true
    }

    /// Whether the description is the other end's that is set already.
    pub(super) fn knows(&self, identity: &Identity) -> bool {
        self.remote.as_ref() == Some(identity)
    }

    /// A candidate of somebody's; one of another connection is left out where that shows.
    pub(super) fn candidate(&mut self, candidate: Option<Candidate>) {
        let own = match (&candidate, &self.remote) {
            (Some(candidate), Some(remote)) => remote.may_own(candidate),
            _ => true,
        };
        if own {
            self.negotiation.candidate(candidate);
        }
    }

    /// Own description, made and set.
    pub(super) fn made(&mut self, description: Description) {
        self.local = Some(description.clone());
        self.negotiation.local(description);
    }

    /// Own candidates that can be told now: this one and those that waited.
    pub(super) fn found(&mut self, candidate: Option<Candidate>) -> Vec<Option<Candidate>> {
        let candidate = candidate.map(|candidate| self.placed(candidate));
        match &mut self.untold {
            None => vec![candidate],
            Some(untold) => {
                if untold.len() < MAX_UNTOLD {
                    untold.push(candidate);
                }
                self.tellable()
            }
        }
    }

    /// Own candidates that waited for the other end's description, once it is there.
    pub(super) fn tellable(&mut self) -> Vec<Option<Candidate>> {
        match self.remote {
            Some(_) => self.untold.take().unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// Names the section that the candidate belongs to: some pages want its id.
    fn placed(&self, candidate: Candidate) -> Candidate {
        let section = self
            .local
            .as_ref()
            .and_then(|local| first_section(&local.sdp));
        match section {
            Some((index, mid)) => Candidate {
                sdp_mid: mid,
                sdp_m_line_index: Some(index),
                ..candidate
            },
            None => candidate,
        }
    }

    /// The connection says how it does.
    pub(super) fn state(&mut self, now: Instant, state: PeerState) -> Option<Change> {
        match (state, self.state) {
            (PeerState::Connected, before) => {
                self.state = PeerState::Connected;
                self.deadline = None;
                self.looks = 0;
                (before != PeerState::Connected).then_some(Change::Connected)
            }
            (PeerState::Reconnecting, PeerState::Connected) => {
                self.state = PeerState::Reconnecting;
                self.deadline = Some(now + SILENCE_PATIENCE);
                Some(Change::Silent)
            }
            (PeerState::Failed, _) => Some(Change::Lost),
            _ => None,
        }
    }

    /// Keeps a line until the data channel is open; says whether there was room for it.
    pub(super) fn keep(&mut self, line: String) -> bool {
        let room = self.lines.len() < MAX_LINES;
        if room {
            self.lines.push_back(line);
        }
        room
    }
}
