//! The addresses that a packet travels between.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// A way between this end and the peer: one of its own sockets, the TURN server on the way if there is one, and the
/// peer's address as this end or that server sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    /// The address of the own socket.
    pub local: SocketAddr,
    /// The TURN server that relays (RFC 8656); `None`: the path is direct.
    pub relay: Option<SocketAddr>,
    /// The peer's address.
    pub remote: SocketAddr,
}

impl Path {
    /// A path without a relay.
    pub fn direct(local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            local: plain(local),
            relay: None,
            remote: plain(remote),
        }
    }

    /// A path through the TURN server `relay`.
    pub fn relayed(local: SocketAddr, relay: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            local: plain(local),
            relay: Some(plain(relay)),
            remote: plain(remote),
        }
    }

    /// Where the socket sends a datagram for this path.
    pub fn destination(&self) -> SocketAddr {
        self.relay.unwrap_or(self.remote)
    }

    /// Returns whether both ends seem to be in one network, by the first 24 bits of an IPv4 address or 64 of an IPv6
    /// address.
    pub(super) fn is_near(&self) -> bool {
        match (self.local.ip(), self.remote.ip()) {
            _ if self.relay.is_some() => false,
            (IpAddr::V4(local), IpAddr::V4(remote)) => local.octets()[..3] == remote.octets()[..3],
            (IpAddr::V6(local), IpAddr::V6(remote)) => {
                local.segments()[..4] == remote.segments()[..4]
            }
            _ => false,
        }
    }
}

/// The address without flow label and scope, which differ between what is signalled and what the system reports.
fn plain(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(v6) => SocketAddrV6::new(*v6.ip(), v6.port(), 0, 0).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_of_an_address_makes_no_other_path() {
        let scoped: SocketAddr = SocketAddrV6::new([1; 8].into(), 9, 7, 3).into();
        let bare: SocketAddr = SocketAddrV6::new([1; 8].into(), 9, 0, 0).into();
        assert_eq!(Path::direct(scoped, scoped), Path::direct(bare, bare));
        let relayed = Path::relayed(bare, scoped, scoped);
        assert_eq!(relayed.destination(), bare);
        assert_ne!(relayed, Path::direct(bare, bare));
    }
}
