//! PURE. Whose request a trusted proxy brings: `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! Each proxy appends the address that it was connected from, so the last entries are the proxies' own words, and
//! what stands before them anybody may have written. The last address that is no trusted proxy's is the client's.
//!
//! A proxy writes one of the two headers and passes the other on as the client sent it. Which one it writes is not
//! known, so where both are there they have to agree.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, header::FORWARDED};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Whose request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    /// The proxy's own: it names nobody.
    Proxy,
    /// That of the client at this address.
    Address(IpAddr),
    /// The headers cannot be read, or contradict each other.
    Unknown,
}

/// One of the proxies on the way of a request, or its client; `None` where it is no address.
type Hop = Option<IpAddr>;

/// Whose request this is that came from a trusted proxy.
pub(super) fn client(headers: &HeaderMap, trusted: &[IpNet]) -> Client {
    let forwarded = named(headers, &FORWARDED, trusted, forwarded_hops);
    let listed = named(headers, &X_FORWARDED_FOR, trusted, listed_hops);
    match (forwarded, listed) {
        (None, None) => Client::Proxy,
        (Some(client), None) | (None, Some(client)) => client,
        (Some(one), Some(other)) if one == other => one,
        _ => Client::Unknown,
    }
}

// What all lines of one header say; `None` where there are none.
fn named(
    headers: &HeaderMap,
    name: &HeaderName,
    trusted: &[IpNet],
    read: fn(&str) -> Option<Vec<Hop>>,
) -> Option<Client> {
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    if lines.is_empty() {
        return None;
    }
    // Where all are trusted, the request began at the first.
    let mut first = Client::Unknown;
    for line in lines.into_iter().rev() {
        let Some(hops) = line.to_str().ok().and_then(read) else {
            return Some(Client::Unknown);
        };
        for hop in hops.into_iter().rev() {
            let Some(address) = hop else {
                return Some(Client::Unknown);
            };
            first = Client::Address(address);
            if !trusted.iter().any(|net| net.contains(&address)) {
                return Some(first);
            }
        }
    }
    Some(first)
}

// `X-Forwarded-For`: addresses with commas between.
fn listed_hops(line: &str) -> Option<Vec<Hop>> {
    let entries = line.split(',').map(str::trim);
    // A list may have empty entries (RFC 9110 §5.6.1).
    let hops = entries.filter(|entry| !entry.is_empty()).map(address);
    Some(hops.collect())
}

// `Forwarded`: elements with commas between, of `name=value` pairs with semicolons between (RFC 7239 §4); `None`
// where it is no such list.
fn forwarded_hops(line: &str) -> Option<Vec<Hop>> {
    let mut hops = Vec::new();
    let mut rest = line.trim_start();
    // The `for` of the element that is read, and whether it has any pair.
    let (mut hop, mut has_pair, mut has_for) = (None, false, false);
    loop {
        if rest.is_empty() || rest.starts_with(',') {
            if has_pair {
                hops.push(hop.take());
            }
            (has_pair, has_for) = (false, false);
            match rest.strip_prefix(',') {
                Some(next) => rest = next.trim_start(),
                None => return Some(hops),
            }
            continue;
        }
        if let Some(next) = rest.strip_prefix(';') {
            rest = next.trim_start();
            continue;
        }
        let (name, value, next) = pair(rest)?;
        has_pair = true;
        if name.eq_ignore_ascii_case("for") {
            if has_for {
                return None;
            }
            has_for = true;
            hop = address(&value);
        }
        rest = next.trim_start();
        if !(rest.is_empty() || rest.starts_with([',', ';'])) {
            return None;
        }
    }
}

// A `name=value` at the beginning of the text, and what follows it. The value is a token or a quoted string
// (RFC 9110 §5.6.4).
fn pair(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = text.split_once('=')?;
    if name.is_empty() || !name.bytes().all(is_token) {
        return None;
    }
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.bytes().position(|byte| !is_token(byte));
        let (value, rest) = rest.split_at(end.unwrap_or(rest.len()));
        return (!value.is_empty()).then(|| (name, value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((name, value, &quoted[index + 1..])),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

// RFC 9110 §5.6.2. A colon is none, but proxies write `for=192.0.2.1:4711` all the same.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:".contains(&byte)
}

// An address, with or without a port, that of IPv6 with or without brackets.
fn address(text: &str) -> Hop {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = bare
        .unwrap_or(text)
        .parse()
        .or_else(|_| text.parse().map(|address: SocketAddr| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[(&str, &str)]) -> Client {
        let trusted =
            ["10.0.0.0/8", "2001:db8:ff::/48", "127.0.0.1/32"].map(|net| net.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        client(&headers, &trusted)
    }

    fn at(text: &str) -> Client {
        Client::Address(text.parse().unwrap())
    }

    const X: &str = "X-Forwarded-For";
    const F: &str = "Forwarded";

    #[test]
    fn the_last_address_that_is_not_trusted_is_the_clients() {
        for (value, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1, 10.0.0.7", "192.0.2.1"),
            ("192.0.2.9, 192.0.2.1, 10.0.0.7,10.0.0.8", "192.0.2.1"),
            ("rubbish, 192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711, 2001:db8:ff::1", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("192.0.2.1,, ,", "192.0.2.1"),
            // All are trusted: it began at the first.
            ("10.0.0.9, 10.0.0.7", "10.0.0.9"),
        ] {
            assert_eq!(of(&[(X, value)]), at(expected), "{value}");
        }
        let lines = [(X, "192.0.2.9"), (X, "192.0.2.1"), (X, "10.0.0.7")];
        assert_eq!(of(&lines), at("192.0.2.1"));
    }

    #[test]
    fn the_standard_header_is_read_as_its_rfc_says() {
        for (value, expected) in [
            ("for=192.0.2.1", "192.0.2.1"),
            ("For=192.0.2.1;proto=http;by=203.0.113.43", "192.0.2.1"),
            ("proto=https; for=192.0.2.1", "192.0.2.1"),
            ("for=192.0.2.9, for=192.0.2.1 , for=10.0.0.7", "192.0.2.1"),
            ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=\"192.0.2.1\\:80\"", "192.0.2.1"),
            ("for=\"a,b;c\\\"\", for=192.0.2.1", "192.0.2.1"),
            ("for=unknown, for=192.0.2.1", "192.0.2.1"),
            (", ;for=192.0.2.1;,", "192.0.2.1"),
            ("for=192.0.2.1:4711", "192.0.2.1"),
        ] {
            assert_eq!(of(&[(F, value)]), at(expected), "{value}");
        }
    }

    #[test]
    fn what_cannot_be_read_names_nobody() {
        for value in [
            "",
            ",",
            "unknown",
            "192.0.2.1, _hidden",
            "192.0.2.1.5",
            "192.0.2.1 192.0.2.2",
            "fe80::1%eth0",
            "é",
            "192.0.2.9, x, 10.0.0.7",
        ] {
            assert_eq!(of(&[(X, value)]), Client::Unknown, "{value}");
        }
        for value in [
            "",
            "for",
            "for=",
            "=192.0.2.1",
            "for=192.0.2.1 x",
            "for=\"192.0.2.1",
            "for=192.0.2.1;for=192.0.2.2",
            "for=192.0.2.9, proto=http",
            "for=192.0.2.9, for=unknown",
            "for=192.0.2.9, for=\"_gazonk\"",
            "for=[2001:db8::1]",
            "for=\"\\",
        ] {
            assert_eq!(of(&[(F, value)]), Client::Unknown, "{value}");
        }
        assert_eq!(of(&[]), Client::Proxy);
    }

    #[test]
    fn two_headers_that_disagree_name_nobody() {
        assert_eq!(
            of(&[(X, "192.0.2.1"), (F, "for=192.0.2.1")]),
            at("192.0.2.1")
        );
        for forged in ["for=192.0.2.2", "for=10.0.0.7", "rubbish"] {
            assert_eq!(of(&[(X, "192.0.2.1"), (F, forged)]), Client::Unknown);
        }
        for forged in ["192.0.2.2", "127.0.0.1", "rubbish"] {
            assert_eq!(of(&[(X, forged), (F, "for=192.0.2.1")]), Client::Unknown);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_header_is_too_much(x in "[ -~]{0,60}", f in "(for=|by=|[a-z\",;=\\\\:0-9. \\[\\]]){0,30}") {
            for name in [X, F] {
                for value in [&x, &f] {
                    let mut headers = HeaderMap::new();
                    let name: HeaderName = name.parse().unwrap();
                    headers.append(name.clone(), value.parse().unwrap());
                    headers.append(name, "192.0.2.1".parse().unwrap());
                    let _ = client(&headers, &[]);
                }
            }
        }

        #[test]
        fn whatever_a_client_sends_the_proxys_word_counts(forged in "[ -~]{0,60}") {
            // A line of its own, as some proxies write it, or behind what came.
            let own = of(&[(X, &forged), (X, "192.0.2.1")]);
            proptest::prop_assert_eq!(own, at("192.0.2.1"));
            let behind = of(&[(X, &format!("{forged}, 192.0.2.1"))]);
            proptest::prop_assert_eq!(behind, at("192.0.2.1"));
            let own = of(&[(F, &forged), (F, "for=192.0.2.1")]);
            proptest::prop_assert_eq!(own, at("192.0.2.1"));
            let behind = of(&[(F, &format!("{forged}, for=192.0.2.1"))]);
            proptest::prop_assert!([at("192.0.2.1"), Client::Unknown].contains(&behind));
        }
    }
}
