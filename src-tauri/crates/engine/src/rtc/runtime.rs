//! The library's door to tokio, with additions: its task is counted, so that closing can wait for it;
//! when it ends before that, by an error or a panic, the connection has failed and says so; and its
//! sockets are [`Socket`]s.

use std::{
    future::Future, io, net::SocketAddr, panic::AssertUnwindSafe, pin::Pin, sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
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
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) shared: Arc<Shared>,
    pub(super) gate: Arc<Gate>,
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
        Ok(Arc::new(Socket::new(socket, self.gate.clone())?))
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

    fn sleep(&self, duration: Duration) -> Task {
        TokioRuntime.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }
}
