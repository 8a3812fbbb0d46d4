//! `run` and `bench`.

use anyhow::Result;
use clap::ValueEnum;

use crate::{
    paths,
    setup::{Purpose, setup},
    shell::{cargo, command, run as call},
    ui,
};

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bench {
    /// A call between Ahoy and Chromium in each combination: docs/bench.md.
    Call,
    /// A screen and up to 64 viewers, beside Chromium: docs/bench-broadcast.md.
    Broadcast,
    /// The relay, beside a plain one on Node.js: docs/bench-relay.md.
    Relay,
    /// A call of half an hour: docs/bench-soak.md.
    Soak,
}

/// Sets up, builds and starts the app.
pub(crate) fn run(release: bool, arguments: &[String]) -> Result<()> {
    setup(Purpose::Run)?;
    println!("building the window");
    ui::install()?;
    ui::build()?;
    println!("building Ahoy (the first time takes some minutes)");
    let mut build = cargo([
        "build",
        "--package",
        "ahoy",
        "--features",
        "custom-protocol",
    ]);
    if release {
        build.arg("--release");
    }
    call(&mut build)?;
    let profile = if release { "release" } else { "debug" };
    let program = paths::program(profile, "ahoy");
    println!("starting Ahoy");
    call(&mut command(
        &paths::root(),
        &program.to_string_lossy(),
        arguments,
    ))
}

/// Builds with optimisation and measures.
pub(crate) fn bench(what: Bench, runs: u32) -> Result<()> {
    let (name, purpose) = match what {
        Bench::Call => ("call", Purpose::Test),
        Bench::Broadcast => ("broadcast", Purpose::Test),
        // Node's `ws` comes with the packages of the pages.
        Bench::Relay => ("relay", Purpose::Run),
        Bench::Soak => ("soak", Purpose::Run),
    };
    setup(purpose)?;
    ui::install()?;
    ui::build()?;
    println!("building with optimisation");
    let mut build = cargo(["build", "--release", "--bins"]);
    call(match what {
        Bench::Call | Bench::Broadcast | Bench::Soak => {
            build.args(["--workspace", "--exclude", "xtask"]);
            build.args(["--features", "ahoy/custom-protocol"])
        }
        Bench::Relay => build.args(["--package", "ahoy-relay", "--package", "ahoy-tests"]),
    })?;
    let program = paths::program("release", "ahoy-bench");
    let runs = runs.to_string();
    // One call is long enough.
    let arguments: &[&str] = match what {
        Bench::Call | Bench::Broadcast | Bench::Relay => &[name, "--runs", &runs],
        Bench::Soak => &[name],
    };
    call(&mut command(
        &paths::root(),
        &program.to_string_lossy(),
        arguments,
    ))
}
