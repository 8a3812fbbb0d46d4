//! Members of rooms, as many as a relay is to be burdened with.

use std::time::Duration;

use ahoy_contract::{
    Nonce, PublicKey, Signature, create_bytes,
    wire::{Role, RoomKind, VERSION},
};
use anyhow::{Context as _, Result, bail};
use ed25519_dalek::{Signer as _, SigningKey};
use futures_util::{SinkExt as _, StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

/// So long nothing takes, however much is going on.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many rooms are opened side by side.
const AT_ONCE: usize = 32;
/// What a member sends before it waits for as many.
const BATCH: u64 = 8;
/// The base64url of 32 bytes: what takes a mac's place.
const MAC: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// As long as a candidate is with what is around it.
const FILLING: usize = 180;

/// One member, and the other in its room.
pub(crate) struct Member {
    socket: WebSocketStream<TcpStream>,
    own: String,
    other: String,
    /// Whether the relay is told what arrived. The plain one would not know what to do with it.
    acks: bool,
}

/// Opens rooms of two; the first of each pair is the host.
pub(crate) async fn rooms(address: &str, count: usize, acks: bool) -> Result<Vec<Member>> {
    let pairs = stream::iter(0..count).map(|_| pair(address, acks));
    let mut pairs = pairs.buffer_unordered(AT_ONCE);
    let mut members = Vec::with_capacity(2 * count);
    while let Some(pair) = pairs.next().await {
        members.extend(pair?);
    }
    Ok(members)
}

/// Every member sends `each` signals, as fast as the relay hands them on. `each` is a multiple of 16.
pub(crate) async fn exchange(members: Vec<Member>, each: u64) -> Result<Vec<Member>> {
    let mut tasks = JoinSet::new();
    for mut member in members {
        tasks.spawn(async move {
            let mut seq = 0;
            let body = "x".repeat(FILLING);
            while seq < each {
                for _ in 0..BATCH {
                    seq += 1;
                    let text = member.signal(seq, &body);
                    member.socket.feed(text).await?;
                }
                member.socket.flush().await?;
                for _ in 0..BATCH {
                    member.heard().await?;
                }
                if seq.is_multiple_of(2 * BATCH) {
                    member.ack(seq).await?;
                }
            }
            Ok::<_, anyhow::Error>(member)
        });
    }
    let mut done = Vec::new();
    while let Some(member) = tasks.join_next().await {
        done.push(member??);
    }
    Ok(done)
}

/// Every member sends a signal each `interval` for as long as `time`; gives how long each took to the other.
pub(crate) async fn trickle(
    members: Vec<Member>,
    interval: Duration,
    time: Duration,
) -> Result<Vec<Duration>> {
    let start = Instant::now();
    let rounds = (time.as_nanos() / interval.as_nanos()) as u32;
    let count = members.len() as u32;
    let mut tasks = JoinSet::new();
    for (index, mut member) in members.into_iter().enumerate() {
        // Evenly spread, so that the relay's work is and not the clock's.
        let offset = interval * index as u32 / count;
        tasks.spawn(async move {
            let filling = "x".repeat(FILLING);
            let (mut sent, mut took) = (0, Vec::with_capacity(rounds as usize));
            let first = start + offset;
            while sent < rounds || took.len() < rounds as usize {
                tokio::select! {
                    () = sleep_until(first + interval * sent), if sent < rounds => {
                        sent += 1;
                        let now = start.elapsed().as_nanos();
                        let text = member.signal(sent.into(), &format!("{now:020}{filling}"));
                        member.socket.send(text).await?;
                        if sent.is_multiple_of(16) {
                            member.ack(took.len() as u64).await?;
                        }
                    }
                    text = member.heard() => {
                        let now = start.elapsed().as_nanos();
                        let text = text?;
                        let (_, body) = text.split_once(r#""body":""#).context("a body")?;
                        let then: u128 = body.get(..20).context("a time")?.parse()?;
                        took.push(Duration::from_nanos(now.saturating_sub(then) as u64));
                    }
                }
            }
            Ok::<_, anyhow::Error>(took)
        });
    }
    let mut all = Vec::new();
    while let Some(took) = tasks.join_next().await {
        all.extend(took??);
    }
    Ok(all)
}

async fn pair(address: &str, acks: bool) -> Result<[Member; 2]> {
    let (mut host, challenge) = Member::connect(address, acks).await?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("randomness")?;
    let signer = SigningKey::from_bytes(&seed);
    let key = PublicKey::new(signer.verifying_key().to_bytes());
    let (relay, nonce) = (format!("http://{address}"), Nonce::new([1; 16]));
    let bytes = create_bytes(&challenge, &relay, RoomKind::Call, &nonce);
    let proof = signer.sign(&bytes).to_bytes();
    host.say(&json!({
        "type": "create", "key": key, "proof": Signature::new(proof), "kind": RoomKind::Call, "capacity": 2,
        "knock": false, "name": "host", "nonce": nonce, "mac": MAC,
    }))
    .await?;
    let room = host.next_of("created").await?["room"].clone();
    host.next_of("room").await?;
    let (mut guest, _) = Member::connect(address, acks).await?;
    guest
        .say(&json!({
            "type": "join", "room": room, "role": Role::Caller, "name": "guest", "nonce": Nonce::new([2; 16]), "mac": MAC,
        }))
        .await?;
    guest.next_of("room").await?;
    host.next_of("room").await?;
    (host.other, guest.other) = (guest.own.clone(), host.own.clone());
    Ok([host, guest])
}

impl Member {
    async fn connect(address: &str, acks: bool) -> Result<(Self, Nonce)> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let small = WebSocketConfig::default()
            .read_buffer_size(1024)
            .write_buffer_size(1024);
        let url = format!("ws://{address}/ws");
        let (socket, _) = client_async_with_config(url, stream, Some(small)).await?;
        let mut member = Self {
            socket,
            own: String::new(),
            other: String::new(),
            acks,
        };
        member
            .say(&json!({ "type": "hello", "version": VERSION, "app": "ahoy-bench" }))
            .await?;
        let welcome = member.next_of("welcome").await?;
        member.own = welcome["peer"].as_str().context("an id")?.to_owned();
        let challenge = welcome["challenge"]
            .as_str()
            .context("a challenge")?
            .parse()?;
        Ok((member, challenge))
    }

    fn signal(&self, seq: u64, body: &str) -> Message {
        let to = &self.other;
        format!(r#"{{"type":"signal","to":"{to}","seq":{seq},"body":"{body}"}}"#).into()
    }

    async fn ack(&mut self, n: u64) -> Result<()> {
        if self.acks {
            self.say(&json!({ "type": "ack", "n": n })).await?;
        }
        Ok(())
    }

    async fn say(&mut self, message: &Value) -> Result<()> {
        self.socket.send(message.to_string().into()).await?;
        Ok(())
    }

    async fn heard(&mut self) -> Result<String> {
        let text = self.text().await?;
        if !text.starts_with(r#"{"type":"signal""#) {
            bail!("no signal but {text}");
        }
        Ok(text)
    }

    async fn next_of(&mut self, kind: &str) -> Result<Value> {
        let message: Value = serde_json::from_str(&self.text().await?)?;
        if message["type"] != kind {
            bail!("no {kind} but {message}");
        }
        Ok(message)
    }

    async fn text(&mut self) -> Result<String> {
        loop {
            match timeout(PATIENCE, self.socket.next())
                .await
                .context("the relay says nothing")?
            {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Ping(_))) => {}
                other => bail!("the socket has ended: {other:?}"),
            }
        }
    }
}
