//! Where the programs under test and the output of the scenarios are.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// The workspace's root.
pub fn root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

/// The folder for what a run leaves behind: screenshots, logs, the emulated machine's kernel.
///
/// # Errors
/// It cannot be made.
pub fn output(name: &str) -> Result<PathBuf> {
    let folder = root().join("target").join(name);
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

/// A program of this workspace, built in the same run and profile as the caller.
///
/// # Errors
/// It is not built.
pub fn built(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    // A test binary lies in `deps`, a program beside it.
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
        .find(|path| path.is_file());
    match found {
        Some(path) => Ok(path),
        None => bail!("{name} is not built: `cargo xtask test` builds it"),
    }
}

/// A program of the system.
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Systems keep off a user's path the tools for modules and file systems, and what only desktops start.
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/libexec", "/usr/lib"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
