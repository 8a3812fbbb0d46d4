//! `fuzz`: builds the fuzz targets with the nightly toolchain and runs one of them, or all in turn.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    paths,
    shell::{command, has, output, run},
};

/// What chooses the target in the one program that holds all of them.
const VARIABLE: &str = "AHOY_FUZZ_TARGET";

/// What a target may need of memory, in MiB, and of time for one input, in seconds. More is a finding.
const MEMORY: &str = "-rss_limit_mb=1024";
const TIME: &str = "-timeout=10";
/// The largest input, in bytes: the largest message of a relay.
const LONGEST: &str = "-max_len=65536";

/// What is to be run.
#[derive(Debug, clap::Args)]
pub(crate) struct Selection {
    /// One target by its name; without it all of them, one after the other
    target: Option<String>,
    /// How long each runs
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// With the address sanitizer: for unsafe code in what is called, at a third of the speed
    #[arg(long)]
    address: bool,
}

/// Runs the targets, and fails if one of them finds something.
pub(crate) fn fuzz(selection: &Selection) -> Result<()> {
    let targets = chosen(selection.target.as_deref())?;
    prepare()?;
    println!("building the targets (the first time takes many minutes)");
    let program = build(selection.address)?;
    let mut findings = 0;
    for target in &targets {
        let found = run_target(&program, target, selection.seconds)?;
        println!("{target:<16} {found}");
        findings += usize::from(found.input.is_some());
    }
    if findings > 0 {
        bail!("{findings} of {} targets found something", targets.len());
    }
    Ok(())
}

/// The names of the targets: each has a folder with inputs.
fn chosen(wanted: Option<&str>) -> Result<Vec<String>> {
    let corpora = folder().join("corpus");
    let mut targets = Vec::new();
    for entry in fs::read_dir(&corpora).with_context(|| corpora.display().to_string())? {
        targets.push(entry?.file_name().to_string_lossy().into_owned());
    }
    targets.sort();
    match wanted {
        None => Ok(targets),
        Some(name) if targets.iter().any(|target| target == name) => Ok(vec![name.to_owned()]),
        Some(name) => bail!(
            "there is no target `{name}`; there are {}",
            targets.join(", ")
        ),
    }
}

/// Installs what can be, and says what else is missing.
fn prepare() -> Result<()> {
    if output("rustup", &["run", "nightly", "rustc", "--version"]).is_none() {
        bail!(
            "fuzzing needs Rust's nightly toolchain: `rustup toolchain install nightly --profile minimal`"
        );
    }
    if !["c++", "clang++", "g++"]
        .iter()
        .any(|compiler| has(compiler))
    {
        bail!(
            "fuzzing needs a C++ compiler, for the fuzzer itself: `cargo xtask setup` installs one"
        );
    }
    if output("cargo", &["fuzz", "--version"]).is_none() {
        println!("installing cargo-fuzz");
        let install = ["install", "--locked", "cargo-fuzz"];
        let mut install = command(&paths::root(), "cargo", install);
        run(&mut install).context("cargo-fuzz could not be installed")?;
    }
    Ok(())
}

/// Builds the program with all targets; gives its path.
fn build(address: bool) -> Result<PathBuf> {
    let version = output("rustup", &["run", "nightly", "rustc", "-vV"]).unwrap_or_default();
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("the nightly compiler does not say what machine this is")?;
    let sanitizer = if address { "address" } else { "none" };
    let target = built().join(sanitizer);
    let mut build = command(
        &folder(),
        "cargo",
        ["+nightly", "fuzz", "build", "--fuzz-dir"],
    );
    build.arg(folder());
    build.args(["--sanitizer", sanitizer, "--target", host, "--target-dir"]);
    build.arg(&target);
    // What is fuzzed has the versions that the programs have; cargo adds the fuzzer's own.
    fs::copy(
        paths::root().join("Cargo.lock"),
        folder().join("Cargo.lock"),
    )
    .context("Cargo.lock cannot be copied")?;
    // Those of an ordinary build are for another compiler.
    for variable in [
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "CARGO",
        "RUSTUP_TOOLCHAIN",
    ] {
        build.env_remove(variable);
    }
    run(&mut build)?;
    Ok(target.join(host).join("release/ahoy"))
}

/// What a run has shown.
#[derive(Debug, Default, PartialEq)]
struct Found {
    executions: u64,
    per_second: u64,
    /// Edges of the code that were reached.
    covered: u64,
    memory: u64,
    /// The input that something was found with, and the first words about it.
    input: Option<(String, String)>,
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:>9} executions {:>7} a second {:>6} edges {:>5} MiB  ",
            self.executions, self.per_second, self.covered, self.memory
        )?;
        match &self.input {
            None => f.write_str("no findings"),
            Some((input, words)) => write!(f, "FOUND {words}; input: {input}"),
        }
    }
}

impl Found {
    /// Takes a line of the fuzzer's.
    fn read(&mut self, line: &str) {
        let number = |text: &str| text.trim().parse().ok();
        let after = |name: &str| line.strip_prefix(name).and_then(number);
        if let Some(count) = after("stat::number_of_executed_units:") {
            self.executions = count;
        } else if let Some(count) = after("stat::average_exec_per_sec:") {
            self.per_second = count;
        } else if let Some(count) = after("stat::peak_rss_mb:") {
            self.memory = count;
        } else if let Some((_, rest)) = line.split_once(" cov: ") {
            let count = rest.split(' ').next().and_then(number);
            self.covered = count.unwrap_or(self.covered);
        } else if let Some((_, file)) = line.split_once("Test unit written to ") {
            let (input, _) = self.input.get_or_insert_default();
            file.trim().clone_into(input);
        } else if line.contains("panicked at") || line.contains("ERROR: libFuzzer") {
            let (_, words) = self.input.get_or_insert_default();
            if words.is_empty() {
                line.trim().clone_into(words);
            }
        }
    }
}

/// Runs one target. What the fuzzer says goes into a file beside what it finds.
fn run_target(program: &Path, target: &str, seconds: u32) -> Result<Found> {
    // New inputs go into the first folder and are there for the next run; the project's own are only read.
    let (grown, logs) = (built().join("corpus").join(target), built().join("logs"));
    let artifacts = built().join("artifacts");
    for folder in [&grown, &logs, &artifacts] {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut child = Command::new(program)
        .arg(&grown)
        .arg(folder().join("corpus").join(target))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!(
            "-artifact_prefix={}/{target}-",
            artifacts.display()
        ))
        .args([MEMORY, TIME, LONGEST, "-print_final_stats=1"])
        .env(VARIABLE, target)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| program.display().to_string())?;
    let mut found = Found::default();
    let mut log = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        let mut lines = BufReader::new(stderr);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            found.read(&String::from_utf8_lossy(&line));
            log.append(&mut line);
        }
    }
    fs::write(logs.join(target), &log)?;
    let status = child.wait()?;
    if !status.success() && found.input.is_none() {
        let end = String::from_utf8_lossy(&log);
        let last = end.lines().last().unwrap_or_default();
        bail!("the target `{target}` ended with {status}: {last}");
    }
    Ok(found)
}

/// The folder of the fuzz crate.
fn folder() -> PathBuf {
    paths::root().join("tests/fuzz")
}

/// Where the targets are built and leave what they find.
fn built() -> PathBuf {
    paths::output().join("fuzz")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_fuzzer_says_is_read() {
        let mut found = Found::default();
        for line in [
            "INFO: Running with entropic power schedule (0xFF, 100).",
            "#1024\tNEW    cov: 512 ft: 900 corp: 20/1Kb exec/s: 512 rss: 60Mb",
            "#2048\tDONE   cov: 600 ft: 950 corp: 21/1Kb lim: 4096 exec/s: 682 rss: 61Mb",
            "stat::number_of_executed_units: 2048",
            "stat::average_exec_per_sec:     682",
            "stat::peak_rss_mb:              61",
        ] {
            found.read(line);
        }
        let read = (
            found.executions,
            found.per_second,
            found.covered,
            found.memory,
        );
        assert_eq!((read, found.input), ((2048, 682, 600, 61), None));
    }

    #[test]
    fn a_finding_is_told_with_its_input() {
        let mut found = Found::default();
        for line in [
            "thread '<unnamed>' panicked at src/a.rs:7:5:",
            "==1== ERROR: libFuzzer: deadly signal",
            "artifact_prefix='x'; Test unit written to x/link-crash-1",
        ] {
            found.read(line);
        }
        let (input, words) = found.input.unwrap();
        assert_eq!(input, "x/link-crash-1");
        assert!(words.contains("src/a.rs:7:5"), "{words}");
    }

    #[test]
    fn a_target_is_chosen_by_its_name() {
        assert_eq!(chosen(Some("link")).unwrap(), ["link"]);
        let all = chosen(None).unwrap();
        assert!(all.len() > 10 && all.is_sorted(), "{all:?}");
        assert!(
            chosen(Some("lnk"))
                .unwrap_err()
                .to_string()
                .contains("link")
        );
    }
}
