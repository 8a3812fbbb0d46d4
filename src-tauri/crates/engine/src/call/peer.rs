//! One other member: its negotiation, the numbers of its signals, how far its connection is.

use std::time::Instant;

use ahoy_contract::{
    Nonce, PublicKey,
    peer::{ByeReason, DataMessage, Description, Removed, SignalBody},
    ui::{PeerState, Quality},
    wire::Member,
};

use super::{
    CONNECT_PATIENCE, OFFER_PATIENCE, announced::Announced, negotiation::Negotiation, words::Words,
};

/// Whether a member is in the room, by the relay's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It is.
    Here,
    /// This end has come back to the room, and the member not yet.
    Awaited,
    /// It is not any more; it stays as long as its media flows.
    Gone,
}

/// Another member, as this end knows it.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) member: Member,
    /// The room's key, where this is its host.
    pub(super) host_key: Option<PublicKey>,
    pub(super) state: PeerState,
    pub(super) announced: Announced,
    pub(super) quality: Option<Quality>,
    pub(super) presence: Presence,
    /// The proven join under which the relay shows it now, while it is connected by another.
    pub(super) successor: Option<(Member, Option<PublicKey>)>,
    /// The signals in its name that were dropped because it had not made them.
    pub(super) forged: u64,
    /// It was there when this end came, so it offers.
    pub(super) was_first: bool,
    pub(super) may_offer: bool,
    /// A connection was made for it.
    pub(super) opened: bool,
    pub(super) negotiation: Negotiation,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) data_open: bool,
    pub(super) ever_connected: bool,
    pub(super) deadline: Option<Instant>,
    /// The connections that were made anew for it since it was connected.
    pub(super) renewals: u32,
    /// The first offer was waited for in vain.
    pub(super) waited: bool,
    /// What is to be said once the data channel is open.
    pub(super) kept: Vec<DataMessage>,
    /// The last description that it was told and the candidates after it, until it is connected: they may have
    /// been lost with the relay.
    pub(super) told: Vec<SignalBody>,
    /// The fingerprints of this connection, from the first descriptions of both ends.
    pub(super) prints: (Option<String>, Option<String>),
    pub(super) words: Words,
}

/// Messages that are kept at most; more are lost.
const MAX_KEPT: usize = 32;
/// As much of what a peer was told is remembered: a browser has a dozen candidates.
const MAX_TOLD: usize = 64;

/// What a peer asks its call to do.
#[derive(Debug, PartialEq)]
pub(super) enum Ask {
    Nothing,
    /// Something that the user sees has changed.
    View,
    /// It was connected for the first time, or again.
    Connected,
    /// No way was found.
    Failed,
    /// It left.
    Bye(ByeReason),
    /// It says that this one was sent away.
    Removed(Removed),
    /// It was not in the room any more, and now its media is lost too.
    Gone,
    /// It wrote a line.
    Chat {
        /// Its number of it.
        id: u32,
        text: String,
    },
    /// It has the line of this number.
    Received(u32),
    /// Say this to it on the data channel.
    Say(Vec<DataMessage>),
    /// What it said is not from the end that this connection was made with.
    NotAuthentic,
    /// It describes another connection than the one that was lost: make one anew for it.
    Renew(Description),
}

impl Peer {
    pub(super) fn new(
        member: Member,
        host_key: Option<PublicKey>,
        polite: bool,
        (was_first, may_offer): (bool, bool),
        (commits, nonce): (bool, Nonce),
    ) -> Self {
        Self {
            member,
            host_key,
            state: PeerState::Connecting,
            announced: Announced::default(),
            quality: None,
            presence: Presence::Here,
            successor: None,
            forged: 0,
            was_first,
            may_offer,
            opened: false,
            negotiation: Negotiation::new(polite),
            sent: 0,
            received: 0,
            data_open: false,
            ever_connected: false,
            deadline: None,
            renewals: 0,
            waited: false,
            kept: Vec::new(),
            told: Vec::new(),
            prints: (None, None),
            words: Words::new(commits, nonce),
        }
    }

    pub(super) fn is_present(&self) -> bool {
        self.presence == Presence::Here
    }

    /// The four words, once they are drawn.
    pub(super) fn words(&self) -> Option<&[String]> {
        self.words.drawn()
    }

    /// Remembers what it is told, in case that it gets lost.
    pub(super) fn remember(&mut self, body: &SignalBody) {
        match body {
            SignalBody::Description(_) => self.told = vec![body.clone()],
            SignalBody::Candidate(_) => {
                if !self.told.is_empty() && self.told.len() < MAX_TOLD {
                    self.told.push(body.clone());
                }
            }
            SignalBody::Bye(_) | SignalBody::Removed(_) => {}
        }
    }

    pub(super) fn data_open(&self) -> bool {
        self.data_open
    }

    /// Keeps a message until the data channel is open; says whether there was room for it.
    pub(super) fn keep(&mut self, message: DataMessage) -> bool {
        let room = self.kept.len() < MAX_KEPT;
        if room {
            self.kept.push(message);
        }
        room
    }

    /// Whether the call still counts on it.
    pub(super) fn is_alive(&self) -> bool {
        !matches!(self.state, PeerState::Failed | PeerState::NotAuthentic)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let announced = self.announced.deadline();
        self.deadline.into_iter().chain(announced).min()
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|at| at <= now)
    }

    /// An offer is wanted for a reason of this end's.
    #[cfg(test)]
    pub(super) fn want_offer(&mut self, ice_restart: bool) {
        self.negotiation.offer(ice_restart);
    }

    pub(super) fn start(&mut self, now: Instant) {
        self.opened = true;
        if self.was_first || !self.may_offer {
            self.deadline = Some(now + OFFER_PATIENCE);
        } else {
            self.negotiation.offer(false);
            self.deadline = Some(now + CONNECT_PATIENCE);
        }
    }

    pub(super) fn timed_out(&mut self, now: Instant) -> Ask {
        let changed = self.announced.settle(now);
        if self.deadline.is_none_or(|at| at > now) {
            return if changed { Ask::View } else { Ask::Nothing };
        }
        self.deadline = None;
        if !self.negotiation.begun() && !self.waited {
            self.waited = true;
            // The one who was there first says nothing: perhaps it only answers.
            if self.may_offer {
                self.negotiation.offer(false);
            }
            self.deadline = Some(now + CONNECT_PATIENCE);
            return Ask::Nothing;
        }
        match self.state {
            PeerState::Reconnecting if !self.is_present() => Ask::Gone,
            PeerState::Connecting | PeerState::Reconnecting => self.fail(),
            _ => Ask::Nothing,
        }
    }

    pub(super) fn fail(&mut self) -> Ask {
        self.give_up();
        Ask::Failed
    }

    /// Its connection is of no more use.
    pub(super) fn give_up(&mut self) -> Ask {
        self.state = PeerState::Failed;
        self.deadline = None;
        self.data_open = false;
        Ask::View
    }
}
