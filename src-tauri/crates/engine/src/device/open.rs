//! From what the user asked for to the device that does it.

use std::time::Duration;

use super::{
    AudioSink, AudioSource, AudioSpec, DeviceError, DeviceKind, FilePicture, FileSound,
    SpeakerSpec, TestPicture, TestTone, VideoFormat, VideoSource, VideoSpec, clock,
};
use crate::frame::AudioBlock;

/// Opens a source of pictures on the calling thread; `format` is wished for, and the test picture has it
/// where its own says nothing.
pub fn open_video(
    spec: &VideoSpec,
    format: VideoFormat,
) -> Result<Box<dyn VideoSource>, DeviceError> {
    match spec {
        VideoSpec::Camera(_) | VideoSpec::None => Err(DeviceError::Missing(DeviceKind::Camera)),
        VideoSpec::Test(own) => Ok(Box::new(TestPicture::new(own.unwrap_or(format))?)),
        VideoSpec::File(path) => Ok(Box::new(FilePicture::open(path)?)),
    }
}

/// Opens a source of sound on the calling thread.
pub fn open_audio(spec: &AudioSpec) -> Result<Box<dyn AudioSource>, DeviceError> {
    match spec {
        AudioSpec::Microphone(_) | AudioSpec::None => {
            Err(DeviceError::Missing(DeviceKind::Microphone))
        }
        AudioSpec::Test => Ok(Box::new(TestTone::default())),
        AudioSpec::File(path) => Ok(Box::new(FileSound::open(path)?)),
    }
}

/// Opens a speaker on the calling thread.
pub fn open_speaker(spec: &SpeakerSpec) -> Result<Box<dyn AudioSink>, DeviceError> {
    match spec {
        SpeakerSpec::Speaker(_) => Err(DeviceError::Missing(DeviceKind::Speaker)),
        SpeakerSpec::None => Ok(Box::new(Silent::new())),
    }
}

/// Takes sound at the pace of a clock and plays it nowhere.
#[derive(Debug)]
struct Silent(clock::Pace);

impl Silent {
    fn new() -> Self {
        // A block is 10 ms.
        Self(clock::Pace::new(clock::now(), 100, 1))
    }
}

impl AudioSink for Silent {
    fn write(&mut self, _: &AudioBlock) -> Result<(), DeviceError> {
        self.0.wait();
        Ok(())
    }

    fn delay(&self) -> Duration {
        Duration::ZERO
    }
}
