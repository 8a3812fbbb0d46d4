//! A run of several steps: progress while it goes, and the sum at its end.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use anyhow::Result;

/// What a step counts for in the last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Tally {
    /// Nothing was there to do.
    pub(crate) const NONE: Self = Self {
        passed: 0,
        failed: 0,
        skipped: 0,
    };

    /// A step that is one check.
    pub(crate) const ONE: Self = Self {
        passed: 1,
        failed: 0,
        skipped: 0,
    };

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// The clock and the books of a run.
pub(crate) struct Steps {
    start: Instant,
    tally: Tally,
    failures: Vec<String>,
    bold: bool,
}

#[expect(clippy::disallowed_methods, reason = "progress shows real time")]
fn now() -> Instant {
    Instant::now()
}

impl Steps {
    pub(crate) fn start() -> Self {
        Self {
            start: now(),
            tally: Tally::NONE,
            failures: Vec::new(),
            bold: std::io::stdout().is_terminal(),
        }
    }

    fn say(&self, text: &str) {
        let clock = minutes(now() - self.start);
        if self.bold {
            println!("\x1b[1m[{clock}] {text}\x1b[0m");
        } else {
            println!("[{clock}] {text}");
        }
    }

    /// Does one step; says when it starts, how it ended and how long it took. A step that fails is remembered and
    /// the run goes on; returns whether it went well.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<Tally>) -> bool {
        let start = now();
        self.say(&format!("{name} …"));
        let outcome = work();
        let took = minutes(now() - start);
        match outcome {
            Ok(tally) => {
                self.tally.add(tally);
                if tally.failed > 0 {
                    self.say(&format!("{name}: FAILED: {tally} ({took})"));
                    self.failures.push(name.to_owned());
                } else if tally == Tally::ONE {
                    self.say(&format!("{name}: ok ({took})"));
                } else {
                    self.say(&format!("{name}: {tally} ({took})"));
                }
                tally.failed == 0
            }
            Err(error) => {
                self.tally.failed += 1;
                self.say(&format!("{name}: FAILED: {error:#} ({took})"));
                self.failures.push(name.to_owned());
                false
            }
        }
    }

    /// The sum, with what failed; the last line that a run prints.
    pub(crate) fn end(self) -> Result<()> {
        let took = minutes(now() - self.start);
        println!("{} in {took}", self.tally);
        anyhow::ensure!(self.failures.is_empty(), "{}", self.failures.join(", "));
        Ok(())
    }
}

fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
