//! PURE. The token of a `welcome`, with which a client comes back as who it was.
//!
//! It is a seed, of which the client's id is made, and a secret that changes with each `welcome`. So a relay
//! that was restarted, and knows nobody, gives everybody the same id as before; and only who was given the
//! last token goes on with a membership.

use std::fmt;

use ahoy_contract::PeerId;
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// How many random bytes a token is made of.
pub(crate) const TOKEN_BYTES: usize = 32;
const HALF: usize = TOKEN_BYTES / 2;

/// Ten bytes that stand for one member: a [`PeerId`] in less memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 10]);

/// A token, 256 random bits.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    seed: [u8; HALF],
    secret: TokenSecret,
}

/// The part of a token that changes with each `welcome`. Compared in constant time.
#[derive(Clone)]
pub(crate) struct TokenSecret([u8; HALF]);

impl Key {
    /// The id on the wire.
    pub(crate) fn peer(self) -> PeerId {
        PeerId::from_bytes(&self.0)
    }
}

impl Token {
    /// A token made of random bytes.
    pub(crate) fn new(bytes: [u8; TOKEN_BYTES]) -> Self {
        let (mut seed, mut secret) = ([0; HALF], [0; HALF]);
        seed.copy_from_slice(&bytes[..HALF]);
        secret.copy_from_slice(&bytes[HALF..]);
        Self {
            seed,
            secret: TokenSecret(secret),
        }
    }

    /// The token of this text; `None` where it is none.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self::new)
    }

    /// The text of the token, opaque to clients.
    pub(crate) fn to_text(&self) -> String {
        BASE64URL_NOPAD.encode(&[self.seed, self.secret.0].concat())
    }

    /// Whom the token names: the first 80 bits of SHA-256("ahoy-peer-v1" ‖ seed).
    pub(crate) fn key(&self) -> Key {
        let hash = Sha256::new()
            .chain_update(b"ahoy-peer-v1")
            .chain_update(self.seed)
            .finalize();
        let mut key = [0; 10];
        key.copy_from_slice(&hash[..10]);
        Key(key)
    }

    /// The part that changes.
    pub(crate) fn secret(&self) -> &TokenSecret {
        &self.secret
    }

    /// The next token of the same member, its secret taken from a fresh one.
    pub(crate) fn renewed(&self, fresh: &Self) -> Self {
        Self {
            seed: self.seed,
            secret: fresh.secret.clone(),
        }
    }
}

impl PartialEq for TokenSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenSecret {}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let token = Token::new(std::array::from_fn(|index| index as u8));
        let text = token.to_text();
        assert_eq!(text, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
        assert_eq!(Token::read(&text), Some(token.clone()));
        for bad in [
            "",
            "anything",
            &text[1..],
            &format!("{text}="),
            &format!("{text}AA"),
            &text.replace('A', "💥"),
            // The same bytes, written in another way.
            &text.replace("h8", "h9"),
        ] {
            assert_eq!(Token::read(bad), None, "{bad}");
        }
        let shown = format!("{token:?} {:?}", token.secret());
        assert_eq!(shown, "Token(…) TokenSecret(…)");
    }

    #[test]
    fn the_next_token_names_the_same_member() {
        let (first, fresh) = (Token::new([1; 32]), Token::new([2; 32]));
        let next = first.renewed(&fresh);
        assert_eq!(next.key(), first.key());
        assert_ne!(next, first);
        assert_ne!(fresh.key(), first.key());
        // So it stays, or a relay that was restarted would call everybody by another name.
        assert_eq!(first.key().peer().as_str(), "45ot32felt6ysszv");
    }
}
