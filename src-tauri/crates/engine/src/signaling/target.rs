//! A relay: where it is, what is spoken on the line to it, and how it proves itself.

use std::net::IpAddr;

use ahoy_contract::{LinkError, id::Pin, link::RelayAddress};
use url::Url;

use super::socketio;

/// A relay, and how it proves itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it is.
    pub address: RelayAddress,
    /// Its key; without one its certificate must be vouched for.
    pub pin: Option<Pin>,
    /// What is spoken there.
    pub line: Line,
}

/// What is spoken on the line to a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Ahoy's own messages, one in a text frame.
    Native,
    /// One message in a text frame, at this path (with the query, if there is one).
    Plain {
        /// It begins with `/`.
        path: String,
    },
    /// Socket.IO.
    SocketIo {
        /// It begins with `/`.
        namespace: String,
    },
}

impl Target {
    /// A relay of Ahoy's own.
    pub fn native(address: RelayAddress, pin: Option<Pin>) -> Self {
        Self {
            address,
            pin,
            line: Line::Native,
        }
    }

    /// A relay that speaks a dialect, by its address as it stands: `ws://` or `wss://`, for Socket.IO `http://` or
    /// `https://` as well, on any host; behind `#` may stand the PIN of its key.
    ///
    /// # Errors
    /// The text is no such address.
    pub fn dialect(text: &str, is_socket_io: bool) -> Result<Self, LinkError> {
        let url = Url::parse(text.trim()).map_err(|_| LinkError::NotALink)?;
        let secure = match url.scheme() {
            "ws" => false,
            "wss" => true,
            "http" if is_socket_io => false,
            "https" if is_socket_io => true,
            _ => return Err(LinkError::NotALink),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(LinkError::NotALink);
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let pin = match url.fragment() {
            Some(pin) => Some(pin.parse().map_err(|_| LinkError::Incomplete)?),
            None => None,
        };
        let path = url.path().to_owned();
        let line = if is_socket_io {
            Line::SocketIo { namespace: path }
        } else {
            let path = url
                .query()
                .map_or(path.clone(), |query| format!("{path}?{query}"));
            Line::Plain { path }
        };
        Ok(Self {
            address: RelayAddress {
                secure,
                host: host.ok_or(LinkError::NotALink)?.to_owned(),
                port: url.port_or_known_default().ok_or(LinkError::NotALink)?,
            },
            pin,
            line,
        })
    }

    /// Returns the relay as a host's proof names it ([`create_bytes`](ahoy_contract::create_bytes)): the PIN of its key
    /// where it is known, else its origin.
    pub fn name_in_proofs(&self) -> String {
        match &self.pin {
            Some(pin) => pin.to_text(),
            None => self.address.origin(),
        }
    }

    /// Returns whether the relay is on this computer, by its address.
    pub fn is_local(&self) -> bool {
        let host = self.address.host.trim_matches(['[', ']']);
        match host.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback(),
            Err(_) => host.eq_ignore_ascii_case("localhost"),
        }
    }

    /// The address of the WebSocket.
    pub(super) fn socket_url(&self) -> String {
        let path = match &self.line {
            Line::Native => return self.address.socket_url(),
            Line::Plain { path } => path,
            Line::SocketIo { .. } => socketio::PATH,
        };
        let RelayAddress { secure, host, port } = &self.address;
        let scheme = if *secure { "wss" } else { "ws" };
        format!("{scheme}://{host}:{port}{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_used_as_it_stands() {
        for (text, url) in [
            ("ws://127.0.0.1:3002/", "ws://127.0.0.1:3002/"),
            ("ws://127.0.0.1:53378", "ws://127.0.0.1:53378/"),
            (
                "wss://relay.example/a/b?room=1",
                "wss://relay.example:443/a/b?room=1",
            ),
            ("ws://[::1]:3002/x", "ws://[::1]:3002/x"),
        ] {
            assert_eq!(Target::dialect(text, false).unwrap().socket_url(), url);
        }
        for text in ["http://127.0.0.1:5001", "ws://127.0.0.1:5001/"] {
            let target = Target::dialect(text, true).unwrap();
            assert_eq!(
                target.line,
                Line::SocketIo {
                    namespace: "/".into()
                }
            );
            assert_eq!(
                target.socket_url(),
                "ws://127.0.0.1:5001/socket.io/?EIO=4&transport=websocket"
            );
        }
        let pin = Pin::new([1; 32]);
        let pinned = Target::dialect(&format!("wss://relay.example/#{}", pin.to_text()), false);
        assert_eq!(pinned.unwrap().pin, Some(pin));
    }

    #[test]
    fn a_proof_names_the_key_that_is_known_or_else_the_origin() {
        let address = RelayAddress::parse("https://relay.example:3002").unwrap();
        let target = |pin| Target::native(address.clone(), pin).name_in_proofs();
        assert_eq!(target(None), "https://relay.example:3002");
        let pin = Pin::new([1; 32]);
        assert_eq!(target(Some(pin.clone())), pin.to_text());
    }

    #[test]
    fn a_relay_on_loopback_is_local() {
        let is_local = |text| Target::dialect(text, false).unwrap().is_local();
        for text in ["ws://127.0.0.1:3002/", "ws://localhost/x", "ws://[::1]/"] {
            assert!(is_local(text), "{text}");
        }
        for text in [
            "ws://192.0.2.1/",
            "wss://localhost.example/",
            "ws://[2001:db8::1]/",
        ] {
            assert!(!is_local(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "relay.example",
            "http://127.0.0.1:3002",
            "ftp://127.0.0.1/",
            "ws://user:word@127.0.0.1/",
            "ws://",
            "wss://relay.example/#rubbish",
        ] {
            assert!(Target::dialect(text, false).is_err(), "{text}");
        }
    }
}
