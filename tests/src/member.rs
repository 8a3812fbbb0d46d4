//! A member of a room that speaks the protocol itself, so that it can say what no Ahoy would. It makes its proofs by
//! the letter of the contract, with none of the engine's code.

use std::collections::HashMap;

use ahoy_contract::{
    JOIN_KEY_INFO, Link, Nonce, PeerId, SIGNAL_KEY_INFO, id::Mac, join_bytes, signal_context,
    wire::VERSION,
};
use anyhow::{Context as _, Result, bail, ensure};
use chacha20poly1305::{
    XChaCha20Poly1305,
    aead::{Aead as _, KeyInit as _, Payload},
};
use data_encoding::BASE64URL_NOPAD;
use futures_util::{SinkExt as _, StreamExt as _};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
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
        let hello = json!({ "type": "hello", "version": VERSION, "app": "scenario" });
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
        self.say_join(link, name).await?;
        self.next_of("room").await?;
        Ok(())
    }

    /// Asks to join the room of a link. The proof is made with the link's secret, so a link with another secret gives a
    /// wrong one.
    ///
    /// # Errors
    /// `hello` was not said, or the socket is closed.
    pub async fn say_join(&mut self, link: &str, name: &str) -> Result<()> {
        let link: Link = link.parse()?;
        let (me, nonce) = self.me.as_ref().context("`hello` comes first")?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key(&link, JOIN_KEY_INFO)?)?;
        mac.update(&join_bytes(&link.room, me, nonce, name));
        let mac = Mac::new(mac.finalize().into_bytes().into());
        let join = json!({
            "type": "join", "room": link.room.as_str(), "role": "caller", "name": name, "nonce": nonce.to_text(),
            "mac": mac.to_text(),
        });
        self.link = Some(link);
        self.say(join.to_string()).await
    }

    /// Sends a signal that is encrypted as it should be, whatever its body.
    ///
    /// # Errors
    /// The addressee is not in the room, or the socket is closed.
    pub async fn signal(&mut self, to: &str, body: &str) -> Result<()> {
        let link = self.link.as_ref().context("`join` comes first")?;
        let (me, own) = self.me.as_ref().context("`hello` comes first")?;
        let to: PeerId = to.parse()?;
        let other = self.others.get(&to).context("not in the room")?;
        self.sent += 1;
        let context = signal_context(&link.room, (me, own), (&to, other), self.sent);
        let payload = Payload {
            msg: body.as_bytes(),
            aad: &context,
        };
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce)?;
        let sealed = XChaCha20Poly1305::new(&key(link, SIGNAL_KEY_INFO)?.into())
            .encrypt(&nonce.into(), payload)
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        let body = BASE64URL_NOPAD.encode(&[&nonce[..], &sealed].concat());
        let signal = json!({ "type": "signal", "to": to.as_str(), "seq": self.sent, "body": body });
        self.say(signal.to_string()).await
    }
}

impl Member {
    /// Decrypts the body of a signal that came for this member.
    ///
    /// # Errors
    /// It is not from a member of the room, or was not made for this one.
    pub fn open(&self, signal: &Value) -> Result<Value> {
        let link = self.link.as_ref().context("`join` comes first")?;
        let (me, own) = self.me.as_ref().context("`hello` comes first")?;
        let from: PeerId = signal["from"].as_str().context("a sender")?.parse()?;
        let other = self.others.get(&from).context("not in the room")?;
        let seq = signal["seq"].as_u64().context("a number")?;
        let body = signal["body"].as_str().context("a body")?;
        let sealed = BASE64URL_NOPAD.decode(body.as_bytes())?;
        let (nonce, sealed) = sealed.split_first_chunk::<24>().context("a nonce")?;
        let context = signal_context(&link.room, (&from, other), (me, own), seq);
        let payload = Payload {
            msg: sealed,
            aad: &context,
        };
        let text = XChaCha20Poly1305::new(&key(link, SIGNAL_KEY_INFO)?.into())
            .decrypt(&(*nonce).into(), payload)
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(serde_json::from_slice(&text)?)
    }
}

/// Draws a key from the secret of a link.
fn key(link: &Link, info: &[u8]) -> Result<[u8; 32]> {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(Some(link.room.as_str().as_bytes()), link.secret.as_bytes())
        .expand(info, &mut key)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(key)
}
