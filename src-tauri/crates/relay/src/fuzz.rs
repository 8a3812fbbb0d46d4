//! Fuzz targets: what a stranger says to the relay. Not in any program; the fuzzer builds with `cfg(fuzzing)`.

use ahoy_contract::{
    PeerId, name,
    wire::{ClientMessage, MAX_MESSAGE_BYTES, MAX_NAME_BYTES, RelayMessage},
};
use serde_json::Value;

use crate::{origin::Origin, request::Request, token::Token};

/// A fuzz target: takes any bytes, and panics where a property does not hold.
pub type Target = fn(&[u8]);

/// The targets of this crate by their names.
pub const TARGETS: [(&str, Target); 2] = [("relay_request", request), ("relay_text", text)];

/// The longest reason that a client is given for a refusal, in bytes.
const MAX_REASON: usize = 1000;

/// A message of a client. A signal is taken apart in one pass that does not unescape it: that pass must find the same as
/// the full parser, and the addressee must be able to read what is handed on.
fn request(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let request = match Request::read(text) {
        Ok(request) => request,
        Err(refusal) => {
            assert!(refusal.message.len() <= MAX_REASON, "{}", refusal.message);
            return;
        }
    };
    assert!(request.cost() >= 1);
    let Request::Signal(signal) = request else {
        return;
    };
    let sender = PeerId::from_bytes(&[1; 10]);
    let Ok(forwarded) = signal.forward(&sender, 7) else {
        assert!(text.len() + 64 > MAX_MESSAGE_BYTES, "refused as too large");
        return;
    };
    assert!(forwarded.len() <= MAX_MESSAGE_BYTES);
    let expected = match serde_json::from_str(text) {
        Ok(ClientMessage::Signal { to, seq, body, sig }) if to == signal.to => {
            Some(RelayMessage::Signal {
                from: sender,
                n: 7,
                seq,
                body,
                sig,
            })
        }
        _ => None,
    };
    let read: Option<RelayMessage> = serde_json::from_str(&forwarded).ok();
    assert!(read.is_some(), "{forwarded}");
    // The full parser decodes fields that nobody knows as well, and refuses what is no text in them.
    if expected.is_some() || serde_json::from_str::<Value>(text).is_ok() {
        assert_eq!(read, expected);
    }
}

/// Names, tokens and the headers that say where a page comes from.
fn text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let name = name::clean(&text);
    assert!(name.len() <= MAX_NAME_BYTES);
    assert_eq!(name::clean(&name), name);
    if let Some(token) = Token::read(&text) {
        assert_eq!(token.to_text(), text);
    }
    if let Some(origin) = Origin::of_host(&text, true) {
        assert!(origin.is_named_by(&format!("https://{text}")));
    }
    if let Ok(url) = url::Url::parse(&text)
        && let Some(origin) = Origin::of(&url)
    {
        assert!(origin.is_named_by(url.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpora_and_mutations_of_them_hold() {
        for (name, target) in TARGETS {
            ahoy_mutate::check(name, target);
        }
    }
}
