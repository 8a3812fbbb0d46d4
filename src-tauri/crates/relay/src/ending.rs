//! How a WebSocket ends: why, and what its client still hears.

use std::time::Duration;

use ahoy_contract::{ErrorCode, wire::MAX_MESSAGE_BYTES};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};
use tokio_tungstenite::tungstenite::{
    Error, Message,
    error::ProtocolError,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::{
    request::Refusal,
    rooms::{Text, text_of},
    socket::Socket,
};

/// How long a closed socket is still read, so that its client sees the close and not a reset.
const LINGER: Duration = Duration::from_secs(2);
/// How much of what a closed socket still sends is read.
const LINGER_BYTES: usize = 16 * 1024 * 1024;
/// The code of the close of a socket whose member goes on on another (RFC 6455 §7.4.2, private use).
const REPLACED: u16 = 4001;

/// How a socket ends.
#[derive(Debug)]
pub(crate) enum End {
    /// It is gone, or worth no farewell.
    Gone,
    /// The relay closes it, and says why.
    Refused(Refusal, CloseCode),
    /// The relay stops.
    Stopping,
    /// Its member goes on on another socket.
    Replaced,
}

/// The relay closes a socket, for it has no place for it.
pub(crate) fn busy(sentence: &'static str) -> End {
    End::Refused(Refusal::new(ErrorCode::Busy, sentence), CloseCode::Again)
}

/// The end of a socket from which this came in the place of a message.
pub(crate) fn end_of(error: &Error) -> End {
    let bad = |sentence: &'static str, code| {
        End::Refused(Refusal::new(ErrorCode::BadMessage, sentence), code)
    };
    match error {
        Error::Capacity(_) => {
            let sentence = format!("A message may hold at most {MAX_MESSAGE_BYTES} bytes.");
            End::Refused(Refusal::new(ErrorCode::TooLarge, sentence), CloseCode::Size)
        }
        Error::Utf8(_) => bad("A text message must be UTF-8.", CloseCode::Invalid),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Gone,
        Error::Protocol(_) => bad("This is not the WebSocket protocol.", CloseCode::Protocol),
        _ => End::Gone,
    }
}

/// Closes a socket as its end wants it.
pub(crate) async fn close(socket: Socket, end: End) {
    let (refusal, code) = match end {
        End::Gone => return,
        End::Refused(refusal, code) => (Some(refusal), code),
        End::Stopping => (None, CloseCode::Away),
        End::Replaced => (None, CloseCode::Library(REPLACED)),
    };
    goodbye(socket, refusal.as_ref(), code).await;
}

/// Says goodbye, and reads on until the client has heard it: a connection that is closed with something
/// unread is reset, and takes the goodbye with it.
pub(crate) async fn goodbye(mut socket: Socket, refusal: Option<&Refusal>, code: CloseCode) {
    let said = async {
        if let Some(refusal) = refusal {
            let text: Text = text_of(&refusal.to_message());
            socket.feed(Message::Text(text)).await?;
        }
        socket
            .close(Some(CloseFrame {
                code,
                reason: Default::default(),
            }))
            .await?;
        while let Some(Ok(_)) = socket.next().await {}
        Ok::<(), Error>(())
    };
    if !matches!(timeout(LINGER, said).await, Ok(Ok(()))) {
        return;
    }
    let stream = socket.get_mut();
    let drained = async {
        stream.shutdown().await?;
        let mut buffer = vec![0; 16 * 1024];
        let mut rest = LINGER_BYTES;
        while rest > 0 {
            match stream.read(&mut buffer).await? {
                0 => break,
                read => rest = rest.saturating_sub(read),
            }
        }
        Ok::<(), std::io::Error>(())
    };
    // Whatever it comes to, the socket is done with.
    let _ = timeout(LINGER, drained).await;
}
