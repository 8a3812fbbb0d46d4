//! What whoever runs a relay decides.

use std::time::Duration;

use ahoy_contract::wire::IceServer;
use ipnet::IpNet;
use url::Url;

use crate::{Identity, PerPrefix};

/// What whoever runs a relay decides. The default is a relay without TLS, without ICE servers and with
/// the default [`Limits`].
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Where others reach the relay when that is not the address it listens on: behind a proxy or a
    /// tunnel. Requests may name these hosts, and pages of these origins may open sockets.
    pub public_urls: Vec<Url>,
    /// The proxies in front of the relay. What `Forwarded` or `X-Forwarded-For` says of whose request it is counts where
    /// the connection comes from one of them.
    pub trusted_proxies: Vec<IpNet>,
    /// The certificate and key; without one the relay speaks plain HTTP.
    pub identity: Option<Identity>,
    /// What `welcome` hands on. The credentials go to every client that says `hello`.
    pub ice_servers: Vec<IceServer>,
    /// Further origins (`https://HOST[:PORT]`) whose pages may open sockets.
    pub allowed_origins: Vec<Url>,
    /// Whether there is a lobby beside the rooms: for pages that speak the dialects of before, at the root path and
    /// at `/socket.io`. It mixes strangers and authenticates nothing.
    pub lobby: bool,
    /// How much is too much.
    pub limits: Limits,
}

/// How much is too much. Each limit says what a client gets that goes over it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Limits {
    /// Rooms at once. When there are this many, a room that everybody has left makes place for a new
    /// one; where there is none, `create` gets `busy`.
    pub rooms: usize,
    /// Members in one call room, the host included; never more than eight. What `create` asks for is lowered
    /// to it, and who comes too late gets `room_full`.
    pub peers_per_call: u32,
    /// The same for a broadcast room; never more than 512.
    pub peers_per_broadcast: u32,
    /// Sockets at once; one more gets `busy` and is closed.
    pub sockets: usize,
    /// Sockets at once from one address; one more gets `rate_limited` and is closed. Loopback is exempt from this limit
    /// and the next two, unless a trusted proxy names another address: that is where proxies and tests come from.
    pub sockets_per_address: PerPrefix,
    /// New connections from one address in a minute, as many at once where there were none for a minute; of those that a
    /// trusted proxy brings only new sockets count. One more gets HTTP's status 429.
    pub connections_per_minute: PerPrefix,
    /// Attempts from one address to come into a room or to open one, likewise; one more gets `rate_limited`. Who waits for a
    /// place in a full room and asks again is not counted again.
    pub joins_per_minute: PerPrefix,
    /// Connections at once that are not (yet) a socket: in TLS or HTTP. One more waits.
    pub handshakes: usize,
    /// Connections at once that wait. One more gets HTTP's status 503, or is dropped where too many get that already.
    pub waiting: usize,
    /// How long a connection waits; then it gets the same.
    pub wait: Duration,
    /// Messages per second from one socket, in the long run. What is over gets `rate_limited` and is
    /// not heard; who goes on regardless is closed. Of the signals and `ack`s of a broadcaster ten count as one. An `ack`
    /// that confirms something new does not count, nor does an `admit` or `remove` of one who is there.
    pub messages_per_second: u32,
    /// Messages from one socket at once: a host that greets seven guests sends some hundred candidates.
    pub message_burst: u32,
    /// Clients of the lobby at once; one more gets HTTP's status 503.
    pub lobby_clients: usize,
    /// Messages per second from one client of the lobby, in the long run, and twice as many from all of them; one longer
    /// than 1 KiB counts as several. What comes faster waits, and of the events of Socket.IO is lost.
    pub lobby_messages_per_second: u32,
    /// Messages from one client of the lobby at once: a broadcaster greets its viewers with some twenty each.
    pub lobby_message_burst: u32,
    /// How long a connection may take for its TLS handshake, and for the head of each HTTP request.
    pub handshake: Duration,
    /// How long a socket may take to say `hello`; then it gets `bad_message` and is closed.
    pub hello: Duration,
    /// How often a socket is pinged (RFC 6455 §5.5.2).
    pub ping: Duration,
    /// After how many pings without a word a socket counts as gone, at the time of the next ping. Not a
    /// time of its own: a relay that was held up itself would take its clients for silent.
    pub unanswered_pings: u32,
    /// How long a socket may take nothing of what is sent to it until it counts as gone.
    pub stall: Duration,
    /// How long a room waits for its host; then its members get `not_found`.
    pub host_away: Duration,
    /// How long a member whose socket broke keeps its place, for it to come back on another; then the
    /// others get `left`.
    pub resume: Duration,
    /// Bytes of signals that are kept for those who come back, over all members. Where there are no more, a
    /// member that is away loses its place when it is sent one.
    pub kept_bytes: usize,
    /// How long everything may take to end after `stop`; what has not ended then is cut off.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rooms: 10_000,
            peers_per_call: 8,
            peers_per_broadcast: 512,
            sockets: 50_000,
            sockets_per_address: PerPrefix::of(64),
            connections_per_minute: PerPrefix::of(600),
            joins_per_minute: PerPrefix::of(120),
            handshakes: 1024,
            waiting: 1024,
            wait: Duration::from_secs(5),
            messages_per_second: 100,
            message_burst: 500,
            lobby_clients: 1000,
            lobby_messages_per_second: 500,
            lobby_message_burst: 1000,
            handshake: Duration::from_secs(10),
            hello: Duration::from_secs(5),
            ping: Duration::from_secs(20),
            unanswered_pings: 2,
            stall: Duration::from_secs(10),
            host_away: Duration::from_secs(60),
            resume: Duration::from_secs(30),
            kept_bytes: 64 * 1024 * 1024,
            stop: Duration::from_secs(5),
        }
    }
}
