//! What the app does, as a pure room: commands and happenings go in by [`State::handle`], what is to be
//! done comes out of [`State::poll`], in order.

use std::collections::VecDeque;

use ahoy_contract::{
    Link, RoomId, Secret, UserError,
    ui::{CallView, ChatLine, Command, EndedView, MediaView, RelayChoice},
};
use ahoy_engine::call::HostKey;

use super::{
    action::{Action, CallAction, Input, MediaAction},
    room::{Listening, Room},
    sentence,
};
use crate::{recents::Recents, settings::Settings};

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
        /// When it was begun, in milliseconds of UNIX time.
        since: u64,
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
    pub(super) recents: Recents,
    /// What was written in the last room, before the call that goes on.
    pub(super) written: Option<(RoomId, Vec<ChatLine>)>,
    /// The relay that the environment asks for instead of the user's choice.
    pub(super) forced_relay: Option<RelayChoice>,
    pub(super) relay: BuiltIn,
    /// The address that the user chose for the link.
    pub(super) link_host: Option<String>,
    pub(super) media: Option<MediaView>,
    /// Camera, microphone, speaker: another than the chosen one is in use, because that is gone.
    pub(super) gave_way: [bool; 3],
    pub(super) error: Option<UserError>,
    /// The time of day of the last input, in milliseconds of UNIX time.
    pub(super) now: u64,
    muted: bool,
    camera_off: bool,
    make_keys: MakeKeys,
    pub(super) actions: VecDeque<Action>,
}

impl State {
    /// The state at the start of the app.
    pub(crate) fn new(
        settings: Settings,
        recents: Recents,
        forced_relay: Option<RelayChoice>,
        make_keys: MakeKeys,
    ) -> Self {
        Self {
            place: Place::Start,
            settings,
            recents,
            written: None,
            forced_relay,
            relay: BuiltIn::Off,
            link_host: None,
            media: None,
            gave_way: [false; 3],
            error: None,
            now: 0,
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
        self.now = unix_ms;
        match input {
            Input::Command(command) => self.command(command),
            Input::Media(view) => self.media(*view),
            Input::Relay(outcome) => self.relay(outcome),
            Input::Addresses(addresses) => {
                if let BuiltIn::Up(relay) = &mut self.relay {
                    relay.addresses = addresses;
                }
            }
            Input::Call { view, ended } => self.call(view, ended),
            Input::Link(link) => self.link_from_outside(&link),
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
            Command::HangUp => self.hang_up(),
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
            Command::SetAskBeforeEntry { ask } => {
                self.set(|settings| settings.ask_before_entry = ask);
            }
            Command::Admit { peer, accept } => self.with_call(CallAction::Admit { peer, accept }),
            Command::SetLocked { locked } => self.with_call(CallAction::Lock(locked)),
            Command::Remove { peer } => self.with_call(CallAction::Remove(peer)),
            Command::SendChat { text } => self.chat(text),
            Command::CallRecent { id } => self.call_recent(&id),
            Command::ForgetRecents => {
                self.recents.clear();
                self.actions
                    .push_back(Action::SaveRecents(self.recents.clone()));
            }
            Command::DismissError => self.error = None,
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

    /// A link opens a lobby, never a call; one that comes in the midst of a call has to wait.
    fn link_from_outside(&mut self, link: &str) {
        match (&self.place, link.parse::<Link>()) {
            (_, Err(error)) => self.error = Some(sentence::bad_link(error)),
            (Place::Start | Place::Ended { .. }, Ok(link)) => {
                self.open_lobby(Room::Theirs(link), true);
            }
            (Place::Lobby { .. }, Ok(link)) => {
                // The devices are open already.
                self.error = None;
                self.place = Place::Lobby {
                    room: Room::Theirs(link),
                    entering: false,
                };
            }
            (Place::Call { room, .. }, Ok(link)) if room.id() == link.room => {}
            (Place::Call { .. }, Ok(_)) => self.error = Some(sentence::in_a_call()),
        }
    }

    fn call_recent(&mut self, id: &str) {
        if !matches!(self.place, Place::Start | Place::Ended { .. }) {
            return;
        }
        match self.recents.room(id) {
            Some(room) => self.open_lobby(room, true),
            None => self.error = Some(sentence::forgotten()),
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
