//! Fuzz targets: the messages and links that others write. Not in any program; the fuzzer builds with `cfg(fuzzing)`.

use std::{collections::BTreeMap, fmt::Debug};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Link,
    link::RelayAddress,
    peer::{DataMessage, SignalBody},
    ui::Command,
    video::{VideoControl, VideoHello},
    wire::{ClientMessage, RelayMessage},
    words::fingerprints,
};

/// A fuzz target: takes any bytes, and panics where a property does not hold.
pub type Target = fn(&[u8]);

/// The targets of this crate by their names.
pub const TARGETS: [(&str, Target); 4] = [
    ("wire", wire),
    ("peer", peer),
    ("window", window),
    ("link", link),
];

/// A message may be at most twice as long when it is written again, and this many bytes: a text may leave out optional
/// fields, and have a list in the place of an object, without the names of its fields.
const ADDED: usize = 128;

/// Messages between a client and a relay, whichever side wrote them.
fn wire(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    message::<ClientMessage>(text);
    message::<RelayMessage>(text);
}

/// What two members say to each other, by signals and on the data channel.
fn peer(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    message::<DataMessage>(&text);
    if let Some(SignalBody::Description(description)) = message::<SignalBody>(&text) {
        let prints = fingerprints(&description.sdp);
        assert!(prints.len() <= description.sdp.len(), "{prints}");
    }
}

/// What the window says to the app.
fn window(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    message::<Command>(&text);
    message::<VideoHello>(&text);
    message::<VideoControl>(&text);
}

/// Links and the addresses of relays.
fn link(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(link) = text.parse::<Link>() {
        let printed = link.to_string();
        assert_eq!(printed.parse(), Ok(link), "{printed}");
    }
    if let Ok(address) = RelayAddress::parse(&text) {
        assert!(address.secure || is_loopback(&address.host), "{address:?}");
        assert_eq!(RelayAddress::parse(&address.origin()), Ok(address));
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == "[::1]" || host.starts_with("127.")
}

/// Reads a message; one that can be read is the same when it was written and read again, and hardly longer.
fn message<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str) -> Option<T> {
    let read: T = serde_json::from_str(text).ok()?;
    let written = serde_json::to_string(&read);
    let written = written.unwrap_or_default();
    assert!(
        written.len() <= 2 * text.len() + ADDED,
        "{} bytes of {}",
        written.len(),
        text.len()
    );
    let again: Result<T, _> = serde_json::from_str(&written);
    assert_eq!(again.ok().as_ref(), Some(&read), "{written}");
    // As a message that another program wrote it is JSON in any order of fields.
    let sorted: Result<BTreeMap<String, serde_json::Value>, _> = serde_json::from_str(&written);
    if let Ok(Ok(sorted)) = sorted.map(|fields| serde_json::to_string(&fields)) {
        let again: Result<T, _> = serde_json::from_str(&sorted);
        assert_eq!(again.ok().as_ref(), Some(&read), "{sorted}");
    }
    Some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpora_and_mutations_of_them_hold() {
        for (name, target) in TARGETS {
            ahoy_mutate::check(name, target);
        }
    }
}
