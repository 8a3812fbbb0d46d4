//! What goes into the state and what comes out of it.

use ahoy_contract::{
    PeerId, RoomId, UserError,
    ui::{CallView, Command, EndReason, MediaView, ShareContent, SourceView},
    wire::RoomKind,
};
use ahoy_engine::{
    call::HostKey,
    signaling::{Looked, Target},
};

use super::{
    meeting::Meeting,
    room::{Listening, Way},
};
use crate::{address::Address, recents::Recents, settings::Settings};

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
    /// A relay was asked what a room is for.
    Looked {
        /// Which room.
        room: RoomId,
        /// Its answer.
        looked: Looked,
    },
    /// What of the screen can be shown.
    Sources(Result<Vec<SourceView>, UserError>),
    /// A link was opened outside of the window.
    Link(String),
    /// Something went wrong that the user should know of.
    Error(UserError),
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Action {
    /// Ask a relay what a room is for.
    Look {
        /// The relay.
        relay: Target,
        /// Which room.
        room: RoomId,
    },
    /// The answer is of no interest any more.
    StopLooking,
    /// Look what of the screen can be shown, again and again.
    ShowSources,
    /// Look no more.
    HideSources,
    /// Open the devices.
    OpenMedia(Capture),
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
    StartCall(StartCall),
    /// Something with the call that goes on.
    Call(CallAction),
    /// Hang up, if that was not done, and end everything of the call.
    EndCall,
    /// Keep the settings.
    Save(Settings),
    /// Keep the calls that were.
    SaveRecents(Recents),
    /// Put a text into the clipboard.
    Copy(String),
}

/// What is captured and played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Capture {
    /// Camera, microphone and speaker, as the settings say.
    Devices {
        /// The microphone starts off.
        muted: bool,
        /// The camera starts off.
        camera_off: bool,
    },
    /// Something of the screen; nothing is played.
    Screen {
        /// The source's id.
        source: String,
        /// What the computer plays goes with it.
        sound: bool,
        /// What it shows.
        content: ShareContent,
        /// The most pictures per second.
        fps: u32,
        /// It starts paused.
        paused: bool,
    },
    /// Nothing; it is only played.
    Nothing,
}

/// What to do with the open devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MediaAction {
    SetMuted(bool),
    SetCameraOff(bool),
    SelectCamera(Option<String>),
    SelectMicrophone(Option<String>),
    SelectSpeaker(Option<String>),
    /// What the others say and play is not heard.
    SetSpeakerMuted(bool),
    /// Camera and microphone are closed: what was taken for a call is only watched.
    OnlyWatch,
    /// Another part of the screen, by its source's id.
    SelectScreen(String),
    /// What the computer plays, or no sound.
    SetSystemSound(bool),
    /// What the screen shows.
    SetContent(ShareContent),
    /// Something of the screen beside the camera, by its source's id.
    ShowScreen {
        source: String,
        content: ShareContent,
    },
    /// What that shows.
    SetScreenContent(ShareContent),
    /// Nothing of the screen any more.
    HideScreen,
    Retry,
}

/// What to do with the call that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallAction {
    /// Let one that knocked in, or not.
    Admit { peer: PeerId, accept: bool },
    /// Close the room to newcomers, or open it.
    Lock(bool),
    /// Send a member away.
    Remove(PeerId),
    /// Say a line to everybody.
    Chat(String),
}

/// A call that is to be started.
#[derive(Debug, Clone)]
pub(crate) enum StartCall {
    /// In a room of Ahoy's.
    Room(Box<RoomCall>),
    /// Through a relay of small WebRTC pages.
    Relay(Box<Meeting>),
}

/// A call in a room of Ahoy's.
#[derive(Debug, Clone)]
pub(crate) struct RoomCall {
    /// What the room is for.
    pub(crate) kind: RoomKind,
    /// The way into the room.
    pub(crate) way: Way,
    /// The room's key pair, where it is the user's own.
    pub(crate) key: Option<HostKey>,
    /// The name that the others see.
    pub(crate) name: String,
    /// Guests wait until they are let in.
    pub(crate) knock: bool,
    /// Media goes by TURN only.
    pub(crate) relay_only: bool,
}
