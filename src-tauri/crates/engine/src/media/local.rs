//! Camera, microphone and speaker of this end: what is chosen, how it does, and who takes what they bring.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use ahoy_contract::ui::{DeviceInfo, DeviceState, DeviceView, MediaView};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    AudioOut, ExpectedLoss, Latest, VideoOut,
    camera::CameraThread,
    encode::Encoder,
    microphone::{self, MicrophoneThread},
    now,
    retry::{self, Listed},
    tend::{self, Order},
    thread::Worker,
};
use crate::{
    device::{AudioSpec, Devices, SpeakerSpec, VideoFormat, VideoSpec},
    frame::{Bitrate, VideoCodec},
};

/// How often the lists of devices are made anew: there are no hot-plug events on all systems.
const LIST_EVERY: Duration = Duration::from_secs(1);

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
    desk: Desk,
    sound: Arc<microphone::Shared>,
    encoders: Mutex<Encoders>,
    fps: u32,
    epoch: Instant,
    stop: CancellationToken,
    task: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Encoders {
    in_use: HashMap<VideoCodec, Encoder>,
    /// Asked to end, not joined yet.
    ending: Vec<Encoder>,
}

/// One kind of device: what is wanted of it, and how it does.
#[derive(Debug)]
struct Kind<S> {
    orders: watch::Sender<Order<S>>,
    state: watch::Sender<DeviceState>,
}

impl<S> Clone for Kind<S> {
    fn clone(&self) -> Self {
        Self {
            orders: self.orders.clone(),
            state: self.state.clone(),
        }
    }
}

impl<S: Clone + PartialEq> Kind<S> {
    fn new(spec: S, off: bool) -> Self {
        Self {
            orders: watch::Sender::new(Order::new(spec, off)),
            state: watch::Sender::new(DeviceState::Closed),
        }
    }

    fn chosen(&self) -> S {
        self.orders.borrow().spec.clone()
    }

    fn change(&self, change: impl FnOnce(&mut Order<S>)) {
        tend::change(&self.orders, change);
    }

    fn open_again(&self) {
        self.change(|order| order.again += 1);
    }

    /// The user asks for what failed once more, and sees that something is done.
    fn retry(&self) {
        let broken = self.state.send_if_modified(|state| {
            let broken = matches!(state, DeviceState::Missing | DeviceState::Failed { .. });
            if broken {
                *state = DeviceState::Opening;
            }
            broken
        });
        if broken {
            self.open_again();
        }
    }
}

/// Camera, microphone and speaker.
#[derive(Debug, Clone)]
struct Desk {
    camera: Kind<VideoSpec>,
    microphone: Kind<AudioSpec>,
    speaker: Kind<SpeakerSpec>,
    muted: watch::Sender<bool>,
}

impl LocalMedia {
    /// Opens the devices, on threads of their own: what fails stands in the [`view`](Self::view). To be
    /// called on a tokio runtime.
    pub fn open(config: MediaConfig) -> Self {
        let (pictures_in, pictures) = watch::channel(None);
        let (level_in, level) = watch::channel(crate::audio::SILENCE_DB);
        let sound = microphone::Shared::new(config.muted, level_in);
        let desk = Desk {
            camera: Kind::new(config.video, config.camera_off),
            microphone: Kind::new(config.audio, false),
            speaker: Kind::new(config.speaker, false),
            muted: watch::Sender::new(config.muted),
        };
        let camera = CameraThread::new(config.format, pictures_in);
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
        let keeper = Keeper {
            desk: desk.clone(),
            devices: Devices::default(),
            threads,
        };
        let (view_in, view) = watch::channel(keeper.view());
        let task = tokio::spawn(keeper.run(view_in, stop.clone()));
        let inner = Inner {
            view,
            level,
            pictures,
            desk,
            sound,
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
        self.inner.desk.muted.send_replace(muted);
    }

    /// Camera off or on: while it is off it is closed, and its light is out.
    pub fn set_camera_off(&self, off: bool) {
        self.inner.desk.camera.change(|order| order.off = off);
    }

    /// Another camera, or another source of pictures.
    pub fn select_camera(&self, video: VideoSpec) {
        self.inner.desk.camera.change(|order| order.spec = video);
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
        let task = self.inner.task.lock().take();
        if let Some(task) = task
            && task.await.is_err()
        {
            tracing::error!("the task of the devices panicked");
        }
        let encoders: Vec<Encoder> = {
            let mut encoders = self.inner.encoders.lock();
            let ending = std::mem::take(&mut encoders.ending);
            let in_use = encoders.in_use.drain().map(|(_, encoder)| encoder);
            in_use.chain(ending).collect()
        };
        for encoder in encoders {
            encoder.stop().await;
        }
    }

    pub(super) fn audio_out(&self) -> AudioOut {
        self.inner.sound.subscribe()
    }

    /// Makes ready to compress with a codec for somebody who is about to connect: an encoder takes longer to set up than
    /// a picture to compress. Without this it is done for the first picture.
    pub(crate) fn prepare(&self, codec: VideoCodec) {
        self.with_encoder(codec, Encoder::prepare);
    }

    /// The encoder of a codec, started if there is none. `None`: no thread could be had.
    pub(super) fn video_out(&self, codec: VideoCodec, target: Bitrate) -> Option<VideoOut> {
        self.with_encoder(codec, |encoder| encoder.subscribe(target))
    }

    fn with_encoder<T>(&self, codec: VideoCodec, run: impl FnOnce(&Encoder) -> T) -> Option<T> {
        let mut encoders = self.inner.encoders.lock();
        let Encoders { in_use, ending } = &mut *encoders;
        ending.retain(|encoder| !encoder.is_finished());
        ending.extend(
            in_use
                .extract_if(|other, encoder| *other != codec && !encoder.in_use())
                .map(|(_, encoder)| encoder)
                .inspect(Encoder::end),
        );
        let encoder = match in_use.entry(codec) {
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
        Some(run(encoder))
    }

    pub(crate) fn speaker(
        &self,
    ) -> (
        watch::Receiver<Order<SpeakerSpec>>,
        watch::Sender<DeviceState>,
    ) {
        let speaker = &self.inner.desk.speaker;
        (speaker.orders.subscribe(), speaker.state.clone())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Looks what there is, and keeps the view.
struct Keeper {
    desk: Desk,
    devices: Devices,
    threads: [Option<Worker>; 2],
}

impl Keeper {
    async fn run(mut self, view: watch::Sender<MediaView>, stop: CancellationToken) {
        let Desk {
            camera,
            microphone,
            speaker,
            muted,
        } = self.desk.clone();
        let mut states =
            [&camera.state, &microphone.state, &speaker.state].map(watch::Sender::subscribe);
        let [camera_state, microphone_state, speaker_state] = &mut states;
        let mut cameras = camera.orders.subscribe();
        let mut microphones = microphone.orders.subscribe();
        let mut speakers = speaker.orders.subscribe();
        let mut muted = muted.subscribe();
        let mut list = tokio::time::interval(LIST_EVERY);
        list.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // One look at a time; a driver that hangs holds up no more than the list.
        let mut looking: Option<tokio::task::JoinHandle<Devices>> = None;
        loop {
            view.send_if_modified(|view| {
                let new = self.view();
                let changed = *view != new;
                *view = new;
                changed
            });
            tokio::select! {
                () = stop.cancelled() => break,
                Ok(()) = camera_state.changed() => {}
                Ok(()) = microphone_state.changed() => {}
                Ok(()) = speaker_state.changed() => {}
                Ok(()) = cameras.changed() => {}
                Ok(()) = microphones.changed() => {}
                Ok(()) = speakers.changed() => {}
                Ok(()) = muted.changed() => {}
                _ = list.tick(), if looking.is_none() => {
                    looking = Some(tokio::task::spawn_blocking(Devices::list));
                }
                devices = async {
                    match &mut looking {
                        Some(looking) => looking.await,
                        None => std::future::pending().await,
                    }
                } => {
                    looking = None;
                    if let Ok(devices) = devices {
                        self.listed(devices);
                    }
                }
            }
        }
        for worker in self.threads.iter_mut().filter_map(Option::take) {
            worker.stop().await;
        }
        if let Some(looking) = looking {
            // It has an end of its own.
            let _ = looking.await;
        }
        view.send_replace(self.view());
    }

    /// A device that was missing may be there now, and the default may be another.
    fn listed(&mut self, devices: Devices) {
        let before = std::mem::replace(&mut self.devices, devices);
        let (old, new) = (&before, &self.devices);
        let Desk {
            camera,
            microphone,
            speaker,
            ..
        } = &self.desk;
        // A camera that was pulled says so itself, and none is a default.
        let cameras = [old, new].map(|devices| Listed {
            devices: &devices.cameras,
            default: None,
        });
        if let VideoSpec::Camera(_) = camera.chosen()
            && is_to_reopen(cameras, None, camera)
        {
            camera.open_again();
        }
        let microphones = [old, new].map(|devices| Listed {
            devices: &devices.microphones,
            default: devices.default_microphone.as_deref(),
        });
        if let AudioSpec::Microphone(id) = microphone.chosen()
            && is_to_reopen(microphones, id.as_deref(), microphone)
        {
            microphone.open_again();
        }
        let speakers = [old, new].map(|devices| Listed {
            devices: &devices.speakers,
            default: devices.default_speaker.as_deref(),
        });
        if let SpeakerSpec::Speaker(id) = speaker.chosen()
            && is_to_reopen(speakers, id.as_deref(), speaker)
        {
            speaker.open_again();
        }
    }

    fn view(&self) -> MediaView {
        let Devices {
            cameras,
            microphones,
            speakers,
            ..
        } = &self.devices;
        let Desk {
            camera,
            microphone,
            speaker,
            muted,
        } = &self.desk;
        let order = camera.orders.borrow();
        MediaView {
            camera: shown(cameras, camera_id(&order.spec), &camera.state),
            microphone: shown(
                microphones,
                microphone_id(&microphone.orders.borrow().spec),
                &microphone.state,
            ),
            speaker: shown(
                speakers,
                speaker_id(&speaker.orders.borrow().spec),
                &speaker.state,
            ),
            muted: *muted.borrow(),
            camera_off: order.off,
        }
    }
}

fn is_to_reopen<S>([before, now]: [Listed<'_>; 2], chosen: Option<&str>, kind: &Kind<S>) -> bool {
    retry::is_to_reopen(before, now, chosen, &kind.state.borrow())
}

/// A kind of device as it is shown. What was chosen by another name, or at another place, is shown as what it is here.
fn shown(
    devices: &[DeviceInfo],
    chosen: Option<&str>,
    state: &watch::Sender<DeviceState>,
) -> DeviceView {
    let selected = chosen.map(|chosen| {
        let found = Devices::resolve(devices, chosen).map(|device| device.id.clone());
        found.unwrap_or_else(|| chosen.to_owned())
    });
    DeviceView {
        devices: devices.to_vec(),
        selected,
        state: state.borrow().clone(),
    }
}

fn camera_id(video: &VideoSpec) -> Option<&str> {
    match video {
        VideoSpec::Camera(id) => id.as_deref(),
        VideoSpec::Test(_) | VideoSpec::File(_) | VideoSpec::None => None,
    }
}

fn microphone_id(audio: &AudioSpec) -> Option<&str> {
    match audio {
        AudioSpec::Microphone(id) => id.as_deref(),
        AudioSpec::Test | AudioSpec::File(_) | AudioSpec::None => None,
    }
}

fn speaker_id(speaker: &SpeakerSpec) -> Option<&str> {
    match speaker {
        SpeakerSpec::Speaker(id) => id.as_deref(),
        SpeakerSpec::None => None,
    }
}
