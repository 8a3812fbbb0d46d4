//! Whether pictures may be left out of a VP9 stream at all. Pure.
//!
//! In error resilient mode (bitstream specification 0.7, §7.2) a picture takes over nothing from the one before but
//! pixels: no probabilities, no motion. Only then may one be left out, and moving text takes twice the bits. So a stream
//! is resilient only while that is needed, and some time after; libvpx changes over with a key frame.

use std::time::{Duration, Instant};

/// A stream stays resilient for so long after the last need, and for twice as long each time that it becomes so again:
/// each change is a key frame for all who watch.
const CALM: Duration = Duration::from_secs(20);
/// A picture counts for no longer than this: what stands still says nothing about the ways of those who watch.
const LONGEST_STEP: Duration = Duration::from_millis(500);
const LONGEST_CALM: Duration = Duration::from_secs(160);

/// Which way a stream is made, and when that changes.
#[derive(Debug)]
pub(super) struct Resilience {
    on: bool,
    /// How long it has not been needed; `None`: never was.
    since_needed: Option<Duration>,
    last: Option<Instant>,
    calm: Duration,
}

impl Resilience {
    /// Of a stream that has not begun.
    pub(super) fn new() -> Self {
        Self {
            on: false,
            since_needed: None,
            last: None,
            calm: CALM,
        }
    }

    /// Whether the picture of `now` has to be a key frame, so that the stream can change over. `needed`: some of those
    /// that follow are left out.
    pub(super) fn wants_key_frame(&mut self, now: Instant, needed: bool) -> bool {
        let last = self.last.replace(now).unwrap_or(now);
        let step = now.saturating_duration_since(last).min(LONGEST_STEP);
        self.since_needed = if needed {
            Some(Duration::ZERO)
        } else {
            self.since_needed.map(|since| since + step)
        };
        self.on == self.is_calm()
    }

    /// A key frame is to be made: whether the stream is resilient from it on.
    pub(super) fn begin(&mut self) -> bool {
        let (was, calm) = (self.on, self.is_calm());
        self.on = !calm;
        if was && calm {
            self.since_needed = None;
            self.calm = (self.calm * 2).min(LONGEST_CALM);
        }
        self.on
    }

    fn is_calm(&self) -> bool {
        self.since_needed.is_none_or(|since| since >= self.calm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds in which a key frame is made, of `seconds`, with two pictures in each.
    fn keys(seconds: u64, needed: impl Fn(u64) -> bool) -> Vec<u64> {
        #[expect(clippy::disallowed_methods, reason = "a test's time begins now")]
        let start = Instant::now();
        let mut resilience = Resilience::new();
        let mut keys = Vec::new();
        for half in 0..seconds * 2 {
            let (now, second) = (start + Duration::from_millis(500) * half as u32, half / 2);
            let wanted = resilience.wants_key_frame(now, needed(second));
            if half == 0 || wanted {
                assert_eq!(resilience.begin(), needed(second), "second {second}");
                keys.push(second);
            }
            assert!(resilience.on || !needed(second), "second {second}");
        }
        keys
    }

    #[test]
    fn a_stream_of_which_all_is_taken_is_never_resilient() {
        assert_eq!(keys(1_000, |_| false), [0]);
    }

    #[test]
    fn it_becomes_so_at_once_and_stays_so_until_it_has_been_calm() {
        assert_eq!(keys(1_000, |second| second == 0), [0, 20]);
        assert_eq!(keys(1_000, |second| second == 300), [0, 300, 320]);
        let often = |second: u64| second >= 300 && second.is_multiple_of(19) && second < 600;
        assert_eq!(keys(1_000, often), [0, 304, 609]);
    }

    #[test]
    fn a_screen_that_stands_still_is_not_calm() {
        #[expect(clippy::disallowed_methods, reason = "a test's time begins now")]
        let start = Instant::now();
        let mut resilience = Resilience::new();
        assert!(resilience.wants_key_frame(start, true) && resilience.begin());
        let minutes = (1..39).map(|n| start + Duration::from_secs(60) * n);
        assert_eq!(
            minutes
                .filter(|at| resilience.wants_key_frame(*at, false))
                .count(),
            0
        );
    }

    #[test]
    fn the_oftener_that_is_the_longer_it_stays() {
        let minutes = |second: u64| second.is_multiple_of(60) && second > 0;
        // After twenty seconds, then forty; eighty are not over before it is needed again.
        assert_eq!(keys(1_000, minutes), [0, 60, 80, 120, 160, 180]);
    }
}
