//! Every type that crosses a boundary in Ahoy, and nothing else: what goes over the wire between a
//! member of a room and the relay ([`wire`]), what two members say to each other ([`peer`]), what a
//! link holds ([`link`]), what two people compare ([`words`]), and what the window shows and asks for
//! ([`ui`]), with the pictures it draws ([`video`]).
//!
//! This crate is the only author of these types. `ui/src/contract/` is written from it by ts-rs
//! (`cargo xtask contract`) and a test compares the two.

#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod id;
pub mod link;
pub mod name;
pub mod peer;
pub mod ui;
pub mod video;
pub mod wire;
pub mod words;

mod error;

pub use error::{ErrorCode, UserError};
pub use id::{Nonce, PeerId, PublicKey, RoomId, Secret, Signature};
pub use link::{Link, LinkError};

use wire::RoomKind;

/// The info of HKDF for the key that encrypts the bodies of signals, see [`signal_context`].
pub const SIGNAL_KEY_INFO: &[u8] = b"ahoy-v2 signal";

/// The info of HKDF for the key of the members' proofs, see [`join_bytes`].
pub const JOIN_KEY_INFO: &[u8] = b"ahoy-v2 join";

/// Returns the associated data that a signal's body is encrypted with.
///
/// The tuple *("ahoy-v2", room, from, to, seq, nonce of from, nonce of to)*, each part led by its length as four
/// bytes, most significant first, so that no two tuples give the same bytes. `seq` is eight bytes, most significant
/// first; ids are their text, nonces their 16 bytes.
///
/// The key is HKDF-SHA256 (RFC 5869) of the link's secret with the room's id as salt and [`SIGNAL_KEY_INFO`] as info.
pub fn signal_context(
    room: &RoomId,
    from: (&PeerId, &Nonce),
    to: (&PeerId, &Nonce),
    seq: u64,
) -> Vec<u8> {
    tuple(&signal_parts(room, from, to, &seq.to_be_bytes()))
}

/// Returns the bytes that the host signs: the parts of [`signal_context`], then the encrypted body as it is sent.
pub fn signed_bytes(
    room: &RoomId,
    from: (&PeerId, &Nonce),
    to: (&PeerId, &Nonce),
    seq: u64,
    body: &str,
) -> Vec<u8> {
    let seq = seq.to_be_bytes();
    let mut parts = signal_parts(room, from, to, &seq).to_vec();
    parts.push(body.as_bytes());
    tuple(&parts)
}

fn signal_parts<'a>(
    room: &'a RoomId,
    from: (&'a PeerId, &'a Nonce),
    to: (&'a PeerId, &'a Nonce),
    seq: &'a [u8; 8],
) -> [&'a [u8]; 7] {
    [
        b"ahoy-v2",
        room.as_str().as_bytes(),
        from.0.as_str().as_bytes(),
        to.0.as_str().as_bytes(),
        seq,
        from.1.as_bytes(),
        to.1.as_bytes(),
    ]
}

/// Returns the bytes that a member's `mac` is made over: the tuple *("ahoy-join-v2", room, peer, nonce, name)*, encoded
/// as in [`signal_context`].
///
/// The peer id is in it so that a stranger who has seen a roster cannot join with another member's proof. The key is
/// drawn as for signals, with [`JOIN_KEY_INFO`] as info.
pub fn join_bytes(room: &RoomId, peer: &PeerId, nonce: &Nonce, name: &str) -> Vec<u8> {
    tuple(&[
        b"ahoy-join-v2",
        room.as_str().as_bytes(),
        peer.as_str().as_bytes(),
        nonce.as_bytes(),
        name.as_bytes(),
    ])
}

/// Returns the bytes that the `proof` of a `create` signs: the tuple *("ahoy-create-v2", challenge, relay, kind, nonce)*,
/// encoded as in [`signal_context`].
///
/// `relay` is the relay as the host reaches it, so that no relay can use the proof at another: the PIN of its key
/// (base64url) where the host knows one, else its origin ([`RelayAddress::origin`](link::RelayAddress::origin)). `kind`
/// is the word on the wire; `nonce` is the host's of this join.
pub fn create_bytes(challenge: &Nonce, relay: &str, kind: RoomKind, nonce: &Nonce) -> Vec<u8> {
    let kind: &[u8] = match kind {
        RoomKind::Call => b"call",
        RoomKind::Broadcast => b"broadcast",
    };
    tuple(&[
        b"ahoy-create-v2",
        challenge.as_bytes(),
        relay.as_bytes(),
        kind,
        nonce.as_bytes(),
    ])
}

fn tuple(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        // No part is near 4 GiB: a message on the wire holds at most 64 KiB.
        bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}
