//! PURE. By which names a relay may be spoken to.
//!
//! A page of another site can have its own name lead to the relay's address (DNS rebinding), and is of the same origin
//! as the relay then, to the browser. What it cannot change is the name that the browser sends as `Host`: so a name is
//! taken only where it is known to be the relay's. For this a page needs a name; an IP address, `localhost` and what ends
//! in `.localhost` (RFC 6761 §6.3) lead nowhere else.

use std::net::IpAddr;

use ahoy_contract::id::Pin;
use url::{Host, Url};

use crate::origin::Origin;

/// The names and origins that a relay's operator has given it.
#[derive(Debug)]
pub(crate) struct KnownNames {
    /// Where others reach the relay.
    public: Vec<Origin>,
    /// The PINs behind `#` of those: of the keys of proxies in front.
    public_pins: Vec<String>,
    /// What requests may name: the hosts of those, and of the pages that may open sockets.
    hosts: Vec<String>,
}

/// What is known of a connection's own end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached<'a> {
    /// Spoken to by TLS.
    pub(crate) secure: bool,
    /// The address that the client connected to.
    pub(crate) local: IpAddr,
    /// The names of the certificate, where there is one.
    pub(crate) certificate: &'a [String],
    /// The PIN of its key.
    pub(crate) pin: Option<&'a Pin>,
}

impl KnownNames {
    /// Of a relay that is reached at these addresses, and whose sockets pages of these origins may open.
    pub(crate) fn new(public: &[Url], allowed: &[Url]) -> Self {
        let hosts = public.iter().chain(allowed).filter_map(Url::host);
        Self {
            public: public.iter().filter_map(Origin::of).collect(),
            public_pins: public
                .iter()
                .filter_map(|url| Some(url.fragment()?.to_owned()))
                .collect(),
            hosts: hosts.map(|host| bare(&host.to_string())).collect(),
        }
    }

    /// Whether a request may name this host (with or without a port) at such a connection.
    pub(crate) fn knows(&self, host: &str, reached: Reached<'_>) -> bool {
        match host_of(host) {
            None => false,
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            Some(Host::Domain(name)) => {
                let name = bare(&name);
                is_localhost(&name)
                    || self.hosts.contains(&name)
                    || reached.certificate.iter().any(|own| covers(own, &name))
            }
        }
    }

    /// The origins whose pages are the relay's own, as its operator names it and as a request for a known host does.
    pub(crate) fn page_origins(&self, host: Option<&str>, secure: bool) -> Vec<Origin> {
        let named = host.and_then(|host| Origin::of_host(host, secure));
        self.public.iter().cloned().chain(named).collect()
    }

    /// The origins (`https://HOST[:PORT]`, as `RelayAddress::origin` writes them) that lead to this relay and to no other:
    /// what a client that came by a request for this host may have been told that the relay is.
    ///
    /// They are fewer than a request may name. Where somebody in between sends the `Host` that he likes, an IP address in
    /// it may be his own; so one counts only where the client connected to it, or the certificate vouches for it. A proxy
    /// may name any host, so the operator's addresses are always among them.
    pub(crate) fn relay_origins(&self, host: Option<&str>, reached: Reached<'_>) -> Vec<String> {
        let own = host.filter(|host| self.is_only_here(host, reached));
        let own = own.and_then(|host| Origin::of_host(host, reached.secure));
        let mut origins: Vec<_> = self.public.iter().map(Origin::to_string).collect();
        for origin in own.iter().map(Origin::to_string) {
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        origins
    }

    /// Returns the names by which a host's proof may mean this relay
    /// ([`create_bytes`](ahoy_contract::create_bytes)): its origins, as [`relay_origins`](Self::relay_origins) has them,
    /// and the PINs of its key and of proxies in front.
    pub(crate) fn names_in_proofs(&self, host: Option<&str>, reached: Reached<'_>) -> Vec<String> {
        let mut names = self.relay_origins(host, reached);
        names.extend(reached.pin.map(Pin::to_text));
        names.extend(self.public_pins.iter().cloned());
        names
    }

    fn is_only_here(&self, host: &str, reached: Reached<'_>) -> bool {
        let local = reached.local.to_canonical();
        let address: IpAddr = match host_of(host) {
            None => return false,
            Some(Host::Domain(name)) if is_localhost(&bare(&name)) => return local.is_loopback(),
            Some(Host::Domain(_)) => return self.knows(host, reached),
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
        };
        let address = address.to_canonical();
        let vouched = reached
            .certificate
            .iter()
            .filter_map(|name| name.parse().ok());
        // All of loopback is this computer.
        address == local
            || address.is_loopback() && local.is_loopback()
            || vouched.into_iter().any(|own: IpAddr| own == address)
    }
}

// The host of what a `Host` header says.
fn host_of(host: &str) -> Option<Host<String>> {
    Origin::of_host(host, false)?;
    let url = Url::parse(&format!("http://{host}")).ok()?;
    url.host().map(|host| host.to_owned())
}

// A name may end in a dot, which says only that it is complete.
fn bare(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

// Whether a certificate's name covers this one (RFC 9525 §6.3): `*` stands for one label, the first.
fn covers(own: &str, name: &str) -> bool {
    let own = bare(own);
    match own.strip_prefix("*.") {
        Some(parent) => name
            .split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
        None => own == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(public: &[&str], allowed: &[&str]) -> KnownNames {
        let urls = |texts: &[&str]| -> Vec<Url> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        KnownNames::new(&urls(public), &urls(allowed))
    }

    fn plain(local: &str) -> Reached<'static> {
        Reached {
            secure: false,
            local: local.parse().unwrap(),
            certificate: &[],
            pin: None,
        }
    }

    #[test]
    fn without_a_word_of_its_operator_a_relay_knows_no_names() {
        let known = names(&[], &[]);
        for (host, is_known) in [
            ("127.0.0.1:3002", true),
            ("127.0.0.1", true),
            ("[::1]:3002", true),
            ("192.0.2.1", true),
            ("[2001:db8::1]", true),
            ("localhost:3002", true),
            ("LOCALHOST.", true),
            ("ahoy.localhost:3002", true),
            ("evil.example.org:3002", false),
            ("localhost.example.org", false),
            ("notlocalhost", false),
            ("127.0.0.1.example.org", false),
            ("", false),
            ("a b", false),
            ("user@127.0.0.1", false),
            ("127.0.0.1/x", false),
            ("127.0.0.1:99999", false),
        ] {
            assert_eq!(known.knows(host, plain("127.0.0.1")), is_known, "{host}");
        }
    }

    #[test]
    fn what_the_operator_and_the_certificate_name_is_known() {
        let known = names(
            &["https://Ahoy.example.org", "http://relay:3002"],
            &["https://pages.example.net:8443"],
        );
        let certificate =
            ["chat.example.com", "*.wild.example.com", "192.0.2.1"].map(str::to_owned);
        let reached = Reached {
            secure: true,
            certificate: &certificate,
            ..plain("192.0.2.7")
        };
        for (host, is_known) in [
            ("ahoy.example.org", true),
            ("AHOY.example.org.:8443", true),
            ("relay:3002", true),
            ("pages.example.net", true),
            ("chat.example.com:443", true),
            ("a.wild.example.com", true),
            ("a.b.wild.example.com", false),
            ("wild.example.com", false),
            (".wild.example.com", false),
            ("example.org", false),
            ("x.ahoy.example.org", false),
        ] {
            assert_eq!(known.knows(host, reached), is_known, "{host}");
        }
        assert!(!known.knows("chat.example.com", plain("192.0.2.7")));
    }

    #[test]
    fn the_origins_of_a_relay_lead_to_no_other() {
        let known = names(
            &["https://ahoy.example.org"],
            &["https://pages.example.net"],
        );
        let own = "https://ahoy.example.org".to_owned();
        let certificate = ["192.0.2.1", "chat.example.com"].map(str::to_owned);
        for (host, reached, more) in [
            // Behind a proxy, which writes the host that it likes.
            (
                "127.0.0.1:3002",
                plain("127.0.0.1"),
                Some("http://127.0.0.1:3002"),
            ),
            (
                "ahoy.example.org",
                plain("127.0.0.1"),
                Some("http://ahoy.example.org"),
            ),
            (
                "localhost:3002",
                plain("::1"),
                Some("http://localhost:3002"),
            ),
            ("localhost:3002", plain("192.0.2.7"), None),
            ("127.0.0.1", plain("192.0.2.7"), None),
            ("192.0.2.66", plain("192.0.2.7"), None),
            (
                "192.0.2.7:3002",
                plain("::ffff:192.0.2.7"),
                Some("http://192.0.2.7:3002"),
            ),
            ("evil.example.org", plain("192.0.2.7"), None),
            ("", plain("192.0.2.7"), None),
        ] {
            let mut expected = vec![own.clone()];
            expected.extend(more.map(str::to_owned));
            assert_eq!(known.relay_origins(Some(host), reached), expected, "{host}");
        }
        let reached = Reached {
            secure: true,
            certificate: &certificate,
            ..plain("10.0.0.7")
        };
        for (host, more) in [
            ("ahoy.example.org:443", None),
            ("chat.example.com:443", Some("https://chat.example.com")),
            (
                "Chat.example.com:8443",
                Some("https://chat.example.com:8443"),
            ),
            // Its router forwards a port.
            ("192.0.2.1", Some("https://192.0.2.1")),
            ("192.0.2.2", None),
        ] {
            let mut expected = vec![own.clone()];
            expected.extend(more.map(str::to_owned));
            assert_eq!(known.relay_origins(Some(host), reached), expected, "{host}");
        }
        assert_eq!(known.relay_origins(None, reached), [own]);
    }

    #[test]
    fn origins_are_written_as_links_write_them() {
        for text in [
            "https://example.org",
            "https://example.org:8443",
            "https://[fd00::1]:3002",
            "http://127.0.0.1:3002",
            "http://localhost",
        ] {
            let address = ahoy_contract::link::RelayAddress::parse(text).unwrap();
            let known = names(&[text], &[]);
            let origins = known.relay_origins(None, plain("127.0.0.1"));
            assert_eq!(origins, [address.origin()]);
        }
    }
}
