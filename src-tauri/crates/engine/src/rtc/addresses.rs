//! Which local addresses a connection binds, and which addresses it sends to.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
};

use tracing::warn;

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

/// Returns whether an address is one host's, so that packets may be sent there: not multicast, broadcast or unspecified,
/// nor an IPv4 address in the form of IPv6, which candidates must not be (RFC 8445 §5.1.1.1) and which would be another
/// way to write one of those.
pub(super) fn is_unicast(ip: IpAddr) -> bool {
    match ip {
        // 0.0.0.0/8 and 240.0.0.0/4, with the broadcast address, belong to nobody (RFC 6890 §2.2.2).
        IpAddr::V4(ip) => !ip.is_multicast() && ip.octets()[0] != 0 && ip.octets()[0] < 240,
        IpAddr::V6(ip) => {
            let is_embedded = ip.to_ipv4().is_some() && ip != Ipv6Addr::LOCALHOST;
            !ip.is_multicast() && !ip.is_unspecified() && !is_embedded
        }
    }
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
    fn only_addresses_of_one_host_are_unicast() {
        let unicast = |ip: &str| is_unicast(ip.parse().unwrap());
        for ip in [
            "192.0.2.1",
            "127.0.0.1",
            "10.0.0.255",
            "::1",
            "2001:db8::1",
            "64:ff9b::1",
        ] {
            assert!(unicast(ip), "{ip}");
        }
        for ip in [
            "0.0.0.0",
            "0.9.9.9",
            "224.0.0.1",
            "239.1.2.3",
            "240.1.2.3",
            "255.255.255.255",
            "::",
            "ff02::1",
            "::ffff:192.0.2.1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
        ] {
            assert!(!unicast(ip), "{ip}");
        }
    }
}
