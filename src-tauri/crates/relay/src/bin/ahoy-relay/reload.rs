//! Certificates that are exchanged while the relay runs: when it is told to (SIGHUP), and when their files change.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use ahoy_relay::{Handle, Identity, RelayError};
use tokio::{
    task::{JoinError, JoinHandle, spawn_blocking},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Where the certificate comes from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Two files of the operator's.
    Files {
        /// The certificate, with those that lead to its issuer.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// A folder in which it is made, for these hosts.
    Made {
        /// The folder.
        folder: PathBuf,
        /// What others may call the relay.
        hosts: Vec<String>,
    },
}

/// Properties of a file that change when its content does.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

impl Source {
    /// Reads the certificate, or makes it.
    ///
    /// # Errors
    /// Those of [`Identity`].
    pub(crate) fn load(&self) -> Result<Identity, RelayError> {
        match self {
            Self::Files { certificate, key } => Identity::from_pem_files(certificate, key),
            Self::Made { folder, hosts } => Identity::self_signed(folder, hosts),
        }
    }

    // Of the operator's files; nobody else changes those that are made here. `None`: one cannot be looked at.
    fn stamps(&self) -> Option<Vec<Stamp>> {
        match self {
            Self::Files { certificate, key } => [certificate, key]
                .map(|path| stamp(path).ok())
                .into_iter()
                .collect(),
            Self::Made { .. } => None,
        }
    }
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    // A link that leads to another file now is a change too.
    let data = std::fs::metadata(path)?;
    Ok(Stamp {
        modified: data.modified().ok(),
        bytes: data.len(),
    })
}

/// Decides from what is seen of the files when they are read anew: once they have changed, and then stayed as they are
/// for one look, for a program may write one after the other.
#[derive(Debug)]
struct Watch {
    /// As they were when they were last read, or could not be.
    read: Option<Vec<Stamp>>,
    last: Option<Vec<Stamp>>,
}

impl Watch {
    fn new(stamps: Option<Vec<Stamp>>) -> Self {
        Self {
            read: stamps.clone(),
            last: stamps,
        }
    }

    fn look(&mut self, stamps: Option<Vec<Stamp>>) -> bool {
        let settled = stamps == self.last;
        self.last = stamps;
        let changed = settled && self.last.is_some() && self.last != self.read;
        if changed {
            self.read.clone_from(&self.last);
        }
        changed
    }
}

/// A certificate that is being read.
type Reading = JoinHandle<Result<Identity, RelayError>>;

/// Exchanges the certificate of a relay until `stop`. A relay without one has no `source`, and nothing to exchange.
///
/// Reading a file can take forever, for example when it is a pipe. It holds up neither `stop` nor anything else, and
/// nothing more is read meanwhile.
pub(crate) async fn run(
    source: Option<Source>,
    relay: Handle,
    mut hangups: Hangups,
    stop: CancellationToken,
) {
    let mut watch = Watch::new(source.as_ref().and_then(Source::stamps));
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reading: Option<Reading> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            read = end_of(&mut reading) => {
                reading = None;
                replace(read, &relay);
            }
            () = hangups.next() => match &source {
                Some(_) if reading.is_some() => warn!("SIGHUP: the certificate is still being read"),
                Some(source) => {
                    watch = Watch::new(source.stamps());
                    reading = Some(read(source));
                }
                None => info!("SIGHUP: there is no certificate that could be read anew"),
            },
            _ = looks.tick(), if reading.is_none() => {
                if let Some(source) = &source
                    && watch.look(source.stamps())
                {
                    reading = Some(read(source));
                }
            }
        }
    }
}

fn read(source: &Source) -> Reading {
    let source = source.clone();
    spawn_blocking(move || source.load())
}

// Never ends where nothing is read.
async fn end_of(reading: &mut Option<Reading>) -> Result<Result<Identity, RelayError>, JoinError> {
    match reading {
        Some(reading) => reading.await,
        None => std::future::pending().await,
    }
}

fn replace(read: Result<Result<Identity, RelayError>, JoinError>, relay: &Handle) {
    let replaced = match read {
        Ok(Ok(identity)) => relay.replace_identity(&identity).map(|()| identity),
        Ok(Err(error)) => Err(error),
        Err(error) => return warn!("the certificate was not read anew: {error}"),
    };
    match replaced {
        Ok(identity) => info!(
            pin = identity.pin().to_text(),
            self_signed = identity.is_self_signed(),
            "the certificate was read anew"
        ),
        Err(error) => warn!("the certificate stays as it was: {error}"),
    }
}

/// The times that the program is told to read its files anew (SIGHUP). From the moment that this is made, it does not
/// end the program.
#[derive(Debug)]
pub(crate) struct Hangups {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

impl Hangups {
    /// # Errors
    /// When the system does not let the signal be watched for.
    #[cfg(unix)]
    pub(crate) fn watch() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            signal: signal(SignalKind::hangup())?,
        })
    }

    /// # Errors
    /// None: this system has no such signal.
    #[cfg(not(unix))]
    pub(crate) fn watch() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        if self.signal.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(bytes: [u64; 2]) -> Option<Vec<Stamp>> {
        let stamp = |bytes| Stamp {
            modified: None,
            bytes,
        };
        Some(bytes.map(stamp).to_vec())
    }

    #[test]
    fn files_are_read_anew_once_they_have_changed_and_stay_so() {
        let mut watch = Watch::new(stamps([1, 1]));
        for (seen, read) in [
            (stamps([1, 1]), false),
            // First the one, then the other.
            (stamps([2, 1]), false),
            (stamps([2, 2]), false),
            (stamps([2, 2]), true),
            (stamps([2, 2]), false),
            // One is gone for a moment.
            (None, false),
            (None, false),
            (stamps([2, 2]), false),
            (stamps([2, 2]), false),
            (stamps([3, 2]), false),
            (stamps([3, 2]), true),
            // Back again: the same is another.
            (stamps([2, 2]), false),
            (stamps([2, 2]), true),
        ] {
            assert_eq!(watch.look(seen.clone()), read, "{seen:?}");
        }
    }

    #[test]
    fn where_there_are_no_files_nothing_is_read() {
        let mut watch = Watch::new(None);
        assert!((0..5).all(|_| !watch.look(None)));
    }
}
