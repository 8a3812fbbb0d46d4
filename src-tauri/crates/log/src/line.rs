//! Events into lines.

use std::{fmt::Write as _, time::Instant};

use tracing::{Event, Level, Metadata};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::fmt::{
    format::Writer,
    time::{FormatTime as _, SystemTime},
};

use crate::{
    redact,
    repeat::{Repeats, WINDOW},
    text::Words,
};

/// The most bytes of a message and of a field.
const SHORT: (usize, usize) = (400, 200);
/// The same at `debug` and `trace`.
const LONG: (usize, usize) = (4096, 1024);

/// A place in the code that says something: level, module and line.
type Place = (u8, String, u32);

/// Makes lines of events, and remembers which places say much.
#[derive(Debug)]
pub(crate) struct Lines {
    ansi: bool,
    repeats: Repeats<Place>,
}

impl Lines {
    pub(crate) fn new(ansi: bool) -> Self {
        Self {
            ansi,
            repeats: Repeats::new(),
        }
    }

    /// The lines that an event gives, each with its end: none where its place has said too much, and before its own those
    /// that tell of others that had.
    pub(crate) fn event(&mut self, now: Instant, event: &Event<'_>) -> String {
        // The metadata of a record of the `log` crate is the same for all; this is the record's own.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        let mut out = String::new();
        for (place, count) in self.repeats.due(now) {
            self.repeated(&mut out, &place, count);
        }
        let level = *metadata.level();
        let open = level > Level::INFO;
        if !open && !self.repeats.admits(now, place(metadata)) {
            return out;
        }
        let mut words = if open {
            Words::new(LONG, redact::one_line)
        } else {
            Words::new(SHORT, redact::redact)
        };
        event.record(&mut words);
        self.line(&mut out, level, metadata.target(), &words.into_line());
        out
    }

    /// The lines that tell of all that was left out and not told of yet.
    pub(crate) fn rest(&mut self) -> String {
        let mut out = String::new();
        for (place, count) in self.repeats.rest() {
            self.repeated(&mut out, &place, count);
        }
        out
    }

    fn repeated(&self, out: &mut String, (level, target, line): &Place, count: u32) {
        let level = LEVELS[usize::from(*level).min(LEVELS.len() - 1)];
        let within = WINDOW.as_secs();
        let words = format!("repeated {count} times within {within} s (line {line})");
        self.line(out, level, target, &words);
    }

    fn line(&self, out: &mut String, level: Level, target: &str, words: &str) {
        // Writing to a string cannot fail, and a clock that does leaves its place empty.
        let _ = SystemTime.format_time(&mut Writer::new(out));
        let (on, off) = match (self.ansi, level) {
            (false, _) => ("", ""),
            (true, Level::ERROR) => ("\u{1b}[31m", "\u{1b}[0m"),
            (true, Level::WARN) => ("\u{1b}[33m", "\u{1b}[0m"),
            (true, _) => ("\u{1b}[32m", "\u{1b}[0m"),
        };
        let _ = writeln!(out, " {on}{level:>5}{off} {target}: {words}");
    }
}

/// The levels that are counted, the gravest first.
const LEVELS: [Level; 3] = [Level::ERROR, Level::WARN, Level::INFO];

fn place(metadata: &Metadata<'_>) -> Place {
    let level = LEVELS.iter().position(|level| level == metadata.level());
    let level = level.unwrap_or(LEVELS.len()) as u8;
    let line = metadata.line().unwrap_or_default();
    (level, metadata.target().to_owned(), line)
}

#[cfg(test)]
mod tests;
