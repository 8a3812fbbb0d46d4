//! The pictures that can be shown.

use std::collections::BTreeMap;

use ahoy_contract::{PeerId, video::SELF_TRACK};
use ahoy_engine::frame::VideoFrame;
use tokio::sync::watch;

/// Where the newest picture of a track is found.
pub(crate) type Pictures = watch::Receiver<Option<VideoFrame>>;

/// Which track a window asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Track {
    /// The user's own picture.
    Own,
    /// A member's.
    Peer(PeerId),
}

impl Track {
    /// Reads a track's name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        if name == SELF_TRACK {
            Some(Self::Own)
        } else {
            name.parse().ok().map(Self::Peer)
        }
    }
}

/// The pictures that can be shown now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tracks {
    /// The user's own, while the camera's preview or a call is open.
    pub(crate) own: Option<Pictures>,
    /// Those of the members that send pictures.
    pub(crate) peers: BTreeMap<PeerId, Pictures>,
}

impl Tracks {
    /// Whether both name the same pictures.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let same = |a: &Pictures, b: &Pictures| a.same_channel(b);
        let own = match (&self.own, &other.own) {
            (Some(a), Some(b)) => same(a, b),
            (None, None) => true,
            _ => false,
        };
        own && self.peers.len() == other.peers.len()
            && self
                .peers
                .iter()
                .zip(&other.peers)
                .all(|((id, a), (other, b))| id == other && same(a, b))
    }

    pub(super) fn get(&self, track: &Track) -> Option<Pictures> {
        match track {
            Track::Own => self.own.clone(),
            Track::Peer(peer) => self.peers.get(peer).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_the_users_own_or_a_peers_and_nothing_else() {
        assert_eq!(Track::parse("self"), Some(Track::Own));
        let peer = "abcdefghij234567";
        assert_eq!(Track::parse(peer), Some(Track::Peer(peer.parse().unwrap())));
        for name in ["", "Self", "../self", "abcdefghij23456"] {
            assert_eq!(Track::parse(name), None);
        }
    }
}
