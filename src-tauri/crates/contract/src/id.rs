//! Names and keys, each a type of its own that is valid once it exists.

use std::{fmt, str::FromStr};

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ts_rs::TS;

/// Text that is not the name or key that it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0}")]
pub struct InvalidId(&'static str);

fn is_lower_base32(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
        #[serde(try_from = "String")]
        #[ts(export, type = "string")]
        pub struct $name(String);

        impl $name {
            /// The id as its text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_lower_base32(text, $length) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId($what))
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// One member of a room on one relay: 16 lower-case base32 characters, the first 80 bits of a hash of
    /// the seed of its resume token, both made by the relay.
    PeerId, "peer id", 16
);
text_id!(
    /// A room: the first 128 bits of the SHA-256 of its host's public key, in lower-case base32
    /// without padding (26 characters). Only who holds the key can open a room under its name.
    RoomId, "room id", 26
);

impl PeerId {
    /// The id made of ten random bytes.
    pub fn from_bytes(bytes: &[u8; 10]) -> Self {
        Self(BASE32_NOPAD.encode(bytes).to_ascii_lowercase())
    }
}

impl RoomId {
    /// The id of the room whose host holds this key.
    pub fn of_key(key: &PublicKey) -> Self {
        let hash = Sha256::digest(key.as_bytes());
        Self(BASE32_NOPAD.encode(&hash[..16]).to_ascii_lowercase())
    }
}

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
        #[serde(try_from = "String", into = "String")]
        #[ts(export, type = "string")]
        pub struct $name([u8; $length]);

        impl $name {
            /// Wraps the bytes.
            pub fn new(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }

            /// The bytes themselves.
            pub fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }

            /// The bytes as base64url without padding, as they stand on the wire and in links.
            pub fn to_text(&self) -> String {
                BASE64URL_NOPAD.encode(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                BASE64URL_NOPAD
                    .decode(text.as_bytes())
                    .ok()
                    .and_then(|bytes| bytes.try_into().ok())
                    .map(Self)
                    .ok_or(InvalidId($what))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_text()
            }
        }
    };
}

macro_rules! plain_debug {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.to_text())
            }
        }
    )*};
}

byte_id!(
    /// 128 fresh random bits: one per join of a member, and the relay's challenge to who opens a room.
    Nonce, "nonce", 16
);
byte_id!(
    /// The Ed25519 public key of a room (RFC 8032), 32 bytes.
    PublicKey, "public key", 32
);
byte_id!(
    /// An Ed25519 signature (RFC 8032), 64 bytes.
    Signature, "signature", 64
);
byte_id!(
    /// An HMAC-SHA256 (RFC 2104), 32 bytes. Compare in constant time.
    Mac, "mac", 32
);
byte_id!(
    /// The SHA-256 of a relay's public key (SubjectPublicKeyInfo, DER), 32 bytes.
    Pin, "pin", 32
);
byte_id!(
    /// The SHA-256 by which an end commits itself to a nonce before it shows it, 32 bytes.
    Commitment, "commitment", 32
);
byte_id!(
    /// The secret of a link, 128 random bits. It never reaches a relay and never a log: its debug
    /// form is a row of dots.
    Secret, "secret", 16
);
plain_debug!(Nonce, PublicKey, Signature, Mac, Pin, Commitment);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_accept_only_their_own_form() {
        assert!("abcdefghij234567".parse::<PeerId>().is_ok());
        for bad in [
            "",
            "abcdefghij23456",
            "abcdefghij2345678",
            "ABCDEFGHIJ234567",
            "abcdefghij23456!",
            "abcdefghij23456é",
        ] {
            assert!(bad.parse::<PeerId>().is_err(), "{bad}");
        }
        assert!("x".repeat(26).parse::<RoomId>().is_ok());
        assert!("AAAAAAAAAAAAAAAAAAAAAA".parse::<Nonce>().is_ok());
        assert!("AAAAAAAAAAAAAAAAAAAAAA==".parse::<Nonce>().is_err());
    }

    #[test]
    fn a_room_is_named_after_its_key() {
        let room = RoomId::of_key(&PublicKey::new([7; 32]));
        assert_eq!(room.as_str().len(), 26);
        assert_eq!(room, room.to_string().parse().unwrap());
        assert_ne!(room, RoomId::of_key(&PublicKey::new([8; 32])));
    }

    #[test]
    fn a_secret_never_shows_in_debug_output() {
        let secret = Secret::new([1; 16]);
        assert!(!format!("{secret:?}").contains(&secret.to_text()));
    }
}
