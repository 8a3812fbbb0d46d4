//! macOS and Windows: all through nokhwa.

use std::sync::mpsc::channel;

use ahoy_contract::ui::DeviceInfo;
use nokhwa::utils::{
    ApiBackend, CameraIndex, CameraInfo, FrameFormat, RequestedFormat, RequestedFormatType,
};

use super::{
    KIND, Layout, OPEN_WITHIN, device_error,
    modes::{self, Mode},
};
use crate::device::{DeviceError, Devices, VideoFormat, list::number_twins};

const FORMATS: [FrameFormat; 3] = [FrameFormat::YUYV, FrameFormat::NV12, FrameFormat::MJPEG];

/// A camera.
#[derive(Debug)]
pub(super) struct Found {
    index: CameraIndex,
}

impl Found {
    /// The name that nokhwa knows it by.
    pub(super) fn index(&self) -> CameraIndex {
        self.index.clone()
    }

    /// Whether it was pulled.
    pub(super) fn is_gone(&self) -> bool {
        nokhwa::query(ApiBackend::Auto)
            .is_ok_and(|cameras| cameras.iter().all(|camera| *camera.index() != self.index))
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
pub(super) fn find(wanted: Option<&str>) -> Result<Found, DeviceError> {
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
        .map(|(index, _)| Found {
            index: index.clone(),
        })
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
pub(super) fn prepare(found: &Found, wanted: VideoFormat) -> Result<(Mode, Layout), DeviceError> {
    let any = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
    let mut camera =
        nokhwa::Camera::new(found.index(), any).map_err(|error| device_error(&error))?;
    let formats = camera
        .compatible_camera_formats()
        .map_err(|error| device_error(&error))?;
    let modes: Vec<Mode> = formats
        .iter()
        .map(|format| Mode {
            pixels: format.format(),
            width: format.width(),
            height: format.height(),
            fps: format.frame_rate(),
        })
        .collect();
    let mode = modes::nearest(&modes, wanted)
        .ok_or_else(|| DeviceError::Failed(KIND, "it has no mode in YUYV, NV12 or MJPEG".into()))?;
    Ok((mode, Layout::default()))
}
