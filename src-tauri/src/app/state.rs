//! What the app does, as a pure room: commands and happenings go in by [`State::handle`], what is to be
//! done comes out of [`State::poll`], in order.

use std::collections::VecDeque;

use ahoy_contract::{
    Link, Secret, UserError,
    ui::{CallPhase, CallView, Command, EndReason, EndedView, MediaView, RelayChoice},
};
use ahoy_engine::call::HostKey;

use super::{
    room::{Listening, Room, Way},
    sentence,
};
use crate::{address::Address, settings::Settings};

/// What happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// The window asks for something.
    Command(Command),
    /// The devices changed.
    Media(Box<MediaView>),
    /// The built-in relay was started, or could not be.
    Relay(Result<Listening, UserError>),
    /// The machine's addresses are these now.
    Addresses(Vec<Address>),
    /// The call changed.
    Call {
        /// What the engine shows.
        view: CallView,
        /// How it ended, once it did.
        ended: Option<EndReason>,
    },
    /// Something went wrong that the user should know of.
    Error(UserError),
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Action {
    /// Open the devices.
    OpenMedia {
        /// The microphone starts off.
        muted: bool,
        /// The camera starts off.
        camera_off: bool,
    },
    /// Close the devices.
    CloseMedia,
    /// Something with the open devices.
    Media(MediaAction),
    /// Start the built-in relay, reachable from the network or from this computer only.
    StartRelay {
        /// From the network, with TLS.
        network: bool,
        /// The port to try first.
        port: u16,
    },
    /// Stop the built-in relay.
    StopRelay,
    /// Start a call.
    StartCall(Box<StartCall>),
    /// Hang up, if that was not done, and end everything of the call.
    EndCall,
    /// Keep the settings.
    Save(Settings),
    /// Put a text into the clipboard.
    Copy(String),
}

/// What to do with the open devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MediaAction {
    SetMuted(bool),
    SetCameraOff(bool),
    SelectCamera(Option<String>),
    SelectMicrophone(Option<String>),
    SelectSpeaker(Option<String>),
    Retry,
}

/// A call that is to be started.
#[derive(Debug, Clone)]
pub(crate) struct StartCall {
    /// The way into the room.
    pub(crate) way: Way,
    /// The room's key pair, where it is the user's own.
    pub(crate) key: Option<HostKey>,
    /// The name that the others see.
    pub(crate) name: String,
}

/// Where the user is.
pub(super) enum Place {
    Start,
    Lobby {
        room: Room,
        /// The user wants in and waits for the relay.
        entering: bool,
    },
    Call {
        room: Room,
        view: CallView,
        /// The name of the last other member seen.
        other: Option<String>,
    },
    Ended {
        room: Room,
        view: EndedView,
    },
}

/// The built-in relay.
pub(super) enum BuiltIn {
    Off,
    Starting,
    Up(Listening),
    Failed(UserError),
}

/// Makes fresh keys for a room; `None`: the system has no randomness.
pub(crate) type MakeKeys = Box<dyn FnMut() -> Option<(HostKey, Secret)> + Send>;

/// The app's state.
pub(crate) struct State {
    pub(super) place: Place,
    pub(super) settings: Settings,
    /// The relay that the environment asks for instead of the user's choice.
    pub(super) forced_relay: Option<RelayChoice>,
    pub(super) relay: BuiltIn,
    /// The address that the user chose for the link.
    pub(super) link_host: Option<String>,
    pub(super) media: Option<MediaView>,
    pub(super) error: Option<UserError>,
    muted: bool,
    camera_off: bool,
    make_keys: MakeKeys,
    pub(super) actions: VecDeque<Action>,
}

impl State {
    /// The state at the start of the app.
    pub(crate) fn new(
        settings: Settings,
        forced_relay: Option<RelayChoice>,
        make_keys: MakeKeys,
    ) -> Self {
        Self {
            place: Place::Start,
            settings,
            forced_relay,
            relay: BuiltIn::Off,
            link_host: None,
            media: None,
            error: None,
            muted: false,
            camera_off: false,
            make_keys,
            actions: VecDeque::new(),
        }
    }

    /// What is to be done next.
    pub(crate) fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// What the user has set.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes note of what happened; `unix_ms` is the time of day, in milliseconds of UNIX time.
    pub(crate) fn handle(&mut self, unix_ms: u64, input: Input) {
        match input {
            Input::Command(Command::HangUp) => self.hang_up(unix_ms),
            Input::Command(command) => self.command(command),
            Input::Media(view) => self.media(*view),
            Input::Relay(outcome) => self.relay(outcome),
            Input::Addresses(addresses) => {
                if let BuiltIn::Up(relay) = &mut self.relay {
                    relay.addresses = addresses;
                }
            }
            Input::Call { view, ended } => self.call(view, ended, unix_ms),
            Input::Error(error) => self.error = Some(error),
        }
    }

    /// A command that does not belong to the place where the user is is late, and nothing happens.
    fn command(&mut self, command: Command) {
        match command {
            Command::NewCall => self.new_call(),
            Command::OpenLink { link } => self.open_link(&link),
            Command::Enter { name } => self.enter(&name),
            Command::Back => self.back(),
            // Handled above, with the time.
            Command::HangUp => {}
            Command::CallAgain => self.call_again(),
            Command::SetMuted { muted } => {
                self.muted = muted;
                self.with_media(MediaAction::SetMuted(muted));
            }
            Command::SetCameraOff { off } => {
                self.camera_off = off;
                self.with_media(MediaAction::SetCameraOff(off));
            }
            Command::SelectCamera { id } => {
                self.set(|settings| settings.camera.clone_from(&id));
                self.with_media(MediaAction::SelectCamera(id));
            }
            Command::SelectMicrophone { id } => {
                self.set(|settings| settings.microphone.clone_from(&id));
                self.with_media(MediaAction::SelectMicrophone(id));
            }
            Command::SelectSpeaker { id } => {
                self.set(|settings| settings.speaker.clone_from(&id));
                self.with_media(MediaAction::SelectSpeaker(id));
            }
            Command::RetryDevices => self.with_media(MediaAction::Retry),
            Command::CopyLink => {
                if let Some(link) = self.link() {
                    self.actions.push_back(Action::Copy(link));
                }
            }
            Command::SelectLinkAddress { address } => self.link_host = Some(address),
            Command::SetTheme { theme } => self.set(|settings| settings.theme = theme),
            Command::SetRelay { relay } => self.set_relay(relay),
            Command::SetLanguage { language } => self.set(|settings| settings.language = language),
            Command::SetAskBeforeEntry { ask } => self.set(|settings| settings.ask_before_entry = ask),
            Command::DismissError => self.error = None,
            _ => {}
        }
    }

    fn new_call(&mut self) {
        if !matches!(self.place, Place::Start | Place::Ended { .. }) {
            return;
        }
        match (self.make_keys)() {
            Some((key, secret)) => self.open_lobby(Room::Own { key, secret }, true),
            None => self.error = Some(sentence::no_randomness()),
        }
    }

    fn open_link(&mut self, link: &str) {
        if !matches!(self.place, Place::Start | Place::Ended { .. }) {
            return;
        }
        match link.parse::<Link>() {
            Ok(link) => self.open_lobby(Room::Theirs(link), true),
            Err(error) => self.error = Some(sentence::bad_link(error)),
        }
    }

    fn call_again(&mut self) {
        if let Place::Ended { room, view } = &self.place
            && view.can_call_again
        {
            let room = room.clone();
            self.open_lobby(room, false);
        }
    }

    /// With `fresh` the devices start on, whatever they were in the call before.
    fn open_lobby(&mut self, room: Room, fresh: bool) {
        if fresh {
            (self.muted, self.camera_off) = (false, false);
        }
        self.error = None;
        self.actions.push_back(Action::OpenMedia {
            muted: self.muted,
            camera_off: self.camera_off,
        });
        let own = room.is_own();
        self.place = Place::Lobby {
            room,
            entering: false,
        };
        if own {
            self.want_relay();
        }
    }

    fn enter(&mut self, name: &str) {
        let Place::Lobby { room, entering } = &self.place else {
            return;
        };
        if *entering {
            return;
        }
        let own = room.is_own();
        let name = sentence::shortened(name.trim()).to_owned();
        self.error = None;
        self.set(|settings| settings.name = name);
        if own {
            self.want_relay();
        }
        let waits = own
            && !matches!(self.relay_choice(), RelayChoice::Server { .. })
            && !matches!(self.relay, BuiltIn::Up(_));
        if waits {
            if let Place::Lobby { entering, .. } = &mut self.place {
                *entering = true;
            }
        } else {
            self.start_call();
        }
    }

    pub(super) fn start_call(&mut self) {
        let Place::Lobby { room, .. } = &self.place else {
            return;
        };
        let room = room.clone();
        let Some(way) = self.way(&room) else {
            self.error = Some(sentence::bad_server());
            return;
        };
        let key = match &room {
            Room::Own { key, .. } => Some(key.clone()),
            Room::Theirs(_) => None,
        };
        let view = CallView {
            phase: CallPhase::Joining,
            host: room.is_own(),
            link: None,
            addresses: Vec::new(),
            peers: Vec::new(),
            knocks: Vec::new(),
            locked: false,
            relay_lost: false,
            chat: Vec::new(),
            connected_at: None,
        };
        self.place = Place::Call {
            room,
            view,
            other: None,
        };
        let name = self.settings.name.clone();
        self.actions
            .push_back(Action::StartCall(Box::new(StartCall { way, key, name })));
    }

    fn call(&mut self, new: CallView, ended: Option<EndReason>, unix_ms: u64) {
        let Place::Call { view, other, .. } = &mut self.place else {
            return;
        };
        if let Some(peer) = new.peers.first() {
            *other = Some(peer.name.clone());
        }
        *view = new;
        if let Some(reason) = ended {
            self.end(reason, unix_ms);
        }
    }

    /// The window does not wait for the engine: what it still has to say to the others it says behind.
    fn hang_up(&mut self, unix_ms: u64) {
        if matches!(self.place, Place::Call { .. }) {
            self.end(EndReason::ByMe, unix_ms);
        }
    }

    fn end(&mut self, reason: EndReason, unix_ms: u64) {
        let Place::Call { room, view, other } = std::mem::replace(&mut self.place, Place::Start)
        else {
            return;
        };
        // The screen says why, so the banner need not.
        self.error = None;
        self.actions.push_back(Action::EndCall);
        self.close_media();
        let seconds = view
            .connected_at
            .map(|since| unix_ms.saturating_sub(since) / 1000);
        self.place = Place::Ended {
            room,
            view: EndedView {
                reason,
                name: other,
                seconds,
                can_call_again: sentence::leads_back(reason),
            },
        };
        self.settle_relay();
    }

    fn back(&mut self) {
        match self.place {
            Place::Lobby { .. } => self.close_media(),
            Place::Ended { .. } => {}
            Place::Start | Place::Call { .. } => return,
        }
        self.error = None;
        self.place = Place::Start;
    }

    pub(super) fn set(&mut self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings.clone();
        change(&mut settings);
        if settings != self.settings {
            self.settings = settings;
            self.actions.push_back(Action::Save(self.settings.clone()));
        }
    }
}
