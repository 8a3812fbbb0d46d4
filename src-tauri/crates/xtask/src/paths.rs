//! Where things are.

use std::{env, path::PathBuf};

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(3).unwrap_or(&here).to_path_buf()
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Where a run leaves what people want to look at (screenshots, logs, the written contract), wherever cargo builds.
pub(crate) fn output() -> PathBuf {
    root().join("target")
}

/// A program built by cargo.
pub(crate) fn program(profile: &str, name: &str) -> PathBuf {
    target()
        .join(profile)
        .join(format!("{name}{}", env::consts::EXE_SUFFIX))
}

/// The folder of the two pages.
pub(crate) fn ui() -> PathBuf {
    root().join("ui")
}
