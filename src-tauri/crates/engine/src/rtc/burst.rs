//! Packets that leave together.
//!
//! The library's task makes a whole turn for each packet that it is handed: through every timer, every queue, and one
//! call of the system for each. So it is handed only the last of those that leave at one moment, and the others join
//! that one here, the first interceptor on the way to the wire. What they have in common is done once then.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use parking_lot::Mutex;
use rtc::{
    interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket},
    rtp,
    sansio::Protocol,
    shared::error::Error,
};

use super::{MediaSender, RtcError, shared::Shared};
use crate::packet::Payload;

/// Farther from the wire than all of the library's, so that nothing misses a packet that joins.
pub(super) const POSITION: usize = 14_000;

/// So many bursts may be on their way: what the library's queue holds.
const QUEUED: u64 = 256;
/// Among so many some have been lost on the way, and their leaders with them: the older ones.
const MOST: usize = 512;

/// Packets of one connection, of any kind, that leave at one moment and in this order.
#[derive(Debug, Default)]
pub struct Burst {
    packets: Vec<(MediaSender, rtp::Packet)>,
}

impl Burst {
    /// Puts a packet behind the others. `timestamp` is in ticks of the kind's clock; `captured` is when what has that time
    /// stamp was captured.
    ///
    /// # Errors
    /// [`RtcError::NotNegotiated`] before the connection stands and where the peer does not take this
    /// kind; [`RtcError::Closed`] after its end. The others are not touched by it.
    pub fn add(
        &mut self,
        sender: &MediaSender,
        payload: &Payload,
        timestamp: u32,
        captured: Instant,
    ) -> Result<(), RtcError> {
        let packet = sender.packet(payload, timestamp, captured)?;
        self.packets.push((sender.clone(), packet));
        Ok(())
    }

    /// Sends them. Waits while the connection's queue of 256 bursts is full.
    ///
    /// # Errors
    /// [`RtcError::Closed`] after the connection's end.
    pub async fn send(mut self) -> Result<(), RtcError> {
        let Some((sender, leader)) = self.packets.pop() else {
            return Ok(());
        };
        let before: Vec<_> = self.packets.into_iter().map(|(_, packet)| packet).collect();
        sender.write(leader, before).await
    }
}

/// Which packet others leave with: its stream and its number.
type Leader = (u32, u16);

fn leader(packet: &rtp::Packet) -> Leader {
    (packet.header.ssrc, packet.header.sequence_number)
}

/// Packets on their way to those that they leave with.
#[derive(Debug, Default)]
pub(super) struct Followers(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// With the number of the burst.
    bursts: HashMap<Leader, (u64, Vec<rtp::Packet>)>,
    next: u64,
}

impl Followers {
    /// These leave before that one.
    pub(super) fn put(&self, packet: &rtp::Packet, before: Vec<rtp::Packet>) {
        let mut all = self.0.lock();
        if before.is_empty() {
            // Of one with the same number, that was lost long ago.
            all.bursts.remove(&leader(packet));
            return;
        }
        let number = all.next;
        all.next += 1;
        if all.bursts.len() >= MOST {
            all.bursts.retain(|_, (other, _)| *other + QUEUED > number);
        }
        all.bursts.insert(leader(packet), (number, before));
    }

    pub(super) fn take(&self, leader: Leader) -> Vec<rtp::Packet> {
        let found = self.0.lock().bursts.remove(&leader);
        found.map(|(_, packets)| packets).unwrap_or_default()
    }
}

/// The interceptor.
pub(super) struct Join {
    shared: Arc<Shared>,
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}

impl Join {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            read: VecDeque::new(),
            write: VecDeque::new(),
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Join {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.read.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.read.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(last) = &packet.message.packet {
            let before = self.shared.followers.take(leader(last));
            self.write
                .extend(before.into_iter().map(|joining| TaggedPacket {
                    now: packet.now,
                    transport: packet.transport,
                    message: Packet::Rtp(joining).into(),
                }));
        }
        self.write.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.write.pop_front()
    }
}

impl Interceptor for Join {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}

    fn unbind_local_stream(&mut self, _: &StreamInfo) {}

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence_number: u16) -> rtp::Packet {
        rtp::Packet {
            header: rtp::header::Header {
                sequence_number,
                ..rtp::header::Header::default()
            },
            ..rtp::Packet::default()
        }
    }

    fn numbers(packets: &[rtp::Packet]) -> Vec<u16> {
        let number = |packet: &rtp::Packet| packet.header.sequence_number;
        packets.iter().map(number).collect()
    }

    #[test]
    fn each_leaves_with_its_own_and_never_with_one_that_was_lost() {
        let followers = Followers::default();
        let take = |number| numbers(&followers.take((0, number)));
        followers.put(&packet(2), vec![packet(1)]);
        followers.put(&packet(5), vec![packet(3), packet(4)]);
        assert_eq!(take(5), [3, 4]);
        // The first one's leader was lost, and much later its number comes again, alone.
        followers.put(&packet(2), vec![]);
        assert!(take(2).is_empty());
    }

    #[test]
    fn however_many_are_lost_those_that_are_on_their_way_stay() {
        let followers = Followers::default();
        for number in 0..5_000u16 {
            followers.put(&packet(2 * number + 1), vec![packet(2 * number)]);
            assert!(followers.0.lock().bursts.len() <= MOST);
            let before = number.saturating_sub(QUEUED as u16 - 1);
            // One in a hundred arrives, when as many wait behind it as there can.
            if before % 100 == 50 && number > before {
                let with = followers.take((0, 2 * before + 1));
                assert_eq!(numbers(&with), [2 * before], "{number}");
            }
        }
    }
}
