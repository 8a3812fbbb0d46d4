//! One place for the newest.

use std::{sync::Arc, time::Duration};

use parking_lot::{Condvar, Mutex};

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    closed: bool,
}

type Shared<T> = Arc<(Mutex<State<T>>, Condvar)>;

/// Two ends of one place: what is put in before the last was taken replaces it.
pub(super) fn slot<T>() -> (Writer<T>, Reader<T>) {
    let shared = Arc::new((
        Mutex::new(State {
            value: None,
            closed: false,
        }),
        Condvar::new(),
    ));
    (Writer(Arc::clone(&shared)), Reader(shared))
}

#[derive(Debug)]
pub(super) struct Writer<T>(Shared<T>);

impl<T> Writer<T> {
    pub(super) fn put(&self, value: T) {
        let (state, filled) = &*self.0;
        state.lock().value = Some(value);
        filled.notify_one();
    }
}

impl<T> Drop for Writer<T> {
    fn drop(&mut self) {
        let (state, filled) = &*self.0;
        state.lock().closed = true;
        filled.notify_one();
    }
}

/// What [`Reader::take`] found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken<T> {
    Value(T),
    /// Nothing came in time.
    Late,
    /// Nothing will come any more.
    Closed,
}

#[derive(Debug)]
pub(super) struct Reader<T>(Shared<T>);

impl<T> Reader<T> {
    pub(super) fn take(&self, within: Duration) -> Taken<T> {
        let (state, filled) = &*self.0;
        let mut state = state.lock();
        filled.wait_while_for(
            &mut state,
            |state| state.value.is_none() && !state.closed,
            within,
        );
        match state.value.take() {
            Some(value) => Taken::Value(value),
            None if state.closed => Taken::Closed,
            None => Taken::Late,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_taken_once_and_the_end_is_seen() {
        let (writer, reader) = slot();
        assert_eq!(reader.take(Duration::ZERO), Taken::Late);
        writer.put(1);
        writer.put(2);
        assert_eq!(reader.take(Duration::ZERO), Taken::Value(2));
        assert_eq!(reader.take(Duration::ZERO), Taken::Late);
        writer.put(3);
        drop(writer);
        assert_eq!(reader.take(Duration::ZERO), Taken::Value(3));
        assert_eq!(reader.take(Duration::from_secs(60)), Taken::Closed);
    }

    #[test]
    fn who_waits_is_woken() {
        let (writer, reader) = slot();
        let waiting = std::thread::spawn(move || reader.take(Duration::from_secs(60)));
        writer.put("here");
        assert_eq!(waiting.join().unwrap(), Taken::Value("here"));
    }
}
