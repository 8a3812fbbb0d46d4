//! The two pages: their packages, checks and builds.

use std::{fs, process::Command};

use anyhow::{Context as _, Result};

use crate::{
    paths,
    shell::{command, run},
    steps::Tally,
};

fn npm(arguments: &[&str]) -> Command {
    let name = if cfg!(windows) { "npm.cmd" } else { "npm" };
    command(&paths::ui(), name, arguments)
}

/// Installs the packages if the lock file is another than the installed one's.
pub(crate) fn install() -> Result<()> {
    let lock = fs::read(paths::ui().join("package-lock.json"))
        .context("ui/package-lock.json is missing")?;
    let mark = paths::ui().join("node_modules/.ahoy-lock");
    if fs::read(&mark).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    println!("npm ci: installing the UI's packages");
    run(&mut npm(&["ci"]))?;
    fs::write(mark, lock)?;
    Ok(())
}

/// Builds both pages: `ui/dist/app` goes into the app, `ui/dist/guest` into the relay.
pub(crate) fn build() -> Result<()> {
    run(&mut npm(&["run", "build"]))
}

/// The type check.
pub(crate) fn check() -> Result<()> {
    run(&mut npm(&["run", "check"]))
}

/// The unit tests.
pub(crate) fn test() -> Result<Tally> {
    let report = paths::output().join("ui-junit.xml");
    let _ = fs::remove_file(&report);
    let outcome = run(
        npm(&["test", "--", "--reporter=default", "--reporter=junit"])
            .arg(format!("--outputFile.junit={}", report.display())),
    );
    match crate::test::junit(&report) {
        Ok(tally) if tally.failed > 0 || outcome.is_ok() => Ok(tally),
        other => outcome.and(other),
    }
}
