//! How the library is set up for a connection.

use std::{sync::Arc, time::Duration};

use rtc::{
    ice::mdns::MulticastDnsMode,
    interceptor::{
        NackGeneratorBuilder, NackResponderBuilder, ReceiverReportBuilder, Registry,
        SenderReportBuilder, Slot, TwccReceiverBuilder, TwccSenderBuilder,
    },
    peer_connection::configuration::setting_engine::SctpMaxMessageSize,
    rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit},
};
use webrtc::{
    error::Error,
    peer_connection::{PeerConnection, SettingEngine, SettingEngineBuilder},
};

use super::{
    Direction, MediaKind, MediaSender,
    burst::{self, Join},
    data,
    media_engine::offered,
    monitor::Monitor,
    negotiation::Line,
    repair::Repair,
    shared::Shared,
};
use crate::frame::{Bitrate, VideoCodec};

/// How often every pair of addresses is tried while connecting. RFC 8445 §14.2 has 50 ms for one pair;
/// the library needs two rounds, and each is waited for.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// Tries of a pair until it is given up: ten seconds, because a pair of the peer's that is not open yet
/// may be opened by its own checks.
const CHECKS: u16 = 500;

/// Nothing came for this long: the connection is disconnected.
const DISCONNECTED: Duration = Duration::from_secs(5);

/// Disconnected for this long: it failed.
const FAILED: Duration = Duration::from_secs(15);

/// How often the peer is asked whether it is there (RFC 7675 §5.1 has 5 s).
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// How the library's parts below media are set.
pub(super) fn setting_engine() -> SettingEngine {
    SettingEngineBuilder::new()
        // Names are not resolved: a peer behind one is found by its own checks.
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_ice_timeouts(Some(DISCONNECTED), Some(FAILED), Some(KEEP_ALIVE))
        .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(CHECKS))
        // The library would wait a second for something better than what a browser offers.
        .with_srflx_acceptance_min_wait(Some(Duration::ZERO))
        .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
        .with_relay_acceptance_min_wait(Some(Duration::from_millis(500)))
        // A restart follows a change of network: the old sockets are of no use.
        .with_discard_local_candidates_during_ice_restart(true)
        .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(data::MAX_MESSAGE as u32))
        .build()
}

/// The interceptors of a connection. Those that watch what arrives wake it many times a second, so one that `receives`
/// nothing has none of them.
pub(super) fn interceptors(shared: &Arc<Shared>, max: Bitrate, receives: bool) -> Registry {
    let sending = Registry::new()
        .with(Slot::CongestionControl, Monitor::new(shared.clone(), max))
        .with(Slot::TwccSender, TwccSenderBuilder::new().build())
        .with(Slot::Pacer, Repair::new(shared.clone()))
        .with(Slot::NackResponder, NackResponderBuilder::new().build())
        .with(
            Slot::SenderReport,
            // Sound and pictures are in step from the first report on.
            SenderReportBuilder::new()
                .with_interval(Duration::from_millis(500))
                .build(),
        )
        .with(Slot::from(burst::POSITION), Join::new(shared.clone()));
    if !receives {
        return sending;
    }
    sending
        .with(
            Slot::NackGenerator,
            NackGeneratorBuilder::new()
                .with_interval(Duration::from_millis(20))
                // It never learns that a retransmission came, and would ask for ever.
                .with_max_nacks_per_packet(3)
                .build(),
        )
        .with(
            Slot::TwccReceiver,
            TwccReceiverBuilder::new()
                .with_interval(Duration::from_millis(50))
                .build(),
        )
        .with(Slot::ReceiverReport, ReceiverReportBuilder::new().build())
}

/// Adds a kind of media to a connection; `None`: it goes no way.
pub(super) async fn add_line(
    connection: &dyn PeerConnection,
    kind: MediaKind,
    direction: Direction,
    sender: &MediaSender,
    codecs: &[VideoCodec],
) -> Result<Option<Line>, Error> {
    use RTCRtpTransceiverDirection::{Recvonly, Sendonly, Sendrecv};
    let init = |direction| {
        Some(RTCRtpTransceiverInit {
            direction,
            streams: vec![],
            send_encodings: vec![],
        })
    };
    let transceiver = match (sender.track(), direction.receive) {
        (Some(track), receive) => {
            let init = init(if receive { Sendrecv } else { Sendonly });
            connection.add_transceiver_from_track(track, init).await?
        }
        (None, true) => {
            let init = init(Recvonly);
            connection
                .add_transceiver_from_kind(kind.into(), init)
                .await?
        }
        (None, false) => return Ok(None),
    };
    if kind.is_pictures() {
        // Without this an offer names the codec of the track only.
        transceiver.set_codec_preferences(offered(codecs)).await?;
    }
    Ok(Some(Line {
        kind,
        transceiver,
        sender: sender.clone(),
        receives: direction.receive,
    }))
}
