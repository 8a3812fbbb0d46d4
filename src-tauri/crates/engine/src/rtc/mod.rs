//! The connection to a peer: ICE, DTLS, SRTP, SCTP, RTCP. The only room that names `webrtc` and `rtc`.
//!
//! Everything here runs on tokio; media threads take packets with `blocking_recv`. A connection tells what
//! happens through bounded queues ([`Incoming`]). Each connection makes its own DTLS certificate.

mod addresses;
mod arrival;
mod burst;
mod candidates;
mod config;
mod data;
mod error;
mod event;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
#[doc(hidden)]
pub mod guard;
mod handler;
mod history;
mod media_engine;
mod monitor;
mod names;
mod negotiation;
mod peer;
mod remote_description;
mod repair;
mod runtime;
mod sdp;
mod sender;
mod servers;
mod setup;
mod shared;
mod socket;
mod stats;
#[cfg(test)]
mod tests;
mod train;

pub use addresses::bound_addresses;
pub use burst::Burst;
pub use candidates::with_candidates;
pub use config::{BindPolicy, Direction, MediaKind, PeerConfig};
pub use error::RtcError;
pub use event::{AUDIO_QUEUE, EVENT_QUEUE, Incoming, PeerEvent, PeerState, VIDEO_QUEUE};
pub use peer::Peer;
pub use sender::MediaSender;
pub use stats::{PeerStats, ReceivedStats, SentStats, StreamStats};

/// What the log filter should be where nothing else is asked for: the DTLS library warns about each record
/// that arrives before its keys, 18 times for a connection with Chromium.
pub const LOG_FILTER: &str =
    "warn,ahoy_engine=info,rtc_dtls=error,rtc_ice=error,rtc_srtp=error,webrtc=error,rtc=error";

/// The library's error, cut to what fits a log: some hold whole packets.
fn short(error: &rtc::shared::error::Error) -> String {
    error.to_string().chars().take(200).collect()
}
