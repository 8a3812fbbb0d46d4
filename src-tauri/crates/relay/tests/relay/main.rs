//! The relay from outside, over real sockets on loopback.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bad_input;
#[cfg(unix)]
mod binary;
mod broadcast;
mod client;
mod door;
mod flood;
mod http;
mod life;
mod lobby;
mod page;
mod resume;
mod socketio;
mod tls;
