//! One connection.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ahoy_contract::peer::{Candidate, Description, DescriptionType};
use futures_util::FutureExt;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use tokio::{
    sync::{Mutex, mpsc, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, error, warn};
use webrtc::{
    error::Error,
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, RTCConfigurationBuilder, RTCIceTransportPolicy,
    },
};

use super::{
    AUDIO_QUEUE, Direction, EVENT_QUEUE, Incoming, MediaKind, MediaSender, PeerConfig, PeerEvent,
    PeerState, PeerStats, RtcError, VIDEO_QUEUE,
    addresses::LocalAddresses,
    config::KINDS,
    data::{self, DataLink},
    handler::{Handler, Outputs},
    media_engine::media_engine,
    names::Names,
    negotiation::Negotiation,
    runtime::Tracked,
    servers::Servers,
    setup::{add_line, interceptors, setting_engine},
    shared::{Clock, Shared},
    short,
};
use crate::{
    frame::{Bitrate, VideoCodec},
    rate::START_BITRATE,
};

/// How long closing waits for the connection's tasks.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the last words may take to the peer: several round trips around the world.
const ARRIVE_TIMEOUT: Duration = Duration::from_millis(500);

/// A connection to one peer. Cheap to clone. [`close`](Self::close) ends it; when the last clone is
/// dropped without that, it is closed in the background.
#[derive(Clone)]
pub struct Peer {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Arc<dyn PeerConnection>,
    handler: Arc<Handler>,
    shared: Arc<Shared>,
    audio: MediaSender,
    video: MediaSender,
    screen: MediaSender,
    negotiation: Mutex<Negotiation>,
    names: Arc<Names>,
    runtime: tokio::runtime::Handle,
    closed: AtomicBool,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer")
            .field("audio", &self.inner.audio)
            .field("video", &self.inner.video)
            .finish_non_exhaustive()
    }
}

impl Peer {
    /// Binds sockets and starts the connection's task on the current runtime.
    ///
    /// # Errors
    /// [`RtcError::Open`] where no address could be bound.
    pub async fn open(config: PeerConfig) -> Result<(Self, Incoming), RtcError> {
        let open = |error: Error| RtcError::Open(short(&error));
        let codecs = if config.codecs.is_empty() {
            vec![VideoCodec::Vp9, VideoCodec::Vp8]
        } else {
            config.codecs.clone()
        };
        let (events, events_rx) = mpsc::channel(EVENT_QUEUE);
        let (video_tx, video_rx) = mpsc::channel(VIDEO_QUEUE);
        let (audio_tx, audio_rx) = mpsc::channel(AUDIO_QUEUE);
        let (screen_tx, screen_rx) = mpsc::channel(VIDEO_QUEUE);
        let start = START_BITRATE.min(config.max_bitrate);
        let shared = Arc::new(Shared::new(events, start, config.max_bitrate, Clock::now()));
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let handler = Arc::new(Handler {
            shared: shared.clone(),
            data: Arc::new(DataLink::new(config.channel)),
            tasks: tasks.clone(),
            stop: stop.clone(),
            outputs: parking_lot::Mutex::new(Some(Outputs {
                video: video_tx,
                audio: audio_tx,
                screen: screen_tx,
            })),
            tracks: parking_lot::Mutex::default(),
            connection: OnceLock::new(),
        });
        let receives = [config.audio, config.video, config.screen]
            .iter()
            .any(|direction| direction.receive);
        let servers = Servers::choose(
            &config.ice_servers,
            &config.relay_servers,
            config.relay_is_local,
        );
        let names = Arc::new(Names::look_up(servers.hosts));
        let runtime = Tracked::new(tasks, stop, shared.clone(), names.clone());
        let builder = PeerConnectionBuilder::new()
            .with_configuration(
                RTCConfigurationBuilder::new()
                    .with_ice_servers(servers.config)
                    .with_ice_transport_policy(if config.relay_only {
                        RTCIceTransportPolicy::Relay
                    } else {
                        RTCIceTransportPolicy::All
                    })
                    .build(),
            )
            .with_media_engine(media_engine(&codecs).map_err(open)?)
            .with_setting_engine(setting_engine())
            .with_interceptor_registry(interceptors(&shared, config.max_bitrate, receives))
            .with_runtime(Arc::new(runtime))
            .with_handler(handler.clone())
            .with_data_channel_send_buffer_limit(data::SEND_BUFFER)
            .with_udp_addrs(vec![LocalAddresses(config.bind)]);
        let connection: Arc<dyn PeerConnection> = Arc::new(builder.build().await.map_err(open)?);
        // The cell was made above and is set here only.
        let _ = handler.connection.set(Arc::downgrade(&connection));

        let sender = |kind, direction: Direction| {
            MediaSender::new(kind, direction.send, codecs[0], shared.clone())
                .map_err(|error| RtcError::Open(error.to_string()))
        };
        let audio = sender(MediaKind::Audio, config.audio)?;
        let video = sender(MediaKind::Video, config.video)?;
        let screen = sender(MediaKind::Screen, config.screen)?;
        let mut lines = Vec::new();
        for (kind, direction, sender) in [
            (MediaKind::Audio, config.audio, &audio),
            (MediaKind::Video, config.video, &video),
            (MediaKind::Screen, config.screen, &screen),
        ] {
            let line = add_line(&*connection, kind, direction, sender, &codecs);
            lines.extend(line.await.map_err(open)?);
        }
        let peer = Self {
            inner: Arc::new(Inner {
                connection,
                handler,
                shared,
                audio,
                video,
                screen,
                negotiation: Mutex::new(Negotiation::new(lines, codecs)),
                names,
                runtime: tokio::runtime::Handle::current(),
                closed: AtomicBool::new(false),
            }),
        };
        let incoming = Incoming {
            events: events_rx,
            video: video_rx,
            audio: audio_rx,
            screen: screen_rx,
        };
        Ok((peer, incoming))
    }

    /// Makes an offer and takes it as the local description: gathering starts. With `ice_restart` new
    /// credentials are made, and all addresses are tried again (RFC 8445 §2.4).
    ///
    /// # Errors
    /// [`RtcError::Negotiation`] while an offer of the peer waits for its answer.
    pub async fn create_offer(&self, ice_restart: bool) -> Result<Description, RtcError> {
        let inner = &self.inner;
        let mut negotiation = inner.negotiation.lock().await;
        let handler = &inner.handler;
        if let Some(label) = handler.data.label()
            && let Some(channel) = negotiation.data_channel(&*inner.connection, label).await?
        {
            handler.tasks.spawn(handler.data.clone().run(
                channel,
                inner.shared.clone(),
                handler.stop.clone(),
            ));
        }
        if ice_restart {
            inner.names.look_up_again();
        }
        inner.names.ready().await;
        let offer = negotiation.offer(&*inner.connection, &inner.shared, ice_restart);
        let sdp = self.guarded(offer).await?;
        Ok(Description {
            kind: DescriptionType::Offer,
            sdp,
        })
    }

    /// Answers the peer's offer and takes the answer as the local description: gathering starts.
    ///
    /// # Errors
    /// [`RtcError::Negotiation`] where no offer of the peer waits.
    pub async fn create_answer(&self) -> Result<Description, RtcError> {
        let inner = &self.inner;
        let mut negotiation = inner.negotiation.lock().await;
        if negotiation.answers_restart() {
            inner.names.look_up_again();
        }
        inner.names.ready().await;
        let sdp = self
            .guarded(negotiation.answer(&*inner.connection, &inner.shared))
            .await?;
        Ok(Description {
            kind: DescriptionType::Answer,
            sdp,
        })
    }

    /// Takes the peer's description. An offer that crosses an own one takes that back first (RFC 8829
    /// §4.1.10.2); who must not yield does not call this.
    ///
    /// # Errors
    /// [`RtcError::Description`] for what cannot be used; an own offer may have been taken back by then, and
    /// the connection may be of no more use.
    pub async fn set_remote(&self, description: &Description) -> Result<(), RtcError> {
        let inner = &self.inner;
        let mut negotiation = inner.negotiation.lock().await;
        self.guarded(negotiation.remote(&*inner.connection, &inner.shared, description))
            .await
    }

    /// Takes a candidate of the peer; `None`: there are no more. Those that cannot be used here (`.local`
    /// names, TCP, empty, not one host's) and those beyond 32 are left out without an error; those that come before the
    /// peer's description are kept for it.
    ///
    /// # Errors
    /// [`RtcError::Candidate`] for what is no candidate.
    pub async fn add_candidate(&self, candidate: Option<&Candidate>) -> Result<(), RtcError> {
        let Some(candidate) = candidate else {
            return Ok(());
        };
        let inner = &self.inner;
        let mut negotiation = inner.negotiation.lock().await;
        self.guarded(negotiation.candidate(&*inner.connection, &candidate.candidate))
            .await
    }

    /// The way to send a kind of media.
    pub fn sender(&self, kind: MediaKind) -> MediaSender {
        match kind {
            MediaKind::Audio => self.inner.audio.clone(),
            MediaKind::Video => self.inner.video.clone(),
            MediaKind::Screen => self.inner.screen.clone(),
        }
    }

    /// Asks the peer for a key frame of these pictures (PLI, RFC 4585 §6.3.1); before their first packet that is not
    /// needed, and nothing is sent.
    pub async fn request_key_frame(&self, kind: MediaKind) {
        let track = self.inner.handler.tracks.lock()[kind as usize].clone();
        let Some(track) = track else { return };
        let Some(media_ssrc) = track.ssrcs().await.into_iter().next() else {
            return;
        };
        let pli = PictureLossIndication {
            sender_ssrc: 0,
            media_ssrc,
        };
        // An error means that the connection is over.
        let _ = track.write_rtcp(vec![Box::new(pli)]).await;
    }

    /// Sends a text on the data channel.
    ///
    /// # Errors
    /// [`RtcError::NoDataChannel`] before it is open; [`RtcError::DataNotSent`] for a text beyond 64 KiB, and
    /// while 1 MiB waits already.
    pub async fn send_data(&self, text: &str) -> Result<(), RtcError> {
        self.inner.handler.data.send(text).await
    }

    /// Waits until the peer has what was sent on the data channel, half a second at most.
    pub async fn data_arrived(&self) {
        if timeout(ARRIVE_TIMEOUT, self.inner.handler.data.arrived())
            .await
            .is_err()
        {
            debug!("the peer does not confirm what was sent");
        }
    }

    /// The counters as they stand.
    pub fn stats(&self) -> PeerStats {
        PeerStats {
            refused: self.inner.shared.guard.refused(),
            ..*self.inner.shared.stats.lock()
        }
    }

    /// The most that is ever sent from now on, all together.
    pub fn set_max_bitrate(&self, max: Bitrate) {
        self.inner.shared.set_max(max);
    }

    /// How much may be sent now, all together.
    pub fn estimate(&self) -> watch::Receiver<Bitrate> {
        self.inner.shared.estimate.subscribe()
    }

    /// Ends the connection and waits until its tasks and sockets are gone, two seconds at most. Safe to
    /// call twice.
    pub async fn close(&self) {
        if !self.inner.closed.swap(true, Ordering::SeqCst) {
            let inner = &self.inner;
            shut(&inner.connection, &inner.handler, &inner.shared).await;
        }
    }

    /// Runs what touches the library's state on the peer's word: a panic in there is an error of this
    /// connection, which cannot be trusted any more.
    async fn guarded<T>(
        &self,
        work: impl Future<Output = Result<T, RtcError>>,
    ) -> Result<T, RtcError> {
        if self.inner.closed.load(Ordering::SeqCst) {
            return Err(RtcError::Closed);
        }
        AssertUnwindSafe(work)
            .catch_unwind()
            .await
            .unwrap_or_else(|_| {
                error!(
                    "the library panicked on a description or candidate; the connection is lost"
                );
                self.inner.shared.emit(PeerEvent::State(PeerState::Failed));
                Err(RtcError::Description("the library failed on it".into()))
            })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !*self.closed.get_mut() {
            let (connection, handler) = (self.connection.clone(), self.handler.clone());
            let shared = self.shared.clone();
            // Without this the library's task and sockets would stay for ever.
            self.runtime
                .spawn(async move { shut(&connection, &handler, &shared).await });
        }
    }
}

async fn shut(connection: &Arc<dyn PeerConnection>, handler: &Handler, shared: &Shared) {
    handler.stop.cancel();
    if let Err(error) = connection.close().await {
        warn!(error = short(&error), "a connection did not close cleanly");
    }
    handler.outputs.lock().take();
    *handler.tracks.lock() = [const { None }; KINDS];
    handler.tasks.close();
    if timeout(CLOSE_TIMEOUT, handler.tasks.wait()).await.is_err() {
        warn!("a connection's tasks did not end in time");
    }
    shared.close();
    debug!(refused = ?shared.guard.refused(), "what the sockets refused");
}
