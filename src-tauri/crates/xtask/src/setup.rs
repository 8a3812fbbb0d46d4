//! Finds what the machine lacks, and installs it with the platform's package manager.

use std::{
    io::{BufRead as _, IsTerminal as _, Write as _},
    path::Path,
    process::Stdio,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    packages::{self, Manager},
    shell::{command, has, output, run},
};

/// What the machine is set up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To build and start the app.
    Run,
    /// To test it as well.
    Test,
}

/// Installs what is missing. Quick when nothing is. Asks first when a person is there who is not root.
pub(crate) fn setup(purpose: Purpose) -> Result<()> {
    let Some(manager) = packages::manager() else {
        println!("no package manager known here: see docs/testing.md for what building needs");
        return need_node();
    };
    let mut wanted = manager.run.to_vec();
    if purpose == Purpose::Test {
        wanted.extend(manager.test);
    }
    let mut missing = manager.missing(&wanted);
    if !has("node") || !(has("npm") || has("npm.cmd")) {
        missing.extend(match manager.program {
            "brew" => &["node"][..],
            _ => &["nodejs", "npm"],
        });
    }
    if missing.is_empty() {
        println!("system packages: nothing is missing");
    } else {
        install(manager, &missing)?;
    }
    need_node()
}

fn need_node() -> Result<()> {
    if packages::node_suffices() {
        return Ok(());
    }
    let found = output("node", &["--version"]).map_or("none".into(), |v| v.trim().to_owned());
    bail!(
        "Node.js 20.19 or later is needed to build the window (found: {found}). \
         The system's package is too old: install a newer one from https://nodejs.org and try again."
    );
}

fn install(manager: &Manager, missing: &[&str]) -> Result<()> {
    println!("system packages missing: {}", missing.join(" "));
    let sudo = manager.root && !is_root();
    if sudo && !has("sudo") {
        bail!(
            "these packages need root: `{} {} {}`",
            manager.program,
            manager.install.join(" "),
            missing.join(" ")
        );
    }
    if !is_root() && std::io::stdin().is_terminal() && !confirmed(manager)? {
        bail!("not installed, as you said; nothing was changed");
    }
    if let Some(refresh) = manager.refresh {
        println!(
            "{} {}: brings the list of packages up to date",
            manager.program,
            refresh.join(" ")
        );
        // An old list may do; what it lacks shows at the install.
        if let Err(error) = call(manager, sudo, refresh) {
            println!("{error:#}; going on with the list there is");
        }
    }
    println!("{} installs {} packages", manager.program, missing.len());
    let mut arguments = manager.install.to_vec();
    arguments.extend(missing);
    call(manager, sudo, &arguments).context("the system packages could not be installed")
}

fn call(manager: &Manager, sudo: bool, arguments: &[&str]) -> Result<()> {
    let mut words = Vec::new();
    if sudo {
        words.push("sudo");
        // Without a person there is nobody to give a password.
        if !std::io::stdin().is_terminal() {
            words.push("--non-interactive");
        }
    }
    if manager.program == "apt-get" {
        words.extend(["env", "DEBIAN_FRONTEND=noninteractive"]);
    }
    words.push(manager.program);
    words.extend(arguments);
    let mut command = command(Path::new("/"), words[0], &words[1..]);
    if sudo && std::io::stdin().is_terminal() {
        let status = command.stdin(Stdio::inherit()).status()?;
        anyhow::ensure!(status.success(), "{} ended with {status}", manager.program);
        return Ok(());
    }
    run(&mut command)
}

fn confirmed(manager: &Manager) -> Result<bool> {
    let sudo = if manager.root { " with sudo" } else { "" };
    print!("Install them now{sudo}, by {}? [Y/n] ", manager.program);
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "" | "y" | "yes"
    ))
}

fn is_root() -> bool {
    output("id", &["-u"]).is_some_and(|id| id.trim() == "0")
}
