//! Which STUN and TURN servers a connection asks. Pure.
//!
//! A relay names servers, and a relay may be hostile: it must not make this end send to what only this computer can
//! reach.

use std::net::IpAddr;

use ahoy_contract::wire::IceServer;
use rtc::{ice::url::Url, peer_connection::configuration::RTCIceServer};
use tracing::warn;

use super::addresses::is_unicast;

/// The most servers of a connection, each asked from every local address. Those that the user named come first.
const MAX_SERVERS: usize = 8;

/// The servers of a connection.
#[derive(Debug, Default)]
pub(super) struct Servers {
    /// As the library takes them.
    pub(super) config: Vec<RTCIceServer>,
    /// Where they are.
    pub(super) hosts: Vec<Host>,
}

/// A server's host as the library asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// `HOST:PORT`, an IPv6 address in brackets.
    pub(super) name: String,
    /// It may be this computer.
    pub(super) allows_loopback: bool,
}

impl Host {
    /// Returns whether the server may be at this address.
    pub(super) fn allows(&self, ip: IpAddr) -> bool {
        is_unicast(ip) && (self.allows_loopback || !ip.is_loopback())
    }
}

impl Servers {
    /// Chooses those that can be used. `named` are the user's, and may be on this computer; `told` are the relay's, and
    /// may be there only if the relay is (`relay_is_local`). The others are left out with a warning.
    pub(super) fn choose(named: &[IceServer], told: &[IceServer], relay_is_local: bool) -> Self {
        let mut servers = Self::default();
        let named = named.iter().map(|server| (server, true));
        let told = told.iter().map(|server| (server, relay_is_local));
        for (server, allows_loopback) in named.chain(told) {
            let mut urls = Vec::new();
            for url in &server.urls {
                let host = match usable(server, url, allows_loopback) {
                    Ok(_) if servers.hosts.len() >= MAX_SERVERS => Err("there are eight already"),
                    host => host,
                };
                match host {
                    Ok(host) => {
                        servers.hosts.push(host);
                        urls.push(url.clone());
                    }
                    Err(reason) => warn!(reason, "a server for ICE is left out"),
                }
            }
            if !urls.is_empty() {
                servers.config.push(RTCIceServer {
                    urls,
                    username: server.username.clone().unwrap_or_default(),
                    credential: server.credential.clone().unwrap_or_default(),
                });
            }
        }
        servers
    }
}

/// The host of a server that the library can use, or why it cannot.
fn usable(server: &IceServer, url: &str, allows_loopback: bool) -> Result<Host, &'static str> {
    let is_turn = url.starts_with("turn:");
    if !is_turn && !url.starts_with("stun:") {
        return Err("only stun: and turn: are supported");
    }
    if url.contains("transport=tcp") {
        return Err("TURN over TCP is not supported");
    }
    if is_turn && url.contains('[') {
        return Err("an IPv6 address as a TURN server is not supported");
    }
    if is_turn && (server.username.is_none() || server.credential.is_none()) {
        return Err("TURN needs a user and a password");
    }
    // The library cuts off what should not be behind the address of a STUN server.
    let readable = match url.split_once('?') {
        Some((address, _)) if !is_turn => address,
        _ => url,
    };
    let parsed = Url::parse_url(readable).map_err(|_| "its address cannot be read")?;
    let (host, port) = (&parsed.host, parsed.port);
    let name = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    let host = Host {
        name,
        allows_loopback,
    };
    if port == 0 || host_address(&parsed.host).is_some_and(|ip| !host.allows(ip)) {
        return Err("its address is not allowed");
    }
    Ok(host)
}

/// The address of a host that is not a name.
fn host_address(host: &str) -> Option<IpAddr> {
    host.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> IceServer {
        IceServer {
            urls: vec![url.to_owned()],
            username: url.starts_with("turn").then(|| "u".to_owned()),
            credential: Some("c".to_owned()),
        }
    }

    fn urls(servers: &Servers) -> Vec<&str> {
        let all = servers.config.iter().flat_map(|server| &server.urls);
        all.map(String::as_str).collect()
    }

    #[test]
    fn servers_that_cannot_be_used_are_left_out() {
        let all = [
            server("stun:stun.example:3478"),
            server("turn:turn.example"),
            IceServer {
                username: None,
                ..server("turn:turn.example")
            },
            server("turns:turn.example"),
            server("turn:turn.example?transport=tcp"),
            server("turn:[2001:db8::1]"),
            server("rubbish"),
            server("stun:"),
            server("stun:stun.example:0"),
            server("stun:[2001:db8::1]:9?transport=udp"),
        ];
        let servers = Servers::choose(&[], &all, false);
        let usable = [
            "stun:stun.example:3478",
            "turn:turn.example",
            "stun:[2001:db8::1]:9?transport=udp",
        ];
        assert_eq!(urls(&servers), usable);
        let names: Vec<_> = servers.hosts.iter().map(|host| &host.name[..]).collect();
        let expected = ["stun.example:3478", "turn.example:3478", "[2001:db8::1]:9"];
        assert_eq!(names, expected);
    }

    #[test]
    fn there_are_eight_and_the_users_come_first() {
        let many = IceServer {
            urls: (0..100).map(|n| format!("stun:s{n}.example")).collect(),
            ..server("stun:x")
        };
        let servers = Servers::choose(&[server("stun:own.example")], &[many.clone(), many], false);
        assert_eq!(urls(&servers).len(), MAX_SERVERS);
        assert_eq!(urls(&servers)[0], "stun:own.example");
    }

    #[test]
    fn only_the_user_names_servers_on_this_computer() {
        let local = [
            server("stun:127.0.0.1:3478"),
            server("stun:[::1]:3478"),
            server("turn:127.9.9.9"),
        ];
        assert_eq!(urls(&Servers::choose(&local, &[], false)).len(), 3);
        assert!(urls(&Servers::choose(&[], &local, false)).is_empty());
        assert_eq!(urls(&Servers::choose(&[], &local, true)).len(), 3);
        for address in [
            "224.0.0.251",
            "255.255.255.255",
            "0.0.0.0",
            "[ff02::fb]",
            "[::]",
        ] {
            let url = format!("stun:{address}:5353");
            let servers = Servers::choose(&[server(&url)], &[], true);
            assert!(urls(&servers).is_empty(), "{url}");
        }
        // What is behind a name shows later.
        let servers = Servers::choose(&[], &[server("stun:localhost")], false);
        assert!(!servers.hosts[0].allows("127.0.0.1".parse().unwrap()));
        assert!(servers.hosts[0].allows("192.0.2.1".parse().unwrap()));
    }
}
