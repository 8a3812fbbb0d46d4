//! Which addresses of the web the window may have opened: those that somebody else wrote in the chat. Pure.
//!
//! The window's page is hostile until what it asks for was checked. So the system's browser is no way for it to send what
//! it knows, such as the link of the call, to a server of its choice: what the page itself may have written does not
//! count. Other ways remain: the commands that open a link, join a relay or set the relay contact the server
//! that they name. `ui/src/parts/links.ts` finds the same addresses.

use ahoy_contract::ui::Screen;
use tauri::Url;

/// Marks at the end of an address that belong to the sentence around it.
const TAIL: &str = ".,:;!?…。，、；：！？)]}）】》”’";

/// Whether somebody else has written this address in the call that is shown.
pub(crate) fn is_in_chat(screen: &Screen, url: &Url) -> bool {
    let Screen::Call(call) = screen else {
        return false;
    };
    let mut others = call.chat.iter().filter(|line| line.name.is_some());
    others.any(|line| holds(&line.text, url))
}

fn holds(line: &str, url: &Url) -> bool {
    let mut rest = line;
    while let Some(at) = head(rest) {
        let (before, found) = rest.split_at(at);
        let end = found.find(ends_address).unwrap_or(found.len());
        let (run, after) = found.split_at(end);
        rest = after;
        let inside_a_word = before
            .chars()
            .next_back()
            .is_some_and(|last| last.is_ascii_alphanumeric() || last == '_');
        if !inside_a_word && is_address(run, url) {
            return true;
        }
    }
    false
}

/// Where the next address begins, or what looks like one.
fn head(text: &str) -> Option<usize> {
    const HEADS: [&str; 2] = ["http://", "https://"];
    let is_head = |at: &usize| {
        let rest = &text.as_bytes()[*at..];
        let begins = |head: &&str| {
            rest.get(..head.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(head.as_bytes()))
        };
        HEADS.iter().any(begins)
    };
    // A head is ASCII, so it begins at a character.
    text.bytes()
        .enumerate()
        .filter_map(|(at, byte)| matches!(byte, b'h' | b'H').then_some(at))
        .find(is_head)
}

/// Whether an address ends before this character: white space, quotes, angle brackets, what is not seen and what
/// changes direction.
fn ends_address(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character,
            '<' | '>' | '"' | '\'' | '`' | '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0001}'..='\u{e007f}')
}

/// Whether this text, without the sentence's marks, is the address. A bracket that was opened within it stays.
fn is_address(run: &str, url: &Url) -> bool {
    let bare = run.trim_end_matches(|mark| TAIL.contains(mark));
    let count = |bracket| bare.matches(bracket).count();
    let closes = count('(') > count(')') && run[bare.len()..].starts_with(')');
    let text = &run[..bare.len() + usize::from(closes)];
    let plain = |read: &Url| read.username().is_empty() && read.password().is_none();
    Url::parse(text).is_ok_and(|read| plain(&read) && read == *url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn an_address_in_a_line_is_found_as_the_page_finds_it() {
        for (line, address) in [
            (
                "see https://example.org/a?b=c#d now",
                "https://example.org/a?b=c#d",
            ),
            ("HTTP://Example.org", "http://example.org/"),
            ("(https://example.org/a).", "https://example.org/a"),
            (
                "https://en.example.org/wiki/Ahoy_(greeting).",
                "https://en.example.org/wiki/Ahoy_(greeting)",
            ),
            (
                "看 https://example.org/路。",
                "https://example.org/%E8%B7%AF",
            ),
            ("https://a.example https://b.example", "https://b.example/"),
            (
                "<a href='https://example.org/'>x</a>",
                "https://example.org/",
            ),
            (
                "https://example.org/\u{202e}gro.live",
                "https://example.org/",
            ),
            ("h hh https://example.org", "https://example.org/"),
        ] {
            assert!(holds(line, &url(address)), "{line}");
        }
    }

    #[test]
    fn what_nobody_wrote_is_not_found() {
        for (line, address) in [
            ("", "https://example.org/"),
            ("https://example.org/", "https://example.org/?secret"),
            ("https://example.org/a", "https://example.org/"),
            ("example.org", "https://example.org/"),
            ("xhttps://example.org", "https://example.org/"),
            (
                "https://good.example@evil.example/",
                "https://evil.example/",
            ),
            ("file:///etc/passwd", "file:///etc/passwd"),
            ("javascript:alert(1)", "javascript:alert(1)"),
        ] {
            assert!(!holds(line, &url(address)), "{line}");
        }
    }

    #[test]
    fn the_longest_line_is_read_quickly() {
        for line in [
            "h".repeat(16 * 1024),
            "https://a".repeat(1_800),
            format!("https://a/{}", ")".repeat(16_000)),
            "https://a.example ".repeat(900),
        ] {
            assert!(!holds(&line, &url("https://example.org/")));
        }
    }
}
