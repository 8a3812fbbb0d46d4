//! One other member: its negotiation, the numbers of its signals, how far its connection is.

use std::time::Instant;

use ahoy_contract::{
    PublicKey,
    peer::{ByeReason, DataMessage, Description, MAX_CHAT_BYTES, SignalBody},
    ui::{PeerState, Quality},
    wire::Member,
};

use super::{CONNECT_PATIENCE, OFFER_PATIENCE, PeerInput, negotiation::Negotiation};

/// Another member, as this end knows it.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) member: Member,
    /// The room's key, where this is its host.
    pub(super) host_key: Option<PublicKey>,
    pub(super) state: PeerState,
    pub(super) muted: bool,
    pub(super) camera_off: bool,
    pub(super) quality: Option<Quality>,
    /// It was there when this end came, so it offers.
    pub(super) was_first: bool,
    pub(super) may_offer: bool,
    pub(super) negotiation: Negotiation,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) data_open: bool,
    pub(super) ever_connected: bool,
    pub(super) deadline: Option<Instant>,
    /// The first offer was waited for in vain.
    pub(super) waited: bool,
    /// Lines written before the data channel was open.
    pub(super) kept: Vec<DataMessage>,
}

/// Lines that are kept at most; more are lost.
const MAX_KEPT: usize = 32;

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
    /// It wrote a line.
    Chat(String),
}

impl Peer {
    pub(super) fn new(
        member: Member,
        host_key: Option<PublicKey>,
        polite: bool,
        was_first: bool,
        may_offer: bool,
    ) -> Self {
        Self {
            member,
            host_key,
            state: PeerState::Connecting,
            muted: false,
            camera_off: false,
            quality: None,
            was_first,
            may_offer,
            negotiation: Negotiation::new(polite),
            sent: 0,
            received: 0,
            data_open: false,
            ever_connected: false,
            deadline: None,
            waited: false,
            kept: Vec::new(),
        }
    }

    pub(super) fn data_open(&self) -> bool {
        self.data_open
    }

    /// Keeps a line until the data channel is open.
    pub(super) fn keep(&mut self, line: DataMessage) {
        if self.kept.len() < MAX_KEPT {
            self.kept.push(line);
        }
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
            PeerState::Connecting | PeerState::Reconnecting => {
                self.state = PeerState::Failed;
                Ask::Failed
            }
            _ => Ask::Nothing,
        }
    }

    pub(super) fn connection(&mut self, now: Instant, input: PeerInput) -> Ask {
        if self.state == PeerState::NotAuthentic {
            return Ask::Nothing;
        }
        match input {
            PeerInput::Local(description) => self.negotiation.local(description),
            PeerInput::StepFailed(_) => self.negotiation.failed(),
            PeerInput::Connected => {
                self.deadline = None;
                self.ever_connected = true;
                if self.state != PeerState::Connected {
                    self.state = PeerState::Connected;
                    return Ask::Connected;
                }
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
            PeerInput::Failed if self.state == PeerState::Connecting => {
                self.state = PeerState::Failed;
                self.deadline = None;
                return Ask::Failed;
            }
            PeerInput::DataOpen => self.data_open = true,
            PeerInput::Data(text) => return self.said(&text),
            PeerInput::Quality(quality) if self.quality != Some(quality) => {
                self.quality = Some(quality);
                return Ask::View;
            }
            PeerInput::Disconnected
            | PeerInput::Failed
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
            Ok(DataMessage::Chat { text, .. }) if text.len() <= MAX_CHAT_BYTES => Ask::Chat(text),
            Ok(DataMessage::Bye { reason }) => Ask::Bye(reason),
            Ok(DataMessage::Chat { .. }) | Err(_) => Ask::Nothing,
        }
    }

    pub(super) fn signal(&mut self, now: Instant, body: &str) -> Ask {
        let Ok(body) = serde_json::from_str(body) else {
            // It is authentic, so it is from a newer version.
            return Ask::Nothing;
        };
        match body {
            SignalBody::Description(description) => self.description(now, description),
            SignalBody::Candidate(candidate) => self.negotiation.candidate(candidate),
            SignalBody::Bye(reason) => return Ask::Bye(reason),
        }
        Ask::Nothing
    }

    fn description(&mut self, now: Instant, description: Description) {
        if self.negotiation.remote(description) && self.state != PeerState::Connected {
            self.deadline = Some(now + CONNECT_PATIENCE);
        }
    }
}
