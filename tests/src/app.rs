//! The app on a virtual display, through WebKit's driver.

use std::{net::TcpListener, path::Path};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use tokio::{process::Command, time::timeout};

use crate::{SOON, process::Process, programs, sound::SoundServer, webdriver::Page};

/// A virtual X display.
pub struct Display {
    _server: Process,
    name: String,
}

impl Display {
    /// Starts one of this size.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(width: u32, height: u32) -> Result<Self> {
        let mut command = Command::new("Xvfb");
        command
            .args(["-displayfd", "1", "-screen", "0"])
            .arg(format!("{width}x{height}x24"))
            .args(["-nolisten", "tcp", "-noreset"]);
        let server = Process::start("Xvfb", command)?;
        let name = server
            .line("display number", SOON, |line| {
                Some(format!(":{}", line.trim().parse::<u32>().ok()?))
            })
            .await?;
        Ok(Self {
            _server: server,
            name,
        })
    }

    /// Writes what is on it to a PNG file.
    ///
    /// # Errors
    /// It cannot be grabbed.
    pub async fn screenshot(&self, file: &Path) -> Result<()> {
        let grab = Command::new("ffmpeg")
            .args([
                "-y",
                "-v",
                "error",
                "-f",
                "x11grab",
                "-draw_mouse",
                "0",
                "-i",
            ])
            .arg(&self.name)
            .args(["-frames:v", "1", "-update", "1"])
            .arg(file)
            .kill_on_drop(true)
            .output();
        let output = timeout(SOON, grab)
            .await
            .context("no picture of the display")??;
        ensure!(
            output.status.success(),
            "no picture of the display: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Its name for `DISPLAY`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The running app.
pub struct App {
    page: Page,
    driver: Process,
    home: tempfile::TempDir,
}

/// What the app gets by its environment instead of what its user has set.
#[derive(Debug, Clone, Copy, Default)]
pub struct Instead<'a> {
    /// Of the system's camera, as `--video` of `ahoy-call` has it.
    pub video: Option<&'a str>,
    /// Of its own relay for this network, as `AHOY_RELAY` has it.
    pub relay: Option<&'a str>,
}

impl App {
    /// Starts the app with an empty home folder.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn start(
        display: &Display,
        sound: &SoundServer,
        instead: Instead<'_>,
    ) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let binary = programs::built("ahoy")?;
        let port = free_port()?;
        let mut command = Command::new("dbus-run-session");
        command
            .args(["--", "WebKitWebDriver", "--host=127.0.0.1"])
            .arg(format!("--port={port}"))
            .env("DISPLAY", display.name())
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("NO_AT_BRIDGE", "1")
            .env_remove("WAYLAND_DISPLAY");
        at_home(&mut command, home.path())?;
        command.envs(sound.environment());
        for (variable, value) in [("AHOY_VIDEO", instead.video), ("AHOY_RELAY", instead.relay)] {
            if let Some(value) = value {
                command.env(variable, value);
            }
        }
        let driver = Process::start("WebKitWebDriver", command)?;
        let capabilities = json!({
            "webkitgtk:browserOptions": { "binary": binary, "args": [] },
        });
        let page = Page::open(port, capabilities)
            .await
            .map_err(|error| driver.fault(&format!("{error:#}")))?;
        Ok(Self { page, driver, home })
    }

    /// The app's window.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// The driver, below which the app runs.
    pub fn driver(&self) -> &Process {
        &self.driver
    }

    /// Starts the app once more on the same desktop, with this on its command line, and waits for its end.
    ///
    /// # Errors
    /// It stays, or fails.
    pub async fn open_again(&self, argument: &str) -> Result<()> {
        let binary = programs::built("ahoy")?;
        let environment = environment_of(&binary, self.home.path())?;
        let mut command = Command::new(&binary);
        command.arg(argument).env_clear();
        command.envs(environment.iter().filter_map(|pair| pair.split_once('=')));
        let mut again = Process::start("ahoy, once more,", command)?;
        let code = again.exit(SOON).await?;
        ensure!(code == 0, again.fault(&format!("ended with {code}")));
        Ok(())
    }

    /// Closes the app.
    ///
    /// # Errors
    /// It does not close.
    pub async fn close(self) -> Result<()> {
        self.page.close().await
    }
}

/// The environment of the app that runs with this home folder: it knows the desktop's bus.
fn environment_of(binary: &Path, home: &Path) -> Result<Vec<String>> {
    let binary = binary.canonicalize()?;
    let home = home.to_string_lossy();
    for entry in std::fs::read_dir("/proc")? {
        let folder = entry?.path();
        if std::fs::read_link(folder.join("exe")).ok().as_deref() != Some(&binary) {
            continue;
        }
        let environment = std::fs::read(folder.join("environ")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&environment);
        if environment.contains(&*home) {
            return Ok(environment.split('\0').map(str::to_owned).collect());
        }
    }
    bail!("the app does not run")
}

/// Gives a program folders of its own for all that it keeps.
fn at_home(command: &mut Command, home: &Path) -> Result<()> {
    for (variable, folder) in [
        ("HOME", "home"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_RUNTIME_DIR", "run"),
    ] {
        let folder = home.join(folder);
        std::fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        std::os::unix::fs::PermissionsExt::set_mode(
            &mut std::fs::metadata(&folder)?.permissions(),
            0o700,
        );
        command.env(variable, folder);
    }
    Ok(())
}

/// A port that was free a moment ago: the driver cannot choose one itself.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
