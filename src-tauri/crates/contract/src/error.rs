//! How an error reaches a program (its code) and a person (its sentence).

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What went wrong, as programs know it. The first twelve are the relay's; the rest are made at an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum ErrorCode {
    /// The other side speaks another version of the protocol.
    Version,
    /// The message was not understood, or came at the wrong moment.
    BadMessage,
    /// The message was larger than allowed.
    TooLarge,
    /// Too many messages, rooms or sockets from one place.
    RateLimited,
    /// There is no such room (any more).
    NotFound,
    /// The room holds as many members as it may.
    RoomFull,
    /// The host has locked the room.
    Locked,
    /// The host did not let the guest in.
    Denied,
    /// The host has removed the member.
    Removed,
    /// The message needs a room, and the sender is in none.
    NotInRoom,
    /// The addressee is not in the room.
    NoSuchPeer,
    /// The relay cannot do this now.
    Busy,
    /// A signal, key or fingerprint did not prove where it came from.
    NotAuthentic,
    /// The text is not a link of Ahoy.
    BadLink,
    /// The text is no address of a relay of small WebRTC pages, or a name there is none.
    BadRelay,
    /// The relay did not answer.
    RelayUnreachable,
    /// The relay's certificate is not the one that the link names.
    RelayNotTrusted,
    /// The built-in relay could not start.
    RelayFailed,
    /// No way to the other side was found, or it was lost.
    ConnectionFailed,
    /// The user wants calls to go by TURN only, and no TURN server is known that could be used.
    TurnMissing,
    /// There is no such camera.
    CameraMissing,
    /// Another program uses the camera.
    CameraBusy,
    /// The camera may not be used, by the system's or the user's word.
    CameraDenied,
    /// The camera was opened and brings no pictures.
    CameraFailed,
    /// The window or monitor that was shown is gone, or was not there.
    ScreenMissing,
    /// The screen may not be shown, by the system's or the user's word.
    ScreenDenied,
    /// The screen was opened and brings no pictures.
    ScreenFailed,
    /// This desktop has no way to show its screen.
    ScreenUnsupported,
    /// There is no such microphone.
    MicrophoneMissing,
    /// The microphone may not be used, by the system's or the user's word.
    MicrophoneDenied,
    /// The microphone was opened and brings no sound.
    MicrophoneFailed,
    /// What this computer plays cannot be captured.
    SystemSoundFailed,
    /// There is no such speaker, or it does not play.
    SpeakerFailed,
    /// The page is not secure, so the browser gives it neither camera nor microphone.
    InsecurePage,
    /// The browser lacks a part that a call needs.
    Unsupported,
    /// A file could not be read or written.
    File,
    /// The app's settings could not be read and were set aside.
    SettingsUnreadable,
    /// Another version of the app wrote the settings; they were set aside.
    SettingsVersion,
    /// The app's last calls could not be read and were set aside.
    RecentsUnreadable,
    /// Another version of the app wrote the last calls; they were set aside.
    RecentsVersion,
    /// A codec failed.
    Codec,
    /// Something in Ahoy itself went wrong.
    Internal,
    /// A code that this version does not know.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// The code as it stands on the wire and in `data-code`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::BadMessage => "bad_message",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::NotFound => "not_found",
            Self::RoomFull => "room_full",
            Self::Locked => "locked",
            Self::Denied => "denied",
            Self::Removed => "removed",
            Self::NotInRoom => "not_in_room",
            Self::NoSuchPeer => "no_such_peer",
            Self::Busy => "busy",
            Self::NotAuthentic => "not_authentic",
            Self::BadLink => "bad_link",
            Self::BadRelay => "bad_relay",
            Self::RelayUnreachable => "relay_unreachable",
            Self::RelayNotTrusted => "relay_not_trusted",
            Self::RelayFailed => "relay_failed",
            Self::ConnectionFailed => "connection_failed",
            Self::TurnMissing => "turn_missing",
            Self::CameraMissing => "camera_missing",
            Self::CameraBusy => "camera_busy",
            Self::CameraDenied => "camera_denied",
            Self::CameraFailed => "camera_failed",
            Self::ScreenMissing => "screen_missing",
            Self::ScreenDenied => "screen_denied",
            Self::ScreenFailed => "screen_failed",
            Self::ScreenUnsupported => "screen_unsupported",
            Self::MicrophoneMissing => "microphone_missing",
            Self::MicrophoneDenied => "microphone_denied",
            Self::MicrophoneFailed => "microphone_failed",
            Self::SystemSoundFailed => "system_sound_failed",
            Self::SpeakerFailed => "speaker_failed",
            Self::InsecurePage => "insecure_page",
            Self::Unsupported => "unsupported",
            Self::File => "file",
            Self::SettingsUnreadable => "settings_unreadable",
            Self::SettingsVersion => "settings_version",
            Self::RecentsUnreadable => "recents_unreadable",
            Self::RecentsVersion => "recents_version",
            Self::Codec => "codec",
            Self::Internal => "internal",
            Self::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error as it is shown to a person: what happened, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, thiserror::Error)]
#[error("{message} {hint}")]
#[ts(export)]
pub struct UserError {
    /// What programs and tests go by.
    pub code: ErrorCode,
    /// What happened, one sentence.
    pub message: String,
    /// What to do about it, one sentence; empty where there is nothing to do.
    pub hint: String,
}

impl UserError {
    /// An error of this code, with its sentence and its hint.
    pub fn new(code: ErrorCode, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: hint.into(),
        }
    }
}
