//! The relay from outside, over real sockets on loopback.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod answers;
mod bad_input;
#[cfg(unix)]
mod binary;
mod broadcast;
#[cfg(unix)]
mod certificate;
mod client;
mod door;
mod flood;
mod http;
mod life;
mod limits;
mod lobby;
#[cfg(unix)]
mod log;
mod names;
mod page;
mod resume;
mod seats;
mod socketio;
mod tls;
