//! What the library calls. It does so on the connection's own task: nothing here waits, long work is
//! given to tasks.

use std::{
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use ahoy_contract::peer::Candidate;
use parking_lot::Mutex;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};
use webrtc::{
    data_channel::DataChannel,
    media_stream::track_remote::{TrackRemote, TrackRemoteEvent},
    peer_connection::{
        PeerConnection, PeerConnectionEventHandler, RTCIceConnectionState, RTCIceGatheringState,
        RTCPeerConnectionIceEvent, RTCPeerConnectionState,
    },
};

use super::{MediaKind, PeerEvent, PeerState, config::KINDS, data::DataLink, shared::Shared};
use crate::packet::RtpPacket;

/// How long the exchange of keys (DTLS) may take once the peer can be reached.
const KEYS_TIMEOUT: Duration = Duration::from_secs(10);

/// Where received packets go.
pub(super) struct Outputs {
    pub(super) video: mpsc::Sender<RtpPacket>,
    pub(super) audio: mpsc::Sender<RtpPacket>,
    pub(super) screen: mpsc::Sender<RtpPacket>,
}

/// One per connection.
pub(super) struct Handler {
    pub(super) shared: Arc<Shared>,
    pub(super) data: Arc<DataLink>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    /// Taken away at the end, so that the readers see it.
    pub(super) outputs: Mutex<Option<Outputs>>,
    /// The remote tracks: one of each kind is read, the latest.
    pub(super) tracks: Mutex<[Option<Arc<dyn TrackRemote>>; KINDS]>,
    pub(super) connection: OnceLock<Weak<dyn PeerConnection>>,
}

impl Handler {
    /// Tells that media can flow, and how.
    fn connected(&self) {
        self.shared.set_connected();
        self.shared.guard.set_keys();
        let connection = self.connection.get().and_then(Weak::upgrade);
        let shared = self.shared.clone();
        self.tasks.spawn(async move {
            let pair = match connection {
                Some(connection) => selected_pair(&*connection).await,
                None => None,
            };
            let pair = pair.unwrap_or_else(|| "unknown".to_owned());
            shared.emit(PeerEvent::State(PeerState::Connected { pair }));
        });
    }

    /// The peer can be reached: keys have to follow, or it is no peer of ours.
    fn expect_keys(&self) {
        if self.shared.is_connected() {
            return;
        }
        let (shared, stop) = (self.shared.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(KEYS_TIMEOUT) => {
                    if !shared.is_connected() {
                        warn!("the peer did not exchange keys");
                        shared.emit(PeerEvent::State(PeerState::Failed));
                    }
                }
            }
        });
    }

    /// Reads a remote track until the connection ends, also when nobody takes its packets (any more): the library keeps
    /// those of a track that is not read until its queue is full, and then logs each with its payload.
    async fn read_track(
        track: Arc<dyn TrackRemote>,
        kind: MediaKind,
        output: mpsc::Sender<RtpPacket>,
        shared: Arc<Shared>,
        stop: CancellationToken,
    ) {
        let mut first = true;
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => return,
                event = track.poll() => event,
            };
            let packet = match event {
                Some(TrackRemoteEvent::OnRtpPacket(packet)) => packet,
                None => return,
                // Also a track that has ended may begin again, with the same queue.
                Some(_) => continue,
            };
            if std::mem::take(&mut first) {
                shared.emit(PeerEvent::RemoteTrack(kind));
            }
            let codec = match kind {
                MediaKind::Audio => None,
                MediaKind::Video | MediaKind::Screen => {
                    match shared.codec_of(packet.header.payload_type) {
                        Some(codec) => Some(codec),
                        None => continue,
                    }
                }
            };
            #[expect(
                clippy::disallowed_methods,
                reason = "the network's edge stamps packets"
            )]
            let arrived = std::time::Instant::now();
            let packet = RtpPacket {
                codec,
                sequence_number: packet.header.sequence_number,
                timestamp: packet.header.timestamp,
                marker: packet.header.marker,
                payload: packet.payload,
                arrived,
            };
            if let Err(mpsc::error::TrySendError::Full(_)) = output.try_send(packet) {
                shared.stats.lock().stream_mut(kind).received.dropped += 1;
            }
        }
    }
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let Ok(init) = event.candidate.to_json() else {
            return;
        };
        // All media is bundled on the first section, and the library names no section.
        self.shared.emit(PeerEvent::Candidate(Some(Candidate {
            candidate: init.candidate,
            sdp_mid: None,
            sdp_m_line_index: Some(0),
            username_fragment: None,
        })));
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.shared.emit(PeerEvent::Candidate(None));
        }
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        debug!(%state, "ICE");
        if state == RTCIceConnectionState::Connected {
            self.shared.selected();
            self.expect_keys();
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        debug!(%state, "the connection's state");
        let state = match state {
            RTCPeerConnectionState::Connecting => PeerState::Connecting,
            RTCPeerConnectionState::Connected => return self.connected(),
            RTCPeerConnectionState::Disconnected => PeerState::Disconnected,
            RTCPeerConnectionState::Failed => PeerState::Failed,
            // The end is told by `close`.
            _ => return,
        };
        self.shared.emit(PeerEvent::State(state));
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        let (data, shared) = (self.data.clone(), self.shared.clone());
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            if data.is_ours(&channel).await {
                data.run(channel, shared, stop).await;
            }
        });
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let kind = match track.kind().await {
            RtpCodecKind::Audio => MediaKind::Audio,
            // The library tells of a track with its first packet, so its number is known.
            RtpCodecKind::Video => match track.ssrcs().await.first() {
                Some(ssrc) => self.shared.pictures_of(*ssrc),
                None => MediaKind::Video,
            },
            _ => return,
        };
        let output = match (&*self.outputs.lock(), kind) {
            (None, _) => return,
            (Some(outputs), MediaKind::Audio) => outputs.audio.clone(),
            (Some(outputs), MediaKind::Video) => outputs.video.clone(),
            (Some(outputs), MediaKind::Screen) => outputs.screen.clone(),
        };
        self.tracks.lock()[kind as usize] = Some(track.clone());
        self.tasks.spawn(Self::read_track(
            track,
            kind,
            output,
            self.shared.clone(),
            self.stop.clone(),
        ));
    }
}

/// The kind of this end's candidate and the transport, as in `host/udp`.
async fn selected_pair(connection: &dyn PeerConnection) -> Option<String> {
    let ice = match connection.sctp().await {
        Some(sctp) => sctp.transport().ice_transport(),
        None => {
            let sender = connection.get_senders().await.into_iter().next()?;
            sender.transport().await.ok()??.ice_transport()
        }
    };
    let pair = ice.get_selected_candidate_pair().await.ok()??;
    let local = pair.local();
    Some(format!("{}/{}", local.typ, local.protocol))
}
