//! The flags of `ahoy-relay`.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use ahoy_contract::{id::Pin, wire::IceServer};
use ahoy_relay::{Config, Limits, PerPrefix, RelayError};
use clap::{Parser, ValueEnum};
use directories::ProjectDirs;
use ipnet::IpNet;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use url::{Host, Url};

use crate::{
    ice_servers::{self, ice_server},
    reload::Source,
};

/// Introduces the two ends of a call to each other, and serves the page for guests in a browser.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    /// Where to listen; port 0 takes any free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3002")]
    pub(crate) listen: String,
    /// Where others reach the relay, when that is another name or it stands behind a proxy or a tunnel; may be given several times. Where a proxy in front has a certificate of its own making, the PIN of its key goes behind #. Requests that name a host that is neither here nor in the certificate are refused, unless it is an IP address or localhost
    #[arg(long, value_name = "URL[#PIN]", value_parser = public_url)]
    public_url: Vec<Url>,
    /// A proxy in front of the relay, which says in Forwarded or X-Forwarded-For whose request it brings; may be given several times. The network must hold proxies only: any other client in it could name whatever address it likes. Without it all that comes through a proxy counts as one address, or, on loopback, as none
    #[arg(long, value_name = "CIDR", value_parser = proxy)]
    trusted_proxy: Vec<IpNet>,
    /// Speak TLS with a certificate made here, once
    #[arg(long, value_enum, conflicts_with_all = ["cert", "key"])]
    tls: Option<Tls>,
    /// Speak TLS with this certificate, PEM. It is read anew when its files change, and on SIGHUP
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The key of --cert, PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Where the certificate of --tls self-signed is kept [default: the user's data folder]
    #[arg(long, value_name = "FOLDER", env = "AHOY_RELAY_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// A STUN or TURN server for the ends to use; may be given several times
    #[arg(long, value_name = "URL[,USER,PASSWORD]", value_parser = ice_server)]
    ice_server: Vec<IceServer>,
    /// A file that names such servers, one URL[,USER,PASSWORD] on a line; - reads standard input. Arguments can be read by others on the same computer, so this is the place for passwords
    #[arg(long, value_name = "FILE")]
    ice_server_file: Option<PathBuf>,
    /// How many rooms there may be
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_rooms: Option<u32>,
    /// How many members a room may have: a call never more than 8, a broadcast never more than 512
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    max_peers: Option<u32>,
    /// How many sockets there may be from one address (an IPv6 /64), from an IPv6 /56 and from a /48; what is left out is four times the one before. Loopback is exempt from this and the next two
    #[arg(long, value_name = "N[,N56[,N48]]", default_value_t = Limits::default().sockets_per_address)]
    max_sockets_per_address: PerPrefix,
    /// How many new connections a minute, likewise
    #[arg(long, value_name = "N[,N56[,N48]]", default_value_t = Limits::default().connections_per_minute)]
    max_connections_per_minute: PerPrefix,
    /// How many attempts a minute to come into a room or to open one, likewise
    #[arg(long, value_name = "N[,N56[,N48]]", default_value_t = Limits::default().joins_per_minute)]
    max_joins_per_minute: PerPrefix,
    /// Be a meeting place for pages that speak the dialects of before, too: at the root path (WebSocket) and at /socket.io. It mixes strangers and authenticates nothing
    #[arg(long)]
    lobby: bool,
    /// How much to log: off, error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: LevelFilter,

    // Named in the protocol of the commands, and refused until their part is there.
    #[arg(long, hide = true)]
    domain: Option<String>,
    #[arg(long, hide = true)]
    turn: Option<String>,
    #[arg(long, hide = true)]
    turn_external_ip: Option<String>,
    #[arg(long, hide = true)]
    create_token: Option<String>,
    #[arg(long, hide = true)]
    nats: Option<String>,
}

/// How the certificate comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tls {
    /// Made here
    SelfSigned,
    #[value(hide = true)]
    Acme,
}

impl Cli {
    /// The first flag whose part is not built yet.
    pub(crate) fn not_built(&self) -> Option<&'static str> {
        [
            (self.tls == Some(Tls::Acme), "--tls acme"),
            (self.domain.is_some(), "--domain"),
            (self.turn.is_some(), "--turn"),
            (self.turn_external_ip.is_some(), "--turn-external-ip"),
            (self.create_token.is_some(), "--create-token"),
            (self.nats.is_some(), "--nats"),
        ]
        .into_iter()
        .find_map(|(given, flag)| given.then_some(flag))
    }

    /// What is logged. Other crates only warn: at their finest levels they would log whole messages.
    pub(crate) fn log_filter(&self) -> EnvFilter {
        let others = self.log.min(LevelFilter::WARN);
        EnvFilter::new(format!("{others},ahoy_relay={}", self.log))
    }

    /// The STUN and TURN servers of the flags, and of the file that they name.
    ///
    /// # Errors
    /// A sentence, when the file cannot be read.
    pub(crate) fn ice_servers(&mut self) -> Result<Vec<IceServer>, String> {
        let mut servers = std::mem::take(&mut self.ice_server);
        if let Some(path) = &self.ice_server_file {
            servers.extend(ice_servers::read(path)?);
        }
        Ok(servers)
    }

    /// Where the certificate of a relay comes from that listens on `address`; `None` for one without TLS.
    ///
    /// # Errors
    /// When there is no folder for it.
    pub(crate) fn certificate(&self, address: SocketAddr) -> Result<Option<Source>, RelayError> {
        Ok(match (self.tls, &self.cert, &self.key) {
            (Some(_), ..) => Some(Source::Made {
                folder: match &self.data_dir {
                    Some(folder) => folder.clone(),
                    None => ProjectDirs::from("", "", "ahoy-relay")
                        .map(|folders| folders.data_dir().to_owned())
                        .ok_or(RelayError::NoFolder)?,
                },
                hosts: hosts(address, &self.public_url),
            }),
            (None, Some(certificate), Some(key)) => Some(Source::Files {
                certificate: certificate.clone(),
                key: key.clone(),
            }),
            _ => None,
        })
    }

    /// What the flags ask of a relay, but for its certificate.
    pub(crate) fn config(self, ice_servers: Vec<IceServer>) -> Config {
        let mut config = Config {
            public_urls: self.public_url,
            trusted_proxies: self.trusted_proxy,
            ice_servers,
            lobby: self.lobby,
            ..Config::default()
        };
        let limits = &mut config.limits;
        limits.sockets_per_address = self.max_sockets_per_address;
        limits.connections_per_minute = self.max_connections_per_minute;
        limits.joins_per_minute = self.max_joins_per_minute;
        if let Some(rooms) = self.max_rooms {
            limits.rooms = rooms as usize;
        }
        if let Some(peers) = self.max_peers {
            limits.peers_per_call = peers;
            limits.peers_per_broadcast = peers;
        }
        config
    }
}

// What others may call a relay that listens on this address.
fn hosts(address: SocketAddr, public_urls: &[Url]) -> Vec<String> {
    let mut hosts = Vec::new();
    if address.ip().is_unspecified() {
        // Without the list only the other names are in the certificate; Ahoy goes by the key anyway.
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        hosts.extend(
            interfaces
                .iter()
                .map(|interface| interface.ip().to_string()),
        );
    } else {
        hosts.push(address.ip().to_string());
    }
    let named = public_urls.iter().filter_map(Url::host);
    hosts.extend(named.map(|host| match host {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(ip) => ip.to_string(),
        Host::Ipv6(ip) => ip.to_string(),
    }));
    hosts
}

fn public_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let is_origin = url.path() == "/"
        && url.query().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    match (url.scheme(), url.fragment()) {
        ("http" | "https", None) if is_origin => Ok(url),
        ("https", Some(pin)) if is_origin => match pin.parse::<Pin>() {
            Ok(_) => Ok(url),
            Err(_) => Err("behind # stands the PIN of a key, 43 characters".to_owned()),
        },
        _ => Err("it must be https://HOST[:PORT][#PIN] or http://HOST[:PORT]".to_owned()),
    }
}

// A network, or one address.
fn proxy(text: &str) -> Result<IpNet, String> {
    let address = text.parse().map(|address: IpAddr| address.to_canonical());
    let net = address.map(IpNet::from).or_else(|_| text.parse());
    net.map(|net: IpNet| net.trunc())
        .map_err(|_| "it must be ADDRESS/BITS or ADDRESS, as 10.0.0.0/8 or ::1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(flags: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("ahoy-relay").chain(flags.iter().copied()))
    }

    #[test]
    fn flags_that_make_no_sense_are_refused() {
        for flags in [
            &["--ice-server", "http://x"][..],
            &["--ice-server", "stun://x"],
            &["--ice-server", "turn:x"],
            &["--ice-server", "turn:x,user"],
            &["--ice-server", "stun:x,user,password"],
            &["--cert", "a"],
            &["--key", "a"],
            &["--tls", "self-signed", "--cert", "a", "--key", "b"],
            &["--tls", "magic"],
            &["--public-url", "example.org"],
            &["--public-url", "https://example.org/path"],
            &["--public-url", "https://user@example.org"],
            &["--public-url", "https://example.org#"],
            &["--public-url", "https://example.org#pin"],
            &[
                "--public-url",
                "http://example.org#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            ],
            &["--trusted-proxy", "proxy"],
            &["--trusted-proxy", "10.0.0.0/33"],
            &["--max-sockets-per-address", "0"],
            &["--max-joins-per-minute", "5,4"],
            &["--max-rooms", "0"],
            &["--max-peers", "1"],
            &["--log", "loud"],
        ] {
            assert!(parse(flags).is_err(), "{flags:?}");
        }
    }

    #[test]
    fn what_is_not_built_is_named() {
        for (flags, flag) in [
            (
                &["--tls", "acme", "--domain", "example.org"][..],
                "--tls acme",
            ),
            (&["--turn", "0.0.0.0:3478"], "--turn"),
            (&["--create-token", "x"], "--create-token"),
            (&["--nats", "x"], "--nats"),
        ] {
            assert_eq!(parse(flags).unwrap().not_built(), Some(flag));
        }
        assert_eq!(parse(&["--tls", "self-signed"]).unwrap().not_built(), None);
    }

    #[test]
    fn ice_servers_are_handed_on() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "turn:c,v,q").unwrap();
        let mut cli = parse(&[
            "--ice-server",
            "stun:a",
            "--ice-server",
            "turn:b:3478?transport=udp,u,p,q",
            "--ice-server-file",
            file.path().to_str().unwrap(),
        ])
        .unwrap();
        let servers = cli.ice_servers().unwrap();
        let config = cli.config(servers);
        assert_eq!(config.ice_servers[0].urls, ["stun:a"]);
        assert_eq!(config.ice_servers[1].urls, ["turn:b:3478?transport=udp"]);
        assert_eq!(config.ice_servers[1].username.as_deref(), Some("u"));
        assert_eq!(config.ice_servers[1].credential.as_deref(), Some("p,q"));
        assert_eq!(config.ice_servers[2].credential.as_deref(), Some("q"));
    }

    #[test]
    fn what_is_not_said_is_as_the_library_has_it() {
        let (config, defaults) = (parse(&[]).unwrap().config(vec![]), Config::default());
        assert_eq!(format!("{config:?}"), format!("{defaults:?}"));
    }

    #[test]
    fn addresses_proxies_and_limits_are_handed_on() {
        let cli = parse(&[
            "--public-url",
            "https://a.example.org",
            "--public-url",
            "https://b.example.org:8443#AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
            "--trusted-proxy",
            "10.1.2.3/8",
            "--trusted-proxy",
            "::1",
            "--max-sockets-per-address",
            "10",
            "--max-connections-per-minute",
            "20,30",
            "--max-joins-per-minute",
            "1,2,3",
        ])
        .unwrap();
        let hosts = hosts(([192, 0, 2, 1], 3002).into(), &cli.public_url);
        assert_eq!(hosts, ["192.0.2.1", "a.example.org", "b.example.org"]);
        let config = cli.config(vec![]);
        assert_eq!(
            config.public_urls[1].fragment(),
            Some(Pin::new([1; 32]).to_text().as_str())
        );
        let proxies: Vec<_> = config
            .trusted_proxies
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(proxies, ["10.0.0.0/8", "::1/128"]);
        let limits = config.limits;
        assert_eq!(limits.sockets_per_address.to_string(), "10,40,160");
        assert_eq!(limits.connections_per_minute.to_string(), "20,30,120");
        assert_eq!(limits.joins_per_minute.to_string(), "1,2,3");
    }

    #[test]
    fn other_crates_never_log_whole_messages() {
        let cli = parse(&["--log", "trace"]).unwrap();
        assert_eq!(cli.log_filter().to_string(), "ahoy_relay=trace,warn");
        let cli = parse(&["--log", "error"]).unwrap();
        assert_eq!(cli.log_filter().to_string(), "ahoy_relay=error,error");
    }
}
