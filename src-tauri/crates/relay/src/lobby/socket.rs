//! One client of the hall, from the upgrade to its end: a single task that reads, writes and keeps the time.

use ahoy_contract::wire::MAX_MESSAGE_BYTES;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    task::yield_now,
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{Role, WebSocketConfig, frame::coding::CloseCode},
    },
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    hall::Client,
    pace::{Pace, cost},
};
use crate::{
    config::Limits,
    connection::Stream,
    ending::goodbye,
    socket::{PART, Socket},
};

const READ_BUFFER: usize = 4096;
const WRITE_BUFFER: usize = 4096;

/// Why a socket ends; `None`: it is gone, or worth no farewell.
type End = Option<CloseCode>;

/// The WebSocket of an upgraded connection. `early` is what came behind the request.
pub(super) async fn open(stream: Stream, early: Vec<u8>) -> Socket {
    let settings = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER + 2 * MAX_MESSAGE_BYTES)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    WebSocketStream::from_partially_read(stream, early, Role::Server, Some(settings)).await
}

/// Serves a client until it ends, or until `stop`. `crowded`: its address has too many sockets.
pub(super) async fn run(
    mut socket: Socket,
    client: Client,
    limits: &Limits,
    stop: &CancellationToken,
    crowded: bool,
) {
    let end = if crowded {
        Some(CloseCode::Again)
    } else {
        let ended = serve(&mut socket, client, limits);
        let stopped = stop.run_until_cancelled(ended).await;
        stopped.unwrap_or(Some(CloseCode::Away))
    };
    if let Some(code) = end {
        goodbye(socket, None, code).await;
    }
}

async fn serve(socket: &mut Socket, mut client: Client, limits: &Limits) -> End {
    let start = Instant::now();
    let mut pace = Pace::new(
        limits.lobby_messages_per_second,
        limits.lobby_message_burst,
        start.elapsed(),
    );
    // Until then it is not listened to, for it was too fast.
    let mut rests: Option<Instant> = None;
    let (mut ping, mut unanswered) = (start + limits.ping, 0);
    loop {
        if let Err(end) = write(socket, &client, limits).await {
            return end;
        }
        tokio::select! {
            biased;
            () = sleep_until(ping) => {
                if unanswered >= limits.unanswered_pings {
                    debug!("a client of the lobby was silent for too long");
                    return None;
                }
                unanswered += 1;
                ping = Instant::now() + limits.ping;
                let sent = socket.send(Message::Ping(Default::default()));
                if !matches!(timeout(limits.stall, sent).await, Ok(Ok(()))) {
                    return None;
                }
            }
            () = sleep_until(rests.unwrap_or(start)), if rests.is_some() => rests = None,
            message = socket.next(), if rests.is_none() => {
                unanswered = 0;
                let size = match &message {
                    Some(Ok(message)) => message.len(),
                    Some(Err(error)) => return end_of(error),
                    None => return None,
                };
                if let Some(Ok(Message::Text(text))) = message {
                    client.say(&text);
                    // The others have their turn, or a fast speaker would push out what they have not heard.
                    yield_now().await;
                }
                let cost = cost(size);
                let wait = pace.spend(start.elapsed(), cost).max(client.spend(cost));
                rests = (!wait.is_zero()).then(|| Instant::now() + wait);
            }
            () = client.more() => {}
        }
    }
}

// Writes all that waits. While that takes its time nothing is read.
async fn write(socket: &mut Socket, client: &Client, limits: &Limits) -> Result<(), End> {
    let mut texts = Vec::new();
    loop {
        if client.hear(&mut texts, PART).is_err() {
            debug!("a client of the lobby takes too little of what is said");
            return Err(Some(CloseCode::Policy));
        }
        if texts.is_empty() {
            return Ok(());
        }
        let written = async {
            for text in texts.drain(..) {
                socket.feed(Message::Text(text)).await?;
            }
            socket.flush().await
        };
        if !matches!(timeout(limits.stall, written).await, Ok(Ok(()))) {
            return Err(None);
        }
    }
}

fn end_of(error: &Error) -> End {
    match error {
        Error::Capacity(_) => Some(CloseCode::Size),
        Error::Utf8(_) => Some(CloseCode::Invalid),
        _ => None,
    }
}
