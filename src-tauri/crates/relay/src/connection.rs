//! One connection: TLS, HTTP, and the WebSocket that it may become, in a single task.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{Router, body::Body};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn, upgrade::OnUpgrade};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{either::Either, sync::CancellationToken};
use tower_service::Service as _;
use tracing::debug;

use crate::{
    address::{Caller, Counted},
    config::Config,
    hub::Hub,
    lobby::{Client, Lobby},
    socket::{self, Names},
};

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
    /// Where the operator wants one.
    pub(crate) lobby: Option<Lobby>,
    pub(crate) config: Arc<Config>,
    pub(crate) router: Router,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    /// The names of this relay in proofs of hosts that hold for all connections.
    pub(crate) names: Vec<String>,
    /// The relay stops: what is under way is finished, and no more.
    pub(crate) stop: CancellationToken,
}

/// What the answer to a request may need of its connection.
#[derive(Debug, Clone)]
pub(crate) struct Upgrading {
    /// Spoken to by TLS.
    pub(crate) secure: bool,
    /// Where the request comes from.
    pub(crate) caller: Caller,
    slot: Arc<Mutex<Slot>>,
}

/// For whom a WebSocket is.
#[derive(Debug)]
pub(crate) enum Purpose {
    /// For the rooms; with the origin by which the client reaches the relay.
    Native(Option<Box<str>>),
    /// For the lobby, in which it is already.
    Lobby(Box<Client>),
    /// For the lobby's Socket.IO, which goes by the request.
    SocketIo(Box<Request<()>>),
}

#[derive(Debug)]
struct Slot {
    upgrade: Option<(OnUpgrade, Purpose)>,
    /// Held while the connection is not a socket of the rooms: one of those under way, or of the lobby's.
    permit: OwnedSemaphorePermit,
    lobbys: bool,
}

impl Upgrading {
    /// The connection becomes a WebSocket when the answer is out.
    pub(crate) fn set(&self, upgrade: OnUpgrade, purpose: Purpose) {
        self.lock().upgrade = Some((upgrade, purpose));
    }

    /// Counts the connection with the lobby's from now on, which stay in HTTP, and no more with those that are
    /// under way; false when there are too many.
    pub(crate) fn count_with(&self, lobbys: &Arc<Semaphore>) -> bool {
        let mut slot = self.lock();
        if !slot.lobbys
            && let Ok(permit) = lobbys.clone().try_acquire_owned()
        {
            (slot.permit, slot.lobbys) = (permit, true);
        }
        slot.lobbys
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that has become a WebSocket.
struct Upgraded {
    stream: Stream,
    /// What came behind the request.
    early: Vec<u8>,
    purpose: Purpose,
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
    let slot = Arc::new(Mutex::new(Slot {
        upgrade: None,
        permit,
        lobbys: false,
    }));
    let upgrading = Upgrading {
        secure: shared.tls.is_some(),
        caller: counted.caller(),
        slot: slot.clone(),
    };
    let Some(upgraded) = Box::pin(greet(stream, &shared, upgrading)).await else {
        return;
    };
    let crowded = !counted.become_socket(shared.config.limits.sockets_per_address);
    let Upgraded {
        stream,
        early,
        purpose,
    } = upgraded;
    match (purpose, &shared.lobby) {
        (Purpose::Native(origin), _) => {
            drop(slot);
            let names = Names {
                fixed: &shared.names,
                origin,
            };
            socket::run(stream, early, &shared.hub, &shared.config, names, crowded).await;
        }
        // Boxed, for they would make the task of every socket larger.
        (Purpose::Lobby(client), Some(lobby)) => {
            drop(slot);
            Box::pin(lobby.serve(stream, early, *client, crowded)).await;
        }
        (Purpose::SocketIo(request), Some(lobby)) if !crowded => {
            Box::pin(lobby.serve_socketio(stream, early, *request)).await;
        }
        _ => {}
    }
}

// TLS and HTTP; what comes out is a socket. Boxed by the caller: its state is large, and a socket lives
// without it.
async fn greet(stream: TcpStream, shared: &Shared, upgrading: Upgrading) -> Option<Upgraded> {
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

    let service = service_fn(|mut request: Request<Incoming>| {
        let lobby = shared.lobby.as_ref().filter(|_| Lobby::is_meant(&request));
        let upgrading = &upgrading;
        request.extensions_mut().insert(upgrading.clone());
        async move {
            let request = request.map(Body::new);
            match lobby {
                Some(lobby) => Ok(lobby.answer(request, upgrading).await),
                None => shared.router.clone().call(request).await,
            }
        }
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
            let patience = async {
                if shared.lobby.is_some() {
                    // A poll of Socket.IO is answered by then.
                    shared.stop.run_until_cancelled(sleep(limits.ping)).await;
                }
                sleep(HTTP_END).await;
            };
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = patience => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        debug!("HTTP: {error}");
    }
    let (upgraded, purpose) = upgrading.lock().upgrade.take()?;
    // The connection has ended, so this is there or never comes.
    let upgraded = timeout(HTTP_END, upgraded).await.ok()?.ok()?;
    let parts = upgraded.downcast::<TokioIo<Stream>>().ok()?;
    // Copied, for it would keep the whole buffer that the request was read into.
    Some(Upgraded {
        stream: parts.io.into_inner(),
        early: parts.read_buf.to_vec(),
        purpose,
    })
}
