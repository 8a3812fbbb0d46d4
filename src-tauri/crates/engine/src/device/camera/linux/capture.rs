//! A camera of Video4Linux in use.
//!
//! The driver is asked directly for what it has and what its numbers mean. All that waits has an end, so that a camera
//! which brings nothing can be closed and opened anew.

use std::{borrow::Cow, io, sync::Arc, time::Duration};

use v4l::{
    Device, Format, FourCC, Fraction,
    buffer::{Flags, Type},
    device::Handle,
    format::{Colorspace, Quantization},
    frameinterval::FrameIntervalEnum,
    framesize::{FrameSizeEnum, Stepwise},
    io::{
        mmap::Stream,
        traits::{CaptureStream, Stream as _},
    },
    video::{Capture as _, capture::Parameters},
};

use super::{Found, find};
use crate::{
    device::{
        DeviceError, VideoFormat,
        camera::{
            KIND, Layout,
            modes::{self, Mode, Pixels},
        },
    },
    frame::{Color, ColorMatrix, ColorRange},
};

/// Pictures that the driver has room for. One is being looked at; the others are what a busy machine may be late by.
const BUFFERS: u32 = 4;

/// What is left of waiting where the driver has said that a picture is there.
const HAND_OVER_WITHIN: Duration = Duration::from_millis(500);

/// A camera that is open and brings pictures.
pub(in crate::device::camera) struct Capture {
    stream: Stream<'static>,
    handle: Arc<Handle>,
    found: Found,
    mode: Mode,
    layout: Layout,
}

impl Capture {
    /// Opens the camera of this id or name (`None`: the first) in its nearest mode.
    pub(in crate::device::camera) fn open(
        camera: Option<&str>,
        wanted: VideoFormat,
    ) -> Result<Self, DeviceError> {
        let found = find(camera)?;
        let device = Device::with_path(found.path()).map_err(|error| io_error(&error))?;
        let (mode, layout) = set_mode(&device, wanted)?;
        let stream = start(&device).map_err(|error| io_error(&error))?;
        Ok(Self {
            stream,
            handle: device.handle(),
            found,
            mode,
            layout,
        })
    }

    pub(in crate::device::camera) fn mode(&self) -> Mode {
        self.mode
    }

    pub(in crate::device::camera) fn layout(&self) -> Layout {
        self.layout
    }

    /// The next picture; `None`: none has come in time, or a damaged one.
    pub(in crate::device::camera) fn next(
        &mut self,
        within: Duration,
    ) -> Result<Option<Cow<'_, [u8]>>, DeviceError> {
        let most = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);
        match self.handle.poll(libc::POLLIN, most) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
            Err(error) => return Err(io_error(&error)),
        }
        let found = &self.found;
        let (bytes, about) = self.stream.next().map_err(|error| {
            if found.is_gone() {
                DeviceError::Missing(KIND)
            } else {
                io_error(&error)
            }
        })?;
        if about.flags.contains(Flags::ERROR) {
            return Ok(None);
        }
        let used = (about.bytesused as usize).min(bytes.len());
        Ok(Some(Cow::Borrowed(&bytes[..used])))
    }
}

/// Starts to bring pictures. The first buffer is kept back: [`CaptureStream::next`] hands it in first.
fn start(device: &Device) -> io::Result<Stream<'static>> {
    let mut stream = Stream::with_buffers(device, Type::VideoCapture, BUFFERS)?;
    stream.set_timeout(HAND_OVER_WITHIN);
    // The driver may have given fewer.
    let _given = (1..BUFFERS as usize)
        .take_while(|index| CaptureStream::queue(&mut stream, *index).is_ok())
        .count();
    stream.start()?;
    Ok(stream)
}

/// Sets the nearest mode, whatever the camera was left in, and says what the driver made of it.
fn set_mode(device: &Device, wanted: VideoFormat) -> Result<(Mode, Layout), DeviceError> {
    let offered = modes(device, wanted).map_err(|error| io_error(&error))?;
    let modes: Vec<Mode> = offered.iter().map(|(mode, _)| *mode).collect();
    let mode = modes::nearest(&modes, wanted);
    let (mode, time) = offered
        .into_iter()
        .find(|(offered, _)| Some(*offered) == mode)
        .ok_or_else(|| DeviceError::Failed(KIND, "it has no mode in YUYV, NV12 or MJPEG".into()))?;
    let format = device
        .set_format(&Format::new(mode.width, mode.height, fourcc(mode.pixels)))
        .map_err(|error| io_error(&error))?;
    if format.fourcc != fourcc(mode.pixels) {
        let why = format!("it does not keep the mode {mode:?}");
        return Err(DeviceError::Failed(KIND, why));
    }
    let fps = match device.set_params(&Parameters::new(time)) {
        Ok(set) => rate(set.interval),
        // A driver without rates.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOTTY | libc::EINVAL)) => mode.fps,
        Err(error) => return Err(io_error(&error)),
    };
    let mode = Mode {
        width: format.width,
        height: format.height,
        fps,
        ..mode
    };
    let layout = Layout {
        stride: Some(format.stride as usize).filter(|stride| *stride > 0),
        color: color(format.colorspace, format.quantization),
    };
    Ok((mode, layout))
}

const FORMATS: [Pixels; 3] = [Pixels::Yuyv, Pixels::Nv12, Pixels::Mjpeg];

fn fourcc(pixels: Pixels) -> FourCC {
    FourCC::new(match pixels {
        Pixels::Nv12 => b"NV12",
        Pixels::Mjpeg => b"MJPG",
        Pixels::Yuyv => b"YUYV",
    })
}

/// All modes of a camera, with the exact time from one picture to the next: many have 30000/1001 instead of 30.
fn modes(device: &Device, wanted: VideoFormat) -> io::Result<Vec<(Mode, Fraction)>> {
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
            let mut times: Vec<Fraction> = intervals
                .into_iter()
                .map(|interval| match interval.interval {
                    FrameIntervalEnum::Discrete(time) => time,
                    FrameIntervalEnum::Stepwise(times) => {
                        let (slowest, fastest) = (rate(times.max), rate(times.min));
                        let fps = wanted.fps.clamp(slowest.min(fastest), fastest);
                        Fraction::new(1, fps)
                    }
                })
                .collect();
            if times.is_empty() {
                // Drivers that know no rates bring what they have.
                times.push(Fraction::new(1, wanted.fps.max(1)));
            }
            modes.extend(times.into_iter().map(|time| {
                let mode = Mode {
                    pixels,
                    width,
                    height,
                    fps: rate(time),
                };
                (mode, time)
            }));
        }
    }
    Ok(modes)
}

/// Pictures a second, rounded, of the time from one to the next; at least one.
fn rate(time: Fraction) -> u32 {
    let (time, pictures) = (
        u64::from(time.numerator.max(1)),
        u64::from(time.denominator),
    );
    u32::try_from(((pictures + time / 2) / time).max(1)).unwrap_or(u32::MAX)
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
    fn odd_rates_are_rounded() {
        for (time, fps) in [
            ((1, 30), 30),
            ((1001, 30000), 30),
            ((2, 25), 13),
            ((2, 15), 8),
            ((333_333, 10_000_000), 30),
            ((1, 0), 1),
            ((0, 5), 5),
            ((10, 1), 1),
        ] {
            assert_eq!(rate(Fraction::new(time.0, time.1)), fps, "{time:?}");
        }
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
