//! What a path carries, by the packets of one large picture: they leave faster than the rate that was known so far, and
//! how they arrive says whether there is room for that (as probe clusters do; draft-ietf-rmcat-gcc-02 §4 paces such groups).

use std::time::{Duration, Instant};

use super::PacketResult;

/// Packets that leave within this time of each other belong together: pacers wait some milliseconds.
const GAP: Duration = Duration::from_millis(12);
/// Fewer packets, or in less time, say nothing: the path may hold as many without carrying them.
const LEAST: u32 = 20;
const LEAST_TIME: Duration = Duration::from_millis(30);
/// Of what was found so much is counted on; and less where packets arrived slower than they left, for then a queue grew.
const SHARE: f64 = 0.85;
const SHARE_FULL: f64 = 0.7;
/// Arriving at this part of the rate at which they left they did not wait for each other.
const KEPT_UP: f64 = 0.9;

/// Packets in a row.
#[derive(Debug, Default)]
pub(super) struct Train {
    first: Option<(Instant, Duration)>,
    last: Option<(Instant, Duration)>,
    count: u32,
    /// Without the first packet's: what came between the first and the last.
    bytes: u64,
}

impl Train {
    /// What became of the next packet, in the order of sending. Gives the rate in bits per second that the packets so far
    /// speak for, where they are enough.
    pub(super) fn add(&mut self, packet: &PacketResult) -> Option<f64> {
        let Some(arrived) = packet.arrived else {
            // Where packets are lost there is no room.
            *self = Self::default();
            return None;
        };
        let follows = |(sent, _): (Instant, Duration)| {
            packet.sent.saturating_duration_since(sent) <= GAP && packet.sent >= sent
        };
        if !self.last.is_some_and(follows) {
            *self = Self {
                first: Some((packet.sent, arrived)),
                last: Some((packet.sent, arrived)),
                count: 1,
                bytes: 0,
            };
            return None;
        }
        self.last = self
            .last
            .map(|(_, latest)| (packet.sent, latest.max(arrived)));
        self.count += 1;
        self.bytes += u64::from(packet.bytes);
        self.rate()
    }

    fn rate(&self) -> Option<f64> {
        let ((sent, arrived), (last_sent, last_arrived)) = self.first.zip(self.last)?;
        let leaving = last_sent.saturating_duration_since(sent);
        let arriving = last_arrived.saturating_sub(arrived);
        if self.count < LEAST || leaving.min(arriving) < LEAST_TIME {
            return None;
        }
        let bits = self.bytes as f64 * 8.0;
        let (left, came) = (bits / leaving.as_secs_f64(), bits / arriving.as_secs_f64());
        Some(if came >= KEPT_UP * left {
            SHARE * left.min(came)
        } else {
            SHARE_FULL * came
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::estimator::tests::epoch;

    /// Packets of 1200 bytes, one each `gap`, over a path of so many bits per second.
    fn run(count: u32, gap: Duration, capacity: f64, lost: Option<u32>) -> Option<f64> {
        let (start, mut train, mut free) = (epoch(), Train::default(), Duration::ZERO);
        let mut found = None;
        for n in 0..count {
            let at = gap * n;
            free = free.max(at) + Duration::from_secs_f64(9_600.0 / capacity);
            let rate = train.add(&PacketResult {
                sent: start + at,
                arrived: (lost != Some(n)).then_some(free + Duration::from_millis(40)),
                bytes: 1200,
            });
            found = rate.or(found);
        }
        found
    }

    #[test]
    fn a_burst_that_keeps_up_speaks_for_its_rate() {
        let gap = Duration::from_millis(2);
        let rate = run(100, gap, 50e6, None).unwrap();
        assert!((3.9e6..4.2e6).contains(&rate), "{rate}");
    }

    #[test]
    fn one_that_is_held_up_speaks_for_less_than_the_path() {
        let rate = run(100, Duration::from_millis(2), 2e6, None).unwrap();
        assert!((1.3e6..1.5e6).contains(&rate), "{rate}");
    }

    #[test]
    fn few_packets_slow_ones_and_lost_ones_say_nothing() {
        let gap = Duration::from_millis(2);
        assert_eq!(run(19, gap, 50e6, None), None);
        assert_eq!(run(100, Duration::from_millis(13), 50e6, None), None);
        assert_eq!(run(30, gap, 50e6, Some(15)), None);
        // In a moment a buffer takes them all.
        assert_eq!(run(30, Duration::from_micros(100), 1e9, None), None);
    }
}
