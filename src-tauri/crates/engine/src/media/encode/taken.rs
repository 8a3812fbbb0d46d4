//! What an encoding takes, and what it would take if its pictures were not spread over layers. Pure.

use std::time::Instant;

use crate::{frame::Bitrate, rate::RateMeter};

/// Spread over layers moving text takes so many times the bits.
const SPREAD_TAKES: u64 = 2;
/// Over so many pictures is counted.
const SMOOTH: u64 = 16;

/// Counts pictures.
#[derive(Debug, Default)]
pub(super) struct Taken {
    meter: RateMeter,
    /// Over some [`SMOOTH`] pictures, in bits per second; `None`: not known yet.
    now: Option<u64>,
    /// The same when they were last not spread.
    whole: Option<u64>,
}

impl Taken {
    /// A picture of `bytes` was made, `spread` or not.
    pub(super) fn count(&mut self, captured: Instant, bytes: u64, spread: bool) {
        self.meter.add(captured, bytes);
        if let Some(rate) = self.meter.rate(captured).map(Bitrate::as_bps) {
            let before = self.now.unwrap_or(rate);
            self.now = Some((before * (SMOOTH - 1) + rate) / SMOOTH);
        }
        if !spread {
            self.whole = self.now;
        }
    }

    /// From now on they are not spread any more, and take less.
    pub(super) fn is_whole_again(&mut self) {
        (self.meter, self.now) = (RateMeter::default(), self.whole);
    }

    /// What they take, in bits per second. Nothing as long as it is not known: the first pictures show it.
    pub(super) fn now(&self) -> u64 {
        self.now.unwrap_or(0)
    }

    /// What they would take if they were not spread, as far as one can tell.
    pub(super) fn whole(&self) -> u64 {
        self.whole
            .map_or(self.now() / SPREAD_TAKES, |whole| whole.min(self.now()))
    }

    /// They take so much.
    #[cfg(test)]
    pub(super) fn of(rate: u64) -> Self {
        Self {
            meter: RateMeter::default(),
            now: Some(rate),
            whole: Some(rate),
        }
    }
}
