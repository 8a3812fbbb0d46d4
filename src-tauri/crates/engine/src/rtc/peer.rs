//! One connection.

use std::time::Instant;

use ahoy_contract::peer::{Candidate, Description};
use tokio::sync::watch;

use super::{Incoming, MediaKind, PeerConfig, PeerStats, RtcError};
use crate::{
    frame::{Bitrate, VideoCodec},
    packet::Payload,
};

/// A connection to one peer. Cheap to clone. [`close`](Self::close) ends it; when the last clone is dropped
/// without that, it is closed in the background.
#[derive(Debug, Clone)]
pub struct Peer {}

/// Sends one kind of media. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MediaSender {}

impl Peer {
    /// Binds sockets and starts the connection's task on the current runtime.
    pub async fn open(config: PeerConfig) -> Result<(Self, Incoming), RtcError> {
        let _ = config;
        Err(RtcError::Closed)
    }

    /// Makes an offer and takes it as the local description: gathering starts. With `ice_restart` new
    /// credentials are made, and all addresses tried again (RFC 8445 §2.4).
    pub async fn create_offer(&self, ice_restart: bool) -> Result<Description, RtcError> {
        let _ = ice_restart;
        Err(RtcError::Closed)
    }

    /// Answers the peer's offer and takes the answer as the local description: gathering starts.
    pub async fn create_answer(&self) -> Result<Description, RtcError> {
        Err(RtcError::Closed)
    }

    /// Takes the peer's description. An offer that crosses an own one takes that back first (RFC 8829
    /// §4.1.10.2); who must not yield does not call this.
    pub async fn set_remote(&self, description: &Description) -> Result<(), RtcError> {
        let _ = description;
        Err(RtcError::Closed)
    }

    /// Takes a candidate of the peer; `None`: there are no more. Those that cannot be used here (`.local`
    /// names, TCP, empty) are left out without an error.
    pub async fn add_candidate(&self, candidate: Option<&Candidate>) -> Result<(), RtcError> {
        let _ = candidate;
        Err(RtcError::Closed)
    }

    /// The way to send a kind of media.
    pub fn sender(&self, kind: MediaKind) -> MediaSender {
        let _ = kind;
        MediaSender {}
    }

    /// Asks the peer for a key frame (PLI, RFC 4585 §6.3.1).
    pub async fn request_key_frame(&self) {}

    /// Sends a text on the data channel `ahoy`.
    pub async fn send_data(&self, text: &str) -> Result<(), RtcError> {
        let _ = text;
        Err(RtcError::NoDataChannel)
    }

    /// The counters as they stand.
    pub fn stats(&self) -> PeerStats {
        PeerStats::default()
    }

    /// How much may be sent now, sound and pictures together.
    pub fn estimate(&self) -> watch::Receiver<Bitrate> {
        watch::channel(Bitrate::kbps(300)).1
    }

    /// Ends the connection and waits until its task and sockets are gone. Safe to call twice.
    pub async fn close(&self) {}
}

impl MediaSender {
    /// The codec that the peer takes; `None` for sound and before the descriptions were exchanged.
    pub fn codec(&self) -> Option<VideoCodec> {
        None
    }

    /// Sends a packet; waits while the connection's queue is full. `timestamp` is in ticks of the kind's
    /// clock, `captured` is when what has that time stamp was captured.
    pub async fn send(
        &self,
        payload: &Payload,
        timestamp: u32,
        captured: Instant,
    ) -> Result<(), RtcError> {
        let _ = (payload, timestamp, captured);
        Err(RtcError::NotNegotiated)
    }
}
