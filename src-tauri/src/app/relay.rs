//! The built-in relay: an edge.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use ahoy_contract::{ErrorCode, UserError};
use ahoy_relay::{Config, Identity, Relay, RelayError};
use tokio::{
    net::TcpListener,
    task::{JoinHandle, spawn_blocking},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::room::Listening;
use crate::address::{self, Address};

/// How many ports after the remembered one are tried before the system chooses.
const NEXT_PORTS: u16 = 16;

/// How long guests' sockets may take to end when the relay stops.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// The relay while it runs.
pub(super) struct BuiltInRelay {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl BuiltInRelay {
    /// Starts it: for the network with TLS under an identity kept in `folder`, or for this computer only.
    /// Takes `port`, or the next free one.
    pub(super) async fn start(
        network: bool,
        port: u16,
        folder: &Path,
    ) -> Result<(Self, Listening), UserError> {
        let listener = listen(network, port)
            .await
            .map_err(|error| failed(&error))?;
        let port = listener
            .local_addr()
            .map_err(|error| failed(&error))?
            .port();
        let mut config = Config::default();
        config.limits.stop = STOP_WITHIN;
        let mut addresses = Vec::new();
        if network {
            let folder: PathBuf = folder.to_owned();
            let made = spawn_blocking(move || {
                let addresses = address::list();
                let hosts: Vec<String> = addresses.iter().map(|a| a.ip.to_string()).collect();
                Identity::self_signed(&folder, &hosts).map(|identity| (identity, addresses))
            });
            let (identity, found) = made
                .await
                .map_err(|error| failed(&error))?
                .map_err(|error| identity_failed(&error))?;
            config.identity = Some(identity);
            addresses = found;
        }
        let pin = config
            .identity
            .as_ref()
            .map(|identity| identity.pin().clone());
        let relay = Relay::new(config).map_err(|error| failed(&error))?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            if let Err(error) = relay.run(listener, stopped).await {
                error!("the built-in relay has ended: {error}");
            }
        });
        info!(port, network, "the built-in relay listens");
        let listening = Listening {
            port,
            pin,
            addresses,
        };
        Ok((Self { stop, task }, listening))
    }

    /// Stops it and waits until nothing of it runs.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            error!("the built-in relay failed: {error}");
        }
    }
}

/// The machine's addresses now.
pub(super) async fn addresses() -> Vec<Address> {
    spawn_blocking(address::list).await.unwrap_or_default()
}

async fn listen(network: bool, first: u16) -> io::Result<TcpListener> {
    let mut outcome = Err(io::ErrorKind::AddrInUse.into());
    for port in (0..=NEXT_PORTS)
        .filter_map(|n| first.checked_add(n))
        .chain([0])
    {
        outcome = bind(network, port).await;
        match &outcome {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            _ => break,
        }
    }
    outcome
}

async fn bind(network: bool, port: u16) -> io::Result<TcpListener> {
    if !network {
        return TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    }
    // On Windows the IPv6 socket would take IPv6 only; elsewhere it takes both.
    let addresses: &[IpAddr] = if cfg!(windows) {
        &[IpAddr::V4(Ipv4Addr::UNSPECIFIED)]
    } else {
        &[
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        ]
    };
    let mut outcome = Err(io::ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        outcome = TcpListener::bind((*address, port)).await;
        match &outcome {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => break,
            // A machine without IPv6.
            Err(_) => {}
        }
    }
    outcome
}

fn failed(error: &dyn std::fmt::Display) -> UserError {
    error!("the built-in relay does not start: {error}");
    UserError::new(
        ErrorCode::RelayFailed,
        "The built-in relay cannot listen for guests.",
        "Check that a firewall does not stop Ahoy, or choose a server in the settings.",
    )
}

fn identity_failed(error: &RelayError) -> UserError {
    error!("the built-in relay has no identity: {error}");
    UserError::new(
        ErrorCode::RelayFailed,
        "The certificate of the built-in relay cannot be used.",
        format!("{error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_is_taken_gives_way_to_the_next() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        for network in [true, false] {
            let (relay, listening) = BuiltInRelay::start(network, port, folder.path())
                .await
                .unwrap();
            assert_ne!(listening.port, port);
            assert_eq!(listening.pin.is_some(), network);
            relay.stop().await;
        }
    }

    #[tokio::test]
    async fn after_a_stop_the_same_port_is_free_again_and_the_key_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (relay, first) = BuiltInRelay::start(true, 0, folder.path()).await.unwrap();
        relay.stop().await;
        let (relay, second) = BuiltInRelay::start(true, first.port, folder.path())
            .await
            .unwrap();
        relay.stop().await;
        assert_eq!((second.port, second.pin), (first.port, first.pin));
    }
}
