//! What of the peers others than their tasks may see: pictures and counters.

use std::{collections::BTreeMap, sync::Arc};

use ahoy_contract::PeerId;
use parking_lot::Mutex;

use super::{PeerReport, report::Counters};
use crate::media::{Latest, VideoIn};

/// What of the peers others than their tasks may see.
#[derive(Clone, Default)]
pub(super) struct Peers {
    inner: Arc<Mutex<BTreeMap<PeerId, Public>>>,
}

/// What they see of one.
pub(super) struct Public {
    pub(super) counters: Counters,
    pub(super) pictures: Option<Latest>,
    pub(super) screen: Option<Latest>,
}

impl Peers {
    /// A peer is connected.
    pub(super) fn insert(&self, peer: PeerId, public: Public) {
        self.inner.lock().insert(peer, public);
    }

    /// The screen of a peer has begun.
    pub(super) fn insert_screen(&self, peer: &PeerId, screen: &VideoIn) {
        if let Some(public) = self.inner.lock().get_mut(peer) {
            public.screen = Some(screen.pictures());
            public.counters.screen = Some(screen.stats().clone());
        }
    }

    /// A peer's connection is over.
    pub(super) fn remove(&self, peer: &PeerId) {
        self.inner.lock().remove(peer);
    }

    pub(super) fn picture(&self, peer: &PeerId) -> Option<Latest> {
        self.inner
            .lock()
            .get(peer)
            .and_then(|public| public.pictures.clone())
    }

    pub(super) fn screen(&self, peer: &PeerId) -> Option<Latest> {
        self.inner
            .lock()
            .get(peer)
            .and_then(|public| public.screen.clone())
    }

    pub(super) fn report(&self) -> Vec<PeerReport> {
        self.inner
            .lock()
            .iter()
            .map(|(id, public)| public.counters.report(id.clone()))
            .collect()
    }
}
