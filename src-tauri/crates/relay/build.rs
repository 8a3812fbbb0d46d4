//! Finds the guest page that goes into the binary.
//!
//! The page is built by Vite into `ui/dist/guest` at the repository's top. Where that was not done, a
//! plain page takes its place that says so: the relay itself can be built and tested without Node.

use std::{env, fs, path::PathBuf};

/// Where Vite puts the page, from this package's folder.
const BUILT: &str = "../../../ui/dist/guest";
const PLAIN_PAGE: &str = include_str!("src/page/not-built.html");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let built = manifest.join(BUILT);
    // An empty folder can be watched; a missing one would make every build start over. Where the
    // sources are read-only that is the only harm, so a failure is not one.
    let _ = fs::create_dir_all(&built);
    println!("cargo:rerun-if-changed={BUILT}");
    println!("cargo:rerun-if-changed=src/page/not-built.html");
    println!("cargo:rerun-if-changed=build.rs");

    let page = if built.join("index.html").is_file() {
        built.canonicalize()?
    } else {
        let plain = PathBuf::from(env::var("OUT_DIR")?).join("guest");
        fs::create_dir_all(&plain)?;
        fs::write(plain.join("index.html"), PLAIN_PAGE)?;
        plain
    };
    println!("cargo:rustc-env=AHOY_GUEST_PAGE={}", page.display());
    Ok(())
}
