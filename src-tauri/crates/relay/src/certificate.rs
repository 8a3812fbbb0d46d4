//! The certificate that a relay shows now. Another can take its place while the relay runs.

use std::sync::{Arc, PoisonError, RwLock};

use ahoy_contract::id::Pin;
use rustls::ServerConfig;

use crate::{Identity, RelayError};

/// One certificate, ready for use. A connection keeps the one that it was made with.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// What TLS needs.
    pub(crate) config: Arc<ServerConfig>,
    /// The names and IP addresses that it is good for; a name may begin with `*.`.
    pub(crate) names: Vec<String>,
    /// The PIN of its key.
    pub(crate) pin: Pin,
}

/// The certificate for new connections.
#[derive(Debug)]
pub(crate) struct Current(RwLock<Arc<Certificate>>);

impl Certificate {
    fn of(identity: &Identity) -> Result<Arc<Self>, RelayError> {
        Ok(Arc::new(Self {
            config: identity.server_config()?,
            names: identity.names()?,
            pin: identity.pin().clone(),
        }))
    }
}

impl Current {
    pub(crate) fn new(identity: &Identity) -> Result<Self, RelayError> {
        Certificate::of(identity).map(|first| Self(RwLock::new(first)))
    }

    /// The certificate that new connections get.
    pub(crate) fn get(&self) -> Arc<Certificate> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    /// New connections get this one from now on. The one before stays where it cannot be used.
    pub(crate) fn replace(&self, identity: &Identity) -> Result<(), RelayError> {
        let next = Certificate::of(identity)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }
}
