//! Who is in the call, how the ends agree on a connection, and what the user sees of it. Pure.
//!
//! The engine's actor feeds [`Call::handle`] with what happens and does what [`Call::poll`] says, in
//! order; [`Call::deadline`] says when to come back with [`Input::Tick`] if nothing happens before.

mod acks;
mod announced;
mod auth;
mod chat;
mod door;
mod endings;
mod entry;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod io;
mod joining;
mod members;
mod negotiation;
mod numbers;
mod peer;
mod peer_events;
mod relay;
mod removed;
mod roster;
mod signals;
mod token_bucket;
mod turns;
mod user;
mod view;
mod words;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use ahoy_contract::{
    Nonce, PeerId,
    ui::{CallView, EndReason},
    wire::{IceServer, MAX_NAME_BYTES, Role, RoomKind},
};

pub use auth::{Authenticator, End, HostKey, SealedSignal};
pub use io::{
    CallConfig, Event, Input, Media, Output, Part, PeerInput, PeerOutput, SocketEnd, Terms,
};
pub use negotiation::{Negotiation, Step};

use acks::Acks;
pub(crate) use chat::ChatLog;
use door::Door;
use entry::Evictions;
use numbers::Numbers;
use peer::Peer;
pub(crate) use turns::{Next, Turns};
pub use view::tidy;
pub(crate) use view::{line_too_long, sentence};

/// How long the relay may take to answer before the attempt counts as failed.
const RELAY_PATIENCE: Duration = Duration::from_secs(10);
/// How long a member waits for the offer of one who was there first before it offers itself. An offer
/// takes two trips over the relay; three seconds cover a bad mobile network.
const OFFER_PATIENCE: Duration = Duration::from_secs(3);
/// How long a connection may take, or stay lost, before it counts as failed: ICE's own patience
/// (RFC 8445 §14 allows about 40 s of checks) shortened to what a person waits for.
pub(crate) const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts to reach the relay; the last one repeats.
pub(crate) const RETRY_AFTER: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];
/// As many members as a room may hold: pictures of seven others are what a call can show, and a broadcast is bounded by
/// what its host can send.
const fn max_members(kind: RoomKind) -> usize {
    match kind {
        RoomKind::Call => 8,
        RoomKind::Broadcast => 1024,
    }
}
/// As many of a broadcaster's connections are made at a time, and as many have no answer or no way yet: each has some
/// ten sockets, and those that are up must not suffer. All who may come have had their turn before the first gives up.
const OPENING: (usize, usize) = (32, 128);
/// How long the relay is looked for while nobody is connected: as long as a room waits for its host.
pub(crate) const RELAY_LOST_AFTER: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Socket {
    /// Waiting to try (again).
    Retry { at: Instant },
    /// Asked for.
    Opening,
    /// `hello` or `create`/`join` is with the relay.
    Greeting { until: Instant },
    /// The room was full at the first attempt; the join is repeated.
    Full { again: Instant },
    /// The relay goes on with the membership; what was missed comes, then the roster.
    Resuming { until: Instant },
    /// The host has to let this end in.
    AtTheDoor,
    /// In the room.
    Joined,
}

/// One call, from the first word to the relay to the last.
pub struct Call {
    config: CallConfig,
    auth: Authenticator,
    nonces: Box<dyn FnMut() -> Nonce + Send>,
    socket: Socket,
    /// When the last thing happened.
    now: Instant,
    /// Since when there has been no room; `None` while in it.
    lost_since: Option<Instant>,
    attempts: usize,
    /// What the last `welcome` gave: how to come back, and what a `create` signs.
    welcomed: Option<Welcomed>,
    /// The last number of a delivery of the relay's.
    last_n: u64,
    /// Acknowledgements of those to the relay.
    acks: Acks,
    /// This end, as the last roster has it.
    me: Option<End>,
    /// This end, as the next roster will have it: a `create` or `join` is with the relay.
    next: Option<End>,
    /// Nonces of this end's joins before. What the others made for those and comes now is late, not forged.
    former: VecDeque<Nonce>,
    /// The machine's addresses have changed since its connections were made.
    moved: bool,
    ice_servers: Vec<IceServer>,
    host_present: bool,
    room_locked: bool,
    kind: RoomKind,
    /// How many members there are, this end included, by the last roster.
    count: u32,
    order: u32,
    peers: BTreeMap<PeerId, Peer>,
    /// The last numbers of those who have left.
    numbers: Numbers,
    /// The viewers of a broadcast that wait for a connection, and those whose connection is being made.
    opening: Turns<PeerId>,
    door: Door,
    /// The members without a proof that the relay was asked to remove.
    evictions: Evictions,
    /// Since when the room has been full for this end, which was not in it yet.
    full_since: Option<Instant>,
    local: (bool, bool),
    /// A screen is shown.
    screen: bool,
    chat: ChatLog,
    /// The host had this end wait, the last that was heard.
    at_the_door: bool,
    joined_once: bool,
    connected_at: Option<Instant>,
    ended: Option<EndReason>,
    outputs: VecDeque<Output>,
}

/// What a `welcome` gives.
struct Welcomed {
    token: String,
    challenge: Nonce,
}

impl Call {
    /// A call that starts now: its first output asks for a socket. `nonces` gives fresh random ones.
    pub fn new(mut config: CallConfig, nonces: impl FnMut() -> Nonce + Send + 'static) -> Self {
        // The proof covers the name as it is sent, and a relay refuses a longer one.
        let end = config.name.floor_char_boundary(MAX_NAME_BYTES);
        config.name.truncate(end);
        let (host, door, kind) = match &config.part {
            Part::Host {
                key, knock, kind, ..
            } => (Some(key.clone()), Door::new(*knock), *kind),
            Part::Guest { role } => {
                let kind = match role {
                    Role::Caller => RoomKind::Call,
                    Role::Viewer => RoomKind::Broadcast,
                };
                (None, Door::new(false), kind)
            }
        };
        let auth = Authenticator::new(config.room.clone(), &config.secret, host);
        Self {
            lost_since: Some(config.start),
            now: config.start,
            config,
            auth,
            nonces: Box::new(nonces),
            socket: Socket::Opening,
            attempts: 0,
            welcomed: None,
            last_n: 0,
            acks: Acks::default(),
            me: None,
            next: None,
            former: VecDeque::new(),
            moved: false,
            ice_servers: Vec::new(),
            host_present: false,
            room_locked: false,
            kind,
            count: 0,
            order: 0,
            peers: BTreeMap::new(),
            numbers: Numbers::default(),
            opening: Turns::new(OPENING.0, OPENING.1),
            door,
            evictions: Evictions::default(),
            full_since: None,
            local: (false, false),
            screen: false,
            chat: ChatLog::default(),
            at_the_door: false,
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
            Socket::Retry { at } | Socket::Full { again: at } => Some(at),
            Socket::Greeting { until } | Socket::Resuming { until } => Some(until),
            Socket::Opening | Socket::AtTheDoor | Socket::Joined => None,
        };
        let peers = self.peers.values().filter_map(Peer::deadline).min();
        let joined = self.socket == Socket::Joined;
        let turn = self.opening.deadline().filter(|_| joined);
        let evictions = self.evictions.deadline().filter(|_| joined);
        let acks = self.acks.deadline();
        let all = [socket, peers, turn, evictions, acks];
        all.into_iter().flatten().min()
    }

    /// Takes note of what happened.
    pub fn handle(&mut self, now: Instant, input: Input) {
        if self.ended.is_some() {
            return;
        }
        self.now = now;
        match input {
            Input::Tick => self.tick(now),
            Input::SocketOpen => self.socket_open(now),
            Input::SocketClosed(end) => self.socket_closed(now, end),
            Input::Relay(message) => self.relay(now, message),
            Input::Peer(peer, input) => self.peer(now, &peer, input),
            Input::LocalState {
                muted,
                camera_off,
                screen,
            } => {
                self.local_state((muted, camera_off));
                self.local_screen(screen);
            }
            Input::Chat { to, text } => self.write(now, to.as_ref(), &text),
            Input::Admit { peer, accept } => self.admit(now, &peer, accept),
            Input::Lock { locked } => self.lock(locked),
            Input::Remove { peer } => self.send_away(&peer),
            Input::NetworkChanged => self.network_changed(now),
            Input::HangUp => self.hang_up(),
        }
        self.take_turns(now);
        self.evict(now);
    }

    fn tick(&mut self, now: Instant) {
        match self.socket {
            Socket::Retry { at } if at <= now => {
                self.socket = Socket::Opening;
                self.outputs.push_back(Output::Connect);
            }
            Socket::Full { again } if again <= now => self.join_again(now),
            Socket::Greeting { until } | Socket::Resuming { until } if until <= now => {
                self.outputs.push_back(Output::Disconnect);
                self.socket_closed(now, SocketEnd::Lost);
            }
            _ => {}
        }
        if self.acks.is_due(now) {
            self.tell_arrived();
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
}
