//! `ahoy-relay`: the relay as a server of its own.

mod cli;
mod ice_servers;
mod reload;

use std::{io::IsTerminal as _, process::ExitCode, time::Duration};

use ahoy_relay::{Relay, RelayError};
use clap::Parser as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use ahoy_contract::wire::IceServer;
use cli::Cli;
use reload::Hangups;

/// The time that a file which is being read when the relay ends may still take.
const READ_END: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let mut cli = Cli::parse();
    if let Some(flag) = cli.not_built() {
        eprintln!("ahoy-relay: {flag} is not built yet.");
        return ExitCode::from(2);
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&RelayError::listen(&cli.listen, error)),
    };
    // Before anything that can take long: a SIGHUP ends a program that does not watch for it.
    let hangups = match runtime.block_on(async { Hangups::watch() }) {
        Ok(hangups) => hangups,
        Err(error) => return failed(&RelayError::listen(&cli.listen, error)),
    };
    let ice_servers = match cli.ice_servers() {
        Ok(servers) => servers,
        Err(error) => {
            eprintln!("ahoy-relay: {error}");
            return ExitCode::from(2);
        }
    };
    let _log = ahoy_log::init(cli.log_filter(), std::io::stderr().is_terminal());
    let done = runtime.block_on(run(cli, ice_servers, hangups));
    // A file that is still being read is not waited for.
    runtime.shutdown_timeout(READ_END);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &RelayError) -> ExitCode {
    eprintln!("ahoy-relay: {error}");
    ExitCode::FAILURE
}

async fn run(cli: Cli, ice_servers: Vec<IceServer>, hangups: Hangups) -> Result<(), RelayError> {
    // Every socket is a file to the system, which allows a program only about a thousand unless it asks.
    #[cfg(unix)]
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        warn!("the number of open files stays as it is: {error}");
    }
    let failed = |source| RelayError::listen(&cli.listen, source);
    let stop = CancellationToken::new();
    watch_signals(&stop).map_err(failed)?;
    let listener = TcpListener::bind(&cli.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let source = cli.certificate(address)?;
    let mut config = cli.config(ice_servers);
    config.identity = source.as_ref().map(reload::Source::load).transpose()?;
    let scheme = match &config.identity {
        Some(identity) => {
            info!(
                pin = identity.pin().to_text(),
                self_signed = identity.is_self_signed(),
                "certificate"
            );
            "https"
        }
        None => {
            if !address.ip().is_loopback() && config.public_urls.is_empty() {
                warn!(
                    "without TLS browsers give no camera or microphone: use --tls self-signed or --cert and --key"
                );
            }
            "http"
        }
    };
    let relay = Relay::new(config)?;
    println!("listening {scheme}://{address}");
    let reload = reload::run(source, relay.handle(), hangups, stop.clone());
    let reload = tokio::spawn(reload);
    let done = relay.run(listener, stop.clone()).await;
    stop.cancel();
    if let Err(error) = reload.await {
        warn!("{error}");
    }
    done
}

// SIGINT and SIGTERM stop the relay.
#[cfg(unix)]
fn watch_signals(stop: &CancellationToken) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}

#[cfg(not(unix))]
fn watch_signals(stop: &CancellationToken) -> std::io::Result<()> {
    let stop = stop.clone();
    tokio::spawn(async move {
        // Where it cannot be watched for, the system ends the program.
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.cancel();
        }
    });
    Ok(())
}
