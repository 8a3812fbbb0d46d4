//! Which of this machine's addresses others can reach. Pure but for [`list`].

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// An address of this machine and the interface that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// The address.
    pub(crate) ip: IpAddr,
    /// The interface's name.
    pub(crate) interface: String,
}

impl Address {
    /// The address as a host in a URL.
    pub(crate) fn host(&self) -> String {
        match self.ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        }
    }
}

/// The addresses of this machine that others may reach, the likeliest first.
pub(crate) fn list() -> Vec<Address> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let all = interfaces.into_iter().map(|interface| Address {
        ip: interface.ip(),
        interface: interface.name,
    });
    reachable(all.collect(), outward())
}

/// The address from which packets leave for the internet. No packet is sent: connecting a UDP socket
/// only asks the routing table.
fn outward() -> Option<IpAddr> {
    // TEST-NET-1 (RFC 5737): a public address that belongs to nobody.
    let nobody = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 9));
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(nobody).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// What of `all` others may reach: no loopback and no link-local addresses. First the one that leads
/// `outward`, then real networks before those of containers and virtual machines, IPv4 before IPv6.
fn reachable(all: Vec<Address>, outward: Option<IpAddr>) -> Vec<Address> {
    let mut addresses: Vec<Address> = Vec::new();
    for address in all {
        let known = addresses.iter().any(|other| other.ip == address.ip);
        if is_reachable(address.ip) && !known {
            addresses.push(address);
        }
    }
    addresses.sort_by_key(|address| {
        (
            Some(address.ip) != outward,
            is_virtual(&address.interface),
            address.ip.is_ipv6(),
        )
    });
    addresses
}

fn is_reachable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !(ip.is_loopback() || ip.is_link_local() || ip.is_unspecified()),
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified()),
    }
}

/// Networks that end inside this machine, by the names that their makers give them.
fn is_virtual(interface: &str) -> bool {
    const HEADS: [&str; 9] = [
        "docker",
        "br-",
        "veth",
        "virbr",
        "vmnet",
        "vboxnet",
        "vEthernet",
        "lxc",
        "podman",
    ];
    HEADS.iter().any(|head| interface.starts_with(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[(&str, &str)]) -> Vec<Address> {
        list.iter()
            .map(|(interface, ip)| Address {
                ip: ip.parse().unwrap(),
                interface: (*interface).into(),
            })
            .collect()
    }

    #[test]
    fn the_likeliest_comes_first_and_what_nobody_reaches_not_at_all() {
        let all = addresses(&[
            ("lo", "127.0.0.1"),
            ("lo", "::1"),
            ("docker0", "172.17.0.1"),
            ("eth0", "169.254.3.4"),
            ("eth0", "fe80::1"),
            ("eth0", "fd00::5"),
            ("eth0", "192.168.1.20"),
            ("wlan0", "10.0.0.7"),
            ("wlan0", "10.0.0.7"),
        ]);
        let hosts = |outward: Option<&str>| -> Vec<String> {
            let outward = outward.map(|ip| ip.parse().unwrap());
            reachable(all.clone(), outward)
                .iter()
                .map(Address::host)
                .collect()
        };
        assert_eq!(
            hosts(Some("10.0.0.7")),
            ["10.0.0.7", "192.168.1.20", "[fd00::5]", "172.17.0.1"]
        );
        assert_eq!(
            hosts(None),
            ["192.168.1.20", "10.0.0.7", "[fd00::5]", "172.17.0.1"]
        );
    }
}
