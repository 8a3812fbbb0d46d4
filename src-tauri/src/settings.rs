//! What the user has set.

use ahoy_contract::{
    ErrorCode,
    ui::{Language, RelayCall, RelayChoice, SHARE_RATES, ShareContent, Theme},
};
use serde::{Deserialize, Serialize};

use crate::kept::Kept;

/// What the user has set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    version: u32,
    /// The name that others see.
    pub(crate) name: String,
    /// Colours.
    pub(crate) theme: Theme,
    /// The language of the window.
    pub(crate) language: Language,
    /// Guests wait until the user lets them in.
    pub(crate) ask_before_entry: bool,
    /// Sound and pictures of calls go by TURN only.
    pub(crate) relay_only: bool,
    /// Which relay new calls use.
    pub(crate) relay: RelayChoice,
    /// The port of the built-in relay: the same each time, so that links stay good.
    pub(crate) relay_port: u16,
    /// The chosen camera's id; `None`: the system's default.
    pub(crate) camera: Option<String>,
    /// The chosen microphone's id, likewise.
    pub(crate) microphone: Option<String>,
    /// The chosen speaker's id, likewise.
    pub(crate) speaker: Option<String>,
    /// What a broadcast shows, mostly.
    pub(crate) share_content: ShareContent,
    /// Its most pictures per second.
    pub(crate) share_fps: u32,
    /// What the computer plays goes with it.
    pub(crate) share_sound: bool,
    /// The relay of small WebRTC pages that was joined last.
    pub(crate) last_relay: Option<RelayCall>,
}

/// The port that the built-in relay tries first: that of `ahoy-relay`.
const RELAY_PORT: u16 = 3002;

impl Kept for Settings {
    const FILE: &'static str = "settings.json";
    const SET_ASIDE: &'static str = "settings.broken.json";
    const VERSION: u32 = 1;
    const UNREADABLE: ErrorCode = ErrorCode::SettingsUnreadable;
    const OTHER_VERSION: ErrorCode = ErrorCode::SettingsVersion;

    fn version(&self) -> u32 {
        self.version
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: Self::VERSION,
            name: String::new(),
            theme: Theme::System,
            language: Language::System,
            ask_before_entry: false,
            relay_only: false,
            relay: RelayChoice::ThisNetwork,
            relay_port: RELAY_PORT,
            camera: None,
            microphone: None,
            speaker: None,
            share_content: ShareContent::Text,
            share_fps: SHARE_RATES[0],
            share_sound: false,
            last_relay: None,
        }
    }
}
