//! PURE. What a client says, read from the text of a message.
//!
//! Nothing is believed until it stands in one of these types. Signals, which are nearly all that a relay
//! reads, are taken apart without unescaping their body: it goes on as it came.

use std::{borrow::Cow, fmt::Write as _};

use ahoy_contract::{
    ErrorCode, Nonce, PeerId, PublicKey, RoomId, Signature,
    id::Mac,
    proof_bytes,
    wire::{ClientMessage, MAX_MESSAGE_BYTES, RelayMessage, RoomKind, VERSION},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{name, token::Token};

/// What a client is refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: Cow<'static, str>,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// The refusal as a message to the client.
    pub(crate) fn to_message(&self) -> RelayMessage {
        RelayMessage::Error {
            code: self.code,
            message: self.message.clone().into_owned(),
        }
    }
}

/// A message of a client.
#[derive(Debug)]
pub(crate) enum Request<'a> {
    /// The first message. Its version is the relay's own.
    Hello {
        /// Name and version of the program, cut and cleaned for a log.
        app: String,
        /// The token of the last `welcome`; one that is none counts as none.
        resume: Option<Token>,
        /// The number of the last signal that it got; 0 for none.
        ack: u64,
    },
    /// A wish to open a room, not proven yet.
    Create(Box<Create>),
    /// To come into a room. What for is not asked: the room's kind decides, and who follows a link does
    /// not know it.
    Join { room: RoomId, newcomer: Newcomer },
    /// To let one in that waits at the door, or to send it away.
    Admit { peer: PeerId, accept: bool },
    /// To close the room to newcomers, or to open it.
    Lock(bool),
    /// To send a member away.
    Remove(PeerId),
    /// A message for another member.
    Signal(Signal<'a>),
    /// To go out of the room.
    Leave,
    /// That all signals up to a number arrived.
    Ack(u64),
    /// A message whose part this relay does not have.
    NotBuilt(&'static str),
}

/// Who comes into a room, as the others will see it.
#[derive(Debug, Clone)]
pub(crate) struct Newcomer {
    pub(crate) name: String,
    pub(crate) nonce: Nonce,
}

/// A wish to open a room.
#[derive(Debug)]
pub(crate) struct Create {
    proof: Signature,
    opening: Opening,
}

/// A wish to open a room from one that holds its key. Only [`Create::prove`] makes it.
#[derive(Debug)]
pub(crate) struct Opening {
    key: PublicKey,
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

/// A signal, whose texts are still JSON: in quotes and escaped.
#[derive(Debug)]
pub(crate) struct Signal<'a> {
    pub(crate) to: PeerId,
    seq: u64,
    body: Cow<'a, str>,
    mac: Cow<'a, str>,
    sig: Option<Cow<'a, str>>,
}

impl Signal<'_> {
    /// The text of the [`RelayMessage::Signal`] for the addressee. `n` numbers what it gets.
    pub(crate) fn forward(&self, from: &PeerId, n: u64) -> Result<String, Refusal> {
        let sig = self.sig.as_deref().unwrap_or_default();
        let mut text = String::with_capacity(self.body.len() + self.mac.len() + sig.len() + 128);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            r#"{{"type":"signal","from":"{from}","n":{n},"seq":{},"body":{},"mac":{}"#,
            self.seq, self.body, self.mac
        );
        if !sig.is_empty() {
            let _ = write!(text, r#","sig":{sig}"#);
        }
        text.push('}');
        if text.len() > MAX_MESSAGE_BYTES {
            return Err(Refusal::new(
                ErrorCode::TooLarge,
                "The signal is too large to be handed on.",
            ));
        }
        Ok(text)
    }
}

impl<'a> Request<'a> {
    /// Reads the text of a message.
    pub(crate) fn read(text: &'a str) -> Result<Self, Refusal> {
        if let Some(signal) = read_signal(text) {
            return Ok(Self::Signal(signal));
        }
        let message = serde_json::from_str::<ClientMessage>(text).map_err(|error| {
            let what = if error.is_data() {
                "This message is not known"
            } else {
                "This is not JSON"
            };
            // The parser repeats what it met, which may be long.
            let detail: String = error.to_string().chars().take(160).collect();
            Refusal::new(ErrorCode::BadMessage, format!("{what}: {detail}."))
        })?;
        Self::of(message)
    }

    fn of(message: ClientMessage) -> Result<Self, Refusal> {
        Ok(match message {
            ClientMessage::Hello {
                version,
                app,
                resume,
                ack,
            } => {
                if version != VERSION {
                    let message = format!(
                        "This relay speaks version {VERSION} of the protocol, not {version}."
                    );
                    return Err(Refusal::new(ErrorCode::Version, message));
                }
                Self::Hello {
                    app: name::clean(&app),
                    resume: resume.and_then(|text| Token::read(&text)),
                    ack: ack.unwrap_or(0),
                }
            }
            ClientMessage::Create {
                kind: RoomKind::Broadcast,
                ..
            } => Self::NotBuilt("Broadcast rooms are not built yet."),
            ClientMessage::Create {
                key,
                proof,
                capacity,
                knock,
                name,
                nonce,
                ..
            } => {
                let newcomer = Newcomer {
                    name: name::clean(&name),
                    nonce,
                };
                Self::Create(Box::new(Create {
                    proof,
                    opening: Opening {
                        key,
                        capacity,
                        knock,
                        newcomer,
                    },
                }))
            }
            ClientMessage::Join {
                room, name, nonce, ..
            } => Self::Join {
                room,
                newcomer: Newcomer {
                    name: name::clean(&name),
                    nonce,
                },
            },
            ClientMessage::Admit { peer, accept } => Self::Admit { peer, accept },
            ClientMessage::Lock { locked } => Self::Lock(locked),
            ClientMessage::Remove { peer } => Self::Remove(peer),
            ClientMessage::Signal {
                to,
                seq,
                body,
                mac,
                sig,
            } => Self::Signal(Signal {
                to,
                seq,
                body: quoted(&body).into(),
                mac: quoted(&mac.to_text()).into(),
                sig: sig.map(|sig| quoted(&sig.to_text()).into()),
            }),
            ClientMessage::Ack { n } => Self::Ack(n),
            ClientMessage::Leave => Self::Leave,
        })
    }

    /// How many of the sender's messages this counts for. Opening a room has a signature checked, and
    /// most of these change a roster that goes to all.
    pub(crate) fn cost(&self) -> u32 {
        match self {
            Self::Create(_) => 20,
            Self::Join { .. } | Self::Admit { .. } | Self::Lock(_) | Self::Remove(_) => 5,
            _ => 1,
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

// The one pass over a signal. Whatever is not exactly one gives `None`, and is then read in full, for the
// sake of the answer.
fn read_signal(text: &str) -> Option<Signal<'_>> {
    #[derive(Deserialize)]
    struct Shape<'a> {
        #[serde(borrow, rename = "type")]
        kind: &'a RawValue,
        to: PeerId,
        seq: u64,
        #[serde(borrow)]
        body: &'a RawValue,
        #[serde(borrow)]
        mac: &'a RawValue,
        #[serde(borrow, default)]
        sig: Option<&'a RawValue>,
    }
    let shape: Shape<'_> = serde_json::from_str(text).ok()?;
    if shape.kind.get() != r#""signal""# {
        return None;
    }
    let body = shape.body.get();
    // An escaped surrogate without its other half is JSON's syntax but no text: the addressee could not
    // read it.
    let whole = body.starts_with('"')
        && (!(body.contains(r"\ud") || body.contains(r"\uD"))
            || serde_json::from_str::<String>(body).is_ok());
    if !whole || serde_json::from_str::<Mac>(shape.mac.get()).is_err() {
        return None;
    }
    if let Some(sig) = shape.sig {
        serde_json::from_str::<Signature>(sig.get()).ok()?;
    }
    Some(Signal {
        to: shape.to,
        seq: shape.seq,
        body: body.into(),
        mac: shape.mac.get().into(),
        sig: shape.sig.map(|sig| sig.get().into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> PeerId {
        PeerId::from_bytes(&[1; 10])
    }

    fn refused(text: &str) -> Refusal {
        Request::read(text).expect_err(text)
    }

    #[test]
    fn a_signal_goes_on_as_it_came() {
        let body = "{\"description\":{\"type\":\"offer\",\"sdp\":\"v=0\\r\\no=é \\\"x\\\" 😀\"}}";
        for sig in [None, Some(Signature::new([3; 64]))] {
            let sent = ClientMessage::Signal {
                to: PeerId::from_bytes(&[9; 10]),
                seq: 7,
                body: body.to_owned(),
                mac: Mac::new([2; 32]),
                sig: sig.clone(),
            };
            let expected = RelayMessage::Signal {
                from: peer(),
                n: 5,
                seq: 7,
                body: body.to_owned(),
                mac: Mac::new([2; 32]),
                sig,
            };
            let plain = serde_json::to_string(&sent).unwrap();
            // As a browser could write it: escaped to ASCII, spaced, in another order, with more in it.
            let other = plain
                .replace("😀", "\\ud83d\\ude00")
                .replace("\"seq\":7,", "")
                .replace(
                    "{\"type\":\"signal\",",
                    "{ \"more\": [1], \"seq\" : 7, \"type\" : \"signal\" , ",
                );
            for text in [
                plain.as_str(),
                &other,
                &plain.replace("\"signal\"", "\"sign\\u0061l\""),
            ] {
                let Request::Signal(signal) = Request::read(text).unwrap() else {
                    panic!("not a signal: {text}");
                };
                assert_eq!(signal.to, PeerId::from_bytes(&[9; 10]));
                let forwarded = signal.forward(&peer(), 5).unwrap();
                assert_eq!(
                    serde_json::from_str::<RelayMessage>(&forwarded).unwrap(),
                    expected,
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn a_signal_that_would_grow_over_the_limit_is_refused() {
        let text_of = |length| {
            let sent = ClientMessage::Signal {
                to: peer(),
                seq: 1,
                body: "x".repeat(length),
                mac: Mac::new([2; 32]),
                sig: None,
            };
            serde_json::to_string(&sent).unwrap()
        };
        let around = text_of(0).len();
        for (length, fits) in [
            (MAX_MESSAGE_BYTES - around, false),
            (MAX_MESSAGE_BYTES - around - 30, true),
        ] {
            let text = text_of(length);
            let Ok(Request::Signal(signal)) = Request::read(&text) else {
                panic!("not a signal");
            };
            let code = signal
                .forward(&peer(), u64::MAX)
                .err()
                .map(|refusal| refusal.code);
            assert_eq!(code, (!fits).then_some(ErrorCode::TooLarge));
        }
    }

    #[test]
    fn what_is_no_message_is_told_what_it_lacks() {
        let mac = Mac::new([0; 32]).to_text();
        for (text, part) in [
            ("", "not JSON"),
            ("hello", "not JSON"),
            ("{\"type\":", "not JSON"),
            ("\u{0}\u{1}", "not JSON"),
            ("[]", "not known"),
            ("null", "not known"),
            ("{}", "`type`"),
            (r#"{"type":7}"#, "not known"),
            (r#"{"type":"shout"}"#, "unknown variant"),
            (r#"{"type":"hello"}"#, "`version`"),
            (r#"{"type":"hello","version":-1,"app":""}"#, "not known"),
            (
                r#"{"type":"join","room":"../../x","role":"caller","name":"","nonce":"AAAAAAAAAAAAAAAAAAAAAA"}"#,
                "room id",
            ),
            (
                r#"{"type":"signal","to":"x","seq":1,"body":"","mac":""}"#,
                "peer id",
            ),
            (
                &format!(
                    r#"{{"type":"signal","to":"{}","seq":1,"body":"","mac":""}}"#,
                    peer()
                ),
                "mac",
            ),
            (
                &format!(
                    r#"{{"type":"signal","to":"{}","seq":-1,"body":"","mac":"{mac}"}}"#,
                    peer()
                ),
                "not known",
            ),
            (
                &format!(
                    r#"{{"type":"signal","to":"{}","seq":1,"body":{{}},"mac":"{mac}"}}"#,
                    peer()
                ),
                "not known",
            ),
            (
                &format!(
                    r#"{{"type":"signal","to":"{}","seq":1,"body":"\ud800","mac":"{mac}"}}"#,
                    peer()
                ),
                "hex escape",
            ),
            (
                &format!(
                    r#"{{"type":"signal","to":"{}","seq":1,"body":"","mac":"{mac}","sig":"x"}}"#,
                    peer()
                ),
                "signature",
            ),
            (&"[".repeat(60_000), "not known"),
        ] {
            let refusal = refused(text);
            assert_eq!(refusal.code, ErrorCode::BadMessage, "{text}");
            let start: String = text.chars().take(80).collect();
            assert!(
                refusal.message.contains(part),
                "{start}: {}",
                refusal.message
            );
            assert!(refusal.message.len() < 800);
        }
    }

    #[test]
    fn another_version_is_told_which_one_is_spoken() {
        let refusal = refused(r#"{"type":"hello","version":2,"app":"x"}"#);
        assert_eq!(refusal.code, ErrorCode::Version);
        assert!(refusal.message.contains("version 1"));
    }

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

    proptest::proptest! {
        #[test]
        fn no_text_is_too_much(text in ".{0,200}") {
            let _ = Request::read(&text);
        }

        #[test]
        fn no_signal_is_garbled(body in ".{0,200}", seq: u64, n: u64) {
            let sent = ClientMessage::Signal { to: peer(), seq, body: body.clone(), mac: Mac::new([2; 32]), sig: None };
            let text = serde_json::to_string(&sent).unwrap();
            let Ok(Request::Signal(signal)) = Request::read(&text) else {
                panic!("not a signal: {text}");
            };
            let forwarded = signal.forward(&peer(), n).unwrap();
            let expected = RelayMessage::Signal { from: peer(), n, seq, body, mac: Mac::new([2; 32]), sig: None };
            proptest::prop_assert_eq!(serde_json::from_str::<RelayMessage>(&forwarded).unwrap(), expected);
        }
    }
}
