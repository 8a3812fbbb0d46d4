//! What the rest of the shell needs of the actor, and the actor of it.

use ahoy_contract::{
    ErrorCode, UserError,
    link::MAX_LINK_BYTES,
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

/// What the rest of the shell needs of the actor.
#[derive(Clone)]
pub(crate) struct AppHandle {
    pub(super) commands: mpsc::Sender<Command>,
    /// The link that was opened outside of the window last.
    pub(super) links: watch::Sender<Option<String>>,
    pub(super) views: watch::Receiver<AppView>,
    pub(super) notices: broadcast::Sender<Notice>,
    pub(super) tracks: watch::Receiver<Tracks>,
}

impl AppHandle {
    /// Hands a link that was opened outside of the window to the actor. Of several that it has not taken yet the newest
    /// counts.
    pub(crate) fn open_link(&self, mut link: String) {
        if link.len() > MAX_LINK_BYTES {
            // It is none, and is not kept.
            link = String::new();
        }
        self.links.send_replace(Some(link));
    }

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
