//! What waits to be written to one socket.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::rooms::Text;

/// The most messages that wait for one socket.
const MAX_MESSAGES: usize = 256;
/// The most bytes that wait for one socket.
const MAX_BYTES: usize = 1024 * 1024;
/// As many may wait for a broadcaster, whom hundreds of viewers answer at once; and as many of those may come and go as
/// one address is let.
const WIDE_MESSAGES: usize = 16 * 1024;
/// As many bytes may wait for a broadcaster: all that its viewers may say at once.
const WIDE_BYTES: usize = 8 * MAX_BYTES;
/// A queue that grew longer than this gives its memory back when it is empty.
const KEPT_MESSAGES: usize = 8;

/// A queue from the rooms to one socket. When it is full the socket takes too little: it is dropped, with
/// all that waits for it, and its member leaves the room; nobody waits for it. An empty queue holds no
/// memory: most sockets are idle.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    texts: VecDeque<Text>,
    bytes: usize,
    state: State,
    wide: bool,
}

impl Queue {
    /// Whether one more text of so many bytes fits, where a broadcaster's would or another's.
    fn has_room(&self, bytes: usize, wide: bool) -> bool {
        let (most, most_bytes) = if wide {
            (WIDE_MESSAGES, WIDE_BYTES)
        } else {
            (MAX_MESSAGES, MAX_BYTES)
        };
        self.texts.len() < most && self.bytes + bytes <= most_bytes
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// The relay stops: what waits is still sent, and nothing after it.
    Stopping,
    /// It was full once.
    Overflowed,
    /// Its member goes on on another socket.
    Replaced,
}

/// What the socket's task does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send this.
    Text(Text),
    /// Wait for more.
    Nothing,
    /// Say goodbye: the relay stops.
    Stop,
    /// Drop the socket.
    Drop,
    /// Close the socket: its member goes on on another.
    Close,
}

impl Outbox {
    /// Puts a message into the queue; false when it is full, and then for ever.
    pub(crate) fn push(&self, text: Text) -> bool {
        let mut queue = self.lock();
        match queue.state {
            State::Open => {}
            // That others go too is no news to one that goes.
            State::Stopping | State::Replaced => return true,
            State::Overflowed => return false,
        }
        let first = queue.texts.is_empty();
        let fits = queue.has_room(text.len(), queue.wide);
        if fits {
            queue.bytes += text.len();
            queue.texts.push_back(text);
        } else {
            *queue = Queue {
                state: State::Overflowed,
                ..Queue::default()
            };
        }
        drop(queue);
        if first || !fits {
            self.changed.notify_one();
        }
        fits
    }

    /// It is a broadcaster's from now on, and holds more; or not any more, as soon as what waits is little enough. Says
    /// whether it holds more now.
    pub(crate) fn widen(&self, wide: bool) -> bool {
        let mut queue = self.lock();
        queue.wide = wide || (queue.wide && !queue.has_room(0, false));
        queue.wide
    }

    /// No more will come: the relay stops.
    pub(crate) fn stop(&self) {
        let mut queue = self.lock();
        if queue.state == State::Open {
            queue.state = State::Stopping;
        }
        drop(queue);
        self.changed.notify_one();
    }

    /// No more will come, and what waits is not for this socket any more: its member goes on on another.
    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        if queue.state != State::Overflowed {
            *queue = Queue {
                state: State::Replaced,
                ..Queue::default()
            };
        }
        drop(queue);
        self.changed.notify_one();
    }

    /// Takes the next message out.
    pub(crate) fn pop(&self) -> Next {
        let mut queue = self.lock();
        if let Some(text) = queue.texts.pop_front() {
            queue.bytes -= text.len();
            if queue.texts.is_empty() && queue.texts.capacity() > KEPT_MESSAGES {
                queue.texts = VecDeque::new();
            }
            return Next::Text(text);
        }
        match queue.state {
            State::Open => Next::Nothing,
            State::Stopping => Next::Stop,
            State::Overflowed => Next::Drop,
            State::Replaced => Next::Close,
        }
    }

    /// Waits until there may be something to take out.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_in_order() {
        let outbox = Outbox::default();
        assert!(outbox.push("a".into()));
        assert!(outbox.push("b".into()));
        assert_eq!(outbox.pop(), Next::Text("a".into()));
        assert_eq!(outbox.pop(), Next::Text("b".into()));
        assert_eq!(outbox.pop(), Next::Nothing);
    }

    #[test]
    fn who_takes_too_little_is_dropped_with_all_that_waits() {
        for (text, wide, holds) in [
            ("x".to_owned(), false, 256),
            ("x".repeat(64 * 1024), false, 16),
            ("x".to_owned(), true, 16 * 1024),
            ("x".repeat(64 * 1024), true, 128),
        ] {
            let outbox = Outbox::default();
            outbox.widen(wide);
            let taken = (0..20_000)
                .take_while(|_| outbox.push(text.clone().into()))
                .count();
            assert_eq!(taken, holds);
            assert_eq!(outbox.pop(), Next::Drop);
            assert!(!outbox.push("more".into()));
            outbox.stop();
            assert_eq!(outbox.pop(), Next::Drop);
        }
    }

    #[test]
    fn who_shows_no_more_loses_its_room_and_nothing_that_waits() {
        let outbox = Outbox::default();
        assert!(outbox.widen(true));
        for _ in 0..300 {
            assert!(outbox.push("x".into()));
        }
        assert!(outbox.widen(false), "it waits until there is less");
        assert!(outbox.push("x".into()));
        while outbox.pop() != Next::Nothing {}
        assert!(!outbox.widen(false));
        let taken = (0..1000).take_while(|_| outbox.push("x".into())).count();
        assert_eq!(taken, 256);
    }

    #[test]
    fn what_waits_for_a_member_that_went_on_elsewhere_is_not_sent_twice() {
        let outbox = Outbox::default();
        outbox.push("for the next socket".into());
        outbox.close();
        assert!(outbox.push("more".into()));
        outbox.stop();
        assert_eq!(outbox.pop(), Next::Close);
    }

    #[test]
    fn what_waits_is_sent_before_goodbye() {
        let outbox = Outbox::default();
        outbox.push("last".into());
        outbox.stop();
        assert!(outbox.push("too late".into()));
        assert_eq!(outbox.pop(), Next::Text("last".into()));
        assert_eq!(outbox.pop(), Next::Stop);
    }
}
