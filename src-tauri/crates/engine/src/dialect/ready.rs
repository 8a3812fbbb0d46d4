//! Form R: `ready`, `offer`, `answer`, `candidate`, `bye`, in two variants: flat, where the fields of a description or
//! candidate stand beside `type`, and nested, where they are an object of their own under its name.

use ahoy_contract::peer::DescriptionType;
use serde_json::{Value, json};

use super::{
    broadcast::word,
    message::{Body, Fields, Message, Unread, candidate_of, description, description_of},
};

/// How the other end writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// `{"type":"offer","sdp":…}`
    Flat,
    /// `{"type":"offer","offer":{"type":"offer","sdp":…}}`
    Nested,
}

/// Reads a message of either variant.
///
/// # Errors
/// It is none.
pub fn read(text: &str) -> Result<Message, Unread> {
    read_variant(text).map(|(message, _)| message)
}

/// As [`read`], and says which variant it is of, where that shows.
///
/// # Errors
/// It is none.
pub fn read_variant(text: &str) -> Result<(Message, Option<Variant>), Unread> {
    let fields = Fields::read(text)?;
    let (body, variant) = match fields.kind()? {
        "offer" => described(&fields, DescriptionType::Offer)?,
        "answer" => described(&fields, DescriptionType::Answer)?,
        "candidate" => candidate(&fields)?,
        "ready" => (Body::Ready, None),
        "bye" => (Body::Bye, None),
        _ => return Err(Unread::Unknown),
    };
    Ok((body.to_all(), variant))
}

fn described(fields: &Fields, kind: DescriptionType) -> Result<(Body, Option<Variant>), Unread> {
    if let Some(sdp) = fields.text("sdp")? {
        // Who writes both ways reads both.
        return Ok((description(kind, Some(sdp))?, Some(Variant::Flat)));
    }
    match fields.get(word(kind)) {
        Some(nested @ Value::Object(_)) => {
            Ok((description_of(kind, nested)?, Some(Variant::Nested)))
        }
        _ => Err(Unread::Broken("it has no description")),
    }
}

fn candidate(fields: &Fields) -> Result<(Body, Option<Variant>), Unread> {
    match fields.get("candidate") {
        Some(nested @ Value::Object(_)) => {
            Ok((candidate_of(nested.clone())?, Some(Variant::Nested)))
        }
        Some(Value::Null) => Ok((Body::Candidate(None), None)),
        Some(Value::String(_)) => {
            let flat = ["candidate", "sdpMid", "sdpMLineIndex", "usernameFragment"];
            let object = flat.map(|name| {
                let value = fields.get(name).cloned().unwrap_or_default();
                (name.to_owned(), value)
            });
            let candidate = candidate_of(Value::Object(object.into_iter().collect()))?;
            Ok((candidate, Some(Variant::Flat)))
        }
        _ => Err(Unread::Broken("it has no candidate")),
    }
}

/// Writes a message; `None`: this form has no word for it. While the other end's variant is not known a description is
/// written both ways, which either reads.
pub fn write(message: &Message, variant: Option<Variant>) -> Option<String> {
    let value = match &message.body {
        Body::Description(description) => {
            let name = word(description.kind);
            let mut value = json!({"type": name});
            if variant != Some(Variant::Nested) {
                value["sdp"] = description.sdp.clone().into();
            }
            if variant != Some(Variant::Flat) {
                value[name] = json!({"type": name, "sdp": description.sdp});
            }
            value
        }
        Body::Candidate(None) => json!({"type": "candidate", "candidate": null}),
        Body::Candidate(Some(candidate)) if variant == Some(Variant::Nested) => {
            json!({"type": "candidate", "candidate": candidate})
        }
        Body::Candidate(Some(candidate)) => {
            let mut value = json!({
                "type": "candidate",
                "candidate": candidate.candidate,
                "sdpMid": candidate.sdp_mid,
                "sdpMLineIndex": candidate.sdp_m_line_index,
            });
            if let Some(fragment) = &candidate.username_fragment {
                value["usernameFragment"] = fragment.clone().into();
            }
            value
        }
        Body::Ready => json!({"type": "ready"}),
        Body::Bye => json!({"type": "bye"}),
        Body::Join => return None,
    };
    Some(value.to_string())
}
