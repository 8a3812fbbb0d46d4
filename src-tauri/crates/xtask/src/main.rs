//! `cargo xtask`: sets a machine up and does the project's chores.
//!
//! It holds no heavy dependency, so that it starts within seconds on a machine that has built nothing.

mod arrows;
mod chores;
mod contract;
mod fuzz;
mod packages;
mod paths;
mod setup;
mod shell;
mod source;
mod steps;
mod test;
mod ui;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Ahoy's chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Installs what is missing, builds the window and the app, and starts the app.
    Run {
        /// Build with optimisation.
        #[arg(long)]
        release: bool,
        /// What the app gets on its command line.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Installs what is missing and runs every check and test there is.
    Test(test::Selection),
    /// Measures, and writes the table into docs.
    Bench {
        /// What is measured.
        #[arg(value_enum, default_value = "call")]
        what: chores::Bench,
        /// How often; the table holds the medians.
        #[arg(long, default_value_t = 5)]
        runs: u32,
    },
    /// Looks for inputs of strangers that the project's parts do not stand, with the nightly toolchain.
    Fuzz(fuzz::Selection),
    /// Installs the system packages that building (and testing) needs.
    Setup {
        /// Those for the tests too: browsers, a virtual display, a sound server, an emulator.
        #[arg(long)]
        test: bool,
    },
    /// Writes ui/src/contract from the contract crate.
    Contract,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().chore {
        Chore::Run { release, arguments } => chores::run(release, &arguments),
        Chore::Test(selection) => test::test(&selection),
        Chore::Bench { what, runs } => chores::bench(what, runs),
        Chore::Fuzz(selection) => fuzz::fuzz(&selection),
        Chore::Setup { test: true } => setup::setup(setup::Purpose::Test),
        Chore::Setup { test: false } => setup::setup(setup::Purpose::Run),
        Chore::Contract => contract::write(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
