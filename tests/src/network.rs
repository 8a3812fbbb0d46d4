//! Computers of their own, with a network between them that can be changed: network namespaces.

use std::{
    path::Path,
    process::Command as Blocking,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::programs;

/// Where the one that stays is reached, whichever way leads there.
pub const HOME: &str = "10.77.9.1";

/// One computer.
#[derive(Debug)]
pub struct Computer {
    name: String,
}

/// One computer that stays where it is, and one that moves between two networks, `one` and `two`, both of which lead to the
/// first. It begins in `one`. All of it is gone when this is dropped.
#[derive(Debug)]
pub struct Travel {
    /// The one that stays.
    pub home: Computer,
    /// The one that moves.
    pub away: Computer,
}

/// Takes away what tests left that were killed.
fn clear() -> Result<()> {
    let Ok(all) = std::fs::read_dir("/run/netns") else {
        return Ok(());
    };
    for entry in all {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let owner = name
            .strip_prefix("ahoy-")
            .and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Another test may be at it as well.
            let _ = ip(&format!("netns del {name}"));
        }
    }
    Ok(())
}

/// Runs the system's `ip` with these words.
fn ip(words: &str) -> Result<()> {
    let program = programs::installed("ip").context("no `ip`")?;
    let done = Blocking::new(program)
        .args(words.split_whitespace())
        .output()?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "ip {words}: {said}");
    Ok(())
}

impl Computer {
    fn new(what: &str) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("ahoy-{}-{number}-{what}", std::process::id());
        ip(&format!("netns add {name}"))?;
        let computer = Self { name };
        computer.ip("link set lo up")?;
        Ok(computer)
    }

    fn ip(&self, words: &str) -> Result<()> {
        ip(&format!("-n {} {words}", self.name))
    }

    /// A program that will run on it.
    pub fn command(&self, program: &Path) -> Command {
        let ip = programs::installed("ip").unwrap_or_else(|| "ip".into());
        let mut command = Command::new(ip);
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }
}

impl Drop for Computer {
    fn drop(&mut self) {
        // Its links go with it.
        let _ = ip(&format!("netns del {}", self.name));
    }
}

impl Travel {
    /// Makes both.
    ///
    /// # Errors
    /// This is not allowed, or the system cannot.
    pub fn new() -> Result<Self> {
        clear()?;
        let travel = Self {
            home: Computer::new("home")?,
            away: Computer::new("away")?,
        };
        let (home, away) = (&travel.home, &travel.away);
        home.ip(&format!("addr add {HOME}/32 dev lo"))?;
        for (n, network) in ["one", "two"].into_iter().enumerate() {
            home.ip(&format!(
                "link add {network} type veth peer name {network} netns {}",
                away.name
            ))?;
            home.ip(&format!("addr add 10.77.{n}.1/24 dev {network}"))?;
            home.ip(&format!("link set {network} up"))?;
        }
        travel.arrive(0, "one")?;
        Ok(travel)
    }

    fn arrive(&self, number: usize, network: &str) -> Result<()> {
        self.away
            .ip(&format!("addr add 10.77.{number}.2/24 dev {network}"))?;
        self.away.ip(&format!("link set {network} up"))?;
        self.away
            .ip(&format!("route add default via 10.77.{number}.1"))
    }

    /// What comes to the one that moves, over the first network, comes through a bottleneck from now on: so many kbit/s, and a
    /// queue of a fifth of a second, beyond which packets are lost.
    ///
    /// # Errors
    /// The system cannot.
    pub fn narrow(&self, kbit: u32) -> Result<()> {
        let tc = programs::installed("tc").context("no `tc`")?;
        let words =
            format!("qdisc replace dev one root tbf rate {kbit}kbit burst 5kb latency 200ms");
        let done = Blocking::new(tc)
            .args(["-n", &self.home.name])
            .args(words.split_whitespace())
            .output()?;
        let said = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "tc {words}: {said}");
        Ok(())
    }

    /// Leaves the first network, with its addresses, for the second.
    ///
    /// # Errors
    /// The system cannot.
    pub fn roam(&self) -> Result<()> {
        self.away.ip("addr flush dev one")?;
        self.away.ip("link set one down")?;
        self.arrive(1, "two")
    }
}
