//! Text that stays short, whatever is written to it.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};

use crate::redact::one_line;

/// What is looked at of one value, in bytes; more is not even formatted.
const LOOKED_AT: usize = 4096;

/// The field for what a relay was called by (RFC 6454), which its operator has to read as it is: the flag that allows it
/// needs it. It is an address of the relay's, not of somebody who uses it.
const ORIGIN: &str = "origin";

/// A value that was written down, up to a number of bytes.
#[derive(Debug, Default)]
struct Bounded {
    text: String,
    cut: bool,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = LOOKED_AT - self.text.len();
        if text.len() <= room {
            self.text.push_str(text);
            return Ok(());
        }
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        self.cut = true;
        // Ends the formatting: a packet may have thousands of numbers to come.
        Err(fmt::Error)
    }
}

impl Bounded {
    fn of(value: fmt::Arguments<'_>) -> Self {
        let mut bounded = Self::default();
        let failed = bounded.write_fmt(value).is_err();
        bounded.cut |= failed;
        if bounded.cut {
            // Half a word could be half an address, which nobody would know for one.
            let end = bounded.text.rfind([' ', ',']).unwrap_or(0);
            bounded.text.truncate(end);
        }
        bounded
    }
}

/// Returns a value as text: cleaned, and cut to so many bytes.
pub(crate) fn bounded(
    value: fmt::Arguments<'_>,
    most: usize,
    clean: impl FnOnce(&str) -> String,
) -> String {
    let Bounded { text, cut } = Bounded::of(value);
    let mut text = clean(&text);
    short(&mut text, most, cut);
    text
}

/// Cuts a text to so many bytes and says that it did.
fn short(text: &mut String, most: usize, cut: bool) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
    } else if !cut {
        return;
    }
    text.push('…');
}

/// The message and the fields of an event, as one line without its end.
pub(crate) struct Words {
    message: String,
    fields: String,
    /// The most bytes of the message and of each field.
    most: (usize, usize),
    /// Changes a value that is not to be shown as it is.
    clean: fn(&str) -> String,
}

impl Words {
    /// The most bytes of all fields together.
    const FIELDS: usize = 1024;

    pub(crate) fn new(most: (usize, usize), clean: fn(&str) -> String) -> Self {
        Self {
            message: String::new(),
            fields: String::new(),
            most,
            clean,
        }
    }

    /// The line.
    pub(crate) fn into_line(self) -> String {
        let mut line = self.message;
        line.push_str(&self.fields);
        line
    }

    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let clean = match field.name() {
            ORIGIN => one_line,
            _ => self.clean,
        };
        match field.name() {
            "message" => self.message = bounded(value, self.most.0, clean),
            // Where the record of another logger came from, which the line says already.
            name if name.starts_with("log.") => {}
            name => {
                let text = bounded(value, self.most.1, clean);
                if self.fields.len() + text.len() <= Self::FIELDS {
                    // Writing to a string cannot fail.
                    let _ = write!(self.fields, " {name}={text}");
                }
            }
        }
    }
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_not_formatted_to_its_end() {
        struct Endless;
        impl fmt::Debug for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    f.write_str("12, ")?;
                }
            }
        }
        let bounded = Bounded::of(format_args!("{Endless:?}"));
        assert!(bounded.cut && bounded.text.len() <= LOOKED_AT);
        assert!(bounded.text.ends_with("12,"), "no half words");
    }

    #[test]
    fn a_cut_text_says_so_and_ends_at_a_character() {
        let mut text = "ééé".to_owned();
        short(&mut text, 3, false);
        assert_eq!(text, "é…");
        let mut text = "abc".to_owned();
        short(&mut text, 3, false);
        assert_eq!(text, "abc");
        short(&mut text, 3, true);
        assert_eq!(text, "abc…");
    }
}
