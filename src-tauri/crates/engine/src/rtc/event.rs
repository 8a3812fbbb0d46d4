//! What a connection tells.

use ahoy_contract::peer::Candidate;
use tokio::sync::mpsc;

use super::MediaKind;
use crate::packet::RtpPacket;

/// How many events wait at most. They are few: what can repeat is limited to some per second. When the
/// queue is full the new event is lost, and the log says so.
pub const EVENT_QUEUE: usize = 256;

/// How many packets of pictures wait at most: half a second at 10 Mbit/s. Full: the newest is lost and
/// counted in [`ReceivedStats::dropped`](super::ReceivedStats::dropped).
pub const VIDEO_QUEUE: usize = 512;

/// How many packets of sound wait at most: two seconds. Full: likewise.
pub const AUDIO_QUEUE: usize = 100;

/// Where a connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerState {
    /// Addresses are being tried, keys exchanged.
    Connecting,
    /// Media flows.
    Connected {
        /// The kind of the local candidate and the transport, as in `host/udp`.
        pair: String,
    },
    /// Nothing came for five seconds; it may come back by itself, or by an ICE restart.
    Disconnected,
    /// It will not come back by itself; an ICE restart may help.
    Failed,
    /// It is over.
    Closed,
}

/// A happening on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerEvent {
    /// A local candidate for the peer; `None`: there are no more.
    Candidate(Option<Candidate>),
    /// Where the connection stands now.
    State(PeerState),
    /// The first packet of a kind of media arrived.
    RemoteTrack(MediaKind),
    /// The peer needs a key frame of these pictures (PLI, RFC 4585 §6.3.1, or FIR, RFC 5104 §4.3.1); at most ten of
    /// each in a second.
    KeyFrameRequested(MediaKind),
    /// The data channel is open.
    DataOpen,
    /// A text from the data channel. While the queue is full the channel waits, and so does the peer.
    Data(String),
    /// The peer closed the data channel.
    DataClosed,
}

/// What comes out of a connection; each queue has one reader.
#[derive(Debug)]
pub struct Incoming {
    /// Happenings; ends when the connection was closed.
    pub events: mpsc::Receiver<PeerEvent>,
    /// Packets of pictures, as they came: late, repeated and out of order are possible.
    pub video: mpsc::Receiver<RtpPacket>,
    /// Packets of sound, likewise.
    pub audio: mpsc::Receiver<RtpPacket>,
    /// Packets of a screen's pictures, likewise.
    pub screen: mpsc::Receiver<RtpPacket>,
}
