//! Proofs of a call's members: who knows the link, who is the host, and what a signal says.
//!
//! Two keys are drawn from the link's secret by HKDF-SHA256 (RFC 5869): one for the HMAC-SHA256 (RFC 2104) that each
//! member joins with, one that encrypts the bodies of signals with XChaCha20-Poly1305 (RFC 8439;
//! draft-irtf-cfrg-xchacha). The host also signs each signal with the room's Ed25519 key (RFC 8032).

use ahoy_contract::{
    JOIN_KEY_INFO, Nonce, PeerId, PublicKey, RoomId, SIGNAL_KEY_INFO, Secret, Signature,
    create_bytes,
    id::Mac,
    join_bytes, signal_context, signed_bytes,
    wire::{Member, RoomKind},
};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// Bytes of a key of either kind.
const KEY_BYTES: usize = 32;

/// Bytes of the nonce that stands in front of each encrypted body. So many that random ones never meet.
pub(super) const SEAL_NONCE_BYTES: usize = 24;

/// The key pair of a room; whoever holds it is the room's host.
#[derive(Clone)]
pub struct HostKey(SigningKey);

impl HostKey {
    /// Returns the pair that belongs to 32 secret bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(bytes))
    }

    /// Returns the 32 secret bytes, for whoever keeps the pair.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Returns the public half.
    pub fn public(&self) -> PublicKey {
        PublicKey::new(self.0.verifying_key().to_bytes())
    }

    /// Returns the id of the room that the pair opens.
    pub fn room(&self) -> RoomId {
        RoomId::of_key(&self.public())
    }

    /// Signs the opening of a room: an answer to the relay's challenge that no other relay can use
    /// (see [`create_bytes`]).
    pub fn prove(
        &self,
        challenge: &Nonce,
        relay: &str,
        kind: RoomKind,
        nonce: &Nonce,
    ) -> Signature {
        self.sign(&create_bytes(challenge, relay, kind, nonce))
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        Signature::new(self.0.sign(bytes).to_bytes())
    }
}

impl std::fmt::Debug for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostKey({:?})", self.public())
    }
}

/// One end of a signal: its id and its nonce of this join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The id that the relay gave it.
    pub peer: PeerId,
    /// Fresh per join.
    pub nonce: Nonce,
}

impl End {
    fn parts(&self) -> (&PeerId, &Nonce) {
        (&self.peer, &self.nonce)
    }
}

/// Makes and checks the proofs of one room.
#[derive(Clone)]
pub struct Authenticator {
    room: RoomId,
    join: Hmac<Sha256>,
    cipher: XChaCha20Poly1305,
    host: Option<HostKey>,
}

/// A signal as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct SealedSignal<'a> {
    /// The sender that the relay named, with the roster's nonce.
    pub from: &'a End,
    /// This end.
    pub to: &'a End,
    /// Its number.
    pub seq: u64,
    /// Its encrypted body.
    pub body: &'a str,
    /// The host's signature.
    pub sig: Option<&'a Signature>,
}

impl Authenticator {
    /// Draws the keys for the room of a link; `host` is the room's key pair where this end is its host.
    pub fn new(room: RoomId, secret: &Secret, host: Option<HostKey>) -> Self {
        let join = key(&room, secret, JOIN_KEY_INFO);
        // A key shorter than a block is padded with zeros (RFC 2104 §2).
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block[..KEY_BYTES].copy_from_slice(&join);
        Self {
            join: Hmac::new(&block),
            cipher: XChaCha20Poly1305::new(&key(&room, secret, SIGNAL_KEY_INFO).into()),
            room,
            host,
        }
    }

    /// Returns the proof with which a member joins under this name.
    pub fn prove_join(&self, member: &End, name: &str) -> Mac {
        let mac = self.join_mac(&member.peer, &member.nonce, name);
        Mac::new(mac.finalize().into_bytes().into())
    }

    /// Checks that a member knows the link and gave this name for this join.
    pub fn verify_join(&self, member: &Member) -> bool {
        self.join_mac(&member.peer, &member.nonce, &member.name)
            .verify_slice(member.mac.as_bytes())
            .is_ok()
    }

    fn join_mac(&self, peer: &PeerId, nonce: &Nonce, name: &str) -> Hmac<Sha256> {
        let bytes = join_bytes(&self.room, peer, nonce, name);
        self.join.clone().chain_update(&bytes)
    }

    /// Encrypts the body of a signal that this end sends, and signs it where this end is the host. `nonce` is random
    /// and used once.
    pub fn seal(
        &self,
        from: &End,
        to: &End,
        seq: u64,
        nonce: [u8; SEAL_NONCE_BYTES],
        body: &str,
    ) -> (String, Option<Signature>) {
        let context = signal_context(&self.room, from.parts(), to.parts(), seq);
        let payload = Payload {
            msg: body.as_bytes(),
            aad: &context,
        };
        // It fails for texts of 256 GiB only; an empty body is one that no receiver takes.
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .unwrap_or_default();
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed);
        let body = BASE64URL_NOPAD.encode(&bytes);
        let sig = self.host.as_ref().map(|key| {
            key.sign(&signed_bytes(
                &self.room,
                from.parts(),
                to.parts(),
                seq,
                &body,
            ))
        });
        (body, sig)
    }

    /// Returns the body of a signal if its sender made it for this end under this number. `host` is the room's key where
    /// the sender is its host, who must have signed it too.
    pub fn open(&self, signal: &SealedSignal<'_>, host: Option<&PublicKey>) -> Option<String> {
        let (from, to) = (signal.from.parts(), signal.to.parts());
        let bytes = BASE64URL_NOPAD.decode(signal.body.as_bytes()).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<SEAL_NONCE_BYTES>()?;
        let context = signal_context(&self.room, from, to, signal.seq);
        let payload = Payload {
            msg: sealed,
            aad: &context,
        };
        let body = self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        if let Some(key) = host {
            let signed = signed_bytes(&self.room, from, to, signal.seq, signal.body);
            self.verify_host(key, &signed, signal.sig?)?;
        }
        String::from_utf8(body).ok()
    }

    fn verify_host(&self, key: &PublicKey, bytes: &[u8], sig: &Signature) -> Option<()> {
        if RoomId::of_key(key) != self.room {
            return None;
        }
        let key = VerifyingKey::from_bytes(key.as_bytes()).ok()?;
        let sig = ed25519_dalek::Signature::from_bytes(sig.as_bytes());
        key.verify_strict(bytes, &sig).ok()
    }
}

/// Draws a key from the link's secret; `info` keeps keys for different purposes apart.
fn key(room: &RoomId, secret: &Secret, info: &[u8]) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    let drawn = Hkdf::<Sha256>::new(Some(room.as_str().as_bytes()), secret.as_bytes())
        .expand(info, &mut key);
    debug_assert!(drawn.is_ok(), "32 bytes are less than what HKDF can give");
    key
}

#[cfg(test)]
mod tests;
