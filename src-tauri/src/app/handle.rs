//! What the rest of the shell needs of the actor, and the actor of it.

use ahoy_contract::{
    ErrorCode, UserError,
    ui::{AppView, Command, Notice},
};
use tokio::sync::{broadcast, mpsc, watch};

use crate::video::Tracks;

/// What the app needs of the desktop around its window; each may block.
pub(crate) trait Desktop: Send + Sync + 'static {
    /// Puts a text into the clipboard.
    fn copy(&self, text: &str) -> Result<(), String>;
    /// Calls the user, who may be looking at something else.
    fn notify(&self, text: &str);
}

/// What the rest of the shell asks of the actor.
pub(super) enum Request {
    /// The window's user wants something.
    Command(Command),
    /// A link was opened outside of the window.
    Link(String),
}

/// What the rest of the shell needs of the actor.
#[derive(Clone)]
pub(crate) struct AppHandle {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) views: watch::Receiver<AppView>,
    pub(super) notices: broadcast::Sender<Notice>,
    pub(super) tracks: watch::Receiver<Tracks>,
}

impl AppHandle {
    /// Opens the lobby of a link that was opened outside of the window.
    pub(crate) fn open_link(&self, link: String) {
        // Full: the user clicks faster than Ahoy follows, and will click again.
        let _ = self.requests.try_send(Request::Link(link));
    }

    /// Hands a command to the actor.
    pub(crate) fn dispatch(&self, command: Command) -> Result<(), UserError> {
        self.requests
            .try_send(Request::Command(command))
            .map_err(|_| {
                UserError::new(
                    ErrorCode::Busy,
                    "Ahoy is busy.",
                    "Wait a moment and try again.",
                )
            })
    }

    /// What the window shows, always whole.
    pub(crate) fn views(&self) -> watch::Receiver<AppView> {
        self.views.clone()
    }

    /// What merely happens, from now on.
    pub(crate) fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// The pictures that can be shown.
    pub(crate) fn tracks(&self) -> watch::Receiver<Tracks> {
        self.tracks.clone()
    }
}
