//! The two events that are passed on.

use std::{
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt as _;
use serde_json::Value;
use socketioxide::{
    SocketIo,
    extract::{Data, SocketRef},
};
use tokio::time::Instant;
use tracing::debug;

use super::{lock, session::Session};
use crate::{
    config::Limits,
    flow::{Flow, Verdict},
    lobby::pace::cost,
};

/// What is sent, and what comes of it.
const EVENTS: [(&str, &str); 2] = [
    ("send-offer", "receive-offer"),
    ("send-answer", "receive-answer"),
];
/// All clients together may say so many times as much as one. What waits for those who take too little, until they are
/// given up, is bounded by it.
const CROWD: u32 = 2;

/// Passes on what clients say from now on.
pub(super) fn hear(io: &SocketIo, limits: &Limits) {
    let (crowd, start) = (Arc::new(Mutex::new(flow(limits, CROWD))), Instant::now());
    let all = io.clone();
    io.ns("/", move |socket: SocketRef| {
        for (sent, received) in EVENTS {
            let (crowd, all) = (crowd.clone(), all.clone());
            // All is done before the handler's future is made, for those are not run in order.
            socket.on(sent, move |socket: SocketRef, Data::<Value>(data)| {
                pass_on(&all, &socket, &crowd, start, received, &data);
                ready(())
            });
        }
        ready(())
    });
}

/// How much so many clients may say.
pub(super) fn flow(limits: &Limits, times: u32) -> Flow {
    Flow::new(
        limits.lobby_messages_per_second.saturating_mul(times),
        limits.lobby_message_burst.saturating_mul(times),
        Duration::ZERO,
    )
}

fn pass_on(
    all: &socketioxide::SocketIo,
    socket: &SocketRef,
    crowd: &Mutex<Flow>,
    start: Instant,
    event: &str,
    data: &Value,
) {
    let session = socket.req_parts().extensions.get::<Arc<Session>>();
    let Some(session) = session else { return };
    let cost = cost(size_of(data));
    let take = |flow: &Mutex<Flow>| lock(flow).take(start.elapsed(), cost);
    match take(&session.flow) {
        Verdict::Pass => {}
        Verdict::Close => {
            debug!("a client of Socket.IO does not stop sending");
            let _ = socket.clone().disconnect();
            return;
        }
        Verdict::Refuse | Verdict::Ignore => return,
    }
    if take(crowd) != Verdict::Pass {
        debug!("the clients of Socket.IO send too much");
        return;
    }
    // After the end there is no namespace.
    let Some(clients) = all.of("/") else { return };
    // Without other servers it waits for nothing.
    if let Some(Err(_)) = clients.emit(event, data).now_or_never() {
        debug!("a client of Socket.IO takes too little of what is sent to it");
    }
}

// About as many bytes as its JSON, without making it.
fn size_of(data: &Value) -> usize {
    match data {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size_of(item) + 1).sum::<usize>() + 2,
        Value::Object(fields) => {
            let each = fields.iter();
            each.map(|(name, value)| name.len() + size_of(value) + 4)
                .sum::<usize>()
                + 2
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_size_of_an_event_is_known_without_writing_it() {
        for data in [
            json!(null),
            json!("x".repeat(5000)),
            json!({ "type": "offer", "sdp": "v=0\r\n".repeat(500) }),
            json!([[1, 2, 3], { "a": [true, 1.5] }, {}, []]),
        ] {
            let (guessed, written) = (size_of(&data), data.to_string().len());
            assert!(
                guessed + 8 >= written / 2 && guessed <= 8 + 4 * written,
                "{guessed} {written}"
            );
        }
    }
}
