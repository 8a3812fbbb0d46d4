//! A socket over one that only exists in memory.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{gate::MAX_EARLY, *};
use crate::rtc::guard::stun_tests::check;

/// Where to, what, and the size of each datagram in it.
type Sent = (SocketAddr, Vec<u8>, Option<usize>);

/// Brings these datagrams, then nothing; and takes what is sent while it has room.
#[derive(Debug, Default)]
struct Fake {
    /// From where, the size of each datagram in it, and what.
    arriving: Mutex<VecDeque<(SocketAddr, usize, Vec<u8>)>>,
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
        let Some((from, stride, data)) = self.arriving.lock().pop_front() else {
            return Poll::Pending;
        };
        bufs[0][..data.len()].copy_from_slice(&data);
        meta[0].addr = from;
        meta[0].len = data.len();
        meta[0].stride = stride;
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
    let mut buf = [0; 400];
    let mut meta = [RecvMeta::default()];
    let mut cx = Context::from_waker(Waker::noop());
    let ready = socket.poll_recv(&mut cx, &mut [IoSliceMut::new(&mut buf)], &mut meta);
    ready.is_ready().then(|| buf[..meta[0].len].to_vec())
}

/// One that takes checks with the password `password`.
fn guard() -> Arc<Guard> {
    let guard = Arc::new(Guard::default());
    guard.filter().set_credentials("ours", "password");
    guard.filter().ssrcs().allow_payload_types(1 << 96);
    guard
}

/// A record of a handshake with this byte in it.
fn record(byte: u8) -> Vec<u8> {
    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13];
    record.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, byte]);
    record
}

fn picture(sequence_number: u8) -> Vec<u8> {
    let mut packet = vec![0x80, 96, 0, sequence_number, 0, 0, 0, 0, 0, 0, 0, 1];
    packet.extend([0; 20]);
    packet
}

fn arrive(fake: &Fake, from: u16, datagrams: impl IntoIterator<Item = Vec<u8>>) {
    let from = SocketAddr::from(([127, 0, 0, 1], from));
    let datagrams = datagrams.into_iter();
    let arriving = datagrams.map(|data| (from, data.len(), data));
    fake.arriving.lock().extend(arriving);
}

#[test]
fn early_dtls_waits_for_the_pair_and_checks_do_not() {
    let check = check("ours", 1, "password");
    let gate = Arc::new(Gate::default());
    gate.open(Stage::Described);
    let fake = fake(1);
    arrive(&fake, 1, [record(0)]);
    arrive(&fake, 1, [check.clone(), record(1)]);
    arrive(&fake, 2, [record(2)]);
    arrive(&fake, 1, (0..20).map(|_| record(3)));
    let socket = Socket::new(fake, gate.clone(), guard()).unwrap();
    assert_eq!(receive(&socket), Some(check));
    assert_eq!(receive(&socket), None);
    gate.open(Stage::Selected);
    // What came before the peer had proven itself, and what a stranger sent, is not among it.
    assert_eq!(receive(&socket), Some(record(1)));
    for _ in 1..MAX_EARLY {
        assert_eq!(receive(&socket), Some(record(3)));
    }
    assert_eq!(receive(&socket), None);
}

#[test]
fn early_checks_wait_for_the_peers_description() {
    let gate = Arc::new(Gate::default());
    let fake = fake(1);
    let numbered = |id| check("ours", id, "password");
    for from in 1..30 {
        arrive(&fake, from, [numbered(1), numbered(2)]);
    }
    arrive(&fake, 1, [record(1)]);
    let socket = Socket::new(fake.clone(), gate.clone(), guard()).unwrap();
    for _ in 0..10 {
        assert_eq!(receive(&socket), None);
    }
    gate.open(Stage::Described);
    for _ in 0..MAX_EARLY {
        assert_eq!(receive(&socket), Some(numbered(2)), "the latest of each");
    }
    assert_eq!(receive(&socket), None);
    gate.open(Stage::Selected);
    assert_eq!(receive(&socket), Some(record(1)));
    // A restart begins anew.
    gate.close(Stage::Described);
    arrive(&fake, 1, [numbered(3), record(2)]);
    assert_eq!(receive(&socket), Some(record(2)));
    gate.open(Stage::Described);
    assert_eq!(receive(&socket), Some(numbered(3)));
}

#[test]
fn only_the_peer_gets_media_and_keys_in() {
    let gate = Arc::new(Gate::default());
    gate.open(Stage::Described);
    gate.open(Stage::Selected);
    let fake = fake(1);
    let forged = check("ours", 2, "guessed");
    let check = check("ours", 1, "password");
    arrive(&fake, 1, [check.clone()]);
    arrive(
        &fake,
        2,
        [picture(1), record(1), forged, vec![0; 8], vec![]],
    );
    arrive(&fake, 1, [picture(2), record(2)]);
    let socket = Socket::new(fake.clone(), gate, guard()).unwrap();
    assert_eq!(receive(&socket), Some(check));
    assert_eq!(receive(&socket), Some(picture(2)));
    assert_eq!(receive(&socket), Some(record(2)));
    assert_eq!(receive(&socket), None);
    // A flood does not hold up the task.
    arrive(&fake, 2, (0..1_000).map(|_| picture(1)));
    assert_eq!(receive(&socket), None);
    assert!(fake.arriving.lock().len() > 900);
}

#[test]
fn of_datagrams_that_the_system_hands_over_together_each_is_looked_at() {
    let gate = Arc::new(Gate::default());
    gate.open(Stage::Described);
    gate.open(Stage::Selected);
    let fake = fake(1);
    arrive(&fake, 1, [check("ours", 1, "password")]);
    let other = {
        let mut other = picture(3);
        other[1] = 97;
        other
    };
    let mut short = picture(5);
    short.truncate(20);
    let together = [picture(2), other, picture(4), short.clone()].concat();
    let from = SocketAddr::from(([127, 0, 0, 1], 1));
    let stride = picture(2).len();
    fake.arriving.lock().push_back((from, stride, together));
    let socket = Socket::new(fake, gate, guard()).unwrap();
    assert!(receive(&socket).is_some());
    let left = [picture(2), picture(4), short].concat();
    assert_eq!(receive(&socket), Some(left));
}

#[test]
fn a_check_waits_for_its_turn_and_then_leaves() {
    let fake = fake(1);
    let guard = guard();
    let socket = Socket::new(fake.clone(), Arc::default(), guard.clone()).unwrap();
    for port in [1, 2, 3, 1] {
        assert!(
            send(
                &socket,
                port,
                &check("theirs", port as u8, "their password")
            )
            .is_ready()
        );
    }
    assert!(fake.sent.lock().is_empty());
    assert!(guard.is_holding());
    let mut next = None;
    while fake.sent.lock().len() < 3 {
        next = guard.send_checks(|path, datagram| socket.send_check(path.destination(), datagram));
    }
    assert_eq!((next, guard.is_holding()), (None, false));
    let ports: Vec<_> = fake
        .sent
        .lock()
        .iter()
        .map(|(to, _, _)| to.port())
        .collect();
    assert_eq!(ports, [1, 2, 3]);
    assert_eq!(guard.refused().checks_sent, 3);
    assert_eq!(guard.refused().checks_made, 4);
}

#[test]
fn of_checks_that_are_sent_together_each_waits_for_its_turn() {
    let fake = fake(64);
    let guard = guard();
    let socket = Socket::new(fake.clone(), Arc::default(), guard.clone()).unwrap();
    let first = check("theirs", 1, "their password");
    let together = [&first[..], &check("theirs", 2, "their password")].concat();
    let transmit = Transmit {
        destination: ([127, 0, 0, 1], 1).into(),
        ecn: None,
        contents: &together,
        segment_size: Some(first.len()),
        src_ip: None,
    };
    let mut cx = Context::from_waker(Waker::noop());
    assert!(socket.poll_send(&mut cx, &transmit).is_ready());
    assert!(socket.flush());
    assert!(fake.sent.lock().is_empty());
    guard.send_checks(|path, datagram| socket.send_check(path.destination(), datagram));
    assert!(socket.flush());
    assert_eq!(fake.sent.lock().len(), 1);
}

#[test]
fn a_send_that_cannot_work_is_no_error() {
    let fake = Arc::new(Fake {
        segments: 1,
        unreachable: true,
        ..Fake::default()
    });
    let socket = Socket::new(fake.clone(), Arc::default(), guard()).unwrap();
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
    let socket = Socket::new(fake.clone(), Arc::default(), guard()).unwrap();
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
    let socket = Socket::new(fake.clone(), Arc::default(), guard()).unwrap();
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
    let socket = Socket::new(fake.clone(), Arc::default(), guard()).unwrap();
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
