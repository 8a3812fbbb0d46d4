//! Notifications of the desktop: what strangers gave as their names stands in them, and is text there too.
//!
//! A notification service of a Linux desktop may read markup in a notification's body: `<b>`, `<a href>`, `<img src>`
//! (Desktop Notifications Specification, "Markup"). Other systems show plain text.

use ahoy_engine::call::tidy;

/// What keeps the direction of a text to itself (Unicode Standard Annex #9, FIRST STRONG ISOLATE and its end).
const ISOLATE: [char; 2] = ['\u{2068}', '\u{2069}'];

/// A stranger's name as it stands in a sentence: on one line, not too long, with nothing in it that is not seen, and
/// without turning around what follows.
pub(crate) fn name_in_sentence(name: &str) -> String {
    let name = tidy(name);
    if name.is_ascii() {
        return name;
    }
    let [begin, end] = ISOLATE;
    format!("{begin}{name}{end}")
}

/// A notification's body that shows this text as it stands.
pub(crate) fn body(text: &str) -> String {
    if takes_markup() {
        escape(text)
    } else {
        text.to_owned()
    }
}

/// The text with what begins markup written as XML does.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Other systems with the same kind of service are not asked, and those without show plain text.
#[cfg(not(target_os = "linux"))]
fn takes_markup() -> bool {
    cfg!(all(unix, not(target_os = "macos")))
}

/// Whether the desktop's service reads markup; where it does not say, it is taken to. May block for a second.
#[cfg(target_os = "linux")]
fn takes_markup() -> bool {
    match linux::capabilities() {
        Ok(capabilities) => capabilities.iter().any(|known| known == "body-markup"),
        Err(error) => {
            tracing::debug!("the notification service does not say what it takes: {error}");
            true
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::time::Duration;

    use zbus::blocking::connection::Builder;

    /// How long the service may take to answer.
    const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
    const SERVICE: &str = "org.freedesktop.Notifications";
    const PATH: &str = "/org/freedesktop/Notifications";

    pub(super) fn capabilities() -> zbus::Result<Vec<String>> {
        let bus = Builder::session()?.method_timeout(ANSWERS_WITHIN).build()?;
        let answer = bus.call_method(Some(SERVICE), PATH, Some(SERVICE), "GetCapabilities", &())?;
        answer.body().deserialize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_text_is_shown_and_not_read() {
        assert_eq!(
            escape("<b>x</b><img src=\"file:///etc/passwd\"> & <a href='x'>Ada</a>"),
            "&lt;b&gt;x&lt;/b&gt;&lt;img src=\"file:///etc/passwd\"&gt; &amp; &lt;a href='x'&gt;Ada&lt;/a&gt;"
        );
        assert_eq!(escape("&lt;b&gt;"), "&amp;lt;b&amp;gt;");
        assert_eq!(escape("Ada asks to join."), "Ada asks to join.");
    }

    #[test]
    fn a_name_is_one_short_line_that_turns_nothing_around() {
        assert_eq!(name_in_sentence(" Ada\n\u{7}\u{1b}[31m "), "Ada [31m");
        assert_eq!(name_in_sentence("\u{202e}adA\u{2066}"), "adA");
        assert_eq!(name_in_sentence("דנה"), "\u{2068}דנה\u{2069}");
        assert_eq!(name_in_sentence(&"W".repeat(10_000)).len(), 64);
        assert_eq!(name_in_sentence("\u{200b}\u{feff}"), "");
    }
}
