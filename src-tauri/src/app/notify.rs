//! What reaches a user who looks at something else: notifications of the desktop, one at a time.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::spawn_blocking};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::Desktop;

/// How long it is quiet after a notification: strangers can knock faster than anybody reads.
pub(super) const QUIET: Duration = Duration::from_secs(5);

/// Tells what `newest` holds, and rests after each; what comes meanwhile takes the place of what was not told
/// yet. Ends with `stop`, once the desktop has taken what it was told last.
pub(super) async fn tell<R: Future<Output = ()>>(
    desktop: Arc<dyn Desktop>,
    mut newest: watch::Receiver<Option<String>>,
    rest: impl Fn() -> R,
    stop: CancellationToken,
) {
    while let Some(Ok(())) = stop.run_until_cancelled(newest.changed()).await {
        let Some(text) = newest.borrow_and_update().clone() else {
            continue;
        };
        let desktop = Arc::clone(&desktop);
        // It talks to the system, which may take its time.
        if let Err(error) = spawn_blocking(move || desktop.notify(&text)).await {
            error!("a notification failed: {error}");
        }
        stop.run_until_cancelled(rest()).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::{
        sync::{Semaphore, mpsc},
        task::JoinHandle,
    };

    use super::*;

    /// Says what it is told, and takes it once it is let.
    struct Slow {
        told: mpsc::UnboundedSender<String>,
        may: Mutex<std::sync::mpsc::Receiver<()>>,
    }

    impl Desktop for Slow {
        fn copy(&self, _text: &str) -> Result<(), String> {
            Ok(())
        }

        fn notify(&self, text: &str) {
            self.told.send(text.to_owned()).unwrap();
            self.may.lock().unwrap().recv().unwrap();
        }
    }

    struct Bell {
        newest: watch::Sender<Option<String>>,
        told: mpsc::UnboundedReceiver<String>,
        let_go: std::sync::mpsc::Sender<()>,
        /// When it begins to rest.
        rests: mpsc::UnboundedReceiver<()>,
        rested: Arc<Semaphore>,
        stop: CancellationToken,
        task: JoinHandle<()>,
    }

    impl Bell {
        fn new() -> Self {
            let (newest, receiver) = watch::channel(None);
            let (told_sender, told) = mpsc::unbounded_channel();
            let (let_go, may) = std::sync::mpsc::channel();
            let (rest_sender, rests) = mpsc::unbounded_channel();
            let (stop, rested) = (CancellationToken::new(), Arc::new(Semaphore::new(0)));
            let desktop = Slow {
                told: told_sender,
                may: Mutex::new(may),
            };
            let rest = {
                let rested = Arc::clone(&rested);
                move || {
                    rest_sender.send(()).unwrap();
                    let rested = Arc::clone(&rested);
                    async move { rested.acquire().await.unwrap().forget() }
                }
            };
            let task = tokio::spawn(tell(Arc::new(desktop), receiver, rest, stop.clone()));
            Self {
                newest,
                told,
                let_go,
                rests,
                rested,
                stop,
                task,
            }
        }

        fn ring(&self, text: &str) {
            self.newest.send_replace(Some(text.to_owned()));
        }

        async fn told(&mut self) -> String {
            self.told.recv().await.unwrap()
        }

        async fn ended(mut self) {
            self.stop.cancel();
            self.task.await.unwrap();
            assert!(self.told.try_recv().is_err(), "nothing comes after the end");
        }
    }

    #[tokio::test]
    async fn of_a_thousand_knocks_the_first_and_the_last_are_told() {
        let mut bell = Bell::new();
        bell.ring("first");
        assert_eq!(bell.told().await, "first");
        for n in 0..1_000 {
            bell.ring(&n.to_string());
        }
        bell.let_go.send(()).unwrap();
        bell.rests.recv().await.unwrap();
        bell.rested.add_permits(1);
        assert_eq!(bell.told().await, "999");
        bell.let_go.send(()).unwrap();
        bell.rests.recv().await.unwrap();
        bell.ended().await;
    }

    #[tokio::test]
    async fn nobody_is_told_while_it_rests() {
        let mut bell = Bell::new();
        bell.ring("first");
        bell.let_go.send(()).unwrap();
        assert_eq!(bell.told().await, "first");
        bell.rests.recv().await.unwrap();
        bell.ring("second");
        tokio::task::yield_now().await;
        assert!(bell.told.try_recv().is_err());
        // The call has ended meanwhile: nobody knocks any more.
        bell.newest.send_replace(None);
        bell.rested.add_permits(1);
        // One thread: it has had its turns, and has seen that.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        bell.ring("third");
        assert_eq!(bell.told().await, "third");
        bell.let_go.send(()).unwrap();
        bell.ended().await;
    }

    #[tokio::test]
    async fn the_end_waits_for_what_the_desktop_was_told() {
        let mut bell = Bell::new();
        bell.ring("first");
        assert_eq!(bell.told().await, "first");
        bell.stop.cancel();
        tokio::task::yield_now().await;
        assert!(!bell.task.is_finished());
        bell.let_go.send(()).unwrap();
        bell.ended().await;
    }
}
