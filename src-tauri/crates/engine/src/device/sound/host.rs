//! The system's sound: which devices there are, and with what settings they are opened.

use std::sync::Arc;

use ahoy_contract::ui::DeviceInfo;
use cpal::{
    BufferSize, Device, Host, SampleFormat, StreamConfig, SupportedStreamConfig,
    traits::{DeviceTrait, HostTrait},
};

use super::device_error;
use crate::device::{
    DeviceError, DeviceKind,
    list::{SoundDevices, number_twins},
};

/// How much PulseAudio is asked to bring or take at once, in samples: 10 ms. Its default is two seconds.
#[cfg(target_os = "linux")]
const PULSE_BUFFER: u32 = 480;

/// The connection to the sound server.
#[cfg(target_os = "linux")]
static PULSE: parking_lot::Mutex<Pulse> = parking_lot::Mutex::new(Pulse {
    host: None,
    met: false,
});

#[cfg(target_os = "linux")]
struct Pulse {
    /// Kept: cpal's does not end when it is dropped, but only when the server goes.
    host: Option<Arc<Host>>,
    /// There was a server. When it is gone it will come back, and whoever takes its sound card meanwhile keeps it out.
    met: bool,
}

/// Connects to the server if there is one.
#[cfg(target_os = "linux")]
fn connect() -> Option<Host> {
    if !cpal::available_hosts().contains(&cpal::HostId::PulseAudio) {
        return None;
    }
    match cpal::host_from_id(cpal::HostId::PulseAudio) {
        Ok(host) => Some(host),
        Err(error) => {
            tracing::debug!(%error, "the sound server does not let us in");
            make_cookie().ok()?;
            cpal::host_from_id(cpal::HostId::PulseAudio).ok()
        }
    }
}

/// Servers throw out who brings no cookie at all, even where they let in anybody of the same user. The
/// system's own library makes one where there is none (256 random bytes); so must who does not use it.
/// Fails where there is one.
#[cfg(target_os = "linux")]
pub(super) fn make_cookie() -> std::io::Result<()> {
    use std::{
        fs::{DirBuilder, OpenOptions},
        io::{Error, Write},
        os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    };
    let home = std::env::home_dir().ok_or(std::io::ErrorKind::NotFound)?;
    let folder = home.join(".config/pulse");
    let mut cookie = [0; 256];
    getrandom::fill(&mut cookie).map_err(Error::other)?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(folder.join("cookie"))?
        .write_all(&cookie)
}

/// A host that answers, and its devices. `None`: there is no sound here.
#[cfg(target_os = "linux")]
fn devices() -> Option<(Arc<Host>, Vec<Device>)> {
    let mut pulse = PULSE.lock();
    // The second attempt is for a server that was started anew since the connection was made.
    for _ in 0..2 {
        let host = match pulse.host.take() {
            Some(host) => host,
            None => match connect() {
                Some(host) => Arc::new(host),
                None => break,
            },
        };
        if let Ok(devices) = host.devices() {
            let devices = devices.collect();
            pulse.host = Some(Arc::clone(&host));
            pulse.met = true;
            return Some((host, devices));
        }
    }
    if pulse.met {
        return None;
    }
    // Without a sound card ALSA only fills the terminal with complaints.
    let has_card = std::fs::read_dir("/dev/snd").is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().as_encoded_bytes().starts_with(b"pcm"))
    });
    if !has_card {
        return None;
    }
    let host = cpal::host_from_id(cpal::HostId::Alsa).ok()?;
    let devices = host.devices().ok()?.collect();
    Some((Arc::new(host), devices))
}

/// A host that answers, and its devices. `None`: there is no sound here.
#[cfg(not(target_os = "linux"))]
fn devices() -> Option<(Arc<Host>, Vec<Device>)> {
    let host = cpal::default_host();
    let devices = host.devices().ok()?.collect();
    Some((Arc::new(host), devices))
}

/// Microphones and speakers, in this order.
pub(in crate::device) fn list() -> [SoundDevices; 2] {
    let Some((host, devices)) = devices() else {
        return [SoundDevices::NONE, SoundDevices::NONE];
    };
    let id = |device: Option<Device>| Some(device?.id().ok()?.to_string());
    let shown = |kind| {
        let mut list: Vec<DeviceInfo> = devices
            .iter()
            .filter(|device| can(device, kind))
            .filter_map(info)
            .filter(|info| is_shown(&info.id))
            .collect();
        number_twins(&mut list);
        list
    };
    [
        SoundDevices {
            devices: shown(DeviceKind::Microphone),
            default: id(host.default_input_device()),
        },
        SoundDevices {
            devices: shown(DeviceKind::Speaker),
            default: id(host.default_output_device()),
        },
    ]
}

fn info(device: &Device) -> Option<DeviceInfo> {
    let id = device.id().ok()?.to_string();
    let name = device.description().ok()?.name().to_owned();
    Some(DeviceInfo { id, name })
}

fn can(device: &Device, kind: DeviceKind) -> bool {
    match kind {
        DeviceKind::Speaker => device.supports_output(),
        _ => device.supports_input(),
    }
}

/// PulseAudio also lists the monitor of each speaker, and ALSA each card in a dozen ways.
fn is_shown(id: &str) -> bool {
    if let Some(source) = id.strip_prefix("pulseaudio:") {
        return !source.ends_with(".monitor");
    }
    if let Some(pcm) = id.strip_prefix("alsa:") {
        // Cards by name keep their id when another one is plugged in; by number they do not.
        return pcm == "default"
            || pcm
                .strip_prefix("plughw:CARD=")
                .is_some_and(|card| !card.starts_with(|first: char| first.is_ascii_digit()));
    }
    true
}

/// The device of this id or name, also one that is not shown; `None`: the system's default.
pub(super) fn find(kind: DeviceKind, wanted: Option<&str>) -> Result<Device, DeviceError> {
    let (host, devices) = devices().ok_or(DeviceError::Missing(kind))?;
    let Some(wanted) = wanted else {
        return match kind {
            DeviceKind::Speaker | DeviceKind::SystemSound => host.default_output_device(),
            _ => host.default_input_device(),
        }
        .ok_or(DeviceError::Missing(kind));
    };
    let mut fitting: Vec<(Device, DeviceInfo)> = devices
        .into_iter()
        .filter(|device| can(device, kind))
        .filter_map(|device| info(&device).map(|info| (device, info)))
        .collect();
    let named: Vec<DeviceInfo> = fitting.iter().map(|(_, info)| info.clone()).collect();
    crate::device::Devices::resolve(&named, wanted)
        .and_then(|found| fitting.iter().position(|(_, info)| info == found))
        .map(|index| fitting.swap_remove(index).0)
        .ok_or(DeviceError::Missing(kind))
}

/// How a device is opened: PulseAudio converts to whatever is asked for, others are asked what they have.
pub(super) fn settings(
    device: &Device,
    kind: DeviceKind,
) -> Result<(StreamConfig, SampleFormat), DeviceError> {
    #[cfg(target_os = "linux")]
    if device
        .id()
        .is_ok_and(|id| id.host() == cpal::HostId::PulseAudio)
    {
        let config = StreamConfig {
            channels: 1,
            sample_rate: crate::frame::SAMPLE_RATE,
            buffer_size: BufferSize::Fixed(PULSE_BUFFER),
        };
        return Ok((config, SampleFormat::F32));
    }
    let usual = match kind {
        DeviceKind::Speaker | DeviceKind::SystemSound => device.default_output_config(),
        _ => device.default_input_config(),
    }
    .map_err(|error| device_error(kind, &error))?;
    let chosen = if is_known(usual.sample_format()) {
        usual
    } else {
        other(device, kind).ok_or_else(|| {
            DeviceError::Failed(kind, format!("samples of {}", usual.sample_format()))
        })?
    };
    // A fixed buffer makes ALSA lose thousands of blocks; the other systems' defaults are 10 ms.
    let config = StreamConfig {
        buffer_size: BufferSize::Default,
        ..chosen.config()
    };
    Ok((config, chosen.sample_format()))
}

/// The sample formats that the callbacks convert.
fn is_known(format: SampleFormat) -> bool {
    matches!(
        format,
        SampleFormat::F32 | SampleFormat::I16 | SampleFormat::I32 | SampleFormat::U8
    )
}

fn other(device: &Device, kind: DeviceKind) -> Option<SupportedStreamConfig> {
    let mut ranges: Vec<_> = match kind {
        DeviceKind::Speaker | DeviceKind::SystemSound => {
            device.supported_output_configs().ok()?.collect()
        }
        _ => device.supported_input_configs().ok()?.collect(),
    };
    ranges.retain(|range| is_known(range.sample_format()));
    ranges.sort_by(|a, b| b.cmp_default_heuristics(a));
    let best = ranges.into_iter().next()?;
    Some(
        best.try_with_standard_sample_rate()
            .unwrap_or_else(|| best.with_max_sample_rate()),
    )
}

#[cfg(test)]
mod tests {
    use super::is_shown;

    #[test]
    fn monitors_and_the_many_names_of_alsa_are_not_shown() {
        for (id, shown) in [
            ("pulseaudio:alsa_input.usb", true),
            ("pulseaudio:spk.monitor", false),
            ("alsa:default", true),
            ("alsa:plughw:CARD=PCH,DEV=0", true),
            ("alsa:plughw:CARD=0,DEV=0", false),
            ("alsa:hw:CARD=PCH,DEV=0", false),
            ("alsa:surround51:CARD=PCH,DEV=0", false),
            ("wasapi:{0.0.1.00000000}", true),
        ] {
            assert_eq!(is_shown(id), shown, "{id}");
        }
    }
}
