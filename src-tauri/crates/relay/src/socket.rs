//! One WebSocket, from the upgrade to its end: a single task that reads, writes and keeps the time.

mod budget;

use std::{sync::Arc, time::Duration};

use ahoy_contract::{
    ErrorCode, Nonce,
    wire::{MAX_MESSAGE_BYTES, RelayMessage},
};
use futures_util::{SinkExt as _, StreamExt as _};
use socket2::SockRef;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{Role, WebSocketConfig, frame::coding::CloseCode},
    },
};
use tokio_util::either::Either;
use tracing::debug;

use self::budget::MESSAGE;
use crate::{
    address::Caller,
    config::{Config, Limits},
    connection::{Names, Shared, Stream},
    ending::{End, busy, close},
    error::RelayError,
    flow::Flow,
    hub::{Closed, Hub},
    outbox::{Next, Outbox},
    page::Site,
    request::{Refusal, Request},
    rooms::{Action, Hello, SocketId, text_of},
    token::{TOKEN_BYTES, Token},
};

/// Each socket holds a buffer of this size for reading, so it decides what an idle socket costs. Most
/// messages, single candidates, fit.
const READ_BUFFER: usize = 1024;
/// How much is written together when several messages wait. The buffer keeps the size that it once
/// had, so this counts for an idle socket too.
const WRITE_BUFFER: usize = 1024;
/// How much the system takes for a client that does not take it yet. What waits there has no order but that in which it
/// came: the less, the sooner a signal passes those that somebody else sends too many of.
const SEND_BUFFER: usize = 32 * 1024;
/// So much is written at a time: each part may take as long as a socket may stall.
pub(crate) const PART: usize = 64 * 1024;
/// A WebSocket, over whatever it came.
pub(crate) type Socket = WebSocketStream<Stream>;

/// The client of a socket, as its connection showed it.
pub(crate) struct Client<'a> {
    /// Where it is.
    pub(crate) caller: &'a Caller,
    pub(crate) names: Box<Names>,
}

/// Serves an upgraded connection until it ends. `early` is what came behind the upgrade request;
/// `crowded`: there are too many sockets from where the `client` is.
pub(crate) async fn run(
    stream: Stream,
    early: Vec<u8>,
    shared: &Shared,
    client: Client<'_>,
    crowded: bool,
) {
    let settings = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER + 2 * MAX_MESSAGE_BYTES)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    bound_send_buffer(&stream);
    let mut socket =
        WebSocketStream::from_partially_read(stream, early, Role::Server, Some(settings)).await;
    let end = if crowded {
        let refusal = Refusal::new(
            ErrorCode::RateLimited,
            "There are too many sockets from your address, or they come too fast: wait a minute.",
        );
        End::Refused(refusal, CloseCode::Again)
    } else {
        match Session::new(shared, client) {
            Ok(mut session) => session.run(&mut socket).await,
            Err(end) => end,
        }
    };
    // Boxed: it is rare and short, and would make the task of every socket larger.
    Box::pin(close(socket, end)).await;
}

/// What is known of a socket while it is open. Dropped, it tells the hub that the socket is no more.
struct Session<'a> {
    hub: &'a Hub,
    config: &'a Config,
    site: &'a Site,
    client: Client<'a>,
    id: SocketId,
    outbox: Arc<Outbox>,
    challenge: Nonce,
    greeted: bool,
    /// The `welcome` brought a token in exchange for another, and nothing shows yet that it arrived.
    unconfirmed: bool,
    /// It is the host of a broadcast.
    broadcasts: bool,
    /// As much may wait for it as for such a host.
    wide: bool,
    flow: Flow,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.hub.leave(self.id);
    }
}

impl<'a> Session<'a> {
    fn new(shared: &'a Shared, client: Client<'a>) -> Result<Self, End> {
        let (hub, config) = (&*shared.hub, &*shared.config);
        let challenge = random().map(Nonce::new).map_err(|error| {
            tracing::error!("{error}");
            busy("The relay cannot make a challenge now.")
        })?;
        let (id, outbox) = hub.enter().map_err(|closed| match closed {
            Closed::Full => busy("The relay has as many sockets as it may."),
            Closed::Stopping => End::Stopping,
        })?;
        let Limits {
            messages_per_second,
            message_burst,
            ..
        } = config.limits;
        let flow = Flow::new(
            messages_per_second.saturating_mul(MESSAGE),
            message_burst.saturating_mul(MESSAGE),
            hub.now(),
        );
        Ok(Self {
            hub,
            config,
            site: &shared.site,
            client,
            id,
            outbox,
            challenge,
            greeted: false,
            unconfirmed: false,
            broadcasts: false,
            wide: false,
            flow,
        })
    }

    async fn run(&mut self, socket: &mut Socket) -> End {
        let limits = &self.config.limits;
        let mut unanswered = 0;
        let timer = sleep_until(Instant::now() + limits.hello);
        tokio::pin!(timer);
        loop {
            if let Err(end) = self.write(socket).await {
                return end;
            }
            tokio::select! {
                biased;
                message = socket.next() => {
                    unanswered = 0;
                    self.confirm(&message);
                    let greeted = self.greeted;
                    if let Err(end) = self.take(message) {
                        return end;
                    }
                    if self.greeted && !greeted {
                        // The answer to a ping shows that the welcome before it arrived.
                        let wait = if self.unconfirmed { Duration::ZERO } else { limits.ping };
                        timer.as_mut().reset(Instant::now() + wait);
                    }
                }
                () = self.outbox.changed() => {}
                () = timer.as_mut() => {
                    if !self.greeted {
                        let refusal = Refusal::new(ErrorCode::BadMessage, "You did not say hello in time.");
                        return End::Refused(refusal, CloseCode::Policy);
                    }
                    if unanswered >= limits.unanswered_pings {
                        debug!(socket = self.id.0, "silent for too long");
                        return End::Gone;
                    }
                    unanswered += 1;
                    timer.as_mut().reset(Instant::now() + limits.ping);
                    if socket.feed(Message::Ping(Default::default())).await.is_err() {
                        return End::Gone;
                    }
                    match timeout(limits.stall, socket.flush()).await {
                        Ok(Ok(())) => {}
                        _ => return End::Gone,
                    }
                }
            }
        }
    }

    // Writes all that waits. While that takes its time nothing is read: who does not take what it is sent
    // is not heard either.
    async fn write(&self, socket: &mut Socket) -> Result<(), End> {
        loop {
            let mut next = self.outbox.pop();
            if next == Next::Nothing {
                return Ok(());
            }
            let written = async {
                let mut bytes = 0;
                let last = loop {
                    let Next::Text(text) = next else { break next };
                    bytes += text.len();
                    socket
                        .feed(Message::Text(text))
                        .await
                        .map_err(|_| End::Gone)?;
                    if bytes >= PART {
                        break Next::Nothing;
                    }
                    next = self.outbox.pop();
                };
                if bytes > 0 {
                    socket.flush().await.map_err(|_| End::Gone)?;
                }
                match last {
                    Next::Stop => Err(End::Stopping),
                    Next::Drop => {
                        debug!(socket = self.id.0, "takes too little of what it is sent");
                        Err(End::Gone)
                    }
                    Next::Close => Err(End::Replaced),
                    Next::Text(_) | Next::Nothing => Ok(bytes),
                }
            };
            let written = timeout(self.config.limits.stall, written);
            if written.await.unwrap_or(Err(End::Gone))? < PART {
                return Ok(());
            }
        }
    }

    fn confirm(&mut self, message: &Option<Result<Message, Error>>) {
        let shows = matches!(message, Some(Ok(Message::Text(_) | Message::Pong(_))));
        if self.unconfirmed && shows {
            self.unconfirmed = false;
            self.hub.confirm(self.id);
        }
    }

    fn act(&mut self, request: Request<'_>) -> Result<(), Refusal> {
        if !self.greeted && !matches!(request, Request::Hello { .. }) {
            return Err(Refusal::new(ErrorCode::BadMessage, "Say hello first."));
        }
        let enters = match &request {
            Request::Create(_) => true,
            // Who asks again for the place that it waits for has been counted.
            Request::Join { room, .. } => !self.hub.holds_turn(self.id, room),
            _ => false,
        };
        if enters && !self.client.caller.may_join() {
            let message = "Too many come into rooms from your address: wait a minute.";
            return Err(Refusal::new(ErrorCode::RateLimited, message));
        }
        let action = match request {
            Request::Hello { app, resume, ack } => return self.greet(&app, resume, ack),
            Request::Create(create) => {
                let names = &self.client.names;
                let in_proofs = names.in_proofs.iter().map(String::as_str);
                match create.prove(&self.challenge, in_proofs) {
                    Ok(opening) => Action::Open(Box::new(opening)),
                    Err(refusal) => {
                        self.site.tell_proof(names.to_tell.as_deref());
                        return Err(refusal);
                    }
                }
            }
            Request::Join { room, newcomer } => Action::Join { room, newcomer },
            Request::Look(room) => Action::Look(room),
            Request::Admit { peer, accept } => Action::Admit { peer, accept },
            Request::Lock(locked) => Action::Lock(locked),
            Request::Remove(peer) => Action::Remove(peer),
            Request::Signal(signal) => Action::Signal(signal),
            Request::Ack(n) => Action::Ack(n),
            Request::Leave => Action::Leave,
        };
        let broadcasts = self.hub.handle(self.id, action);
        self.is_broadcaster(broadcasts);
        Ok(())
    }

    fn greet(&mut self, app: &str, resume: Option<Token>, ack: u64) -> Result<(), Refusal> {
        if self.greeted {
            return Err(Refusal::new(
                ErrorCode::BadMessage,
                "You have said hello already.",
            ));
        }
        let fresh = random::<TOKEN_BYTES>().map_err(|error| {
            tracing::error!("{error}");
            Refusal::new(ErrorCode::Busy, "The relay cannot make a token now.")
        })?;
        let unconfirmed = resume.is_some();
        let hello = Hello {
            fresh: Token::new(fresh),
            resume,
            ack,
        };
        let mut broadcasts = false;
        let key = self.hub.greet(self.id, hello, |greeting| {
            broadcasts = greeting.broadcasts;
            text_of(&RelayMessage::Welcome {
                peer: greeting.peer,
                challenge: self.challenge.clone(),
                ice_servers: self.config.ice_servers.clone(),
                resume: greeting.token.to_text(),
                resumed: greeting.resumed,
            })
        })?;
        debug!(socket = self.id.0, peer = %key.peer(), app, "hello");
        self.greeted = true;
        self.unconfirmed = unconfirmed;
        self.is_broadcaster(broadcasts);
        Ok(())
    }

    fn is_broadcaster(&mut self, broadcasts: bool) {
        self.broadcasts = broadcasts;
        if self.wide != broadcasts {
            self.wide = self.outbox.widen(broadcasts);
        }
    }

    // When the queue is full the socket is dropped, which `write` sees.
    fn reply(&self, message: &RelayMessage) {
        self.outbox.push(text_of(message));
    }
}

fn bound_send_buffer(stream: &Stream) {
    let stream = match stream {
        Either::Left(stream) => stream,
        Either::Right(stream) => stream.get_ref().0,
    };
    if let Err(error) = SockRef::from(stream).set_send_buffer_size(SEND_BUFFER) {
        debug!("the system's buffer stays as large as it is: {error}");
    }
}

fn random<const N: usize>() -> Result<[u8; N], RelayError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| RelayError::Random(error.to_string()))?;
    Ok(bytes)
}
