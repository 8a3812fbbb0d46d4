//! Form S: events of Socket.IO as JSON arrays, `["send-offer", DESCRIPTION]` from a client and
//! `["receive-offer", DESCRIPTION]` to all, the sender too; `answer` likewise. DESCRIPTION is an
//! `RTCSessionDescriptionInit`. No candidates travel by themselves.

use ahoy_contract::peer::DescriptionType;
use serde_json::{Value, json};

use super::message::{Body, Message, Unread, description_of};

/// Reads an event.
///
/// # Errors
/// It is no message.
pub fn read(text: &str) -> Result<Message, Unread> {
    let Ok(Value::Array(event)) = serde_json::from_str(text) else {
        return Err(Unread::Broken("it is no event"));
    };
    let name = event.first().and_then(Value::as_str);
    let kind = match name.ok_or(Unread::Broken("it is no event"))? {
        "receive-offer" => DescriptionType::Offer,
        "receive-answer" => DescriptionType::Answer,
        _ => return Err(Unread::Unknown),
    };
    let description = event
        .get(1)
        .ok_or(Unread::Broken("it has no description"))?;
    Ok(description_of(kind, description)?.to_all())
}

/// Writes an event; `None`: this form has no word for the message.
pub fn write(message: &Message) -> Option<String> {
    let Body::Description(description) = &message.body else {
        return None;
    };
    let name = match description.kind {
        DescriptionType::Offer => "send-offer",
        DescriptionType::Answer => "send-answer",
    };
    Some(json!([name, description]).to_string())
}
