//! A relay in between that cannot be trusted: it passes pages on as they are, and what goes over the
//! WebSocket only after a meddler has had it in hand.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use ahoy_contract::PublicKey;
use anyhow::{Context as _, Result};
use ed25519_dalek::SigningKey;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{
    WebSocketStream, accept_async, connect_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the client to the relay.
    Up,
    /// From the relay to the client.
    Down,
}

/// Has each message in hand, and gives what goes on in its place.
pub type Meddler = dyn Fn(Way, Value) -> Vec<Value> + Send + Sync;

/// A running relay in between.
pub struct HostileRelay {
    address: SocketAddr,
    upstream: String,
    meddled: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl HostileRelay {
    /// Starts one in front of the relay at `upstream` (`http://127.0.0.1:PORT`), which takes itself for the one that
    /// clients reach: a relay whose operator is hostile.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(upstream: &str, meddler: Box<Meddler>) -> Result<Self> {
        Self::run(upstream, meddler, true).await
    }

    /// Starts one that changes nothing, in front of an honest relay of somebody else's.
    ///
    /// # Errors
    /// No port is free.
    pub async fn forwarding(upstream: &str) -> Result<Self> {
        Self::run(upstream, honest(), false).await
    }

    async fn run(upstream: &str, meddler: Box<Meddler>, owns: bool) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let target = upstream
            .strip_prefix("http://")
            .context("the relay behind is spoken to without TLS")?
            .to_owned();
        let meddled = Arc::new(AtomicUsize::new(0));
        let count = meddled.clone();
        let meddler: Arc<Meddler> = Arc::from(meddler);
        let counted: Arc<Meddler> = Arc::new(move |way, message: Value| {
            let out = meddler(way, message.clone());
            if out != [message] {
                count.fetch_add(1, Ordering::Relaxed);
            }
            out
        });
        let own = address.to_string();
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (target, meddler, own) = (target.clone(), counted.clone(), own.clone());
                // A connection that breaks is the clients' affair.
                tokio::spawn(async move {
                    let host = if owns { own.clone() } else { target.clone() };
                    serve(socket, &target, &host, &*meddler).await
                });
            }
        });
        Ok(Self {
            address,
            upstream: upstream.to_owned(),
            meddled,
            task,
        })
    }

    /// The link as it leads through this relay.
    pub fn through(&self, link: &str) -> String {
        link.replace(&self.upstream, &self.url())
    }

    /// Its own address, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many messages the meddler has changed, dropped or multiplied.
    pub fn meddled(&self) -> usize {
        self.meddled.load(Ordering::Relaxed)
    }
}

impl Drop for HostileRelay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

// `host` is the name that the relay behind is called by.
async fn serve(mut socket: TcpStream, target: &str, host: &str, meddler: &Meddler) -> Result<()> {
    let mut start = [0; 7];
    while socket.peek(&mut start).await? < start.len() {
        tokio::task::yield_now().await;
    }
    if &start != b"GET /ws" {
        let mut behind = TcpStream::connect(target).await?;
        tokio::io::copy_bidirectional(&mut socket, &mut behind).await?;
        return Ok(());
    }
    let client = accept_async(socket).await?;
    let mut request = format!("ws://{target}/ws").into_client_request()?;
    let headers = request.headers_mut();
    headers.insert("host", host.parse()?);
    headers.insert("origin", format!("http://{host}").parse()?);
    let (relay, _) = connect_async(request).await?;
    let (client_out, client_in) = client.split();
    let (relay_out, relay_in) = relay.split();
    let up = pass(Way::Up, client_in, relay_out, meddler);
    let down = pass(Way::Down, relay_in, client_out, meddler);
    tokio::pin!(up, down);
    // Whichever side ends first ends the other. But a client that takes nothing any more may have said its last words, and
    // they are still to be read.
    let ended = tokio::select! {
        ended = &mut up => return ended.result(),
        ended = &mut down => ended,
    };
    match ended {
        Ended::Heard(result) => result,
        Ended::Deaf => up.await.result(),
    }
}

/// Why nothing is passed on any more.
enum Ended {
    /// Nothing comes, or what came was no message.
    Heard(Result<()>),
    /// Nothing is taken.
    Deaf,
}

impl Ended {
    fn result(self) -> Result<()> {
        match self {
            Self::Heard(result) => result,
            Self::Deaf => Ok(()),
        }
    }
}

async fn pass<A, B>(
    way: Way,
    mut from: futures_util::stream::SplitStream<WebSocketStream<A>>,
    mut to: futures_util::stream::SplitSink<WebSocketStream<B>, Message>,
    meddler: &Meddler,
) -> Ended
where
    A: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    B: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    while let Some(message) = from.next().await {
        let passed = match message {
            Ok(Message::Text(text)) => match serde_json::from_str(text.as_str()) {
                Ok(parsed) => meddler(way, parsed)
                    .into_iter()
                    .map(|message| Message::text(message.to_string()))
                    .collect(),
                Err(error) => return Ended::Heard(Err(error.into())),
            },
            Ok(Message::Close(frame)) => vec![Message::Close(frame)],
            // Each side answers pings itself.
            Ok(_) => vec![],
            Err(error) => return Ended::Heard(Err(error.into())),
        };
        for message in passed {
            let last = message.is_close();
            if to.send(message).await.is_err() {
                return Ended::Deaf;
            }
            if last {
                return Ended::Heard(Ok(()));
            }
        }
    }
    Ended::Heard(Ok(()))
}

/// Changes nothing.
pub fn honest() -> Box<Meddler> {
    Box::new(|_, message| vec![message])
}

/// Shows nobody the room: who joins is not told who is in it.
pub fn silent() -> Box<Meddler> {
    Box::new(|way, message| {
        if way == Way::Down && message["type"] == "room" {
            return vec![];
        }
        vec![message]
    })
}

/// Does not answer the first time that it is asked what a room is for.
pub fn slow_to_say() -> Box<Meddler> {
    let asked = AtomicUsize::new(0);
    Box::new(move |way, message| {
        let is_asked = way == Way::Up && message["type"] == "look";
        if is_asked && asked.fetch_add(1, Ordering::Relaxed) == 0 {
            return vec![];
        }
        vec![message]
    })
}

/// Does not know the question what a room is for, as a relay of before.
pub fn old() -> Box<Meddler> {
    Box::new(|way, message| {
        if way == Way::Down && message["type"] == "found" {
            return vec![json!({"type": "error", "code": "bad_message", "message": ""})];
        }
        vec![message]
    })
}

/// Changes one byte of the encrypted body of each signal that goes this way.
pub fn change_signals(which: Way) -> Box<Meddler> {
    Box::new(move |way, mut message| {
        if way == which
            && message["type"] == "signal"
            && let Some(body) = message["body"].as_str()
        {
            let (head, tail) = body.split_at(body.len() / 2);
            let other = if tail.starts_with('A') { "B" } else { "A" };
            message["body"] = format!("{head}{other}{}", &tail[1..]).into();
        }
        vec![message]
    })
}

/// Sends each signal that goes this way twice.
pub fn replay(which: Way) -> Box<Meddler> {
    Box::new(move |way, message| {
        if way == which && message["type"] == "signal" {
            vec![message.clone(), message]
        } else {
            vec![message]
        }
    })
}

/// Gives itself out as the host: the roster that goes down names a key of its own.
pub fn pose_as_host() -> Box<Meddler> {
    let own = SigningKey::from_bytes(&[7; 32]);
    let key = PublicKey::new(own.verifying_key().to_bytes()).to_text();
    Box::new(move |way, mut message| {
        if way == Way::Down && message["type"] == "room" && message["host"].is_object() {
            message["host"]["key"] = key.clone().into();
        }
        vec![message]
    })
}

/// Gives another name to the host (`"host"`), or to each guest (`"peers"`), in the rosters that go down.
pub fn rename(whom: &'static str) -> Box<Meddler> {
    Box::new(move |way, mut message| {
        if way == Way::Down && message["type"] == "room" {
            let members = match &mut message[whom] {
                Value::Array(peers) => peers.iter_mut().collect(),
                Value::Null => vec![],
                host => vec![host],
            };
            for member in members {
                member["name"] = "Mallory".into();
            }
        }
        vec![message]
    })
}

/// The link with another secret: of somebody who knows the room and not the link.
pub fn with_other_secret(link: &str) -> String {
    let (address, secret) = link.split_once('#').unwrap_or((link, ""));
    let other = if secret.starts_with('A') { "B" } else { "A" };
    format!("{address}#{other}{}", secret.get(1..).unwrap_or_default())
}

/// Takes the host's signature off each signal that goes down, as a viewer would who knows the link and poses as the host.
pub fn unsigned() -> Box<Meddler> {
    Box::new(|way, mut message| {
        if way == Way::Down
            && message["type"] == "signal"
            && let Some(signal) = message.as_object_mut()
        {
            signal.remove("sig");
        }
        vec![message]
    })
}
