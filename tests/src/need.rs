//! What a scenario needs of the machine. One that cannot run says so, and under `CI=true` fails instead.

use std::{fs::OpenOptions, io::Write as _, process::Command};

use crate::programs::installed;

/// A part that is not the project's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Chromium and its driver.
    Chromium,
    /// Firefox, the long-lived edition.
    Firefox,
    /// A virtual display, a D-Bus session and WebKit's driver, which show the app.
    Display,
    /// PulseAudio and its tools.
    Sound,
    /// The emulator and what its small system is made of.
    Emulator,
    /// A Wayland desktop without a screen, its portal, and PipeWire.
    Wayland,
    /// ffmpeg and ffprobe.
    Ffmpeg,
    /// iproute2, and the right to make networks.
    Network,
}

impl Part {
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Chromium => &["chromium", "chromedriver"],
            Self::Firefox => &["firefox-esr"],
            Self::Display => &["Xvfb", "dbus-run-session", "WebKitWebDriver"],
            Self::Sound => &["pulseaudio", "pactl", "pacat", "parec"],
            Self::Emulator => &[
                "qemu-system-x86_64",
                "busybox",
                "cpio",
                "modprobe",
                "depmod",
                "dpkg-deb",
            ],
            Self::Wayland => &[
                "sway",
                "swaymsg",
                "setpriv",
                "dbus-daemon",
                "dbus-send",
                "pipewire",
                "wireplumber",
                "xdg-permission-store",
                "xdg-desktop-portal",
                "xdg-desktop-portal-wlr",
            ],
            Self::Ffmpeg => &["ffmpeg", "ffprobe"],
            Self::Network => &["ip"],
        }
    }
}

/// Whether a part is missing, and with it the scenario that calls this; the scenario then ends at once.
///
/// # Panics
/// A part is missing and `CI=true`: there nothing may be left out.
pub fn lacks(parts: &[Part]) -> bool {
    let missing: Vec<_> = parts
        .iter()
        .flat_map(|part| part.programs())
        .filter(|program| installed(program).is_none())
        .copied()
        .collect();
    if missing.is_empty() {
        let may = !parts.contains(&Part::Network) || may_make_networks();
        if !may {
            skip("only root may make networks, and in a container not even root");
        }
        return !may;
    }
    skip(&format!(
        "{} missing: run `cargo xtask setup --test`",
        missing.join(", ")
    ));
    true
}

/// Whether this process may have network namespaces, and the mounts that give them names.
fn may_make_networks() -> bool {
    let tried = Command::new("unshare")
        .args(["--net", "--mount", "true"])
        .output();
    rustix::process::geteuid().is_root() && tried.is_ok_and(|tried| tried.status.success())
}

/// Says that the scenario of this thread cannot run here, and why.
///
/// # Panics
/// `CI=true`: there nothing may be left out.
pub fn skip(why: &str) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a scenario");
    let strict = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(
        !strict,
        "{name} cannot run, and CI=true allows no gaps: {why}"
    );
    println!("skipped: {why}");
    // The run's last line counts what stands in this file.
    let Some(list) = std::env::var_os("AHOY_SKIPPED") else {
        return;
    };
    let file = OpenOptions::new().create(true).append(true).open(list);
    if let Ok(mut file) = file {
        let _ = writeln!(file, "{name}: {why}");
    }
}
