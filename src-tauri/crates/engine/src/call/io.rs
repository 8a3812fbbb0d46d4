//! What goes into a call and what comes out of it.

use std::time::Instant;

use ahoy_contract::{
    PeerId, RoomId, Secret, UserError,
    peer::{ByeReason, Candidate, DATA_CHANNEL, DataMessage, Description},
    ui::{EndReason, Quality},
    wire::{ClientMessage, IceServer, RelayMessage, Role, RoomKind},
};

use super::HostKey;

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
    /// The relay, as a host's proof names it ([`create_bytes`](ahoy_contract::create_bytes)).
    pub relay: String,
    /// The link, as it is shown once the room is open.
    pub link: String,
    /// The name that the others see.
    pub name: String,
    /// Name and version of the program, for the relay's log.
    pub app: String,
    /// Never offers first.
    pub only_answers: bool,
    /// Media goes by TURN only, and this end knows no TURN server of its own: without one of the relay's there is no call.
    pub needs_turn: bool,
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
        /// A screen is shown beside it.
        screen: bool,
    },
    /// The user wrote a line of chat.
    Chat {
        /// For whom; `None`: for all.
        to: Option<PeerId>,
        /// The line.
        text: String,
    },
    /// The user lets one that waits at the door in, or not; the host's user only.
    Admit {
        /// Whom.
        peer: PeerId,
        /// In.
        accept: bool,
    },
    /// The user closes the room to newcomers, or opens it; the host's user only.
    Lock {
        /// Closed.
        locked: bool,
    },
    /// The user sends a member away; the host's user only.
    Remove {
        /// Whom.
        peer: PeerId,
    },
    /// The machine has other addresses than before. Connections are bound to those that there were when they
    /// were made, so one that is lost from now on cannot be found again and must be made anew.
    NetworkChanged,
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
    /// The connection itself is no more and will not come back.
    Closed,
    /// The data channel is open.
    DataOpen,
    /// The peer has closed the data channel.
    DataClosed,
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
    /// See soon whether the relay is still there; if not, the socket is closed.
    Probe,
    /// Send this to the relay.
    Send(ClientMessage),
    /// Send this to a relay that speaks a dialect, as it stands.
    Text(String),
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
        /// What it is for.
        terms: Terms,
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
    /// Say this on the data channel, as it stands.
    Text(String),
    /// Stop media at once and close.
    Close,
}

/// What one connection is for, within what the whole call allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Which ways media goes.
    pub media: Media,
    /// The data channel's label; `None`: there is none.
    pub channel: Option<&'static str>,
    /// Candidates are told one by one as they are found (RFC 8838); otherwise descriptions wait for them and hold them.
    pub trickle: bool,
}

impl Terms {
    /// Between two members of a room of Ahoy's own.
    pub const NATIVE: Self = Self {
        media: Media::Both,
        channel: Some(DATA_CHANNEL),
        trickle: true,
    };
}

/// Which ways media goes on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// Both ways.
    Both,
    /// From here to the peer.
    Send,
    /// From the peer to here.
    Receive,
}

/// What others than the window may want to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The room is open or joined.
    Ready,
    /// The host has to let this end in.
    AtTheDoor,
    /// Somebody asks to come in.
    Knock {
        /// Who.
        peer: PeerId,
        /// The name it gave. Text of a stranger.
        name: String,
    },
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
    /// The four words of the connection with a peer are drawn.
    Words {
        /// Whom with.
        peer: PeerId,
        /// The words.
        words: Vec<String>,
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
