//! A Wayland desktop of its own: Sway without a screen, the portal that shares it, and PipeWire.

use std::{ffi::OsStr, os::unix::fs::PermissionsExt as _, path::Path};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    process::Command,
    time::{sleep, timeout},
};

use crate::{SOON, process::Process, programs, wayland_filter::Filter, webdriver::ASK_EVERY};

/// Sway will not be root. Whose number this is has no rights anywhere.
const NOBODY: u32 = 65_534;

/// A session bus that starts nothing by itself.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir=RUN</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>"#;

/// What of its environment a desktop's programs have to know. Its runtime folder may be another user's; all that they need
/// of it they get from the portal.
const FOR_PROGRAMS: [&str; 4] = [
    "XDG_SESSION_TYPE",
    "XDG_CURRENT_DESKTOP",
    "WAYLAND_DISPLAY",
    "DBUS_SESSION_BUS_ADDRESS",
];

/// The part of the portal for this desktop.
const BACKEND: &str = "xdg-desktop-portal-wlr";

/// The only output.
const OUTPUT: &str = "HEADLESS-1";

/// What the portal asks its user with: it notes that, and answers what stands in a file.
const CHOOSER: &str = "echo asked >> FOLDER/asked\ncat FOLDER/answer\n";

/// A desktop. All of it ends with this.
pub struct Desktop {
    // In the order in which they end.
    portal: Vec<Process>,
    _filter: Filter,
    sway: Option<Process>,
    _bus: Process,
    environment: Vec<(String, String)>,
    folder: tempfile::TempDir,
}

impl Desktop {
    /// Starts one of this size, all in one colour (`#rrggbb`).
    ///
    /// # Errors
    /// A part of it does not come up.
    pub async fn start((width, height): (u32, u32), colour: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("ahoy-wayland").tempdir()?;
        let path = folder.path();
        let (run, config) = (path.join("run"), path.join("config"));
        std::fs::create_dir(&run)?;
        std::fs::create_dir_all(config.join("xdg-desktop-portal-wlr"))?;
        let chooser = path.join("chooser");
        let text = |path: &Path| path.to_string_lossy().into_owned();
        std::fs::write(&chooser, CHOOSER.replace("FOLDER", &text(path)))?;
        std::fs::write(path.join("answer"), OUTPUT)?;
        let portal = format!(
            "[screencast]\nmax_fps=30\nchooser_type=simple\nchooser_cmd=sh {}\n",
            text(&chooser)
        );
        std::fs::write(config.join("xdg-desktop-portal-wlr/config"), portal)?;
        std::fs::write(
            path.join("bus.conf"),
            BUS.replace("RUN", &run.to_string_lossy()),
        )?;
        let output = format!(
            "output {OUTPUT} resolution {width}x{height}\noutput {OUTPUT} bg {colour} solid_color\n"
        );
        std::fs::write(path.join("sway.conf"), output)?;
        std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o700))?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
        let is_root = rustix::process::geteuid().is_root();
        if is_root {
            std::os::unix::fs::chown(&run, Some(NOBODY), Some(NOBODY))?;
        }
        let mut environment: Vec<(String, String)> = [
            ("XDG_RUNTIME_DIR", text(&run)),
            ("XDG_CONFIG_HOME", text(&config)),
            ("HOME", text(path)),
            ("XDG_CURRENT_DESKTOP", "sway".into()),
            ("XDG_SESSION_TYPE", "wayland".into()),
            ("XDG_DATA_HOME", text(&path.join("data"))),
            // What was chosen may be kept for good.
            ("XDPW_PERSIST_MODE", "permanent".into()),
            ("WLR_BACKENDS", "headless".into()),
            ("WLR_LIBINPUT_NO_DEVICES", "1".into()),
            ("WLR_RENDERER", "pixman".into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();

        let mut command = command("dbus-daemon", &environment);
        command.arg("--config-file").arg(path.join("bus.conf"));
        command.args(["--nofork", "--print-address"]);
        let bus = Process::start("dbus-daemon", command)?;
        let address = bus
            .line("the bus' address", SOON, |line| {
                line.starts_with("unix:").then(|| line.to_owned())
            })
            .await?;
        environment.push(("DBUS_SESSION_BUS_ADDRESS".into(), address));

        let sway = sway(path, is_root, &environment)?;
        let display = found(&sway, &run, |name| {
            name.starts_with("wayland-") && !name.ends_with(".lock")
        })
        .await?;
        let filter = Filter::start(run.join("filtered"), run.join(&display))?;
        environment.push(("WAYLAND_DISPLAY".into(), display));
        let socket = found(&sway, &run, |name| name.starts_with("sway-ipc.")).await?;
        environment.push(("SWAYSOCK".into(), text(&run.join(socket))));

        let mut desktop = Self {
            portal: Vec::new(),
            _filter: filter,
            sway: Some(sway),
            _bus: bus,
            environment,
            folder,
        };
        desktop.start_portal().await?;
        Ok(desktop)
    }

    async fn start_portal(&mut self) -> Result<()> {
        let run = self.folder.path().join("run");
        for name in ["pipewire", "wireplumber"] {
            let process = Process::start(name, command(name, &self.environment))?;
            if name == "pipewire" {
                found(&process, &run, |name| name == "pipewire-0").await?;
            }
            self.portal.push(process);
        }
        for (name, owns) in [
            (
                "xdg-permission-store",
                "org.freedesktop.impl.portal.PermissionStore",
            ),
            (BACKEND, "org.freedesktop.impl.portal.desktop.wlr"),
            ("xdg-desktop-portal", "org.freedesktop.portal.Desktop"),
        ] {
            let program = programs::installed(name).with_context(|| format!("no {name}"))?;
            let mut command = command(program, &self.environment);
            command.env("WAYLAND_DISPLAY", "filtered");
            if name == BACKEND {
                // It tells what is asked of it.
                command.arg("--loglevel=INFO");
            }
            let process = Process::start(name, command)?;
            let up = timeout(SOON, async {
                while !self.is_on_bus(owns).await {
                    sleep(ASK_EVERY).await;
                }
            });
            up.await.map_err(|_| process.fault("is not on the bus"))?;
            self.portal.push(process);
        }
        Ok(())
    }

    async fn is_on_bus(&self, name: &str) -> bool {
        let mut ask = command("dbus-send", &self.environment);
        ask.args([
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.DBus",
            "/",
        ])
        .args([
            "org.freedesktop.DBus.GetNameOwner",
            &format!("string:{name}"),
        ]);
        ask.output()
            .await
            .is_ok_and(|output| output.status.success())
    }

    /// What programs have in their environment on this desktop.
    pub fn environment(&self) -> Vec<(String, String)> {
        let all = self.environment.iter().cloned();
        all.filter(|(name, _)| FOR_PROGRAMS.contains(&name.as_str()))
            .collect()
    }

    /// Whether its user chooses the screen when asked, or nothing.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn answers(&self, yes: bool) -> Result<()> {
        let answer = if yes { OUTPUT } else { "" };
        Ok(std::fs::write(self.folder.path().join("answer"), answer)?)
    }

    /// Waits until its user has been asked so often.
    ///
    /// # Errors
    /// Nobody asks soon.
    pub async fn asks(&self, times: usize) -> Result<()> {
        let asked = timeout(SOON, async {
            while self.asked() < times {
                sleep(ASK_EVERY).await;
            }
        });
        let asked = asked.await.context("the desktop does not ask");
        self.explain(asked)
    }

    /// Waits until so many shares have ended here too, where the desktop shows that the screen is seen.
    ///
    /// # Errors
    /// One goes on.
    pub async fn ended(&self, shares: usize) -> Result<()> {
        let mut ended = 0;
        let all = self.backend()?.logged("the share's end", SOON, |line| {
            ended += usize::from(line.contains("session closed"));
            (ended == shares).then_some(())
        });
        all.await
    }

    /// Waits until pictures with the pointer in them are wished for.
    ///
    /// # Errors
    /// Nobody wishes for them.
    pub async fn wants_pointer(&self) -> Result<()> {
        let pointer = |line: &str| line.contains("option cursor_mode:2").then_some(());
        self.backend()?.logged("the pointer", SOON, pointer).await
    }

    fn backend(&self) -> Result<&Process> {
        let backend = self.portal.iter().find(|part| part.name() == BACKEND);
        backend.context("the desktop has ended")
    }

    /// How often its user has been asked.
    pub fn asked(&self) -> usize {
        let asked = std::fs::read_to_string(self.folder.path().join("asked"));
        asked.unwrap_or_default().lines().count()
    }

    /// Tells Sway to do something about its output.
    ///
    /// # Errors
    /// It refuses.
    pub async fn output(&self, words: &str) -> Result<()> {
        let mut tell = command("swaymsg", &self.environment);
        tell.arg(format!("output {OUTPUT} {words}"));
        let output = tell.output().await?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "sway: {said}");
        Ok(())
    }

    /// Changes the colour over and over: this portal brings its first picture when something changes.
    ///
    /// # Errors
    /// Sway refuses.
    pub async fn flicker(&self, colours: [&str; 2]) -> Result<()> {
        loop {
            for colour in colours {
                self.output(&format!("bg {colour} solid_color")).await?;
                sleep(10 * ASK_EVERY).await;
            }
        }
    }

    /// An outcome, with the portal's last words where it is an error.
    ///
    /// # Errors
    /// The same.
    pub fn explain<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|error| {
            let said = self
                .portal
                .iter()
                .map(|part| part.fault("said").to_string());
            error.context(said.collect::<String>())
        })
    }

    /// Ends the desktop at once, as a log-out does.
    pub fn log_out(&mut self) {
        self.sway = None;
        self.portal.clear();
    }
}

fn command(program: impl AsRef<OsStr>, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(program);
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .kill_on_drop(true);
    command
}

fn sway(path: &Path, is_root: bool, environment: &[(String, String)]) -> Result<Process> {
    let mut sway = if is_root {
        let setpriv = programs::installed("setpriv").context("no setpriv")?;
        let mut command = command(setpriv, environment);
        command
            .arg(format!("--reuid={NOBODY}"))
            .arg(format!("--regid={NOBODY}"))
            .args(["--clear-groups", "sway"]);
        command
    } else {
        command("sway", environment)
    };
    sway.arg("--config").arg(path.join("sway.conf"));
    Process::start("sway", sway)
}

/// Waits for a file in a folder whose name is accepted, and gives it.
async fn found(who: &Process, folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<String> {
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
