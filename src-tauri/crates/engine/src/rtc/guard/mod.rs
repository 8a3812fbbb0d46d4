//! Guards a connection's sockets: what strangers send does not reach the library, and what the library would send to
//! strangers leaves slowly or not at all.
//!
//! | module | bounds |
//! |---|---|
//! | [`packet_filter`] | who may send anything but checks, and which checks and responses are real |
//! | [`dtls_filter`] | records and fragments of the DTLS handshake |
//! | [`ssrc_filter`] | streams of SRTP and SRTCP |
//! | [`check_pacer`] | connectivity checks |
//! | [`turn`] | all of this for packets that TURN servers relay |
//! | [`turn_pacer`] | requests to TURN servers |
//!
//! All of these are pure; [`Filter`] puts them together, and [`Guard`] is what the sockets of a connection share.

mod check_pacer;
mod dtls_filter;
mod filter;
mod packet_filter;
mod path;
mod refusal;
mod ssrc_filter;
mod stun;
mod turn;
mod turn_pacer;

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use parking_lot::Mutex;

pub use dtls_filter::DtlsFilter;
pub use filter::{Departure, Filter, Verdict};
pub use path::Path;
pub use refusal::{Refusal, Refused};
pub use ssrc_filter::SsrcFilter;
#[cfg(test)]
pub(super) use stun::tests as stun_tests;

/// The filter of a connection, shared by its sockets and by what learns from descriptions.
#[derive(Debug, Default)]
pub(super) struct Guard {
    filter: Mutex<Filter>,
    /// Whether checks wait for their turn.
    is_holding: AtomicBool,
    has_keys: AtomicBool,
}

impl Guard {
    /// The filter itself, for what happens rarely.
    pub(super) fn filter(&self) -> parking_lot::MutexGuard<'_, Filter> {
        self.filter.lock()
    }

    /// Decides about a datagram that arrived.
    pub(super) fn arrived(&self, local: SocketAddr, from: SocketAddr, datagram: &[u8]) -> Verdict {
        self.filter.lock().arrived(now(), local, from, datagram)
    }

    /// Decides about a datagram that the library sends. Media and data pass without a lock.
    pub(super) fn leaving(&self, local: SocketAddr, to: SocketAddr, datagram: &[u8]) -> Departure {
        match datagram.first() {
            Some(0..=3) => {}
            // ChannelData with anything but STUN in it.
            Some(64..=79) if !matches!(datagram.get(4), Some(0..=3)) => return Departure::Now,
            Some(64..=79) => {}
            Some(23) => {
                // Application data leaves when the handshake is done, which may be told a little later.
                self.set_keys();
                return Departure::Now;
            }
            _ => return Departure::Now,
        }
        let mut filter = self.filter.lock();
        let departure = filter.leaving(now(), local, to, datagram);
        self.is_holding
            .store(filter.is_holding(), Ordering::Relaxed);
        departure
    }

    /// Notes that keys were exchanged.
    pub(super) fn set_keys(&self) {
        if !self.has_keys.swap(true, Ordering::Relaxed) {
            self.filter.lock().handshake_done();
        }
    }

    /// Returns whether checks wait for their turn.
    pub(super) fn is_holding(&self) -> bool {
        self.is_holding.load(Ordering::Relaxed)
    }

    /// Hands each check whose turn it is to `send`, and returns when the next one has its turn.
    pub(super) fn send_checks(&self, mut send: impl FnMut(Path, &[u8])) -> Option<Instant> {
        let now = now();
        let mut filter = self.filter.lock();
        while let Some((path, datagram)) = filter.next_check(now) {
            send(path, datagram);
        }
        let next = filter.next_due(now);
        self.is_holding
            .store(filter.is_holding(), Ordering::Relaxed);
        next
    }

    /// The counters as they stand.
    pub(super) fn refused(&self) -> Refused {
        self.filter.lock().refused()
    }
}

/// The time at the edge.
pub(super) fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the sockets are an edge")]
    Instant::now()
}
