//! A program that runs beside a scenario: its lines can be waited for, and it ends with its owner.

use std::{
    process::Stdio,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
    time::timeout,
};

use crate::{leak, output::Output};

/// How many of its last lines an error shows.
const SHOWN: usize = 40;
/// The variables that make a program of the project log more than it does by itself.
const LOG_VARIABLES: [&str; 2] = ["AHOY_LOG", "RUST_LOG"];

/// A running program. Dropping it ends it and whatever it has started.
///
/// A program of the project that has written into its log what must not be there (`leak`) fails the scenario then, unless
/// it was told to log more than it does by itself.
pub struct Process {
    name: String,
    child: Child,
    pid: Pid,
    output: Output,
    checked: bool,
}

/// The process groups that are to be ended when the test itself is told to end.
static GROUPS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Process {
    /// Starts a program in a process group of its own. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(name: &str, mut command: Command) -> Result<Self> {
        let output = Output::of(name, &mut command)?;
        let spawned = command
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let standard = command.as_std();
        let talkative = standard.get_envs().any(|(name, value)| {
            let name = name.to_str().unwrap_or_default();
            value.is_some() && LOG_VARIABLES.contains(&name)
        });
        for argument in standard.get_args() {
            leak::remember(&argument.to_string_lossy());
        }
        // It holds the ends of the pipes that the program writes to.
        drop(command);
        let child = spawned.with_context(|| format!("{name} could not be started"))?;
        let pid = child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .context("a program without a process id")?;
        lock(&GROUPS).push(pid);
        end_with_the_test();
        Ok(Self {
            name: name.to_owned(),
            child,
            pid,
            output,
            checked: !talkative,
        })
    }

    /// Waits for a line on stdout, early ones included, of which `read` makes something.
    ///
    /// # Errors
    /// The time is over, or the program closed its output before; the error shows its last lines.
    pub async fn line<T>(
        &self,
        what: &str,
        within: Duration,
        mut read: impl FnMut(&str) -> Option<T>,
    ) -> Result<T> {
        self.line_after(0, what, within, |line| read(line)).await
    }

    /// As [`line`](Self::line), but of the lines after a [`mark`](Self::mark) only.
    ///
    /// # Errors
    /// As there.
    pub async fn line_after<T>(
        &self,
        mark: usize,
        what: &str,
        within: Duration,
        read: impl FnMut(&str) -> Option<T>,
    ) -> Result<T> {
        self.find(mark, true, what, within, read).await
    }

    /// As [`line`](Self::line), but of what it printed on stderr.
    ///
    /// # Errors
    /// As there.
    pub async fn logged<T>(
        &self,
        what: &str,
        within: Duration,
        read: impl FnMut(&str) -> Option<T>,
    ) -> Result<T> {
        self.find(0, false, what, within, read).await
    }

    async fn find<T>(
        &self,
        mark: usize,
        stdout: bool,
        what: &str,
        within: Duration,
        mut read: impl FnMut(&str) -> Option<T>,
    ) -> Result<T> {
        let mut changes = self.output.changes.clone();
        let mut seen = mark;
        let found = timeout(within, async {
            loop {
                // Looked at before the lines: once both streams are closed no line can follow.
                let closed = changes.has_changed().is_err();
                changes.mark_unchanged();
                {
                    let lines = self.output.lines();
                    let found = lines[seen..]
                        .iter()
                        .filter(|line| line.stdout == stdout)
                        .find_map(|line| read(&line.text));
                    if found.is_some() || closed {
                        return found;
                    }
                    seen = lines.len();
                }
                // An error means closed, which the next round sees.
                let _ = changes.changed().await;
            }
        })
        .await;
        match found {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(self.fault(&format!("ended before {what}"))),
            Err(_) => Err(self.fault(&format!("no {what} within {} s", within.as_secs()))),
        }
    }

    /// What it was started as.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of lines so far.
    pub fn mark(&self) -> usize {
        self.output.lines().len()
    }

    /// All lines of stdout so far.
    pub fn stdout(&self) -> Vec<String> {
        self.printed(true)
    }

    /// All lines of stderr so far.
    pub fn stderr(&self) -> Vec<String> {
        self.printed(false)
    }

    fn printed(&self, stdout: bool) -> Vec<String> {
        let lines = self.output.lines();
        lines
            .iter()
            .filter(|line| line.stdout == stdout)
            .map(|line| line.text.clone())
            .collect()
    }

    /// An error about this program, with the last lines that it printed.
    pub fn fault(&self, what: &str) -> anyhow::Error {
        let lines = self.output.lines();
        let last: String = lines[lines.len().saturating_sub(SHOWN)..]
            .iter()
            .map(|line| format!("\n    {}", line.text))
            .collect();
        anyhow!("{}: {what}; it printed:{last}", self.name)
    }

    /// Waits for the program's end and gives its exit code.
    ///
    /// # Errors
    /// The time is over, or a signal ended it.
    pub async fn exit(&mut self, within: Duration) -> Result<i32> {
        match timeout(within, self.child.wait()).await {
            Ok(status) => match status?.code() {
                Some(code) => Ok(code),
                None => bail!(self.fault("was ended by a signal")),
            },
            Err(_) => bail!(self.fault(&format!("no end within {} s", within.as_secs()))),
        }
    }

    /// Tells the program to end (SIGINT), as Ctrl-C does.
    ///
    /// # Errors
    /// It has ended already.
    pub fn interrupt(&self) -> Result<()> {
        self.signal(Signal::INT)
    }

    /// Ends the program without a word (SIGKILL).
    ///
    /// # Errors
    /// It has ended already.
    pub fn kill(&self) -> Result<()> {
        self.signal(Signal::KILL)
    }

    /// Stops the program where it is, as a computer that falls asleep does.
    ///
    /// # Errors
    /// It has ended already.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a program that was stopped go on.
    ///
    /// # Errors
    /// It has ended already.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        // A process that was waited for has given its number back.
        let _running = self.child.id().context("it has ended already")?;
        Ok(kill_process(self.pid, signal)?)
    }

    /// Whether the program still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        lock(&GROUPS).retain(|group| *group != self.pid);
        // The group may be empty by now.
        let _ = kill_process_group(self.pid, Signal::KILL);
        self.output.wait_for_end();
        let found = self.output.check().err().unwrap_or_default();
        let counts = self.checked && !std::thread::panicking();
        assert!(found.is_empty() || !counts, "{found}");
    }
}

/// A test that is told to end (its runner's deadline, Ctrl-C) takes what it started with it.
fn end_with_the_test() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return;
    };
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        for group in lock(&GROUPS).iter() {
            let _ = kill_process_group(*group, Signal::KILL);
        }
        std::process::exit(1);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::start("sh", command).unwrap()
    }

    #[tokio::test]
    async fn a_line_is_found_before_and_after_it_was_asked_for() {
        let process = shell("echo one; echo two; sleep 60");
        for wanted in ["two", "one"] {
            let found = process
                .line(wanted, Duration::from_secs(20), |line| {
                    (line == wanted).then_some(())
                })
                .await;
            assert!(found.is_ok());
        }
    }

    #[tokio::test]
    async fn a_leak_in_the_log_of_a_program_of_ours_fails_its_owner() {
        let line = "2026-11-29T00:11:22.1Z ERROR rtc: from 192.0.2.1";
        for (name, stream, fails) in [
            ("ahoy-call", "echo from 192.0.2.1 >&2", true),
            ("ahoy-call", "echo from 192.0.2.1", false),
            (
                "ahoy-call",
                "sleep 0.1; echo from 192.0.2.1 >&2; sleep 60",
                true,
            ),
            ("WebKitWebDriver", "echo from 192.0.2.1 >&2", false),
            ("WebKitWebDriver", &format!("echo '{line}' >&2"), true),
            ("ahoy-call", "AHOY_LOG=debug", false),
        ] {
            let mut command = Command::new("sh");
            if stream.starts_with("AHOY_LOG") {
                command.env("AHOY_LOG", "debug");
                command.args(["-c", "echo from 192.0.2.1 >&2"]);
            } else {
                command.args(["-c", stream]);
            }
            let process = Process::start(name, command).unwrap();
            if stream.contains("sleep") {
                let said = |_: &str| Some(());
                process
                    .logged("line", Duration::from_secs(20), said)
                    .await
                    .unwrap();
            }
            let mut process = process;
            if !stream.contains("sleep 60") {
                process.exit(Duration::from_secs(20)).await.unwrap();
            }
            let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(process)));
            assert_eq!(dropped.is_err(), fails, "{name}: {stream}");
        }
    }

    #[tokio::test]
    async fn an_end_is_told_apart_from_a_wait() {
        let mut process = shell("echo bye >&2; exit 3");
        let error = process
            .line("word", Duration::from_secs(20), |_| Some(()))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("ended before word"), "{error}");
        assert!(error.to_string().contains("bye"), "{error}");
        assert_eq!(process.exit(Duration::from_secs(20)).await.unwrap(), 3);
    }
}
