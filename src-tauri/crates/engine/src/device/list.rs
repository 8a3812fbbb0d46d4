//! Which devices there are.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread::Builder,
    time::Duration,
};

use ahoy_contract::ui::DeviceInfo;
use parking_lot::Mutex;

use super::{camera, sound};

/// How long listing may take; then what was found the last time counts. A sound server that starts takes
/// some 100 ms.
const LIST_WITHIN: Duration = Duration::from_millis(1500);

/// All devices, each kind in the system's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Devices {
    /// Cameras.
    pub cameras: Vec<DeviceInfo>,
    /// Microphones, without the monitors of what is played.
    pub microphones: Vec<DeviceInfo>,
    /// Speakers.
    pub speakers: Vec<DeviceInfo>,
    /// The id of the microphone that is used where none is chosen.
    pub default_microphone: Option<String>,
    /// The id of the speaker that is used where none is chosen.
    pub default_speaker: Option<String>,
}

static CAMERAS: Mutex<Lister<Vec<DeviceInfo>>> = Mutex::new(Lister::new(Vec::new()));
static SOUND: Mutex<Lister<[SoundDevices; 2]>> =
    Mutex::new(Lister::new([SoundDevices::NONE, SoundDevices::NONE]));

/// The devices of one direction.
#[derive(Debug, Clone)]
pub(super) struct SoundDevices {
    pub(super) devices: Vec<DeviceInfo>,
    /// The id of the default.
    pub(super) default: Option<String>,
}

impl SoundDevices {
    pub(super) const NONE: Self = Self {
        devices: Vec::new(),
        default: None,
    };
}

impl Devices {
    /// Looks what there is: some ms, and where a driver hangs 1.5 s. There are no events for coming and
    /// going: call it again, about once a second while somebody looks at the list.
    ///
    /// Ids stay the same while a device is in its place, also over restarts.
    pub fn list() -> Self {
        let mut cameras = CAMERAS.lock();
        let mut sound = SOUND.lock();
        cameras.start("list-cameras", camera::list);
        sound.start("list-sound", sound::list);
        let cameras = cameras.wait();
        let [microphones, speakers] = sound.wait();
        Self {
            cameras,
            microphones: microphones.devices,
            speakers: speakers.devices,
            default_microphone: microphones.default,
            default_speaker: speakers.default,
        }
    }

    /// Finds a device by id, else by name, else by a part of its name; case does not matter in names. A camera that was
    /// plugged in elsewhere since is found too.
    pub fn resolve<'a>(devices: &'a [DeviceInfo], wanted: &str) -> Option<&'a DeviceInfo> {
        if let Some(same) = devices.iter().find(|d| d.id == wanted) {
            return Some(same);
        }
        let lower = camera_name(wanted).unwrap_or(wanted).to_lowercase();
        devices
            .iter()
            .find(|d| d.name.to_lowercase() == lower)
            .or_else(|| {
                devices
                    .iter()
                    .find(|d| !lower.is_empty() && d.name.to_lowercase().contains(&lower))
            })
    }
}

/// The name within the id of a camera of Video4Linux: `v4l2:PLACE/NAME`, the second of the same name at the same place
/// with `#2` behind it.
fn camera_name(id: &str) -> Option<&str> {
    let (_, name) = id.strip_prefix("v4l2:")?.split_once('/')?;
    let twin = name
        .rsplit_once('#')
        .filter(|(_, n)| n.parse::<u32>().is_ok());
    Some(twin.map_or(name, |(name, _)| name))
}

/// Runs a search on a thread of its own, one at a time: where a driver hangs, one thread hangs with it and no more.
pub(super) struct Lister<T> {
    last: T,
    running: Option<Receiver<T>>,
    /// Whether it was said that this search takes long.
    told: bool,
}

impl<T: Clone + Send + 'static> Lister<T> {
    pub(super) const fn new(nothing: T) -> Self {
        Self {
            last: nothing,
            running: None,
            told: false,
        }
    }

    pub(super) fn start(&mut self, name: &str, search: fn() -> T) {
        if self.running.is_some() {
            return;
        }
        let (found, finds) = channel();
        let thread = Builder::new().name(name.into()).spawn(move || {
            // Nobody waits any more when it took too long; the next call takes it then.
            let _ = found.send(search());
        });
        match thread {
            Ok(_) => {
                self.running = Some(finds);
                self.told = false;
            }
            Err(error) => tracing::warn!(%error, "devices cannot be listed"),
        }
    }

    pub(super) fn wait(&mut self) -> T {
        if let Some(running) = &self.running {
            match running.recv_timeout(LIST_WITHIN) {
                Ok(found) => {
                    self.last = found;
                    self.running = None;
                }
                Err(RecvTimeoutError::Disconnected) => self.running = None,
                Err(RecvTimeoutError::Timeout) if self.told => {}
                Err(RecvTimeoutError::Timeout) => {
                    self.told = true;
                    tracing::warn!("a device driver takes long to say what there is");
                }
            }
        }
        self.last.clone()
    }
}

/// Makes ids unique where two devices say the same of themselves.
pub(super) fn number_twins(devices: &mut [DeviceInfo]) {
    for index in 1..devices.len() {
        let (before, rest) = devices.split_at_mut(index);
        let twins = before
            .iter()
            .filter(|d| d.id == rest[0].id || d.id.starts_with(&format!("{}#", rest[0].id)))
            .count();
        if twins > 0 {
            rest[0].id = format!("{}#{}", rest[0].id, twins + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str, name: &str) -> DeviceInfo {
        DeviceInfo {
            id: id.into(),
            name: name.into(),
        }
    }

    #[test]
    fn a_device_is_found_by_id_then_name_then_part() {
        let devices = [
            device("a", "Camera b"),
            device("b", "HD Webcam"),
            device("c", "hd webcam pro"),
        ];
        let found = |wanted| Devices::resolve(&devices, wanted).map(|d| d.id.as_str());
        assert_eq!(found("b"), Some("b"));
        assert_eq!(found("HD WEBCAM PRO"), Some("c"));
        assert_eq!(found("webcam"), Some("b"));
        assert_eq!(found("projector"), None);
        assert_eq!(found(""), None);
    }

    #[test]
    fn a_camera_is_found_again_at_another_socket() {
        let devices = [
            device("v4l2:usb-0000:00:14.0-2/HD Webcam", "HD Webcam"),
            device("v4l2:usb-0000:00:14.0-3/Phone: 1/2", "Phone: 1/2"),
        ];
        let found = |wanted| Devices::resolve(&devices, wanted).map(|d| d.name.as_str());
        assert_eq!(
            found("v4l2:usb-0000:00:14.0-1/HD Webcam"),
            Some("HD Webcam")
        );
        assert_eq!(
            found("v4l2:usb-0000:00:14.0-1/HD Webcam#2"),
            Some("HD Webcam")
        );
        assert_eq!(
            found("v4l2:usb-0000:00:14.0-9/Phone: 1/2"),
            Some("Phone: 1/2")
        );
        assert_eq!(found("v4l2:usb-0000:00:14.0-2/Other"), None);
        assert_eq!(found("v4l2:video0"), None);
    }

    #[test]
    fn twins_get_numbers() {
        let mut devices = [
            device("x", "1"),
            device("x", "2"),
            device("y", "3"),
            device("x", "4"),
        ];
        number_twins(&mut devices);
        assert_eq!(devices.map(|d| d.id), ["x", "x#2", "y", "x#3"]);
    }

    #[test]
    fn listing_works_whatever_there_is() {
        let devices = Devices::list();
        for device in devices.cameras.iter().chain(&devices.speakers) {
            assert!(!device.id.is_empty());
        }
        assert_eq!(Devices::list(), devices);
    }

    #[test]
    fn a_search_that_hangs_does_not_hang_the_caller() {
        let mut lister = Lister::new(7);
        lister.start("test-hangs", || {
            std::thread::sleep(LIST_WITHIN + Duration::from_millis(300));
            8
        });
        assert_eq!(lister.wait(), 7);
        lister.start("test-second", || 9);
        assert_eq!(lister.wait(), 8);
        lister.start("test-panics", || panic!("as drivers do"));
        assert_eq!(lister.wait(), 8);
    }
}
