//! The sockets of a connection as the library sees them, with three things made better.
//!
//! A peer begins DTLS as soon as its own checks have succeeded. That is often a moment before this end
//! has chosen a pair, and the library throws away what comes until then; the peer would try again 50 ms
//! later (Chromium) or a second (others). So DTLS records that come too early are kept and handed over
//! when the pair is chosen.
//!
//! And an address that cannot reach another, as loopback cannot reach the network, is no error: checks
//! are sent from each address to each, and most are expected to fail.
//!
//! And what the library sends in one turn of its task leaves in as few calls of the system as can be: it does that itself
//! for sixteen datagrams or more, and a call has far fewer.

use std::{
    collections::VecDeque,
    io::{self, IoSliceMut},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker, ready},
};

use parking_lot::Mutex;
use tracing::{debug, trace};
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use super::train::Train;

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
    leaving: Mutex<Leaving>,
}

/// What was sent in this turn.
#[derive(Debug, Default)]
struct Leaving {
    train: Option<Train>,
    spare: Vec<u8>,
    /// There was no room for more, and who sends waits for it.
    awaited: bool,
}

impl Socket {
    pub(super) fn new(inner: Arc<dyn AsyncUdpSocket>, gate: Arc<Gate>) -> io::Result<Self> {
        Ok(Self {
            local: inner.local_addr()?,
            inner,
            gate,
            keeping: AtomicBool::new(false),
            early: Mutex::default(),
            leaving: Mutex::default(),
        })
    }

    /// The turn is over: what was sent in it leaves. `false`: the system has no room for it now, and
    /// [`poll_flush`](Self::poll_flush) is to be asked.
    pub(super) fn flush(&self) -> bool {
        let mut leaving = self.leaving.lock();
        // Somebody waits for room to send more, and must not be forgotten over this.
        leaving.train.is_none() || leaving.awaited || {
            let mut cx = Context::from_waker(Waker::noop());
            self.poll_leave(&mut cx, &mut leaving).is_ready()
        }
    }

    /// As [`flush`](Self::flush); wakes when there is room.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_leave(cx, &mut self.leaving.lock())
    }

    fn poll_leave(&self, cx: &mut Context<'_>, leaving: &mut Leaving) -> Poll<()> {
        while let Some(train) = &mut leaving.train {
            let Some((contents, segment_size)) = train.next() else {
                leaving.spare = leaving
                    .train
                    .take()
                    .map(Train::into_data)
                    .unwrap_or_default();
                break;
            };
            let transmit = Transmit {
                destination: train.destination(),
                ecn: None,
                contents,
                segment_size,
                src_ip: None,
            };
            if ready!(self.poll_pass(cx, &transmit)) || segment_size.is_none() {
                train.has_left();
            } else {
                train.falls_apart();
            }
        }
        Poll::Ready(())
    }

    /// Whether the system took it.
    fn poll_pass(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<bool> {
        self.inner.poll_send(cx, transmit).map(|sent| {
            if let Err(error) = &sent {
                debug!(%error, from = %self.local, to = %transmit.destination, "a packet was not sent");
            }
            sent.is_ok()
        })
    }

    fn poll_add(
        &self,
        cx: &mut Context<'_>,
        transmit: &Transmit<'_>,
        leaving: &mut Leaving,
    ) -> Poll<()> {
        let most = self.inner.max_gso_segments();
        let (to, datagram) = (transmit.destination, transmit.contents);
        let single = most > 1 && transmit.segment_size.is_none() && transmit.ecn.is_none();
        if single
            && let Some(train) = &mut leaving.train
            && train.takes(to, datagram, most)
        {
            return Poll::Ready(());
        }
        ready!(self.poll_leave(cx, leaving));
        if single {
            let spare = std::mem::take(&mut leaving.spare);
            leaving.train = Some(Train::new(to, datagram, spare));
            return Poll::Ready(());
        }
        if !ready!(self.poll_pass(cx, transmit))
            && let Some(segment) = transmit.segment_size
        {
            let spare = std::mem::take(&mut leaving.spare);
            leaving.train = Some(Train::refused(to, segment, datagram, spare));
            // What there is no room for leaves at the end of the turn.
            let _ = self.poll_leave(cx, leaving);
        }
        Poll::Ready(())
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

impl Drop for Socket {
    /// The last words of a connection come after its last turn.
    fn drop(&mut self) {
        // What there is no room for now never leaves.
        let _ = self.flush();
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
        let mut leaving = self.leaving.lock();
        let added = self.poll_add(cx, transmit, &mut leaving);
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

    /// Where to, what, and the size of each datagram in it.
    type Sent = (SocketAddr, Vec<u8>, Option<usize>);

    /// Brings these datagrams, then nothing; and takes what is sent while it has room.
    #[derive(Debug, Default)]
    struct Fake {
        arriving: Mutex<VecDeque<Vec<u8>>>,
        sent: Mutex<Vec<Sent>>,
        segments: usize,
        full: AtomicBool,
        /// It says that it takes several at once, and does not.
        no_trains: bool,
        unreachable: bool,
    }

    impl AsyncUdpSocket for Fake {
        fn local_addr(&self) -> io::Result<SocketAddr> {
            Ok(([127, 0, 0, 1], 5000).into())
        }

        fn poll_send(&self, _: &mut Context<'_>, sent: &Transmit<'_>) -> Poll<io::Result<usize>> {
            if self.full.load(Ordering::Relaxed) {
                return Poll::Pending;
            }
            let all = sent.contents.len();
            if self.no_trains && sent.segment_size.is_some() {
                return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
            }
            let contents = sent.contents.to_vec();
            let about = (sent.destination, contents, sent.segment_size);
            self.sent.lock().push(about);
            Poll::Ready(if self.unreachable {
                Err(io::ErrorKind::NetworkUnreachable.into())
            } else {
                Ok(all)
            })
        }

        fn poll_recv(
            &self,
            _: &mut Context<'_>,
            bufs: &mut [IoSliceMut<'_>],
            meta: &mut [RecvMeta],
        ) -> Poll<io::Result<usize>> {
            let Some(data) = self.arriving.lock().pop_front() else {
                return Poll::Pending;
            };
            bufs[0][..data.len()].copy_from_slice(&data);
            meta[0].len = data.len();
            meta[0].stride = data.len();
            Poll::Ready(Ok(1))
        }

        fn max_gso_segments(&self) -> usize {
            self.segments
        }
    }

    fn fake(segments: usize) -> Arc<Fake> {
        Arc::new(Fake {
            segments,
            ..Fake::default()
        })
    }

    fn send(socket: &Socket, port: u16, contents: &[u8]) -> Poll<io::Result<usize>> {
        let transmit = Transmit {
            destination: ([127, 0, 0, 1], port).into(),
            ecn: None,
            contents,
            segment_size: None,
            src_ip: None,
        };
        socket.poll_send(&mut Context::from_waker(Waker::noop()), &transmit)
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
        let fake = Fake {
            arriving: Mutex::new(datagrams),
            ..Fake::default()
        };
        let socket = Socket::new(Arc::new(fake), gate.clone()).unwrap();
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
        let fake = Arc::new(Fake {
            segments: 1,
            unreachable: true,
            ..Fake::default()
        });
        let socket = Socket::new(fake.clone(), Arc::default()).unwrap();
        assert!(matches!(send(&socket, 1, b"abc"), Poll::Ready(Ok(3))));
        assert_eq!(fake.sent.lock().len(), 1);
        let elsewhere = Transmit {
            destination: ([192, 0, 2, 1], 1).into(),
            ecn: None,
            contents: b"abc",
            segment_size: None,
            src_ip: None,
        };
        let mut cx = Context::from_waker(Waker::noop());
        let sent = socket.poll_send(&mut cx, &elsewhere);
        assert!(matches!(sent, Poll::Ready(Ok(3))));
        assert_eq!(fake.sent.lock().len(), 1, "loopback reaches nobody else");
    }

    #[test]
    fn what_is_sent_in_one_turn_leaves_in_few_calls_and_in_order() {
        let fake = fake(64);
        let socket = Socket::new(fake.clone(), Arc::default()).unwrap();
        for (port, data) in [(1, "aaa"), (1, "bbb"), (1, "c"), (1, "ddd"), (2, "eee")] {
            assert!(send(&socket, port, data.as_bytes()).is_ready());
        }
        assert_eq!(fake.sent.lock().len(), 2, "the last may get company");
        assert!(socket.flush() && socket.flush());
        let to = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let all = std::mem::take(&mut *fake.sent.lock());
        assert_eq!(
            all,
            [
                (to(1), b"aaabbbc".to_vec(), Some(3)),
                (to(1), b"ddd".to_vec(), None),
                (to(2), b"eee".to_vec(), None),
            ]
        );
        // The last words.
        assert!(send(&socket, 1, b"bye").is_ready());
        drop(socket);
        assert_eq!(fake.sent.lock().len(), 1);
    }

    #[test]
    fn what_the_system_has_no_room_for_is_not_lost() {
        let fake = fake(64);
        let socket = Socket::new(fake.clone(), Arc::default()).unwrap();
        fake.full.store(true, Ordering::Relaxed);
        assert!(send(&socket, 1, b"aaa").is_ready());
        assert!(!socket.flush());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(socket.poll_flush(&mut cx).is_pending());
        assert!(send(&socket, 1, b"longer").is_pending());
        // Who sends waits for room, and is who will be woken.
        fake.full.store(false, Ordering::Relaxed);
        assert!(socket.flush());
        assert!(fake.sent.lock().is_empty());
        assert!(send(&socket, 1, b"longer").is_ready());
        assert!(socket.flush());
        let sent: Vec<_> = fake.sent.lock().iter().map(|it| it.1.clone()).collect();
        assert_eq!(sent, [&b"aaa"[..], b"longer"]);
    }

    #[test]
    fn what_the_system_does_not_take_together_it_gets_one_by_one() {
        let fake = Arc::new(Fake {
            segments: 64,
            no_trains: true,
            ..Fake::default()
        });
        let socket = Socket::new(fake.clone(), Arc::default()).unwrap();
        for data in ["aaa", "bbb", "c"] {
            assert!(send(&socket, 1, data.as_bytes()).is_ready());
        }
        assert!(socket.flush());
        let sent: Vec<_> = fake.sent.lock().iter().map(|it| it.1.clone()).collect();
        assert_eq!(sent, [&b"aaa"[..], b"bbb", b"c"]);

        // Those that the library has put together as well.
        fake.sent.lock().clear();
        let together = Transmit {
            destination: ([127, 0, 0, 1], 1).into(),
            ecn: None,
            contents: b"aaabbbc",
            segment_size: Some(3),
            src_ip: None,
        };
        let mut cx = Context::from_waker(Waker::noop());
        assert!(socket.poll_send(&mut cx, &together).is_ready());
        assert!(send(&socket, 1, b"ddd").is_ready());
        assert!(socket.flush());
        let sent: Vec<_> = fake.sent.lock().iter().map(|it| it.1.clone()).collect();
        assert_eq!(sent, [&b"aaa"[..], b"bbb", b"c", b"ddd"]);
    }
}
