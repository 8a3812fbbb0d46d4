//! A call's room as the app keeps it, and the link that leads to it. Pure.

use ahoy_contract::{
    Link, RoomId, Secret,
    id::Pin,
    link::{LinkError, RelayAddress},
    ui::{CallView, LinkAddress, RelayCall, RelayChoice},
    wire::RoomKind,
};
use ahoy_engine::call::HostKey;

use super::meeting::Meeting;
use crate::{address::Address, server::Server};

/// Where the app's own end reaches the built-in relay.
const LOOPBACK: &str = "127.0.0.1";

/// A room, kept from the lobby to the end so that *Call again* leads back to it.
#[derive(Debug, Clone)]
pub(crate) enum Room {
    /// The user's own.
    Own {
        /// Its key pair.
        key: HostKey,
        /// Its link's secret.
        secret: Secret,
        /// What it is for.
        kind: RoomKind,
    },
    /// Somebody's, whose link was followed.
    Theirs(Link),
    /// No room, but whoever is at a relay of small WebRTC pages.
    Relay(Box<Meeting>),
}

impl Room {
    pub(super) fn is_own(&self) -> bool {
        matches!(self, Self::Own { .. })
    }

    /// Whether its user has opened it, or shows something in it.
    pub(super) fn is_host(&self) -> bool {
        match self {
            Self::Own { .. } => true,
            Self::Theirs(_) => false,
            Self::Relay(meeting) => meeting.shows_screen(),
        }
    }

    /// Its id, where it is a room of Ahoy's.
    pub(crate) fn id(&self) -> Option<RoomId> {
        match self {
            Self::Own { key, .. } => Some(key.room()),
            Self::Theirs(link) => Some(link.room.clone()),
            Self::Relay(_) => None,
        }
    }

    /// What it is for, where nobody has to be asked.
    pub(super) fn kind(&self) -> Option<RoomKind> {
        match self {
            Self::Own { kind, .. } => Some(*kind),
            Self::Theirs(_) => None,
            Self::Relay(meeting) => Some(meeting.kind()),
        }
    }

    /// Whether it is known that nothing is captured for it.
    pub(super) fn captures_nothing(&self) -> bool {
        matches!(self, Self::Relay(meeting) if !meeting.sends_media())
    }

    /// What was asked for, where it is no room of Ahoy's.
    pub(super) fn relay_call(&self) -> Option<RelayCall> {
        match self {
            Self::Relay(meeting) => Some(meeting.call().clone()),
            Self::Own { .. } | Self::Theirs(_) => None,
        }
    }

    /// What its user sees of the call in it.
    pub(super) fn seen(&self, view: CallView) -> CallView {
        match self {
            Self::Relay(meeting) => meeting.seen(view),
            Self::Own { .. } | Self::Theirs(_) => view,
        }
    }
}

/// The built-in relay while it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listening {
    /// The TCP port.
    pub(crate) port: u16,
    /// Its key, where it speaks TLS: then others on the network can reach it.
    pub(crate) pin: Option<Pin>,
    /// Where others can reach it, the likeliest first.
    pub(crate) addresses: Vec<Address>,
}

impl Listening {
    fn at(&self, host: String) -> RelayAddress {
        RelayAddress {
            secure: self.pin.is_some(),
            host,
            port: self.port,
        }
    }

    /// The host that links carry: the `wanted` one if it is still there, else the likeliest; without a
    /// network loopback, so that a browser on this machine can join.
    fn host(&self, wanted: Option<&str>) -> String {
        if self.pin.is_none() {
            return LOOPBACK.to_owned();
        }
        let hosts = || self.addresses.iter().map(Address::host);
        hosts()
            .find(|host| Some(host.as_str()) == wanted)
            .or_else(|| hosts().next())
            .unwrap_or_else(|| LOOPBACK.to_owned())
    }

    /// Where it listens, for people.
    pub(super) fn describe(&self, wanted: Option<&str>) -> String {
        format!("{}:{}", self.host(wanted), self.port)
    }

    /// What the user can choose from.
    pub(super) fn choices(&self, wanted: Option<&str>) -> Vec<LinkAddress> {
        if self.pin.is_none() {
            return Vec::new();
        }
        let chosen = self.host(wanted);
        self.addresses
            .iter()
            .map(|address| LinkAddress {
                chosen: address.host() == chosen,
                address: address.host(),
                label: address.interface.clone(),
            })
            .collect()
    }
}

/// The way into a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    /// Where this end reaches the relay.
    pub(crate) relay: RelayAddress,
    /// The relay's key, where nobody else vouches for it.
    pub(crate) pin: Option<Pin>,
    /// The room.
    pub(crate) room: RoomId,
    /// The link's secret.
    pub(crate) secret: Secret,
    /// The link for others.
    pub(crate) link: String,
}

/// The way into somebody's room.
pub(super) fn way_by(link: &Link) -> Way {
    Way {
        relay: link.relay.clone(),
        pin: link.pin.clone(),
        room: link.room.clone(),
        secret: link.secret.clone(),
        link: link.to_string(),
    }
}

/// The way into the user's own room at a server.
pub(super) fn way_at_server(key: &HostKey, secret: &Secret, server: Server) -> Way {
    let Server { address, pin } = server;
    way(key, secret, address.clone(), address, pin)
}

/// The way into the user's own room at the built-in relay.
pub(super) fn way_at_home(
    key: &HostKey,
    secret: &Secret,
    relay: &Listening,
    wanted: Option<&str>,
) -> Way {
    let shown = relay.at(relay.host(wanted));
    way(
        key,
        secret,
        relay.at(LOOPBACK.to_owned()),
        shown,
        relay.pin.clone(),
    )
}

fn way(
    key: &HostKey,
    secret: &Secret,
    relay: RelayAddress,
    shown: RelayAddress,
    pin: Option<Pin>,
) -> Way {
    let room = key.room();
    let link = Link {
        relay: shown,
        room: room.clone(),
        secret: secret.clone(),
        pin: pin.clone(),
    };
    Way {
        relay,
        pin,
        room,
        secret: secret.clone(),
        link: link.to_string(),
    }
}

/// A relay choice in its one form, or why it is none.
pub(super) fn checked(choice: RelayChoice) -> Result<RelayChoice, LinkError> {
    Ok(match choice {
        RelayChoice::Server { url } => RelayChoice::Server {
            url: url.parse::<Server>()?.to_string(),
        },
        built_in => built_in,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(ip: &str) -> Address {
        Address {
            ip: ip.parse().unwrap(),
            interface: "eth0".into(),
        }
    }

    fn own() -> (HostKey, Secret) {
        (HostKey::from_bytes(&[1; 32]), Secret::new([2; 16]))
    }

    #[test]
    fn on_the_network_the_link_shows_an_address_that_others_reach() {
        let (key, secret) = own();
        let relay = Listening {
            port: 3002,
            pin: Some(Pin::new([3; 32])),
            addresses: vec![address("192.168.1.20"), address("fd00::5")],
        };
        for (wanted, shown) in [
            (None, "192.168.1.20"),
            (Some("[fd00::5]"), "[fd00::5]"),
            (Some("10.9.9.9"), "192.168.1.20"),
        ] {
            let way = way_at_home(&key, &secret, &relay, wanted);
            assert_eq!(way.relay.socket_url(), "wss://127.0.0.1:3002/ws");
            let link: Link = way.link.parse().unwrap();
            assert_eq!(link.relay.host, shown);
            assert_eq!((&link.pin, &way.pin), (&relay.pin, &relay.pin));
            assert_eq!(link.room, key.room());
            let chosen: Vec<_> = relay
                .choices(wanted)
                .into_iter()
                .filter(|a| a.chosen)
                .collect();
            assert_eq!(chosen.len(), 1);
            assert_eq!(chosen[0].address, shown);
        }
    }

    #[test]
    fn without_a_network_the_link_is_good_on_this_machine() {
        let (key, secret) = own();
        let relay = Listening {
            port: 3002,
            pin: Some(Pin::new([3; 32])),
            addresses: Vec::new(),
        };
        let way = way_at_home(&key, &secret, &relay, None);
        assert!(way.link.starts_with("https://127.0.0.1:3002/r/"));
    }

    #[test]
    fn on_this_computer_only_the_link_is_plain_and_pinless() {
        let (key, secret) = own();
        let relay = Listening {
            port: 3003,
            pin: None,
            addresses: vec![address("192.168.1.20")],
        };
        let wanted = Some("192.168.1.20");
        assert!(relay.choices(wanted).is_empty());
        let way = way_at_home(&key, &secret, &relay, wanted);
        assert_eq!(way.relay.socket_url(), "ws://127.0.0.1:3003/ws");
        assert!(way.link.starts_with("http://127.0.0.1:3003/r/"));
        assert!(
            !way.link.contains('.') || way.link.split('#').nth(1).is_some_and(|s| !s.contains('.'))
        );
    }

    #[test]
    fn a_servers_address_is_checked_and_brought_into_one_form() {
        let server = |url: &str| RelayChoice::Server { url: url.into() };
        assert_eq!(
            checked(server(" https://Example.org:443/ ")),
            Ok(server("https://example.org"))
        );
        assert_eq!(
            checked(server("http://example.org")),
            Err(LinkError::Insecure)
        );
        assert_eq!(checked(server("example")), Err(LinkError::NotALink));
        assert_eq!(
            checked(RelayChoice::ThisNetwork),
            Ok(RelayChoice::ThisNetwork)
        );
        let (key, secret) = own();
        let way = way_at_server(&key, &secret, "https://example.org".parse().unwrap());
        assert!(way.link.starts_with("https://example.org/r/"));
        assert_eq!(way.pin, None);
    }
}
