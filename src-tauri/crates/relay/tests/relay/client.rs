//! A relay to test, and a client that says what it is told to.

use std::{net::SocketAddr, time::Duration};

use ahoy_contract::{
    ErrorCode, Nonce, PeerId, PublicKey, RoomId, Signature, create_bytes,
    id::Mac,
    wire::{ClientMessage, RelayMessage, Role, RoomKind, VERSION},
};
use ahoy_relay::{Config, Handle, Relay, RelayError};
use ed25519_dalek::{Signer as _, SigningKey};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderName, HeaderValue, header};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message, client::IntoClientRequest as _, protocol::frame::coding::CloseCode,
    },
};
use tokio_util::sync::CancellationToken;

/// Long enough for a busy machine; nothing waits so long when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A relay that runs.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) handle: Handle,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<Result<(), RelayError>>,
}

impl Running {
    /// A relay that does not wait long for clients when it stops: the tests' do not answer then.
    pub(crate) async fn new(mut config: Config) -> Self {
        config.limits.stop = Duration::from_millis(100);
        Self::patient(config).await
    }

    /// A relay that stops as its configuration says.
    pub(crate) async fn patient(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let relay = Relay::new(config).unwrap();
        let (handle, stop) = (relay.handle(), CancellationToken::new());
        let task = tokio::spawn(relay.run(listener, stop.clone()));
        Self {
            address,
            handle,
            stop,
            task,
        }
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A client that has said hello.
    pub(crate) async fn client(&self) -> Client<TcpStream> {
        let mut client = self.stranger().await;
        client.hello().await;
        client
    }

    /// A client that has not.
    pub(crate) async fn stranger(&self) -> Client<TcpStream> {
        Client::open(self.tcp().await, &format!("ws://{}/ws", self.address), None)
            .await
            .unwrap()
    }

    /// A client that comes back with a token, and whether its membership goes on.
    pub(crate) async fn back(&self, token: &str, ack: u64) -> (Client<TcpStream>, bool) {
        let mut client = self.stranger().await;
        let resumed = client.resume(token, ack).await;
        (client, resumed)
    }

    /// A host and a guest in a room of their own.
    pub(crate) async fn call(&self, key: u8) -> (Client<TcpStream>, Client<TcpStream>) {
        let (mut host, mut guest) = (self.client().await, self.client().await);
        let room = host.create(key).await;
        guest.join(&room).await;
        host.roster().await;
        (host, guest)
    }

    pub(crate) async fn stopped(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

pub(crate) struct Client<S> {
    pub(crate) socket: WebSocketStream<S>,
    pub(crate) peer: PeerId,
    pub(crate) challenge: Nonce,
    /// The token of the last `welcome`.
    pub(crate) token: String,
    /// The relay's origin, as the client reaches it.
    pub(crate) relay: String,
}

/// Who is in the room.
#[derive(Debug, PartialEq)]
pub(crate) struct Roster {
    pub(crate) host: Option<PeerId>,
    pub(crate) peers: Vec<PeerId>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) async fn open(stream: S, url: &str, origin: Option<&str>) -> Result<Self, Error> {
        let origin = origin.map(|origin| (header::ORIGIN, origin));
        Self::open_with(stream, url, origin.as_slice()).await
    }

    /// The same with any headers, which come in the place of others of their names.
    pub(crate) async fn open_with(
        stream: S,
        url: &str,
        headers: &[(HeaderName, &str)],
    ) -> Result<Self, Error> {
        let mut request = url.into_client_request()?;
        for (name, value) in headers {
            let value = HeaderValue::from_str(value)?;
            request.headers_mut().insert(name, value);
        }
        let (socket, _) = client_async(request, stream).await?;
        Ok(Self {
            socket,
            peer: PeerId::from_bytes(&[0; 10]),
            challenge: Nonce::new([0; 16]),
            token: String::new(),
            relay: url.replacen("ws", "http", 1).replace("/ws", ""),
        })
    }

    pub(crate) async fn raw(&mut self, message: Message) -> Result<(), Error> {
        self.socket.send(message).await
    }

    pub(crate) async fn text(&mut self, text: impl Into<String>) {
        self.raw(Message::Text(text.into().into())).await.unwrap();
    }

    pub(crate) async fn send(&mut self, message: &ClientMessage) {
        self.text(serde_json::to_string(message).unwrap()).await;
    }

    /// The next message; pings are passed over.
    pub(crate) async fn next(&mut self) -> RelayMessage {
        loop {
            match timeout(PATIENCE, self.socket.next())
                .await
                .expect("the relay says nothing")
            {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_))) => {}
                other => panic!("no message but {other:?}"),
            }
        }
    }

    /// The code of the close that comes next.
    pub(crate) async fn closed(&mut self) -> Option<CloseCode> {
        loop {
            match timeout(PATIENCE, self.socket.next())
                .await
                .expect("the relay does not close")
            {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code),
                Some(Ok(Message::Ping(_))) => {}
                None | Some(Err(_)) => return None,
                other => panic!("no close but {other:?}"),
            }
        }
    }

    pub(crate) async fn error(&mut self) -> ErrorCode {
        match self.next().await {
            RelayMessage::Error { code, message } => {
                assert!(!message.is_empty());
                code
            }
            other => panic!("no error but {other:?}"),
        }
    }

    pub(crate) async fn roster(&mut self) -> Roster {
        match self.next().await {
            RelayMessage::Room { host, peers, .. } => Roster {
                host: host.map(|host| host.member.peer),
                peers: peers.into_iter().map(|member| member.peer).collect(),
            },
            other => panic!("no roster but {other:?}"),
        }
    }

    pub(crate) async fn hello(&mut self) {
        self.send(&hello()).await;
        assert!(!self.welcome().await);
    }

    /// Says hello with a token; whether the membership goes on.
    pub(crate) async fn resume(&mut self, token: &str, ack: u64) -> bool {
        self.send(&hello_with(token, ack)).await;
        self.welcome().await
    }

    /// Reads the welcome; whether a membership goes on.
    pub(crate) async fn welcome(&mut self) -> bool {
        match self.next().await {
            RelayMessage::Welcome {
                peer,
                challenge,
                resume,
                resumed,
                ..
            } => {
                (self.peer, self.challenge, self.token) = (peer, challenge, resume);
                resumed
            }
            other => panic!("no welcome but {other:?}"),
        }
    }

    /// Opens the room of a key, with a door; `created` and the first roster are read.
    pub(crate) async fn create_knocking(&mut self, key: u8) -> RoomId {
        let mut create = create(key, RoomKind::Call, self);
        if let ClientMessage::Create { knock, .. } = &mut create {
            *knock = true;
        }
        self.send(&create).await;
        let RelayMessage::Created { room } = self.next().await else {
            panic!("not created");
        };
        assert_eq!(self.roster().await.host.as_ref(), Some(&self.peer));
        room
    }

    /// Knocks at a room's door; the relay's word for it is read.
    pub(crate) async fn knock(&mut self, room: &RoomId) {
        self.send(&join(room)).await;
        assert_eq!(self.knocked().await, self.peer);
    }

    /// Who knocked.
    pub(crate) async fn knocked(&mut self) -> PeerId {
        match self.next().await {
            RelayMessage::Knock { peer, .. } => peer,
            other => panic!("no knock but {other:?}"),
        }
    }

    /// The number and the body of the signal that comes next.
    pub(crate) async fn signalled(&mut self) -> (u64, String) {
        match self.next().await {
            RelayMessage::Signal { n, body, .. } => (n, body),
            other => panic!("no signal but {other:?}"),
        }
    }

    /// Opens the room of a key; `created` and the first roster are read.
    pub(crate) async fn create(&mut self, key: u8) -> RoomId {
        let create = create(key, RoomKind::Call, self);
        self.send(&create).await;
        let RelayMessage::Created { room } = self.next().await else {
            panic!("not created");
        };
        assert_eq!(self.roster().await.host.as_ref(), Some(&self.peer));
        room
    }

    /// Joins a room; the first roster is read.
    pub(crate) async fn join(&mut self, room: &RoomId) -> Roster {
        self.send(&join(room)).await;
        self.roster().await
    }

    pub(crate) async fn signal(&mut self, to: &PeerId, body: &str) {
        self.send(&signal(to, body)).await;
    }
}

pub(crate) fn hello() -> ClientMessage {
    ClientMessage::Hello {
        version: VERSION,
        app: "test/1".to_owned(),
        resume: None,
        ack: None,
    }
}

pub(crate) fn hello_with(token: &str, ack: u64) -> ClientMessage {
    ClientMessage::Hello {
        version: VERSION,
        app: "test/1".to_owned(),
        resume: Some(token.to_owned()),
        ack: Some(ack),
    }
}

pub(crate) fn create<S>(key: u8, kind: RoomKind, client: &Client<S>) -> ClientMessage {
    let signer = SigningKey::from_bytes(&[key; 32]);
    let nonce = Nonce::new([1; 16]);
    let bytes = create_bytes(&client.challenge, &client.relay, kind, &nonce);
    ClientMessage::Create {
        key: PublicKey::new(signer.verifying_key().to_bytes()),
        proof: Signature::new(signer.sign(&bytes).to_bytes()),
        kind,
        capacity: 8,
        knock: false,
        name: "host".to_owned(),
        nonce,
        mac: Mac::new([3; 32]),
    }
}

pub(crate) fn join(room: &RoomId) -> ClientMessage {
    ClientMessage::Join {
        room: room.clone(),
        role: Role::Caller,
        name: "guest".to_owned(),
        nonce: Nonce::new([2; 16]),
        mac: Mac::new([3; 32]),
    }
}

pub(crate) fn signal(to: &PeerId, body: &str) -> ClientMessage {
    ClientMessage::Signal {
        to: to.clone(),
        seq: 1,
        body: body.to_owned(),
        sig: None,
    }
}

/// Lets the test have as many sockets as it needs, both ends of each: systems allow a thousand files unless asked.
pub(crate) fn many_sockets() {
    #[cfg(unix)]
    rlimit::increase_nofile_limit(4096).unwrap();
}

/// That the two still reach each other.
pub(crate) async fn talk(a: &mut Client<TcpStream>, b: &mut Client<TcpStream>) {
    say(a, b).await;
    say(b, a).await;
}

async fn say(from: &mut Client<TcpStream>, to: &mut Client<TcpStream>) {
    let peer = to.peer.clone();
    from.signal(&peer, r#"{"candidate":null}"#).await;
    match to.next().await {
        RelayMessage::Signal {
            from: sender, body, ..
        } => {
            assert_eq!(
                (sender, body.as_str()),
                (from.peer.clone(), r#"{"candidate":null}"#)
            );
        }
        other => panic!("no signal but {other:?}"),
    }
}
