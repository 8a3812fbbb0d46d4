//! The sockets of a connection as the library sees them, with three things made better.
//!
//! A peer begins DTLS as soon as its own checks have succeeded. That is often a moment before this end
//! has selected a pair, and the library drops what comes until then; the peer would try again 50 ms
//! later (Chromium) or a second (others). So DTLS records that come too early are kept and handed over
//! when the pair is selected.
//!
//! An address that cannot reach another, as loopback cannot reach the network, is no error: checks
//! are sent from each address to each, and most are expected to fail.
//!
//! What the library sends in one turn of its task leaves in as few system calls as can be: it does that itself
//! for sixteen datagrams or more, and a call has far fewer.

mod gate;
mod leaving;
#[cfg(test)]
mod tests;

use std::{
    io::{self, IoSliceMut},
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use gate::Early;
pub(super) use gate::Gate;
use leaving::Leaving;

/// One socket.
#[derive(Debug)]
pub(super) struct Socket {
    inner: Arc<dyn AsyncUdpSocket>,
    local: SocketAddr,
    gate: Arc<Gate>,
    early: Early,
    leaving: Mutex<Leaving>,
}

impl Socket {
    pub(super) fn new(inner: Arc<dyn AsyncUdpSocket>, gate: Arc<Gate>) -> io::Result<Self> {
        Ok(Self {
            local: inner.local_addr()?,
            inner,
            gate,
            early: Early::default(),
            leaving: Mutex::default(),
        })
    }

    /// Sends what was written in this turn, which is over. Returns `false` if the system has no room for it now: then
    /// [`poll_flush`](Self::poll_flush) is to be asked.
    pub(super) fn flush(&self) -> bool {
        let mut leaving = self.leaving.lock();
        // A sender that waits for room must not lose its wake-up to this.
        leaving.is_empty() || leaving.awaited || {
            let mut cx = Context::from_waker(Waker::noop());
            leaving
                .poll_leave(&mut cx, &*self.inner, self.local)
                .is_ready()
        }
    }

    /// As [`flush`](Self::flush); wakes the task when there is room.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.leaving.lock().poll_leave(cx, &*self.inner, self.local)
    }

    fn reaches(&self, destination: SocketAddr) -> bool {
        self.local.ip().is_unspecified()
            || self.local.ip().is_loopback() == destination.ip().is_loopback()
    }
}

impl Drop for Socket {
    /// Sends the last datagrams of a connection, which are written after its last turn.
    fn drop(&mut self) {
        // What there is no room for now never leaves.
        let _ = self.flush();
    }
}

/// Returns whether a datagram holds DTLS records (RFC 7983 §7).
fn is_dtls(data: &[u8]) -> bool {
    matches!(data.first(), Some(20..=63))
}

impl AsyncUdpSocket for Socket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        if !self.reaches(transmit.destination) {
            return Poll::Ready(Ok(transmit.contents.len()));
        }
        let mut leaving = self.leaving.lock();
        let added = leaving.poll_add(cx, &*self.inner, self.local, transmit);
        leaving.awaited = added.is_pending();
        added.map(|()| Ok(transmit.contents.len()))
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.gate.is_open() {
                if self.early.take(bufs, meta) {
                    return Poll::Ready(Ok(1));
                }
                return self.inner.poll_recv(cx, bufs, meta);
            }
            match self.inner.poll_recv(cx, bufs, meta) {
                Poll::Ready(Ok(1)) => {
                    let (Some(buf), Some(about)) = (bufs.first(), meta.first()) else {
                        return Poll::Ready(Ok(1));
                    };
                    let data = &buf[..about.len.min(buf.len())];
                    if !is_dtls(data) {
                        return Poll::Ready(Ok(1));
                    }
                    self.early.keep(data, *about);
                }
                Poll::Pending if self.gate.wait(self.local, cx.waker()) => return Poll::Pending,
                Poll::Pending => {}
                ready => return ready,
            }
        }
    }

    fn max_gso_segments(&self) -> usize {
        self.inner.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.inner.max_gro_segments()
    }
}
