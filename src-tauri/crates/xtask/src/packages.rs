//! The system packages that building and testing need, by package manager, and how each is asked and told.

use crate::shell::{has, output};

/// A package manager, with what it calls the packages.
pub(crate) struct Manager {
    /// The program that installs.
    pub(crate) program: &'static str,
    /// What stands before the packages.
    pub(crate) install: &'static [&'static str],
    /// What brings its list up to date, where that is a step of its own.
    pub(crate) refresh: Option<&'static [&'static str]>,
    /// Whether it wants to be root.
    pub(crate) root: bool,
    /// What `cargo xtask run` needs.
    pub(crate) run: &'static [&'static str],
    /// What `cargo xtask test` needs besides.
    pub(crate) test: &'static [&'static str],
    /// Which of the packages are installed.
    installed: fn(&[&'static str]) -> Vec<String>,
}

impl Manager {
    /// Those of the packages that are not installed.
    pub(crate) fn missing(&self, packages: &[&'static str]) -> Vec<&'static str> {
        let installed = (self.installed)(packages);
        packages
            .iter()
            .copied()
            .filter(|package| !installed.iter().any(|name| name == package))
            .collect()
    }
}

/// Debian and what comes from it.
const APT: Manager = Manager {
    program: "apt-get",
    install: &["install", "--yes", "--no-install-recommends"],
    refresh: Some(&["update"]),
    root: true,
    run: &[
        "build-essential",
        "pkg-config",
        "cmake",
        "clang",
        "libclang-dev",
        "libwebkit2gtk-4.1-dev",
        "librsvg2-dev",
        "libssl-dev",
        "libvpx-dev",
        "libpulse-dev",
        "libasound2-dev",
        "libpipewire-0.3-dev",
    ],
    test: &[
        "chromium",
        "chromium-driver",
        "firefox-esr",
        "webkit2gtk-driver",
        "xvfb",
        "dbus",
        "pulseaudio",
        "pulseaudio-utils",
        "libasound2-plugins",
        "ffmpeg",
        "qemu-system-x86",
        "busybox-static",
        "cpio",
        "kmod",
        "iproute2",
        "xz-utils",
        "fonts-dejavu-core",
        "sway",
        "pipewire",
        "wireplumber",
        "xdg-desktop-portal",
        "xdg-desktop-portal-wlr",
    ],
    installed: |packages| {
        let mut arguments = vec!["--show", "--showformat=${db:Status-Status} ${Package}\n"];
        arguments.extend(packages);
        // dpkg-query fails when one of the names is unknown to it, and prints the others all the same.
        lines_of_failing("dpkg-query", &arguments)
            .iter()
            .filter_map(|line| line.strip_prefix("installed "))
            .map(str::to_owned)
            .collect()
    },
};

/// Fedora.
const DNF: Manager = Manager {
    program: "dnf",
    install: &["install", "--assumeyes"],
    refresh: None,
    root: true,
    run: &[
        "gcc-c++",
        "make",
        "pkgconf-pkg-config",
        "cmake",
        "clang",
        "clang-devel",
        "webkit2gtk4.1-devel",
        "librsvg2-devel",
        "openssl-devel",
        "libvpx-devel",
        "pulseaudio-libs-devel",
        "alsa-lib-devel",
        "pipewire-devel",
    ],
    test: &[
        "chromium",
        "chromedriver",
        "xorg-x11-server-Xvfb",
        "dbus-daemon",
        "dbus-tools",
        "pulseaudio",
        "pulseaudio-utils",
        "alsa-plugins-pulseaudio",
        "ffmpeg-free",
        "qemu-system-x86",
        "busybox",
        "cpio",
        "kmod",
        "iproute",
        "xz",
        "dejavu-sans-fonts",
        "sway",
        "swaybg",
        "pipewire",
        "wireplumber",
        "xdg-desktop-portal",
        "xdg-desktop-portal-wlr",
    ],
    installed: |packages| {
        let mut arguments = vec!["--query", "--queryformat", "%{NAME}\n"];
        arguments.extend(packages);
        lines_of_failing("rpm", &arguments)
    },
};

/// Arch.
const PACMAN: Manager = Manager {
    program: "pacman",
    install: &["--sync", "--needed", "--noconfirm"],
    refresh: None,
    root: true,
    run: &[
        "base-devel",
        "pkgconf",
        "cmake",
        "clang",
        "webkit2gtk-4.1",
        "librsvg",
        "openssl",
        "libvpx",
        "libpulse",
        "alsa-lib",
        "libpipewire",
    ],
    test: &[
        "chromium",
        "xorg-server-xvfb",
        "dbus",
        "pulseaudio",
        "alsa-plugins",
        "ffmpeg",
        "qemu-system-x86",
        "busybox",
        "cpio",
        "kmod",
        "iproute2",
        "xz",
        "ttf-dejavu",
        "sway",
        "swaybg",
        "pipewire",
        "wireplumber",
        "xdg-desktop-portal",
        "xdg-desktop-portal-wlr",
    ],
    installed: |packages| {
        let mut arguments = vec!["--query", "--quiet"];
        arguments.extend(packages);
        lines_of_failing("pacman", &arguments)
    },
};

/// macOS.
const BREW: Manager = Manager {
    program: "brew",
    install: &["install"],
    refresh: None,
    root: false,
    run: &["cmake", "pkgconf", "libvpx"],
    test: &["ffmpeg"],
    installed: |_| lines_of_failing("brew", &["list", "--formula", "-1"]),
};

/// The package manager of this machine.
pub(crate) fn manager() -> Option<&'static Manager> {
    const ALL: [&Manager; 4] = [&APT, &DNF, &PACMAN, &BREW];
    ALL.into_iter().find(|manager| has(manager.program))
}

/// Whether this machine's Node.js can run the UI's tools: Vite wants 20.19 or later.
pub(crate) fn node_suffices() -> bool {
    let Some(version) = output("node", &["--version"]) else {
        return false;
    };
    let mut parts = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .map_while(|part| part.parse::<u32>().ok());
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    version >= (20, 19) && (has("npm") || has("npm.cmd"))
}

fn lines_of_failing(program: &str, arguments: &[&str]) -> Vec<String> {
    let output = std::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output();
    match output {
        Ok(output) => String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(|line| line.trim().to_owned())
            .collect(),
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_package_is_listed_twice() {
        for manager in [&APT, &DNF, &PACMAN, &BREW] {
            let mut all: Vec<_> = manager.run.iter().chain(manager.test).collect();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count, "{}", manager.program);
        }
    }
}
