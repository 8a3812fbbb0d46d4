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
pub mod peer;
pub mod ui;
pub mod video;
pub mod wire;
pub mod words;

mod error;

pub use error::{ErrorCode, UserError};
pub use id::{Nonce, PeerId, PublicKey, RoomId, Secret, Signature};
pub use link::{Link, LinkError};

/// The bytes that a signal's `mac` and `sig` are made over.
///
/// The tuple *("ahoy-v1", room, from, to, seq, nonce of from, nonce of to, body)*, each part led by
/// its length as four bytes, most significant first, so that no two tuples give the same bytes.
/// `seq` is eight bytes, most significant first; ids are their text, nonces their 16 bytes.
pub fn signed_bytes(
    room: &RoomId,
    from: (&PeerId, &Nonce),
    to: (&PeerId, &Nonce),
    seq: u64,
    body: &str,
) -> Vec<u8> {
    tuple(&[
        b"ahoy-v1",
        room.as_str().as_bytes(),
        from.0.as_str().as_bytes(),
        to.0.as_str().as_bytes(),
        &seq.to_be_bytes(),
        from.1.as_bytes(),
        to.1.as_bytes(),
        body.as_bytes(),
    ])
}

/// The bytes that the `proof` of a `create` signs: *("ahoy-create-v1", challenge)*, each part led by
/// its length as in [`signed_bytes`].
pub fn proof_bytes(challenge: &Nonce) -> Vec<u8> {
    tuple(&[b"ahoy-create-v1", challenge.as_bytes()])
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
