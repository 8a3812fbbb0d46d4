//! What a connection is opened with.

use std::net::IpAddr;

use ahoy_contract::{peer::DATA_CHANNEL, wire::IceServer};

use crate::frame::{Bitrate, VideoCodec};

/// What a section of the descriptions carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// Sound: Opus, RTP clock 48 kHz.
    Audio,
    /// Pictures of the camera, or of what takes its place: VP8 or VP9, RTP clock 90 kHz. The first section of pictures.
    Video,
    /// Pictures of a screen beside those, likewise. The second section of pictures.
    Screen,
}

/// How many kinds there are.
pub(super) const KINDS: usize = 3;

impl MediaKind {
    /// Ticks of the RTP clock in a second.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Audio => 48_000,
            Self::Video | Self::Screen => 90_000,
        }
    }

    /// Whether it is pictures.
    pub(super) const fn is_pictures(self) -> bool {
        matches!(self, Self::Video | Self::Screen)
    }
}

/// Which ways a kind of media goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Direction {
    /// From here to the peer.
    pub send: bool,
    /// From the peer to here.
    pub receive: bool,
}

impl Direction {
    /// Both ways.
    pub const BOTH: Self = Self {
        send: true,
        receive: true,
    };
    /// Only from here to the peer.
    pub const SEND: Self = Self {
        send: true,
        receive: false,
    };
    /// Only from the peer to here.
    pub const RECEIVE: Self = Self {
        send: false,
        receive: true,
    };
    /// Not at all: the kind is not in the description.
    pub const NONE: Self = Self {
        send: false,
        receive: false,
    };
}

/// Which local addresses the connection uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BindPolicy {
    /// Every address of every interface that is up, loopback included, link-local left out: two
    /// programs on one machine then connect without a network.
    #[default]
    All,
    /// Loopback only.
    Loopback,
    /// Exactly these.
    Addresses(Vec<IpAddr>),
}

/// How a connection is opened.
#[derive(Debug, Clone)]
pub struct PeerConfig {
    /// STUN and TURN servers that the user named. `turns:` and TURN over TCP are skipped with a warning, as are servers
    /// beyond eight in all.
    pub ice_servers: Vec<IceServer>,
    /// Those that the relay names. They are not on this computer, unless the relay is.
    pub relay_servers: Vec<IceServer>,
    /// The relay is on this computer.
    pub relay_is_local: bool,
    /// Only relayed candidates are gathered (RFC 8828 §3, mode 4 in effect).
    pub relay_only: bool,
    /// Which ways pictures go.
    pub video: Direction,
    /// Which ways sound goes.
    pub audio: Direction,
    /// Which ways pictures of a screen may go beside the others. There is a section for them from the first description
    /// on, and nothing is sent in it until a screen is shown.
    pub screen: Direction,
    /// The video codecs that may be used, the preferred one first; empty: VP9, then VP8.
    pub codecs: Vec<VideoCodec>,
    /// The local addresses.
    pub bind: BindPolicy,
    /// The most that is sent, all together, until [`Peer::set_max_bitrate`](super::Peer::set_max_bitrate).
    pub max_bitrate: Bitrate,
    /// The data channel's label; `None`: there is none, and the peer's are closed.
    pub channel: Option<String>,
}

impl Default for PeerConfig {
    fn default() -> Self {
        Self {
            ice_servers: Vec::new(),
            relay_servers: Vec::new(),
            relay_is_local: false,
            relay_only: false,
            video: Direction::BOTH,
            audio: Direction::BOTH,
            screen: Direction::NONE,
            codecs: vec![VideoCodec::Vp9, VideoCodec::Vp8],
            bind: BindPolicy::All,
            max_bitrate: Bitrate::kbps(2_500),
            channel: Some(DATA_CHANNEL.to_owned()),
        }
    }
}
