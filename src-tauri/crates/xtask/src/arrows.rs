//! The arrows between rooms: who may use whom, who may name which crate, and how long a file may be.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use crate::{paths, source};

/// A room of the engine.
struct Room {
    name: &'static str,
    /// Takes time and randomness as arguments; has no socket, thread or clock.
    pure: bool,
    /// The rooms, and the contract, that it may use besides itself.
    may_use: &'static [&'static str],
}

const fn room(name: &'static str, pure: bool, may_use: &'static [&'static str]) -> Room {
    Room {
        name,
        pure,
        may_use,
    }
}

/// The engine's rooms. `engine` executes what `call` says and may use them all.
const ROOMS: [Room; 13] = [
    room("call", true, &["contract"]),
    room("dialect", true, &["contract", "call"]),
    room("frame", true, &[]),
    room("convert", true, &["frame"]),
    room("packet", true, &["frame"]),
    room("codec", false, &["frame"]),
    room("device", false, &["contract", "frame", "convert"]),
    room("audio", true, &["frame", "packet", "codec"]),
    room("rate", true, &["frame"]),
    room(
        "media",
        false,
        &[
            "contract", "frame", "convert", "packet", "codec", "device", "audio", "rate", "rtc",
        ],
    ),
    room("rtc", false, &["contract", "frame", "packet", "rate"]),
    room("signaling", false, &["contract", "call"]),
    room(
        "engine",
        false,
        &[
            "contract",
            "call",
            "dialect",
            "frame",
            "convert",
            "packet",
            "codec",
            "device",
            "audio",
            "rate",
            "media",
            "rtc",
            "signaling",
        ],
    ),
];

/// What a pure room may not name.
const IMPURE: [&[&str]; 5] = [
    &["ahoy_log"],
    &["std", "net"],
    &["std", "thread"],
    &["std", "fs"],
    &["tokio"],
];

/// The longest file, in lines, tests aside.
const MAX_LINES: usize = 500;

/// The name of files with fuzz targets.
const FUZZ: &str = "fuzz";

const ENGINE: &str = "src-tauri/crates/engine/src/";
const SHELL: [&str; 2] = ["src-tauri/src/", "src-tauri/build.rs"];

/// The crates of the workspace and those of its own that each may depend on.
const CRATES: [(&str, &[&str]); 8] = [
    (
        "src-tauri",
        &["ahoy-contract", "ahoy-engine", "ahoy-log", "ahoy-relay"],
    ),
    ("src-tauri/crates/contract", &["ahoy-mutate"]),
    (
        "src-tauri/crates/relay",
        &["ahoy-contract", "ahoy-log", "ahoy-mutate"],
    ),
    (
        "src-tauri/crates/engine",
        &["ahoy-contract", "ahoy-log", "ahoy-mutate"],
    ),
    ("src-tauri/crates/log", &["ahoy-mutate"]),
    ("src-tauri/crates/xtask", &[]),
    ("tests", &["ahoy-contract", "ahoy-engine", "ahoy-relay"]),
    ("tests/mutate", &[]),
];

/// Checks the whole workspace; the error names every fault.
pub(crate) fn check() -> Result<()> {
    let root = paths::root();
    let mut faults = Vec::new();
    for path in files(&root)? {
        let name = path
            .strip_prefix(&root)?
            .to_string_lossy()
            .replace('\\', "/");
        let text = fs::read_to_string(&path)?;
        faults.extend(long(&name, &text));
        if name.ends_with(".rs") {
            faults.extend(named(&name, &text));
        }
    }
    for (folder, own) in CRATES {
        let manifest = fs::read_to_string(root.join(folder).join("Cargo.toml"))?;
        faults.extend(depends(folder, own, &manifest));
    }
    if !faults.is_empty() {
        for fault in &faults {
            println!("  {fault}");
        }
        bail!("{} faults", faults.len());
    }
    Ok(())
}

/// The source files that people wrote.
fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders: Vec<_> = ["src-tauri", "tests", "ui/src"]
        .map(|f| root.join(f))
        .into();
    while let Some(folder) = folders.pop() {
        if !folder.exists() {
            continue;
        }
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let kind = path.extension().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                if !matches!(&*name, "target" | "gen" | "node_modules")
                    && !path.ends_with("ui/src/contract")
                {
                    folders.push(path);
                }
            } else if matches!(&*kind, "rs" | "ts" | "svelte" | "css" | "js") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn is_test(name: &str) -> bool {
    name.starts_with("tests/")
        || name.contains("/tests/")
        || name.ends_with("/tests.rs")
        || name.contains(".test.")
}

fn long(name: &str, text: &str) -> Option<String> {
    let lines = source::lines_before_tests(text);
    (lines > MAX_LINES && !is_test(name))
        .then(|| format!("{name}: {lines} lines: a file over {MAX_LINES} wants a wall"))
}

/// The faults in what one Rust file names.
fn named(name: &str, text: &str) -> Vec<String> {
    let module = module(name);
    let room = (name.starts_with(ENGINE) && !is_test(name))
        .then(|| module.first().copied())
        .flatten()
        .filter(|first| !matches!(*first, "bin" | FUZZ));
    let mut faults = Vec::new();
    let mut fault = |what: String| {
        let line = format!("{name}: {what}");
        if !faults.contains(&line) {
            faults.push(line);
        }
    };
    let rules = match room.map(|room| (room, ROOMS.iter().find(|rules| rules.name == room))) {
        Some((room, None)) => {
            fault(format!(
                "no room `{room}` in the table of xtask/src/arrows.rs"
            ));
            return faults;
        }
        // A fuzz target is in no program, and uses what it needs to attack its room.
        Some((_, rules)) => rules.filter(|_| module.last() != Some(&FUZZ)),
        None => None,
    };
    let named = source::paths(text, &module);
    let own_rtc = named.iter().any(|path| is(path, &["crate", "rtc"])) || text.contains("mod rtc;");
    for path in named {
        let head = path[0].as_str();
        if head.starts_with("tauri") && !SHELL.iter().any(|shell| name.starts_with(shell)) {
            fault(format!("names `{head}`: only the shell may"));
        }
        let webrtc = head == "webrtc" || (head == "rtc" && !own_rtc);
        if webrtc && room != Some("rtc") {
            fault(format!("names `{head}`: only engine/src/rtc may"));
        }
        let Some(rules) = rules else { continue };
        let used = match head {
            "crate" => path[1].as_str(),
            "ahoy_contract" => "contract",
            _ => "",
        };
        let known = used == "contract" || ROOMS.iter().any(|room| room.name == used);
        if known && used != rules.name && !rules.may_use.contains(&used) {
            fault(format!("`{}` may not use `{used}`", rules.name));
        }
        if rules.pure && IMPURE.iter().any(|impure| is(&path, impure)) {
            fault(format!(
                "`{}` is pure and names `{}`",
                rules.name,
                path.join("::")
            ));
        }
    }
    faults
}

fn is(path: &[String], head: &[&str]) -> bool {
    path.len() >= head.len() && path.iter().zip(head).all(|(a, b)| a == b)
}

/// The path of a file's module in its crate.
fn module(name: &str) -> Vec<&str> {
    let inside = name
        .split_once("/src/")
        .map_or(name, |(_, inside)| inside)
        .trim_end_matches(".rs");
    let mut parts: Vec<_> = inside.split('/').collect();
    if matches!(parts.last(), Some(&"mod" | &"lib" | &"main")) {
        parts.pop();
    }
    parts
}

/// The faults in what one crate's manifest depends on.
fn depends(folder: &str, own: &[&str], manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut faults = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.contains("dependencies");
            continue;
        }
        let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
        if !inside || name.is_empty() || name.starts_with('#') {
            continue;
        }
        let refused = (name.starts_with("ahoy-") && !own.contains(&name))
            || (name.starts_with("tauri") && folder != "src-tauri")
            || (matches!(name, "webrtc" | "rtc") && folder != "src-tauri/crates/engine");
        if refused {
            faults.push(format!("{folder}/Cargo.toml: may not depend on `{name}`"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(file: &str, text: &str) -> Vec<String> {
        named(&format!("{ENGINE}{file}"), text)
    }

    #[test]
    fn a_room_uses_what_the_table_says_and_nothing_else() {
        assert!(
            engine(
                "codec/vpx.rs",
                "use crate::frame::VideoFrame; use super::VideoEncoder;"
            )
            .is_empty()
        );
        assert_eq!(
            engine("codec/vpx.rs", "use crate::{frame::A, device::B};").len(),
            1
        );
        assert_eq!(
            engine("media/send.rs", "fn f() { super::super::call::x() }").len(),
            1
        );
        assert_eq!(
            engine("audio/mod.rs", "use ahoy_contract::PeerId;").len(),
            1
        );
        assert!(engine("call/mod.rs", "use ahoy_contract::PeerId;").is_empty());
        assert_eq!(engine("cellar/mod.rs", "").len(), 1);
    }

    #[test]
    fn a_pure_room_has_no_clock_thread_or_socket() {
        assert_eq!(
            engine("rate/mod.rs", "use std::{thread, time::Duration};").len(),
            1
        );
        assert_eq!(
            engine(
                "call/mod.rs",
                "async fn f() { tokio::time::sleep(x).await }"
            )
            .len(),
            1
        );
        assert!(engine("signaling/mod.rs", "use tokio::net::TcpStream;").is_empty());
        assert!(engine("rate/mod.rs", "#[cfg(test)] mod tests { use std::thread; }").is_empty());
    }

    #[test]
    fn a_fuzz_target_uses_what_it_needs() {
        let text = "use crate::{codec::A, fuzz::Input}; use std::net::IpAddr;";
        assert!(engine("packet/fuzz.rs", text).is_empty());
        assert_eq!(engine("packet/fuzzy.rs", text).len(), 2);
        assert!(engine("fuzz.rs", "use crate::{packet, rtc};").is_empty());
        assert_eq!(engine("packet/fuzz.rs", "use webrtc::X;").len(), 1);
    }

    #[test]
    fn tauri_and_webrtc_stay_in_their_rooms() {
        assert_eq!(
            engine("engine.rs", "use webrtc::peer_connection::X;").len(),
            1
        );
        assert_eq!(engine("media/mod.rs", "use rtc::sdp::X;").len(), 1);
        assert!(engine("rtc/peer.rs", "use webrtc::a::X; use rtc::sdp::X;").is_empty());
        assert!(
            engine(
                "engine.rs",
                "use crate::rtc::{self, Peer}; fn f() { rtc::open() }"
            )
            .is_empty()
        );
        assert_eq!(
            engine("engine.rs", "tauri::async_runtime::spawn(x);").len(),
            1
        );
        assert!(named("src-tauri/src/main.rs", "tauri::Builder::new();").is_empty());
        assert_eq!(
            depends("tests", &[], "[dependencies]\ntauri.workspace = true\n").len(),
            1
        );
        assert_eq!(
            depends(
                "x",
                &[],
                "[dev-dependencies]\nahoy-engine = { path = \"\" }\n"
            )
            .len(),
            1
        );
    }

    #[test]
    fn a_long_file_is_refused_and_its_tests_are_not_counted() {
        let code = "x\n".repeat(MAX_LINES);
        assert!(long("src-tauri/src/a.rs", &format!("{code}#[cfg(test)]\n{code}")).is_none());
        assert!(long("src-tauri/src/a.rs", &format!("{code}y\n")).is_some());
        assert!(long("tests/src/a.rs", &code.repeat(2)).is_none());
    }
}
