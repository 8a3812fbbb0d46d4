//! What must not stand in a program's log: addresses, session descriptions, payloads, secrets.
//!
//! Each scenario checks the logs of all programs that it runs (`process`). This is written apart from what takes such
//! things out of the logs (`ahoy-log`), so that both do not overlook the same.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
};

/// The secrets of the links of this scenario.
static SECRETS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Characters of the secret in a link.
const SECRET: usize = 22;
/// No line is longer.
const LONGEST: usize = 2_000;
/// So many numbers in a row are a payload.
const NUMBERS: usize = 8;

/// What a line of a log holds that it must not; `None` where all is well.
pub fn leak(line: &str) -> Option<&'static str> {
    if line.len() > LONGEST {
        return Some("far too much");
    }
    let line = &without_origin(line);
    let described = [
        "v=0",
        "a=candidate",
        "a=fingerprint",
        "a=ice-",
        "a=rtpmap",
        "m=audio",
    ];
    if described.iter().any(|start| line.contains(start)) || has_candidate(line) {
        return Some("a session description");
    }
    if has_payload(line) {
        return Some("a payload");
    }
    let secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    if fragment(line).is_some() || secrets.iter().any(|secret| line.contains(secret)) {
        return Some("the secret of a link");
    }
    has_address(line).then_some("an address")
}

/// The line without its field `origin`, which says what a relay was called by: its operator has to know that.
fn without_origin(line: &str) -> String {
    let words = line.split(' ').filter(|word| !word.starts_with("origin="));
    words.collect::<Vec<_>>().join(" ")
}

/// Remembers the secret of a link, if the text is one, so that it is found in a log also without the link around it.
pub fn remember(text: &str) {
    // Behind `#` in the address of a relay without a room stands its PIN, which is no secret.
    if let Some(secret) = fragment(text).filter(|_| text.contains("/r/")) {
        let mut secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
        if !secrets.iter().any(|known| known == secret) {
            secrets.push(secret.to_owned());
        }
    }
}

/// Whether a line is one of the project's logs: time, level, module. Other programs write to the same stream.
pub fn is_log_line(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let time = words.next().unwrap_or_default();
    let level = words.next().unwrap_or_default();
    time.ends_with('Z')
        && time.contains('T')
        && ["ERROR", "WARN", "INFO"].contains(&level)
        && words.next().is_some_and(|module| module.ends_with(':'))
}

/// The secret behind `#`.
fn fragment(text: &str) -> Option<&str> {
    text.split('#').skip(1).find_map(|behind| {
        let end = behind.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
        let secret = &behind[..end.unwrap_or(behind.len())];
        (secret.len() >= SECRET).then_some(secret)
    })
}

fn has_candidate(line: &str) -> bool {
    let mut behind = line.split("candidate:").skip(1);
    behind.any(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

fn has_payload(line: &str) -> bool {
    let in_list = |list: &str| {
        let numbers = list.split(", ").take(NUMBERS);
        numbers
            .filter(|number| number.parse::<u8>().is_ok())
            .count()
            == NUMBERS
    };
    line.contains("b\"") || line.split('[').skip(1).any(in_list)
}

/// Whether a word of a line is an IP address, with or without a port.
fn has_address(line: &str) -> bool {
    let is_part = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
    let mut before = ' ';
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        if end == 0 {
            before = first;
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, behind) = rest.split_at(end);
        let next = behind.chars().next().unwrap_or(' ');
        let stands_alone = [before, next]
            .iter()
            .all(|c| !c.is_alphanumeric() && *c != '_');
        let word = word.trim_end_matches(['.', ',']);
        let is_address = [word, word.trim_end_matches(':')]
            .iter()
            .any(|word| word.parse::<IpAddr>().is_ok() || word.parse::<SocketAddr>().is_ok());
        if stands_alone && is_address {
            return true;
        }
        before = rest[..end].chars().next_back().unwrap_or(' ');
        rest = behind;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_leak_is_found() {
        for (line, what) in [
            ("WARN rtc: from 192.0.2.1", "an address"),
            ("WARN rtc: from 127.0.0.1:3478 and on", "an address"),
            ("WARN rtc: from=\"10.0.0.1\"", "an address"),
            ("WARN rtc: [2001:db8::1]:9.", "an address"),
            ("WARN rtc: ::1", "an address"),
            ("WARN rtc: fe80::1%2", "an address"),
            ("WARN rtc: v=0\\r\\no=-", "a session description"),
            ("WARN rtc: a=candidate:1", "a session description"),
            ("WARN rtc: a=fingerprint:sha-256", "a session description"),
            ("WARN rtc: candidate:1 1 udp", "a session description"),
            ("WARN rtc: [1, 2, 3, 4, 5, 6, 7, 8, 9]", "a payload"),
            ("WARN rtc: Full(b\"\\x90\")", "a payload"),
            (
                "WARN http://h/r/x#AAECAwQFBgcICQoLDA0ODw.pin",
                "the secret of a link",
            ),
            (&"x".repeat(LONGEST + 1), "far too much"),
        ] {
            assert_eq!(leak(line), Some(what), "{line}");
        }
    }

    #[test]
    fn a_known_secret_is_found_wherever_it_stands() {
        let line = "INFO secret=BBECAwQFBgcICQoLDA0OXX";
        assert_eq!(leak(line), None);
        remember("http://127.0.0.1:1/r/x#BBECAwQFBgcICQoLDA0OXX");
        assert_eq!(leak(line), Some("the secret of a link"));
        remember("https://127.0.0.1:1#47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
        let pin = "INFO pin=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
        assert_eq!(leak(pin), None);
    }

    #[test]
    fn other_lines_pass() {
        for line in [
            "2026-11-29T00:11:22.123456Z  INFO ahoy_relay::server: stopped",
            "2026-11-29T00:11:22.123456Z  WARN ahoy_engine::rtc: no version 1.2.3, see #5",
            "INFO pin=\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"",
            "the candidate: missing [1, 2, 3]",
            "WARN ahoy_relay::page: refused origin=https://192.0.2.1:3002",
        ] {
            assert_eq!(leak(line), None, "{line}");
        }
    }

    #[test]
    fn lines_of_the_log_are_told_from_others() {
        assert!(is_log_line(
            "2026-11-29T00:11:22.123456Z ERROR webrtc::peer_connection: x"
        ));
        assert!(!is_log_line("MESA: error: 192.0.2.1"));
        assert!(!is_log_line("2026-11-29T00:11:22Z something else happened"));
    }
}
