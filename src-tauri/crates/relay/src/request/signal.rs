//! PURE. A signal from one member to another: taken apart in one pass, and handed on as it came.

use std::{borrow::Cow, fmt::Write as _};

use ahoy_contract::{ErrorCode, PeerId, Signature, wire::MAX_MESSAGE_BYTES};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Refusal;

/// A signal, whose texts are still JSON: in quotes and escaped.
#[derive(Debug)]
pub(crate) struct Signal<'a> {
    pub(crate) to: PeerId,
    seq: u64,
    body: Cow<'a, str>,
    sig: Option<Cow<'a, str>>,
}

impl Signal<'_> {
    /// About as many bytes as the addressee gets.
    pub(crate) fn bytes(&self) -> usize {
        let sig = self.sig.as_deref().unwrap_or_default();
        self.body.len() + sig.len() + 128
    }

    /// The text of the `signal` for the addressee. `n` numbers what it gets.
    pub(crate) fn forward(&self, from: &PeerId, n: u64) -> Result<String, Refusal> {
        let sig = self.sig.as_deref().unwrap_or_default();
        let mut text = String::with_capacity(self.bytes());
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            r#"{{"type":"signal","from":"{from}","n":{n},"seq":{},"body":{}"#,
            self.seq, self.body
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

/// A signal that was read in full.
pub(super) fn of(to: PeerId, seq: u64, body: &str, sig: Option<&Signature>) -> Signal<'static> {
    let quoted = |text: &str| serde_json::Value::from(text).to_string().into();
    Signal {
        to,
        seq,
        body: quoted(body),
        sig: sig.map(|sig| quoted(&sig.to_text())),
    }
}

/// The one pass over a signal. Whatever is not exactly one gives `None`, and is then read in full, for the
/// sake of the answer.
pub(super) fn read(text: &str) -> Option<Signal<'_>> {
    #[derive(Deserialize)]
    struct Shape<'a> {
        #[serde(borrow, rename = "type")]
        kind: &'a RawValue,
        to: PeerId,
        seq: u64,
        #[serde(borrow)]
        body: &'a RawValue,
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
    if !whole {
        return None;
    }
    if let Some(sig) = shape.sig {
        serde_json::from_str::<Signature>(sig.get()).ok()?;
    }
    Some(Signal {
        to: shape.to,
        seq: shape.seq,
        body: body.into(),
        sig: shape.sig.map(|sig| sig.get().into()),
    })
}

#[cfg(test)]
mod tests {
    use ahoy_contract::wire::{ClientMessage, RelayMessage};

    use super::*;
    use crate::request::Request;

    fn peer() -> PeerId {
        PeerId::from_bytes(&[1; 10])
    }

    #[test]
    fn a_signal_goes_on_as_it_came() {
        let body = "{\"description\":{\"type\":\"offer\",\"sdp\":\"v=0\\r\\no=é \\\"x\\\" 😀\"}}";
        for sig in [None, Some(Signature::new([3; 64]))] {
            let sent = ClientMessage::Signal {
                to: PeerId::from_bytes(&[9; 10]),
                seq: 7,
                body: body.to_owned(),
                sig: sig.clone(),
            };
            let expected = RelayMessage::Signal {
                from: peer(),
                n: 5,
                seq: 7,
                body: body.to_owned(),
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

    proptest::proptest! {
        #[test]
        fn no_signal_is_garbled(body in ".{0,200}", seq: u64, n: u64) {
            let sent = ClientMessage::Signal { to: peer(), seq, body: body.clone(), sig: None };
            let text = serde_json::to_string(&sent).unwrap();
            let Ok(Request::Signal(signal)) = Request::read(&text) else {
                panic!("not a signal: {text}");
            };
            let forwarded = signal.forward(&peer(), n).unwrap();
            let expected = RelayMessage::Signal { from: peer(), n, seq, body, sig: None };
            proptest::prop_assert_eq!(serde_json::from_str::<RelayMessage>(&forwarded).unwrap(), expected);
        }
    }
}
