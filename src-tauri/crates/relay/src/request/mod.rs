//! PURE. What a client says, read from the text of a message.
//!
//! Nothing is believed until it stands in one of these types. Signals, which are nearly all that a relay
//! reads, are taken apart without unescaping their body: it goes on as it came (`signal`). Who opens a room
//! has to prove that it may (`opening`).

mod opening;
mod signal;

use std::borrow::Cow;

use ahoy_contract::{
    ErrorCode, Nonce, PeerId, RoomId,
    id::Mac,
    name,
    wire::{ClientMessage, MAX_NAME_BYTES, RelayMessage, VERSION},
};

pub(crate) use self::{
    opening::{Create, Opening},
    signal::Signal,
};
use crate::token::Token;

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
    /// To know what a room is for.
    Look(RoomId),
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
}

/// A client that comes into a room, as the others will see it. The name goes on unchanged, because the proof covers it.
#[derive(Debug, Clone)]
pub(crate) struct Newcomer {
    pub(crate) name: String,
    pub(crate) nonce: Nonce,
    /// Proof for the other members that this one knows the link; a relay cannot check it.
    pub(crate) mac: Mac,
}

impl Newcomer {
    fn new(name: String, nonce: Nonce, mac: Mac) -> Result<Self, Refusal> {
        if name.len() > MAX_NAME_BYTES {
            let message = format!("A name may hold at most {MAX_NAME_BYTES} bytes.");
            return Err(Refusal::new(ErrorCode::BadMessage, message));
        }
        Ok(Self { name, nonce, mac })
    }
}

impl<'a> Request<'a> {
    /// Reads the text of a message.
    pub(crate) fn read(text: &'a str) -> Result<Self, Refusal> {
        if let Some(signal) = signal::read(text) {
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
                key,
                proof,
                kind,
                capacity,
                knock,
                name,
                nonce,
                mac,
            } => {
                let newcomer = Newcomer::new(name, nonce, mac)?;
                Self::Create(Box::new(Create {
                    proof,
                    opening: Opening {
                        key,
                        kind,
                        capacity,
                        knock,
                        newcomer,
                    },
                }))
            }
            ClientMessage::Join {
                room,
                name,
                nonce,
                mac,
                ..
            } => Self::Join {
                room,
                newcomer: Newcomer::new(name, nonce, mac)?,
            },
            ClientMessage::Look { room } => Self::Look(room),
            ClientMessage::Admit { peer, accept } => Self::Admit { peer, accept },
            ClientMessage::Lock { locked } => Self::Lock(locked),
            ClientMessage::Remove { peer } => Self::Remove(peer),
            ClientMessage::Signal { to, seq, body, sig } => {
                Self::Signal(signal::of(to, seq, &body, sig.as_ref()))
            }
            ClientMessage::Ack { n } => Self::Ack(n),
            ClientMessage::Leave => Self::Leave,
        })
    }

    /// Returns how many of the sender's messages this counts for, unless it is an answer that costs nothing
    /// (`rooms::answers`). Opening a room has a signature checked, and a join changes a roster that goes to all.
    pub(crate) fn cost(&self) -> u32 {
        match self {
            Self::Create(_) => 20,
            Self::Join { .. } | Self::Lock(_) => 5,
            _ => 1,
        }
    }
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
    fn what_is_no_message_is_told_what_it_lacks() {
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
                r#"{"type":"join","room":"kzdvvj2umnduyauf35o36k6kw4","role":"caller","name":"","nonce":"AAAAAAAAAAAAAAAAAAAAAA","mac":""}"#,
                "mac",
            ),
            (r#"{"type":"signal","to":"x","seq":1,"body":""}"#, "peer id"),
            (
                &format!(
                    r#"{{"type":"signal","to":"{}","seq":-1,"body":""}}"#,
                    peer()
                ),
                "not known",
            ),
            (
                &format!(
                    r#"{{"type":"signal","to":"{}","seq":1,"body":{{}}}}"#,
                    peer()
                ),
                "not known",
            ),
            (
                &format!(
                    r#"{{"type":"signal","to":"{}","seq":1,"body":"\ud800"}}"#,
                    peer()
                ),
                "hex escape",
            ),
            (
                &format!(
                    r#"{{"type":"signal","to":"{}","seq":1,"body":"","sig":"x"}}"#,
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
        let refusal = refused(r#"{"type":"hello","version":1,"app":"x"}"#);
        assert_eq!(refusal.code, ErrorCode::Version);
        assert!(refusal.message.contains("version 2"));
    }

    #[test]
    fn a_name_goes_on_as_it_came_unless_it_is_too_long() {
        let join = |name: &str| {
            let text = serde_json::to_string(&ClientMessage::Join {
                room: RoomId::of_key(&ahoy_contract::PublicKey::new([7; 32])),
                role: ahoy_contract::wire::Role::Caller,
                name: name.to_owned(),
                nonce: Nonce::new([1; 16]),
                mac: Mac::new([2; 32]),
            });
            match Request::read(&text.unwrap()) {
                Ok(Request::Join { newcomer, .. }) => Ok(newcomer.name),
                Ok(other) => panic!("{other:?}"),
                Err(refusal) => Err(refusal.code),
            }
        };
        for name in ["", " Ada \u{202E}\n<b>", &"é".repeat(64)] {
            assert_eq!(join(name), Ok(name.to_owned()));
        }
        assert_eq!(join(&"x".repeat(129)), Err(ErrorCode::BadMessage));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_much(text in ".{0,200}") {
            let _ = Request::read(&text);
        }
    }
}
