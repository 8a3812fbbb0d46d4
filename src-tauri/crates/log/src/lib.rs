//! The log of Ahoy's programs, on standard error.
//!
//! Logs are sent to strangers in bug reports and kept by operators, so above the level `debug` no line holds a payload, a
//! session description, an address or a secret, whoever wrote it: our own code does not say such things, and what a
//! library says is redacted (`redact`). Lines are short (`text`), and a place in the code that says the same again and
//! again is cut off and counted (`repeat`): no peer can fill a disk. The same holds for panics (`panics`). At `debug` and `trace` lines are only kept from
//! growing without end, for whoever asks for those wants to see what happened.

#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod line;
mod panics;
mod redact;
mod repeat;
mod text;

use std::{
    io::{self, Write as _},
    sync::Arc,
    thread::{self, Thread},
    time::Instant,
};

use parking_lot::Mutex;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer,
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

use line::{Lines, Style};

/// Writes the lines that `filter` lets pass to standard error until the guard is dropped, with colours where `ansi` says
/// so. Records of the `log` crate are among them, and so are panics, in place of what the standard library would write
/// of them. The first call in a process counts.
pub fn init(filter: EnvFilter, ansi: bool) -> Guard {
    let lines = Arc::new(Mutex::new(Lines::new(Style { ansi })));
    let layer = ToStderr {
        lines: lines.clone(),
        teller: Teller::start(lines.clone()),
    };
    let registry = tracing_subscriber::registry().with(filter).with(layer);
    // A second logger would be a mistake of the program's own, and no reason to end it.
    if registry.try_init().is_ok() {
        panics::install(lines.clone());
    }
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

struct ToStderr {
    lines: Arc<Mutex<Lines>>,
    teller: Teller,
}

impl<S: Subscriber> Layer<S> for ToStderr {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let said = line::said(&self.lines, now(), event);
        write(&said.text);
        if said.is_first_left_out {
            self.teller.wake();
        }
    }
}

/// Tells of left out lines when their window is over, also where nothing more is said.
struct Teller(Option<Thread>);

impl Teller {
    fn start(lines: Arc<Mutex<Lines>>) -> Self {
        let thread = thread::Builder::new().name("log".to_owned());
        // Without it they are told of with the next event.
        let running = thread.spawn(move || {
            loop {
                let (text, next) = due(&lines, now());
                write(&text);
                match next {
                    Some(at) => thread::park_timeout(at.saturating_duration_since(now())),
                    None => thread::park(),
                }
            }
        });
        Self(running.ok().map(|handle| handle.thread().clone()))
    }

    fn wake(&self) {
        if let Some(thread) = &self.0 {
            thread.unpark();
        }
    }
}

/// Returns the lines that tell of places whose window is over, and when there are more.
fn due(lines: &Mutex<Lines>, now: Instant) -> (String, Option<Instant>) {
    let mut lines = lines.lock();
    (lines.due(now), lines.next_due())
}

fn now() -> Instant {
    #[expect(
        clippy::disallowed_methods,
        reason = "the log is an edge: repeated lines are counted by time"
    )]
    Instant::now()
}

fn write(text: &str) {
    if !text.is_empty() {
        // There is nobody to tell that standard error is closed.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}
