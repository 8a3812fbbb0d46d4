//! The only place of this room where the time is read.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What time it is on the clock that only goes forward.
#[expect(
    clippy::disallowed_methods,
    reason = "devices are an edge: they stamp what they bring"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Joins the clock that only goes forward with the time of day, which the two ends of a measurement share.
///
/// It is a snapshot: when the time of day is set anew, only a clock taken afterwards knows.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    at: Instant,
    unix: Duration,
}

impl Clock {
    /// Reads both clocks.
    #[expect(clippy::disallowed_methods, reason = "this is the edge")]
    pub fn take() -> Self {
        Self {
            at: Instant::now(),
            unix: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    /// When it was taken.
    pub fn taken_at(&self) -> Instant {
        self.at
    }

    /// The time of day at a moment, as the time since the beginning of 1970 (UTC).
    pub fn unix(&self, at: Instant) -> Duration {
        match at.checked_duration_since(self.at) {
            Some(later) => self.unix + later,
            None => self.unix.saturating_sub(self.at.duration_since(at)),
        }
    }
}

/// When this far behind, a pace leaves out what it missed instead of making up for it in a burst.
const LEFT_OUT_AFTER: Duration = Duration::from_millis(100);

/// Says when the next of evenly spaced events is due. Each time is worked out from the start, so no
/// error adds up.
#[derive(Debug)]
pub(crate) struct Pace {
    start: Instant,
    next: u64,
    /// So many events ...
    events: u32,
    /// ... in so many seconds.
    seconds: u32,
}

impl Pace {
    /// `events` in `seconds`; the first one at `start`. Neither may be 0; it counts as 1.
    pub(crate) fn new(start: Instant, events: u32, seconds: u32) -> Self {
        Self {
            start,
            next: 0,
            events: events.max(1),
            seconds: seconds.max(1),
        }
    }

    fn due(&self, number: u64) -> Instant {
        let nanos =
            u128::from(number) * u128::from(self.seconds) * 1_000_000_000 / u128::from(self.events);
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The number of the next event, and how long it is until then.
    fn step(&mut self, now: Instant) -> (u64, Duration) {
        let behind = now.saturating_duration_since(self.due(self.next));
        if behind > LEFT_OUT_AFTER {
            let missed = behind.as_nanos() * u128::from(self.events)
                / (u128::from(self.seconds) * 1_000_000_000);
            self.next += u64::try_from(missed).unwrap_or(0);
        }
        let number = self.next;
        self.next += 1;
        (number, self.due(number).saturating_duration_since(now))
    }

    /// Sleeps until the next event is due and says its number; numbers that were missed are left out.
    pub(crate) fn wait(&mut self) -> u64 {
        let (number, wait) = self.step(now());
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_the_same_time_of_day_on_both_sides_of_the_reading() {
        let clock = Clock::take();
        let later = clock.taken_at() + Duration::from_millis(1500);
        assert_eq!(
            clock.unix(later) - clock.unix(clock.taken_at()),
            Duration::from_millis(1500)
        );
    }

    #[test]
    fn thirty_a_second_stay_thirty_a_second() {
        let start = now();
        let mut pace = Pace::new(start, 30, 1);
        let mut at = start;
        for n in 0..3000 {
            let (number, wait) = pace.step(at);
            assert_eq!(number, n);
            // Sleeping takes a little longer than asked for.
            at += wait + Duration::from_micros(70);
        }
        let took = at - start;
        let late = took - Duration::from_nanos(2999 * 1_000_000_000 / 30);
        assert!(late < Duration::from_millis(1), "{late:?}");
    }

    #[test]
    fn what_was_missed_is_left_out() {
        let start = now();
        let mut pace = Pace::new(start, 30_000, 1001);
        pace.step(start);
        let (number, _) = pace.step(start + Duration::from_millis(10_020));
        assert_eq!(number, 300);
        let (_, wait) = pace.step(start + Duration::from_millis(10_020));
        assert!(wait > Duration::ZERO);
    }
}
