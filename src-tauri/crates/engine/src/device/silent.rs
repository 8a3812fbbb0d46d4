//! A speaker that nobody hears.

use std::time::Duration;

use super::{
    AudioSink, DeviceError,
    clock::{self, Pace},
};
use crate::frame::AudioBlock;

/// Takes sound at the pace of the clock and forgets it.
#[derive(Debug)]
pub struct SilentSpeaker {
    pace: Pace,
}

impl Default for SilentSpeaker {
    fn default() -> Self {
        Self {
            pace: Pace::new(clock::now(), 100, 1),
        }
    }
}

impl AudioSink for SilentSpeaker {
    fn write(&mut self, _block: &AudioBlock) -> Result<(), DeviceError> {
        self.pace.wait();
        Ok(())
    }

    fn delay(&self) -> Duration {
        Duration::ZERO
    }
}
