//! Names of other people as they may be shown. A name travels as its owner gave it, because a proof covers it; each
//! end cleans it before it is shown or logged.

use crate::wire::MAX_NAME_BYTES;

/// The most marks above and below one letter. Written languages need two or three; with more a name
/// covers the lines around it.
const MAX_MARKS: u32 = 4;

/// Returns the name without the characters that would let it pass for another or reach beyond its place on the screen,
/// cut to [`MAX_NAME_BYTES`] at the end of a character.
///
/// It removes controls, the marks that change the direction of text, and all that cannot be seen; any space is
/// a plain one, and only between words. Letters of all scripts stay, from right to left as well, and so do
/// the two joiners within a word, which Persian and emoji need. Markup stays: it is text, and has to be shown as text.
pub fn clean(name: &str) -> String {
    let mut cleaned = String::new();
    let (mut between, mut marks) = (None, 0);
    for character in name.chars().filter(|c| !is_hidden(*c)) {
        if character.is_whitespace() {
            between = Some(' ');
            continue;
        }
        if is_joiner(character) {
            between = between.or(Some(character));
            continue;
        }
        marks = if is_mark(character) { marks + 1 } else { 0 };
        if marks > MAX_MARKS {
            continue;
        }
        // What stands between two characters that can be seen, and not before the first.
        let between = between.take().filter(|_| !cleaned.is_empty());
        let length = between.map_or(0, char::len_utf8) + character.len_utf8();
        if cleaned.len() + length > MAX_NAME_BYTES {
            break;
        }
        cleaned.extend(between);
        cleaned.push(character);
    }
    cleaned
}

// Zero width non-joiner and joiner.
fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200C}' | '\u{200D}')
}

// What can be put above, below and around any letter (Unicode's blocks of combining marks).
fn is_mark(character: char) -> bool {
    matches!(
        character,
        '\u{0300}'..='\u{036F}'
            | '\u{0483}'..='\u{0489}'
            | '\u{1AB0}'..='\u{1AFF}'
            | '\u{1DC0}'..='\u{1DFF}'
            | '\u{20D0}'..='\u{20FF}'
            | '\u{FE20}'..='\u{FE2F}'
    )
}

fn is_hidden(character: char) -> bool {
    // A tab or the end of a line is a space.
    (character.is_control() && !character.is_whitespace())
        || is_bidi_control(character)
        || is_invisible(character)
}

// Unicode's Bidi_Control characters (UAX #9), and the deprecated ones of their kind.
fn is_bidi_control(character: char) -> bool {
    matches!(
        character,
        '\u{061C}'
            | '\u{200E}'
            | '\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2066}'..='\u{206F}'
    )
}

// Of Unicode's Default_Ignorable_Code_Point those that no written language needs in a name, fillers that
// are letters without a form, the blank Braille pattern, anchors of annotations, what stands for no
// character, characters for private use, and what is never one.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{00AD}'
            | '\u{034F}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'
            | '\u{2060}'..='\u{2065}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{E000}'..='\u{F8FF}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFF}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
            | '\u{F0000}'..='\u{10FFFF}'
    ) || (character as u32) & 0xFFFE == 0xFFFE
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
            (&format!("{} y", "x".repeat(127)), "x".repeat(127)),
            (&"👩\u{200D}".repeat(10_000), {
                let women = "👩\u{200D}".repeat(18);
                women.trim_end_matches('\u{200D}').to_owned()
            }),
        ] {
            assert_eq!(clean(name), expected);
        }
    }

    #[test]
    fn what_cannot_be_seen_is_taken_out() {
        for (name, expected) in [
            ("a\u{0}b\nc\u{1b}[31m", "ab c[31m"),
            ("\u{202E}gnp.exe\u{2066}", "gnp.exe"),
            ("\u{200F}\u{061C}Ada\u{202C}\u{2069}", "Ada"),
            ("A\u{200B}d\u{2060}a\u{FEFF}\u{00AD}", "Ada"),
            ("Ada \u{3164}\u{2800}\u{115F}", "Ada"),
            ("Ada\u{E0041}\u{E007F}\u{FFF9}\u{FFFF}\u{1FFFE}", "Ada"),
            ("\u{200D}\u{200C}", ""),
            ("Ada\u{200D}\u{200D}", "Ada"),
            ("A\u{200C}\u{200C}\u{200C}da", "A\u{200C}da"),
            (
                " \u{A0}\u{2003}Ada\u{3000}\u{2028}\t Lovelace\r\n",
                "Ada Lovelace",
            ),
        ] {
            assert_eq!(clean(name), expected, "{name:?}");
        }
        for code in (0x202A..=0x202E).chain(0x2066..=0x2069) {
            let mark = char::from_u32(code).unwrap();
            assert_eq!(clean(&format!("a{mark}b")), "ab", "{code:x}");
        }
    }

    /// The page's twin of this code is held against the same file.
    #[test]
    fn the_shared_vectors_hold() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../vectors/names.json")).unwrap();
        let cases = vectors["cases"].as_array().unwrap();
        assert!(!cases.is_empty());
        for case in cases {
            let [name, shown] = ["name", "shown"].map(|key| case[key].as_str().unwrap());
            assert_eq!(clean(name), shown, "{name:?}");
        }
    }

    #[test]
    fn marks_do_not_pile_up() {
        let piled = format!("a{}b", "\u{0301}\u{0323}".repeat(1000));
        assert_eq!(clean(&piled), "a\u{0301}\u{0323}\u{0301}\u{0323}b");
    }

    #[test]
    fn what_people_are_called_stays() {
        for name in [
            "משה בן־מימון",
            "محمد",
            "علی‌رضا",
            "Nguyễn Thị Ánh",
            "张伟",
            "क्षितिज",
            "ශ්‍රී",
            "👩\u{200D}🚀 Ada",
            "❤\u{FE0F}",
            "O'Neil-D’Arcy & Søn <3",
            "<b>Ada</b><script>alert(1)</script>",
        ] {
            assert_eq!(clean(name), name);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_clean_stays_so(name in "\\PC{0,300}", rest in ".{0,40}") {
            let once = clean(&format!("{rest}{name}"));
            assert!(once.len() <= MAX_NAME_BYTES);
            assert_eq!(clean(&once), once);
        }
    }
}
