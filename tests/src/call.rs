//! `ahoy-call --json` as a program.

use std::{ffi::OsStr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::{SOON, leak, network::Computer, process::Process, programs};

/// What a call uses that was not told otherwise: no device of this machine.
const QUIET: [(&str, &str); 3] = [
    ("--video", "test:640x360@30"),
    ("--audio", "test"),
    ("--speaker", "none"),
];

/// A running `ahoy-call`.
pub struct AhoyCall {
    process: Process,
}

impl AhoyCall {
    /// Starts one with these flags; where they do not say otherwise, with the `test` picture and sound and no speaker.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(url: &str, flags: &[&str]) -> Result<Self> {
        Self::start_with(url, flags, [] as [(&str, &str); 0])
    }

    /// As [`start`](Self::start), with further environment variables.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_with<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        url: &str,
        flags: &[&str],
        environment: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self> {
        let command = Command::new(programs::built("ahoy-call")?);
        Self::run(command, url, flags, environment)
    }

    /// As [`start`](Self::start), on a computer of its own.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_on(computer: &Computer, url: &str, flags: &[&str]) -> Result<Self> {
        let command = computer.command(&programs::built("ahoy-call")?);
        Self::run(command, url, flags, [] as [(&str, &str); 0])
    }

    fn run<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        mut command: Command,
        url: &str,
        flags: &[&str],
        environment: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self> {
        command.arg(url).arg("--json");
        for (flag, value) in QUIET {
            if !flags.contains(&flag) {
                command.args([flag, value]);
            }
        }
        command.args(flags);
        command.env_remove("WAYLAND_DISPLAY").envs(environment);
        Ok(Self {
            process: Process::start("ahoy-call", command)?,
        })
    }

    /// Waits for an event of this name, early ones included.
    ///
    /// # Errors
    /// It does not come soon.
    pub async fn event(&self, name: &str) -> Result<Value> {
        self.event_where(name, SOON, |event| event["event"] == name)
            .await
    }

    /// Waits for an event that `wanted` accepts, early ones included.
    ///
    /// # Errors
    /// None comes in time.
    pub async fn event_where(
        &self,
        what: &str,
        within: Duration,
        wanted: impl FnMut(&Value) -> bool,
    ) -> Result<Value> {
        self.event_after(0, what, within, wanted).await
    }

    /// Waits for an event after a [`mark`](Self::mark) that `wanted` accepts.
    ///
    /// # Errors
    /// None comes in time.
    pub async fn event_after(
        &self,
        mark: usize,
        what: &str,
        within: Duration,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Result<Value> {
        self.process
            .line_after(mark, &format!("event `{what}`"), within, |line| {
                serde_json::from_str(line)
                    .ok()
                    .filter(|event| wanted(event))
            })
            .await
    }

    /// What happened until now, for [`event_after`](Self::event_after).
    pub fn mark(&self) -> usize {
        self.process.mark()
    }

    /// The link of the room that it has opened.
    ///
    /// # Errors
    /// It opens none soon.
    pub async fn link(&self) -> Result<String> {
        let event = self.event("link").await?;
        let link = event["url"].as_str().context("a link without url")?;
        leak::remember(link);
        Ok(link.to_owned())
    }

    /// Waits for a `stats` event from now on whose first peer `wanted` accepts; gives that peer.
    ///
    /// # Errors
    /// None comes soon.
    pub async fn peer_stats(
        &self,
        what: &str,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Result<Value> {
        let event = self
            .event_after(self.mark(), what, SOON, |event| {
                event["event"] == "stats" && event["peers"].get(0).is_some_and(&mut wanted)
            })
            .await?;
        Ok(event["peers"][0].clone())
    }

    /// The codes of the `error` events so far.
    pub fn errors(&self) -> Vec<String> {
        self.events()
            .filter(|event| event["event"] == "error")
            .filter_map(|event| event["code"].as_str().map(str::to_owned))
            .collect()
    }

    /// Whether an event of this name has come.
    pub fn has(&self, name: &str) -> bool {
        self.events().any(|event| event["event"] == name)
    }

    /// All events so far.
    pub fn events(&self) -> impl Iterator<Item = Value> {
        self.process
            .stdout()
            .into_iter()
            .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
    }

    /// The last event of this name so far.
    pub fn last_event(&self, name: &str) -> Option<Value> {
        let lines = self.process.stdout();
        let events = lines.iter().rev();
        events
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|event| event["event"] == name)
    }

    /// The program.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Hangs up as Ctrl-C does, and waits for the end.
    ///
    /// # Errors
    /// It does not end soon, or not with 0.
    pub async fn hang_up(&mut self) -> Result<()> {
        self.process.interrupt()?;
        let code = self.exit().await?;
        ensure!(code == 0, self.process.fault(&format!("ended with {code}")));
        Ok(())
    }

    /// Waits for its end and gives the exit code.
    ///
    /// # Errors
    /// It does not end soon.
    pub async fn exit(&mut self) -> Result<i32> {
        self.process.exit(SOON).await
    }
}
