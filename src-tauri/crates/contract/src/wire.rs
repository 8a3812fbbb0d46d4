//! Native signalling, version 2: a WebSocket at `/ws`, one JSON object per text frame, `type` tag in
//! snake_case.
//!
//! Version 2 differs from version 1 in what a relay has to be trusted with. Each join carries a proof that the
//! member knows the link ([`join_bytes`](crate::join_bytes)), and the bodies of signals are encrypted
//! ([`signal_context`](crate::signal_context)).

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    ErrorCode,
    id::{Mac, Nonce, PeerId, PublicKey, RoomId, Signature},
};

/// The version of the protocol that this crate describes.
pub const VERSION: u32 = 2;

/// The largest message, in bytes of its text.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// The longest name of a member, in bytes of UTF-8. A relay refuses a longer one: it may not change a name, because the
/// member's proof covers it.
pub const MAX_NAME_BYTES: usize = 128;

/// What a room is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum RoomKind {
    /// All members see and hear each other; at most eight.
    Call,
    /// The host sends and the others watch.
    Broadcast,
}

/// What a member came for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Role {
    /// To take part in a call.
    Caller,
    /// To watch a broadcast.
    Viewer,
}

/// A server for ICE (RFC 8445), as the W3C's `RTCIceServer` has it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct IceServer {
    /// `stun:…`, `turn:…` or `turns:…` (RFC 7064, RFC 7065).
    pub urls: Vec<String>,
    /// The user name, for TURN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub username: Option<String>,
    /// The password, for TURN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub credential: Option<String>,
}

impl IceServer {
    /// Whether it is a TURN server that Ahoy can use: by UDP, by a name or an IPv4 address, with user and password.
    pub fn is_usable_turn(&self) -> bool {
        let by_udp = |url: &String| {
            url.starts_with("turn:") && !url.contains("transport=tcp") && !url.contains('[')
        };
        self.username.is_some() && self.credential.is_some() && self.urls.iter().any(by_udp)
    }
}

impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let password = self.credential.as_ref().map(|_| "…");
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .field("username", &self.username)
            .field("credential", &password)
            .finish()
    }
}

/// One member, as the others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Member {
    /// Its id.
    pub peer: PeerId,
    /// The name that it gave; at most [`MAX_NAME_BYTES`]. `mac` proves that the member itself gave it; what it holds
    /// is still the text of another person.
    pub name: String,
    /// Fresh for each join; part of what its signals are authenticated with.
    pub nonce: Nonce,
    /// Proof that the member knows the link's secret: HMAC-SHA256 over [`join_bytes`](crate::join_bytes). Nobody opens
    /// a connection to a member whose proof is wrong, and its host removes it.
    pub mac: Mac,
    /// Grows by one with each join to the room. Who has the smaller number was there first and offers.
    pub order: u32,
}

/// The member that opened the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Host {
    /// The room's public key; the room's id is made of it.
    pub key: PublicKey,
    /// The host as a member.
    #[serde(flatten)]
    #[ts(flatten)]
    pub member: Member,
}

/// From a client to the relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export)]
pub enum ClientMessage {
    /// The first message, within five seconds.
    Hello {
        /// The protocol's version.
        version: u32,
        /// Name and version of the program, for the log.
        app: String,
        /// The token of the last `welcome`, to go on with the membership of a socket that broke.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        resume: Option<String>,
        /// The last `n` that arrived on the broken socket.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "number")]
        ack: Option<u64>,
    },
    /// Opens the room of a key, or comes back to it as its host, and joins it.
    Create {
        /// The room's public key.
        key: PublicKey,
        /// The key's signature over [`create_bytes`](crate::create_bytes): the `welcome`'s challenge, the relay and the
        /// room's kind.
        proof: Signature,
        /// What the room is for.
        kind: RoomKind,
        /// How many members it may hold, the host included; the relay may lower it.
        capacity: u32,
        /// Whether guests wait until the host admits them.
        knock: bool,
        /// The host's name.
        name: String,
        /// The host's nonce.
        nonce: Nonce,
        /// The host's [`Member::mac`].
        mac: Mac,
    },
    /// Joins a room.
    Join {
        /// Which.
        room: RoomId,
        /// What for.
        role: Role,
        /// The member's name.
        name: String,
        /// The member's nonce.
        nonce: Nonce,
        /// The member's [`Member::mac`].
        mac: Mac,
    },
    /// Asks what a room is for, without joining it: a page knows by it whether to ask for a camera.
    Look {
        /// Which.
        room: RoomId,
    },
    /// The host lets one that knocked in, or not.
    Admit {
        /// Who knocked.
        peer: PeerId,
        /// Whether it comes in.
        accept: bool,
    },
    /// The host closes the room to newcomers, or opens it.
    Lock {
        /// Closed.
        locked: bool,
    },
    /// The host sends a member away.
    Remove {
        /// Whom.
        peer: PeerId,
    },
    /// A message for one other member.
    Signal {
        /// For whom.
        to: PeerId,
        /// The sender's number for this addressee, from 1, growing.
        #[ts(type = "number")]
        seq: u64,
        /// The JSON text of a [`SignalBody`](crate::peer::SignalBody), encrypted: base64url, without padding, of 24
        /// bytes of nonce, the ciphertext and its tag of 16 bytes (XChaCha20-Poly1305). Its associated data is the
        /// [`signal_context`](crate::signal_context).
        body: String,
        /// Proof that the sender is the host, over [`signed_bytes`](crate::signed_bytes); only the host makes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        sig: Option<Signature>,
    },
    /// What arrived, so that the relay may forget it.
    Ack {
        /// The last `n` that arrived.
        #[ts(type = "number")]
        n: u64,
    },
    /// Leaves the room.
    Leave,
}

/// From the relay to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export)]
pub enum RelayMessage {
    /// The answer to `hello`.
    Welcome {
        /// The client's id.
        peer: PeerId,
        /// What the proof of a `create` signs.
        challenge: Nonce,
        /// The servers that the operator offers for ICE.
        ice_servers: Vec<IceServer>,
        /// The token with which the client may come back. It names the client's id, which it gets again
        /// even where nothing else is left of its membership.
        resume: String,
        /// The membership of the `hello`'s token goes on: what was missed follows, then the `room`. Otherwise
        /// the client has to `create` or `join`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[ts(as = "Option<bool>", optional)]
        resumed: bool,
    },
    /// The answer to `create`.
    Created {
        /// The room's id.
        room: RoomId,
    },
    /// The answer to `look`, where there is such a room.
    Found {
        /// Which.
        room: RoomId,
        /// What it is for.
        kind: RoomKind,
    },
    /// Who is in the room. In a call room all of it, to everybody, on each change. In a broadcast room the host gets
    /// all of it when it comes in or back, and when it locks the room; each viewer gets its own part, at once
    /// where the change concerns it, and at most once a second where only `count` has changed.
    Room {
        /// What the room is for.
        kind: RoomKind,
        /// The host; `null` while it is away.
        host: Option<Host>,
        /// The other members in the order in which they came, the addressee among them. In a broadcast
        /// room a viewer sees only itself.
        peers: Vec<Member>,
        /// How many members there are, the host included.
        count: u32,
        /// How many there may be.
        capacity: u32,
        /// Whether the host has locked the room.
        locked: bool,
    },
    /// To the host: somebody asks to come in. To the one who asks: the host has to let it in, so wait;
    /// `room` or an error follows.
    Knock {
        /// Its id.
        peer: PeerId,
        /// The name that it gave, as in [`Member::name`].
        name: String,
        /// Its nonce.
        nonce: Nonce,
        /// Its proof, as in [`Member::mac`].
        mac: Mac,
    },
    /// To the host of a broadcast room: a viewer came.
    Joined(Member),
    /// A member went. In a broadcast room viewers are told this of the host only.
    Left {
        /// Who.
        peer: PeerId,
    },
    /// A message of another member.
    Signal {
        /// Whose.
        from: PeerId,
        /// The relay's number of this delivery, for `ack`.
        #[ts(type = "number")]
        n: u64,
        /// The sender's number.
        #[ts(type = "number")]
        seq: u64,
        /// The sealed body, as its sender made it.
        body: String,
        /// Proof that the sender is the host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        sig: Option<Signature>,
    },
    /// Something was refused.
    Error {
        /// What, for programs.
        code: ErrorCode,
        /// What, for a log.
        message: String,
    },
}
