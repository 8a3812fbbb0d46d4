//! How far away an address is, as far as it says so itself. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ahoy_contract::{link::RelayAddress, ui::Reach};

/// The head of a label with letters outside ASCII (RFC 5890 §2.3.2.1).
const A_LABEL: &str = "xn--";

/// The ends of names that exist only in local networks: `.local` (RFC 6762 §3), `.home.arpa` (RFC 8375), `.internal`
/// (reserved by ICANN in 2024), and those that routers are delivered with.
const LOCAL_ENDS: [&str; 6] = [
    ".local",
    ".home.arpa",
    ".internal",
    ".lan",
    ".home",
    ".localdomain",
];

/// Returns how far away a relay is. Names are not looked up: one that says nothing counts as far away.
pub(super) fn reach_of(relay: &RelayAddress) -> Reach {
    let host = relay.host.trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => reach_of_v4(ip),
        Ok(IpAddr::V6(ip)) => reach_of_v6(ip),
        Err(_) => reach_of_name(host.trim_end_matches('.')),
    }
}

/// Returns whether a name has labels with letters outside ASCII.
pub(super) fn is_international(host: &str) -> bool {
    host.split('.').any(|label| label.starts_with(A_LABEL))
}

fn reach_of_v4(ip: Ipv4Addr) -> Reach {
    // RFC 6598 §7: between a provider and its customers; meshes of a user's own machines use it too.
    let [first, second, ..] = ip.octets();
    let shared = first == 100 && second & 0xc0 == 64;
    if ip.is_loopback() || ip.is_unspecified() {
        Reach::ThisComputer
    } else if ip.is_private() || ip.is_link_local() || shared {
        Reach::ThisNetwork
    } else {
        Reach::Internet
    }
}

fn reach_of_v6(ip: Ipv6Addr) -> Reach {
    if let Some(ip) = ip.to_ipv4_mapped() {
        reach_of_v4(ip)
    } else if ip.is_loopback() || ip.is_unspecified() {
        Reach::ThisComputer
    } else if ip.is_unique_local() || ip.is_unicast_link_local() {
        Reach::ThisNetwork
    } else {
        Reach::Internet
    }
}

fn reach_of_name(name: &str) -> Reach {
    if name == "localhost" || name.ends_with(".localhost") {
        Reach::ThisComputer
    } else if !name.contains('.') || LOCAL_ENDS.iter().any(|end| name.ends_with(end)) {
        Reach::ThisNetwork
    } else {
        Reach::Internet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a link has it: the URL standard brings all ways to write a host into one form.
    fn reach(host: &str) -> Reach {
        reach_of(&RelayAddress::parse(&format!("https://{host}")).unwrap())
    }

    #[test]
    fn an_address_says_how_far_away_it_is_however_it_is_written() {
        for (expected, hosts) in [
            (
                Reach::ThisComputer,
                &[
                    "127.0.0.1",
                    "127.9.9.9",
                    "2130706433",
                    "0x7f.1",
                    "0.0.0.0",
                    "[::1]",
                    "[::]",
                    "[::ffff:127.0.0.1]",
                    "localhost",
                    "LOCALHOST.",
                    "a.localhost",
                ][..],
            ),
            (
                Reach::ThisNetwork,
                &[
                    "10.0.0.1",
                    "172.16.0.1",
                    "192.168.1.20:3002",
                    "169.254.169.254",
                    "100.64.0.1",
                    "100.127.255.255",
                    "[fd00::5]:3002",
                    "[fe80::1]",
                    "[::ffff:192.168.1.1]",
                    "printer",
                    "nas.local",
                    "nas.Home.Arpa.",
                    "db.internal",
                ],
            ),
            (
                Reach::Internet,
                &[
                    "example.org",
                    "172.32.0.1",
                    "100.128.0.1",
                    "100.63.255.255",
                    "[2001:db8::1]",
                    "[::ffff:93.184.216.34]",
                    "local.example",
                    "notlocalhost.example",
                    "bücher.example",
                ],
            ),
        ] {
            for host in hosts {
                assert_eq!(reach(host), expected, "{host}");
            }
        }
    }

    #[test]
    fn a_name_with_letters_outside_ascii_is_told_apart() {
        for (host, expected) in [
            ("xn--bcher-kva.example", true),
            ("relay.xn--p1ai", true),
            ("example.org", false),
            ("xn.example", false),
            ("axn--b.example", false),
        ] {
            assert_eq!(is_international(host), expected, "{host}");
        }
    }
}
