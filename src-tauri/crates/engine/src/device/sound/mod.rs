//! Microphones and speakers through cpal: on Linux PulseAudio (or PipeWire in its place), else ALSA.
//!
//! The stream lives on a thread of its own, which a sound server may keep. Its callbacks run on threads of
//! the system that must not wait: between them and `read` and `write` there is a lock-free ring, and what
//! goes wrong is one flag. A failed stream is of no more use; `media` opens another.

mod host;
mod microphone;
mod speaker;
mod stream;
#[cfg(target_os = "linux")]
mod system;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
    thread::Thread,
    time::{Duration, Instant},
};

use cpal::{Error, ErrorKind};

use super::{DeviceError, DeviceKind, STALLED_AFTER, clock};

pub(super) use host::list;
pub use microphone::{Microphone, SystemSound};
pub use speaker::Speaker;

/// What callbacks and the thread that reads or writes share.
#[derive(Debug)]
struct Shared {
    /// 0 while all is well, else one of the constants below.
    failed: AtomicU8,
    /// Samples that were lost (microphone) or missing (speaker).
    gaps: AtomicU64,
    /// The device's own delay in µs.
    delay_us: AtomicU32,
    /// The most frames that a callback has asked for.
    largest: AtomicU32,
    user: Thread,
}

const MISSING: u8 = 1;
const DENIED: u8 = 2;
const BUSY: u8 = 3;
const FAILED: u8 = 4;

impl Shared {
    /// For a stream that this thread reads or writes.
    fn new() -> Arc<Self> {
        Arc::new(Self {
            failed: AtomicU8::new(0),
            gaps: AtomicU64::new(0),
            delay_us: AtomicU32::new(0),
            largest: AtomicU32::new(0),
            user: std::thread::current(),
        })
    }

    /// Called by the system, perhaps a hundred thousand times: sets the flag, and no more.
    fn error(&self, error: &Error) {
        let flag = match error.kind() {
            ErrorKind::Xrun | ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => return,
            kind => flag_of(kind),
        };
        if self
            .failed
            .compare_exchange(0, flag, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
        {
            self.user.unpark();
        }
    }

    /// The stream has broken; what is waited for will not come.
    #[cfg(target_os = "linux")]
    fn fail(&self, flag: u8) {
        let _ = self
            .failed
            .compare_exchange(0, flag, Ordering::AcqRel, Ordering::Relaxed);
        self.user.unpark();
    }

    fn check(&self, kind: DeviceKind) -> Result<(), DeviceError> {
        match self.failed.load(Ordering::Acquire) {
            0 => Ok(()),
            flag => Err(error_of(flag, kind, "the stream has broken")),
        }
    }

    /// Waits until a callback has run or something failed, `most` at most. Fails when the device has been silent since
    /// `last` for too long.
    fn wait(&self, kind: DeviceKind, last: Instant, most: Duration) -> Result<(), DeviceError> {
        self.check(kind)?;
        let left = STALLED_AFTER.saturating_sub(clock::now().saturating_duration_since(last));
        if left.is_zero() {
            return Err(DeviceError::Failed(kind, "the stream has stalled".into()));
        }
        std::thread::park_timeout(left.min(most));
        Ok(())
    }
}

fn flag_of(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable => MISSING,
        ErrorKind::PermissionDenied => DENIED,
        ErrorKind::DeviceBusy => BUSY,
        _ => FAILED,
    }
}

fn error_of(flag: u8, kind: DeviceKind, detail: &str) -> DeviceError {
    match flag {
        MISSING => DeviceError::Missing(kind),
        DENIED => DeviceError::Denied(kind),
        BUSY => DeviceError::Busy(kind),
        _ => DeviceError::Failed(kind, detail.into()),
    }
}

fn device_error(kind: DeviceKind, error: &Error) -> DeviceError {
    error_of(flag_of(error.kind()), kind, &error.to_string())
}
