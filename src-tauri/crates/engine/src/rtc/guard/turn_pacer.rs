//! Paces the CreatePermission and ChannelBind requests of TURN clients (RFC 8656 §9 and §11).
//!
//! The library asks for a permission whenever a check is to be relayed and none is there, every 20 ms. A server that
//! refuses a peer's address, as most do with loopback ones, would be asked as often for each address that a peer names.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::path::Path;

/// The requests for one address of the peer that may leave within [`WINDOW`]: a second one at once for a nonce that has
/// become stale.
const PER_WINDOW: u32 = 2;
const WINDOW: Duration = Duration::from_millis(500);

/// The requests of a connection that may leave at once, and how many more each second. A request that does not leave is
/// repeated by the library.
const BURST: f64 = 100.0;
const PER_SECOND: f64 = 50.0;

/// The most addresses that are paced one by one. A new one takes the place of the oldest.
const MAX_ADDRESSES: usize = 512;

#[derive(Debug)]
struct Asked {
    path: Path,
    method: u16,
    since: Instant,
    count: u32,
}

/// The requests of a connection.
#[derive(Debug)]
pub(super) struct TurnPacer {
    asked: Vec<Asked>,
    tokens: f64,
    filled: Option<Instant>,
}

impl Default for TurnPacer {
    fn default() -> Self {
        Self {
            asked: Vec::new(),
            tokens: BURST,
            filled: None,
        }
    }
}

impl TurnPacer {
    /// Decides whether a request leaves that asks `server` for something that concerns `peer`.
    pub(super) fn may_leave(
        &mut self,
        now: Instant,
        method: u16,
        [local, server, peer]: [SocketAddr; 3],
    ) -> bool {
        let since = self.filled.replace(now).unwrap_or(now);
        let gained = now.saturating_duration_since(since).as_secs_f64() * PER_SECOND;
        self.tokens = (self.tokens + gained).min(BURST);
        let path = Path::relayed(local, server, peer);
        let known = |asked: &Asked| asked.path == path && asked.method == method;
        let at = self.asked.iter().position(known).unwrap_or_else(|| {
            if self.asked.len() == MAX_ADDRESSES {
                self.asked.remove(0);
            }
            self.asked.push(Asked {
                path,
                method,
                since: now,
                count: 0,
            });
            self.asked.len() - 1
        });
        let asked = &mut self.asked[at];
        if now.saturating_duration_since(asked.since) >= WINDOW {
            (asked.since, asked.count) = (now, 0);
        }
        if asked.count == PER_WINDOW || self.tokens < 1.0 {
            return false;
        }
        asked.count += 1;
        self.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some instant")]
        Instant::now()
    }

    /// Counts what leaves within `seconds` if permissions for `peers` addresses are asked for every 20 ms.
    fn leaving(pacer: &mut TurnPacer, peers: u16, seconds: u64) -> usize {
        let begin = start();
        let ticks = (0..seconds * 50).map(|tick| begin + Duration::from_millis(tick * 20));
        ticks
            .flat_map(|now| (0..peers).map(move |peer| (now, peer)))
            .filter(|(now, peer)| pacer.may_leave(*now, 8, [at(1), at(2), at(1_000 + peer)]))
            .count()
    }

    #[test]
    fn a_server_that_refuses_is_asked_seldom() {
        assert_eq!(leaving(&mut TurnPacer::default(), 1, 10), 40);
        let many = leaving(&mut TurnPacer::default(), 1_000, 10);
        assert!(many <= (BURST + 10.0 * PER_SECOND) as usize, "{many}");
    }

    #[test]
    fn all_that_a_call_needs_leaves_at_once() {
        let mut pacer = TurnPacer::default();
        let now = start();
        for method in [8, 9] {
            for peer in 0..25 {
                assert!(pacer.may_leave(now, method, [at(1), at(2), at(peer)]));
                assert!(pacer.may_leave(now, method, [at(1), at(2), at(peer)]));
            }
        }
        assert!(!pacer.may_leave(now, 8, [at(1), at(2), at(30)]));
        assert!(pacer.may_leave(now + WINDOW, 8, [at(1), at(2), at(30)]));
    }

    #[test]
    fn the_addresses_are_bounded() {
        let mut pacer = TurnPacer::default();
        leaving(&mut pacer, 2_000, 1);
        assert_eq!(pacer.asked.len(), MAX_ADDRESSES);
    }
}
