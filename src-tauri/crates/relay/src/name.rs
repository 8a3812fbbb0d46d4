//! PURE. What is left of a name that a stranger gave.

use ahoy_contract::wire::MAX_NAME_BYTES;

/// The name without the characters that would let it pass for something else (controls, and the marks
/// that turn the direction of text), cut to [`MAX_NAME_BYTES`] at the end of a character.
pub(crate) fn clean(name: &str) -> String {
    let mut cleaned = String::with_capacity(name.len().min(MAX_NAME_BYTES));
    for character in name.trim().chars().filter(|c| !is_hidden(*c)) {
        if cleaned.len() + character.len_utf8() > MAX_NAME_BYTES {
            break;
        }
        cleaned.push(character);
    }
    cleaned
}

// Unicode's Bidi_Control characters (UAX #9) and the two separators that break a line.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061C}'
                | '\u{200E}'
                | '\u{200F}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{202A}'..='\u{202E}'
                | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_at_the_end_of_a_character() {
        for (name, expected) in [
            ("Ada", "Ada".to_owned()),
            ("  Ada Lovelace ", "Ada Lovelace".to_owned()),
            ("", String::new()),
            (&"é".repeat(100), "é".repeat(64)),
            (
                &format!("a{}", "é".repeat(100)),
                format!("a{}", "é".repeat(63)),
            ),
            (&"x".repeat(70_000), "x".repeat(128)),
        ] {
            assert_eq!(clean(name), expected);
        }
    }

    #[test]
    fn what_cannot_be_seen_is_taken_out() {
        assert_eq!(clean("a\u{0}b\nc\u{1b}[31m"), "abc[31m");
        assert_eq!(clean("\u{202E}gnp.exe\u{2066}"), "gnp.exe");
        assert_eq!(clean("👩\u{200D}🚀"), "👩\u{200D}🚀");
    }
}
