//! Bounds the streams that reach SRTP.
//!
//! The library keeps a replay window for each SSRC that it meets, from before the packet is authenticated until the
//! connection ends. So a packet of an unknown SSRC is let through only while few of those have turned out to be
//! nobody's.

use std::collections::HashMap;

use super::Refusal;

/// The most streams that a description announces here; Ahoy's own ends announce six.
const MAX_ANNOUNCED: usize = 64;

/// The most streams that were not announced and of which no packet has been authenticated. An end that announces none
/// has one of each kind of media, with retransmission six; who only receives reports under numbers of its own, one of
/// each stream and of each kind of feedback.
const MAX_UNCONFIRMED: usize = 16;

/// The most streams of a connection's whole life. A peer that goes through more has to connect anew.
const MAX_STREAMS: usize = 1_024;

/// The shortest packets, in bytes (RFC 3550 §5.1; RFC 3711 §3.4 with its 4 bytes of index and the shortest tag).
const RTP_HEADER: usize = 12;
const SRTCP_SHORTEST: usize = 16;

/// The streams of a connection, those of RTP and those that RTCP comes from.
#[derive(Debug, Default)]
pub struct SsrcFilter {
    announced: Vec<u32>,
    rtp: Streams,
    rtcp: Streams,
    /// One bit for each payload type that a description names.
    payload_types: u128,
}

impl SsrcFilter {
    /// Takes the payload types that a description of either end names, besides those of before: packets on their way
    /// may still be marked with them.
    pub fn allow_payload_types(&mut self, payload_types: u128) {
        self.payload_types |= payload_types;
    }

    /// Takes the SSRCs that the peer's latest description announces.
    pub fn announce(&mut self, ssrcs: impl Iterator<Item = u32>) {
        self.announced.clear();
        self.announced.extend(ssrcs.take(MAX_ANNOUNCED));
    }

    /// Notes that a packet of this stream was authenticated.
    pub fn confirm_rtp(&mut self, ssrc: u32) {
        self.rtp.confirm(ssrc);
    }

    /// Notes that a report of this sender was authenticated.
    pub fn confirm_rtcp(&mut self, ssrc: u32) {
        self.rtcp.confirm(ssrc);
    }

    /// Decides about an SRTP or SRTCP packet, told apart by the second byte (RFC 5761 §4).
    ///
    /// # Errors
    /// Why the packet is refused.
    pub fn arrived(&mut self, packet: &[u8]) -> Result<(), Refusal> {
        let Some(&kind) = packet.get(1) else {
            return Err(Refusal::Malformed);
        };
        let number = |at: usize| {
            let bytes = packet.get(at..at + 4)?.try_into().ok()?;
            Some(u32::from_be_bytes(bytes))
        };
        match kind {
            200..=207 => {
                let ssrc = number(4).filter(|_| packet.len() >= SRTCP_SHORTEST);
                let ssrc = ssrc.ok_or(Refusal::Malformed)?;
                self.rtcp.admit(ssrc, &self.announced)
            }
            // The library takes all of these for RTCP, and there are no such packets.
            192..=223 => Err(Refusal::Malformed),
            _ => {
                let ssrc = number(8).filter(|_| packet.len() >= RTP_HEADER);
                let ssrc = ssrc.ok_or(Refusal::Malformed)?;
                if self.payload_types >> (kind & 0x7f) & 1 == 0 {
                    return Err(Refusal::PayloadType);
                }
                self.rtp.admit(ssrc, &self.announced)
            }
        }
    }
}

/// The streams that were let through.
#[derive(Debug, Default)]
struct Streams {
    /// Whether each counts as confirmed: announced, or authenticated once.
    admitted: HashMap<u32, bool>,
    unconfirmed: usize,
    /// The stream of the last packet, which most often is that of the next.
    last: Option<u32>,
}

impl Streams {
    fn admit(&mut self, ssrc: u32, announced: &[u32]) -> Result<(), Refusal> {
        if self.last == Some(ssrc) {
            return Ok(());
        }
        if !self.admitted.contains_key(&ssrc) {
            let is_announced = announced.contains(&ssrc);
            let has_room = is_announced || self.unconfirmed < MAX_UNCONFIRMED;
            if !has_room || self.admitted.len() >= MAX_STREAMS {
                return Err(Refusal::Ssrc);
            }
            self.admitted.insert(ssrc, is_announced);
            self.unconfirmed += usize::from(!is_announced);
        }
        self.last = Some(ssrc);
        Ok(())
    }

    fn confirm(&mut self, ssrc: u32) {
        if let Some(confirmed @ false) = self.admitted.get_mut(&ssrc) {
            *confirmed = true;
            self.unconfirmed -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rtp(payload_type: u8, ssrc: u32) -> Vec<u8> {
        let mut packet = vec![0x80, payload_type, 0, 1, 0, 0, 0, 0];
        packet.extend(ssrc.to_be_bytes());
        packet.extend([9; 20]);
        packet
    }

    fn rtcp(kind: u8, ssrc: u32) -> Vec<u8> {
        let mut packet = vec![0x80, kind, 0, 1];
        packet.extend(ssrc.to_be_bytes());
        packet.extend([9; 14]);
        packet
    }

    fn filter() -> SsrcFilter {
        let mut filter = SsrcFilter::default();
        filter.allow_payload_types(1 << 96 | 1 << 111);
        filter.announce([1, 2].into_iter());
        filter
    }

    #[test]
    fn of_streams_that_nobody_announced_few_get_through() {
        let mut filter = filter();
        let admitted = |filter: &mut SsrcFilter| {
            let streams = 1_000..13_000;
            let passed = streams.filter(|ssrc| filter.arrived(&rtp(96, *ssrc)).is_ok());
            passed.count()
        };
        assert_eq!(admitted(&mut filter), MAX_UNCONFIRMED);
        assert_eq!(
            admitted(&mut filter),
            MAX_UNCONFIRMED,
            "the same ones again"
        );
        assert_eq!(filter.arrived(&rtp(111, 1)), Ok(()));
        assert_eq!(
            filter.arrived(&rtp(96 | 0x80, 2)),
            Ok(()),
            "with the marker"
        );
        assert_eq!(filter.arrived(&rtp(96, 3)), Err(Refusal::Ssrc));
        // RTCP is counted for itself.
        let passed = (0..500).filter(|ssrc| filter.arrived(&rtcp(201, 50 + ssrc)).is_ok());
        assert_eq!(passed.count(), MAX_UNCONFIRMED);
        assert_eq!(filter.arrived(&rtcp(200, 1)), Ok(()));
    }

    #[test]
    fn a_peer_that_announces_none_may_change_its_stream_again_and_again() {
        let mut filter = filter();
        filter.announce(std::iter::empty());
        for ssrc in 0..300 {
            assert_eq!(filter.arrived(&rtp(96, ssrc)), Ok(()), "{ssrc}");
            filter.confirm_rtp(ssrc);
            filter.confirm_rtp(ssrc);
            assert_eq!(filter.arrived(&rtcp(205, ssrc)), Ok(()), "{ssrc}");
            filter.confirm_rtcp(ssrc);
        }
        // What was let through once stays so, also when the next description has other streams.
        filter.announce([7_000].into_iter());
        assert_eq!(filter.arrived(&rtp(96, 299)), Ok(()));
        assert_eq!(filter.arrived(&rtp(96, 7_000)), Ok(()));
        // And nobody has room without end.
        for ssrc in 10_000..12_000 {
            let _ = filter.arrived(&rtp(96, ssrc));
            filter.confirm_rtp(ssrc);
        }
        assert_eq!(filter.rtp.admitted.len(), MAX_STREAMS);
    }

    #[test]
    fn only_what_was_negotiated_is_media() {
        let mut filter = filter();
        assert_eq!(filter.arrived(&rtp(97, 1)), Err(Refusal::PayloadType));
        filter.allow_payload_types(1 << 97);
        assert_eq!(filter.arrived(&rtp(97, 1)), Ok(()));
        assert_eq!(filter.arrived(&rtp(96, 1)), Ok(()), "of before");
        assert_eq!(filter.arrived(&rtcp(199, 1)), Err(Refusal::Malformed));
        assert_eq!(filter.arrived(&rtp(96, 1)[..11]), Err(Refusal::Malformed));
        assert_eq!(filter.arrived(&rtcp(200, 1)[..15]), Err(Refusal::Malformed));
        assert_eq!(filter.arrived(&[]), Err(Refusal::Malformed));
    }

    proptest! {
        #[test]
        fn no_packets_make_it_panic_or_grow(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..200)) {
            let mut filter = filter();
            for packet in packets {
                let _ = filter.arrived(&packet);
                let streams = [&filter.rtp, &filter.rtcp];
                prop_assert!(streams.iter().all(|streams| streams.unconfirmed <= MAX_UNCONFIRMED));
                prop_assert!(streams.iter().all(|streams| streams.admitted.len() <= MAX_STREAMS));
            }
        }
    }
}
