//! What the dialects say to each other, whatever its form on the wire.

use ahoy_contract::peer::{Candidate, Description, DescriptionType};
use serde_json::{Map, Value};

/// The largest description that is read, in bytes: what a signal of Ahoy's own may hold.
const MAX_SDP: usize = 64 * 1024;
/// The longest candidate, in bytes; a real one has some 150.
const MAX_CANDIDATE: usize = 2 * 1024;
/// The longest name of a viewer or caller, in bytes.
const MAX_ID: usize = 128;

/// How the relay's clients write what they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Addressed by the id of a viewer, or plain: see [`broadcast`](super::broadcast).
    Broadcast,
    /// See [`ready`](super::ready).
    Ready,
    /// See [`socketio`](super::socketio).
    SocketIo,
    /// See [`targeted`](super::targeted).
    Targeted,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The viewer that it belongs to, or who sent it.
    pub id: Option<Id>,
    /// Whom it is for, where the dialect names that.
    pub target: Option<Id>,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// An offer or an answer.
    Description(Description),
    /// A candidate of the sender; `None`: there are no more.
    Candidate(Option<Candidate>),
    /// A viewer is there.
    Join,
    /// The sender can be called.
    Ready,
    /// The sender hangs up.
    Bye,
}

impl Body {
    /// The same as a message to all.
    pub fn to_all(self) -> Message {
        Message {
            id: None,
            target: None,
            body: self,
        }
    }
}

/// The name of a viewer or a caller: text of a stranger, bounded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

impl Id {
    /// The name, if it is one: not empty, at most 128 bytes.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty() && text.len() <= MAX_ID).then(|| Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Something that Ahoy does not speak of.
    #[error("an unknown type")]
    Unknown,
    /// Something that is broken.
    #[error("{0}")]
    Broken(&'static str),
}

/// The fields of a JSON object of a stranger's. What is missing, `null` or `""` is one: a strict relay puts `""`
/// where a client left a field out.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn read(text: &str) -> Result<Self, Unread> {
        match serde_json::from_str(text) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            _ => Err(Unread::Broken("it is no JSON object")),
        }
    }

    /// A text; `None` where there is none.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Unread> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Unread::Broken("a field has the wrong type")),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(super) fn kind(&self) -> Result<&str, Unread> {
        self.text("type")?.ok_or(Unread::Broken("it has no type"))
    }

    pub(super) fn id(&self, name: &str) -> Result<Option<Id>, Unread> {
        match self.text(name)? {
            None => Ok(None),
            Some(text) => Id::new(text)
                .map(Some)
                .ok_or(Unread::Broken("an id is too long")),
        }
    }
}

/// A description, if there is one in the text.
pub(super) fn description(kind: DescriptionType, sdp: Option<&str>) -> Result<Body, Unread> {
    match sdp {
        None => Err(Unread::Broken("it has no description")),
        Some(sdp) if sdp.len() > MAX_SDP => Err(Unread::Broken("its description is too large")),
        Some(sdp) => Ok(Body::Description(Description {
            kind,
            sdp: sdp.to_owned(),
        })),
    }
}

/// An `RTCSessionDescriptionInit`, which must be of this kind.
pub(super) fn description_of(kind: DescriptionType, value: &Value) -> Result<Body, Unread> {
    let word = match kind {
        DescriptionType::Offer => "offer",
        DescriptionType::Answer => "answer",
    };
    if value.get("type").and_then(Value::as_str) != Some(word) {
        return Err(Unread::Broken("its description is of another kind"));
    }
    let sdp = value.get("sdp").and_then(Value::as_str);
    description(kind, sdp.filter(|sdp| !sdp.is_empty()))
}

/// An `RTCIceCandidateInit`; one that is empty says that there are no more (RFC 8838 §13).
pub(super) fn candidate_of(value: Value) -> Result<Body, Unread> {
    if value.is_null() {
        return Ok(Body::Candidate(None));
    }
    let candidate: Candidate =
        serde_json::from_value(value).map_err(|_| Unread::Broken("its candidate is none"))?;
    if candidate.candidate.len() > MAX_CANDIDATE {
        return Err(Unread::Broken("its candidate is too long"));
    }
    let some = !candidate.candidate.trim().is_empty();
    Ok(Body::Candidate(some.then_some(candidate)))
}
