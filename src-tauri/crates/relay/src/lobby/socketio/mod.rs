//! Socket.IO (protocol 5 over Engine.IO 4): an event that is sent comes back to everybody, its sender too, under
//! another name.
//!
//! `socketioxide` speaks the protocol, and starts tasks that nobody else sees. They run in a runtime of their own, on
//! one thread: it ends them when the relay stops, and what is said here leaves the rest of the relay its processors.

mod cross_origin;
mod event;
mod session;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ahoy_contract::wire::MAX_MESSAGE_BYTES;
use axum::{
    Router,
    body::Body,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, Method, Request, StatusCode, header};
use socketioxide::{ParserConfig, service::SocketIoService};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::Semaphore,
    task::spawn_blocking,
    time::{Instant, timeout},
};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tower_service::Service;
use tracing::{debug, warn};

use self::session::Sessions;
use super::{Place, full, is_below, is_upgrade, line::Line, refuse};
use crate::{
    config::Limits,
    connection::{Purpose, Stream, Upgrading},
    error::RelayError,
};

/// Where clients look for it.
const PATH: &str = "/socket.io";
/// The version of Engine.IO that is spoken.
const VERSION: &str = "4";
/// The packet of Engine.IO that ends a session.
const CLOSE: &str = "1";
/// The most packets that wait for one client; to one that takes so few, what comes then is lost.
const MAX_WAITING: usize = 1024;
/// Connections for each client: two for its requests, one for its WebSocket, one that it changes over from.
const LINES: usize = 4;
/// How often it is told that clients of an old version come.
const TELL_EVERY: Duration = Duration::from_secs(60);

// The router is for other paths than its own, of which none comes here.
type Io = SocketIoService<Router>;

/// Socket.IO, as it is served.
pub(super) struct SocketIo {
    service: Io,
    handle: Handle,
    runtime: Mutex<Option<Runtime>>,
    sessions: Sessions,
    stop: CancellationToken,
    lines: Arc<Semaphore>,
    limits: Limits,
    told: Mutex<Option<Instant>>,
}

/// Whether a path is Socket.IO's.
pub(super) fn is_path(path: &str) -> bool {
    is_below(path, PATH)
}

impl SocketIo {
    pub(super) fn new(limits: &Limits) -> Result<Self, RelayError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("socket.io")
            .enable_time()
            .build()
            .map_err(RelayError::Thread)?;
        let (service, io) = socketioxide::SocketIo::builder()
            .req_path(PATH)
            .ping_interval(limits.ping)
            .ping_timeout(limits.ping)
            .upgrade_timeout(limits.handshake)
            .connect_timeout(limits.hello)
            .max_buffer_size(MAX_WAITING)
            .max_payload(MAX_MESSAGE_BYTES as u64)
            .ws_max_message_size(MAX_MESSAGE_BYTES)
            .ws_max_frame_size(MAX_MESSAGE_BYTES)
            .with_parser(ParserConfig::common().max_incoming_binaries(0))
            .build_with_inner_svc(Router::new());
        event::hear(&io, limits);
        Ok(Self {
            service,
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
            sessions: Sessions::default(),
            stop: CancellationToken::new(),
            lines: Arc::new(Semaphore::new(
                limits
                    .lobby_clients
                    .saturating_mul(LINES)
                    .min(Semaphore::MAX_PERMITS),
            )),
            limits: *limits,
            told: Mutex::new(None),
        })
    }

    /// Answers a request to Socket.IO's path. `place` gives a newcomer its place, while there is one.
    pub(super) async fn answer(
        &self,
        request: Request<Body>,
        upgrading: &Upgrading,
        place: impl FnOnce() -> Option<Place>,
    ) -> Response {
        let cross = cross_origin::headers(request.headers());
        let mut response = if request.method() == Method::OPTIONS {
            StatusCode::NO_CONTENT.into_response()
        } else {
            self.engine(request, upgrading, place).await
        };
        response.headers_mut().extend(cross);
        response
    }

    async fn engine(
        &self,
        mut request: Request<Body>,
        upgrading: &Upgrading,
        place: impl FnOnce() -> Option<Place>,
    ) -> Response {
        let query = request.uri().query().unwrap_or_default();
        let asked = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find_map(|(key, value)| (key == name).then_some(value))
        };
        if asked("EIO") != Some(VERSION) {
            self.tell_old(asked("EIO"));
            let mut response = refuse(
                StatusCode::BAD_REQUEST,
                r#"{"code":5,"message":"Unsupported protocol version"}"#,
            );
            let kind = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            return response;
        }
        let newcomer = asked("sid").is_none();
        if !upgrading.count_with(&self.lines) {
            return full();
        }
        let upgrade = if is_upgrade(request.headers()) {
            match create_response_with_body(&request, Body::empty) {
                Ok(response) => Some((response, hyper::upgrade::on(&mut request))),
                Err(_) => {
                    return refuse(StatusCode::BAD_REQUEST, "This is no WebSocket request.\n");
                }
            }
        } else {
            None
        };
        // The session keeps the request, and with it what it holds; so of the rest only what is needed.
        let (whole, body) = request.into_parts();
        let (mut parts, ()) = Request::new(()).into_parts();
        (parts.method, parts.uri) = (whole.method, whole.uri);
        if let Some(kind) = whole.headers.get(header::CONTENT_TYPE) {
            parts.headers.insert(header::CONTENT_TYPE, kind.clone());
        }
        let mut opened = None;
        if newcomer {
            let counted = match &upgrade {
                Some(_) => Some(None),
                None => upgrading.caller.count_socket().map(Some),
            };
            let (Some(counted), Some(place)) = (counted, place()) else {
                return full();
            };
            let session = Arc::new(self.sessions.begin(&self.limits, place, counted));
            parts.extensions.insert(session.clone());
            opened = Some(session);
        }
        if let Some((response, upgrade)) = upgrade {
            let request = Box::new(Request::from_parts(parts, ()));
            upgrading.set(upgrade, Purpose::SocketIo(request));
            return response;
        }
        let response = self.ask(Request::from_parts(parts, body)).await;
        match opened {
            Some(session) => session::name(&session, response).await,
            None => response,
        }
    }

    async fn ask(&self, request: Request<Body>) -> Response {
        let mut service = self.service.clone();
        let answered = self
            .handle
            .spawn(async move { service.call(request).await });
        match AbortOnDropHandle::new(answered).await {
            Ok(Ok(response)) => response.map(Body::new),
            // It was ended, with all of Socket.IO.
            _ => refuse(StatusCode::SERVICE_UNAVAILABLE, "The relay stops.\n"),
        }
    }

    /// Serves a WebSocket until it goes.
    pub(super) async fn serve(&self, stream: Stream, early: Vec<u8>, request: Request<()>) {
        let (line, gone) = Line::new(stream, early, &self.limits, &self.stop);
        let mut service = self.service.clone();
        let started = self.handle.spawn(async move {
            let done: Result<(), _> = service.call((line, request)).await;
            if let Err(error) = done {
                debug!("Socket.IO: {error}");
            }
        });
        // Where the runtime has ended already, the line has gone with it.
        let _ = started.await;
        gone.cancelled().await;
    }

    /// Ends all sessions, and all that runs for them. Clients take it for a broken connection, and come back to a
    /// relay that is started anew.
    pub(super) async fn end(&self, within: Duration) {
        self.stop.cancel();
        let ended = async {
            for id in self.sessions.end() {
                let uri = format!("{PATH}/?EIO={VERSION}&transport=polling&sid={id}");
                if let Ok(close) = Request::post(uri).body(Body::from(CLOSE)) {
                    self.ask(close).await;
                }
            }
            self.sessions.ended().await;
        };
        if timeout(within, ended).await.is_err() {
            debug!("clients of Socket.IO were cut off");
        }
        if let Some(runtime) = self.take_runtime() {
            // It waits for the thread, which waits for nothing.
            let _ = spawn_blocking(move || runtime.shutdown_timeout(within)).await;
        }
    }

    fn take_runtime(&self) -> Option<Runtime> {
        lock(&self.runtime).take()
    }

    fn tell_old(&self, version: Option<&str>) {
        let mut told = lock(&self.told);
        if told.is_some_and(|told| told.elapsed() < TELL_EVERY) {
            return;
        }
        *told = Some(Instant::now());
        let version: String = version.unwrap_or("none").chars().take(8).collect();
        warn!(
            ?version,
            "a page with an old client of Socket.IO was refused: version 3 of socket.io-client, or a later one, is needed"
        );
    }
}

impl fmt::Debug for SocketIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketIo").finish_non_exhaustive()
    }
}

impl Drop for SocketIo {
    fn drop(&mut self) {
        if let Some(runtime) = self.take_runtime() {
            runtime.shutdown_background();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
