//! What is printed: one JSON object per line, or sentences.

use std::{
    io::Write,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ahoy_contract::{ErrorCode, UserError, peer::ByeReason, ui::EndReason};
use serde_json::{Value, json};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Failed,
    Usage,
    NoDevice,
    NoRelay,
    Refused,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NoDevice => 3,
            Exit::NoRelay => 4,
            Exit::Refused => 5,
        })
    }
}

impl Exit {
    /// By how the call ended.
    pub(crate) fn of(reason: EndReason) -> Self {
        match reason {
            EndReason::ByMe | EndReason::ByThem => Self::Done,
            EndReason::Network => Self::Failed,
            EndReason::Refused { code } => match code {
                ErrorCode::RelayUnreachable => Self::NoRelay,
                ErrorCode::ConnectionFailed | ErrorCode::TurnMissing => Self::Failed,
                _ => Self::Refused,
            },
        }
    }
}

/// Standard output; when its reader is gone, so is the wish to print.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    json: bool,
    gone: Arc<AtomicBool>,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            gone: Arc::default(),
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints an event in the form that was asked for; an empty sentence is not for people.
    pub(crate) fn event(&self, event: &Value, sentence: &str) {
        let line = if self.json {
            event.to_string()
        } else {
            // Peers write parts of it: their control characters are not for this terminal.
            sentence
                .chars()
                .filter(|c| *c == '\n' || !c.is_control())
                .collect()
        };
        if line.is_empty() || self.gone.load(Ordering::Relaxed) {
            return;
        }
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            self.gone.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn error(&self, error: &UserError) {
        let event =
            json!({"event": "error", "code": error.code, "message": error.to_string().trim_end()});
        self.event(&event, error.to_string().trim_end());
    }

    pub(crate) fn ended(&self, reason: EndReason) {
        let (word, sentence) = match reason {
            EndReason::ByMe => ("by_me", "You hung up."),
            EndReason::ByThem => ("by_them", "The other side hung up."),
            EndReason::Network => ("network", "The connection was lost."),
            EndReason::Refused { code } => (code.as_str(), "The call ended."),
        };
        self.event(&json!({"event": "ended", "reason": word}), sentence);
    }
}

/// Why a peer left, as it is printed.
pub(crate) fn bye(reason: Option<ByeReason>) -> &'static str {
    match reason {
        None => "gone",
        Some(ByeReason::HangUp) => "hang_up",
        Some(ByeReason::NotAuthentic) => "not_authentic",
        Some(ByeReason::Failed) => "failed",
        Some(ByeReason::Removed) => "removed",
        Some(ByeReason::Unknown) => "unknown",
    }
}
