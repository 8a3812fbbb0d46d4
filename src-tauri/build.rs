//! Lists the commands that the window may call, and makes sure that there is a window to embed.

use std::{fs, io, path::Path};

/// Where `npm run build` puts the window.
const WINDOW: &str = "../ui/dist/app";

/// What is embedded while the window was not built.
const NOT_BUILT: &str = "<!doctype html><meta charset=\"utf-8\"><title>Ahoy</title>\
    <p>The window was not built. Run <code>npm --prefix ui run build</code>, then build Ahoy again.</p>\n";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Without this the binary would keep an old window until its own code changes.
    println!("cargo:rerun-if-changed={WINDOW}");
    placeholder(Path::new(WINDOW))?;
    let commands =
        tauri_build::AppManifest::new().commands(&["dispatch", "subscribe", "video_endpoint"]);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands))?;
    Ok(())
}

/// The code does not compile without the folder, and a fresh clone has none.
fn placeholder(window: &Path) -> io::Result<()> {
    let page = window.join("index.html");
    if page.exists() {
        return Ok(());
    }
    fs::create_dir_all(window)?;
    fs::write(page, NOT_BUILT)
}
