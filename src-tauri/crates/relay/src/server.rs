//! Accepts connections until it is told to stop, then sees them all end.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    Identity,
    address::Addresses,
    certificate::Current,
    config::Config,
    connection::{self, Arrival, Shared},
    error::RelayError,
    handshakes::{Crowd, Handshakes},
    hub::Hub,
    lobby::{Lobby, Places},
    page::Site,
    rooms::Bounds,
};

/// How long to wait when the system has no more file descriptors: some connection may end.
const ACCEPT_WAIT: Duration = Duration::from_millis(100);
/// After so many failures of a listener in a row it is broken.
const MAX_ACCEPT_FAILURES: u32 = 100;

/// A relay that does not run yet.
#[derive(Debug)]
pub struct Relay {
    shared: Arc<Shared>,
}

/// Tells how a relay does, while it runs and after, and gives it another certificate.
#[derive(Debug, Clone)]
pub struct Handle {
    hub: Arc<Hub>,
    places: Option<Places>,
    tls: Option<Arc<Current>>,
}

/// How much a relay holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Rooms, those that wait for their host included.
    pub rooms: usize,
    /// Members of all rooms, with those at a door and those whose socket broke a short time ago.
    pub members: usize,
    /// Open sockets, in a room or not.
    pub sockets: usize,
    /// Clients of the lobby.
    pub lobby: usize,
}

impl Handle {
    /// How much the relay holds now.
    pub fn counts(&self) -> Counts {
        let (rooms, members, sockets) = self.hub.count();
        Counts {
            rooms,
            members,
            sockets,
            lobby: self.places.as_ref().map_or(0, Places::taken),
        }
    }

    /// Shows this certificate to those who connect from now on. Who is there already stays.
    ///
    /// # Errors
    /// [`RelayError::Certificate`] when TLS could not use it, or the relay speaks none. Then all stays as it was.
    pub fn replace_identity(&self, identity: &Identity) -> Result<(), RelayError> {
        match &self.tls {
            Some(tls) => tls.replace(identity),
            None => Err(RelayError::Certificate(
                "the relay was started without one".to_owned(),
            )),
        }
    }
}

/// Runs a relay on a listener until `stop`; the short form of [`Relay::new`] and [`Relay::run`].
///
/// # Errors
/// Those of the two.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    stop: CancellationToken,
) -> Result<(), RelayError> {
    Relay::new(config)?.run(listener, stop).await
}

impl Relay {
    /// A relay as its operator wants it.
    ///
    /// # Errors
    /// [`RelayError::Certificate`] when the identity is none that TLS could use, [`RelayError::Thread`] when
    /// the lobby gets no thread.
    pub fn new(config: Config) -> Result<Self, RelayError> {
        let tls = config
            .identity
            .as_ref()
            .map(Current::new)
            .transpose()?
            .map(Arc::new);
        let bounds = Bounds {
            rooms: config.limits.rooms,
            call_members: config.limits.peers_per_call,
            broadcast_members: config.limits.peers_per_broadcast,
            host_away: config.limits.host_away,
            resume: config.limits.resume,
            kept_bytes: config.limits.kept_bytes,
        };
        let hub = Arc::new(Hub::new(bounds, config.limits.sockets));
        let addresses = Addresses::new(&config.limits, config.trusted_proxies.clone());
        let (site, router) = Site::new(&config);
        let config = Arc::new(config);
        let stop = CancellationToken::new();
        let lobby = config
            .lobby
            .then(|| Lobby::new(config.limits, stop.clone()))
            .transpose()?;
        Ok(Self {
            shared: Arc::new(Shared {
                hub,
                lobby,
                config,
                addresses: Arc::new(addresses),
                site,
                router,
                tls,
                stop,
            }),
        })
    }

    /// What tells how the relay does.
    pub fn handle(&self) -> Handle {
        Handle {
            hub: self.shared.hub.clone(),
            places: self.shared.lobby.as_ref().map(Lobby::places),
            tls: self.shared.tls.clone(),
        }
    }

    /// Accepts connections until `stop`, then closes all sockets and waits for them, at most
    /// [`Limits::stop`](crate::Limits::stop); what has not ended then is cut off. When it returns, nothing
    /// of the relay runs any more. Dropping the future cuts everything off.
    ///
    /// # Errors
    /// [`RelayError::Accept`] when the listener has broken.
    pub async fn run(
        self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> Result<(), RelayError> {
        let shared = self.shared;
        if shared.lobby.is_some() {
            warn!("the lobby is open: it mixes strangers, and nothing in it is authenticated");
        }
        // Dropped, it cuts off whatever runs in it.
        let mut tasks = JoinSet::new();
        let (hub, ending) = (shared.hub.clone(), shared.stop.clone());
        tasks.spawn(async move {
            ending.run_until_cancelled(hub.run()).await;
        });

        let accepted = tokio::select! {
            failed = accept(&listener, &shared, &mut tasks) => Err(RelayError::Accept(failed)),
            () = stop.cancelled() => Ok(()),
        };
        drop(listener);
        shared.stop.cancel();
        shared.hub.stop();
        let within = shared.config.limits.stop;
        let ended = async {
            if let Some(lobby) = &shared.lobby {
                lobby.end(within / 2).await;
            }
            while tasks.join_next().await.is_some() {}
        };
        if timeout(within, ended).await.is_err() {
            warn!(
                connections = tasks.len(),
                "cut off what did not end in time"
            );
            tasks.shutdown().await;
        }
        info!("stopped");
        accepted
    }
}

// Accepts for ever; what it returns is why it cannot.
async fn accept(
    listener: &TcpListener,
    shared: &Arc<Shared>,
    tasks: &mut JoinSet<()>,
) -> io::Error {
    let handshakes = Arc::new(Handshakes::new(&shared.config.limits));
    let mut failures = 0;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            // The one that came has gone already: nothing is wrong with the listener.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => {
                failures += 1;
                if failures >= MAX_ACCEPT_FAILURES {
                    return error;
                }
                warn!("a connection could not be accepted: {error}");
                sleep(ACCEPT_WAIT).await;
                continue;
            }
        };
        failures = 0;
        let peer = address.ip();
        let caller = if shared.addresses.is_proxy(peer) {
            shared.addresses.proxy()
        } else {
            shared.addresses.caller(peer)
        };
        let counted = caller.connect();
        let entry = match counted {
            Some(_) => handshakes.enter(),
            None => handshakes.refuse(Crowd::Address),
        };
        // Without an entry it is dropped: words would cost what the limit saves.
        let Some(entry) = entry else { continue };
        let arrival = Arrival {
            peer,
            counted,
            entry,
        };
        let opening = Box::pin(connection::open(stream, shared.clone(), arrival));
        tasks.spawn(connection::run(opening, shared.clone()));
    }
}
