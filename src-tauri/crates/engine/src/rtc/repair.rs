//! How much is sent again.
//!
//! The library answers each request for a lost packet at once and without end. On a path that has just become narrow that
//! fills the queue with what nobody waits for any more, and more is lost; and four bytes of a hostile peer would fetch
//! seventeen packets. So what is sent again has its own share of the path. Whoever misses what is left out asks again, or for
//! a key frame.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use rtc::{
    interceptor::{Attribute, Interceptor, Packet, StreamInfo, TaggedPacket},
    sansio::Protocol,
    shared::error::Error,
};

use super::shared::Shared;
use crate::frame::Bitrate;

/// What is sent again takes at most this part of the estimate.
const PART: u64 = 2;
/// After a pause it may take what this long carries at once: a hiccup of the path takes all packets of such a time.
const PAUSE: Duration = Duration::from_millis(300);
/// And at least this many bytes, some packets.
const LEAST: f64 = 6_000.0;

/// What may be sent again: a token bucket.
#[derive(Debug, Default)]
struct Allowance {
    filled: Option<Instant>,
    bytes: f64,
}

impl Allowance {
    /// Whether a packet may leave again at `now`, where the path carries `estimate`.
    fn grants(&mut self, now: Instant, bytes: usize, estimate: Bitrate) -> bool {
        let rate = (estimate.as_bps() / PART) as f64 / 8.0;
        let most = (rate * PAUSE.as_secs_f64()).max(LEAST);
        let earned = self.filled.map_or(most, |filled| {
            rate * now.saturating_duration_since(filled).as_secs_f64()
        });
        self.filled = Some(now);
        self.bytes = (self.bytes + earned).min(most);
        let granted = self.bytes >= bytes as f64;
        if granted {
            self.bytes -= bytes as f64;
        }
        granted
    }
}

/// The interceptor: between the one that sends again and all that number and count.
pub(super) struct Repair {
    shared: Arc<Shared>,
    allowance: Allowance,
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}

impl Repair {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            allowance: Allowance::default(),
            read: VecDeque::new(),
            write: VecDeque::new(),
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Repair {
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
        if let Packet::Rtp(rtp) = &packet.message.packet
            && packet.message.has(&Attribute::Retransmission)
        {
            let estimate = *self.shared.estimate.borrow();
            if !(self.allowance).grants(packet.now, rtp.payload.len(), estimate) {
                return Ok(());
            }
        }
        self.write.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.write.pop_front()
    }
}

impl Interceptor for Repair {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}

    fn unbind_local_stream(&mut self, _: &StreamInfo) {}

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test's time begins now")]
    fn what_is_sent_again_has_its_share_and_no_more() {
        let (start, estimate) = (Instant::now(), Bitrate::kbps(800));
        let mut allowance = Allowance::default();
        let mut granted = |at: Duration, asked: usize| {
            (0..asked)
                .filter(|_| allowance.grants(start + at, 1_000, estimate))
                .count()
        };
        // 300 ms of 50 kB/s, and then as it is earned, whatever is asked for.
        assert_eq!(granted(Duration::ZERO, 5_000), 15);
        let mut sum = 0;
        for step in 1..=200 {
            sum += granted(Duration::from_millis(10) * step, 100);
        }
        assert!((95..=100).contains(&sum), "{sum}");
        // One in twenty of 100 packets a second is always there.
        for second in 3..20 {
            assert_eq!(granted(Duration::from_secs(second), 5), 5);
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test's time begins now")]
    fn on_the_narrowest_path_some_packets_may_be_sent_again() {
        let mut allowance = Allowance::default();
        let now = Instant::now();
        let granted = (0..20).filter(|_| allowance.grants(now, 1_100, Bitrate::kbps(100)));
        assert_eq!(granted.count(), 5);
    }
}
