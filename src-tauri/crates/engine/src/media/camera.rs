//! The thread that captures pictures.

use std::time::Instant;

use tokio::sync::watch;

use super::tend::{Device, Duty, PATIENCE};
use crate::{
    device::{self, DeviceError, DeviceKind, VideoFormat, VideoSource, VideoSpec},
    frame::VideoFrame,
};

/// The camera, or what is shown in its place.
pub(super) struct CameraThread {
    format: VideoFormat,
    pictures: watch::Sender<Option<VideoFrame>>,
    /// The camera that was chosen before: it goes on until the new one brings pictures.
    before: Option<Box<dyn VideoSource>>,
}

impl CameraThread {
    pub(super) fn new(format: VideoFormat, pictures: watch::Sender<Option<VideoFrame>>) -> Self {
        Self {
            format,
            pictures,
            before: None,
        }
    }

    fn show(&self, picture: VideoFrame, duty: &Duty<'_, VideoSpec>) {
        // Nothing is shown from the moment that something else is wanted.
        if !duty.is_over() {
            self.pictures.send_replace(Some(picture));
        }
    }

    /// One more picture of the camera that was chosen before.
    fn show_before(&mut self, duty: &Duty<'_, VideoSpec>) {
        let Some(before) = &mut self.before else {
            return;
        };
        match before.read(PATIENCE) {
            Ok(Some(picture)) => self.show(picture, duty),
            Ok(None) => {}
            Err(_) => self.before = None,
        }
    }
}

impl Device for CameraThread {
    type Spec = VideoSpec;
    const THREAD: &'static str = "ahoy-camera";
    const KIND: DeviceKind = DeviceKind::Camera;

    fn is_none(spec: &VideoSpec) -> bool {
        *spec == VideoSpec::None
    }

    fn run(&mut self, spec: &VideoSpec, duty: &mut Duty<'_, VideoSpec>) -> Result<(), DeviceError> {
        if let VideoSpec::Screen(_) = spec {
            // Who changes over to another screen has done with the one before; its last picture stands meanwhile.
            self.before = None;
        }
        let mut source = device::open_video(spec, self.format)?;
        while !duty.is_over() {
            self.show_before(duty);
            match source.read(PATIENCE) {
                Ok(Some(picture)) => {
                    self.before = None;
                    self.show(picture, duty);
                    duty.works();
                }
                Ok(None) => {}
                // It may be the same camera, or on the same bus: drivers give what they have to one at a time.
                Err(_) if self.before.take().is_some() => {
                    source = device::open_video(spec, self.format)?;
                }
                Err(error) => return Err(error),
            }
        }
        self.before = Some(source);
        Ok(())
    }

    fn rest(&mut self, _wanted: bool, until: Option<Instant>, duty: &Duty<'_, VideoSpec>) {
        // First of all: to close a device may take a while.
        self.pictures.send_replace(None);
        self.before = None;
        duty.wait(until);
    }
}
