//! What must not be read in a log is taken out of a text: addresses, session descriptions, payloads, secrets.
//!
//! It knows them by their form, since it sees what libraries say, whose words nobody controls. What is taken out leaves a
//! word in brackets. Numbers of ports, names of hosts and the ids of members and rooms stay.

use std::{
    fmt::Write as _,
    net::{Ipv4Addr, Ipv6Addr},
};

/// Where a session description (RFC 8866) or a candidate (RFC 8839 §5.1) begins. Nothing is shown from there on.
const DESCRIPTIONS: [&str; 12] = [
    "v=0\r",
    "v=0\n",
    "v=0\\r",
    "v=0\\n",
    "o=- ",
    "a=candidate",
    "a=fingerprint",
    "a=ice-",
    "a=ssrc",
    "m=audio ",
    "m=video ",
    "m=application ",
];

/// What stands before a secret.
const NAMES_OF_SECRETS: [&str; 5] = ["credential", "password", "pwd", "secret", "token"];

/// A list of at least so many numbers is a payload.
const PAYLOAD: usize = 8;
/// So many hexadecimal digits in a row are a key, a hash or a payload.
const HEX: usize = 32;
/// The most bytes of an IPv6 address, with one of IPv4 at its end.
const LONGEST_ADDRESS: usize = 45;
/// The length of the secret in a link, behind `#`.
const SECRET: usize = 22;

/// The text without what must not be read, on one line.
pub(crate) fn redact(text: &str) -> String {
    let described = DESCRIPTIONS.iter().filter_map(|start| text.find(start));
    let described = described.chain(candidate(text)).min();
    let shown = &text[..described.unwrap_or(text.len())];
    let mut out = String::with_capacity(shown.len());
    let mut at = 0;
    let mut in_word = false;
    while let Some(character) = shown[at..].chars().next() {
        let rest = &shown[at..];
        let found = match character {
            '[' => octets(rest).or_else(|| numbers(rest)),
            '#' => fragment(rest),
            '"' => secret(&shown[..at], rest),
            _ if is_secret(&shown[..at], rest) => Some((value(rest), "[secret]")),
            _ if in_word => None,
            'b' if rest.starts_with("b\"") => Some((quoted(&rest[1..]) + 1, "[payload]")),
            _ => digits(rest)
                .filter(|(length, _)| *length > LONGEST_ADDRESS)
                .or_else(|| address(rest))
                .or_else(|| digits(rest)),
        };
        match found {
            Some((length, word)) => {
                out.push_str(word);
                at += length;
                in_word = false;
            }
            None => {
                push(&mut out, character);
                at += character.len_utf8();
                in_word = character.is_alphanumeric() || character == '_';
            }
        }
    }
    if described.is_some() {
        out.push_str("[description]");
    }
    out
}

/// The text on one line, and otherwise as it is.
pub(crate) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|character| push(&mut out, character));
    out
}

/// A terminal must not be told what to do by somebody else's text.
fn push(out: &mut String, character: char) {
    if character.is_control() {
        // Writing to a string cannot fail.
        let _ = write!(out, "{}", character.escape_default());
    } else {
        out.push(character);
    }
}

/// Where a candidate begins, as `candidate:FOUNDATION`; the word in a sentence is none.
fn candidate(text: &str) -> Option<usize> {
    const WORD: &str = "candidate:";
    text.match_indices(WORD).map(|(at, _)| at).find(|at| {
        let behind = text[at + WORD.len()..].chars().next();
        behind.is_some_and(char::is_alphanumeric)
    })
}

/// The length of the longest start that is made of these characters.
fn run(text: &str, of: impl Fn(char) -> bool) -> usize {
    text.find(|character| !of(character)).unwrap_or(text.len())
}

/// An IP address at the start of a text, with the port behind it.
fn address(text: &str) -> Option<(usize, &'static str)> {
    const WORD: &str = "[address]";
    let length = run(text, |c| c.is_ascii_digit() || c == '.');
    let v4 = text[..length].trim_end_matches('.');
    if v4.parse::<Ipv4Addr>().is_ok() {
        return Some((v4.len() + port(&text[v4.len()..]), WORD));
    }
    let length = run(text, |c| c.is_ascii_hexdigit() || c == ':' || c == '.');
    // What follows it, a colon or the number of a port, may look like more of it.
    (2..=length.min(LONGEST_ADDRESS))
        .rev()
        .find(|end| text[..*end].parse::<Ipv6Addr>().is_ok())
        .map(|end| (end, WORD))
}

/// The length of `:PORT`.
fn port(text: &str) -> usize {
    let digits = text.strip_prefix(':');
    let digits = digits.map_or(0, |digits| run(digits, |c| c.is_ascii_digit()));
    if digits > 0 { digits + 1 } else { 0 }
}

/// A fingerprint of a certificate (RFC 8122 §5), or many hexadecimal digits.
fn digits(text: &str) -> Option<(usize, &'static str)> {
    let length = run(text, |c| c.is_ascii_hexdigit() || c == ':');
    let digits = text[..length].chars().filter(|c| *c != ':').count();
    (digits >= HEX).then_some((length, "[digits]"))
}

/// A list of numbers in brackets, perhaps cut off.
fn numbers(text: &str) -> Option<(usize, &'static str)> {
    let inside = &text[1..];
    let length = run(inside, |c| {
        c.is_ascii_hexdigit() || matches!(c, ',' | ' ' | 'x' | '\n')
    });
    let count = inside[..length].split(',').count();
    let closed = usize::from(inside[length..].starts_with(']'));
    (count >= PAYLOAD).then_some((1 + length + closed, "[payload]"))
}

/// The numbers of an IPv4 address in brackets, as `Ipv4Addr::octets` shows them, perhaps cut off.
fn octets(text: &str) -> Option<(usize, &'static str)> {
    let inside = &text[1..];
    let length = run(inside, |c| c.is_ascii_digit() || matches!(c, ',' | ' '));
    let is_closed = inside[length..].starts_with(']');
    let is_cut = inside[length..].is_empty();
    let numbers = inside[..length].split(',').map(str::trim);
    let count = numbers.clone().filter(|number| !number.is_empty()).count();
    let is_byte = |number: &str| number.is_empty() && is_cut || number.parse::<u8>().is_ok();
    let found = numbers.clone().all(is_byte)
        && (is_closed && count == 4 || is_cut && (2..=4).contains(&count));
    found.then_some((1 + length + usize::from(is_closed), "[address]"))
}

/// The secret of a link.
fn fragment(text: &str) -> Option<(usize, &'static str)> {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let length = run(&text[1..], is_base64);
    (length >= SECRET).then_some((1 + length, "#[secret]"))
}

/// A text in quotes behind the name of a secret, as in `credential: Some("…")`.
fn secret(before: &str, text: &str) -> Option<(usize, &'static str)> {
    let name = named(before)?;
    (name.len() < before.len()).then(|| (quoted(text), "\"[secret]\""))
}

/// Returns true where a value without quotes begins that is a secret, as in `password=x` and `token: Some(x)`.
fn is_secret(before: &str, text: &str) -> bool {
    let is_value = !text.starts_with([' ', ':', '=']) && !text.starts_with("Some(");
    is_value
        && value(text) > 0
        && named(before).is_some_and(|name| before[name.len()..].contains(['=', ':']))
}

/// The text up to the end of the name of a secret, if nothing but what leads a value stands behind that.
fn named(before: &str) -> Option<&str> {
    let before = before.strip_suffix("Some(").unwrap_or(before);
    let name = before.trim_end_matches([' ', ':', '=', '"']);
    let is_secret = NAMES_OF_SECRETS.iter().any(|secret| {
        let start = name.len().checked_sub(secret.len());
        start
            .and_then(|start| name.get(start..))
            .is_some_and(|end| end.eq_ignore_ascii_case(secret))
    });
    is_secret.then_some(name)
}

/// The length of a value without quotes.
fn value(text: &str) -> usize {
    run(text, |c| {
        !c.is_whitespace() && !matches!(c, ',' | ';' | '&' | ')' | ']' | '}' | '"')
    })
}

/// The length of a text in quotes, which is all where the second one is missing.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests;
