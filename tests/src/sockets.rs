//! The UDP sockets of a process.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use anyhow::{Context as _, Result};

/// Lists the addresses of the UDP sockets that a process has bound, from Linux's `/proc`. Link-local ones are left out:
/// they name nobody without an interface.
///
/// # Errors
/// There is no such process, or it may not be looked at.
pub fn udp_sockets(pid: i32) -> Result<Vec<SocketAddr>> {
    let mut own = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).context("no such process")? {
        // A file may be closed while it is looked at.
        let Ok(target) = fs::read_link(entry?.path()) else {
            continue;
        };
        let target = target.to_string_lossy();
        let inode = target.strip_prefix("socket:[");
        own.extend(inode.and_then(|rest| rest.strip_suffix(']')?.parse::<u64>().ok()));
    }
    let mut sockets = Vec::new();
    for table in ["udp", "udp6"] {
        // A computer without IPv6 has no such table.
        let table = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        sockets.extend(table.lines().skip(1).filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let inode: u64 = fields.get(9)?.parse().ok()?;
            let (ip, port) = fields.get(1)?.split_once(':')?;
            let port = u16::from_str_radix(port, 16).ok()?;
            own.contains(&inode)
                .then_some(SocketAddr::new(table_ip(ip)?, port))
        }));
    }
    sockets.retain(|socket| !matches!(socket.ip(), IpAddr::V6(ip) if ip.is_unicast_link_local()));
    Ok(sockets)
}

/// Reads an IP address of such a table: hexadecimal words of 32 bits in the computer's byte order.
fn table_ip(text: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let word = u32::from_str_radix(text.get(at * 8..at * 8 + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    if text.len() == 8 {
        return Some(Ipv4Addr::from(word(0)?).into());
    }
    let words = [word(0)?, word(1)?, word(2)?, word(3)?];
    let octets: [u8; 16] = words.concat().try_into().ok()?;
    Some(Ipv6Addr::from(octets).into())
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn the_sockets_of_this_process_are_found() {
        let own = std::process::id().cast_signed();
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(socket) = UdpSocket::bind(host) else {
                assert_ne!(host, "127.0.0.1:0");
                continue;
            };
            let address = socket.local_addr().unwrap();
            assert!(udp_sockets(own).unwrap().contains(&address), "{address}");
        }
    }
}
