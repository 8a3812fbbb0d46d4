//! A member of a room that speaks the protocol itself, so that it can say what no Ahoy would. It makes its proofs by
//! the letter of the contract, with none of the engine's code.

use std::collections::HashMap;

use ahoy_contract::{Link, Nonce, PeerId, signed_bytes};
use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use crate::SOON;

/// A socket to a relay, and what the relay has said about the room.
pub struct Member {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    me: Option<(PeerId, Nonce)>,
    link: Option<Link>,
    others: HashMap<PeerId, Nonce>,
    sent: u64,
}

impl Member {
    /// Opens a socket to a relay (`http://127.0.0.1:PORT`) without a word.
    ///
    /// # Errors
    /// The relay refuses the socket.
    pub async fn connect(relay: &str) -> Result<Self> {
        let target = relay
            .strip_prefix("http://")
            .context("a relay without TLS")?;
        let mut request = format!("ws://{target}/ws").into_client_request()?;
        request.headers_mut().insert("origin", relay.parse()?);
        let (socket, _) = timeout(SOON, connect_async(request)).await??;
        Ok(Self {
            socket,
            me: None,
            link: None,
            others: HashMap::new(),
            sent: 0,
        })
    }

    /// Sends text as it is.
    ///
    /// # Errors
    /// The socket is closed.
    pub async fn say(&mut self, text: impl Into<String>) -> Result<()> {
        Ok(self.socket.send(Message::text(text.into())).await?)
    }

    /// The next message; keeps the room's roster in mind.
    ///
    /// # Errors
    /// The relay closed the socket, or says nothing.
    pub async fn next(&mut self) -> Result<Value> {
        loop {
            let message = timeout(SOON, self.socket.next())
                .await?
                .context("closed")??;
            let text = match message {
                Message::Text(text) => text,
                Message::Close(_) => bail!("closed"),
                _ => continue,
            };
            let message: Value = serde_json::from_str(text.as_str())?;
            if message["type"] == "room" {
                self.others.clear();
                let peers = message["peers"].as_array().into_iter().flatten();
                for member in peers.chain(message["host"].is_object().then_some(&message["host"])) {
                    let text = |key: &str| member[key].as_str().unwrap_or_default();
                    self.others
                        .insert(text("peer").parse()?, text("nonce").parse()?);
                }
            }
            return Ok(message);
        }
    }

    /// The next message of this type; others are passed over.
    ///
    /// # Errors
    /// The relay closed the socket, or none comes.
    pub async fn next_of(&mut self, kind: &str) -> Result<Value> {
        loop {
            let message = self.next().await?;
            if message["type"] == kind {
                return Ok(message);
            }
            ensure!(message["type"] != "error", "instead of {kind}: {message}");
        }
    }

    /// Says `hello` and takes the `welcome`.
    ///
    /// # Errors
    /// The relay refuses.
    pub async fn hello(&mut self) -> Result<()> {
        let hello = json!({ "type": "hello", "version": 1, "app": "scenario" });
        self.say(hello.to_string()).await?;
        let welcome = self.next_of("welcome").await?;
        let peer = welcome["peer"].as_str().unwrap_or_default().parse()?;
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce)?;
        self.me = Some((peer, Nonce::new(nonce)));
        Ok(())
    }

    /// Joins the room of a link and takes its roster.
    ///
    /// # Errors
    /// The relay refuses.
    pub async fn join(&mut self, link: &str, name: &str) -> Result<()> {
        let link: Link = link.parse()?;
        let (_, nonce) = self.me.as_ref().context("`hello` comes first")?;
        let join = json!({
            "type": "join", "room": link.room.as_str(), "role": "caller", "name": name, "nonce": nonce.to_text(),
        });
        self.say(join.to_string()).await?;
        self.next_of("room").await?;
        self.link = Some(link);
        Ok(())
    }

    /// Sends a signal with a true `mac`, whatever its body.
    ///
    /// # Errors
    /// The addressee is not in the room, or the socket is closed.
    pub async fn signal(&mut self, to: &str, body: &str) -> Result<()> {
        let link = self.link.as_ref().context("`join` comes first")?;
        let (me, nonce) = self.me.as_ref().context("`hello` comes first")?;
        let to: PeerId = to.parse()?;
        let other = self.others.get(&to).context("not in the room")?;
        self.sent += 1;
        let bytes = signed_bytes(&link.room, (me, nonce), (&to, other), self.sent, body);
        let mut key = [0; 32];
        let room = link.room.as_str().as_bytes();
        Hkdf::<Sha256>::new(Some(room), link.secret.as_bytes())
            .expand(b"ahoy-v1 signal", &mut key)
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key)?;
        mac.update(&bytes);
        let mac = ahoy_contract::id::Mac::new(mac.finalize().into_bytes().into());
        let signal = json!({
            "type": "signal", "to": to.as_str(), "seq": self.sent, "body": body, "mac": mac.to_text(),
        });
        self.say(signal.to_string()).await
    }
}
