//! Camera, microphone and speaker of this end: what is chosen, how it does, and who takes what they bring.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ahoy_contract::ui::{DeviceInfo, DeviceState, DeviceView, MediaView};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{AudioOut, Latest, VideoOut, camera, encode::Encoder, microphone, now, thread::Worker};
use crate::{
    device::{AudioSpec, Devices, SpeakerSpec, VideoFormat, VideoSpec},
    frame::{Bitrate, VideoCodec, VideoFrame},
};

/// How often the lists of devices are made anew: there are no hot-plug events on all systems.
const LIST_EVERY: Duration = Duration::from_secs(2);
/// Wishes that wait at most; a person does not click faster. Full: the newest is lost.
const WISHES: usize = 64;

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
    /// The microphone starts off.
    pub muted: bool,
    /// The camera starts off.
    pub camera_off: bool,
}

#[derive(Debug)]
enum Wish {
    CameraOff(bool),
    Camera(VideoSpec),
    Microphone(AudioSpec),
    Retry,
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
    speaker: watch::Sender<SpeakerSpec>,
    speaker_state: watch::Sender<DeviceState>,
    muted: watch::Sender<bool>,
    /// Takes effect at once, whatever the devices' task is waiting for.
    off: Arc<AtomicBool>,
    sound: Arc<microphone::Shared>,
    wishes: mpsc::Sender<Wish>,
    encoders: Mutex<HashMap<VideoCodec, Encoder>>,
    fps: u32,
    epoch: Instant,
    stop: CancellationToken,
    task: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl LocalMedia {
    /// Opens the devices, on threads of their own: what fails stands in the [`view`](Self::view). To be
    /// called on a tokio runtime.
    pub fn open(config: MediaConfig) -> Self {
        let (pictures_in, pictures) = watch::channel(None);
        let (level_in, level) = watch::channel(crate::audio::SILENCE_DB);
        let (camera_state, _) = watch::channel(DeviceState::Closed);
        let (microphone_state, _) = watch::channel(DeviceState::Closed);
        let (speaker_state, _) = watch::channel(DeviceState::Closed);
        let (speaker, _) = watch::channel(config.speaker.clone());
        let (muted, _) = watch::channel(config.muted);
        let (wishes, wished) = mpsc::channel(WISHES);
        let off = Arc::new(AtomicBool::new(config.camera_off));
        let sound = microphone::Shared::new(config.muted, level_in);
        let stop = CancellationToken::new();
        let actor = Actor {
            video: config.video,
            audio: config.audio,
            camera_off: config.camera_off,
            off: off.clone(),
            format: config.format,
            pictures: pictures_in,
            sound: sound.clone(),
            camera: None,
            microphone: None,
            camera_state,
            microphone_state,
            speaker_state: speaker_state.clone(),
            speaker: speaker.subscribe(),
            muted: muted.subscribe(),
            devices: Devices::default(),
        };
        let (view_in, view) = watch::channel(actor.view());
        let task = tokio::spawn(actor.run(wished, view_in, stop.clone()));
        let inner = Inner {
            view,
            level,
            pictures,
            speaker,
            speaker_state,
            muted,
            off,
            sound,
            wishes,
            encoders: Mutex::default(),
            fps: config.format.fps,
            epoch: now(),
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

    /// Microphone off or on: while it is off silence is sent.
    pub fn set_muted(&self, muted: bool) {
        self.inner.sound.muted.store(muted, Ordering::Relaxed);
        self.inner.muted.send_replace(muted);
    }

    /// Camera off or on: while it is off it is closed, and its light is out.
    pub fn set_camera_off(&self, off: bool) {
        self.inner.off.store(off, Ordering::Relaxed);
        self.wish(Wish::CameraOff(off));
    }

    /// Another camera, or another source of pictures.
    pub fn select_camera(&self, video: VideoSpec) {
        self.wish(Wish::Camera(video));
    }

    /// Another microphone, or another source of sound.
    pub fn select_microphone(&self, audio: AudioSpec) {
        self.wish(Wish::Microphone(audio));
    }

    /// Another speaker.
    pub fn select_speaker(&self, speaker: SpeakerSpec) {
        self.inner.speaker.send_replace(speaker);
    }

    /// Opens what failed once more.
    pub fn retry(&self) {
        self.wish(Wish::Retry);
    }

    /// What percentage of the sound is lost on the way, for Opus' FEC.
    pub fn set_expected_loss(&self, percent: u8) {
        self.inner
            .sound
            .loss
            .store(u64::from(percent), Ordering::Relaxed);
    }

    /// Closes all devices and joins their threads.
    pub async fn close(&self) {
        self.inner.stop.cancel();
        let task = self.inner.task.lock().take();
        if let Some(task) = task
            && task.await.is_err()
        {
            tracing::error!("the task of the devices panicked");
        }
        let encoders: Vec<Encoder> = self
            .inner
            .encoders
            .lock()
            .drain()
            .map(|(_, encoder)| encoder)
            .collect();
        for encoder in encoders {
            encoder.stop().await;
        }
    }

    pub(super) fn audio_out(&self) -> AudioOut {
        self.inner.sound.subscribe()
    }

    /// The encoder of a codec, started if there is none. `None`: no thread could be had.
    pub(super) fn video_out(&self, codec: VideoCodec, target: Bitrate) -> Option<VideoOut> {
        let mut encoders = self.inner.encoders.lock();
        // Those that nobody uses any more end here; their threads end by themselves.
        encoders.retain(|other, encoder| *other == codec || encoder.in_use());
        let encoder = match encoders.entry(codec) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let pictures = self.inner.pictures.clone();
                match Encoder::start(codec, pictures, self.inner.fps, self.inner.epoch) {
                    Ok(encoder) => entry.insert(encoder),
                    Err(error) => {
                        tracing::error!("no thread for the encoder: {error}");
                        return None;
                    }
                }
            }
        };
        Some(encoder.subscribe(target))
    }

    pub(crate) fn speaker(&self) -> (watch::Receiver<SpeakerSpec>, watch::Sender<DeviceState>) {
        (
            self.inner.speaker.subscribe(),
            self.inner.speaker_state.clone(),
        )
    }

    fn wish(&self, wish: Wish) {
        if self.inner.wishes.try_send(wish).is_err() {
            tracing::warn!("a wish for a device was lost");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Actor {
    video: VideoSpec,
    audio: AudioSpec,
    camera_off: bool,
    off: Arc<AtomicBool>,
    format: VideoFormat,
    pictures: watch::Sender<Option<VideoFrame>>,
    sound: Arc<microphone::Shared>,
    camera: Option<Worker>,
    microphone: Option<Worker>,
    camera_state: watch::Sender<DeviceState>,
    microphone_state: watch::Sender<DeviceState>,
    speaker_state: watch::Sender<DeviceState>,
    speaker: watch::Receiver<SpeakerSpec>,
    muted: watch::Receiver<bool>,
    devices: Devices,
}

impl Actor {
    async fn run(
        mut self,
        mut wishes: mpsc::Receiver<Wish>,
        view: watch::Sender<MediaView>,
        stop: CancellationToken,
    ) {
        self.open_camera().await;
        self.open_microphone().await;
        let mut camera = self.camera_state.subscribe();
        let mut microphone = self.microphone_state.subscribe();
        let mut speaker_state = self.speaker_state.subscribe();
        let mut list = tokio::time::interval(LIST_EVERY);
        list.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            view.send_if_modified(|view| {
                let new = self.view();
                let changed = *view != new;
                *view = new;
                changed
            });
            tokio::select! {
                () = stop.cancelled() => break,
                Some(wish) = wishes.recv() => self.wish(wish).await,
                Ok(()) = camera.changed() => {}
                Ok(()) = microphone.changed() => {}
                Ok(()) = speaker_state.changed() => {}
                Ok(()) = self.speaker.changed() => {}
                Ok(()) = self.muted.changed() => {}
                _ = list.tick() => {
                    if let Ok(devices) = tokio::task::spawn_blocking(Devices::list).await {
                        self.listed(devices).await;
                    }
                }
            }
        }
        for worker in [self.camera.take(), self.microphone.take()]
            .into_iter()
            .flatten()
        {
            worker.stop().await;
        }
        self.camera_state.send_replace(DeviceState::Closed);
        self.microphone_state.send_replace(DeviceState::Closed);
        view.send_replace(self.view());
    }

    async fn wish(&mut self, wish: Wish) {
        match wish {
            Wish::CameraOff(off) => {
                if self.camera_off != off {
                    self.camera_off = off;
                    self.open_camera().await;
                }
            }
            Wish::Camera(video) => {
                if self.video != video {
                    self.video = video;
                    self.open_camera().await;
                }
            }
            Wish::Microphone(audio) => {
                if self.audio != audio {
                    self.audio = audio;
                    self.open_microphone().await;
                }
            }
            Wish::Retry => {
                if is_broken(&self.camera_state) {
                    self.open_camera().await;
                }
                if is_broken(&self.microphone_state) {
                    self.open_microphone().await;
                }
            }
        }
    }

    /// A device that was missing may be there now.
    async fn listed(&mut self, devices: Devices) {
        let more =
            |old: &[DeviceInfo], new: &[DeviceInfo]| new.iter().any(|device| !old.contains(device));
        let camera = more(&self.devices.cameras, &devices.cameras);
        let microphone = more(&self.devices.microphones, &devices.microphones);
        self.devices = devices;
        if camera && is_broken(&self.camera_state) {
            self.open_camera().await;
        }
        if microphone && is_broken(&self.microphone_state) {
            self.open_microphone().await;
        }
    }

    async fn open_camera(&mut self) {
        if let Some(worker) = self.camera.take() {
            // Drivers give a camera to one at a time, so the old one is closed first.
            worker.stop().await;
        }
        if self.camera_off || self.video == VideoSpec::None {
            self.camera_state.send_replace(DeviceState::Closed);
            self.pictures.send_replace(None);
            return;
        }
        let (video, pictures) = (self.video.clone(), self.pictures.clone());
        self.camera = camera::start(
            video,
            self.format,
            pictures,
            self.camera_state.clone(),
            self.off.clone(),
        );
    }

    async fn open_microphone(&mut self) {
        if let Some(worker) = self.microphone.take() {
            worker.stop().await;
        }
        if self.audio == AudioSpec::None {
            self.microphone_state.send_replace(DeviceState::Closed);
            return;
        }
        let (audio, sound) = (self.audio.clone(), self.sound.clone());
        self.microphone = microphone::start(audio, sound, self.microphone_state.clone());
    }

    fn view(&self) -> MediaView {
        let camera = match &self.video {
            VideoSpec::Camera(id) => id.clone(),
            VideoSpec::Test(_) | VideoSpec::File(_) | VideoSpec::None => None,
        };
        let microphone = match &self.audio {
            AudioSpec::Microphone(id) => id.clone(),
            AudioSpec::Test | AudioSpec::File(_) | AudioSpec::None => None,
        };
        let speaker = match &*self.speaker.borrow() {
            SpeakerSpec::Speaker(id) => id.clone(),
            SpeakerSpec::None => None,
        };
        let device =
            |devices: &[DeviceInfo], selected, state: &watch::Sender<DeviceState>| DeviceView {
                devices: devices.to_vec(),
                selected,
                state: state.borrow().clone(),
            };
        MediaView {
            camera: device(&self.devices.cameras, camera, &self.camera_state),
            microphone: device(
                &self.devices.microphones,
                microphone,
                &self.microphone_state,
            ),
            speaker: device(&self.devices.speakers, speaker, &self.speaker_state),
            muted: *self.muted.borrow(),
            camera_off: self.camera_off,
        }
    }
}

fn is_broken(state: &watch::Sender<DeviceState>) -> bool {
    matches!(
        &*state.borrow(),
        DeviceState::Missing | DeviceState::Failed { .. }
    )
}
