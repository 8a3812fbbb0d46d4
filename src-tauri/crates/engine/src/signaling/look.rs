//! What a room is for, asked of its relay before anything is opened for it.

use std::time::Duration;

use ahoy_contract::{
    ErrorCode, RoomId,
    wire::{ClientMessage, RelayMessage, RoomKind, VERSION},
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Socket, SocketEvent, Target};
use crate::call::SocketEnd;

/// Longer than a relay takes that is busy and far away.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What a relay says of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// It is there, and for this.
    Found(RoomKind),
    /// The relay does not know the question: it is an old one, whose rooms are for calls.
    Unknown,
    /// It does not say: there is no such room, or the relay is away, busy or not the one that was meant.
    Refused(ErrorCode),
}

/// Asks a relay on a socket of its own, ten seconds at most. `app` is name and version of the program, for the
/// relay's log. `None`: it was stopped.
pub async fn look(
    target: Target,
    app: String,
    room: RoomId,
    stop: &CancellationToken,
) -> Option<Looked> {
    look_within(ANSWER_WITHIN, target, app, room, stop).await
}

async fn look_within(
    within: Duration,
    target: Target,
    app: String,
    room: RoomId,
    stop: &CancellationToken,
) -> Option<Looked> {
    let mut socket = Socket::open(target);
    let answer = timeout(within, ask(&mut socket, app, &room));
    let Some(Ok(looked)) = stop.run_until_cancelled(answer).await else {
        socket.abandon().await;
        return (!stop.is_cancelled()).then_some(Looked::Refused(ErrorCode::RelayUnreachable));
    };
    socket.close().await;
    Some(looked)
}

async fn ask(socket: &mut Socket, app: String, room: &RoomId) -> Looked {
    let mut app = Some(app);
    while let Some(event) = socket.events.recv().await {
        let message = match event {
            SocketEvent::Open => {
                if let Some(app) = app.take() {
                    let hello = ClientMessage::Hello {
                        version: VERSION,
                        app,
                        resume: None,
                        ack: None,
                    };
                    say(socket, &hello);
                }
                continue;
            }
            SocketEvent::Text(text) => serde_json::from_str(&text),
            SocketEvent::Closed(SocketEnd::Lost) => break,
            SocketEvent::Closed(SocketEnd::NotTrusted) => {
                return Looked::Refused(ErrorCode::RelayNotTrusted);
            }
        };
        // A newer relay may say more than this version knows.
        let Ok(message) = message else { continue };
        match message {
            RelayMessage::Welcome { .. } => {
                say(socket, &ClientMessage::Look { room: room.clone() });
            }
            RelayMessage::Found { room: found, kind } if found == *room => {
                return Looked::Found(kind);
            }
            RelayMessage::Error { code, .. } => {
                return match code {
                    ErrorCode::BadMessage => Looked::Unknown,
                    code => Looked::Refused(code),
                };
            }
            _ => {}
        }
    }
    Looked::Refused(ErrorCode::RelayUnreachable)
}

fn say(socket: &Socket, message: &ClientMessage) {
    match serde_json::to_string(message) {
        Ok(text) => socket.send(text),
        Err(error) => tracing::error!("a message cannot be written: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use ahoy_contract::link::RelayAddress;
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio::{net::TcpListener, task::JoinHandle};
    use tokio_tungstenite::{accept_async, tungstenite::Message};

    use super::*;

    const ROOM: &str = "abcdefghijklmnopqrstuvwxyz";

    /// Long enough for a relay on this computer.
    const SOON: Duration = Duration::from_secs(3);

    /// A relay that answers the question so; `None`: not at all.
    async fn relay(answer: Option<String>) -> (Target, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = accept_async(stream).await.unwrap();
            let mut heard = Vec::new();
            while let Some(Ok(message)) = socket.next().await {
                let Message::Text(text) = message else {
                    continue;
                };
                heard.push(text.to_string());
                let welcome = r#"{"type":"welcome","peer":"abcdefghij234567","challenge":"AAAAAAAAAAAAAAAAAAAAAA","ice_servers":[],"resume":"r"}"#;
                let says = match heard.len() {
                    1 => Some(welcome.to_owned()),
                    _ => answer.clone(),
                };
                if let Some(says) = says {
                    socket.send(Message::text(says)).await.unwrap();
                }
            }
            heard
        });
        let address = RelayAddress {
            secure: false,
            host: "127.0.0.1".into(),
            port,
        };
        (Target::native(address, None), task)
    }

    async fn looked(target: Target) -> Option<Looked> {
        let room = ROOM.parse().unwrap();
        let stop = CancellationToken::new();
        look_within(SOON, target, "test/1".into(), room, &stop).await
    }

    #[tokio::test]
    async fn the_relays_word_counts_for_the_room_that_was_asked_about() {
        let found = |room: &str, kind: &str| {
            format!(r#"{{"type":"found","room":"{room}","kind":"{kind}"}}"#)
        };
        let error = |code: &str| format!(r#"{{"type":"error","code":"{code}","message":""}}"#);
        for (answer, expected) in [
            (found(ROOM, "broadcast"), Looked::Found(RoomKind::Broadcast)),
            (found(ROOM, "call"), Looked::Found(RoomKind::Call)),
            (
                found(&"b".repeat(26), "broadcast"),
                Looked::Refused(ErrorCode::RelayUnreachable),
            ),
            (error("not_found"), Looked::Refused(ErrorCode::NotFound)),
            (error("busy"), Looked::Refused(ErrorCode::Busy)),
            (
                error("of a later version"),
                Looked::Refused(ErrorCode::Unknown),
            ),
            // An old relay does not know the question.
            (error("bad_message"), Looked::Unknown),
        ] {
            let (target, relay) = relay(Some(answer.clone())).await;
            assert_eq!(looked(target).await, Some(expected), "{answer}");
            let heard = relay.await.unwrap();
            assert_eq!(heard.len(), 2, "{heard:?}");
            assert!(heard[1].contains(r#""type":"look""#), "{heard:?}");
        }
    }

    #[tokio::test]
    async fn of_a_relay_that_says_nothing_or_is_not_there_nothing_is_concluded() {
        let away = Some(Looked::Refused(ErrorCode::RelayUnreachable));
        let (target, silent) = relay(None).await;
        assert_eq!(looked(target.clone()).await, away);
        silent.await.unwrap();
        // It has served once and listens no more.
        assert_eq!(looked(target).await, away);
    }

    #[tokio::test]
    async fn it_can_be_stopped() {
        let (target, silent) = relay(None).await;
        let stop = CancellationToken::new();
        stop.cancel();
        let room = ROOM.parse().unwrap();
        assert_eq!(look(target, "test/1".into(), room, &stop).await, None);
        silent.abort();
    }
}
