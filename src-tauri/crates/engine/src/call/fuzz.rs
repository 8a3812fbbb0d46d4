//! Fuzz target: what a peer says once it is authenticated, on the data channel and in signals.

use std::time::{Duration, Instant};

use ahoy_contract::{
    Nonce, PeerId, Secret,
    peer::{DataMessage, Description, DescriptionType},
    ui::{MAX_CHAT_LINES, MAX_CHAT_TEXT},
    wire::{Host, Member, RelayMessage, Role, RoomKind},
};

use super::{
    Authenticator, Call, CallConfig, End, HostKey, Input, Output, Part, PeerInput, PeerOutput,
};
use crate::fuzz::start;

/// The most data messages, and outputs in all, that one message of the peer leads to.
const MAX_ANSWERS: usize = 4;
const MAX_OUTPUTS: usize = 16;

/// The lines that this end has written to the peer.
const WRITTEN: usize = 3;

/// A description with a fingerprint, without which the four words are not spoken of.
const SDP: &str = "v=0\r\na=fingerprint:sha-256 AB:CD\r\n";

const SECRET: [u8; 16] = [7; 16];
const SEAL_NONCE: [u8; 24] = [6; 24];
const RELAY: &str = "https://relay.example";

/// The first byte says which end is the host, each line after it is a message: one that begins with `!` is the body of a
/// signal, the others come on the data channel. Whatever is said, little is kept of it and little answered, and it makes
/// nobody else a member.
pub(crate) fn data_channel(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(rest);
    let mut ends = Ends::new(first & 1 == 0);
    for line in text.lines() {
        if ends.call.ended().is_some() {
            break;
        }
        ends.now += Duration::from_millis(50);
        ends.answers = 0;
        let mut outputs = match line.strip_prefix('!') {
            Some(body) => ends.signal(body),
            None => ends.peer(PeerInput::Data(line.to_owned())),
        };
        assert!(ends.answers <= MAX_ANSWERS, "{} answers", ends.answers);
        // A connection that does as it is told.
        while let Some(kind) = ends.wanted.take() {
            outputs += ends.peer(PeerInput::Local(description(kind)));
        }
        assert!(outputs <= MAX_OUTPUTS, "{outputs} outputs");
    }
    let view = ends.call.view();
    assert!(view.peers.len() <= 1 && view.knocks.is_empty());
    let text: usize = view.chat.iter().map(|line| line.text.len()).sum();
    assert!(view.chat.len() <= MAX_CHAT_LINES && text <= MAX_CHAT_TEXT);
    let own = view.chat.iter().filter(|line| line.name.is_none());
    assert!(own.clone().count() <= WRITTEN);
    let receipts = rest
        .windows(b"chat_received".len())
        .filter(|part| part == b"chat_received")
        .count();
    assert!(own.filter(|line| line.delivered).count() <= receipts);
}

/// A call that is connected to one peer.
struct Ends {
    call: Call,
    now: Instant,
    me: End,
    them: End,
    /// The keys with which the peer proves its signals.
    auth: Authenticator,
    seq: u64,
    /// Data messages to the peer.
    answers: usize,
    /// The description that the connection was asked for last.
    wanted: Option<DescriptionType>,
}

impl Ends {
    fn new(is_host: bool) -> Self {
        let (key, now) = (HostKey::from_bytes(&[3; 32]), start());
        let [me, them] = [1, 2].map(|byte| End {
            peer: PeerId::from_bytes(&[byte; 10]),
            nonce: Nonce::new([byte; 16]),
        });
        let (kind, capacity, role) = (RoomKind::Call, 8, Role::Caller);
        let part = match is_host {
            true => Part::Host {
                key: key.clone(),
                kind,
                capacity,
                knock: false,
            },
            false => Part::Guest { role },
        };
        let config = CallConfig {
            part,
            room: key.room(),
            secret: Secret::new(SECRET),
            relay: RELAY.to_owned(),
            link: String::new(),
            name: "Ada".to_owned(),
            app: String::new(),
            only_answers: false,
            needs_turn: false,
            unix_ms: 0,
            start: now,
        };
        let nonce = me.nonce.clone();
        let their_key = (!is_host).then(|| key.clone());
        let mut ends = Self {
            call: Call::new(config, move || nonce.clone()),
            now,
            auth: Authenticator::new(key.room(), &Secret::new(SECRET), their_key),
            me,
            them,
            seq: 0,
            answers: 0,
            wanted: None,
        };
        ends.connect(&key, is_host);
        ends
    }

    fn connect(&mut self, key: &HostKey, is_host: bool) {
        self.handle(Input::SocketOpen);
        self.handle(Input::Relay(RelayMessage::Welcome {
            peer: self.me.peer.clone(),
            challenge: Nonce::new([1; 16]),
            ice_servers: Vec::new(),
            resume: String::new(),
            resumed: false,
        }));
        let member = |end: &End, name: &str, order| Member {
            peer: end.peer.clone(),
            name: name.to_owned(),
            nonce: end.nonce.clone(),
            mac: self.auth.prove_join(end, name),
            order,
        };
        let (me, them) = (member(&self.me, "Ada", 1), member(&self.them, "", 2));
        let (host, guest) = if is_host { (me, them) } else { (them, me) };
        self.handle(Input::Relay(RelayMessage::Room {
            kind: RoomKind::Call,
            host: Some(Host {
                key: key.public(),
                member: host,
            }),
            peers: vec![guest],
            count: 2,
            capacity: 8,
            locked: false,
        }));
        for input in [
            PeerInput::Local(description(DescriptionType::Offer)),
            PeerInput::Connected,
            PeerInput::DataOpen,
        ] {
            self.peer(input);
        }
        for _ in 0..WRITTEN {
            let text = "a line".to_owned();
            self.handle(Input::Chat { to: None, text });
        }
        assert_eq!(self.call.view().peers.len(), 1, "the peer is a member");
        self.wanted = None;
    }

    /// Takes a signal of the peer's. Returns how many outputs it led to.
    fn signal(&mut self, body: &str) -> usize {
        self.seq += 1;
        let (body, sig) = self
            .auth
            .seal(&self.them, &self.me, self.seq, SEAL_NONCE, body);
        self.handle(Input::Relay(RelayMessage::Signal {
            from: self.them.peer.clone(),
            n: self.seq,
            seq: self.seq,
            body,
            sig,
        }))
    }

    /// Takes what the connection to the peer did. Returns how many outputs it led to.
    fn peer(&mut self, input: PeerInput) -> usize {
        self.handle(Input::Peer(self.them.peer.clone(), input))
    }

    fn handle(&mut self, input: Input) -> usize {
        self.call.handle(self.now, input);
        let mut outputs = 0;
        while let Some(output) = self.call.poll() {
            outputs += 1;
            match output {
                Output::Peer(_, PeerOutput::Data(message)) => {
                    self.answers += usize::from(!matches!(message, DataMessage::Chat { .. }));
                }
                Output::Peer(_, PeerOutput::CreateOffer { .. }) => {
                    self.wanted = Some(DescriptionType::Offer);
                }
                Output::Peer(_, PeerOutput::CreateAnswer) => {
                    self.wanted = Some(DescriptionType::Answer);
                }
                _ => {}
            }
        }
        outputs
    }
}

fn description(kind: DescriptionType) -> Description {
    Description {
        kind,
        sdp: SDP.to_owned(),
    }
}
