//! Socket.IO's protocol 5 over Engine.IO's protocol 4, as a client on a WebSocket needs it: the text frames of
//! <https://socket.io/docs/v4/engine-io-protocol/> and <https://socket.io/docs/v4/socket-io-protocol/>.
//!
//! An event is handed over as its JSON array, `["name", argument…]`. Binary events, acknowledgements and long polling are
//! not spoken. Pure.

use std::time::Duration;

use serde::Deserialize;

/// The longest silence that a server may ask for.
const MAX_PATIENCE: Duration = Duration::from_secs(300);

/// What the address of a server asks for: Engine.IO 4 over a WebSocket from the start.
pub(super) const PATH: &str = "/socket.io/?EIO=4&transport=websocket";

/// What a frame of the server means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing that matters here.
    Nothing,
    /// The server wants this back.
    Reply(String),
    /// Events can be sent.
    Open,
    /// An event, as a JSON array.
    Event(String),
    /// The server is done with this client, or cannot be spoken to.
    Over(&'static str),
}

/// The state of one connection.
#[derive(Debug)]
pub(super) struct SocketIo {
    /// `/` or the one that the address names.
    namespace: String,
    open: bool,
    patience: Option<Duration>,
}

/// The packet with which a server opens a connection.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handshake {
    ping_interval: u64,
    ping_timeout: u64,
}

impl SocketIo {
    /// `namespace`: the path of the address.
    pub(super) fn new(namespace: &str) -> Self {
        let namespace = if namespace.is_empty() { "/" } else { namespace };
        Self {
            namespace: namespace.to_owned(),
            open: false,
            patience: None,
        }
    }

    /// How long the server may be silent, once it has said so.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// Takes a text frame.
    pub(super) fn read(&mut self, frame: &str) -> Heard {
        let mut rest = frame.chars();
        match rest.next() {
            Some('0') => self.handshake(rest.as_str()),
            Some('1') => Heard::Over("the server has closed the connection"),
            Some('2') => Heard::Reply(format!("3{}", rest.as_str())),
            Some('4') => self.packet(rest.as_str()),
            _ => Heard::Nothing,
        }
    }

    fn handshake(&mut self, text: &str) -> Heard {
        let Ok(handshake) = serde_json::from_str::<Handshake>(text) else {
            return Heard::Over("this is no server of Socket.IO");
        };
        let silence = handshake
            .ping_interval
            .saturating_add(handshake.ping_timeout);
        self.patience = Some(Duration::from_millis(silence).min(MAX_PATIENCE));
        Heard::Reply(format!("40{}", self.prefix()))
    }

    fn packet(&mut self, text: &str) -> Heard {
        let mut rest = text.chars();
        let kind = rest.next();
        let Some(payload) = self.payload(rest.as_str()) else {
            return Heard::Nothing;
        };
        match kind {
            // Before version 5 a server let its clients in by itself, and named no session.
            Some('0') if payload.is_empty() => Heard::Over(
                "the server speaks an old version of Socket.IO: it has to be 3 or later",
            ),
            Some('0') => {
                self.open = true;
                Heard::Open
            }
            Some('1') => Heard::Over("the server has sent this client away"),
            Some('2') if self.open => {
                // The number of an acknowledgement that the server would like may stand before.
                let event = payload.trim_start_matches(|c: char| c.is_ascii_digit());
                Heard::Event(event.to_owned())
            }
            Some('4') => Heard::Over("the server does not let this client in"),
            _ => Heard::Nothing,
        }
    }

    /// What stands behind the namespace, if that is this client's.
    fn payload<'a>(&self, text: &'a str) -> Option<&'a str> {
        if !text.starts_with('/') {
            return (self.namespace == "/").then_some(text);
        }
        let (namespace, payload) = text.split_once(',').unwrap_or((text, ""));
        let namespace = namespace.split('?').next().unwrap_or_default();
        (namespace == self.namespace).then_some(payload)
    }

    /// The frame for an event.
    pub(super) fn write(&self, event: &str) -> String {
        format!("42{}{event}", self.prefix())
    }

    fn prefix(&self) -> String {
        if self.namespace == "/" {
            String::new()
        } else {
            format!("{},", self.namespace)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPEN: &str = r#"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

    fn open(namespace: &str, answer: &str) -> SocketIo {
        let mut socket = SocketIo::new(namespace);
        assert!(matches!(socket.read(OPEN), Heard::Reply(_)));
        assert_eq!(socket.read(answer), Heard::Open);
        socket
    }

    #[test]
    fn a_client_is_let_in_and_hears_events() {
        let mut socket = SocketIo::new("/");
        assert_eq!(socket.read(OPEN), Heard::Reply("40".into()));
        assert_eq!(socket.patience(), Some(Duration::from_secs(45)));
        assert_eq!(socket.read(r#"42["early"]"#), Heard::Nothing);
        assert_eq!(socket.read(r#"40{"sid":"b"}"#), Heard::Open);
        let event = r#"["receive-offer",{"type":"offer","sdp":"v=0"}]"#;
        for frame in [format!("42{event}"), format!("4217{event}")] {
            assert_eq!(socket.read(&frame), Heard::Event(event.into()));
        }
        assert_eq!(socket.write(event), format!("42{event}"));
        assert_eq!(socket.read("2"), Heard::Reply("3".into()));
        assert_eq!(socket.read("2probe"), Heard::Reply("3probe".into()));
        assert!(matches!(socket.read("41"), Heard::Over(_)));
    }

    #[test]
    fn a_namespace_is_a_room_of_its_own() {
        let mut socket = SocketIo::new("/chat");
        assert_eq!(socket.read(OPEN), Heard::Reply("40/chat,".into()));
        assert_eq!(socket.read(r#"40{"sid":"b"}"#), Heard::Nothing);
        assert_eq!(socket.read(r#"40/chat,{"sid":"b"}"#), Heard::Open);
        assert_eq!(socket.read(r#"42["a"]"#), Heard::Nothing);
        assert_eq!(
            socket.read(r#"42/chat,["a"]"#),
            Heard::Event(r#"["a"]"#.into())
        );
        assert_eq!(socket.write(r#"["a"]"#), r#"42/chat,["a"]"#);
    }

    #[test]
    fn a_server_that_cannot_be_spoken_to_is_told_apart() {
        let mut old = SocketIo::new("/");
        old.read(OPEN);
        assert!(matches!(old.read("40"), Heard::Over(why) if why.contains("old version")));
        assert!(matches!(
            SocketIo::new("/").read("0rubbish"),
            Heard::Over(_)
        ));
        let mut socket = open("/", r#"40{"sid":"b"}"#);
        assert!(matches!(
            socket.read(r#"44{"message":"no"}"#),
            Heard::Over(_)
        ));
        assert!(matches!(socket.read("1"), Heard::Over(_)));
        for rubbish in ["", "x", "6", "4", "45-1[\"a\"]", "43[1]", "b4AAAA", "4ü"] {
            assert_eq!(socket.read(rubbish), Heard::Nothing, "{rubbish}");
        }
        let forever = r#"0{"sid":"a","pingInterval":18446744073709551615,"pingTimeout":1}"#;
        assert!(matches!(socket.read(forever), Heard::Reply(_)));
        assert_eq!(socket.patience(), Some(MAX_PATIENCE));
    }

    proptest! {
        #[test]
        fn no_frame_is_too_much(frames in proptest::collection::vec("[0-6]{0,3}(/[a-z]{0,3})?,?\\PC{0,20}", 0..20)) {
            let mut socket = SocketIo::new("/");
            for frame in frames {
                let _ = socket.read(&frame);
            }
        }
    }
}
