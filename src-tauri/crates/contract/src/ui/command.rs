//! What the window asks for.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Language, RelayCall, RelayChoice, ShareContent, Theme};
use crate::PeerId;

/// What the user asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export)]
pub enum Command {
    /// From the start to the lobby of a new call.
    NewCall,
    /// From the start to the lobby of a new broadcast.
    NewBroadcast,
    /// From the start to the lobby of somebody's call or broadcast.
    OpenLink {
        /// The link.
        link: String,
    },
    /// To the lobby of a link that was opened outside of the window, with camera and microphone off: from its own screen,
    /// or from the end of a call.
    AcceptLink {
        /// Its number; another link's is late.
        id: u32,
    },
    /// Forgets a link that was opened outside of the window.
    DismissLink {
        /// Its number; another link's is late.
        id: u32,
    },
    /// From the start to the lobby of a call through a relay of small WebRTC pages. Nothing is said there yet.
    JoinRelay(RelayCall),
    /// From the lobby into the call.
    Enter {
        /// The name that the others see.
        name: String,
    },
    /// From the lobby or the end to the start.
    Back,
    /// Microphone off or on.
    SetMuted {
        /// Off.
        muted: bool,
    },
    /// Camera off or on; in a broadcast the screen, which is paused.
    SetCameraOff {
        /// Off.
        off: bool,
    },
    /// Another camera.
    SelectCamera {
        /// Which; `null`: the system's default.
        id: Option<String>,
    },
    /// Another microphone.
    SelectMicrophone {
        /// Which; `null`: the system's default.
        id: Option<String>,
    },
    /// Another speaker.
    SelectSpeaker {
        /// Which; `null`: the system's default.
        id: Option<String>,
    },
    /// What the others say and play is heard no more, or again.
    SetSpeakerMuted {
        /// Not heard.
        muted: bool,
    },
    /// Looks what of the screen can be shown, for as long as the user chooses; in the lobby of a broadcast that is
    /// looked for anyway. In a browser it asks the user itself, and what they choose is shown at once.
    ShowSources {
        /// It is looked.
        shown: bool,
    },
    /// Another part of the screen, or the first; in a call, and while one is shown already, this one at once.
    SelectSource {
        /// Which of those that are listed.
        id: String,
    },
    /// The screen is not shown any more; the call goes on.
    StopShare,
    /// What the computer plays is sent with the picture, or not.
    SetShareSound {
        /// It is.
        on: bool,
    },
    /// What gives way where there is too little bandwidth.
    SetShareContent {
        /// What is shown.
        content: ShareContent,
    },
    /// The most pictures per second; before the broadcast only.
    SetShareRate {
        /// One of [`SHARE_RATES`](super::SHARE_RATES).
        fps: u32,
    },
    /// Opens the devices that failed once more.
    RetryDevices,
    /// The link into the clipboard.
    CopyLink,
    /// The link shall carry this address.
    SelectLinkAddress {
        /// Which of [`CallView::addresses`](super::CallView::addresses).
        address: String,
    },
    /// Leaves the call.
    HangUp,
    /// From the end to the lobby of the same room. Where a relay did not say what a link leads to, it is asked once more.
    CallAgain,
    /// Colours.
    SetTheme {
        /// Which.
        theme: Theme,
    },
    /// The relay for new calls.
    SetRelay {
        /// Which.
        relay: RelayChoice,
    },
    /// The language of the window.
    SetLanguage {
        /// Which.
        language: Language,
    },
    /// Whether guests of new calls wait until the user lets them in.
    SetAskBeforeEntry {
        /// They do.
        ask: bool,
    },
    /// Whether sound and pictures of new calls go by TURN only.
    SetRelayOnly {
        /// They do.
        on: bool,
    },
    /// Lets one that knocked in, or not.
    Admit {
        /// Whom.
        peer: PeerId,
        /// In.
        accept: bool,
    },
    /// Closes the call to newcomers, or opens it.
    SetLocked {
        /// Closed.
        locked: bool,
    },
    /// Sends a member away.
    Remove {
        /// Whom.
        peer: PeerId,
    },
    /// A line of chat for everybody.
    SendChat {
        /// Plain text, at most [`MAX_CHAT_BYTES`](crate::peer::MAX_CHAT_BYTES).
        text: String,
    },
    /// From the start to the lobby of a call that was.
    CallRecent {
        /// Which.
        id: String,
    },
    /// Forgets the calls that were.
    ForgetRecents,
    /// Takes the error away.
    DismissError,
}
