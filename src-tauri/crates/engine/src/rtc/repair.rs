//! How much is sent again.
//!
//! The library answers each request for a lost packet at once and without end. On a path that has just become narrow that
//! fills the queue with what nobody waits for any more, and more is lost; and four bytes of a hostile peer would fetch
//! seventeen packets. So what is sent again has its own share of the path, of which the first answer to each request has the
//! most. Whoever misses what is left out asks for a key frame.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use rtc::{
    interceptor::{Attribute, Interceptor, Packet, StreamInfo, TaggedPacket},
    rtp,
    sansio::Protocol,
    shared::error::Error,
};

use super::shared::Shared;
use crate::frame::Bitrate;

/// What is sent again takes at most this part of the estimate.
const PART: u64 = 2;
/// After a pause it may take what the path carries in so long at once: a hiccup of it takes all packets of such a time.
const PAUSE: Duration = Duration::from_millis(300);
/// A packet that has just been sent again is sent once more only while this part is left: peers ask several times before the
/// answer can be there.
const SPARE: f64 = 0.5;
/// The least and the usual time in which the answer cannot be there.
const UNDER_WAY: Duration = Duration::from_millis(60);
/// As many packets that were sent again are remembered.
const REMEMBERED: usize = 256;
/// And at least this many bytes, some packets.
const LEAST: f64 = 6_000.0;

/// What may be sent again: a token bucket.
#[derive(Debug, Default)]
struct Allowance {
    filled: Option<Instant>,
    bytes: f64,
}

impl Allowance {
    /// Whether a packet may leave again at `now`, where the path carries `estimate`; `twice`: it has just done so.
    fn grants(&mut self, now: Instant, bytes: usize, estimate: Bitrate, twice: bool) -> bool {
        let whole = estimate.as_bps() as f64 / 8.0;
        let most = (whole * PAUSE.as_secs_f64()).max(LEAST);
        let earned = self.filled.map_or(most, |filled| {
            whole / PART as f64 * now.saturating_duration_since(filled).as_secs_f64()
        });
        self.filled = Some(now);
        self.bytes = (self.bytes + earned).min(most);
        let spare = if twice { SPARE * most } else { 0.0 };
        let granted = self.bytes >= bytes as f64 + spare;
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
    /// The streams in which packets leave for the first time.
    first: HashSet<u32>,
    /// What was sent again of late: stream, number, and when.
    sent: VecDeque<(u32, u16, Instant)>,
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}

impl Repair {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            allowance: Allowance::default(),
            first: HashSet::new(),
            sent: VecDeque::new(),
            read: VecDeque::new(),
            write: VecDeque::new(),
        }
    }
}

impl Repair {
    /// The number that a packet had at first: it stands in front of what is sent again in a stream of its own (RFC 4588 §4).
    fn number(&self, packet: &rtp::Packet) -> u16 {
        match packet.payload.first_chunk() {
            Some(number) if !self.first.contains(&packet.header.ssrc) => {
                u16::from_be_bytes(*number)
            }
            _ => packet.header.sequence_number,
        }
    }

    fn lets_pass(&mut self, now: Instant, packet: &rtp::Packet) -> bool {
        let estimate = *self.shared.estimate.borrow();
        let under_way = (self.shared.stats.lock().rtt).map_or(UNDER_WAY, |rtt| rtt.max(UNDER_WAY));
        let (ssrc, number) = (packet.header.ssrc, self.number(packet));
        let twice = self.sent.iter().any(|(stream, sent, at)| {
            (*stream, *sent) == (ssrc, number) && now.saturating_duration_since(*at) < under_way
        });
        let bytes = packet.payload.len();
        let granted = self.allowance.grants(now, bytes, estimate, twice);
        if granted {
            if self.sent.len() == REMEMBERED {
                self.sent.pop_front();
            }
            self.sent.push_back((ssrc, number, now));
        }
        granted
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
            && !self.lets_pass(packet.now, rtp)
        {
            return Ok(());
        }
        self.write.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.write.pop_front()
    }
}

impl Interceptor for Repair {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        self.first.insert(info.ssrc);
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.first.remove(&info.ssrc);
    }

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use rtc::{interceptor::AttributedPacket, shared::TransportContext};

    use super::*;
    use crate::rtc::shared::Clock;

    #[expect(clippy::disallowed_methods, reason = "a test's time begins now")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn what_is_sent_again_has_its_share_and_no_more() {
        let (start, estimate) = (start(), Bitrate::kbps(800));
        let mut allowance = Allowance::default();
        let mut granted = |at: Duration, asked: usize, twice: bool| {
            (0..asked)
                .filter(|_| allowance.grants(start + at, 1_000, estimate, twice))
                .count()
        };
        // 300 ms of 100 kB/s, of which nothing is left for who asks for the same again; and then half of the rate, whatever is
        // asked for.
        assert_eq!(granted(Duration::ZERO, 5_000, false), 30);
        assert_eq!(granted(Duration::from_millis(20), 30, true), 0);
        let mut sum = 0;
        for step in 3..=202 {
            sum += granted(Duration::from_millis(10) * step, 100, false);
        }
        assert!((95..=102).contains(&sum), "{sum}");
        // One in twenty of 100 packets a second is always there, three times.
        for second in 4..20 {
            let at = Duration::from_secs(second);
            assert_eq!(granted(at, 5, false) + granted(at, 10, true), 15);
        }
    }

    #[test]
    fn on_the_narrowest_path_some_packets_may_be_sent_again() {
        let mut allowance = Allowance::default();
        let now = start();
        let granted = (0..20).filter(|_| allowance.grants(now, 1_100, Bitrate::kbps(100), false));
        assert_eq!(granted.count(), 5);
    }

    /// The original numbers of what leaves of these requests.
    fn leaving(repair: &mut Repair, now: Instant, asked: impl Iterator<Item = u16>) -> Vec<u16> {
        for number in asked {
            let packet = rtp::Packet {
                payload: [&number.to_be_bytes()[..], &[0; 998]].concat().into(),
                ..rtp::Packet::default()
            };
            let message =
                AttributedPacket::new(Packet::Rtp(packet)).with(Attribute::Retransmission);
            let transport = TransportContext::default();
            let sent = repair.handle_write(TaggedPacket {
                now,
                transport,
                message,
            });
            sent.unwrap();
        }
        let left: Vec<_> = std::iter::from_fn(|| repair.poll_write()).collect();
        left.into_iter()
            .filter_map(|packet| match packet.message.packet {
                Packet::Rtp(packet) => Some(repair.number(&packet)),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn who_asks_three_times_for_each_gets_each_once_where_there_is_little_room() {
        let (events, _events) = tokio::sync::mpsc::channel(1);
        let estimate = Bitrate::kbps(800);
        let shared = Shared::new(events, estimate, estimate, Clock::now());
        let (mut repair, start) = (Repair::new(shared.into()), start());
        let mut all = Vec::new();
        for ask in 0..3 {
            let now = start + Duration::from_millis(20) * ask;
            all.extend(leaving(&mut repair, now, 0..28));
        }
        let first: Vec<u16> = (0..28).collect();
        assert_eq!(all, first);
        // Where there is room each request is answered.
        let later = start + Duration::from_secs(5);
        let both = [
            leaving(&mut repair, later, 100..105),
            leaving(&mut repair, later, 100..105),
        ];
        assert_eq!(
            both.concat(),
            [100, 101, 102, 103, 104, 100, 101, 102, 103, 104]
        );
    }
}
