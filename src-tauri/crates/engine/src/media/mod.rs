//! The pipelines between devices and connections, and the threads that they run on.
//!
//! Out: a capture thread → the latest picture (a `watch`: one slot, the newest wins; the self-view taps
//! here) → one encode thread per codec in use → a bounded queue per peer → pacer → connection. Sound goes
//! from the microphone's thread, which encodes too, straight to the queues.
//!
//! In: connection → order, assembly and decoding in one thread per peer → the latest picture. Sound goes to
//! the one thread that plays: jitter buffer, decoder, mixer, speaker.

mod camera;
mod desk;
mod encode;
mod encoders;
mod local;
mod microphone;
mod play;
mod receive;
mod retry;
mod send;
mod showing;
mod stream;
mod tend;
mod thread;

pub use encode::{EncoderStats, Packets, VideoOut};
pub use local::{LocalMedia, MediaConfig};
pub use microphone::{AudioOut, AudioPacket, ExpectedLoss};
pub use play::{AudioStats, AudioTap, Player};
pub use receive::{VideoIn, VideoSink, VideoStats};
pub use send::{Outgoing, Sending};
pub use stream::Sent;

use std::time::Instant;

use tokio::sync::watch;

use crate::frame::VideoFrame;

/// The newest picture of a source; `None` while there is none. A reader that is slow misses pictures.
pub type Latest = watch::Receiver<Option<VideoFrame>>;

#[expect(
    clippy::disallowed_methods,
    reason = "this room owns the media threads, which live in real time"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
