//! What the app does, as a pure room: commands and happenings go in by [`State::handle`], what is to be
//! done comes out of [`State::poll`], in order.

use std::collections::VecDeque;

use ahoy_contract::{
    Link, RoomId, Secret, UserError,
    ui::{CallView, ChatLine, Command, EndReason, EndedView, MediaView, RelayChoice},
    wire::RoomKind,
};
use ahoy_engine::{
    call::HostKey,
    signaling::{Looked, Target},
};

use super::{
    action::{Action, CallAction, Capture, Input, MediaAction},
    opened_link::Opened,
    room::{Listening, Room},
    sentence,
    share::Share,
};
use crate::{recents::Recents, settings::Settings};

/// The longest id of a device that is kept; systems make far shorter ones.
const MAX_ID_BYTES: usize = 512;

/// Where the user is.
pub(super) enum Place {
    Start,
    Lobby {
        room: Room,
        /// What it leads to; `None` while the relay is asked.
        kind: Option<RoomKind>,
        /// What it led to the last time; a call, where that is not known.
        was: RoomKind,
        /// The relay was asked and did not say.
        untold: bool,
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

/// How camera and microphone are when a lobby opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Devices {
    /// On.
    On,
    /// Off, and not opened before the user turns them on.
    Off,
    /// As they were in the call before.
    AsBefore,
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
    pub(super) share: Share,
    /// Camera, microphone, speaker: another than the chosen one is in use, because that is gone.
    pub(super) gave_way: [bool; 3],
    pub(super) error: Option<UserError>,
    /// The link that was opened outside of the window last, until the user answers.
    pub(super) opened: Option<Opened>,
    /// How many such links there were.
    pub(super) links: u32,
    /// The time of day of the last input, in milliseconds of UNIX time.
    pub(super) now: u64,
    muted: bool,
    pub(super) camera_off: bool,
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
            share: Share::default(),
            gave_way: [false; 3],
            error: None,
            opened: None,
            links: 0,
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
            Input::Looked { room, looked } => self.looked(&room, looked),
            Input::Sources(found) => self.sources(found),
            Input::Link(link) => self.link_opened(&link),
            Input::Error(error) => self.error = Some(error),
        }
    }

    /// A command that does not belong to the place where the user is is late, and nothing happens.
    fn command(&mut self, command: Command) {
        match command {
            Command::NewCall => self.new_room(RoomKind::Call),
            Command::NewBroadcast => self.new_room(RoomKind::Broadcast),
            Command::OpenLink { link } => self.open_link(&link),
            Command::AcceptLink { id } => self.accept_link(id),
            Command::DismissLink { id } => self.dismiss_link(id),
            Command::JoinRelay(call) => self.join_relay(call),
            Command::Enter { name } => self.enter(&name),
            Command::Back => self.back(),
            Command::HangUp => self.hang_up(),
            Command::CallAgain => self.call_again(),
            Command::SetMuted { muted } if self.uses_devices() => {
                self.muted = muted;
                self.with_media(MediaAction::SetMuted(muted));
            }
            // What a share sends is the computer's sound, and who watches sends none.
            Command::SetMuted { .. } => {}
            Command::SetCameraOff { off } => {
                self.camera_off = off;
                self.with_media(MediaAction::SetCameraOff(off));
                self.settle_sound();
            }
            // No device is called like that, and settings that are too large could not be read any more.
            Command::SelectCamera { id: Some(id) }
            | Command::SelectMicrophone { id: Some(id) }
            | Command::SelectSpeaker { id: Some(id) }
                if id.len() > MAX_ID_BYTES => {}
            Command::SelectCamera { id } => {
                self.set(|settings| settings.camera.clone_from(&id));
                self.with_device(MediaAction::SelectCamera(id));
            }
            Command::SelectMicrophone { id } => {
                self.set(|settings| settings.microphone.clone_from(&id));
                self.with_device(MediaAction::SelectMicrophone(id));
            }
            Command::SelectSpeaker { id } => {
                self.set(|settings| settings.speaker.clone_from(&id));
                self.with_media(MediaAction::SelectSpeaker(id));
            }
            Command::SetSpeakerMuted { muted } => {
                self.with_media(MediaAction::SetSpeakerMuted(muted));
            }
            Command::ShowSources { shown } => self.show_sources(shown),
            Command::SelectSource { id } => self.select_source(&id),
            Command::StopShare => self.stop_share(),
            Command::SetShareSound { on } => self.set_share_sound(on),
            Command::SetShareContent { content } => self.set_share_content(content),
            Command::SetShareRate { fps } => self.set_share_rate(fps),
            Command::RetryDevices => self.with_media(MediaAction::Retry),
            Command::CopyLink => {
                if let Some(link) = self.link() {
                    self.actions.push_back(Action::Copy(link));
                }
            }
            Command::SelectLinkAddress { address } => self.select_link_address(address),
            Command::SetTheme { theme } => self.set(|settings| settings.theme = theme),
            Command::SetRelay { relay } => self.set_relay(relay),
            Command::SetLanguage { language } => self.set(|settings| settings.language = language),
            Command::SetAskBeforeEntry { ask } => {
                self.set(|settings| settings.ask_before_entry = ask);
            }
            Command::SetRelayOnly { on } => self.set(|settings| settings.relay_only = on),
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

    fn new_room(&mut self, kind: RoomKind) {
        if !matches!(self.place, Place::Start | Place::Ended { .. }) {
            return;
        }
        match (self.make_keys)() {
            Some((key, secret)) => self.open_lobby(Room::Own { key, secret, kind }, Devices::On),
            None => self.error = Some(sentence::no_randomness()),
        }
    }

    fn open_link(&mut self, link: &str) {
        if !matches!(self.place, Place::Start | Place::Ended { .. }) {
            return;
        }
        match link.parse::<Link>() {
            Ok(link) => self.open_lobby(Room::Theirs(link), Devices::On),
            Err(error) => self.error = Some(sentence::bad_link(error)),
        }
    }

    fn call_recent(&mut self, id: &str) {
        if !matches!(self.place, Place::Start | Place::Ended { .. }) {
            return;
        }
        match self.recents.room(id) {
            Some(room) => self.open_lobby(room, Devices::On),
            None => self.error = Some(sentence::forgotten()),
        }
    }

    fn call_again(&mut self) {
        let room = match &self.place {
            Place::Ended { room, view } if view.can_call_again => room,
            Place::Lobby {
                room, untold: true, ..
            } => room,
            _ => return,
        };
        self.open_lobby(room.clone(), Devices::AsBefore);
    }

    /// Opens the lobby of a room.
    pub(super) fn open_lobby(&mut self, room: Room, devices: Devices) {
        let off = match devices {
            Devices::On => Some(false),
            Devices::Off => Some(true),
            Devices::AsBefore => None,
        };
        if let Some(off) = off {
            (self.muted, self.camera_off) = (off, off);
        }
        self.error = None;
        let was = self.was(&room);
        if let Room::Theirs(link) = &room {
            let relay = Target::native(link.relay.clone(), link.pin.clone());
            let room = link.room.clone();
            self.actions.push_back(Action::Look { relay, room });
        }
        let kind = room.kind();
        let (own, shows) = (room.is_own(), room.is_host());
        let captures_nothing = room.captures_nothing();
        self.place = Place::Lobby {
            room,
            kind,
            was,
            untold: false,
            entering: false,
        };
        match kind {
            Some(RoomKind::Call) if !captures_nothing => self.open_devices(),
            Some(RoomKind::Broadcast) if shows => self.begin_to_choose(),
            _ => {}
        }
        if own {
            self.want_relay();
        }
    }

    /// What a room was for the last time that the user was there.
    fn was(&self, room: &Room) -> RoomKind {
        let here = match &self.place {
            Place::Ended { room, view } => Some((room.id(), view.kind)),
            Place::Lobby { room, was, .. } => Some((room.id(), *was)),
            Place::Start | Place::Call { .. } => None,
        };
        here.filter(|(id, _)| *id == room.id())
            .map(|(_, kind)| kind)
            .or_else(|| self.recents.kind(&room.id()?))
            .unwrap_or(RoomKind::Call)
    }

    fn open_devices(&mut self) {
        self.actions.push_back(Action::OpenMedia(Capture::Devices {
            muted: self.muted,
            camera_off: self.camera_off,
        }));
    }

    /// The relay was asked what a link leads to. Nothing of the user's is opened before.
    fn looked(&mut self, asked: &RoomId, looked: Looked) {
        let Place::Lobby {
            room,
            kind,
            was,
            untold,
            ..
        } = &mut self.place
        else {
            return;
        };
        if kind.is_some() || room.id().as_ref() != Some(asked) {
            return;
        }
        let found = match looked {
            Looked::Found(found) => found,
            // An old relay, whose rooms are for calls.
            Looked::Unknown => RoomKind::Call,
            Looked::Refused(code) if sentence::passes(code) => {
                *untold = true;
                self.error = Some(sentence::untold(code));
                return;
            }
            Looked::Refused(code) => {
                let reason = EndReason::Refused { code };
                self.place = Place::Ended {
                    room: room.clone(),
                    view: EndedView {
                        kind: *was,
                        host: false,
                        reason,
                        name: None,
                        seconds: None,
                        can_call_again: sentence::leads_back(reason),
                        relay: None,
                    },
                };
                return;
            }
        };
        *kind = Some(found);
        if found == RoomKind::Call {
            self.open_devices();
        }
    }

    /// Closes what is open for the lobby.
    fn leave_lobby(&mut self) {
        let Place::Lobby { room, kind, .. } = &self.place else {
            return;
        };
        match kind {
            None => self.actions.push_back(Action::StopLooking),
            Some(RoomKind::Call) if !room.captures_nothing() => self.close_media(),
            Some(RoomKind::Broadcast) if room.is_host() => self.hide_sources(),
            Some(_) => {}
        }
    }

    fn enter(&mut self, name: &str) {
        let Place::Lobby {
            room,
            kind: Some(kind),
            entering,
            ..
        } = &self.place
        else {
            return;
        };
        let own = room.is_own();
        let unready = room.is_host() && *kind == RoomKind::Broadcast && !self.has_chosen();
        if *entering || unready {
            return;
        }
        self.settle_choice();
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
            Place::Lobby { .. } => self.leave_lobby(),
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
