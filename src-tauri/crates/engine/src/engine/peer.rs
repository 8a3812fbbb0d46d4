//! One peer: its connection and the pipelines to and from it, in one task.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use ahoy_contract::{
    PeerId,
    peer::{DataMessage, Description, DescriptionType},
    wire::IceServer,
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::{
    EngineEvent, SinkFactory, Transport,
    first_frame::{FirstFrame, since},
    gathering::Gathering,
    public::{Peers, Public},
    report::{Counters, quality},
    turn::its_turn,
};
use crate::{
    call::{Media, PeerInput, PeerOutput, Terms},
    media::{ExpectedLoss, LocalMedia, Outgoing, Player, Sending, VideoIn, now},
    packet::RtpPacket,
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
    /// The relay is on this computer, so that the servers that it names may be.
    pub(super) relay_is_local: bool,
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
    if !its_turn(before, &commands).await {
        return;
    }
    let transport = &shared.transport;
    let video = within(transport.video, terms.media);
    let audio = within(transport.audio, terms.media);
    let is_native = terms.channel == Terms::NATIVE.channel;
    let config = PeerConfig {
        ice_servers: transport.ice_servers.clone(),
        relay_servers: ice_servers,
        relay_is_local: shared.relay_is_local,
        relay_only: transport.relay_only,
        video,
        audio,
        // Who is in a call may show a screen, and who sees the others sees theirs; other relays' calls know nothing of it.
        screen: Direction {
            send: is_native && video == Direction::BOTH,
            receive: is_native && video.receive,
        },
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
                is_native,
                gathering: (!terms.trickle).then(Gathering::default),
                offered: Arc::new(OnceLock::new()),
                sending: None,
                loss: None,
                video: None,
                hidden: false,
                screen: None,
                screen_packets: None,
                screen_shown: false,
                takes_screen: false,
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
    /// The screen that the peer shows, from its first packet on.
    screen: Option<VideoIn>,
    screen_packets: Option<mpsc::Receiver<RtpPacket>>,
    screen_shown: bool,
    /// The peer knows what a screen is.
    takes_screen: bool,
    said_bye: bool,
}

impl Task {
    async fn run(mut self, incoming: Incoming, mut commands: mpsc::Receiver<PeerOutput>) {
        let Incoming {
            mut events,
            video,
            audio,
            screen,
        } = incoming;
        self.screen_packets = Some(screen);
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
            tracing::warn!("{}", error.summary());
            tracing::debug!("{error}");
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
                    && let Ok(message) = serde_json::from_str(&text)
                {
                    self.heard(&message);
                }
                PeerInput::Data(text)
            }
            PeerEvent::KeyFrameRequested(kind) => {
                if let Some(sending) = &self.sending {
                    sending.request_key_frame(kind);
                }
                return;
            }
            PeerEvent::RemoteTrack(MediaKind::Screen) => return self.receive_screen(),
            PeerEvent::DataClosed => PeerInput::DataClosed,
            PeerEvent::State(PeerState::Connecting) | PeerEvent::RemoteTrack(_) => return,
        };
        tell(&self.shared, &self.name, input).await;
    }

    /// The connection is up for the first time: the pipelines start.
    async fn start(
        &mut self,
        (video, audio): (mpsc::Receiver<RtpPacket>, mpsc::Receiver<RtpPacket>),
        pair: &str,
    ) {
        let transport = &self.shared.transport;
        let codec = self
            .rtc
            .sender(MediaKind::Video)
            .codec()
            .filter(|_| self.sends.0);
        let outgoing = Outgoing {
            video: codec,
            audio: self.sends.1,
            max: transport.max_bitrate,
            max_screen: transport.max_screen_bitrate,
        };
        let sending = Sending::start(&self.rtc, &self.shared.media, outgoing);
        let mut counters = Counters {
            rtc: self.rtc.clone(),
            sent: codec.map(|_| sending.sent().clone()),
            sent_screen: Some(sending.sent_screen().clone()),
            video: None,
            screen: None,
            audio: None,
        };
        self.sending = Some(sending);
        self.send_screen();
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
                (self.rtc.clone(), MediaKind::Video),
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
        let public = Public {
            counters,
            pictures,
            screen: None,
        };
        self.shared.peers.insert(self.id.clone(), public);
        let ms = since(&self.offered);
        let connected = EngineEvent::Connected {
            peer: self.id.clone(),
            ms,
            pair: pair.to_owned(),
        };
        let _ = self.shared.to_user.try_send(connected);
    }

    /// What the peer says of what it sends.
    fn heard(&mut self, message: &DataMessage) {
        match message {
            DataMessage::State { camera_off, .. } => {
                self.hidden = *camera_off;
                if let Some(video) = &self.video {
                    video.set_hidden(self.hidden);
                }
            }
            DataMessage::Screen { shown } => {
                self.screen_shown = *shown;
                if let Some(screen) = &self.screen {
                    screen.set_hidden(!shown);
                }
                if !std::mem::replace(&mut self.takes_screen, true) {
                    self.send_screen();
                }
            }
            _ => {}
        }
    }

    /// A peer that knows what a screen is gets the one that is shown here.
    fn send_screen(&self) {
        if self.takes_screen
            && let Some(sending) = &self.sending
            && let Some(codec) = self.rtc.sender(MediaKind::Screen).codec()
        {
            sending.take_screen(codec);
        }
    }

    /// The first packet of the peer's screen has come.
    fn receive_screen(&mut self) {
        let Some(packets) = self.screen_packets.take() else {
            return;
        };
        let source = (self.rtc.clone(), MediaKind::Screen);
        let decode = self.shared.transport.decode;
        match VideoIn::start(self.id.clone(), source, packets, None, decode, None) {
            Ok(screen) => {
                screen.set_hidden(!self.screen_shown);
                self.shared.peers.insert_screen(&self.id, &screen);
                self.screen = Some(screen);
            }
            Err(error) => tracing::error!("no thread for the screen of a peer: {error}"),
        }
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
        self.shared.peers.remove(&self.id);
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
        for pictures in [self.video, self.screen].into_iter().flatten() {
            pictures.stop().await;
        }
    }
}
