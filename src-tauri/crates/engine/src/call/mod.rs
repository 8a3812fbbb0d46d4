//! Who is in the call, how the ends agree on a connection, and what the user sees of it. Pure.
//!
//! The engine's actor feeds [`Call::handle`] with what happens and does what [`Call::poll`] says, in
//! order; [`Call::deadline`] says when to come back with [`Input::Tick`] if nothing happens before.

mod auth;
mod members;
mod negotiation;
mod peer;
mod relay;
mod view;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use ahoy_contract::{
    ErrorCode, Nonce, PeerId, RoomId, Secret, UserError,
    peer::{ByeReason, Candidate, DataMessage, Description},
    ui::{CallView, EndReason, Quality},
    wire::{ClientMessage, IceServer, RelayMessage, Role, RoomKind},
};

pub use auth::{Authenticator, End, HostKey, Signed};
pub use negotiation::{Negotiation, Step};

use peer::Peer;

/// How long the relay may take to answer before the attempt counts as failed.
const RELAY_PATIENCE: Duration = Duration::from_secs(10);
/// How long a member waits for the offer of one who was there first before it offers itself. An offer
/// takes two trips over the relay; three seconds cover a bad mobile network.
const OFFER_PATIENCE: Duration = Duration::from_secs(3);
/// How long a connection may take, or stay lost, before it counts as failed: ICE's own patience
/// (RFC 8445 §14 allows about 40 s of checks) shortened to what a person waits for.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts to reach the relay; the last one repeats.
const RETRY_AFTER: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];
/// As many members as a call room may hold.
const MAX_MEMBERS: usize = 8;
/// As many joins of others as are remembered during one's own; a relay that shows more means harm.
const MAX_JOINS: usize = 1024;
/// How long the relay is looked for while nobody is connected: as long as a room waits for its host.
const RELAY_LOST_AFTER: Duration = Duration::from_secs(60);

/// How this end takes part.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in a call")]
pub enum Part {
    /// It opens the room.
    Host {
        /// The room's key pair.
        key: HostKey,
        /// What the room is for.
        kind: RoomKind,
        /// How many members it may hold.
        capacity: u32,
        /// Whether guests wait until they are admitted.
        knock: bool,
    },
    /// It joins a room.
    Guest {
        /// What for.
        role: Role,
    },
}

/// Everything about a call that is known before it starts.
#[derive(Debug, Clone)]
pub struct CallConfig {
    /// How this end takes part.
    pub part: Part,
    /// The room.
    pub room: RoomId,
    /// The link's secret.
    pub secret: Secret,
    /// The link, as it is shown once the room is open.
    pub link: String,
    /// The name that the others see.
    pub name: String,
    /// Name and version of the program, for the relay's log.
    pub app: String,
    /// Never offers first.
    pub only_answers: bool,
    /// Unix time in milliseconds at [`start`](Self::start), so that the view can tell times of day.
    pub unix_ms: u64,
    /// The moment that `unix_ms` belongs to.
    pub start: Instant,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// Nothing; time has passed.
    Tick,
    /// The socket to the relay is open.
    SocketOpen,
    /// The socket could not be opened, or is gone.
    SocketClosed(SocketEnd),
    /// The relay said something.
    Relay(RelayMessage),
    /// A peer's connection did something.
    Peer(PeerId, PeerInput),
    /// What this end sends has changed.
    LocalState {
        /// The microphone is off.
        muted: bool,
        /// The camera is off or missing.
        camera_off: bool,
    },
    /// The user wrote a line of chat.
    Chat {
        /// For whom; `None`: for all.
        to: Option<PeerId>,
        /// The line.
        text: String,
    },
    /// The user hangs up.
    HangUp,
}

/// Why there is no socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketEnd {
    /// Nobody answered, or the line broke.
    Lost,
    /// Somebody answered whose certificate is not to be trusted: trying again makes no sense.
    NotTrusted,
}

/// What a peer's connection did.
#[derive(Debug)]
pub enum PeerInput {
    /// A description was made and set.
    Local(Description),
    /// A candidate was gathered; `None`: there are no more.
    Candidate(Option<Candidate>),
    /// What was asked of it failed.
    StepFailed(String),
    /// Media can flow.
    Connected,
    /// Nothing has come for some seconds.
    Disconnected,
    /// No way leads to the peer (any more).
    Failed,
    /// The data channel is open.
    DataOpen,
    /// The peer said something on the data channel.
    Data(String),
    /// How good the connection is.
    Quality(Quality),
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Open a socket to the relay.
    Connect,
    /// Close the socket after what was sent.
    Disconnect,
    /// Send this to the relay.
    Send(ClientMessage),
    /// Do this with the connection of a peer.
    Peer(PeerId, PeerOutput),
    /// The view has changed: [`Call::view`].
    View,
    /// Tell whoever wants to know.
    Event(Event),
}

/// What is to be done with a peer's connection.
#[derive(Debug, PartialEq)]
pub enum PeerOutput {
    /// Make one.
    Open {
        /// Servers for ICE that the relay named.
        ice_servers: Vec<IceServer>,
    },
    /// Make an offer and set it; answer with [`PeerInput::Local`].
    CreateOffer {
        /// With new ICE credentials.
        ice_restart: bool,
    },
    /// Make an answer and set it; answer with [`PeerInput::Local`].
    CreateAnswer,
    /// Set the peer's description.
    SetRemote(Description),
    /// Add the peer's candidate.
    AddCandidate(Option<Candidate>),
    /// Say something on the data channel.
    Data(DataMessage),
    /// Stop media at once and close.
    Close,
}

/// What others than the window may want to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The room is open or joined.
    Ready,
    /// Somebody came.
    PeerJoined {
        /// Who.
        peer: PeerId,
        /// The name it gave.
        name: String,
    },
    /// Media flows to and from a peer.
    PeerConnected {
        /// Who.
        peer: PeerId,
    },
    /// Somebody went.
    PeerLeft {
        /// Who.
        peer: PeerId,
        /// The name it gave.
        name: String,
        /// `None`: without a word.
        reason: Option<ByeReason>,
    },
    /// A line of chat came.
    Chat {
        /// From whom.
        peer: PeerId,
        /// The line. Text of a stranger.
        text: String,
    },
    /// Something went wrong that the user should know of; the call may go on.
    Error(UserError),
    /// The call is over.
    Ended(EndReason),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Socket {
    /// Waiting to try (again).
    Retry { at: Instant },
    /// Asked for.
    Opening,
    /// `hello` or `create`/`join` is with the relay.
    Greeting { until: Instant },
    /// In the room.
    Joined,
}

/// One call, from the first word to the relay to the last.
pub struct Call {
    config: CallConfig,
    auth: Authenticator,
    nonces: Box<dyn FnMut() -> Nonce + Send>,
    socket: Socket,
    /// Since when there has been no room; `None` while in it.
    lost_since: Option<Instant>,
    attempts: usize,
    me: Option<End>,
    ice_servers: Vec<IceServer>,
    host_present: bool,
    order: u32,
    peers: BTreeMap<PeerId, Peer>,
    /// The last numbers sent to and received from each join of another member since this end's own: one that
    /// leaves the roster and comes back goes on counting, so that nothing can be replayed.
    numbers: BTreeMap<(PeerId, Nonce), (u64, u64)>,
    local: (bool, bool),
    chats: u32,
    joined_once: bool,
    connected_at: Option<Instant>,
    ended: Option<EndReason>,
    outputs: VecDeque<Output>,
}

impl Call {
    /// A call that starts now: its first output asks for a socket. `nonces` gives fresh random ones.
    pub fn new(config: CallConfig, nonces: impl FnMut() -> Nonce + Send + 'static) -> Self {
        let host = match &config.part {
            Part::Host { key, .. } => Some(key.clone()),
            Part::Guest { .. } => None,
        };
        let auth = Authenticator::new(config.room.clone(), &config.secret, host);
        Self {
            lost_since: Some(config.start),
            config,
            auth,
            nonces: Box::new(nonces),
            socket: Socket::Opening,
            attempts: 0,
            me: None,
            ice_servers: Vec::new(),
            host_present: false,
            order: 0,
            peers: BTreeMap::new(),
            numbers: BTreeMap::new(),
            local: (false, false),
            chats: 0,
            joined_once: false,
            connected_at: None,
            ended: None,
            outputs: VecDeque::from([Output::Connect, Output::View]),
        }
    }

    /// What is to be done next; `None`: nothing until something happens.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// How the call ended, once it did.
    pub fn ended(&self) -> Option<EndReason> {
        self.ended
    }

    /// What the user sees now.
    pub fn view(&self) -> CallView {
        view::view(self)
    }

    /// When [`Input::Tick`] is due, if nothing happens before.
    pub fn deadline(&self) -> Option<Instant> {
        if self.ended.is_some() {
            return None;
        }
        let socket = match self.socket {
            Socket::Retry { at } => Some(at),
            Socket::Greeting { until } => Some(until),
            Socket::Opening | Socket::Joined => None,
        };
        let peers = self.peers.values().filter_map(Peer::deadline).min();
        socket.into_iter().chain(peers).min()
    }

    /// Takes note of what happened.
    pub fn handle(&mut self, now: Instant, input: Input) {
        if self.ended.is_some() {
            return;
        }
        match input {
            Input::Tick => self.tick(now),
            Input::SocketOpen => self.socket_open(now),
            Input::SocketClosed(end) => self.socket_closed(now, end),
            Input::Relay(message) => self.relay(now, message),
            Input::Peer(peer, input) => self.peer(now, &peer, input),
            Input::LocalState { muted, camera_off } => self.local_state((muted, camera_off)),
            Input::Chat { to, text } => self.chat(to.as_ref(), &text),
            Input::HangUp => self.hang_up(),
        }
    }

    fn tick(&mut self, now: Instant) {
        match self.socket {
            Socket::Retry { at } if at <= now => {
                self.socket = Socket::Opening;
                self.outputs.push_back(Output::Connect);
            }
            Socket::Greeting { until } if until <= now => {
                self.outputs.push_back(Output::Disconnect);
                self.socket_closed(now, SocketEnd::Lost);
            }
            _ => {}
        }
        let due: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_, p)| p.is_due(now))
            .map(|(id, _)| id.clone())
            .collect();
        for id in due {
            self.with_peer(&id, |peer| peer.timed_out(now));
        }
    }

    fn local_state(&mut self, state: (bool, bool)) {
        if self.local == state {
            return;
        }
        self.local = state;
        self.say_to_all(&DataMessage::State {
            muted: state.0,
            camera_off: state.1,
        });
    }

    fn chat(&mut self, to: Option<&PeerId>, text: &str) {
        self.chats += 1;
        let line = DataMessage::Chat {
            id: self.chats,
            text: text.to_owned(),
        };
        for (id, peer) in &mut self.peers {
            if to.is_some_and(|to| to != id) {
                continue;
            }
            if peer.data_open() {
                self.outputs
                    .push_back(Output::Peer(id.clone(), PeerOutput::Data(line.clone())));
            } else {
                peer.keep(line.clone());
            }
        }
    }

    fn say_to_all(&mut self, message: &DataMessage) {
        for (id, peer) in &self.peers {
            if peer.data_open() {
                self.outputs
                    .push_back(Output::Peer(id.clone(), PeerOutput::Data(message.clone())));
            }
        }
    }

    fn hang_up(&mut self) {
        self.say_to_all(&DataMessage::Bye {
            reason: ByeReason::HangUp,
        });
        let ids: Vec<PeerId> = self.peers.keys().cloned().collect();
        for id in &ids {
            self.signal_bye(id, ByeReason::HangUp);
        }
        if self.socket == Socket::Joined {
            self.outputs.push_back(Output::Send(ClientMessage::Leave));
        }
        self.end(EndReason::ByMe);
    }

    /// The call is over: every connection is closed, then the socket.
    fn end(&mut self, reason: EndReason) {
        for id in std::mem::take(&mut self.peers).into_keys() {
            self.outputs.push_back(Output::Peer(id, PeerOutput::Close));
        }
        self.outputs.push_back(Output::Disconnect);
        self.ended = Some(reason);
        self.outputs.push_back(Output::View);
        self.outputs.push_back(Output::Event(Event::Ended(reason)));
    }

    fn refuse(&mut self, code: ErrorCode) {
        self.outputs
            .push_back(Output::Event(Event::Error(view::sentence(code))));
        self.end(EndReason::Refused { code });
    }
}
