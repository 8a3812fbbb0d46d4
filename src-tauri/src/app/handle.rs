//! What the rest of the shell needs of the actor, and the actor of it.

use ahoy_contract::{
    ErrorCode, UserError,
    ui::{AppView, Command, Notice},
};
use tokio::sync::{broadcast, mpsc, watch};

use crate::video::Tracks;

/// The clipboard of the system.
pub(crate) trait Clipboard: Send + Sync + 'static {
    /// Puts a text into it; may block.
    fn write(&self, text: &str) -> Result<(), String>;
}

/// What the rest of the shell needs of the actor.
#[derive(Clone)]
pub(crate) struct AppHandle {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) views: watch::Receiver<AppView>,
    pub(super) notices: broadcast::Sender<Notice>,
    pub(super) tracks: watch::Receiver<Tracks>,
}

impl AppHandle {
    /// Hands a command to the actor.
    pub(crate) fn dispatch(&self, command: Command) -> Result<(), UserError> {
        self.commands.try_send(command).map_err(|_| {
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
