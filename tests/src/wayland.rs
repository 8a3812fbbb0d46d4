//! A Wayland desktop of its own: Sway without a screen, the portal that shares it, and PipeWire.

use std::path::Path;

use anyhow::{Context as _, Result};
use tokio::time::{sleep, timeout};

use crate::{
    SOON,
    process::Process,
    programs,
    sway::{Sway, command, found, runtime},
    wayland_filter::Filter,
    webdriver::ASK_EVERY,
};

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

/// What the portal asks its user with: it notes that, and answers what stands in a file.
const CHOOSER: &str = "echo asked >> FOLDER/asked\ncat FOLDER/answer\n";

/// A desktop. All of it ends with this.
pub struct Desktop {
    // In the order in which they end.
    portal: Vec<Process>,
    _filter: Filter,
    sway: Option<Sway>,
    /// In whose windows its monitors are, if they can be unplugged.
    monitors: Option<Sway>,
    _bus: Process,
    environment: Vec<(String, String)>,
    folder: tempfile::TempDir,
}

impl Desktop {
    /// Starts one with a monitor of this size, all in one colour (`#rrggbb`).
    ///
    /// # Errors
    /// A part of it does not come up.
    pub async fn start(size: (u32, u32), colour: &str) -> Result<Self> {
        Self::start_with(size, colour, false).await
    }

    /// Starts one whose two monitors can be unplugged, each half as wide as this.
    ///
    /// # Errors
    /// A part of it does not come up.
    pub async fn with_plugs(size: (u32, u32), colour: &str) -> Result<Self> {
        Self::start_with(size, colour, true).await
    }

    async fn start_with((width, height): (u32, u32), colour: &str, plugs: bool) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("ahoy-wayland").tempdir()?;
        let path = folder.path();
        let (run, config) = (runtime(path)?, path.join("config"));
        std::fs::create_dir_all(config.join("xdg-desktop-portal-wlr"))?;
        let chooser = path.join("chooser");
        let text = |path: &Path| path.to_string_lossy().into_owned();
        std::fs::write(&chooser, CHOOSER.replace("FOLDER", &text(path)))?;
        let portal = format!(
            "[screencast]\nmax_fps=30\nchooser_type=simple\nchooser_cmd=sh {}\n",
            text(&chooser)
        );
        std::fs::write(config.join("xdg-desktop-portal-wlr/config"), portal)?;
        std::fs::write(
            path.join("bus.conf"),
            BUS.replace("RUN", &run.to_string_lossy()),
        )?;
        let mut environment: Vec<(String, String)> = [
            ("XDG_RUNTIME_DIR", text(&run)),
            ("XDG_CONFIG_HOME", text(&config)),
            ("HOME", text(path)),
            ("XDG_CURRENT_DESKTOP", "sway".into()),
            ("XDG_SESSION_TYPE", "wayland".into()),
            ("XDG_DATA_HOME", text(&path.join("data"))),
            // What was chosen may be kept for good.
            ("XDPW_PERSIST_MODE", "permanent".into()),
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

        let headless = format!("output * resolution {width}x{height}\n");
        let monitors = if plugs {
            let run = runtime(&path.join("monitors"))?;
            let lines = format!("{headless}default_border none\n");
            Some(Sway::start(&run, &lines, &environment, None).await?)
        } else {
            None
        };
        let lines = format!(
            "{}output * bg {colour} solid_color\n",
            if plugs { "" } else { &headless }
        );
        let sway = Sway::start(&run, &lines, &environment, monitors.as_ref()).await?;
        let filter = Filter::start(run.join("filtered"), sway.socket()?)?;
        environment.extend_from_slice(sway.environment());

        let mut desktop = Self {
            portal: Vec::new(),
            _filter: filter,
            sway: Some(sway),
            monitors,
            _bus: bus,
            environment,
            folder,
        };
        desktop.answers(true)?;
        desktop.start_portal().await?;
        Ok(desktop)
    }

    /// Its first monitor.
    fn monitor(&self) -> &'static str {
        match self.monitors {
            Some(_) => "WL-1",
            None => "HEADLESS-1",
        }
    }

    /// Pulls the plug of its first monitor, or of its second. What is left of them grows into the room.
    ///
    /// # Errors
    /// It has none.
    pub async fn unplug(&self, monitor: u32) -> Result<()> {
        let monitors = self.monitors.as_ref().context("no plug")?;
        monitors
            .tell(&format!("[title=\"WL-{monitor}\"] kill"))
            .await
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
        let answer = if yes { self.monitor() } else { "" };
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

    /// Tells Sway to do something about its first monitor.
    ///
    /// # Errors
    /// It refuses.
    pub async fn output(&self, words: &str) -> Result<()> {
        let sway = self.sway.as_ref().context("the desktop has ended")?;
        sway.tell(&format!("output {} {words}", self.monitor()))
            .await
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
