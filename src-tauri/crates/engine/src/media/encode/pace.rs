//! When a picture of text and windows is compressed: at once, later, or again. Pure.
//!
//! Text has to stay sharp, so where the bits do not suffice there are fewer pictures instead of coarser ones. And it
//! may stand still after any picture, so the last one is compressed again until it is as sharp as it gets.

use std::time::{Duration, Instant};

/// As much of what may be sent as a picture may take in advance; who has taken more waits.
const ADVANCE: Duration = Duration::from_millis(150);
/// Who waits is looked at so often.
const LOOK_AGAIN: Duration = Duration::from_millis(40);
/// A picture this fine or finer, in steps of the quantizer from 0 to 63, is sharp.
const SHARP: u32 = 14;
/// How fine it becomes with each time that it is compressed again: the first is read already, and sooner there than the
/// second alone would be. In many small steps it would take three times the bits and thirty times the work.
const STEPS: [u32; 2] = [26, SHARP];
/// A picture is compressed again so many times at most.
const AGAIN: u32 = 12;
/// What changes more often than this is moving: it is compressed again only when it has stood still for as long.
const MOVING: Duration = Duration::from_millis(120);
/// Pictures that flow, as a camera's do, are taken to stand still when none has come for so long.
const FLOWING: Duration = Duration::from_millis(300);

/// Paces one encoding.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// What was sent in advance of the rate, in bits, by the time at which that was counted.
    owed: f64,
    counted: Option<Instant>,
    target: f64,
    /// A picture was put off until then.
    put_off: Option<Instant>,
    /// The last picture is to be made sharper then.
    again: Option<Instant>,
    left: u32,
    /// How often the last picture was made sharper.
    step: usize,
    /// When the last new picture came, and how long it has to stand still before it is compressed again.
    came: Option<Instant>,
    rest: Duration,
}

impl Pace {
    /// At `fps` pictures a second.
    pub(super) fn new(fps: u32) -> Self {
        let interval = Duration::from_secs(1) / fps.max(1);
        Self {
            interval,
            owed: 0.0,
            counted: None,
            target: 1.0,
            put_off: None,
            again: None,
            left: 0,
            step: 0,
            came: None,
            rest: interval,
        }
    }

    /// A new picture has come: whether it is to be compressed at once. If not, [`wake`](Self::wake) says when the newest is.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        let moving = |came: Instant| now.saturating_duration_since(came) < MOVING;
        self.rest = if self.came.is_some_and(moving) {
            MOVING
        } else {
            self.interval
        };
        self.begins(now);
        self.is_paid(now)
    }

    /// A new picture has come of those that flow: each is compressed at once, and the last again when no other comes.
    pub(super) fn flows(&mut self, now: Instant) -> bool {
        self.rest = FLOWING;
        self.put_off = None;
        self.begins(now);
        true
    }

    fn begins(&mut self, now: Instant) {
        self.came = Some(now);
        self.left = AGAIN;
        self.step = 0;
        self.again = None;
    }

    /// Whether the time of [`wake`](Self::wake) has come.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.wake().is_some_and(|wake| wake <= now)
    }

    /// The time of [`wake`](Self::wake) has come, or somebody needs the picture now.
    pub(super) fn admits_again(&mut self, now: Instant) -> bool {
        self.again = None;
        self.is_paid(now)
    }

    /// What may be sent from now on, in bits per second.
    pub(super) fn aims_at(&mut self, now: Instant, target: u64) {
        let since = self.counted.unwrap_or(now);
        let passed = now.saturating_duration_since(since).as_secs_f64();
        self.owed = (self.owed - self.target * passed).max(0.0);
        self.counted = Some(now);
        self.target = target.max(1) as f64;
    }

    fn is_paid(&mut self, now: Instant) -> bool {
        self.aims_at(now, self.target as u64);
        let takes = Duration::from_secs_f64(self.owed / self.target);
        let wait = takes.saturating_sub(ADVANCE);
        // The path may turn out to be wider meanwhile.
        self.put_off = (!wait.is_zero()).then(|| now + wait.min(LOOK_AGAIN));
        self.put_off.is_none()
    }

    /// The coarsest quantizer for the last picture when it is compressed again.
    pub(super) fn sharp(&mut self) -> u32 {
        let step = STEPS.get(self.step).copied().unwrap_or(SHARP);
        self.step += 1;
        step
    }

    /// The last picture is made a key frame, for somebody who has just come: it has to become sharp anew.
    pub(super) fn begins_anew(&mut self) {
        (self.left, self.step) = (AGAIN, 0);
    }

    /// A picture became so many bytes, with this quantizer; `None`: those that follow do not refer to it.
    pub(super) fn made(&mut self, now: Instant, bytes: usize, quantizer: Option<u32>) {
        self.aims_at(now, self.target as u64);
        self.owed += bytes as f64 * 8.0;
        self.once_more(now, quantizer.is_none_or(|quantizer| quantizer > SHARP));
    }

    /// The encoder has left a picture out.
    pub(super) fn left_out(&mut self, now: Instant) {
        self.once_more(now, true);
    }

    fn once_more(&mut self, now: Instant, wanted: bool) {
        let first = self.left == AGAIN;
        let wait = if first { self.rest } else { self.interval };
        self.left = self.left.saturating_sub(1);
        self.again = (wanted && self.left > 0).then(|| now + wait);
    }

    /// When the newest picture is to be compressed if no other comes.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.put_off.or(self.again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test's time begins now")]
    fn epoch() -> Instant {
        Instant::now()
    }

    fn aimed(now: Instant, target: u64) -> Pace {
        let mut pace = Pace::new(30);
        pace.aims_at(now, target);
        pace
    }

    #[test]
    fn what_waits_goes_on_when_there_is_more_room() {
        let start = epoch();
        let mut pace = aimed(start, 1_000_000);
        assert!(pace.admits(start));
        // More than a second of the rate.
        pace.made(start, 140_000, Some(52));
        let later = start + Duration::from_millis(300);
        pace.aims_at(later, 8_000_000);
        assert!(pace.admits_again(later));
    }

    #[test]
    fn what_is_too_large_for_the_path_makes_fewer_pictures_and_not_coarser_ones() {
        let (start, mut made) = (epoch(), 0);
        let mut pace = aimed(start, 1_000_000);
        // Pictures of 30 kB at 1 Mbit/s: a quarter of a second each.
        for n in 0..300 {
            let now = start + Duration::from_secs(1) * n / 30;
            if pace.admits(now) {
                made += 1;
                pace.made(now, 31_250, Some(40));
            } else {
                assert!(pace.wake().unwrap() > now);
            }
        }
        assert!((38..=42).contains(&made), "{made}");
    }

    #[test]
    fn a_picture_that_stands_still_becomes_sharp_and_then_costs_nothing() {
        let mut now = epoch();
        let mut pace = aimed(now, 8_000_000);
        assert!(pace.admits(now));
        pace.made(now, 4_000, Some(50));
        let mut steps = Vec::new();
        while let Some(at) = pace.wake() {
            now = at;
            assert!(pace.admits_again(now));
            // Of each four that many viewers get all others refer to one.
            let base = (steps.len() % 4 == 3).then(|| pace.sharp());
            steps.push(base);
            pace.made(now, 4_000, base);
        }
        let sharp: Vec<_> = steps.iter().flatten().collect();
        assert_eq!((steps.len(), sharp), (8, vec![&26, &14]));
    }

    #[test]
    fn however_many_come_to_a_picture_that_stands_still_it_becomes_sharp_each_time() {
        let mut now = epoch();
        let mut pace = aimed(now, 8_000_000);
        assert!(pace.admits(now));
        for _ in 0..20 {
            pace.begins_anew();
            pace.made(now, 40_000, Some(45));
            let mut steps = Vec::new();
            while let Some(at) = pace.wake() {
                now = at;
                assert!(pace.admits_again(now));
                steps.push(pace.sharp());
                pace.made(now, 4_000, steps.last().copied());
            }
            assert_eq!(steps, [26, 14]);
        }
    }

    #[test]
    fn one_that_does_not_become_sharp_is_not_tried_for_ever() {
        let (mut now, mut again) = (epoch(), 0);
        let mut pace = aimed(now, 8_000_000);
        assert!(pace.admits(now));
        pace.made(now, 100, Some(50));
        while let Some(at) = pace.wake() {
            now = at;
            assert!(pace.admits_again(now));
            pace.made(now, 100, Some(50));
            again += 1;
        }
        assert_eq!(again, AGAIN - 1);
    }

    #[test]
    fn what_moves_is_not_compressed_more_often_than_it_changes() {
        let start = epoch();
        let mut pace = aimed(start, 8_000_000);
        for n in 0..10 {
            let now = start + Duration::from_millis(100) * n;
            assert!(pace.admits(now));
            pace.made(now, 1_000, Some(50));
        }
        let last = start + Duration::from_millis(900);
        assert!(!pace.is_due(last + Duration::from_millis(110)));
        assert!(pace.is_due(last + Duration::from_millis(130)));
    }

    #[test]
    fn the_last_of_what_flowed_becomes_sharp_too() {
        let now = epoch();
        let mut pace = aimed(now, 100_000);
        // A camera's pictures are never put off.
        for _ in 0..5 {
            assert!(pace.flows(now));
            pace.made(now, 100_000, Some(50));
        }
        assert!(!pace.is_due(now + Duration::from_millis(200)));
        assert!(pace.is_due(now + Duration::from_millis(300)));
    }
}
