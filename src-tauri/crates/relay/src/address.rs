//! How many connections and sockets come from one address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

/// Connections that one address may have beside its sockets: a browser opens up to six for a page.
const BESIDE_SOCKETS: u32 = 32;

/// The counts of all addresses. Loopback is not counted.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    counts: Mutex<HashMap<IpAddr, Count>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    connections: u32,
    sockets: u32,
}

/// Where a connection comes from.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    // `None` for loopback.
    place: Option<(Arc<Addresses>, IpAddr)>,
}

/// One connection, or what takes its place between two, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    caller: Caller,
    socket: bool,
}

impl Addresses {
    /// Counts one more connection of `address`; `None` when it has too many.
    pub(crate) fn connect(self: &Arc<Self>, address: IpAddr, sockets: u32) -> Option<Counted> {
        let caller = Caller {
            place: key(address).map(|key| (self.clone(), key)),
        };
        caller.connect(sockets)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Caller {
    /// Counts one more connection from here; `None` when there are too many.
    fn connect(&self, sockets: u32) -> Option<Counted> {
        if let Some((addresses, key)) = &self.place {
            let mut counts = addresses.lock();
            let count = counts.entry(*key).or_default();
            if count.connections >= sockets.saturating_add(BESIDE_SOCKETS) {
                return None;
            }
            count.connections += 1;
        }
        Some(Counted {
            caller: self.clone(),
            socket: false,
        })
    }

    /// Counts one more that is like a socket but has no connection of its own; `None` when there are too many.
    pub(crate) fn count_socket(&self, limit: u32) -> Option<Counted> {
        let mut counted = self.connect(limit)?;
        counted.become_socket(limit).then_some(counted)
    }
}

impl Counted {
    /// Where it comes from.
    pub(crate) fn caller(&self) -> Caller {
        self.caller.clone()
    }

    /// Counts the connection as a socket from now on; false when its address has `limit` of them.
    pub(crate) fn become_socket(&mut self, limit: u32) -> bool {
        let Some((addresses, key)) = &self.caller.place else {
            return true;
        };
        let mut counts = addresses.lock();
        let count = counts.entry(*key).or_default();
        if count.sockets >= limit {
            return false;
        }
        count.sockets += 1;
        self.socket = true;
        true
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some((addresses, key)) = &self.caller.place else {
            return;
        };
        let mut counts = addresses.lock();
        if let Some(count) = counts.get_mut(key) {
            count.connections = count.connections.saturating_sub(1);
            count.sockets = count.sockets.saturating_sub(u32::from(self.socket));
            if count.connections == 0 {
                counts.remove(key);
            }
        }
    }
}

// One household has a whole /64 of IPv6 (RFC 6177), so that counts as one address.
fn key(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V4(address) => Some(address.into()),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Some(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_sockets_and_gets_them_back() {
        let addresses = Arc::new(Addresses::default());
        let mut first = addresses.connect(ip("192.0.2.1"), 1).unwrap();
        assert!(first.become_socket(1));
        let mut second = addresses.connect(ip("::ffff:192.0.2.1"), 1).unwrap();
        assert!(!second.become_socket(1));
        let mut other = addresses.connect(ip("192.0.2.2"), 1).unwrap();
        assert!(other.become_socket(1));
        drop(first);
        assert!(second.become_socket(1));
        drop((second, other));
        assert!(addresses.lock().is_empty());
    }

    #[test]
    fn connections_are_bounded_too() {
        let addresses = Arc::new(Addresses::default());
        let held: Vec<_> = (0..33)
            .filter_map(|_| addresses.connect(ip("2001:db8::1"), 1))
            .collect();
        assert_eq!(held.len(), 33);
        assert!(addresses.connect(ip("2001:db8::2"), 1).is_none());
        assert!(addresses.connect(ip("2001:db8:0:1::1"), 1).is_some());
    }

    #[test]
    fn what_has_no_connection_of_its_own_counts_as_a_socket() {
        let addresses = Arc::new(Addresses::default());
        let mut first = addresses.connect(ip("192.0.2.1"), 2).unwrap();
        let sessions = [
            first.caller().count_socket(2),
            first.caller().count_socket(2),
        ];
        assert!(sessions.iter().all(Option::is_some));
        assert!(first.caller().count_socket(2).is_none());
        assert!(!first.become_socket(2));
        drop(sessions);
        assert!(first.become_socket(2));
        drop(first);
        assert!(addresses.lock().is_empty());
    }

    #[test]
    fn loopback_is_exempt() {
        let addresses = Arc::new(Addresses::default());
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            for _ in 0..100 {
                let mut counted = addresses.connect(ip(address), 0).unwrap();
                assert!(counted.become_socket(0));
            }
        }
    }
}
