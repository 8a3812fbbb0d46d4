//! Form T: `{"type":"video-offer"|"video-answer","name":FROM,"target":TO,"sdp":…}`. `sdp` is a text; a page that puts
//! its `RTCSessionDescription` there as it stands is understood as well.

use ahoy_contract::peer::DescriptionType;
use serde_json::{Value, json};

use super::message::{Body, Fields, Message, Unread, description, description_of};

/// Reads a message.
///
/// # Errors
/// It is none.
pub fn read(text: &str) -> Result<Message, Unread> {
    let fields = Fields::read(text)?;
    let kind = match fields.kind()? {
        "video-offer" => DescriptionType::Offer,
        "video-answer" => DescriptionType::Answer,
        _ => return Err(Unread::Unknown),
    };
    let body = match fields.get("sdp") {
        Some(whole @ Value::Object(_)) => description_of(kind, whole)?,
        _ => description(kind, fields.text("sdp")?)?,
    };
    Ok(Message {
        id: fields.id("name")?,
        target: fields.id("target")?,
        body,
    })
}

/// Writes a message; `None`: this form has no word for it.
pub fn write(message: &Message) -> Option<String> {
    let Body::Description(description) = &message.body else {
        return None;
    };
    let kind = match description.kind {
        DescriptionType::Offer => "video-offer",
        DescriptionType::Answer => "video-answer",
    };
    let mut value = json!({"type": kind, "sdp": description.sdp});
    for (field, id) in [("name", &message.id), ("target", &message.target)] {
        if let Some(id) = id {
            value[field] = id.as_str().into();
        }
    }
    Some(value.to_string())
}
