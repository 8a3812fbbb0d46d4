//! Ahoy's relay: it introduces the members of a room to each other and hands their signals on. Media
//! never passes through it, and it can neither read the secret of a link nor make a signal that the ends
//! would believe.
//!
//! [`serve`] runs a relay on a bound listener until it is told to stop; the binary `ahoy-relay` and the
//! app do the same through it. What happens inside, from the outside in:
//!
//! - `server` accepts, `connection` speaks TLS and HTTP, `page` answers HTTP, `socket` is one WebSocket, `ending` how
//!   that ends. Each connection is one task for its whole life.
//! - `address` counts what comes from one address, also through a trusted proxy; `handshakes` are the places for
//!   connections that are no socket yet. `known_names`: by which names the relay may be spoken to; `certificate`: the one
//!   that it shows now.
//! - `hub` owns all rooms and hands what they say to the sockets, through one bounded `outbox` each.
//! - `rooms` is the pure part: who is in which room, and what that means for whom. `request` reads what
//!   a client says, before any lock is taken; `token` is that by which a client comes back as who it was.
//!
//! - `lobby` is beside all that, for pages that speak the dialects of before, where the operator wants it.
//!
//! A member is not its socket: when that breaks, the member keeps its place for half a minute, and the signals
//! for it are kept until it comes back on another.

mod address;
mod certificate;
mod config;
mod connection;
mod ending;
mod error;
mod flow;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod handshakes;
mod hub;
mod identity;
mod known_names;
mod lobby;
mod origin;
mod outbox;
mod page;
mod request;
mod rooms;
mod server;
mod socket;
mod token;
mod told;

pub use address::PerPrefix;
pub use config::{Config, Limits};
pub use error::RelayError;
pub use identity::Identity;
pub use server::{Counts, Handle, Relay, serve};
