//! The one actor that does what `call` says: it owns the socket to the relay, the connections and the
//! pipelines, and joins them all at the end.

mod actor;
mod conversation;
mod files;
mod first_frame;
mod gathering;
mod peer;
mod public;
mod report;
mod turn;

use std::{sync::Arc, time::SystemTime};

use ahoy_contract::{
    Nonce, PeerId, RoomId, Secret,
    ui::{CallView, EndReason},
    wire::IceServer,
};
use tokio::sync::{mpsc, watch};

pub use files::allow_connections;
pub use report::{PeerReport, PicturesReport};

use crate::{
    call::{Call, CallConfig, Event, Part},
    dialect::{DialectCall, Plan},
    frame::{Bitrate, VideoCodec},
    media::{AudioTap, Latest, LocalMedia, VideoSink, now},
    rtc::{BindPolicy, Direction},
    signaling::Target,
};
use conversation::Conversation;
use public::Peers;

/// Events that wait at most. Full: the newest is lost, and the log says so; the view is always whole.
const EVENTS: usize = 256;
/// Wishes of the user that wait at most.
const WISHES: usize = 64;

/// How media travels.
#[derive(Debug, Clone)]
pub struct Transport {
    /// Servers for ICE besides those that the relay names.
    pub ice_servers: Vec<IceServer>,
    /// Only by TURN. Where neither the user nor the relay names a TURN server the call ends with
    /// [`TurnMissing`](ahoy_contract::ErrorCode::TurnMissing) before it has begun.
    pub relay_only: bool,
    /// Video codecs, the preferred one first.
    pub codecs: Vec<VideoCodec>,
    /// The most that pictures may take.
    pub max_bitrate: Bitrate,
    /// The most that pictures of a screen may take beside them.
    pub max_screen_bitrate: Bitrate,
    /// Which ways pictures go.
    pub video: Direction,
    /// Which ways sound goes.
    pub audio: Direction,
    /// Local addresses.
    pub bind: BindPolicy,
    /// Received pictures are decoded; otherwise only counted.
    pub decode: bool,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            ice_servers: Vec::new(),
            relay_only: false,
            codecs: vec![VideoCodec::Vp9, VideoCodec::Vp8],
            max_bitrate: Bitrate::kbps(2_500),
            max_screen_bitrate: Bitrate::kbps(6_000),
            video: Direction::BOTH,
            audio: Direction::BOTH,
            bind: BindPolicy::All,
            decode: true,
        }
    }
}

/// Makes what takes the pictures and the sound of peers besides window and speaker: recorders, probes.
pub trait SinkFactory: Send + Sync {
    /// For the pictures of a peer.
    fn video(&self, peer: &PeerId) -> Option<Box<dyn VideoSink>>;
    /// For the sound of a peer.
    fn audio(&self, peer: &PeerId) -> Option<Box<dyn AudioTap>>;
}

/// Everything about a call that is known before it starts.
#[derive(Clone)]
pub struct EngineConfig {
    /// The relay, as this end reaches it.
    pub relay: Target,
    /// How this end takes part.
    pub part: Part,
    /// The room.
    pub room: RoomId,
    /// The link's secret.
    pub secret: Secret,
    /// The link as it is shown.
    pub link: String,
    /// The name that the others see.
    pub name: String,
    /// Name and version of the program.
    pub app: String,
    /// Never offers first.
    pub only_answers: bool,
    /// How media travels.
    pub transport: Transport,
    /// What else takes pictures and sound.
    pub sinks: Option<Arc<dyn SinkFactory>>,
}

/// Everything about a call through a relay that speaks a dialect.
#[derive(Clone)]
pub struct DialectConfig {
    /// The relay, as this end reaches it.
    pub relay: Target,
    /// What is spoken there, and this end's part.
    pub plan: Plan,
    /// How media travels.
    pub transport: Transport,
    /// What else takes pictures and sound.
    pub sinks: Option<Arc<dyn SinkFactory>>,
}

/// What a call of either kind needs besides what is said in it.
struct Setup {
    relay: Target,
    transport: Transport,
    sinks: Option<Arc<dyn SinkFactory>>,
}

/// What the user sees of the engine.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineView {
    /// The call; the last one that was seen, once it has ended.
    pub call: CallView,
    /// How it ended, once it did.
    pub ended: Option<EndReason>,
}

/// What happens in the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum EngineEvent {
    /// In the call.
    Call(Event),
    /// A connection is up.
    Connected {
        /// To whom.
        peer: PeerId,
        /// Since the offer left or arrived, in milliseconds.
        ms: u64,
        /// The kind of the local candidate and the transport: `host/udp`.
        pair: String,
    },
    /// The first picture of a peer was handed to the sink.
    FirstFrame {
        /// Whose.
        peer: PeerId,
        /// Since the offer left or arrived, in milliseconds.
        ms: u64,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

#[derive(Debug)]
enum Wish {
    HangUp,
    Chat { to: Option<PeerId>, text: String },
    Admit { peer: PeerId, accept: bool },
    Lock { locked: bool },
    Remove { peer: PeerId },
}

/// A call that runs. [`close`](Self::close) ends it; dropped, it hangs up in the background.
pub struct Engine {
    view: watch::Receiver<EngineView>,
    events: Option<mpsc::Receiver<EngineEvent>>,
    wishes: mpsc::Sender<Wish>,
    peers: Peers,
    task: tokio::task::JoinHandle<()>,
}

impl Engine {
    /// Starts a call with devices that are open already. To be called on a tokio runtime. The devices stay
    /// the caller's to close.
    pub fn start(config: EngineConfig, media: LocalMedia) -> Self {
        let own_servers = &config.transport.ice_servers;
        let knows_turn = own_servers.iter().any(IceServer::is_usable_turn);
        let call = Call::new(
            CallConfig {
                part: config.part,
                room: config.room,
                secret: config.secret,
                relay: config.relay.name_in_proofs(),
                link: config.link,
                name: config.name,
                app: config.app,
                only_answers: config.only_answers,
                needs_turn: config.transport.relay_only && !knows_turn,
                unix_ms: unix_ms(),
                start: now(),
            },
            || Nonce::new(random()),
        );
        let setup = Setup {
            relay: config.relay,
            transport: config.transport,
            sinks: config.sinks,
        };
        Self::run(Conversation::Native(Box::new(call)), setup, media)
    }

    /// As [`start`](Self::start), for a call through a relay that speaks a dialect.
    pub fn start_dialect(config: DialectConfig, media: LocalMedia) -> Self {
        let ids = || PeerId::from_bytes(&random());
        let call = DialectCall::new(config.plan, now(), unix_ms(), ids);
        let setup = Setup {
            relay: config.relay,
            transport: config.transport,
            sinks: config.sinks,
        };
        Self::run(Conversation::Dialect(Box::new(call)), setup, media)
    }

    fn run(call: Conversation, setup: Setup, media: LocalMedia) -> Self {
        let (wishes, wished) = mpsc::channel(WISHES);
        let (to_user, events) = mpsc::channel(EVENTS);
        let peers = Peers::default();
        let (actor, view) = actor::Actor::new(call, setup, media, peers.clone(), to_user);
        let task = tokio::spawn(actor.run(wished));
        Self {
            view,
            events: Some(events),
            wishes,
            peers,
            task,
        }
    }

    /// What the user sees, always whole.
    pub fn view(&self) -> watch::Receiver<EngineView> {
        self.view.clone()
    }

    /// What happens; there is one such queue, and the first who asks gets it.
    pub fn take_events(&mut self) -> Option<mpsc::Receiver<EngineEvent>> {
        self.events.take()
    }

    /// The newest picture of a peer; `None` while it is not connected.
    pub fn picture(&self, peer: &PeerId) -> Option<Latest> {
        self.peers.picture(peer)
    }

    /// The newest picture of the screen that a peer shows; `None` before it has shown one.
    pub fn screen(&self, peer: &PeerId) -> Option<Latest> {
        self.peers.screen(peer)
    }

    /// The counters of all connected peers.
    pub fn report(&self) -> Vec<PeerReport> {
        self.peers.report()
    }

    /// Leaves the call.
    pub fn hang_up(&self) {
        self.wish(Wish::HangUp);
    }

    /// Lets one that waits at the door in, or not; the host only. Nothing where nobody of this id waits.
    pub fn admit(&self, peer: PeerId, accept: bool) {
        self.wish(Wish::Admit { peer, accept });
    }

    /// Closes the room to newcomers, or opens it; the host only.
    pub fn lock(&self, locked: bool) {
        self.wish(Wish::Lock { locked });
    }

    /// Sends a member away; the host only.
    pub fn remove(&self, peer: PeerId) {
        self.wish(Wish::Remove { peer });
    }

    /// A line of chat for one peer, or for all; who is not connected yet gets it then. One of
    /// more than [`MAX_CHAT_BYTES`](ahoy_contract::peer::MAX_CHAT_BYTES) is refused by an event.
    pub fn chat(&self, to: Option<PeerId>, text: String) {
        self.wish(Wish::Chat { to, text });
    }

    /// Leaves the call if it has not ended, and joins everything.
    pub async fn close(self) {
        self.wish(Wish::HangUp);
        if self.task.await.is_err() {
            tracing::error!("the call's task panicked");
        }
    }

    fn wish(&self, wish: Wish) {
        // Closed: the call has ended. Full: cannot be, a person does not click that fast.
        let _ = self.wishes.try_send(wish);
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // A system without random numbers can keep no secret: nothing may go on.
        tracing::error!("the system gives no random numbers: {error}");
        std::process::abort();
    }
    bytes
}

#[expect(clippy::disallowed_methods, reason = "the view tells times of day")]
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
