//! Events into lines.

use std::{fmt::Write as _, time::Instant};

use parking_lot::Mutex;
use tracing::{Event, Level, Metadata};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::fmt::{
    format::Writer,
    time::{FormatTime as _, SystemTime},
};

use crate::{
    redact,
    repeat::{Admission, Repeats, WINDOW},
    text::{Words, bounded},
};

/// The most bytes of a message and of a field.
const SHORT: (usize, usize) = (400, 200);
/// The same at `debug` and `trace`.
const LONG: (usize, usize) = (4096, 1024);

/// A place in the code that says something: level, module and line.
pub(crate) type Place = (u8, String, u32);

/// How lines look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// They have colours.
    pub(crate) ansi: bool,
}

/// What an event leads to.
#[derive(Debug)]
pub(crate) struct Said {
    /// The lines, each with its end: none where its place has said too much, and before its own those that tell of others
    /// that had.
    pub(crate) text: String,
    /// Its place begins to be counted.
    pub(crate) is_first_left_out: bool,
}

/// Returns what an event leads to. Its values are formatted while nothing is locked, since that may log something.
pub(crate) fn said(lines: &Mutex<Lines>, now: Instant, event: &Event<'_>) -> Said {
    // The metadata of a record of the `log` crate is the same for all; this is the record's own.
    let normalized = event.normalized_metadata();
    let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
    let (style, mut said, admission) = {
        let mut lines = lines.lock();
        let (told, admission) = lines.admit(now, place(metadata));
        let said = Said {
            text: told,
            is_first_left_out: admission == Admission::Counted { is_first: true },
        };
        (lines.style, said, admission)
    };
    if admission == Admission::Written {
        let mut words = if *metadata.level() > Level::INFO {
            Words::new(LONG, redact::one_line)
        } else {
            Words::new(SHORT, redact::redact)
        };
        event.record(&mut words);
        let (level, target) = (*metadata.level(), metadata.target());
        style.line(&mut said.text, level, target, &words.into_line());
    }
    said
}

/// Returns the line of a panic, redacted whatever the level.
pub(crate) fn panicked(style: Style, place: &Place, thread: &str, message: &str) -> String {
    let (_, file, line) = place;
    let words = bounded(format_args!("{message}"), SHORT.0, redact::redact);
    let mut out = String::new();
    let words = format!("thread '{thread}' panicked at {file}:{line}: {words}");
    style.line(&mut out, Level::ERROR, "panic", &words);
    out
}

/// Remembers which places say much.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) style: Style,
    repeats: Repeats<Place>,
}

impl Lines {
    pub(crate) fn new(style: Style) -> Self {
        Self {
            style,
            repeats: Repeats::new(),
        }
    }

    /// Decides about a line. Returns it with the lines that tell of places whose time has come.
    pub(crate) fn admit(&mut self, now: Instant, place: Place) -> (String, Admission) {
        let told = self.due(now);
        let is_open = usize::from(place.0) >= LEVELS.len();
        let admission = if is_open {
            Admission::Written
        } else {
            self.repeats.admit(now, place)
        };
        (told, admission)
    }

    /// Returns the lines that tell of places whose window is over.
    pub(crate) fn due(&mut self, now: Instant) -> String {
        let due = self.repeats.due(now);
        self.told(&due)
    }

    /// Returns when [`due`](Self::due) has lines next, if nothing more is said.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.repeats.next_due()
    }

    /// Returns the lines that tell of all that was left out and not told of yet.
    pub(crate) fn rest(&mut self) -> String {
        let rest = self.repeats.rest();
        self.told(&rest)
    }

    fn told(&self, places: &[(Place, u32)]) -> String {
        let mut out = String::new();
        for ((level, target, line), count) in places {
            let level = LEVELS[usize::from(*level).min(LEVELS.len() - 1)];
            let within = WINDOW.as_secs();
            let words = format!("repeated {count} times within {within} s (line {line})");
            self.style.line(&mut out, level, target, &words);
        }
        out
    }
}

impl Style {
    fn line(self, out: &mut String, level: Level, target: &str, words: &str) {
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
