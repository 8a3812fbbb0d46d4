//! Fuzz target: what a library could say. Not in any program; the fuzzer builds with `cfg(fuzzing)`.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::redact::redact;

/// A fuzz target: takes any bytes, and panics where a property does not hold.
pub type Target = fn(&[u8]);

/// The targets of this crate by their names.
pub const TARGETS: [(&str, Target); 1] = [("log", log)];

/// A text that is written above the level `debug`: it is one line and has no address in it.
fn log(data: &[u8]) {
    holds(&redact(&String::from_utf8_lossy(data)));
}

fn holds(text: &str) {
    assert!(!text.contains(char::is_control));
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        if !before.is_alphanumeric() && before != '_' {
            let v4 = run(&text[at..], |c| c.is_ascii_digit() || c == '.');
            assert!(before == '.' || v4.parse::<Ipv4Addr>().is_err(), "{text}");
            let v6 = run(&text[at..], |c| {
                c.is_ascii_hexdigit() || matches!(c, ':' | '.')
            });
            let without_colon = v6.strip_suffix(':').unwrap_or(v6);
            for v6 in [v6, without_colon] {
                assert!(v6.parse::<Ipv6Addr>().is_err(), "{text}");
            }
        }
        before = character;
    }
}

/// Returns the longest start that is made of these characters, without the end of a sentence.
fn run(text: &str, of: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !of(c)).unwrap_or(text.len());
    text[..end].trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "2001:db8::1")]
    fn an_address_that_stays_is_found() {
        holds("to 2001:db8::1 and back");
    }

    #[test]
    fn the_corpora_and_mutations_of_them_hold() {
        for (name, target) in TARGETS {
            ahoy_mutate::check(name, target);
        }
    }
}
