//! PURE. The names by which requests and proofs may call a relay.
//!
//! The owner of a domain name can make it resolve to the relay's address (DNS rebinding). A page of that name then has the
//! same origin as the relay, as browsers see it. The browser still sends the name in `Host`, so a request that names an
//! unknown host is refused. IP addresses, `localhost` and names that end in `.localhost` (RFC 6761 §6.3) are always known,
//! because nobody can make them resolve to another address.

use std::net::{IpAddr, SocketAddr};

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
    /// The hosts of those.
    hosts: Vec<String>,
    /// The hosts of the pages that may open sockets. Requests may name them, and proofs may not.
    page_hosts: Vec<String>,
}

/// What is known of a connection's own end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached<'a> {
    /// Spoken to by TLS.
    pub(crate) secure: bool,
    /// The address and port that the client connected to.
    pub(crate) local: SocketAddr,
    /// The names of the certificate, where there is one.
    pub(crate) certificate: &'a [String],
    /// The PIN of its key.
    pub(crate) pin: Option<&'a Pin>,
}

impl KnownNames {
    /// Of a relay that is reached at these addresses, and whose sockets pages of these origins may open.
    pub(crate) fn new(public: &[Url], allowed: &[Url]) -> Self {
        let hosts = |urls: &[Url]| {
            let hosts = urls.iter().filter_map(Url::host);
            hosts.map(|host| bare(&host.to_string())).collect()
        };
        Self {
            public: public.iter().filter_map(Origin::of).collect(),
            public_pins: public
                .iter()
                .filter_map(|url| Some(url.fragment()?.parse::<Pin>().ok()?.to_text()))
                .collect(),
            hosts: hosts(public),
            page_hosts: hosts(allowed),
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
                    || self.page_hosts.contains(&name)
                    || reached.is_vouched_for(&name)
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
    /// They are fewer than a request may name, because a hostile relay can pass the request on with a `Host` of its own. So
    /// the host counts only where the client connected to that address and port, or the certificate vouches for it. A name
    /// that the operator has given counts with the port that the client connected to. The operator's addresses are always
    /// among them, because a proxy may name any host.
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
        let local = reached.local.ip().to_canonical();
        let origin = Origin::of_host(host, reached.secure);
        let same_port = origin.is_some_and(|origin| origin.port() == reached.local.port());
        let address: IpAddr = match host_of(host) {
            None => return false,
            Some(Host::Domain(name)) => {
                let name = bare(&name);
                return if is_localhost(&name) {
                    same_port && local.is_loopback()
                } else {
                    same_port && self.hosts.contains(&name) || reached.is_vouched_for(&name)
                };
            }
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
        };
        let address = address.to_canonical();
        let vouched = reached
            .certificate
            .iter()
            .filter_map(|name| name.parse().ok());
        // All of loopback is this computer.
        let is_local = address == local || address.is_loopback() && local.is_loopback();
        // A router may forward another port, but nobody else has the key of the certificate.
        same_port && is_local || vouched.into_iter().any(|own: IpAddr| own == address)
    }
}

impl Reached<'_> {
    fn is_vouched_for(&self, name: &str) -> bool {
        self.certificate.iter().any(|own| covers(own, name))
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
mod tests;
