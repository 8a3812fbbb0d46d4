//! Links libvpx statically where its static library is installed, so that the engine can bring the four functions
//! by which libvpx gets its memory (`codec/vpx/memory.rs`). Elsewhere the shared library is used as it is.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(libvpx_static)");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    let folder = pkg_config::get_variable("vpx", "libdir").unwrap_or_default();
    let archive = format!("{folder}/libvpx.a");
    if std::path::Path::new(&archive).is_file() {
        println!("cargo:rerun-if-changed={archive}");
        println!("cargo:rustc-link-search=native={folder}");
        println!("cargo:rustc-link-lib=static=vpx");
        println!("cargo:rustc-cfg=libvpx_static");
    }
}
