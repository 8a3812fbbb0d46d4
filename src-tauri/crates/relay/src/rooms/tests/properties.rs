//! Random orders of all that can happen.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// What a client does, or what happens to it.
#[derive(Debug, Clone, Copy)]
enum Step {
    Open { knock: bool },
    Join,
    Admit { guest: usize, accept: bool },
    Lock(bool),
    Remove(usize),
    Signal(usize),
    Ack,
    Leave,
    Break,
    Resume { token: Held, late: bool },
    Wait(u64),
}

/// Which token a client shows.
#[derive(Debug, Clone, Copy)]
enum Held {
    None,
    Last,
    Past,
    Stolen(usize),
}

const CLIENTS: usize = 7;
const KEYS: u8 = 2;
const CAPACITY: u32 = 3;

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    prop_oneof![
        2 => any::<bool>().prop_map(|knock| Step::Open { knock }),
        5 => Just(Step::Join),
        6 => (client.clone(), any::<bool>()).prop_map(|(guest, accept)| Step::Admit { guest, accept }),
        1 => any::<bool>().prop_map(Step::Lock),
        1 => client.clone().prop_map(Step::Remove),
        6 => client.clone().prop_map(Step::Signal),
        2 => Just(Step::Ack),
        1 => Just(Step::Leave),
        3 => Just(Step::Break),
        5 => (held(), any::<bool>()).prop_map(|(token, late)| Step::Resume { token, late }),
        3 => (0..50_u64).prop_map(Step::Wait),
    ]
}

fn held() -> impl Strategy<Value = Held> {
    prop_oneof![
        1 => Just(Held::None),
        8 => Just(Held::Last),
        1 => Just(Held::Past),
        1 => (0..CLIENTS).prop_map(Held::Stolen),
    ]
}

/// One that uses the relay, and what it knows.
#[derive(Debug, Default)]
struct Client {
    /// Its socket, while it has one.
    socket: Option<u64>,
    peer: Option<PeerId>,
    tokens: Vec<Token>,
    /// The last roster, while it is in a room.
    roster: Option<BTreeSet<PeerId>>,
    /// It waits at a door.
    waits: bool,
}

/// The signals of one member since it is in its room.
#[derive(Debug, Default)]
struct Signals {
    /// The bodies that were sent to it and not refused, in order.
    sent: Vec<String>,
    /// Those that arrived, on whatever socket; as many as the number of the last.
    heard: Vec<String>,
}

/// Clients, a relay, and what each may expect of the other.
struct World {
    relay: Relay,
    clients: Vec<Client>,
    sockets: u64,
    /// Who was let into each room, by its host or because the room did not knock.
    admitted: BTreeMap<u8, BTreeSet<PeerId>>,
    signals: HashMap<PeerId, Signals>,
    /// Sockets that are open as far as the relay knows, and lead nowhere.
    half_open: BTreeSet<u64>,
    bodies: u64,
}

impl World {
    fn new() -> Self {
        Self {
            relay: Relay::of(KEYS.into(), CAPACITY),
            clients: (0..CLIENTS).map(|_| Client::default()).collect(),
            sockets: 0,
            admitted: BTreeMap::new(),
            signals: HashMap::new(),
            half_open: BTreeSet::new(),
            bodies: 0,
        }
    }

    fn heard_by(&self, peer: Option<&PeerId>) -> u64 {
        let signals = peer.and_then(|peer| self.signals.get(peer));
        signals.map_or(0, |signals| signals.heard.len() as u64)
    }

    fn peer(&self, client: usize) -> Option<PeerId> {
        self.clients[client].peer.clone()
    }

    /// Who is the host of a room, as the room knows it.
    fn host(&self, key: u8) -> Option<usize> {
        let host = self.relay.rooms.rooms.get(&room(key))?.host?.peer();
        self.clients
            .iter()
            .position(|client| client.socket.is_some() && client.peer.as_ref() == Some(&host))
    }

    /// One of those at the door of a room.
    fn at_door(&self, key: u8, which: usize) -> Option<usize> {
        let door = &self.relay.rooms.rooms.get(&room(key))?.door;
        let peer = door.get(which.checked_rem(door.len())?)?.key.peer();
        self.clients
            .iter()
            .position(|client| client.peer.as_ref() == Some(&peer))
    }

    fn step(&mut self, client: usize, key: u8, step: Step) {
        match step {
            Step::Resume { token, late } => return self.resume(client, token, late),
            Step::Wait(seconds) => {
                self.relay.wait(seconds);
                let said = self.relay.said();
                return self.hear(said);
            }
            _ => {}
        }
        let Some(socket) = self.clients[client].socket else {
            return;
        };
        match step {
            Step::Break => {
                self.clients[client].socket = None;
                assert_eq!(self.relay.breaks(socket), []);
            }
            Step::Signal(to) => {
                let Some(to) = self.peer(to) else { return };
                self.bodies += 1;
                let body = format!("body {}", self.bodies);
                let said = self.relay.signal_of(socket, &to, &body);
                // What is taken has to arrive, sooner or later.
                if errors(&said).is_empty() {
                    self.signals.entry(to).or_default().sent.push(body);
                }
                self.hear(said);
            }
            _ => {
                let action = match step {
                    Step::Open { knock } => open(key, CAPACITY, knock),
                    Step::Join => Action::Join {
                        room: room(key),
                        newcomer: newcomer(client as u64),
                    },
                    Step::Admit { guest, accept } => {
                        let Some(peer) = self.peer(guest) else { return };
                        Action::Admit { peer, accept }
                    }
                    Step::Lock(locked) => Action::Lock(locked),
                    Step::Remove(guest) => {
                        let Some(peer) = self.peer(guest) else { return };
                        Action::Remove(peer)
                    }
                    Step::Ack => Action::Ack(self.heard_by(self.clients[client].peer.as_ref())),
                    _ => {
                        let own = &mut self.clients[client];
                        (own.roster, own.waits) = (None, false);
                        Action::Leave
                    }
                };
                self.expect(client, key, step);
                let said = self.relay.act(socket, action);
                self.hear(said);
            }
        }
    }

    /// Notes who may be in a room after this step: asked of the rooms before it is done.
    fn expect(&mut self, client: usize, key: u8, step: Step) {
        let Some(own) = self.peer(client) else { return };
        let rooms = &self.relay.rooms;
        let own_key = self.clients[client]
            .socket
            .and_then(|socket| rooms.people.on(SocketId(socket)));
        let place = own_key.and_then(|key| rooms.people.place(key)).cloned();
        match step {
            Step::Open { .. } if place.is_none() => {
                self.admitted.entry(key).or_default().insert(own);
                let Step::Open { knock: false } = step else {
                    return;
                };
                let door = rooms.rooms.get(&room(key)).map(|room| &room.door);
                let waiting: Vec<_> = door.into_iter().flatten().map(|w| w.key.peer()).collect();
                self.admitted.entry(key).or_default().extend(waiting);
            }
            Step::Join if place.is_none() => {
                let open = rooms
                    .rooms
                    .get(&room(key))
                    .is_some_and(|room| !room.knock && !room.locked);
                if open {
                    self.admitted.entry(key).or_default().insert(own);
                }
            }
            Step::Admit {
                guest,
                accept: true,
            } => {
                let hosted = (1..=KEYS).find(|key| {
                    rooms
                        .rooms
                        .get(&room(*key))
                        .is_some_and(|room| room.host.is_some() && room.host == own_key)
                });
                if let (Some(key), Some(guest)) = (hosted, self.peer(guest)) {
                    self.admitted.entry(key).or_default().insert(guest);
                }
            }
            _ => {}
        }
    }

    fn resume(&mut self, client: usize, held: Held, late: bool) {
        let token = match held {
            Held::None => None,
            Held::Last => self.clients[client].tokens.last().cloned(),
            Held::Past => self.clients[client].tokens.first().cloned(),
            Held::Stolen(from) => self.clients[from].tokens.first().cloned(),
        };
        // Its own old socket may not have broken yet as far as the relay knows.
        if let Some(socket) = self.clients[client].socket.take() {
            if late {
                self.half_open.insert(socket);
            } else {
                assert_eq!(self.relay.breaks(socket), []);
            }
        }
        self.sockets += 1;
        let socket = 1000 + self.sockets;
        let ack = self.heard_by(token.as_ref().map(|token| token.key().peer()).as_ref());
        // Who is known goes on by its last token, and by no other.
        let people = &self.relay.rooms.people;
        let expected = token.as_ref().and_then(|token| {
            let peer = token.key().peer();
            let last = self.relay.tokens.get(&peer) == Some(token);
            let placed = people.place(token.key()).is_some();
            people.is_known(&peer).then_some((peer, last, placed))
        });
        let (welcome, said) = self.relay.hello(socket, token, ack);
        if let Some((peer, last, placed)) = expected {
            assert_eq!(welcome.peer == peer, last);
            assert!(welcome.resumed || !(last && placed));
        }
        self.relay.rooms.confirm(SocketId(socket));
        // One whose token was stolen before it was used is pushed out by the thief, who is it from then on.
        for other in &mut self.clients {
            if other
                .socket
                .is_some_and(|socket| self.relay.closed.contains(&socket))
            {
                other.socket = None;
            }
        }
        let own = &mut self.clients[client];
        (own.roster, own.waits) = (None, false);
        own.socket = Some(socket);
        own.tokens.push(self.relay.tokens[&welcome.peer].clone());
        own.peer = Some(welcome.peer);
        self.hear(said);
    }

    fn hear(&mut self, said: Vec<(u64, RelayMessage)>) {
        for (to, message) in said {
            if self.half_open.contains(&to) {
                continue;
            }
            let client = self
                .clients
                .iter_mut()
                .find(|client| client.socket == Some(to))
                .expect("a message for a socket that is not open");
            match message {
                RelayMessage::Room {
                    host,
                    peers,
                    count,
                    capacity,
                    ..
                } => {
                    let host = host.map(|host| host.member.peer);
                    let members: Vec<_> = host
                        .into_iter()
                        .chain(peers.into_iter().map(|member| member.peer))
                        .collect();
                    let set: BTreeSet<_> = members.iter().cloned().collect();
                    assert_eq!(set.len(), members.len(), "an id twice");
                    assert_eq!(members.len(), count as usize);
                    assert!(count <= capacity && capacity == CAPACITY);
                    (client.roster, client.waits) = (Some(set), false);
                }
                RelayMessage::Knock { peer, .. } if Some(&peer) == client.peer.as_ref() => {
                    assert_eq!(client.roster, None);
                    client.waits = true;
                }
                RelayMessage::Signal { from, n, body, .. } => {
                    assert!(!client.waits, "a signal at the door");
                    assert!(Some(&from) != client.peer.as_ref());
                    let heard = &mut self
                        .signals
                        .entry(client.peer.clone().unwrap())
                        .or_default()
                        .heard;
                    // What comes a second time is passed over, as clients do.
                    if n > heard.len() as u64 {
                        assert_eq!(n, heard.len() as u64 + 1, "a signal was lost");
                        heard.push(body);
                    }
                }
                _ => {}
            }
        }
        // Who has no place begins anew in the next.
        let rooms = &self.relay.rooms;
        let placed: BTreeSet<_> = rooms
            .rooms
            .values()
            .flat_map(|room| room.all().map(|key| key.peer()))
            .collect();
        self.signals.retain(|peer, _| placed.contains(peer));
        for client in &mut self.clients {
            if !client
                .peer
                .as_ref()
                .is_some_and(|peer| placed.contains(peer))
            {
                (client.roster, client.waits) = (None, false);
            }
        }
    }

    /// What holds at any time.
    fn check(&self) {
        let rooms = &self.relay.rooms;
        let (mut placed, mut kept, mut ids) = (0, 0, BTreeSet::new());
        for key in 1..=KEYS {
            let Some(room) = rooms.rooms.get(&room(key)) else {
                continue;
            };
            assert!(room.seats.len() <= CAPACITY as usize && room.door.len() <= 16);
            assert_eq!(room.host.is_none(), room.ends.is_some());
            for key in room.all() {
                placed += 1;
                assert!(ids.insert(key.peer()), "one is in two places");
                assert!(rooms.people.place(key).is_some());
            }
            for seat in &room.seats {
                kept += seat.kept.bytes();
                let let_in = self
                    .admitted
                    .get(&key)
                    .is_some_and(|set| set.contains(&seat.member.peer));
                assert!(let_in, "{} was not let in", seat.member.peer);
                // What it has heard and what is kept for it is all that it was sent.
                let client = self.clients.iter().find(|client| {
                    client.socket.is_some() && client.peer.as_ref() == Some(&seat.member.peer)
                });
                if let Some(client) = client {
                    if let Some(signals) = self.signals.get(&seat.member.peer) {
                        assert_eq!(signals.heard, signals.sent);
                    }
                    let members: BTreeSet<_> = room
                        .seats
                        .iter()
                        .map(|seat| seat.member.peer.clone())
                        .collect();
                    assert_eq!(client.roster.as_ref(), Some(&members));
                }
            }
        }
        assert_eq!(rooms.count().1, placed);
        assert_eq!(rooms.kept_bytes, kept);
        for client in &self.clients {
            let Some(key) = client
                .socket
                .and_then(|socket| rooms.people.on(SocketId(socket)))
            else {
                continue;
            };
            assert_eq!(Some(key.peer()), client.peer);
            let seated = rooms.rooms.values().any(|room| room.index(key).is_some());
            assert_eq!(seated, client.roster.is_some());
            assert_eq!(client.waits, !seated && rooms.people.place(key).is_some());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever happens in whatever order: nobody who was not let in is in a room or hears a signal, each
    /// member knows who is with it and gets each signal once, ids are unique, and time leaves nothing behind.
    #[test]
    fn nobody_is_where_it_may_not_be_and_nothing_is_lost(
        steps in proptest::collection::vec((0..CLIENTS, 1..=KEYS, prop::bool::weighted(0.8), step()), 1..150)
    ) {
        let mut world = World::new();
        for client in 0..CLIENTS {
            world.resume(client, Held::None, false);
        }
        for (client, key, as_host, step) in steps {
            // What only hosts may do is mostly done by one.
            let hosts_only = matches!(step, Step::Admit { .. } | Step::Lock(_) | Step::Remove(_));
            let host = world.host(key).filter(|_| as_host && hosts_only);
            let step = match (host, step) {
                (Some(_), Step::Admit { guest, accept }) => {
                    let guest = world.at_door(key, guest).unwrap_or(guest);
                    Step::Admit { guest, accept }
                }
                (_, step) => step,
            };
            world.step(host.unwrap_or(client), key, step);
            world.check();
        }
        for socket in 0..=world.sockets {
            world.relay.breaks(1000 + socket);
        }
        world.relay.wait(30);
        world.relay.wait(60);
        assert_eq!(world.relay.said(), []);
        let rooms = &world.relay.rooms;
        assert_eq!((rooms.count(), rooms.people.known(), rooms.kept_bytes), ((0, 0), 0, 0));
        assert_eq!(rooms.next_expiry(), None);
    }
}
