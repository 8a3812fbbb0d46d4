//! The actor's devices and the call that uses them: opened and closed in order.

use ahoy_engine::{
    codec::Content,
    device::{AudioSpec, SpeakerSpec, VideoSpec},
    media::{LocalMedia, MediaConfig},
};

use super::{
    App,
    action::MediaAction,
    call::{self, RunningCall},
};

impl App {
    /// Opens the devices and starts the call that are wanted, once what was before has ended.
    pub(super) fn open_wanted(&mut self) {
        if self.ending.is_some() {
            return;
        }
        if let Some((muted, camera_off)) = self.media_wanted.take() {
            self.media = Some(LocalMedia::open(self.media_config(muted, camera_off)));
        }
        if let Some(media) = &self.media
            && let Some(start) = self.call_wanted.take()
        {
            self.call = Some(RunningCall::start(*start, media.clone()));
        }
    }

    pub(super) fn with_media(&mut self, action: MediaAction) {
        match (&self.media, &mut self.media_wanted) {
            (Some(media), _) => with_media(media, action),
            (None, Some((muted, camera_off))) => match action {
                MediaAction::SetMuted(new) => *muted = new,
                MediaAction::SetCameraOff(new) => *camera_off = new,
                // Devices are opened as the settings say, which have been changed already.
                _ => {}
            },
            (None, None) => {}
        }
    }

    fn media_config(&self, muted: bool, camera_off: bool) -> MediaConfig {
        let (environment, settings) = (&self.config.environment, self.state.settings());
        MediaConfig {
            content: Content::Camera,
            audience: false,
            video: environment
                .video
                .clone()
                .unwrap_or_else(|| VideoSpec::Camera(settings.camera.clone())),
            audio: environment
                .audio
                .clone()
                .unwrap_or_else(|| AudioSpec::Microphone(settings.microphone.clone())),
            speaker: environment
                .speaker
                .clone()
                .unwrap_or_else(|| SpeakerSpec::Speaker(settings.speaker.clone())),
            format: call::FORMAT,
            muted,
            camera_off,
        }
    }

    /// Ends the call and the devices in the background; nothing new is opened before they have ended.
    pub(super) fn wind_up(&mut self) {
        (self.media_wanted, self.call_wanted) = (None, None);
        let (call, media) = (self.call.take(), self.media.take());
        if call.is_none() && media.is_none() {
            return;
        }
        let before = self.ending.take();
        self.ending = Some(tokio::spawn(async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            // At once: the camera's light shall not wait for the network.
            let call = async {
                if let Some(call) = call {
                    call.close().await;
                }
            };
            let media = async {
                if let Some(media) = media {
                    media.close().await;
                }
            };
            tokio::join!(call, media);
        }));
    }
}

fn with_media(media: &LocalMedia, action: MediaAction) {
    match action {
        MediaAction::SetMuted(muted) => media.set_muted(muted),
        MediaAction::SetCameraOff(off) => media.set_camera_off(off),
        MediaAction::SelectCamera(id) => media.select_camera(VideoSpec::Camera(id)),
        MediaAction::SelectMicrophone(id) => media.select_microphone(AudioSpec::Microphone(id)),
        MediaAction::SelectSpeaker(id) => media.select_speaker(SpeakerSpec::Speaker(id)),
        MediaAction::Retry => media.retry(),
    }
}
