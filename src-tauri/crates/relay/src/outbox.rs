//! What waits to be written to one socket.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::{rooms::Text, token::Key};

/// The most messages that wait for one socket.
const MAX_MESSAGES: usize = 1024;
/// The most bytes that wait for one socket.
const MAX_BYTES: usize = 1024 * 1024;
/// The most signals of one sender that wait for one socket, and the most bytes of them: a greeting fits. One longer
/// signal may wait alone.
const SENDER_SIGNALS: usize = 64;
const SENDER_BYTES: usize = 48 * 1024;
/// The most bytes of signals that wait for one socket. So signals never fill the queue: what the relay itself has to
/// say finds place.
const SIGNAL_BYTES: usize = MAX_BYTES / 2;
const MAX_SIGNALS: usize = MAX_MESSAGES / 2;
/// The last signal of a sender that has left, a good-bye, is no longer than this.
const LAST_BYTES: usize = 1024;
/// As many may wait for a broadcaster, whom hundreds of viewers answer at once; and as many of those may come and go as
/// one address is let.
const WIDE_MESSAGES: usize = 16 * 1024;
/// As many bytes may wait for a broadcaster: all that its viewers may say at once (`rooms::pairs`).
const WIDE_BYTES: usize = 20 * MAX_BYTES;
/// A queue that grew longer than this gives its memory back when it is empty.
const KEPT_MESSAGES: usize = 8;

/// A queue from the rooms to one socket. When it is full the socket takes too little: it is dropped, with
/// all that waits for it; nobody waits for it. Signals cannot fill it: each sender has a share, and a signal beyond
/// that is not queued. An empty queue holds no memory: most sockets are idle.
///
/// A broadcaster's queue has no shares: what all viewers may send fits in (`rooms::pairs`).
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    texts: VecDeque<Waiting>,
    bytes: usize,
    /// How many of the texts are signals, and how many bytes those have.
    signals: usize,
    signal_bytes: usize,
    state: State,
    wide: bool,
}

/// A text that waits.
#[derive(Debug)]
struct Waiting {
    text: Text,
    /// Its sender, where it is a signal.
    from: Option<Key>,
}

/// What has become of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits, or needs not be sent any more.
    Queued,
    /// It does not wait: its sender has had its share.
    OverShare,
    /// The queue is full, and so it stays.
    Full,
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

    /// Whether a signal of so many bytes is within its sender's share.
    fn has_share(&self, from: Key, bytes: usize) -> bool {
        if self.wide {
            return true;
        }
        // Nobody can have more than there is of all, which is little while the socket takes what it is sent.
        if self.signals < SENDER_SIGNALS && self.signal_bytes + bytes <= SENDER_BYTES {
            return true;
        }
        if self.signals >= MAX_SIGNALS || self.signal_bytes + bytes > SIGNAL_BYTES {
            return false;
        }
        let own = self.texts.iter().filter(|one| one.from == Some(from));
        let (count, size) = own.fold((0, 0), |(count, size), one| {
            (count + 1, size + one.text.len())
        });
        count == 0 || count < SENDER_SIGNALS && size + bytes <= SENDER_BYTES
    }

    // Takes out what one has sent, but for a short last.
    fn forget(&mut self, from: Key) {
        if self.signals == 0 {
            return;
        }
        let is_own = |one: &Waiting| one.from == Some(from);
        let Some(last) = self.texts.iter().rposition(is_own) else {
            return;
        };
        let (mut index, mut signals, mut bytes) = (0, 0, 0);
        self.texts.retain(|one| {
            let goes = is_own(one) && (index != last || one.text.len() > LAST_BYTES);
            index += 1;
            if goes {
                (signals, bytes) = (signals + 1, bytes + one.text.len());
            }
            !goes
        });
        self.signals -= signals;
        self.signal_bytes -= bytes;
        self.bytes -= bytes;
    }

    fn push(&mut self, text: Text, from: Option<Key>) {
        self.bytes += text.len();
        if from.is_some() {
            self.signals += 1;
            self.signal_bytes += text.len();
        }
        self.texts.push_back(Waiting { text, from });
    }

    fn pop(&mut self) -> Option<Text> {
        let Waiting { text, from } = self.texts.pop_front()?;
        self.bytes -= text.len();
        if from.is_some() {
            self.signals -= 1;
            self.signal_bytes -= text.len();
        }
        if self.texts.is_empty() && self.texts.capacity() > KEPT_MESSAGES {
            self.texts = VecDeque::new();
        }
        Some(text)
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
    /// Puts a message of the relay into the queue.
    pub(crate) fn push(&self, text: Text) -> Pushed {
        self.push_from(text, None)
    }

    /// Puts a signal of this sender into the queue.
    pub(crate) fn push_signal(&self, from: Key, text: Text) -> Pushed {
        self.push_from(text, Some(from))
    }

    fn push_from(&self, text: Text, from: Option<Key>) -> Pushed {
        let mut queue = self.lock();
        match queue.state {
            State::Open => {}
            // That others go too is no news to one that goes.
            State::Stopping | State::Replaced => return Pushed::Queued,
            State::Overflowed => return Pushed::Full,
        }
        if from.is_some_and(|from| !queue.has_share(from, text.len())) {
            return Pushed::OverShare;
        }
        let first = queue.texts.is_empty();
        let fits = queue.has_room(text.len(), queue.wide);
        if fits {
            queue.push(text, from);
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
        if fits { Pushed::Queued } else { Pushed::Full }
    }

    /// A sender has left: of its signals that wait only a good-bye is still sent. Otherwise who comes and goes could have a
    /// share each time.
    pub(crate) fn forget(&self, from: Key) {
        self.lock().forget(from);
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
        if let Some(text) = queue.pop() {
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
    use crate::token::Token;

    #[test]
    fn messages_come_out_in_order() {
        let outbox = Outbox::default();
        assert_eq!(outbox.push("a".into()), Pushed::Queued);
        assert_eq!(outbox.push("b".into()), Pushed::Queued);
        assert_eq!(outbox.pop(), Next::Text("a".into()));
        assert_eq!(outbox.pop(), Next::Text("b".into()));
        assert_eq!(outbox.pop(), Next::Nothing);
    }

    #[test]
    fn who_takes_too_little_is_dropped_with_all_that_waits() {
        for (text, wide, holds) in [
            ("x".to_owned(), false, 1024),
            ("x".repeat(64 * 1024), false, 16),
            ("x".to_owned(), true, 16 * 1024),
            ("x".repeat(64 * 1024), true, 320),
        ] {
            let outbox = Outbox::default();
            outbox.widen(wide);
            let taken = (0..20_000)
                .take_while(|_| outbox.push(text.clone().into()) == Pushed::Queued)
                .count();
            assert_eq!(taken, holds);
            assert_eq!(outbox.pop(), Next::Drop);
            assert_eq!(outbox.push("more".into()), Pushed::Full);
            outbox.stop();
            assert_eq!(outbox.pop(), Next::Drop);
        }
    }

    #[test]
    fn who_shows_no_more_loses_its_room_and_nothing_that_waits() {
        let outbox = Outbox::default();
        assert!(outbox.widen(true));
        for _ in 0..1100 {
            assert_eq!(outbox.push("x".into()), Pushed::Queued);
        }
        assert!(outbox.widen(false), "it waits until there is less");
        assert_eq!(outbox.push("x".into()), Pushed::Queued);
        while outbox.pop() != Next::Nothing {}
        assert!(!outbox.widen(false));
        let taken = (0..2000).take_while(|_| outbox.push("x".into()) == Pushed::Queued);
        assert_eq!(taken.count(), 1024);
    }

    #[test]
    fn what_waits_for_a_member_that_went_on_elsewhere_is_not_sent_twice() {
        let outbox = Outbox::default();
        outbox.push("for the next socket".into());
        outbox.close();
        assert_eq!(outbox.push("more".into()), Pushed::Queued);
        outbox.stop();
        assert_eq!(outbox.pop(), Next::Close);
    }

    #[test]
    fn what_waits_is_sent_before_goodbye() {
        let outbox = Outbox::default();
        outbox.push("last".into());
        outbox.stop();
        assert_eq!(outbox.push("too late".into()), Pushed::Queued);
        assert_eq!(outbox.pop(), Next::Text("last".into()));
        assert_eq!(outbox.pop(), Next::Stop);
    }

    fn key(number: u64) -> Key {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        Token::new(bytes).key()
    }

    #[test]
    fn who_sends_too_much_fills_its_own_share_and_no_more() {
        let [flood, other] = [key(1), key(2)];
        for (text, holds) in [
            ("x".repeat(64 * 1024), 1),
            ("x".repeat(1024), 48),
            ("x".to_owned(), 64),
        ] {
            let outbox = Outbox::default();
            let push = |from| outbox.push_signal(from, text.clone().into());
            let taken = (0..1000).filter(|_| push(flood) == Pushed::Queued).count();
            assert_eq!(taken, holds);
            assert_eq!(push(flood), Pushed::OverShare);
            assert_eq!(push(other), Pushed::Queued);
            assert_eq!(outbox.push("roster".into()), Pushed::Queued);
            // As soon as something of it is taken it may send more.
            assert!(matches!(outbox.pop(), Next::Text(_)));
            assert_eq!(push(flood), Pushed::Queued);
        }
    }

    #[test]
    fn signals_of_many_never_fill_the_queue() {
        for text in ["x".repeat(64 * 1024), "x".to_owned()] {
            let outbox = Outbox::default();
            let pushed: Vec<_> = (0..2000)
                .map(|from| outbox.push_signal(key(from), text.clone().into()))
                .collect();
            assert!(pushed.contains(&Pushed::OverShare) && !pushed.contains(&Pushed::Full));
            assert_eq!(outbox.push("y".repeat(400 * 1024).into()), Pushed::Queued);
            let popped = std::iter::from_fn(|| match outbox.pop() {
                Next::Text(text) => Some(text.len()),
                _ => None,
            });
            assert!(popped.sum::<usize>() <= 1024 * 1024);
        }
    }

    #[test]
    fn of_who_comes_and_goes_only_good_byes_wait() {
        let outbox = Outbox::default();
        let other = key(1000);
        assert_eq!(outbox.push_signal(other, "first".into()), Pushed::Queued);
        for from in 0..100 {
            for text in ["x".repeat(30_000), "y".repeat(10_000), "bye".to_owned()] {
                assert_eq!(outbox.push_signal(key(from), text.into()), Pushed::Queued);
            }
            outbox.forget(key(from));
        }
        for from in 100..200 {
            outbox.push_signal(key(from), "x".repeat(40_000).into());
            outbox.forget(key(from));
        }
        outbox.forget(key(5000));
        assert_eq!(outbox.push_signal(other, "second".into()), Pushed::Queued);
        let texts: Vec<_> = std::iter::from_fn(|| match outbox.pop() {
            Next::Text(text) => Some(text.to_string()),
            _ => None,
        })
        .collect();
        assert_eq!(texts.len(), 102);
        assert_eq!(
            (texts[0].as_str(), texts[101].as_str()),
            ("first", "second")
        );
        assert!(texts[1..101].iter().all(|text| text == "bye"));
        let queue = outbox.lock();
        assert_eq!((queue.bytes, queue.signals, queue.signal_bytes), (0, 0, 0));
    }

    #[test]
    fn a_broadcaster_takes_what_all_viewers_may_send_at_once() {
        let outbox = Outbox::default();
        outbox.widen(true);
        for n in 0..511 * 16 + 1000 {
            let pushed = outbox.push_signal(key(n % 8), "x".repeat(2048).into());
            assert_eq!(pushed, Pushed::Queued);
        }
    }
}
