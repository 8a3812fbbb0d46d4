//! One other member: its negotiation, the numbers of its signals, how far its connection is.

use std::time::Instant;

use ahoy_contract::{
    Nonce, PublicKey,
    peer::{
        ByeReason, DataMessage, Description, DescriptionType, MAX_CHAT_BYTES, Removed, SignalBody,
    },
    ui::{PeerState, Quality},
    wire::Member,
    words::fingerprints,
};

use super::{
    CONNECT_PATIENCE, OFFER_PATIENCE, PeerInput,
    negotiation::Negotiation,
    words::{Prints, Words},
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
    pub(super) muted: bool,
    pub(super) camera_off: bool,
    /// It shows a screen.
    pub(super) screen: bool,
    pub(super) quality: Option<Quality>,
    pub(super) presence: Presence,
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
    /// The first offer was waited for in vain.
    pub(super) waited: bool,
    /// What is to be said once the data channel is open.
    pub(super) kept: Vec<DataMessage>,
    /// The last description that it was told and the candidates after it, until it is connected: they may have
    /// been lost with the relay.
    pub(super) told: Vec<SignalBody>,
    /// The fingerprints of this connection, from the first descriptions of both ends.
    prints: (Option<String>, Option<String>),
    words: Words,
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
            muted: false,
            camera_off: false,
            screen: false,
            quality: None,
            presence: Presence::Here,
            was_first,
            may_offer,
            opened: false,
            negotiation: Negotiation::new(polite),
            sent: 0,
            received: 0,
            data_open: false,
            ever_connected: false,
            deadline: None,
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
        self.deadline
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|at| at <= now)
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

    fn fail(&mut self) -> Ask {
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

    pub(super) fn connection(&mut self, now: Instant, input: PeerInput) -> Ask {
        if !self.is_alive() {
            // The connection is closed; this was under way.
            return Ask::Nothing;
        }
        match input {
            PeerInput::Local(description) => {
                let (mine, _) = &mut self.prints;
                mine.get_or_insert_with(|| fingerprints(&description.sdp));
                self.negotiation.local(description);
            }
            PeerInput::StepFailed(_) => self.negotiation.failed(),
            PeerInput::Connected => {
                self.deadline = None;
                self.ever_connected = true;
                self.told.clear();
                if self.state != PeerState::Connected {
                    self.state = PeerState::Connected;
                    return Ask::Connected;
                }
            }
            PeerInput::Disconnected | PeerInput::Failed
                if self.state == PeerState::Connected && self.presence == Presence::Gone =>
            {
                return Ask::Gone;
            }
            PeerInput::Disconnected | PeerInput::Failed if self.state == PeerState::Connected => {
                self.state = PeerState::Reconnecting;
                self.deadline = Some(now + CONNECT_PATIENCE);
                // One end restarts: the one that offers at the start. The other waits for its offer.
                if !self.was_first && self.may_offer {
                    self.negotiation.offer(true);
                }
                return Ask::View;
            }
            PeerInput::Failed if self.state == PeerState::Connecting => return self.fail(),
            PeerInput::Closed => return self.fail(),
            PeerInput::DataOpen => {
                self.data_open = true;
                let (words, prints) = (&mut self.words, prints(&self.prints));
                let commit = prints.and_then(|prints| words.start(prints));
                return Ask::Say(commit.into_iter().collect());
            }
            PeerInput::Data(text) => return self.said(&text),
            PeerInput::Quality(quality) if self.quality != Some(quality) => {
                self.quality = Some(quality);
                return Ask::View;
            }
            PeerInput::Disconnected
            | PeerInput::Failed
            | PeerInput::DataClosed
            | PeerInput::Quality(_)
            | PeerInput::Candidate(_) => {}
        }
        Ask::Nothing
    }

    fn said(&mut self, text: &str) -> Ask {
        // What is not understood is from a newer version: left alone.
        match serde_json::from_str(text) {
            Ok(DataMessage::State { muted, camera_off }) => {
                (self.muted, self.camera_off) = (muted, camera_off);
                Ask::View
            }
            Ok(DataMessage::Screen { shown }) => {
                self.screen = shown;
                Ask::View
            }
            Ok(DataMessage::Chat { id, text }) if text.len() <= MAX_CHAT_BYTES => {
                Ask::Chat { id, text }
            }
            Ok(DataMessage::ChatReceived { id }) => Ask::Received(id),
            Ok(DataMessage::Bye { reason }) => Ask::Bye(reason),
            Ok(DataMessage::Removed(removed)) => Ask::Removed(removed),
            Ok(message) => self.word(message),
            Err(_) => Ask::Nothing,
        }
    }

    /// One of the messages for the four words.
    fn word(&mut self, message: DataMessage) -> Ask {
        let Some(prints) = prints(&self.prints) else {
            return Ask::Nothing;
        };
        let words = &mut self.words;
        let answer = match message {
            DataMessage::WordsCommit { commitment } => words.committed(commitment),
            DataMessage::WordsNonce { nonce } => words.answered(&nonce, prints),
            DataMessage::WordsReveal { nonce } => match words.revealed(&nonce, prints) {
                Ok(()) => return Ask::View,
                Err(_) => return Ask::NotAuthentic,
            },
            _ => None,
        };
        answer.map_or(Ask::Nothing, |answer| Ask::Say(vec![answer]))
    }

    pub(super) fn signal(&mut self, now: Instant, body: &str) -> Ask {
        let Ok(body) = serde_json::from_str(body) else {
            // It is authentic, so it is from a newer version.
            return Ask::Nothing;
        };
        match body {
            // It was under way while this end gave the connection up, or nobody has asked for it yet.
            SignalBody::Description(_) | SignalBody::Candidate(_)
                if !self.is_alive() || !self.opened => {}
            SignalBody::Description(description) => return self.description(now, description),
            SignalBody::Candidate(candidate) => self.negotiation.candidate(candidate),
            SignalBody::Bye(reason) => return Ask::Bye(reason),
            SignalBody::Removed(removed) => return Ask::Removed(removed),
        }
        Ask::Nothing
    }

    /// Takes a description. A certificate serves one connection only (W3C WebRTC §4.9.2 lets a browser make one for
    /// each), so other fingerprints than before are another connection's.
    pub(super) fn description(&mut self, now: Instant, description: Description) -> Ask {
        let new = fingerprints(&description.sdp);
        if self.prints.1.as_ref().is_some_and(|first| *first != new) {
            return if self.state == PeerState::Connected {
                Ask::NotAuthentic
            } else {
                Ask::Renew(description)
            };
        }
        if self.negotiation.remote(description) {
            self.prints.1.get_or_insert(new);
            if self.state != PeerState::Connected {
                self.deadline = Some(now + CONNECT_PATIENCE);
            }
        }
        Ask::Nothing
    }

    /// Begins with a new connection, of which the peer has sent this. An answer is to an offer of the old one.
    pub(super) fn renewed(&mut self, now: Instant, description: Description) -> Ask {
        self.deadline = Some(now + CONNECT_PATIENCE);
        match description.kind {
            DescriptionType::Offer => self.description(now, description),
            DescriptionType::Answer => {
                self.negotiation.offer(false);
                Ask::Nothing
            }
        }
    }
}

/// The fingerprints of both ends, once both are known.
fn prints((mine, theirs): &(Option<String>, Option<String>)) -> Option<Prints<'_>> {
    Some(Prints {
        mine: mine.as_deref()?,
        theirs: theirs.as_deref()?,
    })
}
