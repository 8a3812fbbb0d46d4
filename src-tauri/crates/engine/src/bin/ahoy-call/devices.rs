//! What there is to capture and to play with, and whether what was asked for is among it.

use std::{env, path::PathBuf};

use ahoy_contract::{ErrorCode, UserError, ui::DeviceInfo};
use ahoy_engine::device::{
    AudioSpec, Devices, PortalChoice, ScreenKind, ScreenSource, ScreenSpec, SpeakerSpec, VideoSpec,
    asks_by_itself, screens,
};
use directories::ProjectDirs;
use serde_json::json;

use super::{
    output::{Exit, Output},
    plan::CallPlan,
};

/// `--devices`.
pub(crate) fn list(output: &Output) -> Exit {
    let devices = Devices::list();
    // Without a display there are none.
    let (monitors, windows): (Vec<ScreenSource>, Vec<_>) = screens()
        .unwrap_or_default()
        .into_iter()
        .partition(|source| source.kind == ScreenKind::Monitor);
    if output.is_json() {
        let list = json!({
            "event": "devices",
            "cameras": devices.cameras,
            "screens": monitors,
            "windows": windows,
            "microphones": devices.microphones,
            "speakers": devices.speakers,
        });
        output.event(&list, "");
        return Exit::Done;
    }
    let names = |list: Vec<DeviceInfo>| list.into_iter().map(|device| device.name).collect();
    let size =
        |screen: &ScreenSource| format!("{}, {}x{}", screen.name, screen.width, screen.height);
    let numbered = monitors.iter().enumerate();
    for (kind, list) in [
        ("Cameras", names(devices.cameras)),
        (
            "Screens",
            if asks_by_itself() {
                vec!["the desktop asks which".to_owned()]
            } else {
                numbered
                    .map(|(n, screen)| format!("{n}: {}", size(screen)))
                    .collect()
            },
        ),
        ("Windows", windows.iter().map(size).collect()),
        ("Microphones", names(devices.microphones)),
        ("Speakers", names(devices.speakers)),
    ] {
        let list: Vec<String> = list;
        let names = if list.is_empty() {
            "  none".to_owned()
        } else {
            format!("  {}", list.join("\n  "))
        };
        output.event(&json!(null), &format!("{kind}\n{names}"));
    }
    Exit::Done
}

/// What is opened for what was asked for. Where the desktop asks by itself which screen that is, it asks once: its answer is
/// kept in the file `call-screen-choice`, in `AHOY_HOME` or where the app has its data.
pub(crate) fn opened(video: &VideoSpec) -> VideoSpec {
    match video {
        VideoSpec::Screen(ScreenSpec::Default | ScreenSpec::Monitor(_)) if asks_by_itself() => {
            let data = |folders: ProjectDirs| folders.data_dir().to_owned();
            let folder = env::var_os("AHOY_HOME")
                .map(PathBuf::from)
                .or_else(|| ProjectDirs::from("org", "Ahoy", "ahoy").map(data));
            let file = folder.map(|folder| folder.join("call-screen-choice"));
            VideoSpec::Screen(ScreenSpec::Portal(PortalChoice::kept_at(file)))
        }
        video => video.clone(),
    }
}

/// A device that was asked for by name must be there; without a name the call goes on with what there is.
pub(crate) fn named_device_missing(plan: &CallPlan) -> Option<UserError> {
    let named = |name: &str, list: &[DeviceInfo]| {
        list.iter()
            .any(|device| device.id == name || device.name.contains(name))
    };
    let devices = Devices::list();
    let missing = |kind: &str, name: &str, code| {
        let message = format!("There is no {kind} \"{name}\".");
        Some(UserError::new(
            code,
            message,
            "ahoy-call --devices lists what there is.",
        ))
    };
    if let VideoSpec::Screen(screen) = &plan.video
        && let Some(sentence) = screen_missing(screen)
    {
        return Some(UserError::new(
            ErrorCode::ScreenMissing,
            sentence,
            "ahoy-call --devices lists what there is.",
        ));
    }
    if let VideoSpec::Camera(Some(name)) = &plan.video
        && !named(name, &devices.cameras)
    {
        return missing("camera", name, ErrorCode::CameraMissing);
    }
    if let AudioSpec::Microphone(Some(name)) = &plan.audio
        && !named(name, &devices.microphones)
    {
        return missing("microphone", name, ErrorCode::MicrophoneMissing);
    }
    if let SpeakerSpec::Speaker(Some(name)) = &plan.speaker
        && !named(name, &devices.speakers)
    {
        return missing("speaker", name, ErrorCode::SpeakerFailed);
    }
    None
}

/// What to say where the monitor or window that was asked for is not there.
fn screen_missing(wanted: &ScreenSpec) -> Option<String> {
    let screens = screens().unwrap_or_default();
    let count = |kind| screens.iter().filter(|screen| screen.kind == kind).count();
    match wanted {
        // What is there the desktop knows, and asks.
        ScreenSpec::Monitor(_) if asks_by_itself() => None,
        ScreenSpec::Monitor(number) => {
            (*number >= count(ScreenKind::Monitor)).then(|| format!("There is no screen {number}."))
        }
        ScreenSpec::Window(title) => {
            let wanted = title.to_lowercase();
            let is_it = |screen: &ScreenSource| {
                screen.kind == ScreenKind::Window && screen.name.to_lowercase().contains(&wanted)
            };
            (!screens.iter().any(is_it)).then(|| format!("There is no window \"{title}\"."))
        }
        ScreenSpec::Default | ScreenSpec::Source(_) | ScreenSpec::Portal(_) => None,
    }
}
