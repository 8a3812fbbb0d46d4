//! The first picture of a peer, and how long it took.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use ahoy_contract::PeerId;
use tokio::sync::mpsc;

use super::EngineEvent;
use crate::{frame::VideoFrame, media::VideoSink};

/// Milliseconds since the first offer left or arrived.
pub(super) fn since(offered: &OnceLock<Instant>) -> u64 {
    offered
        .get()
        .map_or(0, |at| at.elapsed().as_millis() as u64)
}

/// Tells of the first picture, and hands all on.
pub(super) struct FirstFrame {
    pub(super) offered: Arc<OnceLock<Instant>>,
    pub(super) to_user: Option<mpsc::Sender<EngineEvent>>,
    pub(super) next: Option<Box<dyn VideoSink>>,
}

impl VideoSink for FirstFrame {
    fn picture(&mut self, peer: &PeerId, picture: &VideoFrame) {
        if let Some(next) = &mut self.next {
            next.picture(peer, picture);
        }
        if let Some(to_user) = self.to_user.take() {
            let _ = to_user.try_send(EngineEvent::FirstFrame {
                peer: peer.clone(),
                ms: since(&self.offered),
                width: picture.width(),
                height: picture.height(),
            });
        }
    }
}
