//! Pictures for the window, over a WebSocket on loopback: the way into a web view that costs least.
//!
//! Runs on tokio; scaling runs on its blocking threads. The messages are those of
//! [`ahoy_contract::video`].

mod greeting;
mod picture;
mod session;
mod tracks;

#[cfg(test)]
mod tests;

use std::{io, net::Ipv4Addr, sync::Arc, time::Duration};

use ahoy_contract::video::VideoEndpoint;
use data_encoding::BASE64URL_NOPAD;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    accept_hdr_async_with_config,
    tungstenite::{
        handshake::server::{ErrorResponse, Request, Response},
        http::{HeaderMap, StatusCode, header},
        protocol::WebSocketConfig,
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

pub(crate) use tracks::{Pictures, Tracks};

use greeting::Asked;
use session::SessionError;

/// The most sockets at once: a call has eight members, and there are 24 parts of the screen to choose from; a window that
/// is laid out anew may hold two for each for a moment. One more is closed at once.
const MAX_SOCKETS: usize = 64;

/// The longest message of the window, in bytes; its longest is the first one, some hundred.
const MAX_MESSAGE: usize = 1024;

/// After an accept that failed for want of descriptors, trying again at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The listening end.
pub(crate) struct VideoServer {
    listener: TcpListener,
    port: u16,
    token: Arc<str>,
    dev: bool,
}

impl VideoServer {
    /// Listens on a free port of loopback. With `dev` the page of Vite is let in too.
    pub(crate) async fn bind(dev: bool) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let mut token = [0; 16];
        getrandom::fill(&mut token).map_err(io::Error::other)?;
        Ok(Self {
            listener,
            port,
            token: BASE64URL_NOPAD.encode(&token).into(),
            dev,
        })
    }

    /// What the window needs to come here.
    pub(crate) fn endpoint(&self) -> VideoEndpoint {
        VideoEndpoint {
            url: format!("ws://127.0.0.1:{}/", self.port),
            token: self.token.to_string(),
        }
    }

    /// Serves until told to stop, and ends when all sockets have.
    pub(crate) async fn run(self, tracks: watch::Receiver<Tracks>, stop: CancellationToken) {
        let sockets = TaskTracker::new();
        let places = Arc::new(Semaphore::new(MAX_SOCKETS));
        while let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await {
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!("a socket for pictures was not accepted: {error}");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                warn!("more than {MAX_SOCKETS} sockets for pictures");
                continue;
            };
            let serve = serve(
                stream,
                self.port,
                self.dev,
                Arc::clone(&self.token),
                tracks.clone(),
            );
            let stop = stop.clone();
            sockets.spawn(async move {
                if let Some(Err(error)) = stop.run_until_cancelled(serve).await {
                    debug!("a socket for pictures was closed: {error}");
                }
                drop(place);
            });
        }
        sockets.close();
        sockets.wait().await;
    }
}

async fn serve(
    stream: TcpStream,
    port: u16,
    dev: bool,
    token: Arc<str>,
    tracks: watch::Receiver<Tracks>,
) -> Result<(), SessionError> {
    // A picture is one write; waiting for more would only delay it.
    let _ = stream.set_nodelay(true);
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    // The library's callback has its error by value.
    #[expect(clippy::result_large_err, reason = "the type is the library's")]
    let admit = move |request: &Request, response: Response| {
        let asked = Asked {
            path: request.uri().path(),
            host: only(request.headers(), header::HOST.as_str()),
            origin: only(request.headers(), header::ORIGIN.as_str()),
        };
        match greeting::admit(&asked, port, dev) {
            Ok(()) => Ok(response),
            Err(refusal) => {
                debug!("a socket for pictures was refused: {refusal}");
                let mut response = ErrorResponse::new(None);
                *response.status_mut() = StatusCode::FORBIDDEN;
                Err(response)
            }
        }
    };
    let handshake = accept_hdr_async_with_config(stream, admit, Some(config));
    let socket = timeout(session::HELLO_PATIENCE, handshake)
        .await
        .map_err(|_| SessionError::Silent)??;
    session::run(socket, token, tracks).await
}

/// A header's value where it stands exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
