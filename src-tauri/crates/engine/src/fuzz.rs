//! Fuzz targets: all that a peer, a relay or a page can send to the engine. Not in any program; the fuzzer builds with
//! `cfg(fuzzing)`.
//!
//! Each target is a function in the file `fuzz.rs` of the module that it attacks, a line of [`TARGETS`], and a folder of
//! inputs in `tests/fuzz/corpus`.

use std::time::Instant;

use crate::{audio, call, codec, dialect, packet, rtc};

/// A fuzz target: takes any bytes, and panics where a property does not hold.
pub type Target = fn(&[u8]);

/// The targets of this crate by their names.
pub const TARGETS: [(&str, Target); 12] = [
    ("data_channel", call::fuzz::data_channel),
    ("descriptors", packet::fuzz::descriptors),
    ("dialects", dialect::fuzz::dialects),
    ("frames", packet::fuzz::frames),
    ("guard", rtc::fuzz::guard),
    ("jitter", audio::fuzz::jitter),
    ("pictures", codec::fuzz::pictures),
    ("rtcp", rtc::fuzz::rtcp),
    ("rtp", rtc::fuzz::rtp),
    ("sdp", rtc::fuzz::sdp),
    ("sdp_dialect", dialect::fuzz::sdp),
    ("sound", codec::fuzz::sound),
];

/// The moment at which each input begins.
#[expect(clippy::disallowed_methods, reason = "any moment will do")]
pub(crate) fn start() -> Instant {
    Instant::now()
}

/// An input, read from its front. Behind its end there are zeros.
#[derive(Debug)]
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                first
            }
            None => 0,
        }
    }

    /// A number of two bytes, the most significant first.
    pub(crate) fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// The next bytes, fewer where fewer are left.
    pub(crate) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::TARGETS;

    /// One test for each target, so that they run beside each other.
    macro_rules! targets {
        ($($name:ident)*) => {
            const TESTED: &[&str] = &[$(stringify!($name)),*];
            $(#[test]
            fn $name() {
                let target = TARGETS.iter().find(|(name, _)| *name == stringify!($name));
                ahoy_mutate::check(stringify!($name), target.unwrap().1);
            })*
        };
    }

    targets! {
        data_channel descriptors dialects frames guard jitter pictures rtcp rtp sdp sdp_dialect sound
    }

    #[test]
    fn each_target_is_tested() {
        let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, TESTED);
    }
}
