//! The log of Ahoy's programs, on standard error.
//!
//! Logs are sent to strangers in bug reports and kept by operators, so above the level `debug` no line holds a payload, a
//! session description, an address or a secret, whoever wrote it: our own code does not say such things, and what a
//! library says is redacted (`redact`). Lines are short (`text`), and a place in the code that says the same again and
//! again is cut off and counted (`repeat`): no peer can fill a disk. At `debug` and `trace` lines are only kept from
//! growing without end, for whoever asks for those wants to see what happened.

#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod line;
mod redact;
mod repeat;
mod text;

use std::{
    io::{self, Write as _},
    sync::Arc,
};

use parking_lot::Mutex;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer,
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

use line::Lines;

/// Writes the lines that `filter` lets pass to standard error until the guard is dropped, with colours where `ansi` says
/// so. Records of the `log` crate are among them. The first call in a process counts.
pub fn init(filter: EnvFilter, ansi: bool) -> Guard {
    let lines = Arc::new(Mutex::new(Lines::new(ansi)));
    let layer = ToStderr(lines.clone());
    let registry = tracing_subscriber::registry().with(filter).with(layer);
    // A second logger would be a mistake of the program's own, and no reason to end it.
    let _ = registry.try_init();
    Guard(lines)
}

/// Says what was left out at the end of the program.
#[must_use = "dropped at once it says nothing"]
pub struct Guard(Arc<Mutex<Lines>>);

impl Drop for Guard {
    fn drop(&mut self) {
        write(&self.0.lock().rest());
    }
}

struct ToStderr(Arc<Mutex<Lines>>);

impl<S: Subscriber> Layer<S> for ToStderr {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        #[expect(
            clippy::disallowed_methods,
            reason = "the log is an edge: repeated lines are counted by time"
        )]
        let now = std::time::Instant::now();
        let text = self.0.lock().event(now, event);
        write(&text);
    }
}

fn write(text: &str) {
    if !text.is_empty() {
        // There is nobody to tell that standard error is closed.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}
