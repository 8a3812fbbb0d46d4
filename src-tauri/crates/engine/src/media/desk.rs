//! What is wanted of camera, microphone and speaker, how they do, and what there is to choose from.

use std::{sync::Arc, time::Duration};

use ahoy_contract::ui::{DeviceInfo, DeviceState, DeviceView, MediaView};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    MediaConfig,
    retry::{self, Listed},
    showing::Show,
    tend::{self, Order},
    thread::Worker,
};
use crate::device::{AudioSpec, Devices, SpeakerSpec, VideoSpec};

/// How often the lists of devices are made anew: there are no hot-plug events on all systems.
const LIST_EVERY: Duration = Duration::from_secs(1);

/// One kind of device: what is wanted of it, and how it does.
#[derive(Debug)]
pub(super) struct Kind<S> {
    pub(super) orders: watch::Sender<Order<S>>,
    pub(super) state: watch::Sender<DeviceState>,
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
    pub(super) fn new(spec: S, off: bool) -> Self {
        Self {
            orders: watch::Sender::new(Order::new(spec, off)),
            state: watch::Sender::new(DeviceState::Closed),
        }
    }

    fn chosen(&self) -> S {
        self.orders.borrow().spec.clone()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Order<S>)) {
        tend::change(&self.orders, change);
    }

    fn open_again(&self) {
        self.change(|order| order.again += 1);
    }

    /// The user asks for what failed once more, and sees that something is done.
    pub(super) fn retry(&self) {
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
pub(super) struct Desk {
    pub(super) camera: Kind<VideoSpec>,
    pub(super) microphone: Kind<AudioSpec>,
    pub(super) speaker: Kind<SpeakerSpec>,
    /// The microphone is.
    pub(super) muted: watch::Sender<bool>,
    pub(super) speaker_muted: watch::Sender<bool>,
}

impl Desk {
    pub(super) fn new(config: MediaConfig) -> Self {
        Self {
            camera: Kind::new(config.video, config.camera_off),
            // One that is off at first is not opened before it is turned on.
            microphone: Kind::new(config.audio, config.muted),
            speaker: Kind::new(config.speaker, false),
            muted: watch::Sender::new(config.muted),
            speaker_muted: watch::Sender::new(false),
        }
    }
}

impl Desk {
    /// Whether anything is chosen from what [`Devices::list`] finds.
    fn uses_devices(&self) -> bool {
        matches!(self.camera.chosen(), VideoSpec::Camera(_))
            || matches!(self.microphone.chosen(), AudioSpec::Microphone(_))
            || matches!(self.speaker.chosen(), SpeakerSpec::Speaker(_))
    }
}

/// Looks what there is, and keeps the view.
pub(super) struct Keeper {
    desk: Desk,
    devices: Devices,
    threads: [Option<Worker>; 2],
    shown: watch::Receiver<Option<Arc<Show>>>,
    /// How the screen does that is shown beside the camera.
    screen: Option<watch::Receiver<DeviceState>>,
}

impl Keeper {
    /// `threads`: of the devices that are there all the time; they are joined at the end. `shown`: the screen beside them.
    pub(super) fn new(
        desk: Desk,
        threads: [Option<Worker>; 2],
        shown: watch::Receiver<Option<Arc<Show>>>,
    ) -> Self {
        Self {
            desk,
            devices: Devices::default(),
            threads,
            shown,
            screen: None,
        }
    }

    pub(super) async fn run(mut self, view: watch::Sender<MediaView>, stop: CancellationToken) {
        let Desk {
            camera,
            microphone,
            speaker,
            muted,
            speaker_muted,
        } = self.desk.clone();
        let mut states =
            [&camera.state, &microphone.state, &speaker.state].map(watch::Sender::subscribe);
        let [camera_state, microphone_state, speaker_state] = &mut states;
        let mut cameras = camera.orders.subscribe();
        let mut microphones = microphone.orders.subscribe();
        let mut speakers = speaker.orders.subscribe();
        let mut muted = muted.subscribe();
        let mut speaker_muted = speaker_muted.subscribe();
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
                Ok(()) = self.shown.changed() => {
                    self.screen = self.shown.borrow_and_update().as_ref().map(|show| show.state());
                }
                () = changed(&mut self.screen) => {}
                Ok(()) = cameras.changed() => {}
                Ok(()) = microphones.changed() => {}
                Ok(()) = speakers.changed() => {}
                Ok(()) = muted.changed() => {}
                Ok(()) = speaker_muted.changed() => {}
                _ = list.tick(), if looking.is_none() && self.desk.uses_devices() => {
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

    pub(super) fn view(&self) -> MediaView {
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
            speaker_muted,
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
            screen: self
                .screen
                .as_ref()
                .map_or(DeviceState::Closed, |state| state.borrow().clone()),
            muted: *muted.borrow(),
            camera_off: order.off,
            speaker_muted: *speaker_muted.borrow(),
        }
    }
}

/// Waits for a change; for ever where nothing is there that could change.
async fn changed(state: &mut Option<watch::Receiver<DeviceState>>) {
    if let Some(known) = state
        && known.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
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
        VideoSpec::Screen(_) | VideoSpec::Test(_) | VideoSpec::File(_) | VideoSpec::None => None,
    }
}

fn microphone_id(audio: &AudioSpec) -> Option<&str> {
    match audio {
        AudioSpec::Microphone(id) => id.as_deref(),
        AudioSpec::System | AudioSpec::Test | AudioSpec::File(_) | AudioSpec::None => None,
    }
}

fn speaker_id(speaker: &SpeakerSpec) -> Option<&str> {
    match speaker {
        SpeakerSpec::Speaker(id) => id.as_deref(),
        SpeakerSpec::None => None,
    }
}
