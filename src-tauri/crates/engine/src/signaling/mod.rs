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

/// How many messages wait at most, each way. To the relay: full means that the line is dead, and it is
/// closed. From it: full makes the relay wait.
pub const QUEUE: usize = 256;

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
