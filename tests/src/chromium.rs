//! Chromium, real and headless, through its driver.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    SOON,
    look::{self, Window},
    page,
    process::Process,
    webdriver::Page,
};

/// What Chromium has for a camera.
#[derive(Debug, Clone, Default)]
pub enum Camera {
    /// Chromium's own test picture, and a beep each second.
    #[default]
    Fake,
    /// This YUV4MPEG2 file, over and over; the beep for sound.
    File(PathBuf),
    /// A canvas that is stamped with the time, and a tone.
    Stamped {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// Pictures a second.
        fps: u32,
    },
    /// A canvas with a boat at sea, 1280x720, and a tone: for pictures that people look at.
    Scene,
    /// Neither camera nor microphone.
    Absent,
    /// Both are there, and the person says no.
    Denied,
    /// Both are there, and the person has not said anything yet.
    Unanswered,
    /// Chromium's own microphone; another program has the camera.
    Busy,
}

/// A running Chromium with one page.
pub struct Chromium {
    page: Page,
    // After the page: the driver must live while the session is closed.
    driver: Process,
    _profile: tempfile::TempDir,
}

impl Chromium {
    /// Starts one with an empty profile.
    ///
    /// # Errors
    /// Chromium or its driver does not start.
    pub async fn start(camera: Camera) -> Result<Self> {
        Self::start_with(camera, None).await
    }

    /// Starts one with a window in a corner of a display. Pages that want to show a screen show that one.
    ///
    /// # Errors
    /// Chromium or its driver does not start.
    pub async fn on_display(display: &str) -> Result<Self> {
        Self::start_with(Camera::Absent, Some(display)).await
    }

    async fn start_with(camera: Camera, display: Option<&str>) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut command = Command::new("chromedriver");
        command.arg("--port=0");
        if let Some(display) = display {
            command.env("DISPLAY", display);
        }
        let driver = Process::start("chromedriver", command)?;
        let port = driver
            .line("port", SOON, |line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                port.trim_end_matches('.').parse().ok()
            })
            .await?;
        let mut flags = flags(&camera, profile.path());
        if display.is_some() {
            // The prompt that is taken as answered chooses a screen that is not there, so the true one is answered.
            let unfit = ["--headless", "--window-", "--use-fake-ui"];
            flags.retain(|flag| !unfit.iter().any(|unfit| flag.starts_with(unfit)));
            flags.extend(ON_DISPLAY.map(str::to_owned));
        }
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "args": flags },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let page = Page::open(port, capabilities).await?;
        let chromium = Self {
            page,
            driver,
            _profile: profile,
        };
        let stamped = |options: Value| format!("{}({options})", page::STAMPED_CAMERA.trim_end());
        let source = match camera {
            Camera::Stamped { width, height, fps } => {
                stamped(json!({ "width": width, "height": height, "fps": fps }))
            }
            Camera::Scene => {
                stamped(json!({ "width": 1280, "height": 720, "fps": 30, "scene": true }))
            }
            Camera::Unanswered => page::UNANSWERED.to_owned(),
            Camera::Busy => page::BUSY_CAMERA.to_owned(),
            _ => return Ok(chromium),
        };
        let command = "Page.addScriptToEvaluateOnNewDocument";
        chromium
            .devtools(command, json!({ "source": source }))
            .await?;
        Ok(chromium)
    }

    /// The page.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// The driver, below which Chromium runs.
    pub fn driver(&self) -> &Process {
        &self.driver
    }

    /// Goes to a link and through the lobby into the call, under this name.
    ///
    /// # Errors
    /// The lobby does not come up.
    pub async fn join(&self, link: &str, name: &str) -> Result<()> {
        self.page.goto(link).await?;
        self.page.write("name", name).await?;
        self.page.press("join").await
    }

    /// Looks at the page in the state that it is in; see [`look`].
    ///
    /// # Errors
    /// Something about it is not as it has to be.
    pub async fn picture(&self, name: &str) -> Result<()> {
        self.explain(look::look(self, name).await).await
    }

    /// A command of the Chrome DevTools protocol.
    ///
    /// # Errors
    /// Chromium refuses it.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Result<Value> {
        let command = DevTools {
            command: command.to_owned(),
            parameters,
        };
        Ok(self.page.client()?.issue_cmd(command).await?)
    }

    /// The page's console so far, for an error's text.
    pub async fn console(&self) -> String {
        let client = match self.page.client() {
            Ok(client) => client,
            Err(error) => return error.to_string(),
        };
        match client.issue_cmd(Console).await {
            Ok(Value::Array(lines)) => lines
                .iter()
                .filter_map(|line| line["message"].as_str())
                .collect::<Vec<_>>()
                .join("\n"),
            other => format!("{other:?}"),
        }
    }

    /// Adds what the page shows and its console to an error.
    ///
    /// # Errors
    /// The one that was given.
    pub async fn explain<T>(&self, outcome: Result<T>) -> Result<T> {
        match outcome {
            Ok(value) => Ok(value),
            Err(error) => {
                let console = self.console().await;
                Err(error).with_context(|| format!("the page's console:\n{console}"))
            }
        }
    }
}

impl Window for Chromium {
    fn page(&self) -> &Page {
        &self.page
    }

    async fn resize(&self, size: Option<(u32, u32)>) -> Result<()> {
        match size {
            Some((width, height)) => {
                let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
                self.devtools("Emulation.setDeviceMetricsOverride", metrics)
                    .await?;
                look::sized(&self.page, (width, height)).await?;
            }
            None => {
                self.devtools("Emulation.clearDeviceMetricsOverride", json!({}))
                    .await?;
            }
        }
        Ok(())
    }

    async fn photograph(&self, _: (u32, u32), file: &Path) -> Result<()> {
        let picture = self.page.client()?.screenshot().await?;
        Ok(std::fs::write(file, picture)?)
    }
}

/// What a window on a display takes instead of being headless.
const ON_DISPLAY: [&str; 5] = [
    "--window-size=400,200",
    "--window-position=1500,860",
    "--auto-select-desktop-capture-source=Entire screen",
    // Nobody clicks.
    "--disable-blink-features=GetDisplayMediaRequiresUserActivation",
    "--disable-features=CalculateNativeWinOcclusion",
];

fn flags(camera: &Camera, profile: &Path) -> Vec<String> {
    let mut flags: Vec<String> = [
        "--headless=new",
        // The tests may run as root, in a container.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-background-timer-throttling",
        "--disable-renderer-backgrounding",
        "--no-first-run",
        "--autoplay-policy=no-user-gesture-required",
        // The app's own relay has a self-signed certificate, which its host's guests have to accept by hand.
        "--ignore-certificate-errors",
        "--window-size=1000,800",
        // A name that is no loopback address to a browser.
        "--host-resolver-rules=MAP plain.test 127.0.0.1",
    ]
    .map(str::to_owned)
    .into();
    flags.push(format!("--user-data-dir={}", profile.display()));
    match camera {
        // The prompt, which nobody would answer, is taken as answered: what is missing is the devices.
        Camera::Absent => flags.push("--use-fake-ui-for-media-stream".into()),
        Camera::Denied => {
            flags.push("--use-fake-device-for-media-stream".into());
            flags.push("--deny-permission-prompts".into());
        }
        Camera::Unanswered
        | Camera::Busy
        | Camera::Fake
        | Camera::Stamped { .. }
        | Camera::Scene
        | Camera::File(_) => {
            flags.push("--use-fake-device-for-media-stream".into());
            flags.push("--use-fake-ui-for-media-stream".into());
        }
    }
    if let Camera::File(file) = camera {
        flags.push(format!(
            "--use-file-for-fake-video-capture={}",
            file.display()
        ));
    }
    flags
}

/// <https://chromedevtools.github.io/devtools-protocol/> by way of the driver.
#[derive(Debug)]
struct DevTools {
    command: String,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _url: &url::Url) -> (http::Method, Option<String>) {
        let body = json!({ "cmd": self.command, "params": self.parameters });
        (http::Method::POST, Some(body.to_string()))
    }
}

/// What the page wrote to its console since it was last asked.
#[derive(Debug)]
struct Console;

impl WebDriverCompatibleCommand for Console {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _url: &url::Url) -> (http::Method, Option<String>) {
        (
            http::Method::POST,
            Some(json!({ "type": "browser" }).to_string()),
        )
    }
}
