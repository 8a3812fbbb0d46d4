//! How many connections and sockets come from one address, and how often.
//!
//! Loopback is not counted: that is where proxies and tests come from. Where a proxy is trusted, `forwarded` reads the
//! address that it names.

mod attempts;
mod forwarded;
mod prefix;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::HeaderMap;
use ipnet::IpNet;
use tokio::time::Instant;

pub use self::prefix::PerPrefix;
use self::{
    attempts::Attempts,
    forwarded::Client,
    prefix::{Prefix, prefixes},
};
use crate::config::Limits;

/// The connections that one address may have beside its sockets: a browser opens up to six for a page. All of a /48
/// together are far fewer than there are places for handshakes ([`Limits::handshakes`]).
const BESIDE_SOCKETS: PerPrefix = PerPrefix {
    address: 64,
    net56: 96,
    net48: 128,
};

/// What all addresses have.
#[derive(Debug)]
pub(crate) struct Addresses {
    sockets: PerPrefix,
    /// The proxies whose word about an address counts.
    proxies: Vec<IpNet>,
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    counts: HashMap<IpNet, Count>,
    connects: Attempts,
    joins: Attempts,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    sockets: u32,
    /// Connections that are not sockets.
    beside: u32,
}

/// Where a connection or a request comes from.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    addresses: Arc<Addresses>,
    /// `None` for one that is not counted.
    address: Option<IpAddr>,
}

/// One connection, or what takes its place between two, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    caller: Caller,
    socket: bool,
}

impl Addresses {
    /// Nothing comes from anywhere yet.
    pub(crate) fn new(limits: &Limits, proxies: Vec<IpNet>) -> Self {
        Self {
            sockets: limits.sockets_per_address,
            proxies,
            start: Instant::now(),
            state: Mutex::new(State {
                counts: HashMap::new(),
                connects: Attempts::new(limits.connections_per_minute),
                joins: Attempts::new(limits.joins_per_minute),
            }),
        }
    }

    /// Whether connections from here bring the requests of others, and say whose they are.
    pub(crate) fn is_proxy(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.proxies.iter().any(|net| net.contains(&peer))
    }

    /// Who is at the other end of a connection.
    pub(crate) fn caller(self: &Arc<Self>, peer: IpAddr) -> Caller {
        let peer = peer.to_canonical();
        self.counted((!peer.is_loopback()).then_some(peer))
    }

    /// A trusted proxy itself. It has connections for all whose requests it brings, which are counted by their own
    /// addresses.
    pub(crate) fn proxy(self: &Arc<Self>) -> Caller {
        self.counted(None)
    }

    /// Returns whose request a trusted proxy brings. No header exempts its sender, whatever address it names: loopback is
    /// counted as any other, and headers that cannot be read count for the proxy's own address. Only a request without such
    /// headers is the proxy's own.
    pub(crate) fn behind_proxy(self: &Arc<Self>, proxy: IpAddr, headers: &HeaderMap) -> Caller {
        match forwarded::client(headers, &self.proxies) {
            Client::Proxy => self.caller(proxy),
            Client::Address(address) => self.counted(Some(address.to_canonical())),
            Client::Unknown => self.counted(Some(proxy.to_canonical())),
        }
    }

    fn counted(self: &Arc<Self>, address: Option<IpAddr>) -> Caller {
        Caller {
            addresses: self.clone(),
            address,
        }
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Caller {
    /// Counts one more connection from here; `None` when there are too many, or they come too fast.
    pub(crate) fn connect(&self) -> Option<Counted> {
        if let Some(address) = self.address {
            let addresses = &self.addresses;
            let mut state = addresses.lock();
            if !state.connects.take(addresses.now(), address) {
                return None;
            }
            state.add(address, BESIDE_SOCKETS, |count| &mut count.beside)?;
        }
        Some(Counted {
            caller: self.clone(),
            socket: false,
        })
    }

    /// Counts one more that is like a socket but has no connection of its own; `None` when there are too many, or they
    /// come too fast.
    pub(crate) fn count_socket(&self) -> Option<Counted> {
        let mut counted = self.connect()?;
        counted.become_socket().then_some(counted)
    }

    /// Counts one more attempt to come into a room, or to open one; false when they come too fast.
    pub(crate) fn may_join(&self) -> bool {
        self.address.is_none_or(|address| {
            let now = self.addresses.now();
            self.addresses.lock().joins.take(now, address)
        })
    }
}

impl Counted {
    /// Where it comes from.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Counts the connection as a socket from now on; false when its address has too many of them.
    pub(crate) fn become_socket(&mut self) -> bool {
        let Some(address) = self.caller.address else {
            return true;
        };
        let addresses = &self.caller.addresses;
        let mut state = addresses.lock();
        if !self.socket
            && state
                .add(address, addresses.sockets, |count| &mut count.sockets)
                .is_some()
        {
            state.take(address, |count| &mut count.beside);
            self.socket = true;
        }
        self.socket
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(address) = self.caller.address else {
            return;
        };
        let which: fn(&mut Count) -> &mut u32 = if self.socket {
            |count| &mut count.sockets
        } else {
            |count| &mut count.beside
        };
        self.caller.addresses.lock().take(address, which);
    }
}

impl State {
    // Adds one to each prefix of an address, or to none where one of them has as many as it may.
    fn add(
        &mut self,
        address: IpAddr,
        limits: PerPrefix,
        which: fn(&mut Count) -> &mut u32,
    ) -> Option<()> {
        for Prefix { net, width } in prefixes(address) {
            let known = self.counts.get_mut(&net).map_or(0, |count| *which(count));
            if known >= limits.at(width) {
                return None;
            }
        }
        for Prefix { net, .. } in prefixes(address) {
            *which(self.counts.entry(net).or_default()) += 1;
        }
        Some(())
    }

    // Takes one from each prefix of an address.
    fn take(&mut self, address: IpAddr, which: fn(&mut Count) -> &mut u32) {
        for Prefix { net, .. } in prefixes(address) {
            if let Some(count) = self.counts.get_mut(&net) {
                let number = which(count);
                *number = number.saturating_sub(1);
                if count.sockets == 0 && count.beside == 0 {
                    self.counts.remove(&net);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(change: impl FnOnce(&mut Limits)) -> Arc<Addresses> {
        let mut limits = Limits::default();
        change(&mut limits);
        Arc::new(Addresses::new(
            &limits,
            vec!["127.0.0.0/8".parse().unwrap()],
        ))
    }

    fn with_sockets(sockets: u32) -> Arc<Addresses> {
        addresses(|limits| limits.sockets_per_address = PerPrefix::of(sockets))
    }

    fn caller(addresses: &Arc<Addresses>, text: &str) -> Caller {
        addresses.caller(text.parse().unwrap())
    }

    #[test]
    fn an_address_has_so_many_sockets_and_gets_them_back() {
        let addresses = with_sockets(1);
        let connect = |text| caller(&addresses, text).connect().unwrap();
        let mut first = connect("192.0.2.1");
        assert!(first.become_socket());
        let mut second = connect("::ffff:192.0.2.1");
        assert!(!second.become_socket());
        let mut other = connect("192.0.2.2");
        assert!(other.become_socket());
        drop(first);
        assert!(second.become_socket());
        drop((second, other));
        assert!(addresses.lock().counts.is_empty());
    }

    #[test]
    fn connections_are_bounded_too() {
        let addresses = with_sockets(1);
        let connect = |text| caller(&addresses, text).connect();
        let mut held: Vec<_> = (0..65).filter_map(|_| connect("2001:db8::1")).collect();
        assert_eq!(held.len(), 64);
        assert!(connect("2001:db8::2").is_none());
        assert!(connect("2001:db8:0:1::1").is_some());
        // A socket is counted apart from them; one that is too many stays one of them.
        assert!(held[0].become_socket() && held[0].become_socket());
        assert!(!held[1].become_socket());
        held.extend(connect("2001:db8::1"));
        assert!(held.len() == 65 && connect("2001:db8::1").is_none());
        drop(held);
        assert!(addresses.lock().counts.is_empty());
    }

    #[test]
    fn a_wide_prefix_does_not_take_all_places_for_handshakes() {
        let addresses = addresses(|_| {});
        let held: Vec<_> = (0..0x1_0000)
            .step_by(7)
            .filter_map(|net| caller(&addresses, &format!("2001:db8:1:{net:x}::1")).connect())
            .collect();
        assert!(held.len() >= 64 && held.len() * 4 < Limits::default().handshakes);
    }

    #[test]
    fn who_has_a_wide_prefix_has_more_and_not_without_end() {
        let addresses = with_sockets(2);
        let mut held = Vec::new();
        let mut sockets = |net: u32| {
            let text = format!("2001:db8:{:x}:{:x}::1", net >> 16, net & 0xFFFF);
            let mut counted = caller(&addresses, &text).connect().unwrap();
            let taken = counted.become_socket();
            held.push(counted);
            taken
        };
        // Two from each /64, eight from each /56, 32 from each /48.
        assert_eq!((0..3).filter(|_| sockets(0)).count(), 2);
        assert_eq!((0..20).filter(|net| sockets(*net)).count(), 6);
        assert_eq!((0..60).filter(|net| sockets(net * 0x100)).count(), 24);
        assert!(sockets(0x1_0000));
        drop(held);
        assert!(addresses.lock().counts.is_empty());
    }

    #[test]
    fn what_has_no_connection_of_its_own_counts_as_a_socket() {
        let addresses = with_sockets(2);
        let mut first = caller(&addresses, "192.0.2.1").connect().unwrap();
        let sessions = [first.caller().count_socket(), first.caller().count_socket()];
        assert!(sessions.iter().all(Option::is_some));
        assert!(first.caller().count_socket().is_none());
        assert!(!first.become_socket());
        drop(sessions);
        assert!(first.become_socket());
        drop(first);
        assert!(addresses.lock().counts.is_empty());
    }

    #[test]
    fn who_comes_and_goes_in_a_loop_is_slowed_down() {
        let addresses = addresses(|limits| {
            limits.connections_per_minute = PerPrefix::of(10);
            limits.joins_per_minute = PerPrefix::of(5);
        });
        let stranger = caller(&addresses, "192.0.2.1");
        assert_eq!((0..50).filter_map(|_| stranger.connect()).count(), 10);
        assert_eq!((0..50).filter(|_| stranger.may_join()).count(), 5);
        let other = caller(&addresses, "192.0.2.2");
        assert!(other.connect().is_some() && other.may_join());
    }

    #[test]
    fn loopback_is_exempt() {
        let addresses = addresses(|limits| {
            limits.sockets_per_address = PerPrefix::of(0);
            limits.connections_per_minute = PerPrefix::of(0);
            limits.joins_per_minute = PerPrefix::of(0);
        });
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            let caller = caller(&addresses, address);
            for _ in 0..100 {
                assert!(caller.connect().unwrap().become_socket());
                assert!(caller.may_join());
            }
        }
        assert!(caller(&addresses, "192.0.2.1").connect().is_none());
    }

    #[test]
    fn whom_a_trusted_proxy_names_counts_and_not_the_proxy() {
        let addresses = with_sockets(1);
        let proxy = "127.0.0.1".parse().unwrap();
        assert!(addresses.is_proxy(proxy) && !addresses.is_proxy("192.0.2.1".parse().unwrap()));
        let behind = |name: &'static str, value: &'static str| {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static(name),
                http::HeaderValue::from_static(value),
            )]);
            addresses.behind_proxy(proxy, &headers).count_socket()
        };
        let first = behind("x-forwarded-for", "192.0.2.1").unwrap();
        assert!(behind("forwarded", "for=192.0.2.1").is_none());
        assert!(behind("x-forwarded-for", "192.0.2.2").is_some());
        // What cannot be read makes nobody exempt.
        let unreadable = behind("x-forwarded-for", "nobody");
        assert!(unreadable.is_some() && behind("x-forwarded-for", "x").is_none());
        // Nor does the name of this computer or of the proxy.
        for address in ["127.0.0.9", "::1", "::ffff:127.0.0.8"] {
            let named = behind("x-forwarded-for", address);
            assert!(
                named.is_some() && behind("x-forwarded-for", address).is_none(),
                "{address}"
            );
        }
        // The proxy for itself is.
        let own: Vec<_> = (0..3)
            .filter_map(|_| {
                addresses
                    .behind_proxy(proxy, &HeaderMap::new())
                    .count_socket()
            })
            .collect();
        assert_eq!(own.len(), 3);
        drop(first);
        assert!(behind("x-forwarded-for", "192.0.2.1").is_some());
    }
}
