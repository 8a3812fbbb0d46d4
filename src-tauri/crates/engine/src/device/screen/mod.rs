//! Screens and windows as sources of pictures.
//!
//! A screen lives on a thread of its own, as a camera does: a display may stop answering. The thread hands the newest
//! picture through one slot. While what is shown stands still no picture comes, and that is no fault.

mod choice;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(target_os = "linux")]
mod portal;
#[cfg(target_os = "linux")]
mod x11;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde::Serialize;

use super::{
    DeviceError, DeviceKind, STALLED_AFTER, VideoSource, clock,
    driver::{DriverThread, Stop},
    list::Lister,
    slot::{self, Taken, slot},
};
use crate::{
    convert,
    frame::{Color, ColorMatrix, ColorRange, I420Buffer, VideoFrame},
};

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use other as system;

pub use choice::PortalChoice;

const KIND: DeviceKind = DeviceKind::Screen;

/// Screens are made in the colours of high definition.
const SCREEN_COLOR: Color = Color {
    matrix: ColorMatrix::Bt709,
    range: ColorRange::Limited,
};

/// The most pictures a second.
const MAX_FPS: u32 = 60;

/// How long a picture for choosing by may take.
const THUMBNAIL_WITHIN: Duration = Duration::from_secs(1);

/// What of the screen is shown: behind `screen` in the `--video` of `ahoy-call`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScreenSpec {
    /// The main monitor; on a Wayland desktop what its user chooses when the desktop asks.
    Default,
    /// A monitor by its number, from 0, in the order of [`screens`]; on a Wayland desktop as the default.
    Monitor(usize),
    /// A window by its title, or else a part of it; case does not matter.
    Window(String),
    /// Either by the id that [`screens`] gives.
    Source(String),
    /// What the user of a Wayland desktop chooses when the desktop asks, or has chosen before.
    Portal(PortalChoice),
}

/// What a [`ScreenSource`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScreenKind {
    /// A whole monitor.
    Monitor,
    /// One window.
    Window,
}

/// A monitor or window that can be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScreenSource {
    /// Names it for [`ScreenSpec::Source`], for as long as it is there.
    pub id: String,
    /// The monitor's name, or the window's title, as its program writes it.
    pub name: String,
    /// Which of the two.
    pub kind: ScreenKind,
    /// Its left edge on the desktop, in pixels.
    pub x: i32,
    /// Its upper edge.
    pub y: i32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

type Found = Result<Vec<ScreenSource>, DeviceError>;

static SCREENS: Mutex<Lister<Found>> = Mutex::new(Lister::new(Ok(Vec::new())));

/// Whether this desktop asks its user by itself what is shown ([`ScreenSpec::Portal`]). Then there is nothing to choose
/// from beforehand.
pub fn asks_by_itself() -> bool {
    system::asks_by_itself()
}

/// What can be shown, monitors first: all of them, and the windows with a title that are not minimised. Some ms; where
/// the display hangs 1.5 s, and then what there was the last time. There are no events for coming and going.
pub fn screens() -> Found {
    let mut screens = SCREENS.lock();
    screens.start("list-screens", system::list);
    screens.wait()
}

/// A picture to choose by, of a monitor or window by its id, neither side longer than `max_side`. It takes some ms, and a
/// second where nothing comes; to be asked for about once a second while somebody chooses.
pub fn thumbnail(id: &str, max_side: u32) -> Result<VideoFrame, DeviceError> {
    let mut screen = Screen::open(&ScreenSpec::Source(id.to_owned()), MAX_FPS)?;
    let Some(picture) = screen.read(THUMBNAIL_WITHIN)? else {
        return Err(DeviceError::Failed(KIND, "it brings no picture".into()));
    };
    let (width, height) = fitted((picture.width(), picture.height()), max_side);
    let mut small = I420Buffer::new(width, height);
    convert::scale(&picture.buffer, &mut small);
    Ok(VideoFrame::new(small, picture.color, picture.captured))
}

/// The size with these proportions whose longer side is `max` at most.
fn fitted((width, height): (u32, u32), max: u32) -> (u32, u32) {
    let longer = width.max(height).max(1);
    if longer <= max {
        return (width, height);
    }
    let part = |side: u32| {
        let scaled = u64::from(side) * u64::from(max) / u64::from(longer);
        u32::try_from(scaled).unwrap_or(max).max(1)
    };
    (part(width), part(height))
}

/// What the thread says.
#[derive(Debug)]
enum Said {
    Picture(VideoFrame),
    /// It has ended, and this is its last word.
    Ended(DeviceError),
}

/// A screen or window that is shown.
#[derive(Debug)]
pub struct Screen {
    said: slot::Reader<Said>,
    /// When its thread last had an answer.
    alive: Arc<Mutex<Instant>>,
    _thread: DriverThread,
}

impl Screen {
    /// Begins to show a screen or window, at most `fps` (up to 60) pictures a second. How that went, the first
    /// [`read`](VideoSource::read)s say.
    pub fn open(screen: &ScreenSpec, fps: u32) -> Result<Self, DeviceError> {
        let (writer, said) = slot();
        let alive = Arc::new(Mutex::new(clock::now()));
        let (screen, beat) = (screen.clone(), Arc::clone(&alive));
        let run = move |stop: &Stop| {
            if let Err(error) = run(&screen, fps, stop, &beat, &writer) {
                writer.put(Said::Ended(error));
            }
        };
        Ok(Self {
            said,
            alive,
            _thread: DriverThread::spawn(KIND, "screen-driver", run)?,
        })
    }
}

impl VideoSource for Screen {
    /// As for every source, but that a screen may stand still for as long as it likes: it has stalled when its display
    /// does not answer.
    fn read(&mut self, within: Duration) -> Result<Option<VideoFrame>, DeviceError> {
        match self.said.take(within) {
            Taken::Value(Said::Picture(picture)) => Ok(Some(picture)),
            Taken::Value(Said::Ended(error)) => Err(error),
            Taken::Closed => Err(DeviceError::Failed(KIND, "its driver panicked".into())),
            Taken::Late => {
                let silent = clock::now().saturating_duration_since(*self.alive.lock());
                if silent > STALLED_AFTER {
                    return Err(DeviceError::Failed(KIND, "it does not answer".into()));
                }
                Ok(None)
            }
        }
    }
}

/// The thread's side: brings pictures until it shall stop or what is shown is gone.
fn run(
    screen: &ScreenSpec,
    fps: u32,
    stop: &Stop,
    alive: &Mutex<Instant>,
    said: &slot::Writer<Said>,
) -> Result<(), DeviceError> {
    // A person may be asked first, who takes as long as people do.
    let mut go_on = || {
        *alive.lock() = clock::now();
        !stop.is_set()
    };
    let mut capture = system::Capture::open(screen, fps.clamp(1, MAX_FPS), &mut go_on)?;
    let between = Duration::from_secs(1) / fps.clamp(1, MAX_FPS);
    let mut due = clock::now();
    loop {
        let now = clock::now();
        *alive.lock() = now;
        if stop.is_set_within(due.saturating_duration_since(now)) {
            return Ok(());
        }
        let Some(picture) = capture.next()? else {
            // What happens that nobody sees is not looked at more often than what is seen.
            due = now + between;
            continue;
        };
        // In step while there is always something new, and never two in a row after a rest.
        let late = picture.captured.saturating_duration_since(due);
        due = if late < between {
            due
        } else {
            picture.captured
        } + between;
        said.put(Said::Picture(picture));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbnail_keeps_its_proportions() {
        assert_eq!(fitted((1920, 1080), 320), (320, 180));
        assert_eq!(fitted((1080, 1920), 320), (180, 320));
        assert_eq!(fitted((300, 200), 320), (300, 200));
        assert_eq!(fitted((16_384, 1), 100), (100, 1));
        assert_eq!(fitted((0, 0), 100), (0, 0));
    }

    #[test]
    fn what_is_not_there_is_missing() {
        for spec in [
            ScreenSpec::Source("window:0xffffffff".into()),
            ScreenSpec::Source("monitor:no such monitor".into()),
            ScreenSpec::Source("what?".into()),
            ScreenSpec::Window("no such window anywhere".into()),
            ScreenSpec::Monitor(1000),
        ] {
            // It is the desktop that asks.
            if asks_by_itself() && matches!(spec, ScreenSpec::Monitor(_)) {
                continue;
            }
            let mut screen = Screen::open(&spec, 30).unwrap();
            let error = loop {
                match screen.read(Duration::from_millis(33)) {
                    Ok(picture) => assert!(picture.is_none()),
                    Err(error) => break error,
                }
            };
            assert_eq!(error, DeviceError::Missing(KIND), "{spec:?}");
        }
    }
}
