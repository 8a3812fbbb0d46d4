//! The relay from outside, over real sockets on loopback.

mod bad_input;
mod client;
mod http;
mod life;
mod tls;
