//! One connection: TLS, HTTP, and the WebSocket that it may become, in a single task.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, body::Body};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn, upgrade::OnUpgrade};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{either::Either, sync::CancellationToken};
use tower_service::Service as _;
use tracing::debug;

use crate::{address::Counted, config::Config, hub::Hub, socket};

/// How long a connection may go on with HTTP: enough for the page on a slow line, so that none is held
/// for ever by one that reads a byte a minute.
const HTTP_LIFE: Duration = Duration::from_secs(120);
/// How long an answer that is under way may still take when the connection shall end.
const HTTP_END: Duration = Duration::from_secs(1);
/// The most bytes of a request's head.
const MAX_HEAD: usize = 16 * 1024;

/// What a connection speaks over.
pub(crate) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) hub: Arc<Hub>,
    pub(crate) config: Arc<Config>,
    pub(crate) router: Router,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    /// The relay stops: what is under way is finished, and no more.
    pub(crate) stop: CancellationToken,
}

/// What the answer to a request may need of its connection.
#[derive(Debug, Clone)]
pub(crate) struct Upgrading {
    /// Spoken to by TLS.
    pub(crate) secure: bool,
    slot: Arc<Mutex<Option<OnUpgrade>>>,
}

impl Upgrading {
    /// The connection becomes a WebSocket when the answer is out.
    pub(crate) fn set(&self, upgrade: OnUpgrade) {
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(upgrade);
    }

    fn take(&self) -> Option<OnUpgrade> {
        self.slot
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// Serves a connection until it ends. `permit` is held until it has become a socket.
pub(crate) async fn run(
    stream: TcpStream,
    shared: Arc<Shared>,
    mut counted: Counted,
    permit: OwnedSemaphorePermit,
) {
    // Signals are small and wait for nothing.
    let _ = stream.set_nodelay(true);
    let Some((stream, early)) = Box::pin(greet(stream, &shared)).await else {
        return;
    };
    drop(permit);
    let crowded = !counted.become_socket(shared.config.limits.sockets_per_address);
    socket::run(stream, early, &shared.hub, &shared.config, crowded).await;
}

// TLS and HTTP; what comes out is a socket, and what came behind its request. Boxed by the caller: its
// state is large, and a socket lives without it.
async fn greet(stream: TcpStream, shared: &Shared) -> Option<(Stream, Vec<u8>)> {
    let limits = &shared.config.limits;
    let stream: Stream = match &shared.tls {
        None => Either::Left(stream),
        Some(tls) => {
            let accepted = timeout(
                limits.handshake,
                TlsAcceptor::from(tls.clone()).accept(stream),
            )
            .await;
            match accepted {
                Ok(Ok(stream)) => Either::Right(Box::new(stream)),
                Ok(Err(error)) => {
                    debug!("TLS handshake: {error}");
                    return None;
                }
                Err(_) => return None,
            }
        }
    };

    let upgrading = Upgrading {
        secure: shared.tls.is_some(),
        slot: Arc::default(),
    };
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(upgrading.clone());
        shared.router.clone().call(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.handshake)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { tokio::select! {
            () = shared.stop.cancelled() => {}
            () = sleep(HTTP_LIFE) => {}
        } } => {
            connection.as_mut().graceful_shutdown();
            timeout(HTTP_END, connection.as_mut()).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        debug!("HTTP: {error}");
    }
    let upgraded = upgrading.take()?;
    // The connection has ended, so this is there or never comes.
    let upgraded = timeout(HTTP_END, upgraded).await.ok()?.ok()?;
    let parts = upgraded.downcast::<TokioIo<Stream>>().ok()?;
    // Copied, for it would keep the whole buffer that the request was read into.
    Some((parts.io.into_inner(), parts.read_buf.to_vec()))
}
