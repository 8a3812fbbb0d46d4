//! Fuzz target: what a library could say. Not in any program; the fuzzer builds with `cfg(fuzzing)`.

use std::net::Ipv4Addr;

use crate::redact::redact;

/// A fuzz target: takes any bytes, and panics where a property does not hold.
pub type Target = fn(&[u8]);

/// The targets of this crate by their names.
pub const TARGETS: [(&str, Target); 1] = [("log", log)];

/// A text that is written above the level `debug`: it is one line and has no address in it.
fn log(data: &[u8]) {
    let text = redact(&String::from_utf8_lossy(data));
    assert!(!text.contains(char::is_control));
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        let stands_alone = !before.is_alphanumeric() && !matches!(before, '_' | '.');
        let number: &str = &text[at..];
        let end = number.find(|c: char| !c.is_ascii_digit() && c != '.');
        let number = number[..end.unwrap_or(number.len())].trim_end_matches('.');
        assert!(
            !stands_alone || number.parse::<Ipv4Addr>().is_err(),
            "{text}"
        );
        before = character;
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
