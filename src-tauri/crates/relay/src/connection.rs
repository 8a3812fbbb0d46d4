//! One connection: TLS, HTTP, and the WebSocket that it may become, in a single task.

use std::{
    convert::Infallible,
    future::ready,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ahoy_contract::ErrorCode;
use axum::{Router, body::Body};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn, upgrade::OnUpgrade};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{either::Either, sync::CancellationToken};
use tracing::debug;

use crate::{
    address::{Addresses, Caller, Counted},
    certificate::{Certificate, Current},
    config::Config,
    handshakes::{Crowd, Entry},
    hub::Hub,
    known_names::Reached,
    lobby::{Client, Lobby},
    page::{self, Site},
    request::Refusal,
    socket,
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
    pub(crate) addresses: Arc<Addresses>,
    pub(crate) site: Arc<Site>,
    pub(crate) router: Router,
    pub(crate) tls: Option<Arc<Current>>,
    /// The relay stops: what is under way is finished, and no more.
    pub(crate) stop: CancellationToken,
}

/// What the answer to a request may need of its connection.
#[derive(Debug, Clone)]
pub(crate) struct Upgrading {
    /// Where the request comes from.
    pub(crate) caller: Caller,
    line: Arc<Line>,
    slot: Arc<Mutex<Slot>>,
}

/// What is known of a connection's two ends.
#[derive(Debug)]
struct Line {
    peer: IpAddr,
    /// The peer is a proxy, whose requests are those of others.
    proxied: bool,
    local: SocketAddr,
    certificate: Option<Arc<Certificate>>,
}

impl Line {
    fn reached(&self) -> Reached<'_> {
        let certificate = self.certificate.as_ref();
        Reached {
            secure: certificate.is_some(),
            local: self.local,
            certificate: certificate.map_or(&[], |certificate| &certificate.names),
            pin: certificate.map(|certificate| &certificate.pin),
        }
    }
}

/// A connection that has come in.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// Where it comes from.
    pub(crate) peer: IpAddr,
    /// Counted for its address, where that has no more than it may; that of a proxy for nobody.
    pub(crate) counted: Option<Counted>,
    /// Whether it is served.
    pub(crate) entry: Entry,
}

/// The names of the relay, as one client may know them.
#[derive(Debug)]
pub(crate) struct Names {
    /// Those by which a host's proof may mean this relay.
    pub(crate) in_proofs: Box<[String]>,
    /// The host that the request named, where that may stand in the log.
    pub(crate) to_tell: Option<Box<str>>,
}

/// For whom a WebSocket is.
#[derive(Debug)]
pub(crate) enum Purpose {
    /// For the rooms.
    Native(Box<Names>),
    /// For the lobby, in which it is already.
    Lobby(Box<Client>),
    /// For the lobby's Socket.IO, which goes by the request.
    SocketIo(Box<Request<()>>),
}

#[derive(Debug)]
struct Slot {
    upgrade: Option<(OnUpgrade, Purpose, Caller)>,
    /// Held while the connection is not a socket of the rooms: one of those under way, or of the lobby's.
    permit: OwnedSemaphorePermit,
    lobbys: bool,
}

impl Upgrading {
    /// The connection becomes a WebSocket when the answer is out.
    pub(crate) fn set(&self, upgrade: OnUpgrade, purpose: Purpose) {
        self.lock().upgrade = Some((upgrade, purpose, self.caller.clone()));
    }

    /// What is known of the connection's own end.
    pub(crate) fn reached(&self) -> Reached<'_> {
        self.line.reached()
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
    /// Whose it is, where that is not told by where the connection comes from.
    behind_proxy: Option<Caller>,
}

/// A connection that has become a WebSocket, and the places that it is counted for.
pub(crate) struct Opened {
    upgraded: Upgraded,
    counted: Counted,
    slot: Arc<Mutex<Slot>>,
}

/// Waits until there is place for a connection, and serves it until it ends or becomes a WebSocket; `None`: it has
/// ended. Boxed by the caller: the state of this is large, and a socket lives without it.
pub(crate) async fn open(
    stream: TcpStream,
    shared: Arc<Shared>,
    arrival: Arrival,
) -> Option<Opened> {
    let Arrival {
        peer,
        counted,
        entry,
    } = arrival;
    let entry = match entry {
        Entry::Wait(waiting) => {
            let waiting = waiting.end();
            shared.stop.run_until_cancelled(waiting).await.flatten()
        }
        entry => Some(entry),
    };
    let (permit, counted) = match (entry, counted) {
        (Some(Entry::Serve(permit)), Some(counted)) => (permit, counted),
        (Some(Entry::Refuse(crowd, _permit)), _) => {
            refuse(stream, &shared, crowd).await;
            return None;
        }
        _ => return None,
    };
    // Signals are small and wait for nothing.
    let _ = stream.set_nodelay(true);
    let slot = Arc::new(Mutex::new(Slot {
        upgrade: None,
        permit,
        lobbys: false,
    }));
    let upgraded = greet(stream, &shared, peer, &counted, slot.clone()).await?;
    Some(Opened {
        upgraded,
        counted,
        slot,
    })
}

/// Serves a connection that `opening` ([`open`]) brings, until it ends.
pub(crate) async fn run(
    opening: Pin<Box<impl Future<Output = Option<Opened>>>>,
    shared: Arc<Shared>,
) {
    let Some(opened) = opening.await else {
        return;
    };
    let Opened {
        upgraded,
        mut counted,
        slot,
    } = opened;
    let Upgraded {
        stream,
        early,
        purpose,
        behind_proxy,
    } = upgraded;
    let crowded = match behind_proxy {
        None => !counted.become_socket(),
        Some(caller) => match caller.count_socket() {
            Some(socket) => {
                counted = socket;
                false
            }
            None => true,
        },
    };
    match (purpose, &shared.lobby) {
        (Purpose::Native(names), _) => {
            drop(slot);
            let client = socket::Client {
                caller: counted.caller(),
                names,
            };
            socket::run(stream, early, &shared, client, crowded).await;
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

// TLS and HTTP; what comes out is a socket.
async fn greet(
    stream: TcpStream,
    shared: &Shared,
    peer: IpAddr,
    counted: &Counted,
    slot: Arc<Mutex<Slot>>,
) -> Option<Upgraded> {
    let limits = &shared.config.limits;
    let local = stream.local_addr();
    let (stream, certificate) = secure(stream, shared).await?;
    let line = Arc::new(Line {
        peer,
        proxied: shared.addresses.is_proxy(peer),
        // Without an address of its own it is no more known by than by its name.
        local: local.unwrap_or((Ipv4Addr::UNSPECIFIED, 0).into()),
        certificate,
    });
    let service = service_fn(|mut request: Request<Incoming>| {
        let lobby = shared.lobby.as_ref().filter(|_| Lobby::is_meant(&request));
        let upgrading = Upgrading {
            caller: caller_of(request.headers(), shared, &line, counted),
            line: line.clone(),
            slot: slot.clone(),
        };
        request.extensions_mut().insert(upgrading.clone());
        let router = shared.router.clone();
        async move {
            let request = request.map(Body::new);
            Ok::<_, Infallible>(match lobby {
                // Pages of any site may come there, by whatever name.
                Some(lobby) => lobby.answer(request, &upgrading).await,
                None => {
                    let reached = upgrading.reached();
                    shared.site.answer(router, request, reached).await
                }
            })
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
    let upgrade = slot
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .upgrade
        .take();
    let (upgraded, purpose, caller) = upgrade?;
    // The connection has ended, so this is there or never comes.
    let upgraded = timeout(HTTP_END, upgraded).await.ok()?.ok()?;
    let parts = upgraded.downcast::<TokioIo<Stream>>().ok()?;
    // Copied, for it would keep the whole buffer that the request was read into.
    Some(Upgraded {
        stream: parts.io.into_inner(),
        early: parts.read_buf.to_vec(),
        purpose,
        behind_proxy: line.proxied.then_some(caller),
    })
}

// The connection as it is spoken over, and the certificate that was shown.
async fn secure(stream: TcpStream, shared: &Shared) -> Option<(Stream, Option<Arc<Certificate>>)> {
    let Some(tls) = &shared.tls else {
        return Some((Either::Left(stream), None));
    };
    let certificate = tls.get();
    let accept = TlsAcceptor::from(certificate.config.clone()).accept(stream);
    match timeout(shared.config.limits.handshake, accept).await {
        Ok(Ok(stream)) => Some((Either::Right(Box::new(stream)), Some(certificate))),
        Ok(Err(error)) => {
            debug!("TLS handshake: {error}");
            None
        }
        Err(_) => None,
    }
}

fn caller_of(headers: &HeaderMap, shared: &Shared, line: &Line, counted: &Counted) -> Caller {
    if line.proxied {
        shared.addresses.behind_proxy(line.peer, headers)
    } else {
        counted.caller().clone()
    }
}

// Answers one request that it is not served, and why.
async fn refuse(stream: TcpStream, shared: &Shared, crowd: Crowd) {
    let (status, retry, refusal) = match crowd {
        Crowd::Relay => (
            StatusCode::SERVICE_UNAVAILABLE,
            "5",
            Refusal::new(
                ErrorCode::Busy,
                "The relay has too many connections now: try again in a moment.",
            ),
        ),
        Crowd::Address => (
            StatusCode::TOO_MANY_REQUESTS,
            "60",
            Refusal::new(
                ErrorCode::RateLimited,
                "There are too many connections from your address: wait a minute.",
            ),
        ),
    };
    let answered = async {
        let (stream, _) = secure(stream, shared).await?;
        let service = service_fn(|_: Request<Incoming>| {
            let mut response = page::refused(status, &refusal);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static(retry));
            ready(Ok::<_, Infallible>(response))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(shared.config.limits.handshake)
            .max_buf_size(MAX_HEAD)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = connection.await {
            debug!("HTTP: {error}");
        }
        Some(())
    };
    // Longer than each of its two parts nobody is heard who is not served.
    let within = shared.config.limits.handshake + HTTP_END;
    let _ = shared
        .stop
        .run_until_cancelled(timeout(within, answered))
        .await;
}
