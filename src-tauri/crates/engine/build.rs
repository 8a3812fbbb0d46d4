//! Links libvpx statically where its static library is installed, so that the engine can bring the four functions
//! by which libvpx gets its memory (`codec/vpx/memory.rs`). Elsewhere the shared library is used as it is.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CC");
    println!("cargo:rustc-check-cfg=cfg(libvpx_static)");
    let native = env::var("HOST") == env::var("TARGET");
    if !native || env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    if let Some(archive) = archive()
        && let Some(folder) = archive.parent()
    {
        println!("cargo:rerun-if-changed={}", archive.display());
        println!("cargo:rustc-link-search=native={}", folder.display());
        println!("cargo:rustc-link-lib=static=vpx");
        println!("cargo:rustc-cfg=libvpx_static");
    }
}

/// Where the C compiler, which links, would take the library from.
fn archive() -> Option<PathBuf> {
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let output = Command::new(compiler)
        .arg("-print-file-name=libvpx.a")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    // The bare name comes back where there is none.
    let path = Path::new(text.trim());
    (path.is_absolute() && path.is_file()).then(|| path.to_owned())
}
