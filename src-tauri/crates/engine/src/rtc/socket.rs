//! The sockets of a connection as the library sees them, with two things made better.
//!
//! A peer begins DTLS as soon as its own checks have succeeded. That is often a moment before this end
//! has chosen a pair, and the library throws away what comes until then; the peer would try again 50 ms
//! later (Chromium) or a second (others). So DTLS records that come too early are kept and handed over
//! when the pair is chosen.
//!
//! And an address that cannot reach another, as loopback cannot reach the network, is no error: checks
//! are sent from each address to each, and most are expected to fail.

use std::{
    collections::VecDeque,
    io::{self, IoSliceMut},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;
use tracing::{debug, trace};
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

/// As many early records of a socket are kept; more are thrown away. A handshake's first flight is one
/// to three.
const MAX_EARLY: usize = 8;

/// Opens when a pair of addresses was chosen.
#[derive(Debug, Default)]
pub(super) struct Gate {
    open: AtomicBool,
    waiting: Mutex<Vec<(SocketAddr, Waker)>>,
}

impl Gate {
    /// A pair was chosen: what was kept is handed over.
    pub(super) fn open(&self) {
        self.open.store(true, Ordering::Release);
        for (_, waker) in self.waiting.lock().drain(..) {
            waker.wake();
        }
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// `false`: it was opened meanwhile.
    fn wait(&self, socket: SocketAddr, waker: &Waker) -> bool {
        let mut waiting = self.waiting.lock();
        if self.is_open() {
            return false;
        }
        waiting.retain(|(other, _)| *other != socket);
        waiting.push((socket, waker.clone()));
        true
    }
}

/// One socket.
#[derive(Debug)]
pub(super) struct Socket {
    inner: Arc<dyn AsyncUdpSocket>,
    local: SocketAddr,
    gate: Arc<Gate>,
    /// Something may be in `early`.
    keeping: AtomicBool,
    early: Mutex<VecDeque<(Vec<u8>, RecvMeta)>>,
}

impl Socket {
    pub(super) fn new(inner: Arc<dyn AsyncUdpSocket>, gate: Arc<Gate>) -> io::Result<Self> {
        Ok(Self {
            local: inner.local_addr()?,
            inner,
            gate,
            keeping: AtomicBool::new(false),
            early: Mutex::default(),
        })
    }

    fn keep(&self, data: &[u8], meta: RecvMeta) {
        let mut early = self.early.lock();
        if early.len() < MAX_EARLY {
            trace!(from = %meta.addr, "a DTLS record came early");
            early.push_back((data.to_vec(), meta));
            self.keeping.store(true, Ordering::Relaxed);
        }
    }

    fn kept(&self, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> bool {
        if !self.keeping.load(Ordering::Relaxed) {
            return false;
        }
        let mut early = self.early.lock();
        let next = early.pop_front();
        self.keeping.store(!early.is_empty(), Ordering::Relaxed);
        let (Some((data, about)), Some(buf), Some(slot)) =
            (next, bufs.first_mut(), meta.first_mut())
        else {
            return false;
        };
        buf[..data.len()].copy_from_slice(&data);
        *slot = about;
        true
    }

    fn reaches(&self, destination: SocketAddr) -> bool {
        self.local.ip().is_unspecified()
            || self.local.ip().is_loopback() == destination.ip().is_loopback()
    }
}

/// Whether a datagram holds DTLS records (RFC 7983 §7).
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
        self.inner.poll_send(cx, transmit).map(|sent| {
            sent.or_else(|error| {
                debug!(%error, from = %self.local, to = %transmit.destination, "a packet was not sent");
                Ok(transmit.contents.len())
            })
        })
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.gate.is_open() {
                if self.kept(bufs, meta) {
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
                    self.keep(data, *about);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Brings these datagrams, then nothing.
    #[derive(Debug)]
    struct Fake(Mutex<VecDeque<Vec<u8>>>);

    impl AsyncUdpSocket for Fake {
        fn local_addr(&self) -> io::Result<SocketAddr> {
            Ok(([127, 0, 0, 1], 5000).into())
        }

        fn poll_send(&self, _: &mut Context<'_>, _: &Transmit<'_>) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::NetworkUnreachable.into()))
        }

        fn poll_recv(
            &self,
            _: &mut Context<'_>,
            bufs: &mut [IoSliceMut<'_>],
            meta: &mut [RecvMeta],
        ) -> Poll<io::Result<usize>> {
            let Some(data) = self.0.lock().pop_front() else {
                return Poll::Pending;
            };
            bufs[0][..data.len()].copy_from_slice(&data);
            meta[0].len = data.len();
            meta[0].stride = data.len();
            Poll::Ready(Ok(1))
        }
    }

    fn receive(socket: &Socket) -> Option<Vec<u8>> {
        let mut buf = [0; 100];
        let mut meta = [RecvMeta::default()];
        let mut cx = Context::from_waker(Waker::noop());
        let ready = socket.poll_recv(&mut cx, &mut [IoSliceMut::new(&mut buf)], &mut meta);
        ready.is_ready().then(|| buf[..meta[0].len].to_vec())
    }

    #[test]
    fn early_dtls_waits_for_the_pair_and_checks_do_not() {
        let (hello, check) = (vec![22, 1], vec![0, 1]);
        let mut datagrams: VecDeque<_> = vec![hello.clone(), check.clone()].into();
        datagrams.extend((0..20).map(|_| vec![22, 2]));
        let gate = Arc::new(Gate::default());
        let socket = Socket::new(Arc::new(Fake(Mutex::new(datagrams))), gate.clone()).unwrap();
        assert_eq!(receive(&socket), Some(check));
        assert_eq!(receive(&socket), None);
        gate.open();
        assert_eq!(receive(&socket), Some(hello));
        for _ in 1..MAX_EARLY {
            assert_eq!(receive(&socket), Some(vec![22, 2]));
        }
        assert_eq!(receive(&socket), None);
    }

    #[test]
    fn a_send_that_cannot_work_is_no_error() {
        let fake = Arc::new(Fake(Mutex::default()));
        let socket = Socket::new(fake, Arc::default()).unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        for destination in [([192, 0, 2, 1], 1), ([127, 0, 0, 1], 1)] {
            let sent = socket.poll_send(
                &mut cx,
                &Transmit {
                    destination: destination.into(),
                    ecn: None,
                    contents: b"abc",
                    segment_size: None,
                    src_ip: None,
                },
            );
            assert!(matches!(sent, Poll::Ready(Ok(3))));
        }
    }
}
