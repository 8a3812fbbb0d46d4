//! Why a relay could not be started or go on.

use std::{io, path::PathBuf};

/// Why a relay could not be started or go on. The text is a sentence for the person who runs it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The address cannot be listened on.
    #[error(
        "{address} is in use by another program. Stop that program, or choose another port with --listen."
    )]
    InUse {
        /// The address asked for.
        address: String,
    },
    /// The address cannot be listened on for another reason.
    #[error("The relay cannot listen on {address}: {source}.")]
    Listen {
        /// The address asked for.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The listener takes no more connections.
    #[error("The relay takes no more connections: {0}.")]
    Accept(io::Error),
    /// A file of the identity cannot be read or written.
    #[error("{path} cannot be {action}: {source}.")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// "read", "written" or "made".
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// There is no folder of the user's for the identity.
    #[error("There is no folder for the relay's certificate. Name one with --data-dir.")]
    NoFolder,
    /// A file of the identity does not hold what it should.
    #[error("{path} holds no {what}. {hint}")]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A certificate could not be made or used.
    #[error("The relay's certificate cannot be used: {0}.")]
    Certificate(String),
    /// The system gave no thread for the lobby.
    #[error("The lobby cannot be opened: {0}. Start the relay without it, or stop other programs.")]
    Thread(io::Error),
    /// The system gave no random numbers.
    #[error("The system gives no random numbers: {0}.")]
    Random(String),
}

impl RelayError {
    /// The error of a listener that could not be bound to `address`.
    pub fn listen(address: impl Into<String>, source: io::Error) -> Self {
        let address = address.into();
        if source.kind() == io::ErrorKind::AddrInUse {
            Self::InUse { address }
        } else {
            Self::Listen { address, source }
        }
    }
}
