//! A capture of the packets of this computer, and datagrams sent under a forged source address. Both take raw sockets,
//! which only the superuser may open.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::Result;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketType, eth, ipproto, recv, sendto, socket,
    sockopt::{Timeout, set_socket_timeout},
};

/// The numbers of the protocols (IANA, Assigned Internet Protocol Numbers).
const TCP: u8 = 6;
const UDP: u8 = 17;

/// The lengths of the headers, in bytes (RFC 791 §3.1 and RFC 8200 §3 without options; RFC 768).
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
const UDP_HEADER: usize = 8;

/// A UDP datagram or the data of a TCP segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The number of the protocol.
    protocol: u8,
    /// The source address.
    pub from: SocketAddr,
    /// The destination address.
    pub to: SocketAddr,
    /// The data after the headers.
    pub payload: Vec<u8>,
}

impl Packet {
    /// Returns whether this is a UDP datagram.
    pub fn is_udp(&self) -> bool {
        self.protocol == UDP
    }

    /// Returns a packet of the other direction.
    pub fn reversed(&self) -> Self {
        Self {
            from: self.to,
            to: self.from,
            ..self.clone()
        }
    }

    /// Returns a packet on the same path with this payload.
    pub fn with_payload(&self, payload: Vec<u8>) -> Self {
        Self {
            payload,
            ..self.clone()
        }
    }
}

/// A socket that receives each packet of this computer, and sockets that send datagrams with any source address. A
/// packet on loopback is received twice: when it leaves and when it arrives.
#[derive(Debug)]
pub struct Wire {
    listening: OwnedFd,
    forging_v4: OwnedFd,
    forging_v6: OwnedFd,
}

impl Wire {
    /// Opens the raw sockets.
    ///
    /// # Errors
    /// The system does not allow it.
    pub fn open() -> Result<Self> {
        let raw = |family| socket(family, SocketType::RAW, Some(ipproto::RAW));
        Ok(Self {
            listening: socket(AddressFamily::PACKET, SocketType::DGRAM, Some(eth::ALL))?,
            forging_v4: raw(AddressFamily::INET)?,
            forging_v6: raw(AddressFamily::INET6)?,
        })
    }

    /// Receives a packet; `None`: none arrived within this time, or one of another protocol.
    ///
    /// # Errors
    /// The socket cannot receive.
    pub fn next(&self, within: Duration) -> Result<Option<Packet>> {
        set_socket_timeout(&self.listening, Timeout::Recv, Some(within))?;
        let mut buffer = [0; 65_536];
        let length = match recv(&self.listening, &mut buffer[..], RecvFlags::empty()) {
            Ok((_, length)) => length,
            Err(rustix::io::Errno::AGAIN) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(read(&buffer[..length]))
    }

    /// Sends the payload of `packet` as a datagram from its `from` to its `to`.
    ///
    /// # Errors
    /// The system cannot send it.
    pub fn forge(&self, packet: &Packet) -> Result<()> {
        let forging = match packet.to {
            SocketAddr::V4(_) => &self.forging_v4,
            SocketAddr::V6(_) => &self.forging_v6,
        };
        // A raw socket takes the port of an address for the number of a protocol.
        let to = SocketAddr::new(packet.to.ip(), 0);
        sendto(forging, &written(packet), SendFlags::empty(), &to)?;
        Ok(())
    }
}

/// A capture on a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct Capture {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    /// Calls `on_packet` with each packet of this computer.
    ///
    /// # Errors
    /// The system does not allow it.
    pub fn start(mut on_packet: impl FnMut(Packet) + Send + 'static) -> Result<Self> {
        let wire = Wire::open()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                if let Ok(Some(packet)) = wire.next(Duration::from_millis(100)) {
                    on_packet(packet);
                }
            }
        });
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reads an IPv4 or IPv6 packet that carries UDP or TCP.
fn read(packet: &[u8]) -> Option<Packet> {
    let number = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let v4 = |at: usize| -> Option<IpAddr> {
        let octets: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
        Some(Ipv4Addr::from(octets).into())
    };
    let v6 = |at: usize| -> Option<IpAddr> {
        let octets: [u8; 16] = packet.get(at..at + 16)?.try_into().ok()?;
        Some(Ipv6Addr::from(octets).into())
    };
    let first = packet.first()?;
    let (header, protocol, from, to) = match first >> 4 {
        4 => (
            usize::from(first & 0xf) * 4,
            *packet.get(9)?,
            v4(12)?,
            v4(16)?,
        ),
        6 => (IPV6_HEADER, *packet.get(6)?, v6(8)?, v6(24)?),
        _ => return None,
    };
    let data = match protocol {
        UDP => header + UDP_HEADER,
        // The data offset counts words of four bytes (RFC 9293 §3.1).
        TCP => header + usize::from(packet.get(header + 12)? >> 4) * 4,
        _ => return None,
    };
    Some(Packet {
        protocol,
        from: SocketAddr::new(from, number(header)?),
        to: SocketAddr::new(to, number(header + 2)?),
        payload: packet.get(data..)?.to_vec(),
    })
}

fn word(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes()
}

/// Writes the IP packet of a datagram. The system fills in the checksum of an IPv4 header.
fn written(packet: &Packet) -> Vec<u8> {
    let length = UDP_HEADER + packet.payload.len();
    let mut datagram = packet.from.port().to_be_bytes().to_vec();
    datagram.extend(packet.to.port().to_be_bytes());
    datagram.extend(word(length));
    datagram.extend([0, 0]);
    datagram.extend(&packet.payload);
    match (packet.from.ip(), packet.to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut written = vec![0x45, 0];
            written.extend(word(IPV4_HEADER + length));
            written.extend([0, 0, 0, 0, 64, UDP, 0, 0]);
            written.extend(from.octets());
            written.extend(to.octets());
            // Over IPv4 a datagram needs no checksum.
            written.extend(datagram);
            written
        }
        (from, to) => {
            let [from, to] = [from, to].map(|ip| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            });
            let sum = checksum(&from, &to, &datagram);
            datagram[6..8].copy_from_slice(&sum.to_be_bytes());
            let mut written = vec![0x60, 0, 0, 0];
            written.extend(word(length));
            written.extend([UDP, 64]);
            written.extend(from);
            written.extend(to);
            written.extend(datagram);
            written
        }
    }
}

/// Computes the checksum of a UDP datagram over IPv6 (RFC 8200 §8.1).
fn checksum(from: &[u8; 16], to: &[u8; 16], datagram: &[u8]) -> u16 {
    let length = word(datagram.len());
    let pseudo_header = [from, to, &length[..], &[0, UDP]].concat();
    let words = pseudo_header.chunks(2).chain(datagram.chunks(2));
    let mut sum: u32 = words
        .map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    match !(sum as u16) {
        0 => 0xffff,
        sum => sum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(from: &str, to: &str) -> Packet {
        Packet {
            protocol: UDP,
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            payload: b"hello".to_vec(),
        }
    }

    #[test]
    fn a_datagram_is_read_as_it_was_written() {
        for [from, to] in [
            ["127.1.2.3:4000", "127.0.0.1:5000"],
            ["[fd00::1]:4000", "[fd00::2]:5000"],
        ] {
            let packet = packet(from, to);
            assert_eq!(read(&written(&packet)), Some(packet));
        }
        assert_eq!(read(&[0x45; 27]), None);
        assert_eq!(read(&[0x60; 47]), None);
    }

    #[test]
    fn forged_datagrams_are_delivered_over_both_versions_of_ip() {
        let Ok(wire) = Wire::open() else {
            // The scenarios that need raw sockets say so where they are not allowed.
            return;
        };
        for host in ["127.0.0.1", "[::1]"] {
            let Ok(socket) = std::net::UdpSocket::bind(format!("{host}:0")) else {
                continue;
            };
            socket
                .set_read_timeout(Some(Duration::from_secs(5)))
                .unwrap();
            let to = socket.local_addr().unwrap().to_string();
            let from = format!("{host}:9");
            wire.forge(&packet(&from, &to)).unwrap();
            let mut buffer = [0; 10];
            let (length, source) = socket.recv_from(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"hello");
            assert_eq!(source.to_string(), from);
        }
    }
}
