//! The one window.

use std::{error::Error, path::Path};

use tauri::{
    App, AppHandle, Manager as _, Url, WebviewWindow, WebviewWindowBuilder,
    webview::{NewWindowResponse, Webview},
};
use tracing::{debug, warn};
#[cfg(target_os = "linux")]
use tracing::{error, info};

use crate::{app, chat_link, desktop::Browser};

/// The window's label, in `tauri.conf.json` and in the capability.
pub(crate) const LABEL: &str = "main";

/// How often a page that crashed is loaded anew; one that crashes more often would do so for ever.
#[cfg(target_os = "linux")]
const MAX_RELOADS: u32 = 5;

/// Opens the window of this app; what a web view keeps, when it keeps anything, goes into `folder`.
pub(crate) fn open(
    app: &App,
    folder: &Path,
    handle: &app::AppHandle,
) -> Result<(), Box<dyn Error>> {
    let (views, browser) = (handle.views(), Browser::default());
    let windows = &app.config().app.windows;
    let config = windows
        .iter()
        .find(|window| window.label == LABEL)
        .ok_or("tauri.conf.json names no window")?;
    let window = WebviewWindowBuilder::from_config(app, config)?
        .on_navigation(|url| {
            let own = is_own(url, tauri::is_dev());
            if !own {
                warn!(
                    "the window may not go to {}",
                    url.origin().ascii_serialization()
                );
            }
            own
        })
        // A link in the chat; it opens where links belong.
        .on_new_window(move |url, _| {
            if chat_link::is_in_chat(&views.borrow().screen, &url) {
                browser.open(&url);
            } else {
                // A page that tries this may do so without end.
                debug!("the window may not have pages opened that nobody wrote of");
            }
            NewWindowResponse::Deny
        })
        .on_download(|_: Webview, _| false)
        // Nothing is kept: what is worth keeping is in the settings. A web view that a test drives cannot
        // be like that on Linux.
        .incognito(!is_driven())
        .data_directory(folder.to_owned())
        .build()?;
    tune(&window)?;
    Ok(())
}

/// Brings the window before the eyes of its user.
pub(crate) fn come_forward(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(LABEL) {
        let shown = window
            .unminimize()
            .and_then(|()| window.show())
            .and_then(|()| window.set_focus());
        if let Err(error) = shown {
            warn!("the window does not come forward: {error}");
        }
    }
}

/// Whether a test drives the window; by the same variable Tauri decides so.
fn is_driven() -> bool {
    std::env::var("TAURI_WEBVIEW_AUTOMATION").is_ok_and(|value| value == "true")
}

/// Whether a page is the window's own: nothing from elsewhere is ever shown in it.
fn is_own(url: &Url, dev: bool) -> bool {
    match (url.scheme(), url.host_str()) {
        ("tauri", Some("localhost")) | ("http" | "https", Some("tauri.localhost")) => true,
        ("http", Some("localhost")) => dev && url.port() == Some(1420),
        _ => false,
    }
}

/// What Tauri does not reach of WebKitGTK.
#[cfg(target_os = "linux")]
fn tune(window: &WebviewWindow) -> tauri::Result<()> {
    use std::cell::Cell;
    use webkit2gtk::{HardwareAccelerationPolicy, SettingsExt as _, WebViewExt as _};

    let has_gpu = has_gpu(Path::new("/dev/dri"));
    let closing = window.clone();
    window.with_webview(move |view| {
        let view = view.inner();
        if let Some(settings) = view.settings()
            && !has_gpu
        {
            // Compositing on the CPU costs more than everything else together: 14 pictures a second at
            // 180 ms, against 30 at 28 ms without it.
            info!("there is no GPU: the window is drawn without one");
            settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
        }
        // The page is a picture of what the app does: it can be made anew in the midst of a call.
        let reloads = Cell::new(0);
        view.connect_web_process_terminated(move |view, reason| {
            error!("the window's process has ended: {reason:?}");
            if reloads.replace(reloads.get() + 1) < MAX_RELOADS {
                view.reload();
            }
        });
        view.connect_close(move |_| {
            let _ = closing.close();
        });
    })
}

#[cfg(not(target_os = "linux"))]
fn tune(_: &WebviewWindow) -> tauri::Result<()> {
    Ok(())
}

/// Whether the kernel offers a device to draw with.
#[cfg(target_os = "linux")]
fn has_gpu(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    entries
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().starts_with("renderD"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_shows_only_its_own_pages() {
        let own = |url: &str, dev| is_own(&url.parse().unwrap(), dev);
        for url in [
            "tauri://localhost/",
            "tauri://localhost/index.html#x",
            "http://tauri.localhost/",
        ] {
            assert!(own(url, false), "{url}");
        }
        for url in [
            "https://example.org/",
            "http://localhost:1420/",
            "http://127.0.0.1:3002/r/x",
            "file:///etc/passwd",
            "data:text/html,x",
            "about:blank",
            "tauri://evil/",
            "https://tauri.localhost.example.org/",
        ] {
            assert!(!own(url, false), "{url}");
        }
        assert!(own("http://localhost:1420/", true));
        assert!(!own("http://localhost:1421/", true));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_gpu_is_a_render_node() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_gpu(&folder.path().join("dri")));
        assert!(!has_gpu(folder.path()));
        std::fs::write(folder.path().join("card0"), "").unwrap();
        assert!(!has_gpu(folder.path()));
        std::fs::write(folder.path().join("renderD128"), "").unwrap();
        assert!(has_gpu(folder.path()));
    }
}
