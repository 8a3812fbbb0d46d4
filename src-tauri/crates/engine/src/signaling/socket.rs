//! One socket to a relay, from the first try to the end of the line.

use std::{io, sync::Arc, time::Duration};

use ahoy_contract::{link::RelayAddress, wire::MAX_MESSAGE_BYTES};
use futures_util::{SinkExt, StreamExt};
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{Notify, mpsc},
    time::{Instant, sleep, timeout},
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Bytes, Message, client::IntoClientRequest, protocol::WebSocketConfig},
};
use tokio_util::sync::CancellationToken;

use super::{
    FROM_RELAY, Line as Speech, SignalingError, TO_RELAY, Target,
    socketio::{Heard, SocketIo},
};
use crate::call::SocketEnd;

/// For name, TCP, TLS and HTTP together: what a person waits for.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// A relay pings every 20 s: after three that did not come the line is dead.
const SILENT_FOR: Duration = Duration::from_secs(65);
/// Many a plain relay pings nobody, and is pinged instead when it was silent for this long.
const PING_AFTER: Duration = Duration::from_secs(20);
/// How long a relay may take to answer a ping where there is reason to doubt that it is there.
const PROBE_WITHIN: Duration = Duration::from_secs(3);
/// How long a message may take to leave: longer means that the line is dead and its buffers are full.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// For the last messages and the closing handshake.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

trait Line: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Line for T {}
type WebSocket = WebSocketStream<Box<dyn Line>>;

/// What a socket tells.
#[derive(Debug)]
pub enum SocketEvent {
    /// Messages can be sent.
    Open,
    /// The relay said something: one message, as a text that nobody has looked at.
    Text(String),
    /// It is over. Nothing comes after this.
    Closed(SocketEnd),
}

/// A socket that is being opened or is open.
#[derive(Debug)]
pub struct Socket {
    messages: mpsc::Sender<String>,
    probe: Arc<Notify>,
    /// What it tells.
    pub events: mpsc::Receiver<SocketEvent>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Socket {
    /// Begins to open a socket.
    pub fn open(target: Target) -> Self {
        let (messages, from_call) = mpsc::channel(TO_RELAY);
        let (to_call, events) = mpsc::channel(FROM_RELAY);
        let stop = CancellationToken::new();
        let probe = Arc::new(Notify::new());
        let task = tokio::spawn(run(target, from_call, probe.clone(), to_call, stop.clone()));
        Self {
            messages,
            probe,
            events,
            stop,
            task,
        }
    }

    /// Sends a message; a line that takes no more is closed.
    pub fn send(&self, message: String) {
        if self.messages.try_send(message).is_err() {
            tracing::warn!("the relay takes no more messages");
            self.stop.cancel();
        }
    }

    /// Pings the relay; where nothing comes back soon, the socket is closed.
    pub fn probe(&self) {
        self.probe.notify_one();
    }

    /// Gives the line up at once, whatever waits, and joins the task.
    pub(super) async fn abandon(mut self) {
        self.stop.cancel();
        self.events.close();
        if timeout(CLOSE_WITHIN, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }

    /// Sends what waits, says goodbye, and joins the task.
    pub async fn close(mut self) {
        drop(self.messages);
        // Events nobody waits for any more must not hold the task up.
        self.events.close();
        if timeout(2 * CLOSE_WITHIN, &mut self.task).await.is_err() {
            self.stop.cancel();
            if timeout(CLOSE_WITHIN, &mut self.task).await.is_err() {
                self.task.abort();
            }
        }
    }
}

async fn run(
    target: Target,
    mut messages: mpsc::Receiver<String>,
    probe: Arc<Notify>,
    events: mpsc::Sender<SocketEvent>,
    stop: CancellationToken,
) {
    let talk = async {
        let mut socket = match timeout(CONNECT_WITHIN, connect(&target)).await {
            Ok(socket) => socket?,
            Err(_) => return Err(SignalingError::Unreachable("no answer in time".into())),
        };
        let end = talk(&mut socket, &target, &mut messages, &probe, &events).await;
        // Read to the end: a connection that is closed with something unread is reset, and takes what was
        // said last with it.
        let goodbye = async {
            let _ = socket.close(None).await;
            while let Some(Ok(_)) = socket.next().await {}
        };
        let _ = timeout(CLOSE_WITHIN, goodbye).await;
        end
    };
    let end = tokio::select! {
        end = talk => end,
        () = stop.cancelled() => Err(SignalingError::Unreachable("the line was given up".into())),
    };
    let end = match end {
        Ok(()) => SocketEnd::Lost,
        Err(error) => {
            tracing::info!("{error}");
            match error {
                SignalingError::Unreachable(_) => SocketEnd::Lost,
                SignalingError::NotTrusted(_) => SocketEnd::NotTrusted,
            }
        }
    };
    let _ = events.send(SocketEvent::Closed(end)).await;
}

async fn talk(
    socket: &mut WebSocket,
    target: &Target,
    messages: &mut mpsc::Receiver<String>,
    probe: &Notify,
    events: &mpsc::Sender<SocketEvent>,
) -> Result<(), SignalingError> {
    let unreachable = |why: &str| Err(SignalingError::Unreachable(why.to_owned()));
    let mut socketio = match &target.line {
        Speech::SocketIo { namespace } => Some(SocketIo::new(namespace)),
        Speech::Native | Speech::Plain { .. } => None,
    };
    if socketio.is_none() && events.send(SocketEvent::Open).await.is_err() {
        return Ok(());
    }
    let mut patience = match socketio {
        // Until it has let this end in.
        Some(_) => CONNECT_WITHIN,
        None => SILENT_FOR,
    };
    let silent = sleep(patience);
    tokio::pin!(silent);
    let ping = sleep(PING_AFTER);
    tokio::pin!(ping);
    loop {
        tokio::select! {
            message = messages.recv() => {
                let Some(message) = message else { return Ok(()) };
                send(socket, message, socketio.as_ref()).await?;
            }
            () = probe.notified() => {
                let soon = Instant::now() + PROBE_WITHIN;
                if silent.deadline() > soon {
                    silent.as_mut().reset(soon);
                }
                write(socket, Message::Ping(Bytes::new()), PROBE_WITHIN).await?;
            }
            () = &mut ping, if matches!(target.line, Speech::Plain { .. }) => {
                ping.as_mut().reset(Instant::now() + PING_AFTER);
                write(socket, Message::Ping(Bytes::new()), SEND_WITHIN).await?;
            }
            () = &mut silent => return unreachable("the relay fell silent"),
            frame = socket.next() => {
                silent.as_mut().reset(Instant::now() + patience);
                ping.as_mut().reset(Instant::now() + PING_AFTER);
                let text = match frame {
                    Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => return unreachable(&error.to_string()),
                    None => return unreachable("the relay closed the line"),
                };
                let event = match socketio.as_mut().map(|socketio| socketio.read(&text)) {
                    None => SocketEvent::Text(text),
                    Some(Heard::Event(event)) => SocketEvent::Text(event),
                    Some(Heard::Open) => {
                        let asked = socketio.as_ref().and_then(SocketIo::patience);
                        patience = asked.map_or(SILENT_FOR, |asked| asked.max(SILENT_FOR));
                        silent.as_mut().reset(Instant::now() + patience);
                        SocketEvent::Open
                    }
                    Some(Heard::Reply(frame)) => {
                        write(socket, Message::text(frame), SEND_WITHIN).await?;
                        continue;
                    }
                    Some(Heard::Over(why)) => return unreachable(why),
                    Some(Heard::Nothing) => continue,
                };
                if events.send(event).await.is_err() {
                    // The call is over; what it said last is still to be sent.
                    return flush(socket, messages, socketio.as_ref()).await;
                }
            }
        }
    }
}

async fn flush(
    socket: &mut WebSocket,
    messages: &mut mpsc::Receiver<String>,
    socketio: Option<&SocketIo>,
) -> Result<(), SignalingError> {
    while let Some(message) = messages.recv().await {
        send(socket, message, socketio).await?;
    }
    Ok(())
}

async fn send(
    socket: &mut WebSocket,
    message: String,
    socketio: Option<&SocketIo>,
) -> Result<(), SignalingError> {
    let text = match socketio {
        Some(socketio) => socketio.write(&message),
        None => message,
    };
    write(socket, Message::text(text), SEND_WITHIN).await
}

async fn write(
    socket: &mut WebSocket,
    message: Message,
    within: Duration,
) -> Result<(), SignalingError> {
    let unreachable = |why: String| Err(SignalingError::Unreachable(why));
    match timeout(within, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => unreachable(error.to_string()),
        Err(_) => unreachable("the line takes nothing any more".into()),
    }
}

async fn connect(target: &Target) -> Result<WebSocket, SignalingError> {
    let unreachable =
        |error: &dyn std::fmt::Display| SignalingError::Unreachable(error.to_string());
    let address = &target.address;
    let tls = target.tls()?;
    let tcp = TcpStream::connect((bare(address), address.port))
        .await
        .map_err(|error| unreachable(&error))?;
    tcp.set_nodelay(true).map_err(|error| unreachable(&error))?;
    let line: Box<dyn Line> = match tls {
        None => Box::new(tcp),
        Some(config) => {
            let name = ServerName::try_from(bare(address).to_owned())
                .map_err(|error| unreachable(&error))?;
            Box::new(
                TlsConnector::from(config)
                    .connect(name, tcp)
                    .await
                    .map_err(|error| tls_error(&error))?,
            )
        }
    };
    let request = target
        .socket_url()
        .into_client_request()
        .map_err(|error| unreachable(&error))?;
    let config = WebSocketConfig::default()
        .read_buffer_size(8 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * MAX_MESSAGE_BYTES)
        // A roster may be larger than what a client may send.
        .max_message_size(Some(4 * MAX_MESSAGE_BYTES))
        .max_frame_size(Some(4 * MAX_MESSAGE_BYTES));
    let (socket, _) = tokio_tungstenite::client_async_with_config(request, line, Some(config))
        .await
        .map_err(|error| unreachable(&error))?;
    Ok(socket)
}

/// The host without the brackets of an IPv6 address.
fn bare(address: &RelayAddress) -> &str {
    address.host.trim_start_matches('[').trim_end_matches(']')
}

fn tls_error(error: &io::Error) -> SignalingError {
    let certificate = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .is_some_and(|error| matches!(error, rustls::Error::InvalidCertificate(_)));
    if certificate {
        SignalingError::NotTrusted(error.to_string())
    } else {
        SignalingError::Unreachable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use ahoy_contract::Link;
    use tokio::net::TcpListener;

    use super::*;

    /// A relay that greets and then does what is given with the line.
    async fn relay<F>(then: impl FnOnce(WebSocketStream<TcpStream>) -> F + Send + 'static) -> Target
    where
        F: Future<Output = ()> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (line, _) = listener.accept().await.unwrap();
            then(tokio_tungstenite::accept_async(line).await.unwrap()).await;
        });
        let (room, secret) = ("a".repeat(26), "A".repeat(22));
        let link: Link = format!("http://127.0.0.1:{port}/r/{room}#{secret}")
            .parse()
            .unwrap();
        Target::native(link.relay, None)
    }

    #[tokio::test]
    async fn a_line_that_is_dead_is_given_up_soon_after_a_probe() {
        // It holds the line and neither reads nor writes, as after a change of network.
        let target = relay(|line| async move {
            let _line = line;
            pending::<()>().await;
        });
        let mut socket = Socket::open(target.await);
        let open = socket.events.recv().await;
        assert!(matches!(open, Some(SocketEvent::Open)), "{open:?}");
        socket.probe();
        let closed = timeout(SILENT_FOR / 2, socket.events.recv()).await.unwrap();
        assert!(
            matches!(closed, Some(SocketEvent::Closed(SocketEnd::Lost))),
            "{closed:?}"
        );
        socket.close().await;
    }

    #[tokio::test]
    async fn a_line_that_lives_outlives_a_probe() {
        let target = relay(|mut line| async move {
            // Reading answers pings.
            while let Some(Ok(_)) = line.next().await {}
        });
        let mut socket = Socket::open(target.await);
        assert!(matches!(
            socket.events.recv().await,
            Some(SocketEvent::Open)
        ));
        socket.probe();
        let quiet = timeout(PROBE_WITHIN + Duration::from_secs(1), socket.events.recv());
        assert!(quiet.await.is_err(), "it was closed");
        socket.close().await;
    }

    #[tokio::test]
    async fn what_a_broadcaster_says_to_all_its_viewers_at_once_breaks_no_line() {
        let (heard, mut texts) = mpsc::unbounded_channel();
        let target = relay(|mut line| async move {
            while let Some(Ok(message)) = line.next().await {
                if let Message::Text(text) = message {
                    heard.send(text.to_string()).unwrap();
                }
            }
        });
        let mut socket = Socket::open(target.await);
        assert!(matches!(
            socket.events.recv().await,
            Some(SocketEvent::Open)
        ));
        // Nothing is written meanwhile: this is one step of the call.
        for number in 0..512 * 13 {
            socket.send(number.to_string());
        }
        for number in 0..512 * 13 {
            assert_eq!(texts.recv().await, Some(number.to_string()));
        }
        socket.close().await;
    }

    /// A relay that talks without an end while its client leaves still hears the client's last words.
    #[tokio::test]
    async fn the_last_words_arrive_whatever_comes_the_other_way() {
        for _ in 0..20 {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let relay = tokio::spawn(async move {
                let (tcp, _) = listener.accept().await.unwrap();
                let socket = tokio_tungstenite::accept_async(tcp).await.unwrap();
                let (mut to_client, mut from_client) = socket.split();
                let chatter = tokio::spawn(async move {
                    let line = r#"{"type":"left","peer":"abcdefghij234567"}"#;
                    while to_client.send(Message::text(line)).await.is_ok() {}
                });
                // Late, as a busy relay is.
                tokio::time::sleep(Duration::from_millis(50)).await;
                let mut heard = Vec::new();
                while let Some(Ok(message)) = from_client.next().await {
                    if let Message::Text(text) = message {
                        heard.push(text.to_string());
                    }
                }
                chatter.abort();
                heard
            });
            let address = RelayAddress {
                secure: false,
                host: "127.0.0.1".into(),
                port,
            };
            let mut socket = Socket::open(Target::native(address, None));
            assert!(matches!(
                socket.events.recv().await,
                Some(SocketEvent::Open)
            ));
            for n in 0..3 {
                socket.send(format!("{n}"));
            }
            socket.send("last".into());
            socket.close().await;
            let heard = relay.await.unwrap();
            assert_eq!(heard.last().map(String::as_str), Some("last"), "{heard:?}");
        }
    }
}
