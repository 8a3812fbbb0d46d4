//! Cameras through nokhwa.
//!
//! A camera lives on a thread of its own: drivers open slowly and wait for pictures for ever. The thread hands the
//! newest picture through one slot; a picture that nobody took in time is replaced. Linux drivers are
//! asked directly what they have and what their numbers mean, as nokhwa does not say.

#[cfg(target_os = "linux")]
mod linux;
mod modes;
#[cfg(not(target_os = "linux"))]
mod other;
mod raw;
mod slot;

use std::{
    sync::mpsc::{RecvTimeoutError, sync_channel},
    time::Duration,
};

use nokhwa::{
    NokhwaError,
    utils::{CameraFormat, CameraIndex, RequestedFormat, RequestedFormatType},
};

use super::{
    DeviceError, DeviceKind, STALLED_AFTER, VideoFormat, VideoSource, clock,
    driver::{DriverThread, Stop},
};
use crate::frame::VideoFrame;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use other as system;

pub(super) use system::list;

use modes::Mode;
use raw::{Layout, Raw};
use slot::{Taken, slot};

const KIND: DeviceKind = DeviceKind::Camera;

/// How long a camera may take to open: some that are built in wake up for seconds, and macOS asks the user.
const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// Pictures in a row that may be damaged, 1 s: a bad cable tears one now and then, a wrong mode all.
const MOST_DAMAGED: u32 = 30;

/// A camera in use.
#[derive(Debug)]
pub struct Camera {
    format: VideoFormat,
    pictures: slot::Reader<Result<VideoFrame, DeviceError>>,
    _thread: DriverThread,
}

impl Camera {
    /// Opens a camera by id or name (`None`: the first) in the mode that is nearest to what is wanted.
    pub fn open(camera: Option<&str>, wanted: VideoFormat) -> Result<Self, DeviceError> {
        let (say, answer) = sync_channel(1);
        let (writer, pictures) = slot();
        let camera = camera.map(str::to_owned);
        let run = move |stop: &Stop| match Capture::open(camera.as_deref(), wanted) {
            Ok(mut capture) => {
                let _ = say.send(Ok(capture.raw.format()));
                capture.run(stop, &writer);
            }
            Err(error) => {
                let _ = say.send(Err(error));
            }
        };
        let thread = DriverThread::spawn("camera-driver", run)
            .map_err(|error| DeviceError::Failed(KIND, error.to_string()))?;
        match answer.recv_timeout(OPEN_WITHIN) {
            Ok(format) => Ok(Self {
                format: format?,
                pictures,
                _thread: thread,
            }),
            Err(RecvTimeoutError::Timeout) => {
                Err(DeviceError::Failed(KIND, "it does not open".into()))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(DeviceError::Failed(KIND, "its driver panicked".into()))
            }
        }
    }
}

impl VideoSource for Camera {
    fn format(&self) -> VideoFormat {
        self.format
    }

    fn read(&mut self) -> Result<VideoFrame, DeviceError> {
        match self.pictures.take(STALLED_AFTER) {
            Taken::Value(picture) => picture,
            Taken::Late => Err(DeviceError::Failed(KIND, "it has stalled".into())),
            Taken::Closed => Err(DeviceError::Failed(KIND, "its driver panicked".into())),
        }
    }
}

/// The thread's side.
struct Capture {
    camera: nokhwa::Camera,
    found: system::Found,
    raw: Raw,
}

impl Capture {
    fn open(camera: Option<&str>, wanted: VideoFormat) -> Result<Self, DeviceError> {
        let found = system::find(camera)?;
        let (mode, layout) = system::prepare(&found, wanted)?;
        let mut camera = open_in(found.index(), mode).map_err(|error| device_error(&error))?;
        camera.open_stream().map_err(|error| device_error(&error))?;
        tracing::info!(?mode, "the camera is open");
        Ok(Self {
            camera,
            found,
            raw: Raw::new(mode, layout),
        })
    }

    /// Brings pictures until it shall stop or the camera fails; the failure is the last thing it brings.
    fn run(&mut self, stop: &Stop, pictures: &slot::Writer<Result<VideoFrame, DeviceError>>) {
        let mut damaged = 0;
        while !stop.is_set() {
            let bytes = match self.camera.frame_raw() {
                Ok(bytes) => bytes,
                Err(error) => {
                    let error = if self.found.is_gone() {
                        DeviceError::Missing(KIND)
                    } else {
                        device_error(&error)
                    };
                    pictures.put(Err(error));
                    return;
                }
            };
            let captured = clock::now();
            match self.raw.picture(&bytes, captured) {
                Ok(picture) => {
                    damaged = 0;
                    pictures.put(Ok(picture));
                }
                Err(error) => {
                    damaged += 1;
                    tracing::debug!(%error, "a picture of the camera is damaged");
                    if damaged == MOST_DAMAGED {
                        pictures.put(Err(DeviceError::Failed(KIND, error.to_string())));
                        return;
                    }
                }
            }
        }
    }
}

fn open_in(index: CameraIndex, mode: Mode) -> Result<nokhwa::Camera, NokhwaError> {
    let format = CameraFormat::new_from(mode.width, mode.height, mode.pixels, mode.fps);
    nokhwa::Camera::new(
        index,
        RequestedFormat::with_formats(RequestedFormatType::Exact(format), &[mode.pixels]),
    )
}

/// nokhwa hands on the system's words; Linux puts the number behind them.
fn device_error(error: &NokhwaError) -> DeviceError {
    let words = error.to_string();
    let lower = words.to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    if has(&["(os error 16)", "busy", "in use", "0xc00d3704"]) {
        DeviceError::Busy(KIND)
    } else if has(&[
        "(os error 13)",
        "(os error 1)",
        "denied",
        "not authorized",
        "0x80070005",
    ]) {
        DeviceError::Denied(KIND)
    } else if has(&[
        "(os error 19)",
        "(os error 6)",
        "(os error 2)",
        "no such device",
    ]) {
        DeviceError::Missing(KIND)
    } else {
        DeviceError::Failed(KIND, words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_system_become_errors() {
        let stream = |words: &str| device_error(&NokhwaError::OpenStreamError(words.into()));
        assert_eq!(
            stream("Device or resource busy (os error 16)"),
            DeviceError::Busy(KIND)
        );
        assert_eq!(
            stream("Permission denied (os error 13)"),
            DeviceError::Denied(KIND)
        );
        assert_eq!(
            device_error(&NokhwaError::ReadFrameError(
                "No such device (os error 19)".into()
            )),
            DeviceError::Missing(KIND)
        );
        assert!(matches!(
            stream("Input/output error (os error 5)"),
            DeviceError::Failed(..)
        ));
        assert!(matches!(
            stream("Cannot allocate memory (os error 12)"),
            DeviceError::Failed(..)
        ));
    }

    #[test]
    fn a_camera_that_is_not_there_is_missing() {
        let wanted = VideoFormat {
            width: 640,
            height: 360,
            fps: 30,
        };
        let error = Camera::open(Some("no such camera anywhere"), wanted).unwrap_err();
        assert_eq!(error, DeviceError::Missing(KIND));
    }
}
