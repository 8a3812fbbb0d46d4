//! Camera, microphone and speaker of this end: what is chosen, how it does, and who takes what they bring.

use std::sync::{Arc, atomic::Ordering};

use ahoy_contract::ui::{DeviceState, MediaView};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    AudioOut, ExpectedLoss, Latest, VideoOut,
    camera::CameraThread,
    desk::{Desk, Keeper},
    encoders::Encoders,
    microphone::{self, MicrophoneThread},
    now,
    showing::{Show, Showing},
    tend::{self, Order},
};
use crate::{
    codec::Content,
    device::{AudioSpec, ScreenSpec, SpeakerSpec, VideoFormat, VideoSpec},
    frame::{Bitrate, VideoCodec, VideoFrame},
};

/// What is captured and played, and how.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// Where pictures come from.
    pub video: VideoSpec,
    /// Where sound comes from.
    pub audio: AudioSpec,
    /// Where sound goes.
    pub speaker: SpeakerSpec,
    /// What pictures are wanted.
    pub format: VideoFormat,
    /// What is in them.
    pub content: Content,
    /// They are for an audience: each viewer gets what of them it can take.
    pub audience: bool,
    /// The microphone starts off, and is not opened before it is turned on.
    pub muted: bool,
    /// The camera starts off, likewise.
    pub camera_off: bool,
}

/// The devices of this end, from the lobby to the end of the call. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LocalMedia {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    view: watch::Receiver<MediaView>,
    level: watch::Receiver<f32>,
    pictures: Latest,
    pictures_in: watch::Sender<Option<VideoFrame>>,
    desk: Desk,
    sound: Arc<microphone::Shared>,
    encoders: Encoders,
    showing: Showing,
    stop: CancellationToken,
    task: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl LocalMedia {
    /// Opens the devices, on threads of their own: what fails stands in the [`view`](Self::view). To be
    /// called on a tokio runtime.
    pub fn open(config: MediaConfig) -> Self {
        let (pictures_in, pictures) = watch::channel(None);
        let (level_in, level) = watch::channel(crate::audio::SILENCE_DB);
        let (format, muted, audience) = (config.format, config.muted, config.audience);
        let epoch = now();
        let (latest, content) = (pictures.clone(), config.content);
        let encoders = Encoders::new(latest, content, audience, format.fps, epoch);
        let sound = microphone::Shared::new(muted, level_in);
        let desk = Desk::new(config);
        let showing = Showing::new(epoch);
        let camera = CameraThread::new(format, pictures_in.clone());
        let microphone = MicrophoneThread::new(sound.clone());
        let threads = [
            tend::start_or_tell(camera, desk.camera.orders.subscribe(), &desk.camera.state),
            tend::start_or_tell(
                microphone,
                desk.microphone.orders.subscribe(),
                &desk.microphone.state,
            ),
        ];
        let stop = CancellationToken::new();
        let keeper = Keeper::new(desk.clone(), threads, showing.current());
        let (view_in, view) = watch::channel(keeper.view());
        let task = tokio::spawn(keeper.run(view_in, stop.clone()));
        let inner = Inner {
            view,
            level,
            pictures,
            pictures_in,
            desk,
            sound,
            encoders,
            showing,
            stop,
            task: Mutex::new(Some(task)),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// What there is, what is chosen and how it does.
    pub fn view(&self) -> watch::Receiver<MediaView> {
        self.inner.view.clone()
    }

    /// How loud the microphone is, about ten times a second: dB below full scale.
    pub fn level(&self) -> watch::Receiver<f32> {
        self.inner.level.clone()
    }

    /// The newest picture of the camera.
    pub fn picture(&self) -> Latest {
        self.inner.pictures.clone()
    }

    /// Microphone off or on: while it is off silence is sent, or nothing where it was never on.
    pub fn set_muted(&self, muted: bool) {
        self.inner.sound.muted.store(muted, Ordering::Relaxed);
        if !muted {
            self.inner.desk.microphone.change(|order| order.off = false);
        }
        self.inner.desk.muted.send_replace(muted);
    }

    /// Camera off or on: while it is off it is closed, and its light is out.
    pub fn set_camera_off(&self, off: bool) {
        self.inner.desk.camera.change(|order| order.off = off);
        if off {
            // What was captured last is nobody's any more; the device takes a moment to close.
            self.inner.pictures_in.send_replace(None);
        }
    }

    /// Whether the camera, or what is there in its place, is wanted; changes with it.
    pub(super) fn wanted(&self) -> watch::Receiver<Order<VideoSpec>> {
        self.inner.desk.camera.orders.subscribe()
    }

    /// Another camera, or another source of pictures.
    pub fn select_camera(&self, video: VideoSpec) {
        self.inner.desk.camera.change(|order| {
            // What the desktop asks for has no name: chosen once more it may be something else.
            if matches!(video, VideoSpec::Screen(ScreenSpec::Portal(_))) {
                order.again += 1;
            }
            order.spec = video;
        });
    }

    /// Pictures of another kind than before: what they are compressed for.
    pub fn set_content(&self, content: Content) {
        self.inner.encoders.set_content(content);
    }

    /// Shows a screen beside the camera, or another than before. Who takes part in a call gets it as a track of its own.
    pub fn show_screen(&self, screen: VideoSpec, content: Content) {
        self.inner.showing.start(screen, content);
    }

    /// What a screen that is shown beside the camera is compressed for.
    pub fn set_screen_content(&self, content: Content) {
        self.inner.showing.set_content(content);
    }

    /// Shows no screen any more: no picture of it leaves from now on.
    pub fn hide_screen(&self) {
        self.inner.showing.stop();
    }

    /// Another microphone, or another source of sound.
    pub fn select_microphone(&self, audio: AudioSpec) {
        let microphone = &self.inner.desk.microphone;
        microphone.change(|order| order.spec = audio);
    }

    /// Another speaker.
    pub fn select_speaker(&self, speaker: SpeakerSpec) {
        self.inner.desk.speaker.change(|order| order.spec = speaker);
    }

    /// What the others say and play is heard no more, or again; it is at first.
    pub fn set_speaker_muted(&self, muted: bool) {
        self.inner.desk.speaker_muted.send_replace(muted);
    }

    /// Opens what failed once more, now; it would be tried again some time anyway.
    pub fn retry(&self) {
        self.inner.desk.camera.retry();
        self.inner.desk.microphone.retry();
        self.inner.desk.speaker.retry();
    }

    /// A place for what one more peer loses of the sound.
    pub fn expect_loss(&self) -> ExpectedLoss {
        self.inner.sound.expect_loss()
    }

    /// Closes all devices and joins their threads.
    pub async fn close(&self) {
        self.inner.stop.cancel();
        self.inner.showing.stop();
        let task = self.inner.task.lock().take();
        if let Some(task) = task
            && task.await.is_err()
        {
            tracing::error!("the task of the devices panicked");
        }
        self.inner.showing.close().await;
        self.inner.encoders.close().await;
    }

    pub(super) fn audio_out(&self) -> AudioOut {
        self.inner.sound.subscribe()
    }

    /// Makes ready to compress with a codec for somebody who is about to connect.
    pub(crate) fn prepare(&self, codec: VideoCodec) {
        self.inner.encoders.prepare(codec);
    }

    /// The camera's pictures, compressed. `None`: no thread could be had.
    pub(super) fn video_out(&self, codec: VideoCodec, target: Bitrate) -> Option<VideoOut> {
        self.inner.encoders.subscribe(codec, target)
    }

    /// The screen that is shown beside the camera.
    pub(super) fn shown(&self) -> watch::Receiver<Option<Arc<Show>>> {
        self.inner.showing.current()
    }

    /// What a player needs: where it plays, whether it is to be silent, and where it says how the speaker does.
    pub(crate) fn speaker(
        &self,
    ) -> (
        watch::Receiver<Order<SpeakerSpec>>,
        watch::Receiver<bool>,
        watch::Sender<DeviceState>,
    ) {
        let Desk {
            speaker,
            speaker_muted,
            ..
        } = &self.inner.desk;
        let muted = speaker_muted.subscribe();
        (speaker.orders.subscribe(), muted, speaker.state.clone())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
