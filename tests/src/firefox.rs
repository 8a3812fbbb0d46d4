//! Firefox, real and headless.

use anyhow::Result;
use serde_json::json;
use tokio::process::Command;

use crate::{SOON, bidi::Bidi, page, process::Process, sound::SoundServer, webdriver::Page};

/// What a person would click away or wait for, and what a machine without network would trip over.
const PREFERENCES: &str = r#"
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.page", 0);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("media.autoplay.default", 0);
user_pref("media.navigator.permission.disabled", true);
user_pref("media.navigator.streams.fake", true);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("remote.active-protocols", 1);
user_pref("services.settings.server", "data:,");
user_pref("toolkit.telemetry.enabled", false);
"#;

/// A running Firefox with one page.
pub struct Firefox {
    page: Page,
    _process: Process,
    _profile: tempfile::TempDir,
}

impl Firefox {
    /// Starts one with an empty profile that plays to this sound server. `stamped`: instead of Firefox's own test picture a canvas that is stamped
    /// with the time, 640x360 at 30 a second, and a tone.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(sound: &SoundServer, stamped: bool) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        std::fs::write(profile.path().join("user.js"), PREFERENCES)?;
        // It says its address where programs complain.
        let mut command = Command::new("sh");
        command
            .args(["-c", "exec firefox-esr \"$@\" 2>&1", "sh"])
            .args(["--headless", "--no-remote", "--remote-debugging-port=0"])
            .arg("--profile")
            .arg(profile.path())
            .env("HOME", profile.path())
            .env("MOZ_DISABLE_CONTENT_SANDBOX", "1")
            .envs(sound.environment());
        let process = Process::start("firefox-esr", command)?;
        let address = process
            .line("its address", SOON, |line| {
                let (_, address) = line.split_once("WebDriver BiDi listening on ")?;
                Some(address.trim().to_owned())
            })
            .await?;
        let bidi = Bidi::open(&address).await?;
        if stamped {
            let options = json!({ "width": 640, "height": 360, "fps": 30 });
            let camera = page::STAMPED_CAMERA.trim_end();
            bidi.before_each_page(&format!("() => {{ {camera}({options}) }}"))
                .await?;
        }
        Ok(Self {
            page: Page::of(bidi),
            _process: process,
            _profile: profile,
        })
    }

    /// The page.
    pub fn page(&self) -> &Page {
        &self.page
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
}
