//! The lobby: a meeting place for pages that speak the dialects of before, where the operator wants one.
//!
//! It mixes strangers and authenticates nothing: what one says goes to all others as it came. Pages of any site
//! may come. It has its own clients, limits and paths, and shares no room, peer or message with `rooms`.
//!
//! - A WebSocket at the root path, or at any other that is not the relay's own, is a client of the `hall`, served by
//!   `socket`: a broadcast of text, except where `address` finds for whom a text is meant. `pace` slows down who
//!   sends too fast.
//! - `/socket.io` is Socket.IO, in `socketio`, where two kinds of events go to everybody; `line` bounds what one of
//!   its WebSockets takes. The two halves hear nothing of each other.

mod address;
mod hall;
mod line;
mod pace;
mod socket;
mod socketio;

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_util::sync::CancellationToken;
use tracing::debug;

pub(crate) use self::hall::Client;
use self::{hall::Hall, socketio::SocketIo};
use crate::{
    config::Limits,
    connection::{Purpose, Stream, Upgrading},
    error::RelayError,
};

/// The relay's own paths, at which no client of the lobby is served.
const NATIVE: [&str; 4] = ["/ws", "/r", "/assets", "/healthz"];

/// What a client of the lobby holds for as long as it is one.
pub(crate) type Place = OwnedSemaphorePermit;

/// The meeting place of all who speak a dialect.
#[derive(Debug)]
pub(crate) struct Lobby {
    limits: Limits,
    places: Arc<Semaphore>,
    hall: Arc<Hall>,
    socketio: SocketIo,
    stop: CancellationToken,
}

/// Tells how many clients a lobby has.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    all: usize,
}

impl Lobby {
    /// An empty lobby, whose WebSockets end at `stop`.
    ///
    /// # Errors
    /// [`RelayError::Thread`] when the system has no thread for it.
    pub(crate) fn new(limits: Limits, stop: CancellationToken) -> Result<Self, RelayError> {
        Ok(Self {
            limits,
            places: Arc::new(Semaphore::new(all(&limits))),
            hall: Arc::new(Hall::new(
                limits.lobby_messages_per_second,
                limits.lobby_message_burst,
            )),
            socketio: SocketIo::new(&limits)?,
            stop,
        })
    }

    /// What tells how many clients there are.
    pub(crate) fn places(&self) -> Places {
        Places {
            free: self.places.clone(),
            all: all(&self.limits),
        }
    }

    /// Whether a request is for the lobby, and not for the relay's own pages and sockets.
    pub(crate) fn is_meant<B>(request: &Request<B>) -> bool {
        let path = request.uri().path();
        socketio::is_path(path)
            || (is_upgrade(request.headers()) && !NATIVE.iter().any(|own| is_below(path, own)))
    }

    /// Answers a request that is meant for the lobby.
    pub(crate) async fn answer(&self, request: Request<Body>, upgrading: &Upgrading) -> Response {
        if socketio::is_path(request.uri().path()) {
            return self
                .socketio
                .answer(request, upgrading, || self.place())
                .await;
        }
        self.upgrade(request, upgrading)
    }

    /// Serves a client of the hall until it goes. `crowded`: its address has too many sockets.
    pub(crate) async fn serve(
        &self,
        stream: Stream,
        early: Vec<u8>,
        client: Client,
        crowded: bool,
    ) {
        let socket = socket::open(stream, early).await;
        socket::run(socket, client, &self.limits, &self.stop, crowded).await;
    }

    /// Serves a WebSocket of Socket.IO until it goes.
    pub(crate) async fn serve_socketio(
        &self,
        stream: Stream,
        early: Vec<u8>,
        request: Request<()>,
    ) {
        self.socketio.serve(stream, early, request).await;
    }

    /// Ends Socket.IO with all that runs for it.
    pub(crate) async fn end(&self, within: Duration) {
        self.socketio.end(within).await;
    }

    fn place(&self) -> Option<Place> {
        let place = self.places.clone().try_acquire_owned().ok();
        if place.is_none() {
            debug!("the lobby is full");
        }
        place
    }

    fn upgrade(&self, mut request: Request<Body>, upgrading: &Upgrading) -> Response {
        let Ok(mut response) = create_response_with_body(&request, Body::empty) else {
            return refuse(StatusCode::BAD_REQUEST, "This is no WebSocket request.\n");
        };
        let Some(place) = self.place() else {
            return full();
        };
        // A browser that has offered protocols gives up when none of them is taken (RFC 6455 §4.1).
        let offered = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
        let first = offered
            .and_then(|offered| offered.to_str().ok()?.split(',').next())
            .and_then(|first| HeaderValue::from_str(first.trim()).ok());
        if let Some(first) = first {
            response
                .headers_mut()
                .insert(header::SEC_WEBSOCKET_PROTOCOL, first);
        }
        // It is there before it can know: what another says to it then is heard.
        let client = Box::new(self.hall.enter(place));
        upgrading.set(hyper::upgrade::on(&mut request), Purpose::Lobby(client));
        response
    }
}

impl Places {
    /// How many clients there are.
    pub(crate) fn taken(&self) -> usize {
        self.all - self.free.available_permits().min(self.all)
    }
}

fn all(limits: &Limits) -> usize {
    limits.lobby_clients.min(Semaphore::MAX_PERMITS)
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    let named = headers.get_all(header::UPGRADE).iter();
    named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|name| name.trim().eq_ignore_ascii_case("websocket"))
}

fn full() -> Response {
    refuse(
        StatusCode::SERVICE_UNAVAILABLE,
        "The lobby is full: try again in a moment.\n",
    )
}

fn refuse(status: StatusCode, text: &'static str) -> Response {
    (status, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relays_own_paths_are_not_the_lobbys() {
        for (path, upgrade, meant) in [
            ("/", true, true),
            ("/", false, false),
            ("/signal/room?id=7", true, true),
            ("/wss", true, true),
            ("/ws", true, false),
            ("/ws/", true, false),
            ("/r/abc", true, false),
            ("/assets/x.js", true, false),
            ("/healthz", true, false),
            ("/other", false, false),
            ("/socket.io", false, true),
            ("/socket.io/?EIO=4&transport=polling", false, true),
            ("/socket.io/", true, true),
            ("/socket.iox", false, false),
        ] {
            let mut request = Request::get(path);
            if upgrade {
                request = request.header("upgrade", "h2c, WebSocket");
            }
            let request = request.body(()).unwrap();
            assert_eq!(Lobby::is_meant(&request), meant, "{path} {upgrade}");
        }
    }
}
