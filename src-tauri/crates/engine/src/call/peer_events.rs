//! Events of one member's connection, and the member's messages on the data channel and in signals.

use std::time::Instant;

use ahoy_contract::{
    peer::{DataMessage, Description, DescriptionType, MAX_CHAT_BYTES, SignalBody},
    ui::PeerState,
    words::fingerprints,
};

use super::{
    CONNECT_PATIENCE, PeerInput,
    announced::Devices,
    peer::{Ask, Peer, Presence},
    words::Prints,
};

/// The connections that are made anew for a member, one after the other, before it counts as one that no way leads to.
const MAX_RENEWALS: u32 = 4;

impl Peer {
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
                self.renewals = 0;
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
            PeerInput::Data(text) => return self.said(now, &text),
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

    fn said(&mut self, now: Instant, text: &str) -> Ask {
        // What is not understood is from a newer version: left alone.
        match serde_json::from_str(text) {
            Ok(DataMessage::State { muted, camera_off }) => self.announces(now, |devices| {
                (devices.muted, devices.camera_off) = (muted, camera_off);
            }),
            Ok(DataMessage::Screen { shown }) => {
                self.announces(now, |devices| devices.screen = shown)
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

    fn announces(&mut self, now: Instant, change: impl FnOnce(&mut Devices)) -> Ask {
        match self.announced.change(now, change) {
            true => Ask::View,
            false => Ask::Nothing,
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
                Ok(true) => return Ask::View,
                Ok(false) => return Ask::Nothing,
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
            return match self.state {
                PeerState::Connected => Ask::NotAuthentic,
                _ if self.renewals >= MAX_RENEWALS => self.fail(),
                _ => Ask::Renew(description),
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
