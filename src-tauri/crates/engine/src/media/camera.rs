//! The thread that captures pictures.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ahoy_contract::ui::DeviceState;
use tokio::sync::watch;

use super::thread::Worker;
use crate::{
    device::{self, DeviceError, DeviceKind, VideoFormat, VideoSpec},
    frame::VideoFrame,
};

/// Starts to capture; nothing is shown from the moment that `off` is set. Pictures go to `pictures`, how the device does to `state`; after a failure the thread
/// ends.
pub(super) fn start(
    spec: VideoSpec,
    format: VideoFormat,
    pictures: watch::Sender<Option<VideoFrame>>,
    state: watch::Sender<DeviceState>,
    off: Arc<AtomicBool>,
) -> Option<Worker> {
    state.send_replace(DeviceState::Opening);
    let failed = state.clone();
    let worker = Worker::spawn("ahoy-camera", move |stop| {
        let run = || -> Result<(), DeviceError> {
            let mut source = device::open_video(&spec, format)?;
            while !stop.is_cancelled() {
                let frame = source.read()?;
                if off.load(Ordering::Relaxed) || stop.is_cancelled() {
                    continue;
                }
                pictures.send_replace(Some(frame));
                state.send_if_modified(|state| {
                    let first = *state != DeviceState::Open;
                    *state = DeviceState::Open;
                    first
                });
            }
            Ok(())
        };
        let end = run();
        pictures.send_replace(None);
        // A thread that was stopped has been replaced: the state is another's.
        if let (Err(error), false) = (end, stop.is_cancelled()) {
            tracing::warn!("{error}");
            state.send_replace(state_of(&error));
        }
    });
    match worker {
        Ok(worker) => Some(worker),
        Err(error) => {
            failed.send_replace(state_of(&DeviceError::Failed(
                DeviceKind::Camera,
                error.to_string(),
            )));
            None
        }
    }
}

/// How a device does that failed.
pub(super) fn state_of(error: &DeviceError) -> DeviceState {
    match error {
        DeviceError::Missing(_) => DeviceState::Missing,
        error => DeviceState::Failed {
            error: error.to_user(),
        },
    }
}
