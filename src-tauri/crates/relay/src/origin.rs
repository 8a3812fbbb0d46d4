//! PURE. Which pages may open a socket.
//!
//! Browsers say which page opens a socket (`Origin`, RFC 6455 §10.2) and would let any page open one; so
//! only the relay's own page and the origins that its operator named are let in. Programs send none.

use std::{fmt, net::IpAddr};

use url::Url;

/// Scheme, host and port of a page or a relay (RFC 6454 §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// The origin of an address, for `http` and `https` only.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        Some(Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }

    /// The relay as a request names it, in its `Host` header.
    pub(crate) fn of_host(host: &str, secure: bool) -> Option<Self> {
        let scheme = if secure { "https" } else { "http" };
        let url = Url::parse(&format!("{scheme}://{host}")).ok()?;
        // A host that brings a path, a user or a query of its own is none.
        let bare = url.path() == "/"
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if bare { Self::of(&url) } else { None }
    }

    /// The origin that the text of an `Origin` header names.
    pub(crate) fn read(text: &str) -> Option<Self> {
        Url::parse(text).ok().as_ref().and_then(Self::of)
    }

    /// Whether the text of an `Origin` header names this origin.
    pub(crate) fn is_named_by(&self, origin: &str) -> bool {
        Self::read(origin).as_ref() == Some(self)
    }

    /// Returns the TCP port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the IP address that stands for the host; `None` where that is a name.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host.parse().ok()
    }

    /// The source expression (CSP level 3 §2.3.1) of the sockets of this origin.
    pub(crate) fn socket_source(&self) -> String {
        let scheme = if self.scheme == "https" { "wss" } else { "ws" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }
}

/// `SCHEME://HOST[:PORT]`, as a browser writes it: the scheme's own port is left out (RFC 6454 §6.2).
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        match (self.scheme.as_str(), self.port) {
            ("https", 443) | ("http", 80) => Ok(()),
            (_, port) => write!(f, ":{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_scheme_host_and_port_are_the_same_origin() {
        for (host, secure, origin, same) in [
            ("127.0.0.1:3002", false, "http://127.0.0.1:3002", true),
            ("127.0.0.1:3002", false, "https://127.0.0.1:3002", false),
            ("127.0.0.1:3002", false, "http://127.0.0.1:3003", false),
            ("127.0.0.1:3002", false, "http://localhost:3002", false),
            ("example.org", true, "https://example.org", true),
            ("Example.org:443", true, "https://example.org", true),
            ("example.org", true, "https://example.org.evil.test", false),
            ("example.org", true, "https://evil.test/example.org", false),
            ("[::1]:3002", true, "https://[::1]:3002", true),
            ("example.org", true, "null", false),
            ("example.org", true, "", false),
            ("example.org", true, "file:///x", false),
        ] {
            let own = Origin::of_host(host, secure).unwrap();
            assert_eq!(own.is_named_by(origin), same, "{host} {origin}");
        }
    }

    #[test]
    fn a_host_that_is_more_than_a_host_is_none() {
        for host in [
            "",
            "a b",
            "u@example.org",
            "example.org/x",
            "example.org?x",
            "example.org#x",
            ":80",
        ] {
            assert_eq!(Origin::of_host(host, true), None, "{host}");
        }
    }

    #[test]
    fn an_origin_is_written_as_links_write_it() {
        for text in [
            "https://example.org",
            "https://example.org:3002",
            "http://127.0.0.1:3002",
            "https://[::1]:3002",
            "http://localhost",
        ] {
            let origin = Origin::of(&Url::parse(text).unwrap()).unwrap();
            assert_eq!(origin.to_string(), text);
            let address = ahoy_contract::link::RelayAddress::parse(text).unwrap();
            assert_eq!(address.origin(), text);
        }
    }

    #[test]
    fn an_address_is_told_from_a_name() {
        for (text, address) in [
            ("http://203.0.113.9:81", Some("203.0.113.9")),
            ("https://[2001:db8::9]", Some("2001:db8::9")),
            // As browsers read it (URL Standard, IPv4 parser).
            ("http://3405803785", Some("203.0.113.9")),
            ("http://203.0.113.9.example.org", None),
            ("http://localhost", None),
        ] {
            let expected = address.map(|text| text.parse().unwrap());
            assert_eq!(Origin::read(text).unwrap().address(), expected, "{text}");
        }
    }

    #[test]
    fn its_sockets_can_be_named_in_a_policy() {
        let own = Origin::of_host("example.org", true).unwrap();
        assert_eq!(own.socket_source(), "wss://example.org:443");
    }
}
