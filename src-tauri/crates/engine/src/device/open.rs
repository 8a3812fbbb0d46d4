//! From what was asked for to what brings or takes it.

use super::{
    AudioSink, AudioSource, AudioSpec, Camera, DeviceError, DeviceKind, FilePicture, FileSound,
    Microphone, Screen, Speaker, SpeakerSpec, SystemSound, TestPicture, TestTone, VideoFormat,
    VideoSource, VideoSpec, silent::SilentSpeaker,
};

/// Opens a source of pictures on the calling thread, which will read it. `format` is wished for: a camera takes its
/// nearest mode, the test picture has it where its own says nothing, and a screen goes by its rate alone.
pub fn open_video(
    spec: &VideoSpec,
    format: VideoFormat,
) -> Result<Box<dyn VideoSource>, DeviceError> {
    Ok(match spec {
        VideoSpec::Camera(camera) => Box::new(Camera::open(camera.as_deref(), format)?),
        VideoSpec::Screen(screen) => Box::new(Screen::open(screen, format.fps)?),
        VideoSpec::Test(own) => Box::new(TestPicture::new(own.unwrap_or(format))?),
        VideoSpec::File(path) => Box::new(FilePicture::open(path)?),
        VideoSpec::None => return Err(DeviceError::Missing(DeviceKind::Camera)),
    })
}

/// Opens a source of sound on the calling thread, which will read it.
pub fn open_audio(spec: &AudioSpec) -> Result<Box<dyn AudioSource>, DeviceError> {
    Ok(match spec {
        AudioSpec::Microphone(microphone) => Box::new(Microphone::open(microphone.as_deref())?),
        AudioSpec::System => Box::new(SystemSound::open()?),
        AudioSpec::Test => Box::new(TestTone::default()),
        AudioSpec::File(path) => Box::new(FileSound::open(path)?),
        AudioSpec::None => return Err(DeviceError::Missing(DeviceKind::Microphone)),
    })
}

/// Opens a speaker on the calling thread, which will write to it.
pub fn open_speaker(spec: &SpeakerSpec) -> Result<Box<dyn AudioSink>, DeviceError> {
    Ok(match spec {
        SpeakerSpec::Speaker(speaker) => Box::new(Speaker::open(speaker.as_deref())?),
        SpeakerSpec::None => Box::new(SilentSpeaker::default()),
    })
}
