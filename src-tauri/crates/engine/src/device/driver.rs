//! Threads that call into device drivers, which may never come back.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel},
    },
    thread::{Builder, JoinHandle},
    time::Duration,
};

/// How long a driver has to come back when its device is closed. A camera at 5 pictures a second needs
/// 200 ms, a sound server some ms.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

static ABANDONED: AtomicU64 = AtomicU64::new(0);

/// How many threads stuck inside a device driver were left behind since the program began: the one
/// exception to "every thread is joined".
pub fn abandoned_threads() -> u64 {
    ABANDONED.load(Ordering::Relaxed)
}

/// A named thread that a driver may keep. Dropping it asks the thread to end and waits for a second;
/// then it is abandoned, counted and logged.
#[derive(Debug)]
pub(super) struct DriverThread {
    name: &'static str,
    stop: Option<Sender<()>>,
    ended: Receiver<()>,
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

    /// Waits until the thread shall end.
    pub(super) fn wait(&self) {
        while self.0.recv().is_ok() {}
    }
}

impl DriverThread {
    /// Starts a thread. Its panics, which are its driver's, end it and nothing else.
    pub(super) fn spawn(
        name: &'static str,
        run: impl FnOnce(&Stop) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let (end, ended) = channel();
        let thread = Builder::new().name(name.into()).spawn(move || {
            let _end: Sender<()> = end;
            run(&Stop(stopped));
        })?;
        Ok(Self {
            name,
            stop: Some(stop),
            ended,
            thread: Some(thread),
        })
    }
}

impl Drop for DriverThread {
    fn drop(&mut self) {
        self.stop = None;
        if self.ended.recv_timeout(CLOSE_WITHIN) == Err(RecvTimeoutError::Timeout) {
            ABANDONED.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                thread = self.name,
                "a device driver does not come back; its thread is abandoned"
            );
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

    #[test]
    fn a_thread_that_listens_is_joined() {
        let (say, said) = channel();
        let thread = DriverThread::spawn("test-listens", move |stop| {
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
        let thread = DriverThread::spawn("test-stuck", move |_| {
            let _ = held.recv();
        })
        .unwrap();
        drop(thread);
        assert!(abandoned_threads() > before);
        drop(let_go);
    }

    #[test]
    fn a_panic_in_a_driver_stays_there() {
        let thread = DriverThread::spawn("test-panics", |_| panic!("as drivers do")).unwrap();
        drop(thread);
    }
}
