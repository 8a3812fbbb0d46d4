//! The sockets of a connection as the library sees them. What the [`Guard`] refuses does not get through either way, and
//! three things are made better.
//!
//! A peer begins DTLS as soon as its own checks have succeeded. That is often a moment before this end
//! has selected a pair, and the library drops what comes until then; the peer would try again 50 ms
//! later (Chromium) or a second (others). Likewise a peer that answers sends checks before this end has its answer, and
//! would repeat them half a second later. So both are kept and handed over when their time has come.
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

use super::guard::{Departure, Guard, Verdict};
use gate::{Early, Reached};
pub(super) use gate::{Gate, Stage};
use leaving::Leaving;

/// So many times in a row nothing but refused datagrams may be read before other tasks have their turn.
const MAX_REFUSED: usize = 32;

/// One socket.
#[derive(Debug)]
pub(super) struct Socket {
    inner: Arc<dyn AsyncUdpSocket>,
    local: SocketAddr,
    gate: Arc<Gate>,
    guard: Arc<Guard>,
    early: Early,
    leaving: Mutex<Leaving>,
}

impl Socket {
    pub(super) fn new(
        inner: Arc<dyn AsyncUdpSocket>,
        gate: Arc<Gate>,
        guard: Arc<Guard>,
    ) -> io::Result<Self> {
        Ok(Self {
            local: inner.local_addr()?,
            inner,
            gate,
            guard,
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

    /// The address that it is bound to.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Adds a check whose turn it is to what leaves next. It is lost if the system has no room.
    pub(super) fn send_check(&self, destination: SocketAddr, contents: &[u8]) {
        let transmit = Transmit {
            destination,
            ecn: None,
            contents,
            segment_size: None,
            src_ip: None,
        };
        let mut cx = Context::from_waker(Waker::noop());
        let mut leaving = self.leaving.lock();
        let _ = leaving.poll_add(&mut cx, &*self.inner, self.local, &transmit);
    }

    /// Returns whether a datagram of the library leaves now.
    fn may_leave(&self, to: SocketAddr, datagram: &[u8]) -> bool {
        self.guard.leaving(self.local, to, datagram) == Departure::Now
    }

    /// Sends those datagrams of a batch that leave now. Returns `false` if all do, and none was sent here.
    fn sends_part(&self, transmit: &Transmit<'_>, size: usize) -> bool {
        let to = transmit.destination;
        let datagrams = transmit.contents.chunks(size.max(1));
        let leaves: Vec<bool> = datagrams
            .clone()
            .map(|datagram| self.may_leave(to, datagram))
            .collect();
        if leaves.iter().all(|leaves| *leaves) {
            return false;
        }
        for (datagram, _) in datagrams.zip(leaves).filter(|(_, leaves)| *leaves) {
            // As a check, it is lost if the system has no room: there are none but STUN messages in such a batch.
            self.send_check(to, datagram);
        }
        true
    }

    /// Takes out of one buffer's datagrams what is refused, and what is kept until its stage is reached. Returns whether
    /// anything is left.
    fn sift(&self, reached: Reached, buf: &mut [u8], meta: &mut RecvMeta) -> bool {
        let (length, stride) = (meta.len.min(buf.len()), meta.stride.max(1));
        let mut left = 0;
        for start in (0..length).step_by(stride) {
            let end = (start + stride).min(length);
            let datagram = &buf[start..end];
            let needed = match self.guard.arrived(self.local, meta.addr, datagram) {
                Verdict::Pass => None,
                Verdict::PassCheck => Some(Stage::Described),
                Verdict::PassDtls => Some(Stage::Selected),
                Verdict::Refuse(_) => continue,
            };
            if let Some(stage) = needed.filter(|stage| !reached.has(*stage)) {
                let mut about = *meta;
                (about.len, about.stride) = (end - start, end - start);
                self.early.keep(stage, datagram, about);
            } else {
                buf.copy_within(start..end, left);
                left += end - start;
            }
        }
        meta.len = left;
        left > 0
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

impl AsyncUdpSocket for Socket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let is_sent = match transmit.segment_size {
            _ if !self.reaches(transmit.destination) => true,
            None => !self.may_leave(transmit.destination, transmit.contents),
            Some(size) => self.sends_part(transmit, size),
        };
        if is_sent {
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
        for _ in 0..MAX_REFUSED {
            let reached = self.gate.reached();
            if self.early.take(reached, bufs, meta) {
                return Poll::Ready(Ok(1));
            }
            match self.inner.poll_recv(cx, bufs, meta) {
                Poll::Ready(Ok(count)) => {
                    let received = bufs.iter_mut().zip(meta.iter_mut()).take(count);
                    // Each is looked at, whatever becomes of the others.
                    if received.fold(false, |any, (buf, meta)| {
                        self.sift(reached, buf, meta) | any
                    }) {
                        return Poll::Ready(Ok(count));
                    }
                }
                Poll::Pending if self.gate.wait(reached, self.local, cx.waker()) => {
                    return Poll::Pending;
                }
                Poll::Pending => {}
                ready => return ready,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn max_gso_segments(&self) -> usize {
        self.inner.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.inner.max_gro_segments()
    }
}
