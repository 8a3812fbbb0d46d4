//! Reads STUN messages without copying them (RFC 8489 §5 and §14).
//!
//! The library has a codec of its own, but decoding with it allocates for each attribute, and this one sees every
//! datagram that a stranger sends.

use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// The length of the header, in bytes.
const HEADER: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// The length of a MESSAGE-INTEGRITY value: an HMAC-SHA1.
const INTEGRITY: usize = 20;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const CHANNEL_NUMBER: u16 = 0x000c;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const DATA: u16 = 0x0013;
const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
const FINGERPRINT: u16 = 0x8028;

/// The methods that an ICE agent with a TURN client meets (RFC 8489 §18.2, RFC 8656 §17).
pub(super) mod method {
    pub(crate) const BINDING: u16 = 0x001;
    pub(crate) const ALLOCATE: u16 = 0x003;
    pub(crate) const SEND: u16 = 0x006;
    pub(crate) const DATA: u16 = 0x007;
    pub(crate) const CREATE_PERMISSION: u16 = 0x008;
    pub(crate) const CHANNEL_BIND: u16 = 0x009;
}

/// The class of a message (RFC 8489 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// The 96 bits that tie a response to its request.
pub(super) type TransactionId = [u8; 12];

/// A password as the key of MESSAGE-INTEGRITY (RFC 8489 §9.1.1), ready to be used many times.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha1>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// The key of a short-term password; `None` never happens, for HMAC takes keys of any length.
    pub(super) fn new(password: &str) -> Option<Self> {
        Hmac::new_from_slice(password.as_bytes()).ok().map(Self)
    }
}

/// A message whose header and attributes are whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    /// Reads a datagram. `None`: it is no STUN message, or is damaged.
    pub(super) fn parse(datagram: &'a [u8]) -> Option<Self> {
        let header = datagram.get(..HEADER)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let is_whole = datagram.len() == HEADER + length && length % 4 == 0;
        if header[0] > 3 || header[4..8] != MAGIC_COOKIE || !is_whole {
            return None;
        }
        let message = Self(datagram);
        let mut attributes = message.attributes();
        while attributes.next().is_some() {}
        (attributes.at == datagram.len()).then_some(message)
    }

    fn kind(&self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }

    pub(super) fn class(&self) -> Class {
        match self.kind() & 0x0110 {
            0x0000 => Class::Request,
            0x0010 => Class::Indication,
            0x0100 => Class::Success,
            _ => Class::Error,
        }
    }

    pub(super) fn method(&self) -> u16 {
        let kind = self.kind();
        (kind & 0x000f) | ((kind & 0x00e0) >> 1) | ((kind & 0x3e00) >> 2)
    }

    pub(super) fn transaction_id(&self) -> TransactionId {
        let mut id = [0; 12];
        id.copy_from_slice(&self.0[8..HEADER]);
        id
    }

    fn attributes(&self) -> Attributes<'a> {
        Attributes {
            message: self.0,
            at: HEADER,
        }
    }

    fn attribute(&self, wanted: u16) -> Option<&'a [u8]> {
        let mut attributes = self.attributes();
        let (_, _, value) = attributes.find(|(kind, _, _)| *kind == wanted)?;
        Some(value)
    }

    /// The USERNAME: of a connectivity check, the receiver's and the sender's ufrag with a colon between them (RFC 8445
    /// §7.2.2).
    pub(super) fn username(&self) -> Option<&'a [u8]> {
        self.attribute(USERNAME)
    }

    /// Returns whether the message was made by somebody with the password (RFC 8489 §14.5). Attributes behind the
    /// integrity are not covered by it, so that a message with any but another integrity or a fingerprint there is
    /// taken for forged.
    pub(super) fn is_authentic(&self, key: &Key) -> bool {
        let mut attributes = self.attributes();
        let Some((_, at, tag)) = attributes.find(|(kind, _, _)| *kind == MESSAGE_INTEGRITY) else {
            return false;
        };
        let is_last =
            attributes.all(|(kind, _, _)| matches!(kind, FINGERPRINT | MESSAGE_INTEGRITY_SHA256));
        if !is_last || tag.len() != INTEGRITY {
            return false;
        }
        // The length counts up to the end of the integrity, whatever follows it.
        let Ok(length) = u16::try_from(at + 4 + INTEGRITY - HEADER) else {
            return false;
        };
        let mut mac = key.0.clone();
        mac.update(&self.0[..2]);
        mac.update(&length.to_be_bytes());
        mac.update(&self.0[4..at]);
        mac.verify_slice(tag).is_ok()
    }

    /// The XOR-PEER-ADDRESS of a TURN message (RFC 8656 §18.3).
    pub(super) fn peer_address(&self) -> Option<SocketAddr> {
        let value = self.attribute(XOR_PEER_ADDRESS)?;
        let mut mask = [0; 16];
        mask[..4].copy_from_slice(&MAGIC_COOKIE);
        mask[4..].copy_from_slice(&self.0[8..HEADER]);
        let (head, address) = value.split_at_checked(4)?;
        let port = u16::from_be_bytes([head[2] ^ mask[0], head[3] ^ mask[1]]);
        let unmask = |byte: usize| address[byte] ^ mask[byte];
        let ip: IpAddr = match (head[1], address.len()) {
            (1, 4) => std::array::from_fn::<u8, 4, _>(unmask).into(),
            (2, 16) => std::array::from_fn::<u8, 16, _>(unmask).into(),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }

    /// The DATA of a Send or Data indication (RFC 8656 §18.4).
    pub(super) fn data(&self) -> Option<&'a [u8]> {
        self.attribute(DATA)
    }

    /// The CHANNEL-NUMBER of a ChannelBind request (RFC 8656 §18.1).
    pub(super) fn channel_number(&self) -> Option<u16> {
        let value = self.attribute(CHANNEL_NUMBER)?;
        Some(u16::from_be_bytes([*value.first()?, *value.get(1)?]))
    }
}

/// Walks over attributes: their type, where they begin in the message, and their value.
struct Attributes<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.message.get(self.at..)?;
        let head = rest.get(..4)?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = rest.get(4..4 + length)?;
        let end = 4 + length.next_multiple_of(4);
        if end > rest.len() {
            return None;
        }
        let at = self.at;
        self.at += end;
        Some((u16::from_be_bytes([head[0], head[1]]), at, value))
    }
}

#[cfg(test)]
pub(in crate::rtc) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Builds a message with these attributes; `password` adds an integrity, and a fingerprint that nobody reads.
    pub(in crate::rtc) fn build(
        kind: u16,
        id: TransactionId,
        attributes: &[(u16, &[u8])],
        password: Option<&str>,
    ) -> Vec<u8> {
        let mut message = kind.to_be_bytes().to_vec();
        message.extend([0, 0]);
        message.extend(MAGIC_COOKIE);
        message.extend(id);
        let put = |message: &mut Vec<u8>, kind: u16, value: &[u8]| {
            message.extend(kind.to_be_bytes());
            message.extend((value.len() as u16).to_be_bytes());
            message.extend(value);
            message.resize(message.len().next_multiple_of(4), 0);
        };
        let set_length = |message: &mut Vec<u8>, more: usize| {
            let length = (message.len() + more - HEADER) as u16;
            message[2..4].copy_from_slice(&length.to_be_bytes());
        };
        for (kind, value) in attributes {
            put(&mut message, *kind, value);
        }
        if let Some(password) = password {
            set_length(&mut message, 24);
            let mut mac = Hmac::<Sha1>::new_from_slice(password.as_bytes()).unwrap();
            mac.update(&message);
            let tag = mac.finalize().into_bytes();
            put(&mut message, MESSAGE_INTEGRITY, &tag);
            put(&mut message, FINGERPRINT, &[0; 4]);
        }
        set_length(&mut message, 0);
        message
    }

    pub(in crate::rtc) const BINDING_REQUEST: u16 = 0x0001;
    pub(in crate::rtc) const BINDING_SUCCESS: u16 = 0x0101;
    pub(in crate::rtc) const BINDING_ERROR: u16 = 0x0111;

    /// A connectivity check to the agent with the ufrag `to`.
    pub(in crate::rtc) fn check(to: &str, id: u8, password: &str) -> Vec<u8> {
        let username = format!("{to}:theirs");
        let attributes: [(u16, &[u8]); 2] = [(USERNAME, username.as_bytes()), (0x802a, &[7; 8])];
        build(BINDING_REQUEST, [id; 12], &attributes, Some(password))
    }

    /// The value of an XOR-PEER-ADDRESS; only IPv4.
    pub(in crate::rtc) fn peer(address: SocketAddr) -> Vec<u8> {
        let IpAddr::V4(ip) = address.ip() else {
            panic!("only IPv4")
        };
        let mut value = vec![0, 1];
        value.extend((address.port() ^ 0x2112).to_be_bytes());
        let octets = ip.octets().into_iter().zip(MAGIC_COOKIE);
        value.extend(octets.map(|(octet, mask)| octet ^ mask));
        value
    }

    #[test]
    fn only_the_password_makes_a_check_authentic() {
        let datagram = check("ours", 1, "a password of ours");
        let message = Message::parse(&datagram).unwrap();
        assert_eq!(message.class(), Class::Request);
        assert_eq!(message.method(), method::BINDING);
        assert_eq!(message.username(), Some(&b"ours:theirs"[..]));
        assert!(message.is_authentic(&Key::new("a password of ours").unwrap()));
        assert!(!message.is_authentic(&Key::new("another password").unwrap()));
        for at in 0..datagram.len() - 8 {
            let mut changed = datagram.clone();
            changed[at] ^= 1;
            let key = Key::new("a password of ours").unwrap();
            let authentic = Message::parse(&changed).is_some_and(|it| it.is_authentic(&key));
            assert!(!authentic, "byte {at} is not covered");
        }
    }

    #[test]
    fn an_attribute_behind_the_integrity_is_not_trusted() {
        let mut datagram = check("ours", 1, "password");
        // ICE-CONTROLLING, put there by somebody without the password.
        datagram.extend([0x80, 0x2a, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
        let length = (datagram.len() - HEADER) as u16;
        datagram[2..4].copy_from_slice(&length.to_be_bytes());
        let message = Message::parse(&datagram).unwrap();
        assert!(!message.is_authentic(&Key::new("password").unwrap()));
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_no_message() {
        let datagram = check("ours", 1, "password");
        for length in 0..datagram.len() {
            assert!(Message::parse(&datagram[..length]).is_none(), "{length}");
        }
        let longer = [&datagram[..], &[0; 4]].concat();
        assert!(Message::parse(&longer).is_none());
        let mut other = datagram.clone();
        other[4] = 0;
        assert!(Message::parse(&other).is_none(), "another cookie");
        // An attribute that reaches beyond the end.
        let mut beyond = datagram;
        beyond[23] = 200;
        assert!(Message::parse(&beyond).is_none());
    }

    #[test]
    fn the_peer_behind_a_relay_is_read() {
        let address: SocketAddr = ([192, 0, 2, 7], 4321).into();
        let value = peer(address);
        let attributes: [(u16, &[u8]); 3] = [
            (XOR_PEER_ADDRESS, &value),
            (DATA, b"hello"),
            (CHANNEL_NUMBER, &[0x40, 1, 0, 0]),
        ];
        let datagram = build(0x0017, [3; 12], &attributes, None);
        let message = Message::parse(&datagram).unwrap();
        assert_eq!(message.class(), Class::Indication);
        assert_eq!(message.method(), method::DATA);
        assert_eq!(message.peer_address(), Some(address));
        assert_eq!(message.data(), Some(&b"hello"[..]));
        assert_eq!(message.channel_number(), Some(0x4001));
        // RFC 5769 §2.3 has an IPv6 address and its transaction.
        let id = [
            0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
        ];
        let value = [
            0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25,
            0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
        ];
        let datagram = build(0x0017, id, &[(XOR_PEER_ADDRESS, &value)], None);
        let expected = "[2001:db8:1234:5678:11:2233:4455:6677]:32853";
        assert_eq!(
            Message::parse(&datagram).unwrap().peer_address(),
            Some(expected.parse().unwrap())
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), valid in any::<bool>()) {
            if valid && bytes.len() >= HEADER {
                bytes.truncate(bytes.len() / 4 * 4);
                bytes[0] &= 3;
                let length = (bytes.len() - HEADER) as u16;
                bytes[2..4].copy_from_slice(&length.to_be_bytes());
                bytes[4..8].copy_from_slice(&MAGIC_COOKIE);
            }
            if let Some(message) = Message::parse(&bytes) {
                let _ = (message.class(), message.method(), message.username(), message.data());
                let _ = (message.peer_address(), message.channel_number());
                prop_assert!(!message.is_authentic(&Key::new("password").unwrap()));
            }
        }
    }
}
