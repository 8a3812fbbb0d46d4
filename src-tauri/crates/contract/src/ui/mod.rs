//! What the window shows and what it asks for.
//!
//! The window (or the guest page, whose engine is in the page) renders an [`AppView`], always whole,
//! and sends [`Command`]s; it never changes a view by itself. What merely happens, and is over when it
//! was shown, is a [`Notice`].

mod command;
mod opened_link;
mod relay_call;
mod share;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

pub use command::Command;
pub use opened_link::{OpenedLink, Reach};
pub use relay_call::{RelayCall, RelayShape};
pub use share::{
    MAX_SOURCES, SHARE_RATES, SOURCE_TRACK, ShareContent, ShareView, SourceKind, SourceList,
    SourceView,
};

use crate::{ErrorCode, PeerId, UserError, wire::RoomKind};

/// Everything that the window shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct AppView {
    /// Where the user is.
    pub screen: Screen,
    /// Camera, microphone and speaker: what there is and what is chosen.
    pub media: MediaView,
    /// The screen that the user shows, or is about to show.
    pub share: ShareView,
    /// What the user has set.
    pub settings: SettingsView,
    /// How the app reaches others.
    pub relay: RelayView,
    /// The last calls, the newest first.
    pub recents: Vec<RecentCall>,
    /// A link that was opened outside of the window while the user was in a lobby or a call, or saw how one ended: it
    /// replaces nothing and waits. Of several the newest.
    pub waiting_link: Option<OpenedLink>,
    /// The one error that is shown, if any.
    pub error: Option<UserError>,
}

/// Where the user is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export)]
pub enum Screen {
    /// Nothing is captured here.
    Start,
    /// A link was opened outside of the window. Nothing is captured and nobody is spoken to before the user agrees.
    LinkOpened(OpenedLink),
    /// The user sees and hears themselves; nobody else does.
    Lobby(LobbyView),
    /// In a call, or on the way into one.
    Call(CallView),
    /// The call is over.
    Ended(EndedView),
}

/// Before a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct LobbyView {
    /// Whether it leads to a call, or to a broadcast that the user shows (as its host) or watches; `null` while the
    /// relay is asked. Nothing is captured before that is known.
    pub kind: Option<RoomKind>,
    /// Whether the call is the user's own (it opens a room) or somebody's whose link was followed.
    pub host: bool,
    /// The way in was taken and is being walked: the button shows that. Where `kind` is `null`: the relay is being asked;
    /// else it did not say, and [`Command::CallAgain`] asks once more.
    pub busy: bool,
    /// What was asked for, where it leads to a relay of small WebRTC pages: then the user is the host who shows a part
    /// of the screen, and there are no names.
    pub relay: Option<RelayCall>,
}

/// What the user sees of a call: the whole of it, at each change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct CallView {
    /// How far it is.
    pub phase: CallPhase,
    /// Whether all see and hear each other, or the host sends and the others watch.
    pub kind: RoomKind,
    /// How many others are in the room, by the relay's word. In a broadcast all its viewers, the user among them; each
    /// sees no more of the others than this.
    pub others: u32,
    /// Whether the user opened the room.
    pub host: bool,
    /// The link to send, as soon as the room is open.
    pub link: Option<String>,
    /// The addresses that the link may carry, where there are several; the app's own relay only.
    pub addresses: Vec<LinkAddress>,
    /// The other members, in the order in which they came.
    pub peers: Vec<PeerView>,
    /// Who asks to come in, the longest waiting first; the host only.
    pub knocks: Vec<KnockView>,
    /// The host has closed the room to newcomers.
    pub locked: bool,
    /// The relay does not answer and is looked for; the call goes on without it.
    pub relay_lost: bool,
    /// What was written, the oldest first.
    pub chat: Vec<ChatLine>,
    /// Lines of others were left out, because too many came at once.
    pub chat_cut: bool,
    /// When the first peer was connected: milliseconds since 1970-01-01T00:00Z.
    #[ts(type = "number | null")]
    pub connected_at: Option<u64>,
    /// What was asked for, where it goes through a relay of small WebRTC pages: then there are no link, no door and no
    /// words, and nothing says who the others are.
    pub relay: Option<RelayCall>,
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum CallPhase {
    /// On the way to the relay and into the room.
    Joining,
    /// At the door: the host has to let the user in.
    Knocking,
    /// In the room, alone.
    Waiting,
    /// In the room, whose host is away.
    HostAway,
    /// Somebody is there; media is on its way.
    Connecting,
    /// Media flows.
    Connected,
    /// The way to the other side was lost and is looked for.
    Reconnecting,
}

/// An address under which the built-in relay can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct LinkAddress {
    /// The address, which also names it in [`Command::SelectLinkAddress`].
    pub address: String,
    /// The network interface, for people.
    pub label: String,
    /// Whether the link carries this one.
    pub chosen: bool,
}

/// Another member of the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct PeerView {
    /// Its id; names its picture too.
    pub peer: PeerId,
    /// The name that it gave. Text of a stranger.
    pub name: String,
    /// Whether it opened the room.
    pub host: bool,
    /// How far the connection is.
    pub state: PeerState,
    /// Its microphone is off.
    pub muted: bool,
    /// Its camera is off, or it has none.
    pub camera_off: bool,
    /// It shows a screen beside its camera.
    pub screen: bool,
    /// How good the connection is, once it was measured.
    pub quality: Option<Quality>,
    /// The four [`words`](crate::words), once both ends have drawn them. Whoever sees the same at both ends
    /// knows that nobody is in between.
    pub words: Option<Vec<String>>,
}

/// Somebody who asks to come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct KnockView {
    /// Its id.
    pub peer: PeerId,
    /// The name that it gave. Text of a stranger.
    pub name: String,
}

/// As many lines of chat as a view holds; the oldest go.
pub const MAX_CHAT_LINES: usize = 500;

/// As many bytes of their texts, in UTF-8, as it holds: the view goes to the window whole, at each change.
pub const MAX_CHAT_TEXT: usize = 512 * 1024;

/// A line of chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ChatLine {
    /// Its number in this window, growing.
    pub id: u32,
    /// The name of who wrote it, text of a stranger; `null`: the user.
    pub name: Option<String>,
    /// The line, plain text of a stranger.
    pub text: String,
    /// When it was written or came: milliseconds since 1970-01-01T00:00Z.
    #[ts(type = "number")]
    pub at: u64,
    /// Whether it has reached everybody who was there; a line of somebody else has.
    pub delivered: bool,
}

/// How far the connection to a peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum PeerState {
    /// Not connected yet.
    Connecting,
    /// Connected.
    Connected,
    /// Was connected; the way is looked for.
    Reconnecting,
    /// No way was found.
    Failed,
    /// What came in its name did not prove where it came from; nothing is sent to it.
    NotAuthentic,
}

/// How good a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Quality {
    /// Nothing to notice.
    Good,
    /// A person may notice.
    Fair,
    /// A person will notice.
    Poor,
}

/// After a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct EndedView {
    /// What is over; where nobody knows, a call.
    pub kind: RoomKind,
    /// Whether the user had opened the room.
    pub host: bool,
    /// Who or what ended it.
    pub reason: EndReason,
    /// The name of the other side, where there was one.
    pub name: Option<String>,
    /// How long it was connected, in seconds.
    #[ts(type = "number | null")]
    pub seconds: Option<u64>,
    /// Whether *Call again* can lead back.
    pub can_call_again: bool,
    /// What was asked for, where it went through a relay of small WebRTC pages.
    pub relay: Option<RelayCall>,
}

/// Who or what ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export)]
pub enum EndReason {
    /// The user hung up.
    ByMe,
    /// The last other member hung up.
    ByThem,
    /// The way to the other side was lost and not found again.
    Network,
    /// The relay or the other side refused, or the call could not go on.
    Refused {
        /// Why.
        code: ErrorCode,
    },
}

/// Camera, microphone and speaker, and the screen that is shown beside the camera.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct MediaView {
    /// The camera.
    pub camera: DeviceView,
    /// The microphone.
    pub microphone: DeviceView,
    /// The speaker.
    pub speaker: DeviceView,
    /// How the screen does that is shown in a call.
    pub screen: DeviceState,
    /// The user has the microphone off.
    pub muted: bool,
    /// The user has the camera off.
    pub camera_off: bool,
    /// The user does not want to hear the others.
    pub speaker_muted: bool,
}

/// One kind of device: what there is, what is chosen and how it does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct DeviceView {
    /// What there is, in the system's order.
    pub devices: Vec<DeviceInfo>,
    /// The id of the chosen one; `null`: the system's default.
    pub selected: Option<String>,
    /// How it does.
    pub state: DeviceState,
}

/// A device that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct DeviceInfo {
    /// Names it in commands.
    pub id: String,
    /// Names it for people.
    pub name: String,
}

/// How a device does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export)]
pub enum DeviceState {
    /// Not in use.
    Closed,
    /// Being opened.
    Opening,
    /// In use.
    Open,
    /// There is none.
    Missing,
    /// It cannot be used.
    Failed {
        /// Why, and what to do.
        error: UserError,
    },
}

/// What the user has set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct SettingsView {
    /// The name that others see.
    pub name: String,
    /// Colours.
    pub theme: Theme,
    /// Which relay new calls use.
    pub relay: RelayChoice,
    /// The language of the window.
    pub language: Language,
    /// Guests wait until the user lets them in.
    pub ask_before_entry: bool,
    /// Sound and pictures of new calls go by TURN only (RFC 8828 §5.2, mode 4 in effect), so that the others do not learn
    /// this computer's addresses.
    pub relay_only: bool,
    /// The relay of small WebRTC pages that was joined last.
    pub last_relay: Option<RelayCall>,
}

/// A language of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[ts(export)]
pub enum Language {
    /// As the system has it.
    #[default]
    #[serde(rename = "system")]
    System,
    /// English.
    #[serde(rename = "en")]
    English,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    SimplifiedChinese,
}

/// A call that was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct RecentCall {
    /// Names it in commands.
    pub id: String,
    /// What it was.
    pub kind: RoomKind,
    /// The name of the other side, where there was one. Text of a stranger.
    pub name: Option<String>,
    /// When it began: milliseconds since 1970-01-01T00:00Z.
    #[ts(type = "number")]
    pub at: u64,
    /// How long it was connected, in seconds; `null`: never.
    #[ts(type = "number | null")]
    pub seconds: Option<u64>,
    /// Whether the user opened the room.
    pub host: bool,
}

/// Colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

/// Which relay new calls use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export)]
pub enum RelayChoice {
    /// The built-in one, which others on this network can reach.
    ThisNetwork,
    /// The built-in one, on loopback only.
    ThisComputer,
    /// One somewhere else.
    Server {
        /// `https://HOST[:PORT]`, with `#PIN` behind it where nobody vouches for its certificate.
        url: String,
    },
}

/// How the app reaches others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export)]
pub enum RelayView {
    /// The built-in relay is used; it starts with the first call.
    Idle,
    /// The built-in relay is starting.
    Starting,
    /// The built-in relay listens.
    Listening {
        /// Where.
        address: String,
    },
    /// A server is used, which is first spoken to when a call starts.
    Server {
        /// Which.
        url: String,
    },
    /// The built-in relay could not start.
    Failed {
        /// Why, and what to do.
        error: UserError,
    },
}

/// What merely happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export)]
pub enum Notice {
    /// How loud the microphone is, about ten times a second while it is open.
    MicrophoneLevel {
        /// Root mean square, dB below full scale; -100 is silence.
        db: f32,
    },
    /// The link is in the clipboard.
    LinkCopied,
    /// A member came in.
    PeerJoined {
        /// Who.
        peer: PeerId,
        /// Its name.
        name: String,
    },
    /// A member went.
    PeerLeft {
        /// Who.
        peer: PeerId,
        /// Its name.
        name: String,
    },
    /// Somebody asks to come in: the moment for a sound.
    Knocked {
        /// Who.
        peer: PeerId,
        /// The name that it gave.
        name: String,
    },
}
