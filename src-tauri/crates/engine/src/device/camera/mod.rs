//! Cameras: Video4Linux on Linux, nokhwa elsewhere.
//!
//! A camera lives on a thread of its own: drivers open slowly, and some wait for ever. The thread hands the
//! newest picture through one slot; a picture that nobody took in time is replaced.

#[cfg(target_os = "linux")]
mod linux;
mod modes;
#[cfg(not(target_os = "linux"))]
mod other;
mod raw;

use std::time::{Duration, Instant};

use super::{
    DeviceError, DeviceKind, STALLED_AFTER, VideoFormat, VideoSource, clock,
    driver::{DriverThread, Stop},
    slot::{self, Taken, slot},
};
use crate::frame::VideoFrame;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use other as system;

pub(super) use system::list;

use raw::{Layout, Raw};

const KIND: DeviceKind = DeviceKind::Camera;

/// How long a camera may take to its first picture: some that are built in wake up for seconds, and macOS asks the
/// user.
const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// How often the thread looks whether it shall end while no picture comes.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Pictures in a row that may be damaged, 1 s: a bad cable tears one now and then, a wrong mode all.
const MOST_DAMAGED: u32 = 30;

/// What the driver's thread says.
#[derive(Debug)]
enum Said {
    /// It is open; pictures will come.
    Open,
    Picture(VideoFrame),
    /// It has failed, and this is its last word.
    Failed(DeviceError),
}

/// A camera in use.
#[derive(Debug)]
pub struct Camera {
    said: slot::Reader<Said>,
    /// When it has stalled, unless something comes before.
    deadline: Instant,
    open: bool,
    _thread: DriverThread,
}

impl Camera {
    /// Begins to open a camera by id or name (`None`: the first) in the mode that is nearest to what is wanted. How that
    /// went, the first [`read`](VideoSource::read)s say.
    pub fn open(camera: Option<&str>, wanted: VideoFormat) -> Result<Self, DeviceError> {
        let (writer, said) = slot();
        let camera = camera.map(str::to_owned);
        let run = move |stop: &Stop| {
            if let Err(error) = run(camera.as_deref(), wanted, stop, &writer) {
                writer.put(Said::Failed(error));
            }
        };
        Ok(Self {
            said,
            deadline: clock::now() + OPEN_WITHIN,
            open: false,
            _thread: DriverThread::spawn(KIND, "camera-driver", run)?,
        })
    }
}

impl VideoSource for Camera {
    fn read(&mut self, within: Duration) -> Result<Option<VideoFrame>, DeviceError> {
        let left = self.deadline.saturating_duration_since(clock::now());
        let failed = |why: &str| Err(DeviceError::Failed(KIND, why.into()));
        match self.said.take(within.min(left)) {
            Taken::Value(Said::Picture(picture)) => {
                self.open = true;
                self.deadline = clock::now() + STALLED_AFTER;
                Ok(Some(picture))
            }
            Taken::Value(Said::Open) => {
                self.open = true;
                self.deadline = clock::now() + STALLED_AFTER;
                Ok(None)
            }
            Taken::Value(Said::Failed(error)) => Err(error),
            Taken::Late if left > within => Ok(None),
            Taken::Late if self.open => failed("it has stalled"),
            Taken::Late => failed("it does not open"),
            Taken::Closed => failed("its driver panicked"),
        }
    }
}

/// The thread's side: brings pictures until it shall stop or the camera fails.
fn run(
    camera: Option<&str>,
    wanted: VideoFormat,
    stop: &Stop,
    said: &slot::Writer<Said>,
) -> Result<(), DeviceError> {
    let mut capture = system::Capture::open(camera, wanted)?;
    tracing::info!(mode = ?capture.mode(), "the camera is open");
    said.put(Said::Open);
    let mut raw = Raw::new(capture.mode(), capture.layout());
    let mut damaged = 0;
    while !stop.is_set() {
        let Some(bytes) = capture.next(LOOK_EVERY)? else {
            continue;
        };
        match raw.picture(&bytes, clock::now()) {
            Ok(picture) => {
                damaged = 0;
                said.put(Said::Picture(picture));
            }
            Err(error) => {
                damaged += 1;
                tracing::debug!(%error, "a picture of the camera is damaged");
                if damaged == MOST_DAMAGED {
                    return Err(DeviceError::Failed(KIND, error.to_string()));
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_that_is_not_there_is_missing() {
        let wanted = VideoFormat {
            width: 640,
            height: 360,
            fps: 30,
        };
        let mut camera = Camera::open(Some("no such camera anywhere"), wanted).unwrap();
        let error = loop {
            match camera.read(LOOK_EVERY) {
                Ok(picture) => assert!(picture.is_none()),
                Err(error) => break error,
            }
        };
        assert_eq!(error, DeviceError::Missing(KIND));
    }
}
