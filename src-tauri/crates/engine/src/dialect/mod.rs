//! The dialects that small WebRTC pages and their relays speak, and the shapes of call that are played in them. Pure.
//!
//! Their relays are *broadcast relays*: a text that one client sends goes to every other. Nothing in them is
//! authenticated, and strangers are mixed: each message may be another pair's, and all that is kept is bounded.
//!
//! [`DialectCall`] has the face of [`Call`](crate::call::Call): the engine's actor drives either.

pub mod broadcast;
mod broadcaster;
mod core;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod link;
pub mod message;
mod mutual;
mod pair;
mod plan;
pub mod ready;
mod sdp;
mod seat;
mod shape;
pub mod socketio;
pub mod targeted;
mod view;
mod voice;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use ahoy_contract::{
    ErrorCode, PeerId,
    ui::{CallView, EndReason},
};

pub use message::Form;
pub use plan::{Impossible, Part, Plan};

use self::{
    broadcaster::Broadcaster,
    core::{Core, is_over},
    link::Change,
    mutual::Mutual,
    pair::Pair,
    shape::Shape,
};
use crate::call::{Event, Input, Output, RELAY_LOST_AFTER, RETRY_AFTER, SocketEnd, sentence};

/// How long a socket has to stand until a break counts as the first one again.
const STOOD: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Socket {
    /// Waiting to try again.
    Retry { at: Instant },
    /// Asked for.
    Opening,
    /// Open.
    Open { since: Instant },
}

/// A call through a relay that speaks a dialect.
pub struct DialectCall {
    core: Core,
    shape: Box<dyn Shape>,
    socket: Socket,
    attempts: usize,
    was_open: bool,
    lost_since: Option<Instant>,
}

impl DialectCall {
    /// A call that starts now: its first output asks for a socket. `unix_ms` is the time of day at `start`; `ids` gives
    /// fresh random ids.
    pub fn new(
        plan: Plan,
        start: Instant,
        unix_ms: u64,
        ids: impl FnMut() -> PeerId + Send + 'static,
    ) -> Self {
        let mut core = Core::new(plan, (start, unix_ms), Box::new(ids));
        let shape: Box<dyn Shape> = if core.plan.part == Part::Broadcaster {
            Box::<Broadcaster>::default()
        } else if core.plan.is_mutual() {
            Box::new(Mutual::new(&mut core))
        } else {
            Box::new(Pair::new(&mut core))
        };
        Self {
            core,
            shape,
            socket: Socket::Opening,
            attempts: 0,
            was_open: false,
            lost_since: None,
        }
    }

    /// What is to be done next; `None`: nothing until something happens.
    pub fn poll(&mut self) -> Option<Output> {
        self.core.outputs.pop_front()
    }

    /// How the call ended, once it did.
    pub fn ended(&self) -> Option<EndReason> {
        self.core.ended
    }

    /// What the user sees now.
    pub fn view(&self) -> CallView {
        view::view(&self.core, self.was_open)
    }

    /// When [`Input::Tick`] is due, if nothing happens before.
    pub fn deadline(&self) -> Option<Instant> {
        if self.core.ended.is_some() {
            return None;
        }
        let socket = match self.socket {
            Socket::Retry { at } => Some(at),
            Socket::Opening | Socket::Open { .. } => None,
        };
        let links = self
            .core
            .links
            .values()
            .filter_map(link::Link::deadline)
            .min();
        let shape = self.shape.deadline(&self.core);
        [socket, links, shape].into_iter().flatten().min()
    }

    /// Takes note of what the relay said.
    pub fn heard(&mut self, now: Instant, text: &str) {
        if self.core.ended.is_none()
            && let Some(message) = self.core.voice.read(text)
        {
            self.shape.message(&mut self.core, now, message);
        }
    }

    /// Takes note of what happened.
    pub fn handle(&mut self, now: Instant, input: Input) {
        let core = &mut self.core;
        if core.ended.is_some() {
            return;
        }
        match input {
            Input::Tick => self.tick(now),
            Input::SocketOpen => self.socket_open(now),
            Input::SocketClosed(end) => self.socket_closed(now, end),
            Input::Peer(peer, input) => {
                if let Some(change) = core.connection(now, &peer, input) {
                    self.shape.changed(core, now, &peer, change);
                }
            }
            Input::Chat { to, text } => core.write(now, to.as_ref(), &text),
            Input::Remove { peer } => self.shape.remove(core, now, &peer),
            Input::NetworkChanged => core.outputs.push_back(Output::Probe),
            Input::HangUp => {
                self.shape.hang_up(core);
                core.end(EndReason::ByMe, None);
            }
            // Native relays speak so, and native rooms have doors; pages are not told of mute states.
            Input::Relay(_)
            | Input::LocalState { .. }
            | Input::Admit { .. }
            | Input::Lock { .. } => {}
        }
    }

    fn tick(&mut self, now: Instant) {
        if let Socket::Retry { at } = self.socket
            && at <= now
        {
            self.socket = Socket::Opening;
            self.core.outputs.push_back(Output::Connect);
        }
        for peer in self.core.due(now) {
            self.shape.changed(&mut self.core, now, &peer, Change::Lost);
        }
        if is_over(self.shape.deadline(&self.core), now) {
            self.shape.tick(&mut self.core, now);
        }
    }

    fn socket_open(&mut self, now: Instant) {
        self.socket = Socket::Open { since: now };
        self.lost_since = None;
        self.was_open = true;
        self.core.online = true;
        self.core.outputs.push_back(Output::Event(Event::Ready));
        self.core.outputs.push_back(Output::View);
        self.shape.online(&mut self.core, now);
    }

    fn socket_closed(&mut self, now: Instant, end: SocketEnd) {
        self.core.online = false;
        let talking = self.core.links.values().any(link::Link::ever_connected);
        let code = match end {
            SocketEnd::Lost => ErrorCode::RelayUnreachable,
            SocketEnd::NotTrusted => ErrorCode::RelayNotTrusted,
        };
        let lost_since = *self.lost_since.get_or_insert(now);
        let over = now.duration_since(lost_since) >= RELAY_LOST_AFTER;
        if !talking && (!self.was_open || end == SocketEnd::NotTrusted || over) {
            let error = Event::Error(sentence(code));
            self.core.outputs.push_back(Output::Event(error));
            let reason = if over {
                EndReason::Network
            } else {
                EndReason::Refused { code }
            };
            self.core.end(reason, None);
            return;
        }
        if matches!(self.socket, Socket::Open { since } if now >= since + STOOD) {
            self.attempts = 0;
        }
        let wait = RETRY_AFTER[self.attempts.min(RETRY_AFTER.len() - 1)];
        self.attempts += 1;
        self.socket = Socket::Retry { at: now + wait };
        self.core.outputs.push_back(Output::View);
    }
}
