//! What two members say to each other: the `body` of a signal, through the relay, and the messages of
//! the data channel `ahoy` (reliable, ordered, one JSON object per message).

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    PeerId,
    id::{Commitment, Nonce},
};

/// The label of the data channel.
pub const DATA_CHANNEL: &str = "ahoy";

/// The largest text of a chat line, in bytes.
pub const MAX_CHAT_BYTES: usize = 16 * 1024;

/// The body of a signal. What is encrypted for the wire is the JSON text of this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum SignalBody {
    /// An offer or an answer (RFC 8829).
    Description(Description),
    /// One ICE candidate of the sender (RFC 8838); `null` when there are no more.
    Candidate(Option<Candidate>),
    /// The sender leaves the call.
    Bye(ByeReason),
    /// The sender is the host and has sent another member away: no connection to that one goes on.
    Removed(Removed),
}

/// Whom the host has sent away: one join of one member, who may be let in again under another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Removed {
    /// Its id.
    pub peer: PeerId,
    /// The nonce of its join.
    pub nonce: Nonce,
}

/// A session description: `RTCSessionDescriptionInit` of the W3C.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Description {
    /// Offer or answer.
    #[serde(rename = "type")]
    pub kind: DescriptionType,
    /// The SDP (RFC 8866).
    pub sdp: String,
}

/// Which half of an exchange a description is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum DescriptionType {
    /// The proposing half.
    Offer,
    /// The accepting half.
    Answer,
}

/// An ICE candidate: `RTCIceCandidateInit` of the W3C.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Candidate {
    /// The candidate attribute, `candidate:…`; empty for the end of candidates.
    pub candidate: String,
    /// The media section's id, where the sender named it.
    #[serde(default)]
    #[ts(optional = nullable)]
    pub sdp_mid: Option<String>,
    /// The media section's index, where the sender named it.
    #[serde(default, rename = "sdpMLineIndex")]
    #[ts(rename = "sdpMLineIndex", optional = nullable)]
    pub sdp_m_line_index: Option<u16>,
    /// The ICE user name fragment of the generation that it belongs to.
    #[serde(default)]
    #[ts(optional = nullable)]
    pub username_fragment: Option<String>,
}

/// Why a member leaves a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum ByeReason {
    /// The user hung up, or closed the window.
    HangUp,
    /// A message did not prove where it came from.
    NotAuthentic,
    /// Something went wrong at the sender.
    Failed,
    /// The sender is the host and has sent the addressee away.
    Removed,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A message on the data channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export)]
pub enum DataMessage {
    /// What the sender sends now; said at the start and at each change.
    State {
        /// The microphone is off.
        muted: bool,
        /// The camera is off, or there is none.
        camera_off: bool,
    },
    /// Whether the sender shows a screen beside its camera; said at the start and at each change. The screen's pictures
    /// are the second section of pictures in the descriptions (`m=video`), which both ends have from the first one on,
    /// so that a screen needs no new negotiation; the first section is the camera's. Who says this knows that section,
    /// and who does not is sent nothing on it.
    Screen {
        /// It does.
        shown: bool,
    },
    /// A line of chat.
    Chat {
        /// The sender's number of the line, from 1.
        id: u32,
        /// The line, plain text, at most [`MAX_CHAT_BYTES`].
        text: String,
    },
    /// A line of chat has arrived.
    ChatReceived {
        /// Its number.
        id: u32,
    },
    /// The first of three messages for the four [`words`](crate::words): what its sender, the host or else the
    /// one with the smaller id, is bound to.
    WordsCommit {
        /// Of the nonce that it will show.
        commitment: Commitment,
    },
    /// The answer to a commitment.
    WordsNonce {
        /// Fresh.
        nonce: Nonce,
    },
    /// The last of the three: the addressee checks it against the commitment.
    WordsReveal {
        /// What the commitment was made of.
        nonce: Nonce,
    },
    /// The sender is the host and has sent another member away, as in [`SignalBody::Removed`]: it need not go
    /// by the relay.
    Removed(Removed),
    /// The sender leaves the call.
    Bye {
        /// Why.
        reason: ByeReason,
    },
}
