//! The pictures that can be shown.

use std::collections::BTreeMap;

use ahoy_contract::{
    PeerId,
    ui::SOURCE_TRACK,
    video::{SCREEN_TRACK, SELF_TRACK},
};
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
    /// That of the screen that a member shows.
    Screen(PeerId),
    /// The small one of a part of the screen, by its id.
    Source(String),
}

impl Track {
    /// Reads a track's name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        if name == SELF_TRACK {
            Some(Self::Own)
        } else if let Some(id) = name.strip_prefix(SOURCE_TRACK) {
            (!id.is_empty()).then(|| Self::Source(id.to_owned()))
        } else if let Some(peer) = name.strip_prefix(SCREEN_TRACK) {
            peer.parse().ok().map(Self::Screen)
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
    /// The user's own is of a screen, which may show this window: each picture that is drawn here would make the next
    /// one, without end. So there is one a second.
    pub(crate) calm: bool,
    /// Those of the members that send pictures.
    pub(crate) peers: BTreeMap<PeerId, Pictures>,
    /// Those of the screens that members show.
    pub(crate) screens: BTreeMap<PeerId, Pictures>,
    /// The small ones of the parts of the screen that can be chosen, by their ids.
    pub(crate) sources: BTreeMap<String, Pictures>,
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
        own && self.calm == other.calm
            && same_map(&self.peers, &other.peers)
            && same_map(&self.screens, &other.screens)
            && same_map(&self.sources, &other.sources)
    }

    pub(super) fn get(&self, track: &Track) -> Option<Pictures> {
        match track {
            Track::Own => self.own.clone(),
            Track::Peer(peer) => self.peers.get(peer).cloned(),
            Track::Screen(peer) => self.screens.get(peer).cloned(),
            Track::Source(id) => self.sources.get(id).cloned(),
        }
    }

    /// Whether a track's pictures are drawn at rest.
    pub(super) fn is_calm(&self, track: &Track) -> bool {
        self.calm && *track == Track::Own
    }
}

fn same_map<K: PartialEq>(a: &BTreeMap<K, Pictures>, b: &BTreeMap<K, Pictures>) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|((id, a), (other, b))| id == other && a.same_channel(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_the_users_own_or_a_peers_and_nothing_else() {
        assert_eq!(Track::parse("self"), Some(Track::Own));
        let peer = "abcdefghij234567";
        assert_eq!(Track::parse(peer), Some(Track::Peer(peer.parse().unwrap())));
        let source = "source:window:0x3a";
        assert_eq!(
            Track::parse(source),
            Some(Track::Source("window:0x3a".into()))
        );
        assert_eq!(
            Track::parse("screen:abcdefghij234567"),
            Some(Track::Screen(peer.parse().unwrap()))
        );
        for name in [
            "screen:",
            "screen:self",
            "",
            "Self",
            "../self",
            "abcdefghij23456",
            "source:",
        ] {
            assert_eq!(Track::parse(name), None);
        }
    }
}
