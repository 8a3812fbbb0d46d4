//! What a connection is opened with.

use std::net::IpAddr;

use ahoy_contract::{peer::DATA_CHANNEL, wire::IceServer};

use crate::frame::{Bitrate, VideoCodec};

/// Sound or picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// Sound: Opus, RTP clock 48 kHz.
    Audio,
    /// Pictures: VP8 or VP9, RTP clock 90 kHz.
    Video,
}

impl MediaKind {
    /// Ticks of the RTP clock in a second.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Audio => 48_000,
            Self::Video => 90_000,
        }
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
    /// STUN and TURN servers. `turns:` and TURN over TCP are skipped with a warning.
    pub ice_servers: Vec<IceServer>,
    /// Only relayed candidates are gathered (RFC 8828 §3, mode 4 in effect).
    pub relay_only: bool,
    /// Which ways pictures go.
    pub video: Direction,
    /// Which ways sound goes.
    pub audio: Direction,
    /// The video codecs that may be used, the preferred one first; empty: VP9, then VP8.
    pub codecs: Vec<VideoCodec>,
    /// The local addresses.
    pub bind: BindPolicy,
    /// The most that is ever sent, sound and pictures together.
    pub max_bitrate: Bitrate,
    /// The data channel's label; `None`: there is none, and the peer's are closed.
    pub channel: Option<String>,
}

impl Default for PeerConfig {
    fn default() -> Self {
        Self {
            ice_servers: Vec::new(),
            relay_only: false,
            video: Direction::BOTH,
            audio: Direction::BOTH,
            codecs: vec![VideoCodec::Vp9, VideoCodec::Vp8],
            bind: BindPolicy::All,
            max_bitrate: Bitrate::kbps(2_500),
            channel: Some(DATA_CHANNEL.to_owned()),
        }
    }
}
