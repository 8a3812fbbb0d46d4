//! What the two directions have in common: a device is found, a ring made, a stream opened and kept.

use std::{
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, sync_channel},
    },
    time::Duration,
};

use cpal::{Device, SampleFormat, Stream, StreamConfig, traits::StreamTrait};

use super::{Shared, device_error, host};
use crate::{
    convert::Resampler,
    device::{
        DeviceError, DeviceKind,
        driver::{DriverThread, Stop},
    },
};

/// How long a sound server has to open a stream: bluetooth headsets take two seconds to change over.
pub(super) const OPEN_WITHIN: Duration = Duration::from_secs(5);

/// A ring holds this much, in samples a second over this: half a second.
const RING_PART: usize = 2;

/// How a stream is to be built.
pub(super) struct Setup {
    pub(super) config: StreamConfig,
    pub(super) format: SampleFormat,
    pub(super) shared: Arc<Shared>,
}

impl Setup {
    /// Samples that the ring between callback and user has room for.
    pub(super) fn ring(&self) -> usize {
        self.config.sample_rate as usize / RING_PART
    }

    pub(super) fn channels(&self) -> usize {
        usize::from(self.config.channels)
    }
}

/// A stream that runs, with this side's end of its ring.
pub(super) struct Opened<R> {
    pub(super) shared: Arc<Shared>,
    pub(super) ring: R,
    /// Samples a second.
    pub(super) rate: usize,
    /// Ends the stream when it is dropped.
    pub(super) thread: DriverThread,
}

/// Opens the device of this id or name (`None`: the default) on a thread that keeps its stream until it is
/// dropped. `build` makes the stream and the ring.
pub(super) fn open<R: Send + 'static>(
    kind: DeviceKind,
    name: &'static str,
    wanted: Option<&str>,
    build: impl FnOnce(&Device, Setup) -> Result<(Stream, R), cpal::Error> + Send + 'static,
) -> Result<Opened<R>, DeviceError> {
    let shared = Shared::new();
    let (wanted, seen) = (wanted.map(str::to_owned), Arc::clone(&shared));
    let start = move || {
        let device = host::find(kind, wanted.as_deref())?;
        let (config, format) = host::settings(&device, kind)?;
        let rate = config.sample_rate as usize;
        let setup = Setup {
            config,
            format,
            shared: seen,
        };
        let (stream, ring) = build(&device, setup).map_err(|error| device_error(kind, &error))?;
        stream.play().map_err(|error| device_error(kind, &error))?;
        Ok((stream, (ring, rate)))
    };
    let (say, answer) = sync_channel(1);
    let run = move |stop: &Stop| match start() {
        Ok((_stream, about)) => {
            let _ = say.send(Ok(about));
            stop.wait();
        }
        Err(error) => {
            let _ = say.send(Err(error));
        }
    };
    let thread = DriverThread::spawn(kind, name, run)?;
    let (ring, rate) = match answer.recv_timeout(OPEN_WITHIN) {
        Ok(about) => about?,
        Err(RecvTimeoutError::Timeout) => {
            return Err(DeviceError::Failed(kind, "it does not open".into()));
        }
        Err(RecvTimeoutError::Disconnected) => {
            return Err(DeviceError::Failed(kind, "its driver panicked".into()));
        }
    };
    Ok(Opened {
        shared,
        ring,
        rate,
        thread,
    })
}

/// From one rate to another, one channel each.
pub(super) fn resampler(
    kind: DeviceKind,
    from: usize,
    to: usize,
) -> Result<Resampler, DeviceError> {
    u32::try_from(from)
        .ok()
        .zip(u32::try_from(to).ok())
        .and_then(|(from, to)| Resampler::new(from, 1, to).ok())
        .ok_or_else(|| DeviceError::Failed(kind, format!("{from} to {to} samples a second")))
}
