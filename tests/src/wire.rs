//! The datagrams that this computer receives, also from itself, for somebody who may see them all and send them in anybody's name: raw
//! sockets, which only the superuser has.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    os::fd::OwnedFd,
    time::Duration,
};

use anyhow::Result;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketType, ipproto, recv, sendto, socket,
    sockopt::{Timeout, set_socket_timeout},
};

/// A datagram on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// Who sent it, by its own word.
    pub from: SocketAddrV4,
    /// To whom.
    pub to: SocketAddrV4,
    /// What is in it.
    pub payload: Vec<u8>,
}

/// The lengths of the headers, in bytes (RFC 791 §3.1 without options; RFC 768).
const IP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;

/// Sees what comes over IPv4.
#[derive(Debug)]
pub struct Wire {
    listening: OwnedFd,
    forging: OwnedFd,
}

impl Wire {
    /// Opens both raw sockets.
    ///
    /// # Errors
    /// This is not allowed.
    pub fn open() -> Result<Self> {
        let raw = |protocol| socket(AddressFamily::INET, SocketType::RAW, Some(protocol));
        Ok(Self {
            listening: raw(ipproto::UDP)?,
            forging: raw(ipproto::RAW)?,
        })
    }

    /// The next datagram; `None`: none comes within this time.
    ///
    /// # Errors
    /// The system cannot.
    pub fn next(&self, within: Duration) -> Result<Option<Datagram>> {
        set_socket_timeout(&self.listening, Timeout::Recv, Some(within))?;
        let mut buffer = [0; 65_536];
        let length = match recv(&self.listening, &mut buffer[..], RecvFlags::empty()) {
            Ok((_, length)) => length,
            Err(rustix::io::Errno::AGAIN) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(read(&buffer[..length]))
    }

    /// Sends a datagram in the name of its `from`.
    ///
    /// # Errors
    /// The system cannot.
    pub fn forge(&self, datagram: &Datagram) -> Result<()> {
        let to = SocketAddrV4::new(*datagram.to.ip(), 0);
        sendto(&self.forging, &written(datagram), SendFlags::empty(), &to)?;
        Ok(())
    }
}

/// What is in an IPv4 packet that carries UDP.
fn read(packet: &[u8]) -> Option<Datagram> {
    let number = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let address = |at: usize| -> Option<Ipv4Addr> {
        let octets: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
        Some(octets.into())
    };
    let header = usize::from(packet.first()? & 0xf) * 4;
    Some(Datagram {
        from: SocketAddrV4::new(address(12)?, number(header)?),
        to: SocketAddrV4::new(address(16)?, number(header + 2)?),
        payload: packet.get(header + UDP_HEADER..)?.to_vec(),
    })
}

/// The IPv4 packet of a datagram. The system fills in the checksum of the one, and the other needs none.
fn written(datagram: &Datagram) -> Vec<u8> {
    let udp_length = UDP_HEADER + datagram.payload.len();
    let word = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes();
    let mut packet = vec![0x45, 0];
    packet.extend(word(IP_HEADER + udp_length));
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    packet.extend(datagram.from.ip().octets());
    packet.extend(datagram.to.ip().octets());
    packet.extend(datagram.from.port().to_be_bytes());
    packet.extend(datagram.to.port().to_be_bytes());
    packet.extend(word(udp_length));
    packet.extend([0, 0]);
    packet.extend(&datagram.payload);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_read_as_it_was_written() {
        let datagram = Datagram {
            from: SocketAddrV4::new([127, 1, 2, 3].into(), 4_000),
            to: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 5_000),
            payload: b"hello".to_vec(),
        };
        assert_eq!(read(&written(&datagram)), Some(datagram));
        assert_eq!(read(&[0x45; 27]), None);
    }
}
