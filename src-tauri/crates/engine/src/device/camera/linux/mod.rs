//! Which cameras Video4Linux has, and how they are told apart.

use std::{collections::HashMap, fs, io, os::unix::fs::MetadataExt, path::PathBuf};

use ahoy_contract::ui::DeviceInfo;
use parking_lot::Mutex;
use v4l::{Device, capability::Flags};

use super::KIND;
use crate::device::{DeviceError, Devices, list::number_twins};

mod capture;

pub(super) use capture::Capture;

/// A device node is the same as long as these are: a new device gets a new inode.
type NodeKey = (u64, u64);

/// What was found out about nodes. Asking opens them, and an opened USB camera does not sleep. Bounded by
/// what is plugged in: others are forgotten with each listing.
static KNOWN: Mutex<Option<HashMap<NodeKey, Option<DeviceInfo>>>> = Mutex::new(None);

/// A camera's node.
#[derive(Debug)]
struct Found {
    number: usize,
    key: Option<NodeKey>,
}

impl Found {
    fn path(&self) -> PathBuf {
        path(self.number)
    }

    /// Whether it was pulled.
    fn is_gone(&self) -> bool {
        key(self.number) != self.key
    }
}

fn path(number: usize) -> PathBuf {
    PathBuf::from(format!("/dev/video{number}"))
}

fn key(number: usize) -> Option<NodeKey> {
    let node = fs::metadata(path(number)).ok()?;
    Some((node.ino(), node.rdev()))
}

/// All cameras with their nodes.
fn cameras() -> Vec<(usize, DeviceInfo)> {
    let mut numbers: Vec<usize> = fs::read_dir("/sys/class/video4linux")
        .map(|entries| {
            entries
                .flatten()
                .filter_map(|entry| {
                    entry
                        .file_name()
                        .to_str()?
                        .strip_prefix("video")?
                        .parse()
                        .ok()
                })
                .collect()
        })
        .unwrap_or_default();
    numbers.sort_unstable();

    let mut before = KNOWN.lock().take().unwrap_or_default();
    let mut known = HashMap::new();
    let mut found = Vec::new();
    for number in numbers {
        let Some(key) = key(number) else { continue };
        let info = match before.remove(&key) {
            Some(info) => info,
            None => match ask(number) {
                Ok(info) => info,
                // It exists and may not be opened: shown, so that opening it can say why.
                Err(error) if is_denied(&error) => {
                    found.push((number, unasked(number)));
                    continue;
                }
                Err(_) => continue,
            },
        };
        if let Some(info) = &info {
            found.push((number, info.clone()));
        }
        known.insert(key, info);
    }
    *KNOWN.lock() = Some(known);

    let (numbers, mut infos): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    number_twins(&mut infos);
    numbers.into_iter().zip(infos).collect()
}

/// What a node says of itself; `None` if it brings no pictures: webcams have a second node for metadata.
fn ask(number: usize) -> io::Result<Option<DeviceInfo>> {
    let caps = Device::with_path(path(number))?.query_caps()?;
    let pictures = Flags::VIDEO_CAPTURE | Flags::STREAMING;
    if !caps.capabilities.contains(pictures) || caps.capabilities.contains(Flags::VIDEO_M2M) {
        return Ok(None);
    }
    Ok(Some(DeviceInfo {
        id: format!("v4l2:{}/{}", caps.bus, caps.card),
        name: caps.card,
    }))
}

fn unasked(number: usize) -> DeviceInfo {
    let name = fs::read_to_string(format!("/sys/class/video4linux/video{number}/name"));
    DeviceInfo {
        id: format!("v4l2:video{number}"),
        name: name.map_or_else(|_| "Camera".into(), |name| name.trim().to_owned()),
    }
}

fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// All cameras, by the number of their nodes.
pub(in crate::device) fn list() -> Vec<DeviceInfo> {
    cameras().into_iter().map(|(_, info)| info).collect()
}

/// The camera of this id or name; `None`: the first.
fn find(wanted: Option<&str>) -> Result<Found, DeviceError> {
    let cameras = cameras();
    let infos: Vec<DeviceInfo> = cameras.iter().map(|(_, info)| info.clone()).collect();
    let chosen = match wanted {
        Some(wanted) => Devices::resolve(&infos, wanted),
        None => infos.first(),
    }
    .ok_or(DeviceError::Missing(KIND))?;
    let number = cameras
        .iter()
        .find(|(_, info)| info.id == chosen.id)
        .map(|(number, _)| *number)
        .ok_or(DeviceError::Missing(KIND))?;
    Ok(Found {
        number,
        key: key(number),
    })
}
