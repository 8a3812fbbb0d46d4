//! PURE. A wish to open a room, and the proof that goes with it.

use ahoy_contract::{ErrorCode, Nonce, PublicKey, Signature, proof_bytes, wire::RoomKind};

use super::{Newcomer, Refusal};

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
    /// Checks that who sends this holds the key: its signature over the challenge of this socket
    /// (RFC 8032; the strict form, so that one key has one signature).
    pub(crate) fn prove(self, challenge: &Nonce) -> Result<Opening, Refusal> {
        let wrong = || {
            Refusal::new(
                ErrorCode::BadMessage,
                "The proof does not fit the key and the challenge.",
            )
        };
        let key = ed25519_dalek::VerifyingKey::from_bytes(self.opening.key.as_bytes())
            .map_err(|_| wrong())?;
        let proof = ed25519_dalek::Signature::from_bytes(self.proof.as_bytes());
        key.verify_strict(&proof_bytes(challenge), &proof)
            .map_err(|_| wrong())?;
        Ok(self.opening)
    }
}

#[cfg(test)]
mod tests {
    use ahoy_contract::wire::ClientMessage;

    use super::*;
    use crate::request::Request;

    #[test]
    fn only_who_holds_the_key_opens_its_room() {
        use ed25519_dalek::{Signer as _, SigningKey};
        let signer = SigningKey::from_bytes(&[4; 32]);
        let challenge = Nonce::new([5; 16]);
        let create = |key: [u8; 32], proof: [u8; 64]| {
            let text = serde_json::to_string(&ClientMessage::Create {
                key: PublicKey::new(key),
                proof: Signature::new(proof),
                kind: RoomKind::Call,
                capacity: 2,
                knock: false,
                name: "Ada".to_owned(),
                nonce: Nonce::new([6; 16]),
            })
            .unwrap();
            let Request::Create(create) = Request::read(&text).unwrap() else {
                panic!("not a create");
            };
            create.prove(&challenge)
        };
        let own = signer.verifying_key().to_bytes();
        let good = signer.sign(&proof_bytes(&challenge)).to_bytes();
        let replayed = signer.sign(&proof_bytes(&Nonce::new([7; 16]))).to_bytes();
        let other = SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes();
        assert_eq!(create(own, good).unwrap().key().as_bytes(), &own);
        assert!(create(own, replayed).is_err());
        assert!(create(other, good).is_err());
        assert!(create([0xFF; 32], good).is_err());
        // The neutral point is a key of small order, for which every message has a signature.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut forged = [0; 64];
        forged[0] = 1;
        assert!(create(neutral, forged).is_err());
    }
}
