//! The desktop around the window: clipboard, notifications, browser.

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use tauri::{Manager as _, Url};
use tauri_plugin_clipboard_manager::ClipboardExt as _;
use tauri_plugin_notification::NotificationExt as _;
use tracing::{debug, warn};

use crate::{app::Desktop, notification, window};

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
        let body = notification::body(text);
        let shown = app.notification().builder().title("Ahoy").body(body).show();
        if let Err(error) = shown {
            warn!("no notification: {error}");
        }
    }
}

/// The shortest time between two pages that the browser is asked for. A person does not follow links faster, and each
/// starts a program.
const BROWSE_EVERY: Duration = Duration::from_millis(500);

/// The system's browser, in which links of the chat are opened: nothing from elsewhere is shown in the window.
#[derive(Default)]
pub(crate) struct Browser {
    asked: Mutex<Option<Instant>>,
}

impl Browser {
    /// Opens a page of the web.
    pub(crate) fn open(&self, url: &Url) {
        if !matches!(url.scheme(), "http" | "https") {
            warn!("a link of an unknown kind was not opened");
            return;
        }
        if self.is_too_soon() {
            debug!("links are opened faster than a person does: one was left out");
            return;
        }
        if let Err(error) = open::that_detached(url.as_str()) {
            warn!("the browser does not open: {error}");
        }
    }

    fn is_too_soon(&self) -> bool {
        #[expect(clippy::disallowed_methods, reason = "the desktop lives in real time")]
        let now = Instant::now();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let too_soon = asked.is_some_and(|before| now < before + BROWSE_EVERY);
        if !too_soon {
            *asked = Some(now);
        }
        too_soon
    }
}
