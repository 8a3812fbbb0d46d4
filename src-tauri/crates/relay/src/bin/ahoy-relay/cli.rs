//! The flags of `ahoy-relay`.

use std::{net::SocketAddr, path::PathBuf};

use ahoy_contract::wire::IceServer;
use ahoy_relay::{Config, Identity, RelayError};
use clap::{Parser, ValueEnum};
use directories::ProjectDirs;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use url::{Host, Url};

/// Introduces the two ends of a call to each other, and serves the page for guests in a browser.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    /// Where to listen; port 0 takes any free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3002")]
    pub(crate) listen: String,
    /// Where others reach the relay, when it stands behind a proxy or a tunnel
    #[arg(long, value_name = "URL", value_parser = public_url)]
    public_url: Option<Url>,
    /// Speak TLS with a certificate made here, once
    #[arg(long, value_enum, conflicts_with_all = ["cert", "key"])]
    tls: Option<Tls>,
    /// Speak TLS with this certificate, PEM
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
    /// How many rooms there may be
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_rooms: Option<u32>,
    /// How many members a room may have: a call never more than 8, a broadcast never more than 512
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    max_peers: Option<u32>,
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

    /// What the flags ask of a relay that listens on `address`.
    ///
    /// # Errors
    /// When the certificate cannot be read or made.
    pub(crate) fn config(self, address: SocketAddr) -> Result<Config, RelayError> {
        let identity = match (self.tls, &self.cert, &self.key) {
            (Some(_), ..) => {
                let folder = match self.data_dir {
                    Some(folder) => folder,
                    None => ProjectDirs::from("", "", "ahoy-relay")
                        .map(|folders| folders.data_dir().to_owned())
                        .ok_or(RelayError::NoFolder)?,
                };
                Some(Identity::self_signed(
                    &folder,
                    &hosts(address, self.public_url.as_ref()),
                )?)
            }
            (None, Some(certificate), Some(key)) => {
                Some(Identity::from_pem_files(certificate, key)?)
            }
            _ => None,
        };
        let mut config = Config {
            public_url: self.public_url,
            identity,
            lobby: self.lobby,
            ..Config::default()
        };
        config.ice_servers = self.ice_server;
        if let Some(rooms) = self.max_rooms {
            config.limits.rooms = rooms as usize;
        }
        if let Some(peers) = self.max_peers {
            config.limits.peers_per_call = peers;
            config.limits.peers_per_broadcast = peers;
        }
        Ok(config)
    }
}

// What others may call a relay that listens on this address.
fn hosts(address: SocketAddr, public_url: Option<&Url>) -> Vec<String> {
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
    hosts.extend(public_url.and_then(|url| match url.host()? {
        Host::Domain(name) => Some(name.to_owned()),
        Host::Ipv4(ip) => Some(ip.to_string()),
        Host::Ipv6(ip) => Some(ip.to_string()),
    }));
    hosts
}

fn public_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match url.scheme() {
        "http" | "https"
            if url.path() == "/" && url.query().is_none() && url.fragment().is_none() =>
        {
            Ok(url)
        }
        _ => Err("it must be https://HOST[:PORT] or http://HOST[:PORT]".to_owned()),
    }
}

// RFC 7064 and RFC 7065: no slashes, and TURN is never without a user.
fn ice_server(text: &str) -> Result<IceServer, String> {
    let mut parts = text.splitn(3, ',');
    let url = parts.next().unwrap_or_default();
    let (username, credential) = (parts.next(), parts.next());
    let (scheme, rest) = url
        .split_once(':')
        .ok_or("it must begin with stun: or turn:")?;
    if rest.is_empty() || rest.starts_with('/') {
        return Err(format!("a host must follow {scheme}:"));
    }
    match (scheme, username, credential) {
        ("stun" | "stuns", None, None) | ("turn" | "turns", Some(_), Some(_)) => Ok(IceServer {
            urls: vec![url.to_owned()],
            username: username.map(str::to_owned),
            credential: credential.map(str::to_owned),
        }),
        ("stun" | "stuns", ..) => Err("a STUN server takes no user and password".to_owned()),
        ("turn" | "turns", ..) => {
            Err("a TURN server needs a user and a password: URL,USER,PASSWORD".to_owned())
        }
        _ => Err("it must begin with stun:, stuns:, turn: or turns:".to_owned()),
    }
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
        let cli = parse(&[
            "--ice-server",
            "stun:a",
            "--ice-server",
            "turn:b:3478?transport=udp,u,p,q",
        ])
        .unwrap();
        let config = cli.config(([127, 0, 0, 1], 3002).into()).unwrap();
        assert_eq!(config.ice_servers[0].urls, ["stun:a"]);
        assert_eq!(config.ice_servers[1].urls, ["turn:b:3478?transport=udp"]);
        assert_eq!(config.ice_servers[1].username.as_deref(), Some("u"));
        assert_eq!(config.ice_servers[1].credential.as_deref(), Some("p,q"));
    }

    #[test]
    fn other_crates_never_log_whole_messages() {
        let cli = parse(&["--log", "trace"]).unwrap();
        assert_eq!(cli.log_filter().to_string(), "ahoy_relay=trace,warn");
        let cli = parse(&["--log", "error"]).unwrap();
        assert_eq!(cli.log_filter().to_string(), "ahoy_relay=error,error");
    }
}
