//! The connection to a peer: ICE, DTLS, SRTP, SCTP, RTCP. The only room that names `webrtc` and `rtc`.
//!
//! Everything here runs on tokio; media threads take packets with `blocking_recv`. A connection tells what
//! happens through bounded queues ([`Incoming`]).

mod config;
mod error;
mod event;
mod peer;
mod stats;

pub use config::{BindPolicy, Direction, MediaKind, PeerConfig};
pub use error::RtcError;
pub use event::{AUDIO_QUEUE, EVENT_QUEUE, Incoming, PeerEvent, PeerState, SyncPoint, VIDEO_QUEUE};
pub use peer::{MediaSender, Peer};
pub use stats::{PeerStats, ReceivedStats, SentStats, StreamStats};

/// What the log filter should be where nothing else is asked for: the DTLS library warns about each record
/// that arrives before its keys, 18 times for a connection with Chromium.
pub const LOG_FILTER: &str =
    "warn,ahoy_engine=info,rtc_dtls=error,rtc_ice=error,rtc_srtp=error,webrtc=error,rtc=error";
