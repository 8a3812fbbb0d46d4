//! The one window.

use std::{error::Error, path::Path};

use tauri::{
    App, Url, WebviewWindow, WebviewWindowBuilder,
    webview::{NewWindowResponse, Webview},
};
use tracing::{info, warn};

/// The window's label, in `tauri.conf.json` and in the capability.
pub(crate) const LABEL: &str = "main";

/// Opens the window.
pub(crate) fn open(app: &App) -> Result<(), Box<dyn Error>> {
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
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_download(|_: Webview, _| false)
        .build()?;
    spare_the_cpu(&window)?;
    Ok(())
}

/// Whether a page is the window's own: nothing from elsewhere is ever shown in it.
fn is_own(url: &Url, dev: bool) -> bool {
    match (url.scheme(), url.host_str()) {
        ("tauri", Some("localhost")) | ("http" | "https", Some("tauri.localhost")) => true,
        ("http", Some("localhost")) => dev && url.port() == Some(1420),
        _ => false,
    }
}

/// Without a GPU the web view's compositing on the CPU costs more than everything else together: 14
/// pictures a second at 180 ms, against 30 at 28 ms when it draws without compositing.
fn spare_the_cpu(window: &WebviewWindow) -> tauri::Result<()> {
    if !cfg!(target_os = "linux") || has_gpu(Path::new("/dev/dri")) {
        return Ok(());
    }
    info!("there is no GPU: the window is drawn without one");
    #[cfg(target_os = "linux")]
    window.with_webview(|view| {
        use webkit2gtk::{HardwareAccelerationPolicy, SettingsExt as _, WebViewExt as _};
        if let Some(settings) = view.inner().settings() {
            settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
        }
    })?;
    Ok(())
}

/// Whether the kernel offers a device to draw with.
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
