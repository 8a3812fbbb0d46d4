//! macOS and Windows: all through nokhwa.

use std::{borrow::Cow, sync::mpsc::channel, time::Duration};

use ahoy_contract::ui::DeviceInfo;
use nokhwa::{
    NokhwaError,
    utils::{
        ApiBackend, CameraFormat, CameraIndex, CameraInfo, FrameFormat, RequestedFormat,
        RequestedFormatType,
    },
};

use super::{
    KIND, Layout, OPEN_WITHIN,
    modes::{self, Mode, Pixels},
};
use crate::device::{DeviceError, Devices, VideoFormat, list::number_twins};

const FORMATS: [FrameFormat; 3] = [FrameFormat::YUYV, FrameFormat::NV12, FrameFormat::MJPEG];

/// A camera that is open.
pub(super) struct Capture {
    camera: nokhwa::Camera,
    index: CameraIndex,
    mode: Mode,
}

impl Capture {
    /// Opens the camera of this id or name (`None`: the first) in its nearest mode.
    pub(super) fn open(camera: Option<&str>, wanted: VideoFormat) -> Result<Self, DeviceError> {
        let index = find(camera)?;
        let mode = nearest(&index, wanted)?;
        let mut camera = open_in(index.clone(), mode).map_err(|error| device_error(&error))?;
        camera.open_stream().map_err(|error| device_error(&error))?;
        Ok(Self {
            camera,
            index,
            mode,
        })
    }

    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// nokhwa does not say.
    pub(super) fn layout(&self) -> Layout {
        Layout::default()
    }

    /// The next picture; nokhwa waits for it as long as it takes.
    pub(super) fn next(&mut self, _within: Duration) -> Result<Option<Cow<'_, [u8]>>, DeviceError> {
        let index = &self.index;
        self.camera.frame_raw().map(Some).map_err(|error| {
            let gone = nokhwa::query(ApiBackend::Auto)
                .is_ok_and(|cameras| cameras.iter().all(|camera| camera.index() != index));
            if gone {
                DeviceError::Missing(KIND)
            } else {
                device_error(&error)
            }
        })
    }
}

fn cameras() -> Vec<(CameraIndex, DeviceInfo)> {
    let found: Vec<CameraInfo> = nokhwa::query(ApiBackend::Auto).unwrap_or_default();
    let mut infos: Vec<DeviceInfo> = found
        .iter()
        .map(|camera| {
            // The system's own name of the device; numbers change when another one is plugged in.
            let unique = camera.misc();
            let name = camera.human_name();
            DeviceInfo {
                id: if unique.is_empty() {
                    name.clone()
                } else {
                    unique
                },
                name,
            }
        })
        .collect();
    number_twins(&mut infos);
    found
        .into_iter()
        .map(|camera| camera.index().clone())
        .zip(infos)
        .collect()
}

/// All cameras, in the system's order.
pub(in crate::device) fn list() -> Vec<DeviceInfo> {
    cameras().into_iter().map(|(_, info)| info).collect()
}

/// The camera of this id or name; `None`: the first.
fn find(wanted: Option<&str>) -> Result<CameraIndex, DeviceError> {
    ask_user()?;
    let cameras = cameras();
    let infos: Vec<DeviceInfo> = cameras.iter().map(|(_, info)| info.clone()).collect();
    let chosen = match wanted {
        Some(wanted) => Devices::resolve(&infos, wanted),
        None => infos.first(),
    }
    .ok_or(DeviceError::Missing(KIND))?;
    cameras
        .iter()
        .find(|(_, info)| info == chosen)
        .map(|(index, _)| index.clone())
        .ok_or(DeviceError::Missing(KIND))
}

/// macOS asks the user the first time; elsewhere the answer is yes at once.
fn ask_user() -> Result<(), DeviceError> {
    if nokhwa::nokhwa_check() {
        return Ok(());
    }
    let (say, answer) = channel();
    nokhwa::nokhwa_initialize(move |granted| {
        let _ = say.send(granted);
    });
    match answer.recv_timeout(OPEN_WITHIN) {
        Ok(true) => Ok(()),
        _ => Err(DeviceError::Denied(KIND)),
    }
}

/// The nearest mode.
fn nearest(index: &CameraIndex, wanted: VideoFormat) -> Result<Mode, DeviceError> {
    let any = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
    let mut camera =
        nokhwa::Camera::new(index.clone(), any).map_err(|error| device_error(&error))?;
    let formats = camera
        .compatible_camera_formats()
        .map_err(|error| device_error(&error))?;
    let modes: Vec<Mode> = formats
        .iter()
        .filter_map(|format| {
            Some(Mode {
                pixels: pixels(format.format())?,
                width: format.width(),
                height: format.height(),
                fps: format.frame_rate(),
            })
        })
        .collect();
    modes::nearest(&modes, wanted)
        .ok_or_else(|| DeviceError::Failed(KIND, "it has no mode in YUYV, NV12 or MJPEG".into()))
}

fn pixels(format: FrameFormat) -> Option<Pixels> {
    match format {
        FrameFormat::YUYV => Some(Pixels::Yuyv),
        FrameFormat::NV12 => Some(Pixels::Nv12),
        FrameFormat::MJPEG => Some(Pixels::Mjpeg),
        _ => None,
    }
}

fn open_in(index: CameraIndex, mode: Mode) -> Result<nokhwa::Camera, NokhwaError> {
    let pixels = match mode.pixels {
        Pixels::Yuyv => FrameFormat::YUYV,
        Pixels::Nv12 => FrameFormat::NV12,
        Pixels::Mjpeg => FrameFormat::MJPEG,
    };
    let format = CameraFormat::new_from(mode.width, mode.height, pixels, mode.fps);
    nokhwa::Camera::new(
        index,
        RequestedFormat::with_formats(RequestedFormatType::Exact(format), &[pixels]),
    )
}

/// nokhwa hands on the system's words.
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
