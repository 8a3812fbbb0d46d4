//! Which local addresses a connection binds, and which servers it asks.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs},
};

use ahoy_contract::wire::IceServer;
use rtc::peer_connection::configuration::RTCIceServer;
use tracing::{debug, warn};

use super::BindPolicy;

/// Each address costs a socket, and a pair with every candidate of the peer.
const MAX_ADDRESSES: usize = 8;

/// The addresses to bind, looked up each time that sockets are bound: an ICE restart after a change of
/// network finds the new ones.
#[derive(Debug)]
pub(super) struct LocalAddresses(pub(super) BindPolicy);

impl ToSocketAddrs for LocalAddresses {
    type Iter = std::vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(local_addresses(&self.0).into_iter())
    }
}

/// What a connection made now would be bound to, for whoever wants to know whether that changes.
pub fn bound_addresses(policy: &BindPolicy) -> BTreeSet<IpAddr> {
    let addresses = local_addresses(policy).into_iter();
    addresses.map(|address| address.ip()).collect()
}

/// Each with a port of the system's choice.
fn local_addresses(policy: &BindPolicy) -> Vec<SocketAddr> {
    let mut addresses: Vec<IpAddr> = match policy {
        BindPolicy::Addresses(addresses) => addresses.clone(),
        BindPolicy::Loopback => vec![Ipv4Addr::LOCALHOST.into()],
        BindPolicy::All => {
            let mut found: Vec<IpAddr> = match if_addrs::get_if_addrs() {
                Ok(interfaces) => interfaces
                    .iter()
                    .filter(|interface| !interface.is_link_local() && !interface.is_loopback())
                    .map(if_addrs::Interface::ip)
                    .collect(),
                Err(error) => {
                    warn!(%error, "the network interfaces cannot be listed");
                    Vec::new()
                }
            };
            // IPv4 first: where only some fit, the ones that most peers reach.
            found.sort_by_key(IpAddr::is_ipv6);
            found.truncate(MAX_ADDRESSES - 1);
            found.push(Ipv4Addr::LOCALHOST.into());
            found
        }
    };
    addresses.dedup();
    addresses
        .into_iter()
        .map(|address| SocketAddr::new(address, 0))
        .collect()
}

/// The servers that the library can use; the others are left out with a warning.
pub(super) fn ice_servers(servers: &[IceServer]) -> Vec<RTCIceServer> {
    let usable = |server: &IceServer, url: &String| {
        let reason = if url.starts_with("stun:") {
            None
        } else if !url.starts_with("turn:") {
            Some("only stun: and turn: are supported")
        } else if url.contains("transport=tcp") {
            Some("TURN over TCP is not supported")
        } else if url.contains('[') {
            Some("an IPv6 address as a TURN server is not supported")
        } else if server.username.is_none() || server.credential.is_none() {
            Some("TURN needs a user and a password")
        } else {
            None
        };
        if let Some(reason) = reason {
            warn!(reason, "a server for ICE is left out");
            debug!(url, "the server that is left out");
        }
        reason.is_none()
    };
    servers
        .iter()
        .filter_map(|server| {
            let urls: Vec<String> = server
                .urls
                .iter()
                .filter(|url| usable(server, url))
                .cloned()
                .collect();
            (!urls.is_empty()).then(|| RTCIceServer {
                urls,
                username: server.username.clone().unwrap_or_default(),
                credential: server.credential.clone().unwrap_or_default(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_always_among_all_addresses_and_no_link_local_one() {
        let all = local_addresses(&BindPolicy::All);
        assert!(all.contains(&SocketAddr::from(([127, 0, 0, 1], 0))));
        assert!(all.len() <= MAX_ADDRESSES);
        assert!(!all.iter().any(|address| match address.ip() {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        }));
    }

    #[test]
    fn servers_that_cannot_be_used_are_left_out() {
        let server = |url: &str, user: Option<&str>| IceServer {
            urls: vec![url.to_owned()],
            username: user.map(str::to_owned),
            credential: user.map(str::to_owned),
        };
        let servers = [
            server("stun:stun.example:3478", None),
            server("turn:turn.example", Some("u")),
            server("turn:turn.example", None),
            server("turns:turn.example", Some("u")),
            server("turn:turn.example?transport=tcp", Some("u")),
            server("rubbish", Some("u")),
        ];
        let usable = ice_servers(&servers);
        let urls: Vec<&str> = usable
            .iter()
            .map(|server| server.urls[0].as_str())
            .collect();
        assert_eq!(urls, ["stun:stun.example:3478", "turn:turn.example"]);
    }
}
