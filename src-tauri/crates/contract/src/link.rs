//! The link of a room: `https://HOST[:PORT]/r/ROOM#SECRET[.PIN]`.
//!
//! `ahoy://` is the same for the app; `http://` only for loopback. What stands behind `#` never goes
//! to the relay.

use std::{fmt, str::FromStr};

use url::{Host, Url};

use crate::id::{Pin, RoomId, Secret};

/// The longest text that is read as a link or as a relay's address, in bytes: the longest name of a host (RFC 1035
/// §2.3.4) with all that a link has besides is a quarter of it.
pub const MAX_LINK_BYTES: usize = 2048;

/// The port that `https` means where a link names none.
const HTTPS_PORT: u16 = 443;
/// The port that `http` means where a link names none.
const HTTP_PORT: u16 = 80;

/// Where a relay is and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelayAddress {
    /// By TLS; without it only on loopback.
    pub secure: bool,
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// A link, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The relay.
    pub relay: RelayAddress,
    /// The room.
    pub room: RoomId,
    /// The secret that both ends prove their signals with.
    pub secret: Secret,
    /// The relay's public key, when its certificate is self-signed.
    pub pin: Option<Pin>,
}

/// Why a text is no link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It is no address at all, or one of something else.
    #[error("This is not an Ahoy link.")]
    NotALink,
    /// It would be spoken to without TLS, over a network.
    #[error("This link is not secure: it must begin with https or ahoy.")]
    Insecure,
    /// The part behind `#` is missing or cut.
    #[error("This link is incomplete: the part behind # is missing or cut off.")]
    Incomplete,
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

impl RelayAddress {
    /// Reads `https://HOST[:PORT]`, `ahoy://HOST[:PORT]` or, for loopback, `http://HOST[:PORT]`;
    /// the address of a relay without a room. A path other than `/` is refused.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let url = parse_url(text)?;
        match url.path() {
            "" | "/" => Self::of_url(&url),
            _ => Err(LinkError::NotALink),
        }
    }

    fn of_url(url: &Url) -> Result<Self, LinkError> {
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(LinkError::NotALink);
        }
        let host = url.host().ok_or(LinkError::NotALink)?;
        let secure = match url.scheme() {
            "https" => true,
            "http" if is_loopback(&host) => false,
            "http" => return Err(LinkError::Insecure),
            _ => return Err(LinkError::NotALink),
        };
        let port = url
            .port()
            .unwrap_or(if secure { HTTPS_PORT } else { HTTP_PORT });
        Ok(Self {
            secure,
            host: host.to_string(),
            port,
        })
    }

    /// The address as a browser writes the origin of its pages: the default port left out.
    pub fn origin(&self) -> String {
        let (scheme, default) = if self.secure {
            ("https", HTTPS_PORT)
        } else {
            ("http", HTTP_PORT)
        };
        if self.port == default {
            format!("{scheme}://{}", self.host)
        } else {
            format!("{scheme}://{}:{}", self.host, self.port)
        }
    }

    /// The address of the relay's WebSocket.
    pub fn socket_url(&self) -> String {
        let scheme = if self.secure { "wss" } else { "ws" };
        format!("{scheme}://{}:{}/ws", self.host, self.port)
    }
}

// `ahoy` is no special scheme to the URL standard, so that it would neither parse its host nor know a
// default port: it is read as `https`, which it stands for.
fn parse_url(text: &str) -> Result<Url, LinkError> {
    let text = text.trim();
    if text.len() > MAX_LINK_BYTES {
        return Err(LinkError::NotALink);
    }
    let read = match text.get(..7) {
        Some(head) if head.eq_ignore_ascii_case("ahoy://") => {
            Url::parse(&format!("https://{}", &text[7..]))
        }
        _ => Url::parse(text),
    };
    read.map_err(|_| LinkError::NotALink)
}

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let url = parse_url(text)?;
        let relay = RelayAddress::of_url(&url)?;
        let room = url.path().strip_prefix("/r/").ok_or(LinkError::NotALink)?;
        let room = room.parse().map_err(|_| LinkError::NotALink)?;
        let fragment = url.fragment().ok_or(LinkError::Incomplete)?;
        let (secret, pin) = match fragment.split_once('.') {
            Some((secret, pin)) => (
                secret,
                Some(pin.parse().map_err(|_| LinkError::Incomplete)?),
            ),
            None => (fragment, None),
        };
        let secret = secret.parse().map_err(|_| LinkError::Incomplete)?;
        Ok(Self {
            relay,
            room,
            secret,
            pin,
        })
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/r/{}#{}",
            self.relay.origin(),
            self.room,
            self.secret.to_text()
        )?;
        match &self.pin {
            Some(pin) => write!(f, ".{}", pin.to_text()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: &str = "abcdefghijklmnopqrstuvwxyz";
    const SECRET: &str = "AAECAwQFBgcICQoLDA0ODw";

    fn read(text: &str) -> Result<Link, LinkError> {
        text.parse()
    }

    #[test]
    fn a_link_survives_the_way_there_and_back() {
        let pin = Pin::new([3; 32]).to_text();
        for text in [
            format!("https://example.org/r/{ROOM}#{SECRET}"),
            format!("https://192.168.1.20:3002/r/{ROOM}#{SECRET}.{pin}"),
            format!("https://[fd00::1]:3002/r/{ROOM}#{SECRET}"),
            format!("http://127.0.0.1:3002/r/{ROOM}#{SECRET}"),
        ] {
            assert_eq!(read(&text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_apps_own_scheme_means_https() {
        let link = read(&format!(" ahoy://host:3002/r/{ROOM}#{SECRET} ")).unwrap();
        assert_eq!(link.relay.socket_url(), "wss://host:3002/ws");
    }

    #[test]
    fn what_is_cut_insecure_or_something_else_is_told_apart() {
        use LinkError::*;
        for (text, error) in [
            ("", NotALink),
            ("hello", NotALink),
            ("https://example.org/", NotALink),
            ("ftp://example.org/r/x", NotALink),
            ("javascript:alert(1)", NotALink),
            (
                &format!("https://u:p@example.org/r/{ROOM}#{SECRET}"),
                NotALink,
            ),
            (
                &format!("https://example.org/r/{ROOM}?x#{SECRET}"),
                NotALink,
            ),
            (
                &format!("https://example.org/r/{}#{SECRET}", &ROOM[1..]),
                NotALink,
            ),
            (&format!("https://example.org/r/{ROOM}"), Incomplete),
            (
                &format!("https://example.org/r/{ROOM}#{}", &SECRET[1..]),
                Incomplete,
            ),
            (
                &format!("https://example.org/r/{ROOM}#{SECRET}.abc"),
                Incomplete,
            ),
            (&format!("http://example.org/r/{ROOM}#{SECRET}"), Insecure),
            ("ahoyé://x", NotALink),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_text_without_end_is_no_link_and_no_relay() {
        let host = |length: usize| "a.".repeat(length / 2);
        assert!(read(&format!("https://{}example/r/{ROOM}#{SECRET}", host(244))).is_ok());
        for length in [MAX_LINK_BYTES, 1024 * 1024] {
            let relay = format!("https://{}example", host(length));
            assert_eq!(RelayAddress::parse(&relay), Err(LinkError::NotALink));
            assert_eq!(
                read(&format!("{relay}/r/{ROOM}#{SECRET}")),
                Err(LinkError::NotALink)
            );
        }
    }

    #[test]
    fn a_relay_is_an_address_without_a_path() {
        assert_eq!(
            RelayAddress::parse("https://example.org").unwrap().origin(),
            "https://example.org"
        );
        assert!(
            !RelayAddress::parse("http://localhost:3002/")
                .unwrap()
                .secure
        );
        assert!(RelayAddress::parse("https://example.org/x").is_err());
        assert!(RelayAddress::parse("http://example.org").is_err());
    }
}
