//! `ui/src/contract`: the contract crate's types in TypeScript.
//!
//! The crate's tests (made by ts-rs) write them under `target/contract`; here they get a common entry
//! and are taken to, or compared with, the committed files.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::{
    paths,
    shell::{cargo, run},
};

const HEAD: &str =
    "// Written by `cargo xtask contract` from src-tauri/crates/contract. Do not edit.\n";

/// Writes the types anew and replaces the committed ones.
pub(crate) fn write() -> Result<()> {
    forget()?;
    run(&mut cargo([
        "test",
        "--quiet",
        "--package",
        "ahoy-contract",
        "--lib",
        "export_bindings",
    ]))?;
    let files = written()?;
    let folder = committed_folder();
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    for (name, text) in &files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    println!("ui/src/contract: {} files", files.len());
    Ok(())
}

/// Takes away what earlier tests wrote, so that a type that is gone shows.
pub(crate) fn forget() -> Result<()> {
    let folder = paths::output().join("contract");
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

/// Compares what the contract's tests have written with what is committed.
pub(crate) fn compare() -> Result<()> {
    let written = written()?;
    let committed = read(&committed_folder())?;
    let different: Vec<_> = written
        .keys()
        .chain(committed.keys())
        .filter(|name| written.get(*name) != committed.get(*name))
        .map(String::as_str)
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    if !different.is_empty() {
        bail!(
            "ui/src/contract is not what the contract crate says ({}): run `cargo xtask contract`",
            different.join(", ")
        );
    }
    Ok(())
}

fn committed_folder() -> std::path::PathBuf {
    paths::ui().join("src/contract")
}

/// What ts-rs has written, with the common entry added.
fn written() -> Result<BTreeMap<String, String>> {
    let mut files = read(&paths::output().join("contract"))?;
    if files.is_empty() {
        bail!("the contract's tests have written nothing under target/contract");
    }
    let index: String = files
        .keys()
        .filter(|name| !name.contains('/'))
        .map(|name| {
            format!(
                "export type * from \"./{}\";\n",
                name.trim_end_matches(".ts")
            )
        })
        .collect();
    files.insert("index.ts".into(), format!("{HEAD}{index}"));
    Ok(files)
}

/// The TypeScript files under a folder by their path in it, `/` between its parts.
fn read(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        if !next.exists() {
            continue;
        }
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "ts") {
                let name = path
                    .strip_prefix(folder)?
                    .to_string_lossy()
                    .replace('\\', "/");
                files.insert(name, fs::read_to_string(&path)?.replace("\r\n", "\n"));
            }
        }
    }
    Ok(files)
}
