//! The app on a virtual display, through WebKit's driver.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use tokio::{
    process::Command,
    time::{sleep, timeout},
};

use crate::{
    SOON,
    process::Process,
    programs,
    sound::SoundServer,
    webdriver::{ASK_EVERY, Page},
};

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

    /// Writes its upper left corner of this size to a PNG file.
    ///
    /// # Errors
    /// It cannot be grabbed.
    pub async fn screenshot(&self, (width, height): (u32, u32), file: &Path) -> Result<()> {
        let grab = Command::new("ffmpeg")
            .args(["-y", "-v", "error", "-f", "x11grab", "-draw_mouse", "0"])
            .arg("-video_size")
            .arg(format!("{width}x{height}"))
            .arg("-i")
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

/// The folders in which the app keeps what it keeps. They outlive it, and go with this.
pub struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    /// Empty ones.
    ///
    /// # Errors
    /// They cannot be made.
    pub fn new() -> Result<Self> {
        let home = Self {
            folder: tempfile::tempdir()?,
        };
        for (_, folder) in home.folders() {
            std::fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
            let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o700);
            std::fs::set_permissions(&folder, owner_only)?;
        }
        let (folder, opener) = (home.programs(), home.programs().join("xdg-open"));
        std::fs::create_dir(folder)?;
        let note = format!("#!/bin/sh\necho \"$1\" >> '{}'\n", home.note().display());
        std::fs::write(&opener, note)?;
        let runs = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&opener, runs)?;
        Ok(home)
    }

    /// What the desktop was asked to open, in its order: nothing is, it is only noted.
    pub fn opened(&self) -> Vec<String> {
        let note = std::fs::read_to_string(self.note()).unwrap_or_default();
        note.lines().map(str::to_owned).collect()
    }

    fn note(&self) -> PathBuf {
        self.folder.path().join("opened")
    }

    /// Programs that the app finds before those of the system.
    fn programs(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    /// A file or folder of the app's own: settings, recent calls, the relay's key.
    pub fn kept(&self, name: &str) -> PathBuf {
        self.folder.path().join("ahoy").join(name)
    }

    /// What a program has in its environment to keep everything here.
    fn folders(&self) -> [(&'static str, PathBuf); 6] {
        [
            ("AHOY_HOME", "ahoy"),
            ("HOME", "home"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_RUNTIME_DIR", "run"),
        ]
        .map(|(variable, folder)| (variable, self.folder.path().join(folder)))
    }
}

/// The running app.
pub struct App {
    page: Page,
    driver: Process,
    home: Home,
}

/// What the app gets by its environment instead of what its user has set.
#[derive(Debug, Clone, Copy, Default)]
pub struct Instead<'a> {
    /// Pictures instead of the system's camera, as `--video` of `ahoy-call` has it.
    pub video: Option<&'a str>,
    /// A relay instead of its own for this network, as `AHOY_RELAY` has it.
    pub relay: Option<&'a str>,
    /// A desktop, by the environment that its programs have, instead of one of its own. The window stays on the X display.
    pub desktop: Option<&'a [(String, String)]>,
    /// A link, instead of nothing on its command line.
    pub link: Option<&'a str>,
}

/// The driver chooses a free port for the app to listen on, which another program may take before the app does: then
/// both are started once more, so often in all.
const STARTS: usize = 3;

/// WebKit's driver, from which the app gets its surroundings.
fn driver(
    port: u16,
    home: &Home,
    display: &Display,
    sound: &SoundServer,
    instead: Instead<'_>,
) -> Result<Process> {
    let mut command = if instead.desktop.is_some() {
        Command::new("WebKitWebDriver")
    } else {
        let mut command = Command::new("dbus-run-session");
        command.args(["--", "WebKitWebDriver"]);
        command
    };
    command
        .arg("--host=127.0.0.1")
        .arg(format!("--port={port}"))
        .env("DISPLAY", display.name())
        .env("TAURI_WEBVIEW_AUTOMATION", "true")
        .env("NO_AT_BRIDGE", "1")
        .env_remove("WAYLAND_DISPLAY");
    let mut path = home.programs().into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    command.envs(home.folders()).env("PATH", path);
    command.envs(sound.environment());
    if let Some(desktop) = instead.desktop {
        command
            .envs(desktop.iter().map(|(name, value)| (name, value)))
            .env("GDK_BACKEND", "x11");
    }
    for (variable, value) in [("AHOY_VIDEO", instead.video), ("AHOY_RELAY", instead.relay)] {
        if let Some(value) = value {
            command.env(variable, value);
        }
    }
    Process::start("WebKitWebDriver", command)
}

impl App {
    /// Starts the app for the first time.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn start(
        display: &Display,
        sound: &SoundServer,
        instead: Instead<'_>,
    ) -> Result<Self> {
        Self::start_at(Home::new()?, display, sound, instead).await
    }

    /// Starts the app with what it finds at home.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn start_at(
        home: Home,
        display: &Display,
        sound: &SoundServer,
        instead: Instead<'_>,
    ) -> Result<Self> {
        let arguments: Vec<&str> = instead.link.into_iter().collect();
        let capabilities = json!({
            "webkitgtk:browserOptions": { "binary": programs::built("ahoy")?, "args": arguments },
        });
        for _ in 0..STARTS {
            let port = free_port()?;
            let driver = driver(port, &home, display, sound, instead)?;
            let taken = driver.logged("a port that is taken", SOON, |line| {
                line.contains("Failed to start remote inspector server")
                    .then_some(())
            });
            tokio::select! {
                page = Page::open(port, capabilities.clone()) => {
                    let page = page.map_err(|error| driver.fault(&format!("{error:#}")))?;
                    return Ok(Self { page, driver, home });
                }
                Ok(()) = taken => {}
            }
        }
        bail!("each port that the driver chose was taken by another program")
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
        let environment = self.environment()?;
        let mut command = Command::new(&binary);
        command.arg(argument).env_clear();
        command.envs(environment.iter().filter_map(|pair| pair.split_once('=')));
        let mut again = Process::start("ahoy, once more,", command)?;
        let code = again.exit(SOON).await?;
        ensure!(code == 0, again.fault(&format!("ended with {code}")));
        Ok(())
    }

    /// The address of the bus of its desktop.
    ///
    /// # Errors
    /// It does not run, or has none.
    pub fn bus_address(&self) -> Result<String> {
        let environment = self.environment()?;
        let mut variables = environment.iter().filter_map(|pair| pair.split_once('='));
        let address = variables.find(|(name, _)| *name == "DBUS_SESSION_BUS_ADDRESS");
        let (_, address) = address.context("the app has no bus")?;
        Ok(address.to_owned())
    }

    fn environment(&self) -> Result<Vec<String>> {
        environment_of(&programs::built("ahoy")?, self.home.folder.path())
    }

    /// What it keeps.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Closes the app and waits until it is gone; gives what it has kept.
    ///
    /// # Errors
    /// It does not close.
    pub async fn close(self) -> Result<Home> {
        self.page.close().await?;
        drop(self.driver);
        let binary = programs::built("ahoy")?;
        let gone = timeout(SOON, async {
            while environment_of(&binary, self.home.folder.path()).is_ok() {
                sleep(ASK_EVERY).await;
            }
        });
        gone.await.context("the app lives on")?;
        Ok(self.home)
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

/// A port that was free a moment ago: the driver cannot choose one itself.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
