//! Form B: `{type, id, sdp, ice}`, each a text; a strict relay fills in what was left out with `""`.
//!
//! `offer`, `answer` with `sdp`; `ice` with the JSON text of an `RTCIceCandidateInit`; `join` with the id of a viewer.
//! With an `id` a message belongs to that viewer; without, it is for all.

use ahoy_contract::peer::DescriptionType;
use serde_json::{Map, Value};

use super::message::{Body, Fields, Message, Unread, candidate_of, description};

/// Reads a message.
///
/// # Errors
/// It is none.
pub fn read(text: &str) -> Result<Message, Unread> {
    let fields = Fields::read(text)?;
    let body = match fields.kind()? {
        "offer" => description(DescriptionType::Offer, fields.text("sdp")?)?,
        "answer" => description(DescriptionType::Answer, fields.text("sdp")?)?,
        "ice" => {
            let ice = fields
                .text("ice")?
                .ok_or(Unread::Broken("it has no candidate"))?;
            let value = serde_json::from_str(ice);
            candidate_of(value.map_err(|_| Unread::Broken("its candidate is no JSON"))?)?
        }
        "join" => Body::Join,
        _ => return Err(Unread::Unknown),
    };
    let id = fields.id("id")?;
    if id.is_none() && body == Body::Join {
        return Err(Unread::Broken("a viewer without an id"));
    }
    Ok(Message {
        id,
        target: None,
        body,
    })
}

/// Writes a message; `None`: this form has no word for it.
pub fn write(message: &Message) -> Option<String> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: &str| fields.insert(name.to_owned(), Value::from(value));
    match &message.body {
        Body::Description(description) => {
            put("type", word(description.kind));
            put("sdp", &description.sdp);
        }
        // The end of candidates has no message.
        Body::Candidate(candidate) => {
            let ice = serde_json::to_string(candidate.as_ref()?).ok()?;
            put("type", "ice");
            put("ice", &ice);
        }
        Body::Join => {
            put("type", "join");
        }
        Body::Ready | Body::Bye => return None,
    }
    if let Some(id) = &message.id {
        put("id", id.as_str());
    }
    Some(Value::Object(fields).to_string())
}

pub(super) fn word(kind: DescriptionType) -> &'static str {
    match kind {
        DescriptionType::Offer => "offer",
        DescriptionType::Answer => "answer",
    }
}
