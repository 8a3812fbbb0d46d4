//! Holds back what arrives before the library can use it: checks before the peer's description, and DTLS records before
//! a pair of addresses is selected. The library would drop both.

use std::{
    collections::VecDeque,
    io::IoSliceMut,
    net::SocketAddr,
    sync::atomic::{AtomicU8, Ordering},
    task::Waker,
};

use parking_lot::Mutex;
use tracing::trace;
use webrtc::runtime::RecvMeta;

/// The most early datagrams of a stage that one socket keeps; more are dropped. The first flight of a handshake is one
/// to three datagrams, and a peer has one address most often.
pub(super) const MAX_EARLY: usize = 8;

/// What has to be reached before a datagram is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Stage {
    /// The library has the peer's credentials, so that it answers checks.
    Described = 1,
    /// A pair of addresses is selected, so that it takes DTLS records.
    Selected = 2,
}

/// The stages that a connection has reached. Its sockets share one.
#[derive(Debug, Default)]
pub(in super::super) struct Gate {
    reached: AtomicU8,
    waiting: Mutex<Vec<(SocketAddr, Waker)>>,
}

impl Gate {
    /// Notes that a stage is reached: the sockets hand over what they kept for it.
    pub(in super::super) fn open(&self, stage: Stage) {
        self.reached.fetch_or(stage as u8, Ordering::AcqRel);
        for (_, waker) in self.waiting.lock().drain(..) {
            waker.wake();
        }
    }

    /// Notes that a stage has to be reached anew.
    pub(in super::super) fn close(&self, stage: Stage) {
        self.reached.fetch_and(!(stage as u8), Ordering::AcqRel);
    }

    /// The stages that are reached.
    pub(super) fn reached(&self) -> Reached {
        Reached(self.reached.load(Ordering::Acquire))
    }

    /// Registers a socket's task to be woken when a stage is reached. Returns `false` if one was reached since `seen`.
    pub(super) fn wait(&self, seen: Reached, socket: SocketAddr, waker: &Waker) -> bool {
        let mut waiting = self.waiting.lock();
        if self.reached() != seen {
            return false;
        }
        waiting.retain(|(other, _)| *other != socket);
        waiting.push((socket, waker.clone()));
        true
    }
}

/// Some stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reached(u8);

impl Reached {
    pub(super) fn has(self, stage: Stage) -> bool {
        self.0 & stage as u8 != 0
    }
}

/// A datagram that came too early.
#[derive(Debug)]
struct Kept {
    stage: Stage,
    data: Vec<u8>,
    meta: RecvMeta,
}

/// The datagrams that one socket keeps.
#[derive(Debug, Default)]
pub(super) struct Early {
    /// The stages that something is kept for, so that the usual case needs no lock.
    holding: AtomicU8,
    kept: Mutex<VecDeque<Kept>>,
}

impl Early {
    /// Keeps a datagram, unless there are [`MAX_EARLY`] of its stage already. Of checks the latest of each sender is kept.
    pub(super) fn keep(&self, stage: Stage, data: &[u8], meta: RecvMeta) {
        let mut kept = self.kept.lock();
        if stage == Stage::Described {
            kept.retain(|other| other.stage != stage || other.meta.addr != meta.addr);
        }
        if kept.iter().filter(|other| other.stage == stage).count() < MAX_EARLY {
            trace!(?stage, "a datagram came early");
            let data = data.to_vec();
            kept.push_back(Kept { stage, data, meta });
            self.holding.fetch_or(stage as u8, Ordering::Relaxed);
        }
    }

    /// Hands over the oldest datagram of a stage that is reached. Returns `false` if there is none.
    pub(super) fn take(
        &self,
        reached: Reached,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> bool {
        if self.holding.load(Ordering::Relaxed) & reached.0 == 0 {
            return false;
        }
        let mut kept = self.kept.lock();
        let next = kept.iter().position(|next| reached.has(next.stage));
        let next = next.and_then(|next| kept.remove(next));
        let holding = kept.iter().fold(0, |all, next| all | next.stage as u8);
        self.holding.store(holding, Ordering::Relaxed);
        let (Some(next), Some(buf), Some(slot)) = (next, bufs.first_mut(), meta.first_mut()) else {
            return false;
        };
        let Some(room) = buf.get_mut(..next.data.len()) else {
            return false;
        };
        room.copy_from_slice(&next.data);
        *slot = next.meta;
        true
    }
}
