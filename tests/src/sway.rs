//! Sway without a screen, or in a window of another Sway.

use std::{
    ffi::OsStr,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    process::Command,
    time::{sleep, timeout},
};

use crate::{SOON, process::Process, programs, webdriver::ASK_EVERY};

/// Sway will not be root. Whose number this is has no rights anywhere.
const NOBODY: u32 = 65_534;

/// The screen is in memory only.
const NOWHERE: [(&str, &str); 2] = [
    ("WLR_BACKENDS", "headless"),
    ("WLR_LIBINPUT_NO_DEVICES", "1"),
];

/// A compositor.
pub(crate) struct Sway {
    process: Process,
    environment: Vec<(String, String)>,
}

/// Makes the runtime folder of a desktop in this folder.
pub(crate) fn runtime(folder: &Path) -> Result<PathBuf> {
    let run = folder.join("run");
    std::fs::create_dir_all(&run)?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?;
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o700))?;
    if is_root() {
        chown(&run, Some(NOBODY), Some(NOBODY))?;
    }
    Ok(run)
}

impl Sway {
    /// Starts one that reads these lines, with the runtime folder `run`; its screen is a window in `outer` if there is one.
    pub(crate) async fn start(
        run: &Path,
        lines: &str,
        environment: &[(String, String)],
        outer: Option<&Self>,
    ) -> Result<Self> {
        let config = run.with_file_name("sway.conf");
        std::fs::write(&config, lines)?;
        let mut start = if is_root() {
            let setpriv = programs::installed("setpriv").context("no setpriv")?;
            let mut start = command(setpriv, environment);
            start
                .arg(format!("--reuid={NOBODY}"))
                .arg(format!("--regid={NOBODY}"))
                .args(["--clear-groups", "sway"]);
            start
        } else {
            command("sway", environment)
        };
        start.arg("--config").arg(config);
        start.env("XDG_RUNTIME_DIR", run);
        start.env("WLR_RENDERER", "pixman");
        match outer {
            None => start.envs(NOWHERE),
            Some(outer) => start
                .env("WLR_BACKENDS", "wayland")
                .env("WLR_WL_OUTPUTS", "2")
                .env("WAYLAND_DISPLAY", outer.socket()?),
        };
        let process = Process::start("sway", start)?;
        let display = found(&process, run, |name| {
            name.starts_with("wayland-") && !name.ends_with(".lock")
        })
        .await?;
        let socket = found(&process, run, |name| name.starts_with("sway-ipc.")).await?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let environment = [
            ("XDG_RUNTIME_DIR", text(run)),
            ("WAYLAND_DISPLAY", display),
            ("SWAYSOCK", text(&run.join(socket))),
        ];
        Ok(Self {
            process,
            environment: environment
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
        })
    }

    /// What its programs have to know.
    pub(crate) fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// Where it listens for programs.
    pub(crate) fn socket(&self) -> Result<PathBuf> {
        let value = |wanted: &str| {
            let mut all = self.environment.iter();
            all.find_map(|(name, value)| (name == wanted).then_some(value))
        };
        let run = value("XDG_RUNTIME_DIR").context("no folder")?;
        Ok(Path::new(run).join(value("WAYLAND_DISPLAY").context("no display")?))
    }

    /// Tells it to do something.
    ///
    /// # Errors
    /// It refuses.
    pub(crate) async fn tell(&self, words: &str) -> Result<()> {
        let mut tell = command("swaymsg", &self.environment);
        tell.arg(words);
        let output = tell.output().await?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "sway: {said} {}",
            self.process.fault("said")
        );
        Ok(())
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A program of a desktop, with what it has to know.
pub(crate) fn command(program: impl AsRef<OsStr>, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(program);
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .kill_on_drop(true);
    command
}

/// Waits for a file in a folder whose name is accepted, and gives it.
pub(crate) async fn found(
    who: &Process,
    folder: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<String> {
    let look = || -> Result<Option<String>> {
        for entry in std::fs::read_dir(folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if wanted(&name) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    };
    let found = timeout(SOON, async {
        loop {
            if let Some(name) = look()? {
                return Ok(name);
            }
            sleep(ASK_EVERY).await;
        }
    });
    found.await.map_err(|_| who.fault("has not come up"))?
}
