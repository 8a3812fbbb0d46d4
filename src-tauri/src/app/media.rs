//! The actor's devices and the call that uses them: opened and closed in order.

use ahoy_contract::ui::ShareContent;
use ahoy_engine::{
    codec::Content,
    device::{AudioSpec, SpeakerSpec, VideoFormat, VideoSpec},
    media::{LocalMedia, MediaConfig},
};

use super::{
    App,
    action::{Capture, MediaAction},
    call::{self, RunningCall},
    sources,
};
use crate::environment::Environment;

impl App {
    /// Opens the devices and starts the call that are wanted, once what was before has ended.
    pub(super) fn open_wanted(&mut self) {
        if self.ending.is_some() {
            return;
        }
        if let Some(capture) = self.media_wanted.take() {
            self.calm = matches!(capture, Capture::Screen { .. });
            self.media = Some(LocalMedia::open(self.media_config(&capture)));
        }
        if let Some(media) = &self.media
            && let Some(start) = self.call_wanted.take()
        {
            self.call = Some(RunningCall::start(start, media.clone()));
        }
    }

    pub(super) fn with_media(&mut self, action: MediaAction) {
        match (&self.media, &mut self.media_wanted) {
            (Some(media), _) => with_media(media, action, &self.config.environment),
            (None, Some(wanted)) => change(wanted, action),
            (None, None) => {}
        }
    }

    fn media_config(&self, capture: &Capture) -> MediaConfig {
        let (environment, settings) = (&self.config.environment, self.state.settings());
        let (video, audio, speaker) = match capture {
            Capture::Devices { .. } => (
                VideoSpec::Camera(settings.camera.clone()),
                AudioSpec::Microphone(settings.microphone.clone()),
                SpeakerSpec::Speaker(settings.speaker.clone()),
            ),
            Capture::Screen { source, sound, .. } => (
                screen(source.clone(), environment),
                system_sound(*sound),
                SpeakerSpec::None,
            ),
            Capture::Nothing => (
                VideoSpec::None,
                AudioSpec::None,
                SpeakerSpec::Speaker(settings.speaker.clone()),
            ),
        };
        let (muted, camera_off) = match capture {
            Capture::Devices { muted, camera_off } => (*muted, *camera_off),
            Capture::Screen { paused, .. } => (false, *paused),
            Capture::Nothing => (false, false),
        };
        let format = match capture {
            Capture::Screen { fps, .. } => VideoFormat {
                fps: *fps,
                ..call::SCREEN
            },
            Capture::Devices { .. } | Capture::Nothing => call::FORMAT,
        };
        // What watches captures nothing, whatever stands in for devices here.
        let watches = *capture == Capture::Nothing;
        MediaConfig {
            content: match capture {
                Capture::Screen { content, .. } => content_of(*content),
                Capture::Devices { .. } | Capture::Nothing => Content::Camera,
            },
            audience: matches!(capture, Capture::Screen { .. }),
            video: environment
                .video
                .clone()
                .filter(|_| !watches)
                .unwrap_or(video),
            audio: environment
                .audio
                .clone()
                .filter(|_| !watches)
                .unwrap_or(audio),
            speaker: environment.speaker.clone().unwrap_or(speaker),
            format,
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

/// What is to be opened is another now. Devices are opened as the settings say, which have been changed already.
fn change(wanted: &mut Capture, action: MediaAction) {
    match (wanted, action) {
        (Capture::Devices { muted, .. }, MediaAction::SetMuted(new)) => *muted = new,
        (Capture::Devices { camera_off, .. }, MediaAction::SetCameraOff(new)) => *camera_off = new,
        (wanted @ Capture::Devices { .. }, MediaAction::OnlyWatch) => *wanted = Capture::Nothing,
        (Capture::Screen { paused, .. }, MediaAction::SetCameraOff(new)) => *paused = new,
        (Capture::Screen { source, .. }, MediaAction::SelectScreen(new)) => *source = new,
        (Capture::Screen { sound, .. }, MediaAction::SetSystemSound(new)) => *sound = new,
        (Capture::Screen { content, .. }, MediaAction::SetContent(new)) => *content = new,
        _ => {}
    }
}

fn with_media(media: &LocalMedia, action: MediaAction, environment: &Environment) {
    match action {
        MediaAction::SetMuted(muted) => media.set_muted(muted),
        MediaAction::SetCameraOff(off) => media.set_camera_off(off),
        MediaAction::SelectCamera(id) => media.select_camera(VideoSpec::Camera(id)),
        MediaAction::SelectMicrophone(id) => media.select_microphone(AudioSpec::Microphone(id)),
        MediaAction::SelectSpeaker(id) => media.select_speaker(SpeakerSpec::Speaker(id)),
        MediaAction::SetSpeakerMuted(muted) => media.set_speaker_muted(muted),
        MediaAction::OnlyWatch => {
            media.select_camera(VideoSpec::None);
            media.select_microphone(AudioSpec::None);
        }
        MediaAction::SelectScreen(id) => media.select_camera(screen(id, environment)),
        MediaAction::SetSystemSound(on) => media.select_microphone(system_sound(on)),
        MediaAction::SetContent(content) => media.set_content(content_of(content)),
        MediaAction::ShowScreen { source, content } => {
            media.show_screen(screen(source, environment), content_of(content));
        }
        MediaAction::SetScreenContent(content) => media.set_screen_content(content_of(content)),
        MediaAction::HideScreen => media.hide_screen(),
        MediaAction::Retry => media.retry(),
    }
}

fn screen(id: String, environment: &Environment) -> VideoSpec {
    VideoSpec::Screen(sources::open(id, &environment.screen_choice()))
}

fn system_sound(on: bool) -> AudioSpec {
    if on {
        AudioSpec::System
    } else {
        AudioSpec::None
    }
}

fn content_of(content: ShareContent) -> Content {
    match content {
        ShareContent::Text => Content::Screen,
        ShareContent::Motion => Content::Camera,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the call before still holds is not open yet.
    #[test]
    fn what_the_user_says_before_the_screen_is_open_counts() {
        let mut wanted = Capture::Screen {
            source: "a".into(),
            sound: true,
            content: ShareContent::Text,
            fps: 30,
            paused: false,
        };
        for action in [
            MediaAction::SetCameraOff(true),
            MediaAction::SetSystemSound(false),
            MediaAction::SelectScreen("b".into()),
            MediaAction::SetContent(ShareContent::Motion),
        ] {
            change(&mut wanted, action);
        }
        let expected = Capture::Screen {
            source: "b".into(),
            sound: false,
            content: ShareContent::Motion,
            fps: 30,
            paused: true,
        };
        assert_eq!(wanted, expected);
        change(&mut wanted, MediaAction::SetCameraOff(false));
        assert!(matches!(wanted, Capture::Screen { paused: false, .. }));
    }

    #[test]
    fn what_turns_out_to_be_only_watched_opens_nothing() {
        let mut wanted = Capture::Devices {
            muted: false,
            camera_off: false,
        };
        change(&mut wanted, MediaAction::OnlyWatch);
        assert_eq!(wanted, Capture::Nothing);
    }
}
