//! Looks into what a TURN client of this end sends and receives, so that what is relayed is held to the same rules as
//! what comes directly (RFC 8656).
//!
//! It learns the servers and the channels from the own requests: nobody else can name one.

use std::{net::SocketAddr, time::Instant};

use super::{
    path::Path,
    stun::{Class, Message, method},
    turn_pacer::TurnPacer,
};

/// The most servers that are known at once; each local address has its own allocation on each server.
const MAX_SERVERS: usize = 64;

/// The most channels that are known at once. A new one takes the place of that which was used the longest time ago.
const MAX_CHANNELS: usize = 128;

/// The length of the header of ChannelData, in bytes (RFC 8656 §12.4).
const CHANNEL_HEADER: usize = 4;

/// The servers and channels of a connection.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// The own address and the server's.
    servers: Vec<(SocketAddr, SocketAddr)>,
    channels: Vec<Channel>,
    pacer: TurnPacer,
}

#[derive(Debug)]
struct Channel {
    number: u16,
    /// Where it leads.
    path: Path,
    used: Instant,
}

impl Turn {
    /// Learns from a request that this end sends to `to`. Returns whether it may leave now.
    pub(super) fn requested(
        &mut self,
        now: Instant,
        local: SocketAddr,
        to: SocketAddr,
        message: &Message<'_>,
    ) -> bool {
        let method = message.method();
        if method == method::ALLOCATE {
            self.learn_server(local, to);
            return true;
        }
        if !matches!(method, method::CREATE_PERMISSION | method::CHANNEL_BIND) {
            return true;
        }
        let Some(peer) = message.peer_address() else {
            return true;
        };
        if let Some(number) = message.channel_number() {
            self.learn_channel(now, number, Path::relayed(local, to, peer));
        }
        self.pacer.may_leave(now, method, [local, to, peer])
    }

    fn learn_server(&mut self, local: SocketAddr, to: SocketAddr) {
        if self.is_server(local, to) {
            return;
        }
        if self.servers.len() == MAX_SERVERS {
            self.servers.remove(0);
        }
        let outer = Path::direct(local, to);
        self.servers.push((outer.local, outer.remote));
    }

    fn learn_channel(&mut self, now: Instant, number: u16, path: Path) {
        let same = |known: &Channel| {
            known.number == number
                && known.path.local == path.local
                && known.path.relay == path.relay
        };
        self.channels.retain(|channel| !same(channel));
        if self.channels.len() == MAX_CHANNELS {
            let channels = self.channels.iter().enumerate();
            let oldest = channels.min_by_key(|(_, channel)| channel.used);
            if let Some((at, _)) = oldest {
                self.channels.swap_remove(at);
            }
        }
        self.channels.push(Channel {
            number,
            path,
            used: now,
        });
    }

    /// Returns whether this end has asked `from` for an allocation.
    pub(super) fn is_server(&self, local: SocketAddr, from: SocketAddr) -> bool {
        let outer = Path::direct(local, from);
        self.servers.contains(&(outer.local, outer.remote))
    }

    /// The path of ChannelData between this end and `server`, and the datagram in it. `None`: the channel is not
    /// known, or the data is cut off.
    pub(super) fn channel_data<'a>(
        &mut self,
        now: Instant,
        local: SocketAddr,
        server: SocketAddr,
        datagram: &'a [u8],
    ) -> Option<(Path, &'a [u8])> {
        let header = datagram.get(..CHANNEL_HEADER)?;
        let number = u16::from_be_bytes([header[0], header[1]]);
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let data = datagram.get(CHANNEL_HEADER..CHANNEL_HEADER + length)?;
        let outer = Path::direct(local, server);
        let channel = self.channels.iter_mut().find(|known| {
            known.number == number
                && known.path.local == outer.local
                && known.path.relay == Some(outer.remote)
        })?;
        channel.used = now;
        Some((channel.path, data))
    }
}

/// The path and the datagram in a Send indication to `server`, or in a Data indication from it. `None`: it is neither.
pub(super) fn indication<'a>(
    local: SocketAddr,
    server: SocketAddr,
    message: &Message<'a>,
) -> Option<(Path, &'a [u8])> {
    let carries = message.class() == Class::Indication
        && matches!(message.method(), method::SEND | method::DATA);
    if !carries {
        return None;
    }
    let path = Path::relayed(local, server, message.peer_address()?);
    Some((path, message.data()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::stun::tests as stun, *};

    fn at(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    fn now() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some instant")]
        Instant::now()
    }

    fn bind(number: u16, peer: SocketAddr) -> Vec<u8> {
        let number = [number.to_be_bytes(), [0; 2]].concat();
        let attributes: [(u16, &[u8]); 2] = [(0x0c, &number), (0x12, &stun::peer(peer))];
        stun::build(0x0009, [1; 12], &attributes, None)
    }

    #[test]
    fn a_channel_leads_where_this_end_has_bound_it() {
        let mut turn = Turn::default();
        let allocate = stun::build(0x0003, [1; 12], &[], None);
        assert!(!turn.is_server(at(1), at(2)));
        turn.requested(now(), at(1), at(2), &Message::parse(&allocate).unwrap());
        assert!(turn.is_server(at(1), at(2)) && !turn.is_server(at(1), at(3)));
        let requested = bind(0x4001, at(9));
        turn.requested(now(), at(1), at(2), &Message::parse(&requested).unwrap());
        let datagram = [&[0x40, 1, 0, 3][..], b"abc\0"].concat();
        let (path, data) = turn.channel_data(now(), at(1), at(2), &datagram).unwrap();
        assert_eq!(
            (path, data),
            (Path::relayed(at(1), at(2), at(9)), &b"abc"[..])
        );
        // Another server, another socket, another channel, and data that is cut off.
        assert!(turn.channel_data(now(), at(1), at(3), &datagram).is_none());
        assert!(turn.channel_data(now(), at(7), at(2), &datagram).is_none());
        assert!(
            turn.channel_data(now(), at(1), at(2), &[0x40, 2, 0, 0])
                .is_none()
        );
        assert!(
            turn.channel_data(now(), at(1), at(2), &datagram[..6])
                .is_none()
        );
        // A channel that is bound again leads elsewhere.
        let requested = bind(0x4001, at(10));
        turn.requested(now(), at(1), at(2), &Message::parse(&requested).unwrap());
        let (path, _) = turn.channel_data(now(), at(1), at(2), &datagram).unwrap();
        assert_eq!(path.remote, at(10));
    }

    #[test]
    fn servers_and_channels_are_bounded_and_those_in_use_stay() {
        let mut turn = Turn::default();
        let in_use = bind(0x4fff, at(9));
        turn.requested(now(), at(1), at(2), &Message::parse(&in_use).unwrap());
        for n in 0..1_000 {
            let allocate = stun::build(0x0003, [1; 12], &[], None);
            turn.requested(now(), at(1), at(n), &Message::parse(&allocate).unwrap());
            let requested = bind(n, at(n));
            turn.requested(now(), at(1), at(2), &Message::parse(&requested).unwrap());
            let datagram = [0x4f, 0xff, 0, 0];
            assert!(turn.channel_data(now(), at(1), at(2), &datagram).is_some());
        }
        assert_eq!(turn.servers.len(), MAX_SERVERS);
        assert_eq!(turn.channels.len(), MAX_CHANNELS);
        assert!(turn.is_server(at(1), at(999)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut turn = Turn::default();
            let requested = bind(0x4001, at(9));
            turn.requested(now(), at(1), at(2), &Message::parse(&requested).unwrap());
            let _ = turn.channel_data(now(), at(1), at(2), &bytes);
            if let Some(message) = Message::parse(&bytes) {
                turn.requested(now(), at(1), at(2), &message);
                let _ = indication(at(1), at(2), &message);
            }
        }
    }
}
