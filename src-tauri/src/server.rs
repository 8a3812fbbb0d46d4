//! A relay somewhere else, as a person writes it down. Pure.

use std::{fmt, str::FromStr};

use ahoy_contract::{LinkError, id::Pin, link::RelayAddress};

/// `https://HOST[:PORT]`, with `#PIN` behind it where nobody vouches for the relay's certificate;
/// `http://` only for loopback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Where it is.
    pub(crate) address: RelayAddress,
    /// Its key.
    pub(crate) pin: Option<Pin>,
}

impl FromStr for Server {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let (address, pin) = match text.trim().split_once('#') {
            Some((address, pin)) => (address, Some(pin)),
            None => (text, None),
        };
        Ok(Self {
            address: RelayAddress::parse(address)?,
            pin: pin
                .map(str::parse)
                .transpose()
                .map_err(|_| LinkError::Incomplete)?,
        })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address.origin())?;
        match &self.pin {
            Some(pin) => write!(f, "#{}", pin.to_text()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_brought_into_one_form() {
        let pin = Pin::new([3; 32]).to_text();
        for (text, form) in [
            (
                " https://Example.org:443/ ",
                "https://example.org".to_owned(),
            ),
            ("http://127.0.0.1:3002", "http://127.0.0.1:3002".to_owned()),
            (
                &format!("https://10.0.0.7:3002#{pin}"),
                format!("https://10.0.0.7:3002#{pin}"),
            ),
        ] {
            let server: Server = text.parse().unwrap();
            assert_eq!(server.to_string(), form);
            assert_eq!(form.parse(), Ok(server));
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for (text, error) in [
            ("", LinkError::NotALink),
            ("example", LinkError::NotALink),
            ("https://example.org/x", LinkError::NotALink),
            ("http://example.org", LinkError::Insecure),
            ("https://example.org#", LinkError::Incomplete),
            ("https://example.org#abc", LinkError::Incomplete),
        ] {
            assert_eq!(text.parse::<Server>(), Err(error), "{text}");
        }
    }
}
