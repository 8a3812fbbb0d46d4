//! The app as its user goes through it, without devices, relay or network.

mod call;
mod devices;
mod files;
mod hostile;
mod link;
mod look;
mod meeting;
mod opened_link;
mod relay;
mod share;
mod way;

use ahoy_contract::{
    ErrorCode, Link, PeerId, Secret, UserError,
    id::Pin,
    ui::{
        AppView, CallPhase, CallView, ChatLine, Command, DeviceInfo, DeviceState, DeviceView,
        EndReason, Language, MediaView, OpenedLink, PeerState, PeerView, Reach, RelayCall,
        RelayChoice, RelayShape, RelayView, Screen, ShareContent, SourceKind, SourceList,
        SourceView, Theme,
    },
    wire::RoomKind,
};
use ahoy_engine::{call::HostKey, signaling::Looked};

use super::{
    action::{Action, CallAction, Capture, Input, MediaAction, RoomCall, StartCall},
    room::Listening,
    state::State,
};
use crate::{address::Address, recents::Recents, settings::Settings};

const NOW: u64 = 1_000_000;

struct Person {
    state: State,
    done: Vec<Action>,
}

impl Person {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let mut n = 0;
        let keys = move || {
            n += 1;
            Some((HostKey::from_bytes(&[n; 32]), Secret::new([n; 16])))
        };
        Self {
            state: State::new(settings, Recents::default(), None, Box::new(keys)),
            done: Vec::new(),
        }
    }

    fn feed(&mut self, input: Input) -> &mut Self {
        self.state.handle(NOW, input);
        self.done.extend(std::iter::from_fn(|| self.state.poll()));
        self
    }

    fn says(&mut self, command: Command) -> &mut Self {
        self.feed(Input::Command(command))
    }

    fn enters(&mut self) -> &mut Self {
        self.says(Command::Enter {
            name: " Ada ".into(),
        })
    }

    /// The relay says this of the room of [`somebodys_link`].
    fn looked(&mut self, looked: Looked) -> &mut Self {
        let room = somebodys_room().parse().unwrap();
        self.feed(Input::Looked { room, looked })
    }

    /// All actions since the last time, in short.
    fn did(&mut self) -> Vec<String> {
        let short = |action: &Action| {
            let debug = format!("{action:?}");
            let end = debug.find([' ', '(']).unwrap_or(debug.len());
            debug[..end].to_owned()
        };
        self.done.drain(..).map(|action| short(&action)).collect()
    }

    /// The call in a room that was started last.
    fn started(&mut self) -> RoomCall {
        let call = self.done.drain(..).rev().find_map(|action| match action {
            Action::StartCall(StartCall::Room(call)) => Some(*call),
            _ => None,
        });
        call.expect("a call was started")
    }

    fn view(&self) -> AppView {
        self.state.view()
    }

    fn call_view(&self) -> CallView {
        match self.view().screen {
            Screen::Call(call) => call,
            other => panic!("{other:?}"),
        }
    }

    /// In an own call whose room is open.
    fn in_own_call() -> Self {
        let mut person = Self::new();
        person
            .says(Command::NewCall)
            .feed(Input::Relay(Ok(listening())));
        person.enters();
        let link = person.started().way.link;
        person.feed(changed(Some(link), &[], None));
        person
    }
}

fn listening() -> Listening {
    let address = |interface: &str, ip: &str| Address {
        ip: ip.parse().unwrap(),
        interface: interface.into(),
    };
    Listening {
        port: 3002,
        pin: Some(Pin::new([9; 32])),
        addresses: vec![
            address("eth0", "192.168.1.20"),
            address("wlan0", "10.0.0.7"),
        ],
    }
}

fn changed(link: Option<String>, peers: &[&str], ended: Option<EndReason>) -> Input {
    let peers = peers.iter().map(|name| PeerView {
        peer: PeerId::from_bytes(&[7; 10]),
        name: (*name).into(),
        host: false,
        state: PeerState::Connected,
        muted: false,
        camera_off: false,
        screen: false,
        quality: None,
        words: None,
    });
    let peers: Vec<_> = peers.collect();
    Input::Call {
        view: CallView {
            phase: CallPhase::Waiting,
            kind: RoomKind::Call,
            others: 0,
            host: true,
            link,
            addresses: Vec::new(),
            knocks: Vec::new(),
            locked: false,
            relay_lost: false,
            chat: Vec::new(),
            chat_cut: false,
            connected_at: (!peers.is_empty()).then_some(NOW - 65_000),
            relay: None,
            peers,
        },
        ended,
    }
}

fn relay_error() -> UserError {
    UserError::new(
        ErrorCode::RelayFailed,
        "It does not listen.",
        "Do something.",
    )
}

fn somebodys_room() -> &'static str {
    "abcdefghijklmnopqrstuvwxyz"
}

fn somebodys_link() -> String {
    let room = somebodys_room();
    format!("https://example.org/r/{room}#AAECAwQFBgcICQoLDA0ODw")
}
