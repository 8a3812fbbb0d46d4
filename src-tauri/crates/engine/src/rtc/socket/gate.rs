//! Holds back DTLS records that arrive before a pair of addresses is selected.

use std::{
    collections::VecDeque,
    io::IoSliceMut,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    task::Waker,
};

use parking_lot::Mutex;
use tracing::trace;
use webrtc::runtime::RecvMeta;

/// The most early datagrams that one socket keeps; more are dropped. The first flight of a handshake is one
/// to three datagrams.
pub(super) const MAX_EARLY: usize = 8;

/// Opens when a pair of addresses is selected. All sockets of a connection share one.
#[derive(Debug, Default)]
pub(in super::super) struct Gate {
    open: AtomicBool,
    waiting: Mutex<Vec<(SocketAddr, Waker)>>,
}

impl Gate {
    /// Opens the gate: a pair was selected, and the sockets hand over what they kept.
    pub(in super::super) fn open(&self) {
        self.open.store(true, Ordering::Release);
        for (_, waker) in self.waiting.lock().drain(..) {
            waker.wake();
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Registers a socket's task to be woken when the gate opens. Returns `false` if it has opened meanwhile.
    pub(super) fn wait(&self, socket: SocketAddr, waker: &Waker) -> bool {
        let mut waiting = self.waiting.lock();
        if self.is_open() {
            return false;
        }
        waiting.retain(|(other, _)| *other != socket);
        waiting.push((socket, waker.clone()));
        true
    }
}

/// The datagrams that one socket keeps until the gate opens.
#[derive(Debug, Default)]
pub(super) struct Early {
    /// Whether `kept` may hold something, so that the usual case needs no lock.
    holding: AtomicBool,
    kept: Mutex<VecDeque<(Vec<u8>, RecvMeta)>>,
}

impl Early {
    /// Keeps a datagram, unless there are [`MAX_EARLY`] already.
    pub(super) fn keep(&self, data: &[u8], meta: RecvMeta) {
        let mut kept = self.kept.lock();
        if kept.len() < MAX_EARLY {
            trace!(from = %meta.addr, "a DTLS record came early");
            kept.push_back((data.to_vec(), meta));
            self.holding.store(true, Ordering::Relaxed);
        }
    }

    /// Hands over the oldest datagram. Returns `false` if there is none.
    pub(super) fn take(&self, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> bool {
        if !self.holding.load(Ordering::Relaxed) {
            return false;
        }
        let mut kept = self.kept.lock();
        let next = kept.pop_front();
        self.holding.store(!kept.is_empty(), Ordering::Relaxed);
        let (Some((data, about)), Some(buf), Some(slot)) =
            (next, bufs.first_mut(), meta.first_mut())
        else {
            return false;
        };
        let Some(room) = buf.get_mut(..data.len()) else {
            return false;
        };
        room.copy_from_slice(&data);
        *slot = about;
        true
    }
}
