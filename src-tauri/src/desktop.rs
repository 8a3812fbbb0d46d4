//! The desktop around the window: clipboard, notifications, browser.

use std::sync::{Arc, OnceLock};

use tauri::{Manager as _, Url};
use tauri_plugin_clipboard_manager::ClipboardExt as _;
use tauri_plugin_notification::NotificationExt as _;
use tracing::warn;

use crate::{app::Desktop, window};

/// The desktop by way of Tauri, which it gets once that runs.
#[derive(Clone, Default)]
pub(crate) struct SystemDesktop {
    app: Arc<OnceLock<tauri::AppHandle>>,
}

impl SystemDesktop {
    /// From now on it works.
    pub(crate) fn open(&self, app: &tauri::AppHandle) {
        // Only the first one counts; there is one.
        let _ = self.app.set(app.clone());
    }
}

impl Desktop for SystemDesktop {
    fn copy(&self, text: &str) -> Result<(), String> {
        let app = self.app.get().ok_or("it is not open yet")?;
        app.clipboard()
            .write_text(text)
            .map_err(|error| error.to_string())
    }

    fn notify(&self, text: &str) {
        let Some(app) = self.app.get() else { return };
        let seen = app
            .get_webview_window(window::LABEL)
            .is_some_and(|window| window.is_focused().unwrap_or(false));
        // Who looks at the window sees it there.
        if seen {
            return;
        }
        let shown = app.notification().builder().title("Ahoy").body(text).show();
        if let Err(error) = shown {
            warn!("no notification: {error}");
        }
    }
}

/// Opens a page of the web in the system's browser: nothing from elsewhere is shown in the window.
pub(crate) fn browse(url: &Url) {
    if !matches!(url.scheme(), "http" | "https") {
        warn!("a link of an unknown kind was not opened");
        return;
    }
    if let Err(error) = open::that_detached(url.as_str()) {
        warn!("the browser does not open: {error}");
    }
}
