//! Video4Linux: what nokhwa does not ask, does not tell, or needs done before it opens a camera.

use std::{collections::HashMap, fs, io, os::unix::fs::MetadataExt, path::PathBuf};

use ahoy_contract::ui::DeviceInfo;
use nokhwa::utils::{CameraIndex, FrameFormat};
use parking_lot::Mutex;
use v4l::{
    Device, Format, FourCC,
    capability::Flags,
    format::{Colorspace, Quantization},
    frameinterval::FrameIntervalEnum,
    framesize::{FrameSizeEnum, Stepwise},
    video::{Capture, capture::Parameters},
};

use super::{
    KIND, Layout,
    modes::{self, Mode},
};
use crate::{
    device::{DeviceError, Devices, VideoFormat, list::number_twins},
    frame::{Color, ColorMatrix, ColorRange},
};

/// A device node is the same as long as these are: a new device gets a new inode.
type NodeKey = (u64, u64);

/// What was found out about nodes. Asking opens them, and an opened USB camera does not sleep. Bounded by
/// what is plugged in: others are forgotten with each listing.
static KNOWN: Mutex<Option<HashMap<NodeKey, Option<DeviceInfo>>>> = Mutex::new(None);

/// A camera's node.
#[derive(Debug)]
pub(super) struct Found {
    number: usize,
    key: Option<NodeKey>,
}

impl Found {
    /// The name that nokhwa knows it by.
    pub(super) fn index(&self) -> CameraIndex {
        CameraIndex::Index(u32::try_from(self.number).unwrap_or(u32::MAX))
    }

    /// Whether it was pulled.
    pub(super) fn is_gone(&self) -> bool {
        key(self.number) != self.key
    }
}

fn path(number: usize) -> PathBuf {
    PathBuf::from(format!("/dev/video{number}"))
}

fn key(number: usize) -> Option<NodeKey> {
    let node = fs::metadata(path(number)).ok()?;
    Some((node.ino(), node.rdev()))
}

/// All cameras with their nodes.
fn cameras() -> Vec<(usize, DeviceInfo)> {
    let mut numbers: Vec<usize> = fs::read_dir("/sys/class/video4linux")
        .map(|entries| {
            entries
                .flatten()
                .filter_map(|entry| {
                    entry
                        .file_name()
                        .to_str()?
                        .strip_prefix("video")?
                        .parse()
                        .ok()
                })
                .collect()
        })
        .unwrap_or_default();
    numbers.sort_unstable();

    let mut before = KNOWN.lock().take().unwrap_or_default();
    let mut known = HashMap::new();
    let mut found = Vec::new();
    for number in numbers {
        let Some(key) = key(number) else { continue };
        let info = match before.remove(&key) {
            Some(info) => info,
            None => match ask(number) {
                Ok(info) => info,
                // It exists and may not be opened: shown, so that opening it can say why.
                Err(error) if is_denied(&error) => {
                    found.push((number, unasked(number)));
                    continue;
                }
                Err(_) => continue,
            },
        };
        if let Some(info) = &info {
            found.push((number, info.clone()));
        }
        known.insert(key, info);
    }
    *KNOWN.lock() = Some(known);

    let (numbers, mut infos): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    number_twins(&mut infos);
    numbers.into_iter().zip(infos).collect()
}

/// What a node says of itself; `None` if it brings no pictures: webcams have a second node for metadata.
fn ask(number: usize) -> io::Result<Option<DeviceInfo>> {
    let caps = Device::with_path(path(number))?.query_caps()?;
    let pictures = Flags::VIDEO_CAPTURE | Flags::STREAMING;
    if !caps.capabilities.contains(pictures) || caps.capabilities.contains(Flags::VIDEO_M2M) {
        return Ok(None);
    }
    Ok(Some(DeviceInfo {
        id: format!("v4l2:{}/{}", caps.bus, caps.card),
        name: caps.card,
    }))
}

fn unasked(number: usize) -> DeviceInfo {
    let name = fs::read_to_string(format!("/sys/class/video4linux/video{number}/name"));
    DeviceInfo {
        id: format!("v4l2:video{number}"),
        name: name.map_or_else(|_| "Camera".into(), |name| name.trim().to_owned()),
    }
}

fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// All cameras, by the number of their nodes.
pub(in crate::device) fn list() -> Vec<DeviceInfo> {
    cameras().into_iter().map(|(_, info)| info).collect()
}

/// The camera of this id or name; `None`: the first.
pub(super) fn find(wanted: Option<&str>) -> Result<Found, DeviceError> {
    let cameras = cameras();
    let infos: Vec<DeviceInfo> = cameras.iter().map(|(_, info)| info.clone()).collect();
    let chosen = match wanted {
        Some(wanted) => Devices::resolve(&infos, wanted),
        None => infos.first(),
    }
    .ok_or(DeviceError::Missing(KIND))?;
    let number = cameras
        .iter()
        .find(|(_, info)| info.id == chosen.id)
        .map(|(number, _)| *number)
        .ok_or(DeviceError::Missing(KIND))?;
    Ok(Found {
        number,
        key: key(number),
    })
}

/// Sets the nearest mode, and says what the driver made of it. nokhwa cannot open a camera that was left at a rate
/// like 30000/1001 or in a format it does not know; after this it finds what it wants.
pub(super) fn prepare(found: &Found, wanted: VideoFormat) -> Result<(Mode, Layout), DeviceError> {
    let device = Device::with_path(path(found.number)).map_err(|e| io_error(&e))?;
    let modes = modes(&device, wanted).map_err(|e| io_error(&e))?;
    let mode = modes::nearest(&modes, wanted).ok_or_else(|| {
        DeviceError::Failed(
            KIND,
            "it has no mode with a whole rate in YUYV, NV12 or MJPEG".into(),
        )
    })?;
    let format = device
        .set_format(&Format::new(mode.width, mode.height, fourcc(mode.pixels)))
        .map_err(|e| io_error(&e))?;
    let set = device
        .set_params(&Parameters::with_fps(mode.fps))
        .map_err(|e| io_error(&e))?;
    if format.fourcc != fourcc(mode.pixels) || set.interval.numerator != 1 {
        return Err(DeviceError::Failed(
            KIND,
            format!("it does not keep the mode {mode:?}"),
        ));
    }
    let mode = Mode {
        width: format.width,
        height: format.height,
        fps: set.interval.denominator,
        ..mode
    };
    let layout = Layout {
        stride: Some(format.stride as usize).filter(|stride| *stride > 0),
        color: color(format.colorspace, format.quantization),
    };
    Ok((mode, layout))
}

const FORMATS: [FrameFormat; 3] = [FrameFormat::YUYV, FrameFormat::NV12, FrameFormat::MJPEG];

fn fourcc(pixels: FrameFormat) -> FourCC {
    FourCC::new(match pixels {
        FrameFormat::NV12 => b"NV12",
        FrameFormat::MJPEG => b"MJPG",
        _ => b"YUYV",
    })
}

fn modes(device: &Device, wanted: VideoFormat) -> io::Result<Vec<Mode>> {
    let offered = device.enum_formats()?;
    let mut modes = Vec::new();
    for pixels in FORMATS {
        let code = fourcc(pixels);
        if !offered.iter().any(|format| format.fourcc == code) {
            continue;
        }
        for size in device.enum_framesizes(code)? {
            let (width, height) = match size.size {
                FrameSizeEnum::Discrete(size) => (size.width, size.height),
                FrameSizeEnum::Stepwise(steps) => within(&steps, wanted),
            };
            let intervals = device
                .enum_frameintervals(code, width, height)
                .unwrap_or_default();
            for interval in intervals {
                let fps = match interval.interval {
                    FrameIntervalEnum::Discrete(time) if time.numerator == 1 => time.denominator,
                    FrameIntervalEnum::Discrete(_) => continue,
                    FrameIntervalEnum::Stepwise(times) => {
                        let rate = |time: v4l::Fraction| time.denominator / time.numerator.max(1);
                        let (slowest, fastest) = (rate(times.max).max(1), rate(times.min).max(1));
                        wanted.fps.clamp(slowest.min(fastest), fastest)
                    }
                };
                modes.push(Mode {
                    pixels,
                    width,
                    height,
                    fps,
                });
            }
        }
    }
    Ok(modes)
}

/// The size of a driver that takes any, nearest to what is wanted.
fn within(steps: &Stepwise, wanted: VideoFormat) -> (u32, u32) {
    let nearest = |wanted: u32, least: u32, most: u32, step: u32| {
        let clamped = wanted.clamp(least, most.max(least));
        clamped - (clamped - least) % step.max(1)
    };
    (
        nearest(
            wanted.width,
            steps.min_width,
            steps.max_width,
            steps.step_width,
        ),
        nearest(
            wanted.height,
            steps.min_height,
            steps.max_height,
            steps.step_height,
        ),
    )
}

/// The kernel's defaults: YCbCr is BT.601 and limited unless it says BT.709 or JPEG
/// (`V4L2_MAP_YCBCR_ENC_DEFAULT`, `V4L2_MAP_QUANTIZATION_DEFAULT`).
fn color(space: Colorspace, quantization: Quantization) -> Color {
    Color {
        matrix: match space {
            Colorspace::Rec709 => ColorMatrix::Bt709,
            _ => ColorMatrix::Bt601,
        },
        range: match (quantization, space) {
            (Quantization::FullRange, _) | (Quantization::Default, Colorspace::JPEG) => {
                ColorRange::Full
            }
            _ => ColorRange::Limited,
        },
    }
}

fn io_error(error: &io::Error) -> DeviceError {
    match error.raw_os_error() {
        Some(libc::EBUSY) => DeviceError::Busy(KIND),
        Some(libc::EACCES | libc::EPERM) => DeviceError::Denied(KIND),
        Some(libc::ENODEV | libc::ENXIO | libc::ENOENT) => DeviceError::Missing(KIND),
        _ => DeviceError::Failed(KIND, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_say_what_their_numbers_mean() {
        let of = |space, quantization| {
            let color = color(space, quantization);
            (color.matrix, color.range)
        };
        let limited = (ColorMatrix::Bt601, ColorRange::Limited);
        assert_eq!(of(Colorspace::SRGB, Quantization::Default), limited);
        assert_eq!(of(Colorspace::Default, Quantization::Default), limited);
        assert_eq!(
            of(Colorspace::SMPTE170M, Quantization::LimitedRange),
            limited
        );
        assert_eq!(
            of(Colorspace::Rec709, Quantization::Default),
            (ColorMatrix::Bt709, ColorRange::Limited)
        );
        assert_eq!(
            of(Colorspace::JPEG, Quantization::Default),
            (ColorMatrix::Bt601, ColorRange::Full)
        );
        assert_eq!(
            of(Colorspace::SRGB, Quantization::FullRange),
            (ColorMatrix::Bt601, ColorRange::Full)
        );
    }

    #[test]
    fn a_driver_that_takes_any_size_is_asked_for_the_wanted_one() {
        let steps = Stepwise {
            min_width: 48,
            max_width: 1920,
            step_width: 16,
            min_height: 32,
            max_height: 600,
            step_height: 8,
        };
        let wanted = |width, height| {
            within(
                &steps,
                VideoFormat {
                    width,
                    height,
                    fps: 30,
                },
            )
        };
        assert_eq!(wanted(1280, 720), (1280, 600));
        assert_eq!(wanted(645, 365), (640, 360));
        assert_eq!(wanted(1, 1), (48, 32));
    }
}
