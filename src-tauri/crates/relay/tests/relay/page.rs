//! A page of another site, as it speaks with the lobby.

use std::time::Duration;

use ahoy_relay::{Config, Limits};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, StatusCode, header};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message, client::IntoClientRequest as _, protocol::frame::coding::CloseCode,
    },
};

use crate::client::{PATIENCE, Running};

/// A WebSocket that says what it is told to, in whatever dialect.
pub(crate) struct Page {
    pub(crate) socket: WebSocketStream<TcpStream>,
    /// The protocol that the relay took.
    pub(crate) protocol: Option<String>,
}

/// What the operator of a lobby has decided.
pub(crate) fn lobby(change: impl FnOnce(&mut Limits)) -> Config {
    let mut config = Config {
        lobby: true,
        ..Config::default()
    };
    change(&mut config.limits);
    config
}

impl Page {
    /// A page of some site, with its socket at the root path.
    pub(crate) async fn open(relay: &Running) -> Self {
        Self::at(relay, "/").await.unwrap()
    }

    /// The same at another path, or the status with which it was refused.
    pub(crate) async fn at(relay: &Running, path: &str) -> Result<Self, StatusCode> {
        Self::with(relay, path, "https://pages.example.org", None).await
    }

    pub(crate) async fn with(
        relay: &Running,
        path: &str,
        origin: &str,
        protocols: Option<&str>,
    ) -> Result<Self, StatusCode> {
        let url = format!("ws://{}{path}", relay.address);
        let mut request = url.into_client_request().unwrap();
        let mut set = |name, value: &str| {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().insert(name, value);
        };
        set(header::ORIGIN, origin);
        if let Some(protocols) = protocols {
            set(header::SEC_WEBSOCKET_PROTOCOL, protocols);
        }
        let opened = client_async(request, relay.tcp().await);
        match timeout(PATIENCE, opened).await.expect("no answer") {
            Ok((socket, response)) => {
                let protocol = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
                let protocol = protocol.map(|name| name.to_str().unwrap().to_owned());
                Ok(Self { socket, protocol })
            }
            Err(Error::Http(response)) => Err(response.status()),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn say(&mut self, text: impl Into<String>) {
        let text: String = text.into();
        self.socket.send(Message::Text(text.into())).await.unwrap();
    }

    /// The next text; pings are passed over.
    pub(crate) async fn hear(&mut self) -> String {
        loop {
            match timeout(PATIENCE, self.socket.next())
                .await
                .expect("nothing is said")
            {
                Some(Ok(Message::Text(text))) => return text.to_string(),
                Some(Ok(Message::Ping(_))) => {}
                other => panic!("no text but {other:?}"),
            }
        }
    }

    /// Reads until the end; the code of the close, where one came.
    pub(crate) async fn closed(&mut self) -> Option<CloseCode> {
        let mut code = None;
        loop {
            match timeout(PATIENCE, self.socket.next())
                .await
                .expect("it is not closed")
            {
                Some(Ok(Message::Close(frame))) => code = frame.map(|frame| frame.code),
                Some(Ok(_)) => {}
                None | Some(Err(_)) => return code,
            }
        }
    }
}

/// Waits until the lobby has so many clients.
pub(crate) async fn clients(relay: &Running, count: usize) {
    let waited = async {
        while relay.handle.counts().lobby != count {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waited)
        .await
        .unwrap_or_else(|_| panic!("{} and not {count}", relay.handle.counts().lobby));
}
