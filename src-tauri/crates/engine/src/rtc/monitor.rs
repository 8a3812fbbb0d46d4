//! Watches the packets of a connection: counts them, reads what the peer says about them, feeds the
//! bandwidth estimate, and puts the capture clock into sender reports.
//!
//! It is the interceptor nearest to the wire, so that it sees what really leaves: numbered packets,
//! retransmissions and all RTCP. It runs on the connection's task and never waits.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use rtc::{
    interceptor::{Attribute, Interceptor, Packet, StreamInfo, TaggedPacket},
    rtcp::{
        self,
        payload_feedbacks::{
            full_intra_request::FullIntraRequest, picture_loss_indication::PictureLossIndication,
            receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate,
        },
        receiver_report::ReceiverReport,
        reception_report::ReceptionReport,
        sender_report::SenderReport,
        transport_feedbacks::{
            transport_layer_cc::TransportLayerCc, transport_layer_nack::TransportLayerNack,
        },
    },
    rtp,
    sansio::Protocol,
    shared::error::Error,
};

use super::{
    MediaKind, PeerEvent, arrival::Arrivals, config::KINDS, history::SendHistory,
    media_engine::TRANSPORT_CC, shared::Shared,
};
use crate::{
    frame::Bitrate,
    packet::SyncPoint,
    rate::{BandwidthEstimator, PacketResult},
};

/// Key frames are not asked for more often than this; the engine spaces them further.
const KEY_FRAME_REQUESTS: Duration = Duration::from_millis(100);
/// An estimate that differs by less than one part in so many is told only when the last one is this old: each that is told
/// wakes the task that sends.
const TOLD_FROM: u64 = 50;
const TOLD_AFTER: Duration = Duration::from_millis(250);

/// The interceptor.
pub(super) struct Monitor {
    shared: Arc<Shared>,
    local: HashMap<u32, Local>,
    remote: HashMap<u32, Remote>,
    history: SendHistory,
    estimator: BandwidthEstimator,
    /// When a key frame of each kind was last asked for.
    last_request: [Option<Instant>; KINDS],
    told: Option<Instant>,
    /// The streams that packets were authenticated of, and the senders of reports.
    confirmed: [HashSet<u32>; 2],
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}

/// A stream that is sent.
#[derive(Debug, Clone, Copy)]
struct Local {
    kind: MediaKind,
    /// The stream in which its packets are sent again.
    rtx: Option<u32>,
    /// The header extension of the packet's number.
    transport_cc: Option<u8>,
}

/// A stream that is received.
#[derive(Debug)]
struct Remote {
    kind: MediaKind,
    /// The stream in which its packets are sent again.
    rtx: Option<u32>,
    arrivals: Arrivals,
}

impl Monitor {
    pub(super) fn new(shared: Arc<Shared>, max: Bitrate) -> Self {
        Self {
            shared,
            local: HashMap::new(),
            remote: HashMap::new(),
            history: SendHistory::default(),
            estimator: BandwidthEstimator::new(max),
            last_request: [None; KINDS],
            told: None,
            confirmed: [HashSet::new(), HashSet::new()],
            read: VecDeque::new(),
            write: VecDeque::new(),
        }
    }

    fn rtp_sent(&mut self, now: Instant, packet: &rtp::Packet, again: bool) {
        let bytes = packet.payload.len() as u64;
        // Header, extensions, SRTP tag: what the path carries beside the payload.
        let on_wire = bytes as u32 + 36;
        self.estimator.on_sent(now, on_wire);
        let local = self.local.get(&packet.header.ssrc).copied();
        if let Some(number) = local
            .and_then(|local| local.transport_cc)
            .and_then(|id| packet.header.get_extension(id))
            .and_then(|data| Some(u16::from_be_bytes([*data.first()?, *data.get(1)?])))
        {
            self.history.sent(number, now, on_wire);
        }
        let repaired = |local: &&Local| local.rtx == Some(packet.header.ssrc);
        let mut stats = self.shared.stats.lock();
        if again {
            // Only pictures are sent again.
            let local = local.or_else(|| self.local.values().find(repaired).copied());
            let kind = local.map_or(MediaKind::Video, |local| local.kind);
            stats.stream_mut(kind).sent.retransmitted += 1;
        } else if let Some(local) = local {
            let sent = &mut stats.stream_mut(local.kind).sent;
            sent.packets += 1;
            sent.bytes += bytes;
        }
    }

    fn rtp_received(&mut self, now: Instant, packet: &rtp::Packet) {
        let ssrc = packet.header.ssrc;
        if self.confirmed[0].insert(ssrc) {
            self.shared.guard.filter().ssrcs().confirm_rtp(ssrc);
        }
        let again = self.remote.values().any(|stream| stream.rtx == Some(ssrc));
        let Some(stream) = self.remote.get_mut(&ssrc) else {
            return;
        };
        let rate = stream.kind.clock_rate();
        let mut stats = self.shared.stats.lock();
        let received = &mut stats.stream_mut(stream.kind).received;
        received.packets += 1;
        received.bytes += packet.payload.len() as u64;
        if !again {
            stream.arrivals.add(now, packet.header.timestamp, rate);
            received.jitter = stream.arrivals.jitter(rate);
        }
    }

    fn rtcp_received(&mut self, now: Instant, packets: &[Box<dyn rtcp::Packet>]) {
        let sender = packets.first().and_then(|first| sender(&**first));
        if let Some(ssrc) = sender
            && self.confirmed[1].insert(ssrc)
        {
            self.shared.guard.filter().ssrcs().confirm_rtcp(ssrc);
        }
        for packet in packets {
            let packet = packet.as_any();
            if let Some(feedback) = packet.downcast_ref::<TransportLayerCc>() {
                let results: Vec<PacketResult> = self.history.resolve(feedback);
                if !results.is_empty() {
                    self.estimator.on_feedback(now, &results);
                }
            } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
                self.reports(now, &report.reports);
            } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
                if let Some(kind) = self.remote.get(&report.ssrc).map(|stream| stream.kind) {
                    let sync = SyncPoint {
                        ntp: report.ntp_time,
                        rtp: report.rtp_time,
                        arrived: now,
                    };
                    let mut stats = self.shared.stats.lock();
                    stats.stream_mut(kind).received.sync = Some(sync);
                }
                self.reports(now, &report.reports);
            } else if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
                if let Some(local) = self.local.get(&nack.media_ssrc) {
                    let asked: u32 = nack
                        .nacks
                        .iter()
                        .map(|pair| 1 + pair.lost_packets.count_ones())
                        .sum();
                    let mut stats = self.shared.stats.lock();
                    stats.stream_mut(local.kind).sent.nacks += u64::from(asked);
                }
            } else if let Some(pli) = packet.downcast_ref::<PictureLossIndication>() {
                let kind = self.shared.pictures_of(pli.media_ssrc);
                self.shared.stats.lock().stream_mut(kind).sent.plis += 1;
                self.key_frame_requested(now, kind);
            } else if let Some(fir) = packet.downcast_ref::<FullIntraRequest>() {
                for entry in fir.fir.iter().take(KINDS) {
                    let kind = self.shared.pictures_of(entry.ssrc);
                    self.shared.stats.lock().stream_mut(kind).sent.firs += 1;
                    self.key_frame_requested(now, kind);
                }
            } else if let Some(remb) = packet.downcast_ref::<ReceiverEstimatedMaximumBitrate>()
                && remb.bitrate.is_finite()
            {
                self.estimator
                    .on_remb(now, Bitrate::bps(remb.bitrate.max(0.0) as u64));
            }
        }
        self.publish(now);
    }

    fn reports(&mut self, now: Instant, reports: &[ReceptionReport]) {
        // The worst stream counts.
        let mut worst: Option<f64> = None;
        for report in reports {
            let Some(local) = self.local.get(&report.ssrc).copied() else {
                continue;
            };
            let loss = f64::from(report.fraction_lost) / 256.0;
            let rtt = round_trip(self.shared.ntp(now), report);
            let mut stats = self.shared.stats.lock();
            let sent = &mut stats.stream_mut(local.kind).sent;
            sent.fraction_lost = loss;
            sent.jitter = Duration::from_secs_f64(
                f64::from(report.jitter) / f64::from(local.kind.clock_rate()),
            );
            if let Some(rtt) = rtt {
                stats.rtt = Some(rtt);
                self.estimator.on_rtt(rtt);
            }
            worst = Some(worst.map_or(loss, |worst| worst.max(loss)));
        }
        if let Some(loss) = worst {
            self.estimator.on_report(now, loss);
        }
    }

    fn key_frame_requested(&mut self, now: Instant, kind: MediaKind) {
        let recent = |at: Instant| now.saturating_duration_since(at) < KEY_FRAME_REQUESTS;
        let last = &mut self.last_request[kind as usize];
        if !last.is_some_and(recent) {
            *last = Some(now);
            self.shared.emit(PeerEvent::KeyFrameRequested(kind));
        }
    }

    fn publish(&mut self, now: Instant) {
        self.estimator.set_max(self.shared.max());
        let estimate = self.estimator.estimate(now);
        self.shared.stats.lock().estimate = estimate;
        let recent = |told: Instant| now.saturating_duration_since(told) < TOLD_AFTER;
        let recent = self.told.is_some_and(recent);
        let told = self.shared.estimate.send_if_modified(|known| {
            let (old, new) = (known.as_bps(), estimate.as_bps());
            let changed = old != new && (!recent || old.abs_diff(new) > old / TOLD_FROM);
            if changed {
                *known = estimate;
            }
            changed
        });
        if told {
            self.told = Some(now);
        }
    }

    /// The reports that this end makes: sender reports get the capture clock, receiver reports and
    /// requests are counted.
    fn rtcp_sent(&self, now: Instant, packets: &mut [Box<dyn rtcp::Packet>]) {
        for packet in packets {
            if let Some(report) = packet.as_any().downcast_ref::<SenderReport>() {
                if let Some(clocked) = self.with_capture_clock(now, report) {
                    *packet = Box::new(clocked);
                }
                continue;
            }
            let packet = packet.as_any();
            let mut stats = self.shared.stats.lock();
            if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
                for report in &report.reports {
                    if let Some(kind) = self.remote.get(&report.ssrc).map(|stream| stream.kind) {
                        stats.stream_mut(kind).received.lost = u64::from(report.total_lost);
                    }
                }
            } else if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
                let asked: u32 = nack
                    .nacks
                    .iter()
                    .map(|pair| 1 + pair.lost_packets.count_ones())
                    .sum();
                let kind = self.remote.get(&nack.media_ssrc).map(|stream| stream.kind);
                let kind = kind.unwrap_or(MediaKind::Video);
                stats.stream_mut(kind).received.nacks += u64::from(asked);
            } else if let Some(pli) = packet.downcast_ref::<PictureLossIndication>() {
                let kind = self.shared.pictures_of(pli.media_ssrc);
                stats.stream_mut(kind).received.plis += 1;
            }
        }
    }

    /// The same report with the time stamp of what would be captured now (RFC 3550 §6.4.1), so that the
    /// receiver can play sound and pictures that were captured together at one time, however long each
    /// took to be encoded.
    fn with_capture_clock(&self, now: Instant, report: &SenderReport) -> Option<SenderReport> {
        let kind = self.local.get(&report.ssrc)?.kind;
        let capture = self.shared.last_capture(kind)?;
        let since = now.saturating_duration_since(capture.at).as_secs_f64();
        let ticks = (since * f64::from(kind.clock_rate())) as u32;
        Some(SenderReport {
            ntp_time: self.shared.ntp(now),
            rtp_time: capture.timestamp.wrapping_add(ticks),
            ..report.clone()
        })
    }
}

/// The SSRC of who sent a report, which SRTCP goes by (RFC 3711 §3.4).
fn sender(packet: &dyn rtcp::Packet) -> Option<u32> {
    // The second word of each kind.
    let bytes = packet.marshal().ok()?;
    Some(u32::from_be_bytes(bytes.get(4..8)?.try_into().ok()?))
}

/// The round-trip time of a report block (RFC 3550 §6.4.1); `None` before the first sender report, and
/// for a time that cannot be.
fn round_trip(ntp: u64, report: &ReceptionReport) -> Option<Duration> {
    if report.last_sender_report == 0 {
        return None;
    }
    let now = (ntp >> 16) as u32;
    let units = now
        .wrapping_sub(report.last_sender_report)
        .wrapping_sub(report.delay);
    // Ten seconds, in 1/65536 s; a small negative value is a rounding of zero.
    match units {
        0..=655_360 => Some(Duration::from_secs_f64(f64::from(units) / 65_536.0)),
        _ if units > u32::MAX - 655 => Some(Duration::ZERO),
        _ => None,
    }
}

fn kind_of(shared: &Shared, info: &StreamInfo) -> MediaKind {
    if info.mime_type.to_ascii_lowercase().starts_with("audio/") {
        MediaKind::Audio
    } else {
        shared.pictures_of(info.ssrc)
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Monitor {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        match &packet.message.packet {
            Packet::Rtp(rtp) => self.rtp_received(packet.now, rtp),
            Packet::Rtcp(rtcp) => self.rtcp_received(packet.now, rtcp),
            _ => {}
        }
        self.read.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.read.pop_front()
    }

    fn handle_write(&mut self, mut packet: TaggedPacket) -> Result<(), Error> {
        let again = packet.message.has(&Attribute::Retransmission);
        match &mut packet.message.packet {
            Packet::Rtp(rtp) => self.rtp_sent(packet.now, rtp, again),
            Packet::Rtcp(rtcp) => self.rtcp_sent(packet.now, rtcp),
            _ => {}
        }
        self.write.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.write.pop_front()
    }
}

impl Interceptor for Monitor {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        let transport_cc = info
            .rtp_header_extensions
            .iter()
            .find(|extension| extension.uri == TRANSPORT_CC)
            .and_then(|extension| u8::try_from(extension.id).ok());
        let local = Local {
            kind: kind_of(&self.shared, info),
            rtx: info.ssrc_rtx,
            transport_cc,
        };
        self.local.insert(info.ssrc, local);
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.local.remove(&info.ssrc);
    }

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        let stream = Remote {
            kind: kind_of(&self.shared, info),
            rtx: info.ssrc_rtx,
            arrivals: Arrivals::default(),
        };
        self.remote.insert(info.ssrc, stream);
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.remote.remove(&info.ssrc);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_is_what_the_peer_did_not_hold_back() {
        let report = |last_sender_report, delay| ReceptionReport {
            last_sender_report,
            delay,
            ..ReceptionReport::default()
        };
        // Sent at 100 s, held for 1 s, back at 101.25 s.
        let now = (101 << 32) | (1 << 30);
        assert_eq!(
            round_trip(now, &report(100 << 16, 1 << 16)),
            Some(Duration::from_millis(250))
        );
        assert_eq!(round_trip(now, &report(0, 0)), None);
        assert_eq!(round_trip(now, &report(200 << 16, 0)), None);
        assert_eq!(
            round_trip(100 << 32, &report(100 << 16, 3)),
            Some(Duration::ZERO)
        );
    }
}
