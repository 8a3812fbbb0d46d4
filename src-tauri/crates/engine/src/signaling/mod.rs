//! The way to a relay: one WebSocket at a time, its messages as texts. Runs on tokio.
//!
//! When to try again is not decided here but by `call`.

mod look;
mod socket;
mod socketio;
mod target;
mod trust;

pub use look::{Looked, look};
pub use socket::{Socket, SocketEvent};
pub use target::{Line, Target};

/// How many messages from the relay wait at most; full makes the relay wait.
const FROM_RELAY: usize = 256;
/// How many messages to the relay wait at most; full means that the line is dead, and it is closed. A broadcaster that is
/// back on its network has a description and a dozen candidates for each of five hundred viewers at once.
const TO_RELAY: usize = 8192;

/// The relay cannot be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum SignalingError {
    /// No answer, or the line broke.
    #[error("the relay does not answer: {0}")]
    Unreachable(String),
    /// The relay's certificate is not the one that the link names, or nobody vouches for it.
    #[error("the relay's certificate is not to be trusted: {0}")]
    NotTrusted(String),
}
