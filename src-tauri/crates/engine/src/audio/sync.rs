//! Sound and picture of one peer in step.
//!
//! Sound takes longer than pictures: it comes in packets of 20 ms, waits in the jitter buffer and then in the
//! speaker. Nobody notices sound that is a little late, as it is in any room, so pictures wait only for what is
//! more than that. Where pictures are the later ones, the jitter buffer is told to hold sound for longer.

use std::time::{Duration, Instant};

use crate::packet::SyncPoint;

/// Sound that is this much late is not noticed (ITU-R BT.1359: 125 ms are detected at the earliest); less, so
/// that what differs from moment to moment stays within 40 ms.
const LATE_MS: f64 = 25.0;

/// Sound that is this much early is not noticed either (there: 45 ms).
const EARLY_MS: f64 = 15.0;

/// No picture waits longer, whatever the sender says of its clocks.
const MAX_HOLD: Duration = Duration::from_millis(250);

/// No sound is held longer than this in the jitter buffer on behalf of pictures, in ms.
const MAX_FLOOR_MS: f64 = 200.0;

/// What has been heard within this is still heard.
const FRESH: Duration = Duration::from_millis(500);

/// Over so many values a way is smoothed.
const SMOOTH: f64 = 16.0;

/// A value this far off is an exception, such as a picture that waited for a packet; so many of them in a row are
/// another way.
const JUMP_MS: f64 = 80.0;
const EXCEPTIONS: u32 = 8;

/// A moment of the sound that is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    /// The RTP time stamp of a sample.
    pub stamp: u32,
    /// When that sample is heard.
    pub at: Instant,
    /// What the jitter buffer adds to the fastest packet's way, in ms.
    pub buffer_ms: f64,
}

/// Says when pictures are due, and how long sound has to wait for them.
#[derive(Debug)]
pub struct LipSync {
    epoch: Instant,
    sound: Option<SyncPoint>,
    picture: Option<SyncPoint>,
    heard: Option<Heard>,
    /// When the last picture came.
    seen: Option<Instant>,
    /// From the sender's wall clock to here, in ms to an unknown constant that both share: of sound when it is
    /// heard, of that without the jitter buffer, and of pictures when they could be shown.
    sound_way: Way,
    bare_way: Way,
    picture_way: Way,
}

#[derive(Debug, Default)]
struct Way {
    ms: Option<f64>,
    exceptions: u32,
}

impl Way {
    fn add(&mut self, ms: f64) {
        if let Some(old) = self.ms.filter(|old| (old - ms).abs() < JUMP_MS) {
            (self.ms, self.exceptions) = (Some(old + (ms - old) / SMOOTH), 0);
            return;
        }
        self.exceptions += 1;
        if self.ms.is_none() || self.exceptions >= EXCEPTIONS {
            (self.ms, self.exceptions) = (Some(ms), 0);
        }
    }
}

impl LipSync {
    /// Knows nothing; `now`: any moment from which to count.
    pub fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            sound: None,
            picture: None,
            heard: None,
            seen: None,
            sound_way: Way::default(),
            bare_way: Way::default(),
            picture_way: Way::default(),
        }
    }

    /// The sender's last reports of its sound (stamps at 48 kHz) and of its pictures (at 90 kHz).
    pub fn reports(&mut self, sound: Option<SyncPoint>, picture: Option<SyncPoint>) {
        (self.sound, self.picture) = (sound, picture);
    }

    /// The sound that is played now.
    pub fn heard(&mut self, heard: Heard) {
        if self.heard == Some(heard) {
            return;
        }
        self.heard = Some(heard);
        if let Some(point) = self.sound {
            let way = self.local(heard.at) - point.captured_ms(heard.stamp, 48_000);
            self.sound_way.add(way);
            self.bare_way.add(way - heard.buffer_ms);
        }
    }

    /// A picture with this RTP time stamp could be shown now; when it is to be shown.
    pub fn due(&mut self, now: Instant, stamp: u32) -> Instant {
        self.seen = Some(now);
        let Some(point) = self.picture else {
            return now;
        };
        let captured = point.captured_ms(stamp, 90_000);
        self.picture_way.add(self.local(now) - captured);
        let Some(way) = self.sound_way.ms.filter(|_| self.is_heard(now)) else {
            return now;
        };
        let wait_ms = captured + way - LATE_MS - self.local(now);
        // Rubbish in a report is no number, or a huge one.
        let wait = Duration::try_from_secs_f64(wait_ms / 1000.0).unwrap_or_default();
        now + wait.min(MAX_HOLD)
    }

    /// The least that the jitter buffer should hold sound, in ms; 0 where pictures are not behind, or do not come.
    pub fn floor_ms(&self, now: Instant) -> f64 {
        let seen = self.seen.is_some_and(|seen| is_fresh(now, seen));
        let (Some(sound), Some(picture), true) = (
            self.bare_way.ms,
            self.picture_way.ms,
            seen && self.is_heard(now),
        ) else {
            return 0.0;
        };
        let floor = picture - EARLY_MS - sound;
        if floor.is_finite() {
            floor.clamp(0.0, MAX_FLOOR_MS)
        } else {
            0.0
        }
    }

    fn is_heard(&self, now: Instant) -> bool {
        self.heard.is_some_and(|heard| is_fresh(now, heard.at))
    }

    fn local(&self, at: Instant) -> f64 {
        match at.checked_duration_since(self.epoch) {
            Some(after) => after.as_secs_f64() * 1000.0,
            None => -(self.epoch - at).as_secs_f64() * 1000.0,
        }
    }
}

fn is_fresh(now: Instant, at: Instant) -> bool {
    now.saturating_duration_since(at) < FRESH
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn epoch() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "any starting point will do")]
        Instant::now()
    }

    /// A sender whose clocks all began at `start`, with reports at that moment.
    struct Sender {
        start: Instant,
        sync: LipSync,
    }

    impl Sender {
        fn new() -> Self {
            let start = epoch();
            let mut sync = LipSync::new(start);
            let point = |rtp| SyncPoint {
                ntp: 3_900_000_000 << 32,
                rtp,
                arrived: start,
            };
            sync.reports(Some(point(u32::MAX - 500)), Some(point(77)));
            Self { start, sync }
        }

        /// What was said `ms` after the start is heard `way` ms later, `buffer` of that for the jitter buffer.
        fn hear(&mut self, ms: u64, way: u64, buffer: f64) {
            self.sync.heard(Heard {
                stamp: (u32::MAX - 500).wrapping_add(ms as u32 * 48),
                at: self.start + MS(ms + way),
                buffer_ms: buffer,
            });
        }

        /// How long sound has to be held, `ms` after the start.
        fn floor(&self, ms: u64) -> f64 {
            self.sync.floor_ms(self.start + MS(ms))
        }

        /// A picture captured `ms` after the start comes after `way` ms: how long it waits, in ms.
        fn wait(&mut self, ms: u64, way: u64) -> f64 {
            let now = self.start + MS(ms + way);
            let due = self.sync.due(now, 77 + ms as u32 * 90);
            (due - now).as_secs_f64() * 1000.0
        }
    }

    #[test]
    fn a_picture_waits_for_sound_but_for_what_nobody_notices() {
        let mut sender = Sender::new();
        assert_eq!(sender.wait(0, 10), 0.0, "nothing was heard yet");
        sender.hear(40, 90, 30.0);
        let wait = sender.wait(100, 10);
        assert!((wait - (80.0 - LATE_MS)).abs() < 0.1, "{wait}");
        assert_eq!(sender.floor(110), 0.0);
    }

    #[test]
    fn a_picture_that_is_not_much_earlier_does_not_wait() {
        let mut sender = Sender::new();
        sender.hear(0, 30, 20.0);
        assert_eq!(sender.wait(20, 15), 0.0);
    }

    #[test]
    fn sound_is_held_for_pictures_that_take_longer() {
        let mut sender = Sender::new();
        for n in 0..200 {
            sender.hear(n * 20, 60, 20.0);
            assert_eq!(sender.wait(n * 20, 150), 0.0);
        }
        let floor = sender.floor(4130);
        // 150 ms of the picture, less 40 of sound without its buffer, less what nobody notices.
        assert!((floor - (110.0 - EARLY_MS)).abs() < 0.5, "{floor}");
        // One that waited for a packet changes nothing.
        sender.wait(4000, 400);
        assert!((sender.floor(4400) - floor).abs() < 0.5);
        // The camera is off: sound waits for nothing any more.
        for n in 200..250 {
            sender.hear(n * 20, 60, 20.0);
        }
        assert_eq!(sender.floor(5000), 0.0);
    }

    #[test]
    fn a_way_that_has_become_another_is_taken_up() {
        let mut sender = Sender::new();
        for n in 0..100 {
            let way = if n < 50 { 60 } else { 300 };
            sender.hear(n * 20, way, 20.0);
        }
        let wait = sender.wait(2200, 60);
        assert!((wait - (240.0 - LATE_MS)).abs() < 0.5, "{wait}");
    }

    #[test]
    fn sound_that_is_heard_no_more_holds_nothing() {
        let mut sender = Sender::new();
        sender.hear(0, 90, 30.0);
        assert!(sender.wait(20, 10) > 0.0);
        assert_eq!(sender.wait(1000, 10), 0.0);
    }

    #[test]
    fn rubbish_in_a_report_holds_a_picture_for_a_moment_at_most() {
        let mut sender = Sender::new();
        for ntp in [0, u64::MAX, 1 << 63] {
            let point = SyncPoint {
                ntp,
                rtp: 0,
                arrived: sender.start,
            };
            sender.sync.reports(Some(point), sender.sync.picture);
            sender.hear(20, 90, f64::NAN);
            assert!(sender.wait(30, 10) <= 250.0);
            assert!((0.0..=MAX_FLOOR_MS).contains(&sender.floor(40)));
        }
    }
}
