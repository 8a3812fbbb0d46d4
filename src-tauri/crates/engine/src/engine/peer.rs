//! One peer: its connection and the pipelines to and from it, in one task.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use ahoy_contract::{
    PeerId,
    peer::{DataMessage, Description, DescriptionType},
    wire::IceServer,
};
use parking_lot::Mutex;
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::{
    EngineEvent, PeerReport, SinkFactory, Transport,
    gathering::Gathering,
    report::{Counters, quality},
};
use crate::{
    call::{Media, PeerInput, PeerOutput, Terms},
    frame::VideoFrame,
    media::{ExpectedLoss, Latest, LocalMedia, Player, Sending, VideoIn, VideoSink, now},
    rtc::{Direction, Incoming, MediaKind, Peer, PeerConfig, PeerEvent, PeerState, RtcError},
};

/// Things to do that wait at most: a browser's candidates all at once, and some. Full: the connection is
/// given up, for what was lost cannot be made good.
pub(super) const COMMANDS: usize = 256;
/// Opus is told to expect at least this much loss, so that a first loss is repaired already.
const LEAST_LOSS: f64 = 0.05;

/// Which ways a kind of media goes on one connection of a call.
fn within(call: Direction, media: Media) -> Direction {
    Direction {
        send: call.send && media != Media::Receive,
        receive: call.receive && media != Media::Send,
    }
}

/// What of the peers others than their tasks may see.
#[derive(Clone, Default)]
pub(super) struct Peers {
    inner: Arc<Mutex<BTreeMap<PeerId, Public>>>,
}

struct Public {
    counters: Counters,
    pictures: Option<Latest>,
}

impl Peers {
    pub(super) fn picture(&self, peer: &PeerId) -> Option<Latest> {
        self.inner
            .lock()
            .get(peer)
            .and_then(|public| public.pictures.clone())
    }

    pub(super) fn report(&self) -> Vec<PeerReport> {
        self.inner
            .lock()
            .iter()
            .map(|(id, public)| public.counters.report(id.clone()))
            .collect()
    }
}

/// One connection with a peer: there may be several, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) peer: PeerId,
    pub(super) number: u64,
}

/// What all peers of a call share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) transport: Arc<Transport>,
    pub(super) media: LocalMedia,
    /// `None`: no sound comes from anybody.
    pub(super) player: Option<Arc<Player>>,
    pub(super) sinks: Option<Arc<dyn SinkFactory>>,
    pub(super) peers: Peers,
    pub(super) to_actor: mpsc::Sender<(Name, PeerInput)>,
    pub(super) to_user: mpsc::Sender<EngineEvent>,
}

/// Runs a peer from its opening to its close. `before` is the last connection with the same peer: what others see
/// of a peer is one connection's at a time.
pub(super) async fn run(
    name: Name,
    (ice_servers, terms): (Vec<IceServer>, Terms),
    shared: Shared,
    mut commands: mpsc::Receiver<PeerOutput>,
    before: Option<JoinHandle<()>>,
) {
    if let Some(before) = before
        && before.await.is_err()
    {
        tracing::error!("a connection's task panicked");
    }
    let transport = &shared.transport;
    let video = within(transport.video, terms.media);
    let audio = within(transport.audio, terms.media);
    let config = PeerConfig {
        ice_servers: transport
            .ice_servers
            .iter()
            .cloned()
            .chain(ice_servers)
            .collect(),
        relay_only: transport.relay_only,
        video,
        audio,
        codecs: transport.codecs.clone(),
        bind: transport.bind.clone(),
        max_bitrate: transport.max_bitrate,
        channel: terms.channel.map(str::to_owned),
    };
    if let Some(codec) = transport.codecs.first().filter(|_| video.send) {
        shared.media.prepare(*codec);
    }
    match Peer::open(config).await {
        Ok((rtc, incoming)) => {
            let task = Task {
                id: name.peer.clone(),
                name,
                shared,
                rtc,
                sends: (video.send, audio.send),
                receives: (video.receive, audio.receive),
                is_native: terms.channel == Terms::NATIVE.channel,
                gathering: (!terms.trickle).then(Gathering::default),
                offered: Arc::new(OnceLock::new()),
                sending: None,
                loss: None,
                video: None,
                hidden: false,
                said_bye: false,
            };
            task.run(incoming, commands).await;
        }
        Err(error) => {
            tracing::error!("{error}");
            tell(&shared, &name, PeerInput::Closed).await;
            // The queue is kept until the call is done with the peer.
            while !matches!(commands.recv().await, None | Some(PeerOutput::Close)) {}
        }
    }
}

async fn tell(shared: &Shared, name: &Name, input: PeerInput) {
    // Closed: the call is over.
    let _ = shared.to_actor.send((name.clone(), input)).await;
}

struct Task {
    id: PeerId,
    name: Name,
    shared: Shared,
    rtc: Peer,
    /// Whether pictures and sound go to the peer.
    sends: (bool, bool),
    /// Whether they may come from it.
    receives: (bool, bool),
    /// The data channel carries [`DataMessage`]s.
    is_native: bool,
    /// Where descriptions hold their candidates.
    gathering: Option<Gathering>,
    /// When the first offer left or arrived.
    offered: Arc<OnceLock<Instant>>,
    sending: Option<Sending>,
    loss: Option<ExpectedLoss>,
    video: Option<VideoIn>,
    hidden: bool,
    said_bye: bool,
}

impl Task {
    async fn run(mut self, incoming: Incoming, mut commands: mpsc::Receiver<PeerOutput>) {
        let Incoming {
            mut events,
            video,
            audio,
        } = incoming;
        let mut packets = Some((video, audio));
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    None | Some(PeerOutput::Close) => break,
                    Some(command) => self.command(command).await,
                },
                Some(event) = events.recv() => {
                    if let PeerEvent::State(PeerState::Connected { pair }) = &event
                        && let Some(packets) = packets.take() {
                            self.start(packets, pair).await;
                        }
                    self.event(event).await;
                }
                _ = tick.tick() => self.measure().await,
                () = Gathering::late(self.gathering.as_ref()) => self.tell_gathered(true).await,
            }
        }
        self.close().await;
    }

    async fn command(&mut self, command: PeerOutput) {
        let done = match command {
            PeerOutput::CreateOffer { ice_restart } => {
                match self.rtc.create_offer(ice_restart).await {
                    Ok(offer) => self.described(offer).await,
                    Err(error) => Err(error),
                }
            }
            PeerOutput::CreateAnswer => match self.rtc.create_answer().await {
                Ok(answer) => self.described(answer).await,
                Err(error) => Err(error),
            },
            PeerOutput::SetRemote(description) => {
                if description.kind == DescriptionType::Offer {
                    self.offered.get_or_init(now);
                }
                self.rtc.set_remote(&description).await
            }
            PeerOutput::AddCandidate(candidate) => {
                // One that is of no use here does not end the negotiation.
                if let Err(error) = self.rtc.add_candidate(candidate.as_ref()).await {
                    tracing::debug!("{error}");
                }
                Ok(())
            }
            PeerOutput::Data(message) => {
                self.said_bye |= matches!(message, DataMessage::Bye { .. });
                if let Ok(text) = serde_json::to_string(&message)
                    && let Err(error) = self.rtc.send_data(&text).await
                {
                    tracing::debug!("{error}");
                }
                Ok(())
            }
            PeerOutput::Text(text) => {
                if let Err(error) = self.rtc.send_data(&text).await {
                    tracing::debug!("{error}");
                }
                Ok(())
            }
            PeerOutput::Open { .. } | PeerOutput::Close => Ok(()),
        };
        if let Err(error) = done {
            tracing::warn!("{error}");
            tell(
                &self.shared,
                &self.name,
                PeerInput::StepFailed(error.to_string()),
            )
            .await;
        }
    }

    async fn described(&mut self, description: Description) -> Result<(), RtcError> {
        if description.kind == DescriptionType::Offer {
            self.offered.get_or_init(now);
        }
        match &mut self.gathering {
            Some(gathering) => {
                gathering.made(description, now());
                self.tell_gathered(false).await;
            }
            None => tell(&self.shared, &self.name, PeerInput::Local(description)).await,
        }
        Ok(())
    }

    /// Tells the description that waits for its candidates, once they are there or took too long.
    async fn tell_gathered(&mut self, late: bool) {
        let whole = self.gathering.as_mut().and_then(|it| it.whole(late));
        if let Some(description) = whole {
            tell(&self.shared, &self.name, PeerInput::Local(description)).await;
        }
    }

    async fn event(&mut self, event: PeerEvent) {
        let input = match event {
            PeerEvent::Candidate(candidate) => match &mut self.gathering {
                None => PeerInput::Candidate(candidate),
                Some(gathering) => {
                    gathering.found(candidate);
                    self.tell_gathered(false).await;
                    return;
                }
            },
            PeerEvent::State(PeerState::Connected { .. }) => PeerInput::Connected,
            PeerEvent::State(PeerState::Disconnected) => PeerInput::Disconnected,
            PeerEvent::State(PeerState::Failed | PeerState::Closed) => PeerInput::Failed,
            PeerEvent::DataOpen => PeerInput::DataOpen,
            PeerEvent::Data(text) => {
                if self.is_native
                    && let Ok(DataMessage::State { camera_off, .. }) = serde_json::from_str(&text)
                {
                    self.hidden = camera_off;
                    if let Some(video) = &self.video {
                        video.set_hidden(camera_off);
                    }
                }
                PeerInput::Data(text)
            }
            PeerEvent::KeyFrameRequested => {
                if let Some(sending) = &self.sending {
                    sending.request_key_frame();
                }
                return;
            }
            PeerEvent::DataClosed => PeerInput::DataClosed,
            PeerEvent::State(PeerState::Connecting) | PeerEvent::RemoteTrack(_) => return,
        };
        tell(&self.shared, &self.name, input).await;
    }

    /// The connection is up for the first time: the pipelines start.
    async fn start(
        &mut self,
        (video, audio): (
            mpsc::Receiver<crate::packet::RtpPacket>,
            mpsc::Receiver<crate::packet::RtpPacket>,
        ),
        pair: &str,
    ) {
        let transport = &self.shared.transport;
        let codec = self
            .rtc
            .sender(MediaKind::Video)
            .codec()
            .filter(|_| self.sends.0);
        let sending = Sending::start(
            &self.rtc,
            &self.shared.media,
            codec,
            self.sends.1,
            transport.max_bitrate,
        );
        let mut counters = Counters {
            rtc: self.rtc.clone(),
            sent: Some((sending.sent().clone(), codec)),
            video: None,
            audio: None,
        };
        self.sending = Some(sending);
        self.loss = Some(self.shared.media.expect_loss());
        let sinks = self.shared.sinks.as_ref();
        let tap = sinks.and_then(|sinks| sinks.audio(&self.id));
        if let Some(player) = self.shared.player.as_ref().filter(|_| self.receives.1) {
            match player.add(self.id.clone(), audio, tap) {
                Ok(stats) => counters.audio = Some(stats),
                Err(error) => tracing::error!("no decoder for the sound of a peer: {error}"),
            }
        }
        let sink = FirstFrame {
            offered: self.offered.clone(),
            to_user: Some(self.shared.to_user.clone()),
            next: sinks.and_then(|sinks| sinks.video(&self.id)),
        };
        if self.receives.0 {
            match VideoIn::start(
                self.id.clone(),
                self.rtc.clone(),
                video,
                counters.audio.clone(),
                transport.decode,
                Some(Box::new(sink)),
            ) {
                Ok(video) => {
                    video.set_hidden(self.hidden);
                    counters.video = Some(video.stats().clone());
                    self.video = Some(video);
                }
                Err(error) => tracing::error!("no thread for the pictures of a peer: {error}"),
            }
        }
        let pictures = self.video.as_ref().map(VideoIn::pictures);
        self.shared
            .peers
            .inner
            .lock()
            .insert(self.id.clone(), Public { counters, pictures });
        let ms = since(&self.offered);
        let connected = EngineEvent::Connected {
            peer: self.id.clone(),
            ms,
            pair: pair.to_owned(),
        };
        let _ = self.shared.to_user.try_send(connected);
    }

    async fn measure(&self) {
        let Some(expected) = &self.loss else {
            return;
        };
        let stats = self.rtc.stats();
        let loss = stats.audio.sent.fraction_lost.clamp(LEAST_LOSS, 1.0);
        expected.set((loss * 100.0).round() as u8);
        if let Some(quality) = quality(&stats) {
            tell(&self.shared, &self.name, PeerInput::Quality(quality)).await;
        }
    }

    async fn close(self) {
        self.shared.peers.inner.lock().remove(&self.id);
        if let Some(player) = &self.shared.player {
            player.remove(&self.id);
        }
        if let Some(sending) = self.sending {
            sending.stop().await;
        }
        if self.said_bye {
            // While the relay is away there is no other way to say it.
            self.rtc.data_arrived().await;
        }
        self.rtc.close().await;
        if let Some(video) = self.video {
            video.stop().await;
        }
    }
}

fn since(offered: &OnceLock<Instant>) -> u64 {
    offered
        .get()
        .map_or(0, |at| at.elapsed().as_millis() as u64)
}

/// Tells of the first picture, and hands all on.
struct FirstFrame {
    offered: Arc<OnceLock<Instant>>,
    to_user: Option<mpsc::Sender<EngineEvent>>,
    next: Option<Box<dyn VideoSink>>,
}

impl VideoSink for FirstFrame {
    fn picture(&mut self, peer: &PeerId, picture: &VideoFrame) {
        if let Some(next) = &mut self.next {
            next.picture(peer, picture);
        }
        if let Some(to_user) = self.to_user.take() {
            let _ = to_user.try_send(EngineEvent::FirstFrame {
                peer: peer.clone(),
                ms: since(&self.offered),
                width: picture.width(),
                height: picture.height(),
            });
        }
    }
}
