//! Threads that call into device drivers, which may never come back.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel},
    },
    thread::{Builder, JoinHandle},
    time::Duration,
};

use parking_lot::Mutex;

use super::{DeviceError, DeviceKind};

/// How long a driver has to come back when its device is closed. A camera at 5 pictures a second needs
/// 200 ms, a sound server some ms.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// Threads of one kind that may hang in drivers at the same time. One more is not started: devices are tried again
/// for as long as a call lasts, and each try would leave another behind.
const MOST_STUCK: usize = 4;

static ABANDONED: AtomicU64 = AtomicU64::new(0);

/// The threads that were abandoned and have not ended since.
static STUCK: Mutex<Vec<Stuck>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Stuck {
    name: &'static str,
    ended: Receiver<()>,
}

/// How many threads stuck inside a device driver were left behind since the program began: the one
/// exception to "every thread is joined".
pub fn abandoned_threads() -> u64 {
    ABANDONED.load(Ordering::Relaxed)
}

/// Counts and logs a thread that does not come back.
pub(crate) fn abandon(name: &str) {
    let count = ABANDONED.fetch_add(1, Ordering::Relaxed) + 1;
    tracing::warn!(
        thread = name,
        count,
        "a device driver does not come back; its thread is abandoned"
    );
}

/// How many abandoned threads of this name still hang.
fn stuck(name: &str) -> usize {
    let mut stuck = STUCK.lock();
    stuck.retain(|thread| thread.ended.try_recv() == Err(TryRecvError::Empty));
    stuck.iter().filter(|thread| thread.name == name).count()
}

/// A named thread that a driver may keep. Dropping it asks the thread to end and waits for a second;
/// then it is abandoned, counted and logged.
#[derive(Debug)]
pub(super) struct DriverThread {
    name: &'static str,
    stop: Option<Sender<()>>,
    ended: Option<Receiver<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread sees of [`DriverThread`].
#[derive(Debug)]
pub(super) struct Stop(Receiver<()>);

impl Stop {
    /// Whether the thread shall end.
    pub(super) fn is_set(&self) -> bool {
        self.0.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// Whether the thread shall end; it is waited for so long.
    pub(super) fn is_set_within(&self, wait: Duration) -> bool {
        self.0.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected)
    }

    /// Waits until the thread shall end.
    pub(super) fn wait(&self) {
        while self.0.recv().is_ok() {}
    }
}

impl DriverThread {
    /// Starts a thread. Its panics, which are its driver's, end it and nothing else. Fails where too many of its kind
    /// hang already.
    pub(super) fn spawn(
        kind: DeviceKind,
        name: &'static str,
        run: impl FnOnce(&Stop) + Send + 'static,
    ) -> Result<Self, DeviceError> {
        if stuck(name) >= MOST_STUCK {
            return Err(DeviceError::Failed(kind, "its driver hangs".into()));
        }
        let (stop, stopped) = channel();
        let (end, ended) = channel();
        let thread = Builder::new()
            .name(name.into())
            .spawn(move || {
                let _end: Sender<()> = end;
                run(&Stop(stopped));
            })
            .map_err(|error| DeviceError::Failed(kind, error.to_string()))?;
        Ok(Self {
            name,
            stop: Some(stop),
            ended: Some(ended),
            thread: Some(thread),
        })
    }
}

impl Drop for DriverThread {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(ended) = self.ended.take()
            && ended.recv_timeout(CLOSE_WITHIN) == Err(RecvTimeoutError::Timeout)
        {
            abandon(self.name);
            STUCK.lock().push(Stuck {
                name: self.name,
                ended,
            });
            return;
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!(thread = self.name, "a device driver panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: DeviceKind = DeviceKind::Camera;

    #[test]
    fn a_thread_that_listens_is_joined() {
        let (say, said) = channel();
        let thread = DriverThread::spawn(KIND, "test-listens", move |stop| {
            say.send(stop.is_set()).unwrap();
            stop.wait();
            say.send(stop.is_set()).unwrap();
        })
        .unwrap();
        assert_eq!(said.recv(), Ok(false));
        drop(thread);
        assert_eq!(said.try_recv(), Ok(true));
    }

    #[test]
    fn a_stuck_thread_is_abandoned_and_counted() {
        let before = abandoned_threads();
        let (let_go, held) = channel::<()>();
        let thread = DriverThread::spawn(KIND, "test-stuck", move |_| {
            let _ = held.recv();
        })
        .unwrap();
        drop(thread);
        assert!(abandoned_threads() > before);
        drop(let_go);
    }

    #[test]
    fn a_driver_that_hangs_each_time_does_not_get_threads_without_end() {
        let start = |held: Receiver<()>| {
            DriverThread::spawn(KIND, "test-hangs-each-time", move |_| {
                let _ = held.recv();
            })
        };
        let (let_go, held): (Vec<_>, Vec<_>) = (0..MOST_STUCK).map(|_| channel::<()>()).unzip();
        for thread in held.into_iter().map(start).collect::<Vec<_>>() {
            drop(thread.unwrap());
        }
        let refused = start(channel().1).unwrap_err();
        assert!(matches!(refused, DeviceError::Failed(..)));
        // It has come to: devices may be opened again.
        drop(let_go);
        while stuck("test-hangs-each-time") > 0 {
            std::thread::yield_now();
        }
        drop(start(channel().1).unwrap());
    }

    #[test]
    fn a_panic_in_a_driver_stays_there() {
        let thread = DriverThread::spawn(KIND, "test-panics", |_| panic!("as drivers do")).unwrap();
        drop(thread);
    }
}
