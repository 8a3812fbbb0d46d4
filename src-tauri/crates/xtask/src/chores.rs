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
    /// A call between Ahoy and Chromium in each combination.
    Call,
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
    setup(Purpose::Test)?;
    ui::install()?;
    ui::build()?;
    println!("building with optimisation");
    call(&mut cargo([
        "build",
        "--release",
        "--workspace",
        "--exclude",
        "xtask",
        "--bins",
        "--features",
        "ahoy/custom-protocol",
    ]))?;
    let Bench::Call = what;
    let program = paths::program("release", "ahoy-bench");
    call(&mut command(
        &paths::root(),
        &program.to_string_lossy(),
        ["call", "--runs", &runs.to_string()],
    ))
}
