//! The library's door to tokio, with additions: its task is counted, so that closing can wait for it;
//! when it ends before that, by an error or a panic, the connection has failed and says so; and its
//! sockets are [`Socket`]s, which are told when a turn of the task is over.

use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::error;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime,
    TokioRuntime,
};

use super::{
    PeerEvent, PeerState,
    shared::Shared,
    socket::{Gate, Socket},
};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One per connection.
#[derive(Debug)]
pub(super) struct Tracked {
    tasks: TaskTracker,
    stop: CancellationToken,
    shared: Arc<Shared>,
    gate: Arc<Gate>,
    /// The connection's sockets; an ICE restart replaces them.
    sockets: Mutex<Vec<Weak<Socket>>>,
}

impl Tracked {
    pub(super) fn new(
        tasks: TaskTracker,
        stop: CancellationToken,
        shared: Arc<Shared>,
        gate: Arc<Gate>,
    ) -> Self {
        Self {
            tasks,
            stop,
            shared,
            gate,
            sockets: Mutex::default(),
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
        let socket = Arc::new(Socket::new(socket, self.gate.clone())?);
        let mut sockets = self.sockets.lock();
        sockets.retain(|socket| socket.strong_count() > 0);
        sockets.push(Arc::downgrade(&socket));
        Ok(socket)
    }

    fn wrap_tcp_listener(
        &self,
        listener: std::net::TcpListener,
    ) -> io::Result<Arc<dyn AsyncTcpListener>> {
        TokioRuntime.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(
        &'a self,
        remote: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = io::Result<Arc<dyn AsyncTcpStream>>> + Send + 'a>> {
        TokioRuntime.connect_tcp(remote)
    }

    fn resolve_host<'a>(
        &'a self,
        host: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>> {
        TokioRuntime.resolve_host(host)
    }

    /// The connection's task sleeps when it has sent all that there was.
    fn sleep(&self, duration: Duration) -> Task {
        let mut full: Vec<Weak<Socket>> = Vec::new();
        for socket in &*self.sockets.lock() {
            if socket.upgrade().is_some_and(|socket| !socket.flush()) {
                full.push(socket.clone());
            }
        }
        let mut sleep = TokioRuntime.sleep(duration);
        if full.is_empty() {
            return sleep;
        }
        Box::pin(poll_fn(move |cx| {
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
