//! The runtime that the library gets: tokio, with additions. Its task is counted, so that closing can wait for it;
//! when it ends before that, by an error or a panic, the connection has failed and says so; and its
//! sockets are [`Socket`]s, which are told when a turn of the task is over. Checks whose turn it is leave while the task
//! sleeps.

use std::{
    future::{Future, poll_fn, ready},
    io,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Weak},
    task::Context,
    time::Duration,
};

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::time::{Sleep, sleep_until};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::error;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime,
    TokioRuntime,
};

use super::{PeerEvent, PeerState, guard::Guard, names::Names, shared::Shared, socket::Socket};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One per connection.
#[derive(Debug)]
pub(super) struct Tracked {
    tasks: TaskTracker,
    stop: CancellationToken,
    shared: Arc<Shared>,
    names: Arc<Names>,
    /// The connection's sockets; an ICE restart replaces them.
    sockets: Mutex<Vec<Weak<Socket>>>,
}

impl Tracked {
    pub(super) fn new(
        tasks: TaskTracker,
        stop: CancellationToken,
        shared: Arc<Shared>,
        names: Arc<Names>,
    ) -> Self {
        Self {
            tasks,
            stop,
            shared,
            names,
            sockets: Mutex::default(),
        }
    }
}

/// The checks of a connection that wait for their turn.
struct Checks {
    guard: Arc<Guard>,
    sockets: Vec<Weak<Socket>>,
    /// Ends when the next one has its turn; `None`: none waits.
    next: Option<Pin<Box<Sleep>>>,
}

impl Checks {
    /// Sends those whose turn it is.
    fn send(&mut self) {
        let sockets: Vec<_> = self.sockets.iter().filter_map(Weak::upgrade).collect();
        let next = self.guard.send_checks(|path, datagram| {
            let from = sockets.iter().find(|socket| socket.local() == path.local);
            if let Some(socket) = from {
                socket.send_check(path.destination(), datagram);
            }
        });
        self.next = next.map(|next| Box::pin(sleep_until(next.into())));
    }

    fn poll(&mut self, cx: &mut Context<'_>) {
        while let Some(next) = &mut self.next
            && next.as_mut().poll(cx).is_ready()
        {
            self.send();
            for socket in self.sockets.iter().filter_map(Weak::upgrade) {
                // What there is no room for now leaves at the end of the next turn.
                let _ = socket.flush();
            }
        }
    }
}

struct Handle(tokio::task::JoinHandle<()>);

impl JoinHandle for Handle {
    fn detach(&self) {}

    fn abort(&self) {
        self.0.abort();
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl Runtime for Tracked {
    fn spawn(&self, future: Task) -> Box<dyn JoinHandle> {
        let (shared, stop) = (self.shared.clone(), self.stop.clone());
        Box::new(Handle(self.tasks.spawn(async move {
            let ended = AssertUnwindSafe(future).catch_unwind().await;
            if !stop.is_cancelled() {
                let panicked = ended.is_err();
                error!(panicked, "a connection's task ended by itself");
                shared.emit(PeerEvent::State(PeerState::Failed));
            }
        })))
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let socket = TokioRuntime.wrap_udp_socket(socket)?;
        let (gate, guard) = (self.shared.gate.clone(), self.shared.guard.clone());
        let socket = Arc::new(Socket::new(socket, gate, guard)?);
        let mut sockets = self.sockets.lock();
        sockets.retain(|socket| socket.strong_count() > 0);
        sockets.push(Arc::downgrade(&socket));
        Ok(socket)
    }

    fn wrap_tcp_listener(&self, _: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Refuses: what comes over TCP would not pass the connection's guard.
    fn connect_tcp<'a>(
        &'a self,
        _: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = io::Result<Arc<dyn AsyncTcpStream>>> + Send + 'a>> {
        Box::pin(ready(Err(io::ErrorKind::Unsupported.into())))
    }

    fn resolve_host<'a>(
        &'a self,
        host: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>> {
        // The library waits for this on its own task.
        Box::pin(ready(self.names.addresses(host)))
    }

    /// The connection's task sleeps when it has sent all that there was.
    fn sleep(&self, duration: Duration) -> Task {
        let mut checks = self.shared.guard.is_holding().then(|| Checks {
            guard: self.shared.guard.clone(),
            sockets: self.sockets.lock().clone(),
            next: None,
        });
        if let Some(due) = &mut checks {
            due.send();
        }
        let mut full: Vec<Weak<Socket>> = Vec::new();
        for socket in &*self.sockets.lock() {
            if socket.upgrade().is_some_and(|socket| !socket.flush()) {
                full.push(socket.clone());
            }
        }
        let duration = if self.shared.take_unsent() {
            Duration::ZERO
        } else {
            duration
        };
        let mut sleep = TokioRuntime.sleep(duration);
        if full.is_empty() && checks.is_none() {
            return sleep;
        }
        Box::pin(poll_fn(move |cx| {
            // A check that is sent takes the place of the waker, so that the sockets come last.
            if let Some(checks) = &mut checks {
                checks.poll(cx);
            }
            full.retain(|socket| {
                socket
                    .upgrade()
                    .is_some_and(|socket| socket.poll_flush(cx).is_pending())
            });
            sleep.as_mut().poll(cx)
        }))
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }
}
