//! Cameras, screens, microphones, speakers, and what stands in for them.
//!
//! Each source and sink is opened, used and dropped on one thread, which `media` owns: calls block.

mod camera;
mod clock;
mod driver;
mod list;
mod open;
mod picture;
pub mod probe;
mod record;
mod screen;
mod silent;
mod slot;
mod sound;
mod spec;
mod stamp;
mod texture;
mod tone;
mod wav;
mod y4m;

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};

use ahoy_contract::{ErrorCode, UserError};

use crate::frame::{AudioBlock, VideoFrame};

pub use camera::Camera;
pub use clock::Clock;
pub(crate) use clock::Pace;
pub(crate) use driver::abandon;
pub use driver::abandoned_threads;
pub use list::Devices;
pub use open::{open_audio, open_speaker, open_video};
pub use picture::{DEFAULT_FORMAT, TestPicture};
pub use record::{WavWriter, Y4mWriter};
pub use screen::{
    PortalChoice, Screen, ScreenKind, ScreenSource, ScreenSpec, asks_by_itself, screens, thumbnail,
};
pub use silent::SilentSpeaker;
pub use sound::{Microphone, Speaker, SystemSound};
pub use spec::SpecError;
pub use stamp::read as read_stamp;
pub use tone::TestTone;
pub use wav::FileSound;
pub use y4m::FilePicture;

/// A device that brings or takes nothing for this long has stalled.
pub const STALLED_AFTER: Duration = Duration::from_secs(3);

/// A device did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// There is no such device, or it was pulled.
    #[error("there is no such {0}")]
    Missing(DeviceKind),
    /// Another program has it.
    #[error("the {0} is in use")]
    Busy(DeviceKind),
    /// The system does not allow it.
    #[error("the {0} may not be used")]
    Denied(DeviceKind),
    /// This system has no way to it; why.
    #[error("this system has no way to the {0}: {1}")]
    Unsupported(DeviceKind, String),
    /// It was opened and brings nothing, or failed otherwise.
    #[error("the {0} failed: {1}")]
    Failed(DeviceKind, String),
    /// A file could not be read or written; why.
    #[error("{0}")]
    File(String),
}

/// Opens a file to be read over and over. Pipes and devices are refused: opening one may wait for ever.
fn open_file(path: &Path) -> Result<File, DeviceError> {
    let is_file = path.metadata().map_err(|e| file_error(path, e))?.is_file();
    if !is_file {
        return Err(file_error(path, "it is no file"));
    }
    File::open(path).map_err(|e| file_error(path, e))
}

/// What went wrong with a file, its name first.
fn file_error(path: &Path, detail: impl std::fmt::Display) -> DeviceError {
    DeviceError::File(format!("{}: {detail}", path.display()))
}

/// The kinds of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// Brings pictures.
    Camera,
    /// A monitor or window, which brings pictures while it changes.
    Screen,
    /// Brings sound.
    Microphone,
    /// What this computer plays, as a source of sound.
    SystemSound,
    /// Plays sound.
    Speaker,
}

impl std::fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Camera => "camera",
            Self::Screen => "screen",
            Self::Microphone => "microphone",
            Self::SystemSound => "computer's sound",
            Self::Speaker => "speaker",
        })
    }
}

impl DeviceError {
    /// The error as a person reads it.
    pub fn to_user(&self) -> UserError {
        use DeviceKind::{Camera, Microphone, Screen, Speaker, SystemSound};
        let (code, message, hint) = match self {
            Self::Missing(Camera) => (
                ErrorCode::CameraMissing,
                "No camera was found.",
                "Connect one, or go on without a picture.",
            ),
            Self::Busy(Camera) => (
                ErrorCode::CameraBusy,
                "The camera is in use by another program.",
                "Close that program and try again, or go on without a picture.",
            ),
            Self::Denied(Camera) => (
                ErrorCode::CameraDenied,
                "Ahoy may not use the camera.",
                "Allow it in the system's privacy settings and try again.",
            ),
            Self::Failed(Camera, _) | Self::Unsupported(Camera, _) => (
                ErrorCode::CameraFailed,
                "The camera brings no picture.",
                "Unplug it and plug it in again, or choose another.",
            ),
            Self::Missing(Screen) => (
                ErrorCode::ScreenMissing,
                "The window or monitor that was shown is gone.",
                "Choose another one.",
            ),
            Self::Denied(Screen) => (
                ErrorCode::ScreenDenied,
                "Ahoy may not show the screen.",
                "Allow it when the system asks, or in its privacy settings, and try again.",
            ),
            Self::Unsupported(Screen, _) => (
                ErrorCode::ScreenUnsupported,
                "This desktop does not let Ahoy show its screen.",
                "Install its portal (xdg-desktop-portal and the part of it for this desktop) and PipeWire, then try again.",
            ),
            Self::Busy(Screen) | Self::Failed(Screen, _) => (
                ErrorCode::ScreenFailed,
                "The screen brings no picture.",
                "Choose another one, or try again.",
            ),
            Self::Missing(Microphone) => (
                ErrorCode::MicrophoneMissing,
                "No microphone was found.",
                "Connect one, or go on without being heard.",
            ),
            Self::Denied(Microphone) => (
                ErrorCode::MicrophoneDenied,
                "Ahoy may not use the microphone.",
                "Allow it in the system's privacy settings and try again.",
            ),
            Self::Busy(Microphone)
            | Self::Failed(Microphone, _)
            | Self::Unsupported(Microphone, _) => (
                ErrorCode::MicrophoneFailed,
                "The microphone brings no sound.",
                "Choose another, or try again.",
            ),
            Self::Missing(SystemSound)
            | Self::Busy(SystemSound)
            | Self::Denied(SystemSound)
            | Self::Unsupported(SystemSound, _)
            | Self::Failed(SystemSound, _) => (
                ErrorCode::SystemSoundFailed,
                "What this computer plays cannot be shared.",
                "Check that its sound works, or go on without it.",
            ),
            Self::Missing(Speaker)
            | Self::Busy(Speaker)
            | Self::Denied(Speaker)
            | Self::Unsupported(Speaker, _)
            | Self::Failed(Speaker, _) => (
                ErrorCode::SpeakerFailed,
                "The speaker does not play.",
                "Choose another, or try again.",
            ),
            Self::File(_) => (
                ErrorCode::File,
                "A file could not be read or written.",
                "Check that it exists, that it is a Y4M or WAV file, and that there is room.",
            ),
        };
        UserError::new(code, message, hint)
    }
}

/// What pictures are wanted; a camera opens its nearest mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoFormat {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Pictures per second.
    pub fps: u32,
}

/// Where pictures come from: the `--video` of `ahoy-call`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VideoSpec {
    /// A camera by id or name; `None`: the first.
    Camera(Option<String>),
    /// A monitor or window, in its own size.
    Screen(ScreenSpec),
    /// The stamped test picture.
    Test(Option<VideoFormat>),
    /// A Y4M file, over and over.
    File(PathBuf),
    /// Nothing is sent.
    None,
}

/// Where sound comes from: the `--audio` of `ahoy-call`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AudioSpec {
    /// A microphone by id or name; `None`: the system's default.
    Microphone(Option<String>),
    /// What this computer plays, without what Ahoy itself plays.
    System,
    /// The test tone.
    Test,
    /// A WAV file, over and over.
    File(PathBuf),
    /// Nothing is sent.
    None,
}

/// Where sound goes: the `--speaker` of `ahoy-call`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpeakerSpec {
    /// A speaker by id or name; `None`: the system's default.
    Speaker(Option<String>),
    /// Nowhere; it is decoded all the same, at the pace of a clock.
    None,
}

/// Brings pictures.
pub trait VideoSource: Send {
    /// Waits for the next picture, not much longer than `within`; `None`: none has come yet. Fails when the device has
    /// stalled, [`STALLED_AFTER`] its last picture, unless it is a [`Screen`], which may stand still; after an error the
    /// source is of no more use.
    fn read(&mut self, within: Duration) -> Result<Option<VideoFrame>, DeviceError>;
}

/// Brings sound.
pub trait AudioSource {
    /// Waits for the next 10 ms, not much longer than `within`; false: they have not come yet. Fails as
    /// [`VideoSource::read`] does.
    fn read(&mut self, block: &mut AudioBlock, within: Duration) -> Result<bool, DeviceError>;
}

/// Plays sound.
pub trait AudioSink {
    /// Waits until it wants the next 10 ms, at most [`STALLED_AFTER`], and takes them.
    fn write(&mut self, block: &AudioBlock) -> Result<(), DeviceError>;
    /// How much sound waits in it to be played, the device's own buffer included as far as known.
    fn delay(&self) -> Duration;
}
