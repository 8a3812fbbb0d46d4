//! `ahoy-relay` as a program.

use std::path::Path;

use anyhow::{Result, ensure};
use tokio::process::Command;

use crate::{SOON, network::Computer, process::Process, programs};

/// A running relay on a free port of loopback.
pub struct Relay {
    process: Process,
    url: String,
    flags: Vec<String>,
    home: tempfile::TempDir,
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
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let (process, url) = listen("127.0.0.1:0", &flags, home.path()).await?;
        Ok(Self {
            process,
            url,
            flags,
            home,
        })
    }

    /// Starts a relay with TLS on a computer of its own, at this address of it.
    ///
    /// # Errors
    /// It does not listen soon.
    pub async fn start_on(computer: &Computer, address: &str) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let flags = vec!["--tls".to_owned(), "self-signed".to_owned()];
        let command = computer.command(&programs::built("ahoy-relay")?);
        let (process, url) = run(command, &format!("{address}:0"), &flags, home.path()).await?;
        let pin = process
            .logged("pin", SOON, |line| {
                let (_, rest) = line.split_once("pin=\"")?;
                Some(rest.split_once('"')?.0.to_owned())
            })
            .await?;
        Ok(Self {
            process,
            url: format!("{url}#{pin}"),
            flags,
            home,
        })
    }

    /// Ends the relay with SIGKILL: it says nothing to anybody, and forgets all.
    ///
    /// # Errors
    /// It does not end.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        // Without an exit code, which is an error to anybody else.
        let _ = self.process.exit(SOON).await;
        ensure!(!self.process.is_running(), "the relay lives on");
        Ok(())
    }

    /// Starts a relay that was killed once more, at the same address.
    ///
    /// # Errors
    /// It does not listen soon.
    pub async fn start_again(&mut self) -> Result<()> {
        let address = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let (process, url) = listen(address, &self.flags, self.home.path()).await?;
        ensure!(url == self.url, "{url} instead of {}", self.url);
        self.process = process;
        Ok(())
    }

    /// Starts a relay that was killed once more, at the same address, with further flags.
    ///
    /// # Errors
    /// It does not listen soon.
    pub async fn start_again_with(&mut self, flags: &[&str]) -> Result<()> {
        self.flags.extend(flags.iter().map(|&flag| flag.to_owned()));
        self.start_again().await
    }

    /// `http://127.0.0.1:PORT` or `https://…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The program.
    pub fn process(&self) -> &Process {
        &self.process
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

async fn listen(address: &str, flags: &[String], home: &Path) -> Result<(Process, String)> {
    let command = Command::new(programs::built("ahoy-relay")?);
    run(command, address, flags, home).await
}

async fn run(
    mut command: Command,
    address: &str,
    flags: &[String],
    home: &Path,
) -> Result<(Process, String)> {
    command
        .args(["--listen", address])
        .args(flags)
        .env("NO_COLOR", "1")
        .env("HOME", home)
        .env("XDG_DATA_HOME", home)
        .env("XDG_CONFIG_HOME", home);
    let process = Process::start("ahoy-relay", command)?;
    let url = process
        .line("`listening` line", SOON, |line| {
            line.strip_prefix("listening ").map(str::to_owned)
        })
        .await?;
    Ok((process, url))
}
