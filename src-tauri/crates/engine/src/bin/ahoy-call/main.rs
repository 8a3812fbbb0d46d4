//! `ahoy-call`: the engine without a window, for scripts, tests and machines without a display.

mod args;
mod devices;
mod names;
mod output;
mod plan;
mod private;
mod process;
mod session;
mod sinks;
mod stats;

use std::{io::IsTerminal as _, process::ExitCode};

use clap::Parser;
use tracing_subscriber::EnvFilter;

use args::Args;
use output::{Exit, Output};

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_env("AHOY_LOG")
        .unwrap_or_else(|_| EnvFilter::new(ahoy_engine::rtc::LOG_FILTER));
    let _log = ahoy_log::init(filter, std::io::stderr().is_terminal());
    ahoy_engine::engine::allow_connections();
    let output = Output::new(args.json);
    let plan = match args.plan(&mut std::io::stdin().lock()) {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("ahoy-call: {error}");
            if output.is_json() {
                output.error(&error);
            }
            return Exit::Usage.into();
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("ahoy-call: {error}");
            return Exit::Failed.into();
        }
    };
    let exit = match plan {
        plan::Plan::Devices => devices::list(&output),
        plan::Plan::Call(plan) => runtime.block_on(session::run(*plan, output)),
    };
    // A thread that hangs in a driver must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    exit.into()
}
