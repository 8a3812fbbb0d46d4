//! macOS and Windows: all through xcap, which takes whole pictures one at a time.

use ahoy_contract::ui::DeviceInfo;
use xcap::{Monitor, Window, XCapError, XCapResult};

use super::{KIND, SCREEN_COLOR, ScreenKind, ScreenSource, ScreenSpec};
use crate::{
    convert,
    device::{DeviceError, Devices, clock},
    frame::{FramePool, VideoFrame},
};

/// Pictures in a row that may fail, some seconds: a window that is resized has none for a moment.
const MOST_REFUSED: u32 = 90;

/// A screen or window that is shown.
pub(super) struct Capture {
    shown: Shown,
    /// The last picture as it came: it says whether the next one is another.
    last: Vec<u8>,
    pool: FramePool,
    refused: u32,
}

enum Shown {
    Monitor(Monitor),
    Window(Window),
}

/// Whether the desktop asks its user by itself what is shown.
pub(super) fn asks_by_itself() -> bool {
    false
}

impl Capture {
    /// Opens what is wanted.
    pub(super) fn open(
        wanted: &ScreenSpec,
        _fps: u32,
        _go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Self, DeviceError> {
        let all = all().map_err(|error| device_error(&error))?;
        let (sources, mut shown): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let index = find(&sources, wanted).ok_or(DeviceError::Missing(KIND))?;
        Ok(Self {
            shown: shown.swap_remove(index),
            last: Vec::new(),
            pool: FramePool::new(),
            refused: 0,
        })
    }

    /// Takes a picture. `None`: it is as before.
    pub(super) fn next(&mut self) -> Result<Option<VideoFrame>, DeviceError> {
        let image = match &self.shown {
            Shown::Monitor(monitor) => monitor.capture_image(),
            Shown::Window(window) => window.capture_image(),
        };
        let captured = clock::now();
        let image = match image {
            Ok(image) => image,
            Err(_) if self.is_gone() => return Err(DeviceError::Missing(KIND)),
            Err(_) if self.refused < MOST_REFUSED => {
                self.refused += 1;
                return Ok(None);
            }
            Err(error) => return Err(device_error(&error)),
        };
        self.refused = 0;
        let (width, height) = image.dimensions();
        if *image.as_raw() == self.last || width == 0 || height == 0 {
            return Ok(None);
        }
        let buffer = self
            .pool
            .make(width, height, |out| {
                convert::rgba_to_i420(image.as_raw(), width as usize * 4, out)
            })
            .map_err(|error| DeviceError::Failed(KIND, error.to_string()))?;
        self.last = image.into_raw();
        Ok(Some(VideoFrame {
            buffer,
            color: SCREEN_COLOR,
            captured,
        }))
    }

    /// Whether what is shown is in no list any more.
    fn is_gone(&self) -> bool {
        let own = match &self.shown {
            Shown::Monitor(monitor) => monitor.id().map(|id| format!("monitor:{id}")),
            Shown::Window(window) => window.id().map(|id| format!("window:{id}")),
        };
        match (own, list()) {
            (Ok(own), Ok(all)) => all.iter().all(|source| source.id != own),
            _ => true,
        }
    }
}

/// All that can be shown: monitors first.
pub(super) fn list() -> Result<Vec<ScreenSource>, DeviceError> {
    let all = all().map_err(|error| device_error(&error))?;
    Ok(all.into_iter().map(|(source, _)| source).collect())
}

fn all() -> XCapResult<Vec<(ScreenSource, Shown)>> {
    let mut found = Vec::new();
    for monitor in Monitor::all()? {
        let source = ScreenSource {
            id: format!("monitor:{}", monitor.id()?),
            name: monitor.friendly_name().or_else(|_| monitor.name())?,
            kind: ScreenKind::Monitor,
            x: monitor.x()?,
            y: monitor.y()?,
            width: monitor.width()?,
            height: monitor.height()?,
        };
        let is_first = monitor.is_primary().unwrap_or(false);
        let at = if is_first { 0 } else { found.len() };
        found.insert(at, (source, Shown::Monitor(monitor)));
    }
    for window in Window::all()? {
        // One that closes meanwhile is left out.
        if let Ok(Some(source)) = about(&window) {
            found.push((source, Shown::Window(window)));
        }
    }
    Ok(found)
}

/// A window as it is listed; `None`: it has no title, or cannot be seen.
fn about(window: &Window) -> XCapResult<Option<ScreenSource>> {
    let name: String = window
        .title()?
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    if name.trim().is_empty() || window.is_minimized()? {
        return Ok(None);
    }
    Ok(Some(ScreenSource {
        id: format!("window:{}", window.id()?),
        name,
        kind: ScreenKind::Window,
        x: window.x()?,
        y: window.y()?,
        width: window.width()?,
        height: window.height()?,
    }))
}

/// Which of them is meant; the main monitor is the first.
fn find(sources: &[ScreenSource], wanted: &ScreenSpec) -> Option<usize> {
    let of = |kind| {
        let numbered = sources.iter().enumerate();
        numbered.filter(move |(_, source)| source.kind == kind)
    };
    match wanted {
        ScreenSpec::Default => of(ScreenKind::Monitor).next().map(|(index, _)| index),
        ScreenSpec::Monitor(number) => of(ScreenKind::Monitor).nth(*number).map(|(index, _)| index),
        ScreenSpec::Window(title) => {
            let windows: Vec<(usize, DeviceInfo)> = of(ScreenKind::Window)
                .map(|(index, source)| {
                    let (id, name) = (source.id.clone(), source.name.clone());
                    (index, DeviceInfo { id, name })
                })
                .collect();
            let infos: Vec<DeviceInfo> = windows.iter().map(|(_, info)| info.clone()).collect();
            let wanted = Devices::resolve(&infos, title)?;
            windows
                .iter()
                .find(|(_, info)| info == wanted)
                .map(|(index, _)| *index)
        }
        ScreenSpec::Source(id) => sources.iter().position(|source| source.id == *id),
        // There is no portal here.
        ScreenSpec::Portal(_) => None,
    }
}

fn device_error(error: &XCapError) -> DeviceError {
    DeviceError::Failed(KIND, error.to_string())
}
