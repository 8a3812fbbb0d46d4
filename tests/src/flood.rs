//! Floods a program's sockets with packets that nobody with its keys has made.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::sockets::udp_sockets;

/// Between two looks at which sockets the program has.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Makes the packet of a number for the socket at a port.
pub type Maker = dyn FnMut(u64, u16) -> Vec<u8> + Send;

/// A flood that goes on until it is dropped.
#[derive(Debug)]
pub struct Flood {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    /// Sends `rate` packets a second from a socket of its own to those of the process `pid`, in turn, from when it has
    /// any.
    pub fn start(pid: i32, rate: u32, mut make: Box<Maker>) -> Self {
        let (stop, sent) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (stopped, count) = (stop.clone(), sent.clone());
        let thread = std::thread::spawn(move || {
            // One that sends over both versions of IP, or where there is no IPv6 over the one.
            let any = [
                IpAddr::from(Ipv6Addr::UNSPECIFIED),
                Ipv4Addr::UNSPECIFIED.into(),
            ];
            let bound = any.iter().find_map(|ip| UdpSocket::bind((*ip, 0)).ok());
            let Some(socket) = bound else {
                return;
            };
            let both = socket.local_addr().is_ok_and(|address| address.is_ipv6());
            let (mut sockets, mut looked) = (Vec::new(), None::<Instant>);
            let (mut begin, mut due, mut n) = (now(), 0, 0);
            while !stopped.load(Ordering::Relaxed) {
                if looked.is_none_or(|at| at.elapsed() > LOOK_AGAIN) {
                    sockets = udp_sockets(pid).unwrap_or_default();
                    looked = Some(now());
                }
                if sockets.is_empty() {
                    (begin, due) = (now(), 0);
                }
                while due < (begin.elapsed().as_secs_f64() * f64::from(rate)) as u64 {
                    due += 1;
                    n += 1;
                    let Some(to) = sockets.get(n as usize % sockets.len().max(1)) else {
                        break;
                    };
                    // An answer of the system that nobody is there any more comes back as an error.
                    let to = if both { mapped(*to) } else { *to };
                    let sent = socket.send_to(&make(n, to.port()), to);
                    count.fetch_add(u64::from(sent.is_ok()), Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Self {
            stop,
            sent,
            thread: Some(thread),
        }
    }

    /// How many packets have left.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a flood has a rate")]
    Instant::now()
}

/// Converts an IPv4 address into the IPv6 one by which a socket for both reaches it (RFC 4291 §2.5.5.2).
fn mapped(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

/// Numbers that look random and are the same each time.
#[derive(Debug, Clone)]
pub struct Numbers(u64);

impl Numbers {
    /// Begins anew.
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// The next one.
    pub fn number(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.number() as u8).collect()
    }
}

/// The ufrag of whoever listens at a port, where it is known.
pub type Ufrags = Arc<std::sync::Mutex<HashMap<u16, String>>>;

/// All kinds of forged packets, one after the other. Checks name the ufrag of whom they go to, where `ufrags` knows it.
pub fn forged(ufrags: Ufrags) -> Box<Maker> {
    let mut numbers = Numbers::new(7);
    Box::new(move |n, port| match n % 8 {
        0 | 1 => pointing_fragments(n / 8 * 2 + n % 8, n),
        2 => rtp(&mut numbers),
        3 => rtcp(&mut numbers),
        4 => dtls(n / 8, n, &mut numbers),
        5 => turn(n / 8, &mut numbers),
        _ => {
            let known = ufrags
                .lock()
                .ok()
                .and_then(|known| known.get(&port).cloned());
            stun(n / 2, known.as_deref().unwrap_or("nobody"), &mut numbers)
        }
    })
}

fn record(kind: u8, epoch: u16, number: u64, body: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 0xfe, 0xfd];
    record.extend(epoch.to_be_bytes());
    record.extend(&number.to_be_bytes()[2..]);
    record.extend((body.len() as u16).to_be_bytes());
    record.extend(body);
    record
}

/// The most records of one datagram here.
const RECORDS: u64 = 64;

/// Fragments of a handshake message that hold nothing and of which each names the next as what follows it, the last ones
/// first; those of the following `n` go on. A reader that follows them by calling itself runs out of stack. Three messages
/// are tried: which of them is awaited depends on what was said before. The numbers of the records grow with `datagram`,
/// or they would be taken for repetitions.
pub fn pointing_fragments(n: u64, datagram: u64) -> Vec<u8> {
    let (message, n) = (5 + (n % 3) as u16, n / 3);
    let mut records = Vec::new();
    for fragment in 0..RECORDS {
        let offset = 29_999 - ((n * RECORDS + fragment) % 30_000) as u32;
        let mut body = vec![11, 0, 0, 0];
        body.extend(message.to_be_bytes());
        body.extend(&offset.to_be_bytes()[1..]);
        body.extend([0, 0, 1]);
        records.extend(record(22, 0, datagram * RECORDS + fragment + 1_000, &body));
    }
    records
}

/// An RTP packet of a stream that nobody knows, with a payload type that is in use.
pub fn rtp(numbers: &mut Numbers) -> Vec<u8> {
    let payload_type = [96, 97, 98, 99, 111][numbers.number() as usize % 5];
    let mut packet = vec![0x80, payload_type];
    packet.extend(numbers.bytes(10));
    packet.extend(numbers.bytes(100));
    packet
}

/// A report of a sender that nobody knows.
pub fn rtcp(numbers: &mut Numbers) -> Vec<u8> {
    let kind = [200, 201, 205, 206][numbers.number() as usize % 4];
    let mut packet = vec![0x81, kind, 0, 6];
    packet.extend(numbers.bytes(38));
    packet
}

/// Records that would end a handshake or a connection, or begin another; of seven kinds in turn, by `n`. For `datagram`
/// as for [`pointing_fragments`].
pub fn dtls(n: u64, datagram: u64, numbers: &mut Numbers) -> Vec<u8> {
    let number = datagram * RECORDS + 1_000;
    match n % 7 {
        0 => record(21, 0, number, &[2, 40]),
        1 => record(21, 0, number, &[1, 0]),
        2 => record(23, 0, number, &numbers.bytes(40)),
        3 => record(20, 0, number, &[1]),
        4 => {
            let mut hello = vec![1, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 60];
            hello.extend(numbers.bytes(60));
            record(22, 0, number, &hello)
        }
        5 => record(22, 1, number, &numbers.bytes(48)),
        _ => record(23, 1, number, &numbers.bytes(200)),
    }
}

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

fn stun_message(kind: u16, attributes: &[(u16, &[u8])], numbers: &mut Numbers) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, value) in attributes {
        body.extend(kind.to_be_bytes());
        body.extend((value.len() as u16).to_be_bytes());
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let mut message = kind.to_be_bytes().to_vec();
    message.extend((body.len() as u16).to_be_bytes());
    message.extend(COOKIE);
    message.extend(numbers.bytes(12));
    message.extend(body);
    message
}

/// Checks without the password, in either role and with the strongest and the weakest claim to it, and messages that
/// answer nothing.
pub fn stun(n: u64, ufrag: &str, numbers: &mut Numbers) -> Vec<u8> {
    let username = format!("{ufrag}:theirs");
    let integrity = numbers.bytes(20);
    let claim = if n & 1 == 0 { [0xff; 8] } else { [0; 8] };
    let role = if n & 2 == 0 { 0x802a } else { 0x8029 };
    let all: [(u16, &[u8]); 5] = [
        (0x0006, username.as_bytes()),
        (0x0024, &[0x6e, 0, 0xff, 0xff]),
        (role, &claim),
        (0x0025, &[]),
        (0x0008, &integrity),
    ];
    match n / 4 % 5 {
        0 => stun_message(0x0001, &all, numbers),
        1 => stun_message(0x0001, &all[..3], numbers),
        2 => stun_message(0x0101, &all[4..], numbers),
        3 => stun_message(0x0011, &[], numbers),
        _ => stun_message(0x0111, &[(0x0009, &[0, 0, 4, 87])], numbers),
    }
}

/// What a TURN server would send, with somebody else's media in it.
pub fn turn(n: u64, numbers: &mut Numbers) -> Vec<u8> {
    let inner = rtp(numbers);
    if n.is_multiple_of(2) {
        let mut datagram = vec![0x40, 0];
        datagram.extend((inner.len() as u16).to_be_bytes());
        datagram.extend(inner);
        return datagram;
    }
    let peer = [0, 1, 0x11, 0x22, 0x5e, 0x12, 0xa4, 0x43];
    stun_message(0x0017, &[(0x0012, &peer), (0x0013, &inner)], numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_has_the_rate_that_it_was_given() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let own = std::process::id().cast_signed();
        let begin = now();
        let flood = Flood::start(own, 1_000, forged(Ufrags::default()));
        while flood.sent() < 200 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let took = begin.elapsed();
        drop(flood);
        assert!(took >= Duration::from_millis(190), "{took:?}");
        let mut buffer = [0; 2_000];
        assert!(socket.recv(&mut buffer).is_ok());
    }
}
