//! The system's clipboard.

use std::sync::{Arc, OnceLock};

use tauri_plugin_clipboard_manager::ClipboardExt as _;

use crate::app::Clipboard;

/// The clipboard by way of Tauri, which it gets once that runs.
#[derive(Clone, Default)]
pub(crate) struct SystemClipboard {
    app: Arc<OnceLock<tauri::AppHandle>>,
}

impl SystemClipboard {
    /// From now on it works.
    pub(crate) fn open(&self, app: &tauri::AppHandle) {
        // Only the first one counts; there is one.
        let _ = self.app.set(app.clone());
    }
}

impl Clipboard for SystemClipboard {
    fn write(&self, text: &str) -> Result<(), String> {
        let app = self.app.get().ok_or("it is not open yet")?;
        app.clipboard()
            .write_text(text)
            .map_err(|error| error.to_string())
    }
}
