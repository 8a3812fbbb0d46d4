//! A named thread that can be asked to stop, and is joined.

use std::{io, thread::JoinHandle, time::Duration};

use tokio_util::sync::CancellationToken;

/// How long a stopped thread may take: a sound server has five seconds to open a stream, and two devices at most are
/// closed after that, a second each.
const JOIN_WITHIN: Duration = Duration::from_secs(8);

/// A media thread. Dropped, it is asked to stop; [`stop`](Self::stop) waits for it too.
#[derive(Debug)]
pub(super) struct Worker {
    name: &'static str,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts a thread; `run` returns soon after its token was cancelled.
    pub(super) fn spawn(
        name: &'static str,
        run: impl FnOnce(CancellationToken) + Send + 'static,
    ) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let token = stop.clone();
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || run(token))?;
        Ok(Self {
            name,
            stop,
            thread: Some(thread),
        })
    }

    /// Asks it to stop.
    pub(super) fn end(&self) {
        self.stop.cancel();
    }

    /// Whether the thread has ended.
    pub(super) fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Asks it to stop and waits until it has; one that does not, because a driver holds it, is abandoned.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        let Some(thread) = self.thread.take() else {
            return;
        };
        let join = tokio::task::spawn_blocking(move || thread.join());
        match tokio::time::timeout(JOIN_WITHIN, join).await {
            Ok(Ok(Ok(()))) => {}
            Ok(_) => tracing::error!("the thread {} panicked", self.name),
            Err(_) => crate::device::abandon(self.name),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
