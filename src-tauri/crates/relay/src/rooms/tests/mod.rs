//! Rooms, fed by hand.

mod back;
mod broadcast;
mod door;
mod life;
mod places;
mod properties;

use ahoy_contract::{
    Nonce, PublicKey, Signature, create_bytes,
    id::Mac,
    wire::{ClientMessage, Member, RoomKind},
};
use ed25519_dalek::{Signer as _, SigningKey};

use super::*;
use crate::{request::Request, token::Token};

const AWAY: Duration = Duration::from_secs(60);
const RESUME: Duration = Duration::from_secs(30);

/// Rooms, and a clock that the test moves.
struct Relay {
    rooms: Rooms,
    now: Duration,
    /// The last token of each.
    tokens: HashMap<PeerId, Token>,
    tokens_made: u8,
    closed: Vec<u64>,
}

/// How a socket was welcomed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Welcome {
    peer: PeerId,
    resumed: bool,
}

impl Relay {
    fn new() -> Self {
        Self::of(100, 8)
    }

    fn of(rooms: usize, members: u32) -> Self {
        Self::bounded(Bounds {
            rooms,
            call_members: members,
            broadcast_members: 512,
            host_away: AWAY,
            resume: RESUME,
            kept_bytes: 1024 * 1024,
        })
    }

    fn bounded(bounds: Bounds) -> Self {
        Self {
            rooms: Rooms::new(bounds),
            now: Duration::from_secs(1000),
            tokens: HashMap::new(),
            tokens_made: 0,
            closed: Vec::new(),
        }
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.rooms.expire(self.now);
    }

    /// Says hello, and gives what everybody gets for it after the `welcome`.
    fn hello(
        &mut self,
        socket: u64,
        resume: Option<Token>,
        ack: u64,
    ) -> (Welcome, Vec<(u64, RelayMessage)>) {
        self.tokens_made = self.tokens_made.wrapping_add(1);
        let hello = Hello {
            fresh: token(socket, self.tokens_made),
            resume,
            ack,
        };
        let mut welcomed = None;
        let key = self
            .rooms
            .greet(self.now, SocketId(socket), hello, |greeting| {
                let Greeting {
                    peer,
                    token,
                    resumed,
                    ..
                } = greeting;
                welcomed = Some((Welcome { peer, resumed }, token));
                "welcome".into()
            })
            .unwrap();
        let (welcome, token) = welcomed.unwrap();
        assert_eq!(key.peer(), welcome.peer);
        self.tokens.insert(welcome.peer.clone(), token);
        // The welcome comes before all else that this socket gets.
        let mut out: Vec<_> = std::iter::from_fn(|| self.rooms.poll()).collect();
        let first = out
            .iter()
            .position(|(to, _)| *to == SocketId(socket))
            .unwrap();
        assert_eq!(out.remove(first).1, Said::Text("welcome".into()));
        (welcome, self.read(out))
    }

    /// Comes back on a new socket as one that had another, with its last token.
    fn back(&mut self, socket: u64, before: u64, ack: u64) -> (Welcome, Vec<(u64, RelayMessage)>) {
        let token = self.tokens[&peer(before)].clone();
        self.hello(socket, Some(token), ack)
    }

    /// Does it, and says what everybody gets for it.
    fn act(&mut self, socket: u64, action: Action<'_>) -> Vec<(u64, RelayMessage)> {
        if self.rooms.people.on(SocketId(socket)).is_none() && !self.closed.contains(&socket) {
            self.hello(socket, None, 0);
        }
        self.rooms.handle(self.now, SocketId(socket), action);
        self.said()
    }

    fn open(&mut self, socket: u64, key: u8) -> Vec<(u64, RelayMessage)> {
        self.act(socket, open(key, 8, false))
    }

    fn open_knocking(&mut self, socket: u64, key: u8) -> Vec<(u64, RelayMessage)> {
        self.act(socket, open(key, 8, true))
    }

    fn join(&mut self, socket: u64, key: u8) -> Vec<(u64, RelayMessage)> {
        let newcomer = newcomer(socket);
        self.act(
            socket,
            Action::Join {
                room: room(key),
                newcomer,
            },
        )
    }

    fn admit(&mut self, socket: u64, guest: u64, accept: bool) -> Vec<(u64, RelayMessage)> {
        let peer = peer(guest);
        self.act(socket, Action::Admit { peer, accept })
    }

    /// The socket breaks.
    fn breaks(&mut self, socket: u64) -> Vec<(u64, RelayMessage)> {
        self.rooms.gone(self.now, SocketId(socket));
        self.said()
    }

    /// The socket breaks, and nobody comes back on another.
    fn gone(&mut self, socket: u64) -> Vec<(u64, RelayMessage)> {
        self.rooms.gone(self.now, SocketId(socket));
        assert_eq!(self.said(), []);
        self.wait(RESUME.as_secs());
        self.said()
    }

    fn signal(&mut self, socket: u64, to: u64) -> Vec<(u64, RelayMessage)> {
        self.signal_of(socket, &peer(to), r#"{"bye":"hang_up"}"#)
    }

    fn signal_of(&mut self, socket: u64, to: &PeerId, body: &str) -> Vec<(u64, RelayMessage)> {
        let text = signal(to, 1, body);
        let Ok(Request::Signal(signal)) = Request::read(&text) else {
            panic!("not a signal");
        };
        self.act(socket, Action::Signal(signal))
    }

    fn said(&mut self) -> Vec<(u64, RelayMessage)> {
        let out = std::iter::from_fn(|| self.rooms.poll()).collect();
        self.read(out)
    }

    fn read(&mut self, out: Vec<(SocketId, Said)>) -> Vec<(u64, RelayMessage)> {
        let mut said = Vec::new();
        for (SocketId(to), what) in out {
            assert!(!self.closed.contains(&to), "{what:?} for a closed socket");
            match what {
                Said::Text(text) | Said::Signal { text, .. } => {
                    said.push((to, serde_json::from_str(&text).unwrap()));
                }
                Said::SenderLeft(_) => {}
                Said::Close => self.closed.push(to),
            }
        }
        said
    }
}

fn token(socket: u64, secret: u8) -> Token {
    let mut bytes = [secret; 32];
    bytes[..8].copy_from_slice(&socket.to_be_bytes());
    bytes[8..16].fill(0);
    Token::new(bytes)
}

/// The id of one that came without a token on this socket.
fn peer(socket: u64) -> PeerId {
    token(socket, 0).key().peer()
}

/// The relay, as hosts name it in their proofs.
const RELAY: &str = "https://relay.example";

fn signer(key: u8) -> SigningKey {
    SigningKey::from_bytes(&[key; 32])
}

fn public(key: u8) -> PublicKey {
    PublicKey::new(signer(key).verifying_key().to_bytes())
}

fn room(key: u8) -> RoomId {
    RoomId::of_key(&public(key))
}

fn newcomer(socket: u64) -> Newcomer {
    Newcomer {
        name: format!("n{socket}"),
        nonce: Nonce::new([socket as u8; 16]),
        mac: Mac::new([socket as u8; 32]),
    }
}

fn open(key: u8, capacity: u32, knock: bool) -> Action<'static> {
    open_for(RoomKind::Call, key, capacity, knock)
}

fn open_for(kind: RoomKind, key: u8, capacity: u32, knock: bool) -> Action<'static> {
    let (challenge, nonce) = (Nonce::new([0; 16]), Nonce::new([key; 16]));
    let bytes = create_bytes(&challenge, RELAY, kind, &nonce);
    let text = serde_json::to_string(&ClientMessage::Create {
        key: public(key),
        proof: Signature::new(signer(key).sign(&bytes).to_bytes()),
        kind,
        capacity,
        knock,
        name: "host".to_owned(),
        nonce,
        mac: Mac::new([key; 32]),
    })
    .unwrap();
    let Ok(Request::Create(create)) = Request::read(&text) else {
        panic!("not a create");
    };
    Action::Open(Box::new(create.prove(&challenge, [RELAY]).unwrap()))
}

fn signal(to: &PeerId, seq: u64, body: &str) -> String {
    serde_json::to_string(&ClientMessage::Signal {
        to: to.clone(),
        seq,
        body: body.to_owned(),
        sig: None,
    })
    .unwrap()
}

/// Who gets a roster, and what it says: host, guests, count.
fn rosters(said: &[(u64, RelayMessage)]) -> Vec<(u64, Option<PeerId>, Vec<PeerId>, u32)> {
    said.iter()
        .filter_map(|(to, message)| match message {
            RelayMessage::Room {
                host, peers, count, ..
            } => Some((
                *to,
                host.as_ref().map(|host| host.member.peer.clone()),
                peers.iter().map(|member| member.peer.clone()).collect(),
                *count,
            )),
            _ => None,
        })
        .collect()
}

fn errors(said: &[(u64, RelayMessage)]) -> Vec<(u64, ErrorCode)> {
    said.iter()
        .filter_map(|(to, message)| match message {
            RelayMessage::Error { code, .. } => Some((*to, *code)),
            _ => None,
        })
        .collect()
}

fn order_of(said: &[(u64, RelayMessage)], wanted: u64) -> u32 {
    let members = said.iter().rev().find_map(|(_, message)| match message {
        RelayMessage::Room { host, peers, .. } => {
            let host = host.iter().map(|host| host.member.clone());
            Some(host.chain(peers.iter().cloned()).collect::<Vec<Member>>())
        }
        _ => None,
    });
    members
        .unwrap()
        .iter()
        .find(|member| member.peer == peer(wanted))
        .unwrap()
        .order
}
