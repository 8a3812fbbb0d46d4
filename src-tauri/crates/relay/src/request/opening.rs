//! PURE. A wish to open a room, and the proof that goes with it.

use ahoy_contract::{ErrorCode, Nonce, PublicKey, Signature, create_bytes, wire::RoomKind};

use super::{Newcomer, Refusal};

/// The most names of a relay that a proof is checked against, each of which costs a signature's check.
const MAX_NAMES: usize = 16;

/// A wish to open a room.
#[derive(Debug)]
pub(crate) struct Create {
    pub(super) proof: Signature,
    pub(super) opening: Opening,
}

/// A wish to open a room from one that holds its key. Only [`Create::prove`] makes it.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(super) key: PublicKey,
    /// What the room is for.
    pub(crate) kind: RoomKind,
    /// How many members the host wishes for.
    pub(crate) capacity: u32,
    /// Whether guests wait until the host lets them in.
    pub(crate) knock: bool,
    pub(crate) newcomer: Newcomer,
}

impl Opening {
    /// The key that was proven.
    pub(crate) fn key(&self) -> &PublicKey {
        &self.key
    }
}

impl Create {
    /// Checks that the sender holds the key and means this relay: its signature over [`create_bytes`] with the challenge
    /// of this socket and one of this relay's `names` (RFC 8032; the strict form, so that one key has one signature).
    pub(crate) fn prove<'a>(
        self,
        challenge: &Nonce,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Opening, Refusal> {
        let wrong = || {
            Refusal::new(
                ErrorCode::BadMessage,
                "The proof names none of this relay's addresses, or is not one. If you reach the relay at an address that it \
                 does not know, its operator has to name that with --public-url.",
            )
        };
        let key = ed25519_dalek::VerifyingKey::from_bytes(self.opening.key.as_bytes())
            .map_err(|_| wrong())?;
        let proof = ed25519_dalek::Signature::from_bytes(self.proof.as_bytes());
        let (kind, nonce) = (self.opening.kind, &self.opening.newcomer.nonce);
        let is_for = |name| {
            let bytes = create_bytes(challenge, name, kind, nonce);
            key.verify_strict(&bytes, &proof).is_ok()
        };
        if names.into_iter().take(MAX_NAMES).any(is_for) {
            Ok(self.opening)
        } else {
            Err(wrong())
        }
    }
}

#[cfg(test)]
mod tests {
    use ahoy_contract::{id::Mac, wire::ClientMessage};

    use super::*;
    use crate::request::Request;

    #[test]
    fn only_who_holds_the_key_opens_its_room() {
        use ed25519_dalek::{Signer as _, SigningKey};
        let signer = SigningKey::from_bytes(&[4; 32]);
        let challenge = Nonce::new([5; 16]);
        let nonce = Nonce::new([6; 16]);
        let names = ["https://relay.example", "https://10.0.0.7:3002"];
        let create = |key: [u8; 32], proof: [u8; 64]| {
            let text = serde_json::to_string(&ClientMessage::Create {
                key: PublicKey::new(key),
                proof: Signature::new(proof),
                kind: RoomKind::Call,
                capacity: 2,
                knock: false,
                name: "Ada".to_owned(),
                nonce: nonce.clone(),
                mac: Mac::new([0; 32]),
            })
            .unwrap();
            let Request::Create(create) = Request::read(&text).unwrap() else {
                panic!("not a create");
            };
            create.prove(&challenge, names)
        };
        let own = signer.verifying_key().to_bytes();
        let sign = |challenge: &Nonce, name, kind, nonce: &Nonce| {
            let bytes = create_bytes(challenge, name, kind, nonce);
            signer.sign(&bytes).to_bytes()
        };
        let (call, other) = (RoomKind::Call, Nonce::new([7; 16]));
        let good = sign(&challenge, names[0], call, &nonce);
        for name in names {
            assert!(create(own, sign(&challenge, name, call, &nonce)).is_ok());
        }
        for forged in [
            sign(&other, names[0], call, &nonce),
            sign(&challenge, "https://evil.example", call, &nonce),
            sign(&challenge, names[0], RoomKind::Broadcast, &nonce),
            sign(&challenge, names[0], call, &other),
        ] {
            assert!(create(own, forged).is_err());
        }
        let stranger = SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes();
        assert_eq!(create(own, good).unwrap().key().as_bytes(), &own);
        assert!(create(stranger, good).is_err());
        assert!(create([0xFF; 32], good).is_err());
        // The neutral point is a key of small order, for which every message has a signature.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut forged = [0; 64];
        forged[0] = 1;
        assert!(create(neutral, forged).is_err());
    }
}
