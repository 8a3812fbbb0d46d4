//! What the window shows of a screen that its user shows to others.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::DeviceState;
use crate::UserError;

/// What leads the name of the track of a source's small picture in
/// [`VideoHello::track`](crate::video::VideoHello::track); its id follows.
pub const SOURCE_TRACK: &str = "source:";

/// As many sources as a view holds; the rest is left out. Each has a small picture.
pub const MAX_SOURCES: usize = 24;

/// The pictures per second that can be chosen.
pub const SHARE_RATES: [u32; 2] = [30, 60];

/// What of the screen the user shows, or is about to show, in a broadcast or beside the camera in a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ShareView {
    /// What there is to choose from, while the user chooses.
    pub sources: SourceList,
    /// The chosen one, as it was when it was last listed; `null`: none yet. In a call it is shown.
    pub selected: Option<SourceView>,
    /// How capturing does. Nothing is captured for others before the user goes in.
    pub state: DeviceState,
    /// Capturing stands still until the user goes on; the viewers see that it does.
    pub paused: bool,
    /// What gives way where there is too little bandwidth.
    pub content: ShareContent,
    /// The most pictures per second; one of [`SHARE_RATES`].
    pub fps: u32,
    /// What the computer plays is sent too.
    pub sound: bool,
    /// How capturing that does; `Closed` while it is not wanted.
    pub sound_state: DeviceState,
}

/// What there is to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export)]
pub enum SourceList {
    /// Nobody looks, and no small picture is made.
    #[default]
    Closed,
    /// It is being looked.
    Looking,
    /// What there is; monitors first. Each has a track of small pictures, about one a second. Where the desktop lets no
    /// program see what there is, it is what that asks.
    Found {
        /// At most [`MAX_SOURCES`].
        sources: Vec<SourceView>,
        /// How many more there are.
        left_out: u32,
    },
    /// The system does not say.
    Failed {
        /// Why, and what to do.
        error: UserError,
    },
}

/// A monitor or a window that can be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct SourceView {
    /// Names it in commands and, behind [`SOURCE_TRACK`], its small picture.
    pub id: String,
    /// Which of them it is.
    pub kind: SourceKind,
    /// Its name or title. Text of a stranger: a page in a browser chooses its window's title.
    pub name: String,
    /// In pixels; 0 where the desktop tells only once it has asked.
    pub width: u32,
    /// In pixels, likewise.
    pub height: u32,
}

/// What a source shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum SourceKind {
    /// All that a monitor shows.
    Monitor,
    /// One window, wherever it is.
    Window,
    /// What the user answers when the desktop asks, in a window of its own. It has neither a name nor a small picture.
    Asked,
    /// What the user answered the last time, without a question; likewise.
    Again,
}

/// What is shown, which says what gives way where there is too little bandwidth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum ShareContent {
    /// Something to read: each picture is sharp, and there are fewer of them.
    #[default]
    Text,
    /// Something that moves: there are as many pictures, and each is less sharp.
    Motion,
}
