//! PURE. Whom a text of the lobby is from and for, where it says so.
//!
//! Only one of the dialects names people: `{"type":…,"name":"<from>","target":"<to>",…}`. Whatever else a text is, JSON
//! or not, it is from nobody in particular and for all.

use ahoy_contract::wire::MAX_NAME_BYTES;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Whom a text is from and for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) name: Option<String>,
    pub(super) target: Option<String>,
}

impl Address {
    /// Reads it from a text of which nothing is known.
    pub(super) fn of(text: &str) -> Self {
        #[derive(Deserialize)]
        struct Shape<'a> {
            #[serde(borrow, default)]
            name: Option<&'a RawValue>,
            #[serde(borrow, default)]
            target: Option<&'a RawValue>,
        }
        // The parser would take the items of a list for the fields, in their order.
        if !text.trim_start().starts_with('{') {
            return Self::default();
        }
        let Ok(shape) = serde_json::from_str::<Shape<'_>>(text) else {
            return Self::default();
        };
        Self {
            name: shape.name.and_then(named),
            target: shape.target.and_then(named),
        }
    }
}

// A name that nobody could have had is none.
fn named(value: &RawValue) -> Option<String> {
    let name: String = serde_json::from_str(value.get()).ok()?;
    (!name.is_empty() && name.len() <= MAX_NAME_BYTES).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Option<String>, Option<String>) {
        let address = Address::of(text);
        (address.name, address.target)
    }

    #[test]
    fn a_text_may_say_whom_it_is_from_and_for() {
        let (ada, grace) = (Some("Ada".to_owned()), Some("Grace".to_owned()));
        let offer = r#"{"type":"video-offer","name":"Ada","target":"Grace","sdp":"v=0\r\n"}"#;
        assert_eq!(of(offer), (ada.clone(), grace.clone()));
        let candidate = r#" { "candidate":{"target":"x"}, "target" : "Gr\u0061ce" } "#;
        assert_eq!(of(candidate), (None, grace));
        assert_eq!(of(r#"{"type":"username","name":"Ada"}"#), (ada, None));
    }

    #[test]
    fn whatever_else_it_says_it_is_for_all() {
        for text in [
            "",
            "hello",
            "{",
            "null",
            "7",
            r#"["Ada","Grace"]"#,
            r#"{"type":"offer","sdp":"v=0"}"#,
            r#"{"name":7,"target":{"target":"x"}}"#,
            r#"{"name":null,"target":null}"#,
            r#"{"name":"","target":""}"#,
            r#"{"target":"Grace","target":"Ada"}"#,
            r#"{"target":"Grace""#,
            r#"{"target":"\ud800"}"#,
            &format!(r#"{{"name":"{0}","target":"{0}"}}"#, "x".repeat(129)),
            &"{\"target\":".repeat(10_000),
        ] {
            assert_eq!(of(text), (None, None), "{text:.80}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_much(text in ".{0,200}", inside in "[\\[\\]{}:,\"a-z\\\\]{0,60}") {
            let _ = Address::of(&text);
            let _ = Address::of(&format!("{{{inside}}}"));
        }

        #[test]
        fn any_name_is_found(name in "\\PC{1,30}") {
            let text = serde_json::json!({ "sdp": "x", "target": name, "name": name }).to_string();
            let fits = name.len() <= MAX_NAME_BYTES;
            proptest::prop_assert_eq!(of(&text), (fits.then(|| name.clone()), fits.then_some(name)));
        }
    }
}
