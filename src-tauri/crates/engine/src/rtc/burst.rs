//! Packets that leave together.
//!
//! The library's task makes a whole turn for each packet that it is handed: through every timer, every queue, and one
//! call of the system for each. So it is handed only the last of those that leave at one moment, and the others join
//! that one here, the first interceptor on the way to the wire. What they have in common is done once then.

use std::{collections::VecDeque, mem, sync::Arc};

use parking_lot::Mutex;
use rtc::{
    interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket},
    rtp,
    sansio::Protocol,
    shared::error::Error,
};

use super::shared::Shared;

/// As many packets wait for the last of their burst at most.
pub(super) const MOST: usize = 64;

/// Farther from the wire than all of the library's, so that nothing misses a packet that joins.
pub(super) const POSITION: usize = 14_000;

/// Packets that leave with the next one.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Vec<rtp::Packet>>);

impl Waiting {
    /// `false`: too many wait already, and this one is lost.
    pub(super) fn push(&self, packet: rtp::Packet) -> bool {
        let mut waiting = self.0.lock();
        let has_room = waiting.len() < MOST;
        if has_room {
            waiting.push(packet);
        }
        has_room
    }

    /// None of them leaves.
    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }

    fn take(&self) -> Vec<rtp::Packet> {
        mem::take(&mut *self.0.lock())
    }
}

/// The interceptor.
pub(super) struct Burst {
    shared: Arc<Shared>,
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}

impl Burst {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            read: VecDeque::new(),
            write: VecDeque::new(),
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Burst {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = std::time::Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.read.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.read.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(_) = packet.message.packet {
            let before = self.shared.waiting.take().into_iter();
            self.write.extend(before.map(|joining| TaggedPacket {
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

impl Interceptor for Burst {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}

    fn unbind_local_stream(&mut self, _: &StreamInfo) {}

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
