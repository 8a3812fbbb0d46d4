//! `ahoy-relay` as a program.

use anyhow::Result;
use tokio::process::Command;

use crate::{SOON, process::Process, programs};

/// A running relay on a free port of loopback.
pub struct Relay {
    process: Process,
    url: String,
    _home: tempfile::TempDir,
}

impl Relay {
    /// Starts a relay without TLS.
    ///
    /// # Errors
    /// It does not listen soon.
    pub async fn start() -> Result<Self> {
        Self::start_with(&[]).await
    }

    /// Starts a relay with further flags.
    ///
    /// # Errors
    /// It does not listen soon.
    pub async fn start_with(flags: &[&str]) -> Result<Self> {
        // A self-signed certificate and its key are kept below the home folder.
        let home = tempfile::tempdir()?;
        let mut command = Command::new(programs::built("ahoy-relay")?);
        command
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
            .env("HOME", home.path())
            .env("XDG_DATA_HOME", home.path())
            .env("XDG_CONFIG_HOME", home.path());
        let process = Process::start("ahoy-relay", command)?;
        let url = process
            .line("`listening` line", SOON, |line| {
                line.strip_prefix("listening ").map(str::to_owned)
            })
            .await?;
        Ok(Self {
            process,
            url,
            _home: home,
        })
    }

    /// `http://127.0.0.1:PORT` or `https://…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Tells the relay to stop and waits for its end; gives the exit code.
    ///
    /// # Errors
    /// It does not stop soon.
    pub async fn stop(mut self) -> Result<i32> {
        self.process.interrupt()?;
        self.process.exit(SOON).await
    }
}
