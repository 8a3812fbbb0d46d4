//! A link that was opened outside of the window.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A link that a page, another program or the command line opened. Its relay hears nothing before the user agrees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct OpenedLink {
    /// Its number, which commands name. The next link has another one, so an answer is never given to a link that came
    /// while the user was still reading about the one before it.
    pub id: u32,
    /// The relay's host as it is spoken to, with `:PORT` behind it where the port is not the usual one: a name in ASCII
    /// (RFC 5890 §2.3.2.1, A-labels), an IPv4 address, or an IPv6 address in brackets.
    pub address: String,
    /// How far away the address is.
    pub reach: Reach,
    /// The name has letters outside ASCII, which are written as `xn--…` in the address: it may be meant to look like
    /// another name.
    pub international: bool,
}

/// How far away a relay is, as far as its address says. No name is looked up for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Reach {
    /// On this computer.
    ThisComputer,
    /// On the network that this computer is in.
    ThisNetwork,
    /// Anywhere else, or behind a name that does not say.
    Internet,
}
