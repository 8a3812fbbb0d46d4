//! What an encoding takes, and what it would take if its pictures were not spread over layers. Pure.

use std::time::{Duration, Instant};

use crate::{frame::Bitrate, rate::RateMeter};

/// Spread over layers what moves takes at most so many times the bits.
const SPREAD_TAKES: u64 = 3;
/// Over this time is counted.
const SMOOTH: Duration = Duration::from_millis(500);

/// Counts pictures.
#[derive(Debug, Default)]
pub(super) struct Taken {
    meter: RateMeter,
    last: Option<Instant>,
    /// Over some time, in bits per second; `None`: not known yet.
    now: Option<u64>,
    /// The same when they were last not spread.
    whole: Option<u64>,
}

impl Taken {
    /// A picture of `bytes` was made, `spread` or not.
    pub(super) fn count(&mut self, captured: Instant, bytes: u64, spread: bool) {
        let gap = self.last.replace(captured).map_or(Duration::ZERO, |last| {
            captured.saturating_duration_since(last)
        });
        self.meter.add(captured, bytes);
        let rate = self.meter.rate(captured).map(Bitrate::as_bps);
        // Pictures that are further apart than the meter sees.
        let sparse = || (gap >= SMOOTH).then(|| (bytes as f64 * 8.0 / gap.as_secs_f64()) as u64);
        if let Some(rate) = rate.or_else(sparse) {
            let before = self.now.unwrap_or(rate) as f64;
            // After a pause the next pictures are not like the one that ended it.
            let weight = (gap.as_secs_f64() / SMOOTH.as_secs_f64()).min(0.5);
            self.now = Some((before + (rate as f64 - before) * weight) as u64);
        }
        if !spread {
            self.whole = self.now;
        }
    }

    /// From now on they are not spread any more.
    pub(super) fn is_whole_again(&mut self) {
        let whole = self.now.map(|_| self.whole());
        (self.meter, self.now, self.whole) = (RateMeter::default(), whole, whole);
    }

    /// What they take, in bits per second. Nothing as long as it is not known: the first pictures show it.
    pub(super) fn now(&self) -> u64 {
        self.now.unwrap_or(0)
    }

    /// What they would take if they were not spread, as far as one can tell: what they took before, unless what is shown
    /// has changed too much since.
    pub(super) fn whole(&self) -> u64 {
        let least = self.now() / SPREAD_TAKES;
        self.whole.unwrap_or(least).clamp(least, self.now())
    }

    /// They take so much.
    #[cfg(test)]
    pub(super) fn of(rate: u64) -> Self {
        Self {
            now: Some(rate),
            whole: Some(rate),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many pictures a second at a rate, for this long.
    fn go_on(taken: &mut Taken, at: &mut Instant, seconds: u32, fps: u32, rate: u64, spread: bool) {
        for _ in 0..seconds * fps {
            *at += Duration::from_secs(1) / fps;
            taken.count(*at, rate / 8 / u64::from(fps), spread);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a test's time begins now")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn what_calms_down_while_it_is_spread_is_not_taken_for_what_it_was() {
        for fps in [1, 2, 5, 30] {
            let (mut taken, mut at) = (Taken::default(), start());
            go_on(&mut taken, &mut at, 3, 30, 4_000_000, false);
            assert!((3_600_000..4_400_000).contains(&taken.whole()));
            go_on(&mut taken, &mut at, 8, fps, 80_000, true);
            assert!(taken.whole() < 400_000, "{fps}: {}", taken.whole());
            taken.is_whole_again();
            assert!(taken.now() < 400_000, "{fps}: {}", taken.now());
        }
    }

    #[test]
    fn what_takes_more_because_it_is_spread_is_judged_by_what_it_took() {
        let (mut taken, mut at) = (Taken::default(), start());
        go_on(&mut taken, &mut at, 3, 30, 1_000_000, false);
        go_on(&mut taken, &mut at, 5, 30, 2_500_000, true);
        assert!((900_000..1_100_000).contains(&taken.whole()));
        // It takes far more than that explains.
        go_on(&mut taken, &mut at, 5, 30, 6_000_000, true);
        assert!((1_800_000..2_200_000).contains(&taken.whole()));
    }
}
