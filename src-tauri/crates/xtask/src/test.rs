//! `cargo xtask test`: every check and test there is.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use crate::{
    arrows, contract, paths,
    setup::{Purpose, setup},
    shell::{cargo, has, output, run},
    steps::{Steps, Tally},
    ui,
};

/// A part of the run, in the order of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// System packages and the UI's packages.
    Setup,
    /// Rust format.
    Format,
    /// Who uses whom, and how long files are.
    Arrows,
    /// The UI's type check, unit tests and build.
    Ui,
    /// The one build that all tests use, with Clippy's lints; warnings are denied.
    Build,
    /// Rust unit and relay tests.
    Unit,
    /// ui/src/contract against the contract crate.
    Contract,
    /// End-to-end scenarios with real parts.
    Scenarios,
}

/// Which parts of the run.
#[derive(Args)]
pub(crate) struct Selection {
    /// Only these steps.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Step>,
    /// All but these steps.
    #[arg(long, value_enum, value_delimiter = ',')]
    skip: Vec<Step>,
    /// Only tests and scenarios whose name contains this.
    filter: Option<String>,
}

impl Selection {
    fn wants(&self, step: Step) -> bool {
        (self.only.is_empty() || self.only.contains(&step)) && !self.skip.contains(&step)
    }
}

/// One build serves the unit tests and the scenarios: the same packages, targets and features, so that cargo
/// builds nothing twice.
const WHOLE: [&str; 3] = ["--workspace", "--features", "ahoy/custom-protocol"];

/// Runs the selected steps. Fails if any of them did.
pub(crate) fn test(selection: &Selection) -> Result<()> {
    let mut steps = Steps::start();
    let one = |work: fn() -> Result<()>| move || work().map(|()| Tally::ONE);

    let mut ready = true;
    if selection.wants(Step::Setup) {
        ready = steps.step("system packages", one(|| setup(Purpose::Test)))
            && steps.step("UI packages", one(ui::install));
    }
    if selection.wants(Step::Format) {
        steps.step(
            "format",
            one(|| run(&mut cargo(["fmt", "--all", "--check"]))),
        );
    }
    if selection.wants(Step::Arrows) {
        steps.step("arrows between rooms", one(arrows::check));
    }
    if ready && selection.wants(Step::Ui) {
        steps.step("UI types", one(ui::check));
        steps.step("UI unit tests", ui::test);
        // The app and the relay embed the pages, so nothing of Rust builds without them.
        ready = steps.step("UI build", one(ui::build));
    }
    if ready && selection.wants(Step::Build) {
        ready = steps.step("build and clippy", one(build));
    }
    if ready && selection.wants(Step::Unit) {
        steps.step("Rust tests", || unit(selection.filter.as_deref()));
    }
    if ready && selection.wants(Step::Contract) && selection.filter.is_none() {
        steps.step("contract", one(contract::compare));
    }
    if ready && selection.wants(Step::Scenarios) {
        steps.step("scenarios", || scenarios(selection.filter.as_deref()));
    }
    steps.end()
}

fn build() -> Result<()> {
    run(linting(&mut cargo(["build", "--all-targets"])).args(WHOLE))
}

/// Makes a cargo command compile the workspace's own crates with `clippy-driver`, which lints and compiles in one
/// pass: dependencies are compiled once for both. Each command that shares the build has to be prepared so, or
/// cargo compiles the workspace anew.
///
/// The variables are those that `cargo clippy` sets itself; `CLIPPY_ARGS` separates its words by that marker.
/// Without Clippy the command builds all the same and says that nothing was linted.
fn linting(command: &mut Command) -> &mut Command {
    match clippy_driver() {
        Some(driver) => command.env("RUSTC_WORKSPACE_WRAPPER", driver).env(
            "CLIPPY_ARGS",
            "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__",
        ),
        None => {
            println!("Clippy is not installed (`rustup component add clippy`): nothing is linted");
            command
        }
    }
}

fn clippy_driver() -> Option<String> {
    let by_rustup = output("rustup", &["which", "clippy-driver"]);
    by_rustup
        .map(|path| path.trim().to_owned())
        .or_else(|| has("clippy-driver").then(|| "clippy-driver".to_owned()))
}

fn unit(filter: Option<&str>) -> Result<Tally> {
    contract::forget()?;
    rust_tests(
        "not binary(scenarios)",
        &["--exclude", "ahoy-tests"],
        filter,
    )
}

fn scenarios(filter: Option<&str>) -> Result<Tally> {
    let skips = paths::output().join("skipped.txt");
    if let Some(folder) = skips.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&skips, "")?;
    let tally = rust_tests("binary(scenarios)", &["--test", "scenarios"], filter);
    let skipped = fs::read_to_string(&skips)?;
    let mut tally = tally?;
    for line in skipped.lines() {
        println!("skipped: {line}");
        // To the runner a test that found nothing to do has passed.
        tally.passed = tally.passed.saturating_sub(1);
        tally.skipped += 1;
    }
    Ok(tally)
}

/// Runs the tests that a nextest expression selects; without nextest, those that these flags of
/// `cargo test` select.
fn rust_tests(expression: &str, flags: &[&str], filter: Option<&str>) -> Result<Tally> {
    let skips = paths::output().join("skipped.txt");
    if !nextest() {
        return plain_tests(flags, filter);
    }
    // Nextest keeps its reports under the workspace, wherever cargo builds.
    let report = paths::output().join("nextest/default/junit.xml");
    let _ = fs::remove_file(&report);
    let mut command = cargo(["nextest", "run", "--cargo-quiet", "--no-tests=pass"]);
    linting(&mut command);
    command.args(WHOLE).args(["-E", expression]);
    // What a scenario says of its failure is in its words, and backtraces bury them.
    command.env("RUST_BACKTRACE", "0");
    command.args(filter).env("AHOY_SKIPPED", &skips);
    let outcome = run(&mut command);
    if outcome.is_ok() && !report.exists() {
        return Ok(Tally::NONE);
    }
    match junit(&report) {
        Ok(tally) if tally.failed > 0 || outcome.is_ok() => Ok(tally),
        other => outcome.and(other),
    }
}

/// Without nextest: cargo's own runner, one test at a time, and one check for the whole.
fn plain_tests(flags: &[&str], filter: Option<&str>) -> Result<Tally> {
    println!("cargo-nextest is not there: `cargo test` is used (slower to tell which test hangs)");
    let mut command = cargo(["test", "--quiet", "--no-fail-fast"]);
    linting(&mut command);
    command.args(WHOLE).args(flags).args(filter);
    command.env("AHOY_SKIPPED", paths::output().join("skipped.txt"));
    run(command.args(["--", "--test-threads=1"]))?;
    Ok(Tally::ONE)
}

fn nextest() -> bool {
    has("cargo-nextest") || output("cargo", &["nextest", "--version"]).is_some()
}

/// What a JUnit report says: the numbers on its `testsuites` element.
pub(crate) fn junit(report: &Path) -> Result<Tally> {
    let text = fs::read_to_string(report)
        .with_context(|| format!("no test report: {}", report.display()))?;
    let head = text
        .split_once("<testsuites")
        .and_then(|(_, rest)| rest.split_once('>'))
        .map(|(head, _)| head)
        .context("the test report has no sum")?;
    let number = |name: &str| -> usize {
        head.split_once(&format!(" {name}=\""))
            .and_then(|(_, rest)| rest.split_once('"'))
            .and_then(|(number, _)| number.parse().ok())
            .unwrap_or(0)
    };
    let failed = number("failures") + number("errors");
    Ok(Tally {
        passed: number("tests").saturating_sub(failed),
        failed,
        skipped: 0,
    })
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    #[test]
    fn a_report_is_counted_by_its_head() {
        let report = env::temp_dir().join(format!("junit-{}.xml", std::process::id()));
        fs::write(
            &report,
            r#"<?xml version="1.0"?><testsuites name="x" tests="7" failures="2" errors="1" time="1"><testsuite tests="9">"#,
        )
        .unwrap();
        let tally = junit(&report).unwrap();
        fs::remove_file(report).unwrap();
        assert_eq!((tally.passed, tally.failed), (4, 3));
    }
}
