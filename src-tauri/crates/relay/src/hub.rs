//! The one owner of all rooms: it gives them the time, and hands what they say to the sockets.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ahoy_contract::{PeerId, RoomId};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{
    outbox::{Outbox, Pushed},
    request::Refusal,
    rooms::{Action, Bounds, Greeting, Hello, Rooms, Said, SocketId, Text},
    token::Key,
};

/// All rooms and the way to all sockets, under one lock. It is held for the time that a change of one
/// room takes, never across an await; what a message says was read, and its proof checked, before.
#[derive(Debug)]
pub(crate) struct Hub {
    state: Mutex<State>,
    // Wakes `run` when something ends earlier than it knows.
    expiry: Notify,
    start: Instant,
}

#[derive(Debug)]
struct State {
    rooms: Rooms,
    sockets: HashMap<SocketId, Arc<Outbox>>,
    last: u64,
    max_sockets: usize,
    stopping: bool,
}

/// Why a socket cannot come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// There are as many as there may be.
    Full,
    /// The relay stops.
    Stopping,
}

impl Hub {
    /// A hub without rooms or sockets.
    pub(crate) fn new(bounds: Bounds, max_sockets: usize) -> Self {
        Self {
            state: Mutex::new(State {
                rooms: Rooms::new(bounds),
                sockets: HashMap::new(),
                last: 0,
                max_sockets,
                stopping: false,
            }),
            expiry: Notify::new(),
            start: Instant::now(),
        }
    }

    /// The time, as the rooms know it.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// A socket comes in.
    pub(crate) fn enter(&self) -> Result<(SocketId, Arc<Outbox>), Closed> {
        let mut state = self.lock();
        if state.stopping {
            return Err(Closed::Stopping);
        }
        if state.sockets.len() >= state.max_sockets {
            return Err(Closed::Full);
        }
        state.last += 1;
        let socket = SocketId(state.last);
        let outbox = Arc::new(Outbox::default());
        state.sockets.insert(socket, outbox.clone());
        Ok((socket, outbox))
    }

    /// A socket says hello, and gets the text that `welcome` makes of its greeting.
    pub(crate) fn greet(
        &self,
        socket: SocketId,
        hello: Hello,
        welcome: impl FnOnce(Greeting) -> Text,
    ) -> Result<Key, Refusal> {
        self.change(|rooms, now| rooms.greet(now, socket, hello, welcome))
    }

    /// A socket's `welcome` has arrived.
    pub(crate) fn confirm(&self, socket: SocketId) {
        self.lock().rooms.confirm(socket);
    }

    /// What a socket does that was greeted; says whether it is the host's of a broadcast now.
    pub(crate) fn handle(&self, socket: SocketId, action: Action<'_>) -> bool {
        self.change(|rooms, now| rooms.handle(now, socket, action))
    }

    /// Returns whether an `ack` of this number from a socket confirms something new.
    pub(crate) fn confirms(&self, socket: SocketId, n: u64) -> bool {
        self.lock().rooms.confirms(socket, n)
    }

    /// Returns whether a socket is that of a host that can let this one in from the door, or send it away.
    pub(crate) fn can_admit(&self, socket: SocketId, peer: &PeerId, accept: bool) -> bool {
        self.lock().rooms.can_admit(socket, peer, accept)
    }

    /// Returns whether a socket is that of a host that can remove this one.
    pub(crate) fn can_remove(&self, socket: SocketId, peer: &PeerId) -> bool {
        self.lock().rooms.can_remove(socket, peer)
    }

    /// Returns whether the client on a socket holds a turn for a place in this room.
    pub(crate) fn holds_turn(&self, socket: SocketId, room: &RoomId) -> bool {
        self.lock().rooms.holds_turn(self.now(), socket, room)
    }

    /// A socket is no more.
    pub(crate) fn leave(&self, socket: SocketId) {
        self.lock().sockets.remove(&socket);
        self.change(|rooms, now| rooms.gone(now, socket));
    }

    /// The member on a socket loses its place: it is not waited for.
    pub(crate) fn expel(&self, socket: SocketId) {
        self.change(|rooms, now| rooms.expel(now, socket));
    }

    /// Tells every socket that the relay stops, and lets no more in.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        for outbox in state.sockets.values() {
            outbox.stop();
        }
    }

    /// How many rooms, members and sockets there are.
    pub(crate) fn count(&self) -> (usize, usize, usize) {
        let state = self.lock();
        let (rooms, members) = state.rooms.count();
        (rooms, members, state.sockets.len())
    }

    /// Ends rooms and waits when their time is over; for ever.
    pub(crate) async fn run(&self) {
        loop {
            let next = self.lock().rooms.next_expiry();
            let changed = self.expiry.notified();
            match next {
                None => changed.await,
                Some(end) => tokio::select! {
                    () = changed => {}
                    () = sleep_until(self.start + end) => self.change(|rooms, now| rooms.expire(now)),
                },
            }
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Rooms, Duration) -> T) -> T {
        let mut state = self.lock();
        let earlier = state.rooms.next_expiry();
        // Read under the lock: the rooms' time never goes back.
        let now = self.start.elapsed();
        let done = change(&mut state.rooms, now);
        state.deliver(now);
        let next = state.rooms.next_expiry();
        if next.is_some() && earlier.is_none_or(|earlier| next < Some(earlier)) {
            self.expiry.notify_one();
        }
        done
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    // A socket whose queue is full is broken from then on.
    fn deliver(&mut self, now: Duration) {
        while let Some((to, said)) = self.rooms.poll() {
            let Some(outbox) = self.sockets.get(&to) else {
                continue;
            };
            let pushed = match said {
                Said::Text(text) => outbox.push(text),
                Said::Signal { from, text } => match outbox.push_signal(from, text) {
                    Pushed::OverShare => {
                        self.rooms.signal_was_dropped(from);
                        continue;
                    }
                    pushed => pushed,
                },
                Said::SenderLeft(from) => {
                    outbox.forget(from);
                    continue;
                }
                Said::Close => {
                    outbox.close();
                    continue;
                }
            };
            if pushed == Pushed::Full {
                self.sockets.remove(&to);
                self.rooms.gone(now, to);
            }
        }
    }
}
