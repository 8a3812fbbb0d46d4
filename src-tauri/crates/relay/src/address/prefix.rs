//! PURE. The prefixes by which an address is counted.
//!
//! An IPv4 address counts as itself. Of IPv6 one household or server has at least a /64 to choose addresses from, often
//! a /56 and sometimes a /48 (RFC 6177): so an address counts with its /64, its /56 and its /48, and each has a limit
//! of its own.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    num::ParseIntError,
    str::FromStr,
};

use ipnet::{IpNet, Ipv6Net};

/// By how much the limit of a wider prefix is larger, where it is not given.
const WIDER: u32 = 4;

/// A limit for one address (of IPv6: one /64), for the /56 around it and for the /48.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerPrefix {
    /// For one IPv4 address, or one IPv6 /64.
    pub address: u32,
    /// For an IPv6 /56.
    pub net56: u32,
    /// For an IPv6 /48.
    pub net48: u32,
}

/// How wide a prefix is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Address,
    Net56,
    Net48,
}

/// One prefix of an address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prefix {
    pub(super) net: IpNet,
    pub(super) width: Width,
}

impl PerPrefix {
    /// A limit for one address; four times as much for a /56, and four times that for a /48.
    pub const fn of(address: u32) -> Self {
        let net56 = address.saturating_mul(WIDER);
        Self {
            address,
            net56,
            net48: net56.saturating_mul(WIDER),
        }
    }

    pub(super) fn at(self, width: Width) -> u32 {
        match width {
            Width::Address => self.address,
            Width::Net56 => self.net56,
            Width::Net48 => self.net48,
        }
    }
}

/// Writes all three, with commas between.
impl fmt::Display for PerPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{}", self.address, self.net56, self.net48)
    }
}

/// Reads `N`, `N,N56` or `N,N56,N48`; what is left out is four times the one before.
impl FromStr for PerPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split(',').map(str::parse);
        let numbers: Vec<u32> = numbers
            .collect::<Result<_, ParseIntError>>()
            .map_err(|error| error.to_string())?;
        let limits = match numbers[..] {
            [address] => Self::of(address),
            [address, net56] => Self {
                address,
                net56,
                net48: net56.saturating_mul(WIDER),
            },
            [address, net56, net48] => Self {
                address,
                net56,
                net48,
            },
            _ => return Err("it must be N, N,N or N,N,N".to_owned()),
        };
        if limits.address == 0 || limits.net56 < limits.address || limits.net48 < limits.net56 {
            return Err(
                "it must be at least 1, and no smaller for a wider prefix than for a narrower one"
                    .to_owned(),
            );
        }
        Ok(limits)
    }
}

/// The prefixes of an address, the narrowest first.
pub(super) fn prefixes(address: IpAddr) -> impl Iterator<Item = Prefix> + Clone {
    let widths: &[Width] = match address {
        IpAddr::V4(_) => &[Width::Address],
        IpAddr::V6(_) => &[Width::Address, Width::Net56, Width::Net48],
    };
    widths.iter().map(move |&width| Prefix {
        net: match address {
            IpAddr::V4(address) => IpNet::from(IpAddr::V4(address)),
            IpAddr::V6(address) => IpNet::V6(cut(address, width)),
        },
        width,
    })
}

fn cut(address: Ipv6Addr, width: Width) -> Ipv6Net {
    let length = match width {
        Width::Address => 64,
        Width::Net56 => 56,
        Width::Net48 => 48,
    };
    let mask = u128::MAX << (128 - length);
    Ipv6Net::new_assert(Ipv6Addr::from_bits(address.to_bits() & mask), length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_counts_with_three_prefixes_and_an_ipv4_address_as_itself() {
        let nets = |text: &str| -> Vec<_> {
            prefixes(text.parse().unwrap())
                .map(|prefix| prefix.net.to_string())
                .collect()
        };
        assert_eq!(
            nets("2001:db8:1234:56ab:1:2:3:4"),
            [
                "2001:db8:1234:56ab::/64",
                "2001:db8:1234:5600::/56",
                "2001:db8:1234::/48"
            ]
        );
        assert_eq!(nets("192.0.2.1"), ["192.0.2.1/32"]);
    }

    #[test]
    fn limits_are_read_and_written() {
        for (text, read) in [
            ("64", "64,256,1024"),
            ("10,20", "10,20,80"),
            ("1,1,1", "1,1,1"),
            ("4294967295", "4294967295,4294967295,4294967295"),
        ] {
            let limits: PerPrefix = text.parse().unwrap();
            assert_eq!(limits.to_string(), read);
        }
        for text in [
            "",
            "x",
            "0",
            "-1",
            "1,",
            "5,4",
            "1,2,1",
            "1,2,3,4",
            "4294967296",
        ] {
            assert!(text.parse::<PerPrefix>().is_err(), "{text}");
        }
    }
}
