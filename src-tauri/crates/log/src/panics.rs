//! Panics are written as other lines are: redacted, short, and counted where they repeat. Their messages may hold what a
//! peer sent, and a library that panics on it may do so again and again.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic::{self, PanicHookInfo},
    sync::Arc,
    thread,
};

use parking_lot::Mutex;

use crate::{
    line::{self, Lines, Place},
    now,
    repeat::Admission,
    write,
};

/// Writes panics of this process from now on.
pub(crate) fn install(lines: Arc<Mutex<Lines>>) {
    panic::set_hook(Box::new(move |info| write(&text(&lines, info))));
}

fn text(lines: &Mutex<Lines>, info: &PanicHookInfo<'_>) -> String {
    let place: Place = info.location().map_or_else(
        || (0, "unknown".to_owned(), 0),
        |at| (0, at.file().to_owned(), at.line()),
    );
    let style = {
        // The thread that panics may hold the lock.
        let Some(mut lines) = lines.try_lock() else {
            return "a panic while a line was logged\n".to_owned();
        };
        let (told, admission) = lines.admit(now(), place.clone());
        if admission != Admission::Written {
            return told;
        }
        write(&told);
        lines.style
    };
    let payload = info.payload();
    let message = payload.downcast_ref::<String>().map(String::as_str);
    let message = message.or_else(|| payload.downcast_ref::<&str>().copied());
    let thread = thread::current();
    let name = thread.name().unwrap_or("<unnamed>");
    let mut out = line::panicked(style, &place, name, message.unwrap_or("no message"));
    // Only where the environment asks for one.
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        out.push_str(&format!("{trace}\n"));
    }
    out
}
