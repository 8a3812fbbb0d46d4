//! Proof that a signal comes from who it says: HMAC-SHA256 (RFC 2104) under a key drawn by HKDF
//! (RFC 5869) from the link's secret, and the host's Ed25519 signature (RFC 8032) on top.

use ahoy_contract::{
    Nonce, PeerId, PublicKey, RoomId, Secret, Signature, id::Mac, proof_bytes, signed_bytes,
};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;

/// Keeps the key of signals apart from whatever else may be drawn from the secret one day.
const INFO: &[u8] = b"ahoy-v1 signal";

/// The key pair of a room; whoever holds it is the room's host.
#[derive(Clone)]
pub struct HostKey(SigningKey);

impl HostKey {
    /// The pair that belongs to 32 secret bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(bytes))
    }

    /// The 32 secret bytes, for whoever keeps the pair.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey::new(self.0.verifying_key().to_bytes())
    }

    /// The room that the pair opens.
    pub fn room(&self) -> RoomId {
        RoomId::of_key(&self.public())
    }

    /// Answers a relay's challenge.
    pub fn prove(&self, challenge: &Nonce) -> Signature {
        self.sign(&proof_bytes(challenge))
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
    /// The relay's id of it.
    pub peer: PeerId,
    /// Fresh per join.
    pub nonce: Nonce,
}

/// Makes and checks the proofs of one room's signals.
#[derive(Clone)]
pub struct Authenticator {
    room: RoomId,
    mac: Hmac<Sha256>,
    host: Option<HostKey>,
}

impl Authenticator {
    /// For the room of a link; `host` is the room's key pair where this end is its host.
    pub fn new(room: RoomId, secret: &Secret, host: Option<HostKey>) -> Self {
        let mut key = [0; 32];
        let drawn = Hkdf::<Sha256>::new(Some(room.as_str().as_bytes()), secret.as_bytes())
            .expand(INFO, &mut key);
        debug_assert!(drawn.is_ok(), "32 bytes are less than what HKDF can give");
        // `new` takes a key of exactly one block, which is what the padding of RFC 2104 §2 makes of ours.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block[..key.len()].copy_from_slice(&key);
        Self {
            room,
            mac: Hmac::new(&block),
            host,
        }
    }

    /// The proofs of a signal that this end sends.
    pub fn sign(&self, from: &End, to: &End, seq: u64, body: &str) -> (Mac, Option<Signature>) {
        let bytes = self.bytes(from, to, seq, body);
        let mac = self
            .mac
            .clone()
            .chain_update(&bytes)
            .finalize()
            .into_bytes();
        (
            Mac::new(mac.into()),
            self.host.as_ref().map(|key| key.sign(&bytes)),
        )
    }

    /// Whether a signal is what its sender sent. `host` is the room's key where the sender is its host,
    /// who must sign.
    pub fn verify(&self, signal: &Signed<'_>, host: Option<&PublicKey>) -> bool {
        let bytes = self.bytes(signal.from, signal.to, signal.seq, signal.body);
        let mac = self.mac.clone().chain_update(&bytes);
        if mac.verify_slice(signal.mac.as_bytes()).is_err() {
            return false;
        }
        let Some(key) = host else { return true };
        RoomId::of_key(key) == self.room
            && signal.sig.is_some_and(|sig| {
                VerifyingKey::from_bytes(key.as_bytes()).is_ok_and(|key| {
                    key.verify_strict(
                        &bytes,
                        &ed25519_dalek::Signature::from_bytes(sig.as_bytes()),
                    )
                    .is_ok()
                })
            })
    }

    fn bytes(&self, from: &End, to: &End, seq: u64, body: &str) -> Vec<u8> {
        signed_bytes(
            &self.room,
            (&from.peer, &from.nonce),
            (&to.peer, &to.nonce),
            seq,
            body,
        )
    }
}

/// A signal as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// Whom the relay named as its sender, with the roster's nonce.
    pub from: &'a End,
    /// This end.
    pub to: &'a End,
    /// Its number.
    pub seq: u64,
    /// Its text.
    pub body: &'a str,
    /// The proof that the sender knows the secret.
    pub mac: &'a Mac,
    /// The proof that the sender is the host.
    pub sig: Option<&'a Signature>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(peer: &str, nonce: u8) -> End {
        End {
            peer: peer.parse().unwrap(),
            nonce: Nonce::new([nonce; 16]),
        }
    }

    #[test]
    fn only_what_was_signed_verifies() {
        let key = HostKey::from_bytes(&[9; 32]);
        let room = key.room();
        let secret = Secret::new([5; 16]);
        let host = Authenticator::new(room.clone(), &secret, Some(key.clone()));
        let guest = Authenticator::new(room.clone(), &secret, None);
        let (h, g) = (end("aaaaaaaaaaaaaaaa", 1), end("bbbbbbbbbbbbbbbb", 2));
        let (mac, sig) = host.sign(&h, &g, 1, "{}");
        let public = key.public();
        let good = |from: &End,
                    to: &End,
                    seq,
                    body: &str,
                    sig: Option<&Signature>,
                    key: Option<&PublicKey>| {
            guest.verify(
                &Signed {
                    from,
                    to,
                    seq,
                    body,
                    mac: &mac,
                    sig,
                },
                key,
            )
        };
        assert!(good(&h, &g, 1, "{}", sig.as_ref(), Some(&public)));
        assert!(
            !good(&h, &g, 2, "{}", sig.as_ref(), Some(&public)),
            "another number"
        );
        assert!(
            !good(&h, &g, 1, "{ }", sig.as_ref(), Some(&public)),
            "another body"
        );
        assert!(
            !good(&g, &h, 1, "{}", sig.as_ref(), Some(&public)),
            "sent back to its sender"
        );
        assert!(
            !good(
                &h,
                &end("bbbbbbbbbbbbbbbb", 3),
                1,
                "{}",
                sig.as_ref(),
                Some(&public)
            ),
            "another join"
        );
        assert!(
            !good(&h, &g, 1, "{}", None, Some(&public)),
            "a viewer in the host's name"
        );
        let stranger = HostKey::from_bytes(&[8; 32]).public();
        assert!(
            !good(&h, &g, 1, "{}", sig.as_ref(), Some(&stranger)),
            "the key of another room"
        );

        let other = Authenticator::new(room, &Secret::new([6; 16]), None);
        assert!(!other.verify(
            &Signed {
                from: &h,
                to: &g,
                seq: 1,
                body: "{}",
                mac: &mac,
                sig: sig.as_ref()
            },
            None
        ));
    }

    #[test]
    fn the_proof_of_a_host_is_over_the_challenge() {
        let key = HostKey::from_bytes(&[1; 32]);
        let verifying = VerifyingKey::from_bytes(key.public().as_bytes()).unwrap();
        let challenge = Nonce::new([4; 16]);
        let proof = ed25519_dalek::Signature::from_bytes(key.prove(&challenge).as_bytes());
        assert!(
            verifying
                .verify_strict(&proof_bytes(&challenge), &proof)
                .is_ok()
        );
        assert!(
            verifying
                .verify_strict(&proof_bytes(&Nonce::new([5; 16])), &proof)
                .is_err()
        );
    }

    /// The page's twin of this code is held against the same file.
    #[test]
    fn the_shared_vectors_hold() {
        let file = include_str!("../../../contract/vectors/signals.json");
        let vectors: serde_json::Value = serde_json::from_str(file).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let seed = data_encoding::BASE64URL_NOPAD
            .decode(text(&vectors["host_seed"]).as_bytes())
            .unwrap();
        let key = HostKey::from_bytes(&seed.try_into().unwrap());
        assert_eq!(key.public().to_text(), text(&vectors["host_key"]));
        assert_eq!(key.room().as_str(), text(&vectors["room"]));
        let challenge = text(&vectors["create"]["challenge"]).parse().unwrap();
        assert_eq!(
            key.prove(&challenge).to_text(),
            text(&vectors["create"]["proof"])
        );
        let secret: Secret = text(&vectors["secret"]).parse().unwrap();
        let host = Authenticator::new(key.room(), &secret, Some(key.clone()));
        for signal in vectors["signals"].as_array().unwrap() {
            let end = |value: &serde_json::Value| End {
                peer: text(&value["peer"]).parse().unwrap(),
                nonce: text(&value["nonce"]).parse().unwrap(),
            };
            let (from, to) = (end(&signal["from"]), end(&signal["to"]));
            let (seq, body) = (signal["seq"].as_u64().unwrap(), text(&signal["body"]));
            let (mac, sig) = host.sign(&from, &to, seq, &body);
            assert_eq!(mac.to_text(), text(&signal["mac"]), "{}", signal["name"]);
            if let Some(expected) = signal["sig"].as_str() {
                assert_eq!(sig.unwrap().to_text(), expected, "{}", signal["name"]);
            }
        }
    }
}
