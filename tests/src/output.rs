//! What a program prints: kept for whoever waits for a line, left in `target/logs`, and searched for what must not be
//! there (`leak`).

use std::{
    fs,
    io::{BufRead as _, BufReader, PipeReader, pipe},
    process::Stdio,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{process::Command, sync::watch};

use crate::{leak, programs};

/// How many lines are kept; a program that says more is noisy by mistake, and only its later lines are lost.
const KEPT: usize = 200_000;
/// How long the streams of a program that has ended stay open at most: something that it started may hold them.
const CLOSES_WITHIN: Duration = Duration::from_secs(3);
/// Between two looks whether they are closed.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// Programs whose every line on stderr is the project's own. Of others those in the form of its log are.
const OWN: &str = "ahoy";

/// A line, and which stream it was on.
pub(crate) struct Line {
    pub(crate) stdout: bool,
    pub(crate) text: String,
}

/// What a program has printed so far.
pub(crate) struct Output {
    name: String,
    lines: Arc<Mutex<Vec<Line>>>,
    /// The number of lines; closed once both streams are.
    pub(crate) changes: watch::Receiver<usize>,
    readers: Vec<JoinHandle<()>>,
    /// What the scenario that runs the program is called.
    scenario: String,
}

impl Output {
    /// Makes a program print into this. The command has to be dropped once the program was started, or its streams stay
    /// open.
    ///
    /// # Errors
    /// The system has no more pipes or threads.
    pub(crate) fn of(name: &str, command: &mut Command) -> Result<Self> {
        let (changed, changes) = watch::channel(0);
        let (changed, lines) = (Arc::new(changed), Arc::new(Mutex::new(Vec::new())));
        let (stdout, to_stdout) = pipe()?;
        let (stderr, to_stderr) = pipe()?;
        command
            .stdout(Stdio::from(to_stdout))
            .stderr(Stdio::from(to_stderr));
        let mut readers = Vec::new();
        for (stream, is_stdout) in [(stdout, true), (stderr, false)] {
            let (lines, changed) = (lines.clone(), changed.clone());
            let reader = thread::Builder::new()
                .name("output".to_owned())
                .spawn(move || read(stream, is_stdout, &lines, &changed));
            readers.push(reader.context("no thread to read what a program prints")?);
        }
        let scenario = thread::current()
            .name()
            .unwrap_or("tests")
            .replace("::", "-");
        Ok(Self {
            name: name.to_owned(),
            lines,
            changes,
            readers,
            scenario,
        })
    }

    pub(crate) fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all that the program printed is here; it has ended.
    pub(crate) fn wait_for_end(&self) {
        let mut left = CLOSES_WITHIN;
        while !self.readers.iter().all(JoinHandle::is_finished) && !left.is_zero() {
            thread::sleep(LOOK_AGAIN);
            left = left.saturating_sub(LOOK_AGAIN);
        }
    }

    /// Leaves what was printed on stderr in `target/logs`. The error names the lines of the project's programs that hold
    /// what must not be in a log.
    pub(crate) fn check(&self) -> Result<(), String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let lines = self.lines();
        let logged: String = lines
            .iter()
            .filter(|line| !line.stdout)
            .map(|line| format!("{}\n", line.text))
            .collect();
        if !logged.is_empty() {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let file = format!("{}-{number}.log", self.name.replace([' ', '/', ','], "-"));
            // They are for people to look at; no test reads them.
            if let Ok(folder) = programs::output(&format!("logs/{}", self.scenario)) {
                let _ = fs::write(folder.join(file), logged);
            }
        }
        let own = self.name.starts_with(OWN);
        let found: String = lines
            .iter()
            .filter(|line| own && !line.stdout || leak::is_log_line(&line.text))
            .filter_map(|line| Some(format!("\n    {}: {}", leak::leak(&line.text)?, line.text)))
            .collect();
        if found.is_empty() {
            Ok(())
        } else {
            Err(format!("{}: its log holds{found}", self.name))
        }
    }
}

fn read(
    stream: PipeReader,
    stdout: bool,
    lines: &Mutex<Vec<Line>>,
    changed: &watch::Sender<usize>,
) {
    let mut reader = BufReader::new(stream);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).is_ok_and(|n| n > 0) {
        let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        bytes.clear();
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < KEPT {
            lines.push(Line { stdout, text });
        }
        changed.send_replace(lines.len());
    }
}
