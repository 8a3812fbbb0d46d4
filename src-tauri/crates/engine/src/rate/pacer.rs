//! Spreads packets over time, so that a key frame does not fill the queues on the path.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::frame::Bitrate;

/// Pictures leave at this multiple of the target: a picture of mean size is out after 0.4 of the time
/// until the next, and the rest is room for larger ones.
const FACTOR: f64 = 2.5;

/// A large picture may leave at up to this multiple, so that it is out within [`DRAIN`].
const FACTOR_MAX: f64 = 5.0;

/// What is aimed at for the whole queue.
const DRAIN: f64 = 0.1;

/// More than this much of the target's time is not kept: by then it is too late for a call.
const MAX_QUEUE: Duration = Duration::from_millis(300);

/// The most that leaves at once after a pause, in time at the pacing rate: timers are no finer than
/// some milliseconds, and each wake costs.
const BURST: Duration = Duration::from_millis(6);

/// For an audience so much is saved up before anything leaves: with many to send to, packets that leave together cost far
/// less than as many single ones. In a call it would make each picture that much older.
const SAVED: Duration = Duration::from_millis(5);

/// Whether a picture was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It will be sent.
    Accepted,
    /// The queue holds too much: this picture is left out, and all up to the next key frame.
    Dropped,
}

/// A token bucket with two queues: sound leaves at once, pictures at a pace. `T` is a packet.
#[derive(Debug)]
pub struct Pacer<T> {
    audio: VecDeque<T>,
    video: VecDeque<(u32, T)>,
    queued: u64,
    target: f64,
    /// How many bytes may leave; below zero: owed.
    budget: f64,
    filled: Instant,
    needs_key_frame: bool,
    /// Before anything leaves, so much of the time at the pacing rate is saved up.
    saved: Duration,
}

/// As many packets of sound wait at most: one second. Older ones are lost first.
const MAX_AUDIO: usize = 50;

impl<T> Pacer<T> {
    /// Starts empty.
    pub fn new(now: Instant, target: Bitrate) -> Self {
        Self {
            audio: VecDeque::new(),
            video: VecDeque::new(),
            queued: 0,
            target: (target.as_bps() as f64).max(1.0),
            budget: 0.0,
            filled: now,
            needs_key_frame: false,
            saved: Duration::ZERO,
        }
    }

    /// Whether this is one of many that send at the same time.
    pub fn set_audience(&mut self, audience: bool) {
        self.saved = if audience { SAVED } else { Duration::ZERO };
    }

    /// What the encoder aims at from now on.
    pub fn set_target(&mut self, now: Instant, target: Bitrate) {
        self.fill(now);
        self.target = (target.as_bps() as f64).max(1.0);
    }

    /// Takes a packet of sound; when a second waits already the oldest is lost.
    pub fn push_audio(&mut self, packet: T) {
        if self.audio.len() == MAX_AUDIO {
            self.audio.pop_front();
        }
        self.audio.push_back(packet);
    }

    /// Takes the packets of one picture, each with its size in bytes, or none of them.
    pub fn push_frame(
        &mut self,
        key_frame: bool,
        packets: impl IntoIterator<Item = (u32, T)>,
    ) -> Admission {
        let full = self.queue_time() > MAX_QUEUE;
        if full || self.needs_key_frame && !key_frame {
            self.needs_key_frame = true;
            return Admission::Dropped;
        }
        self.needs_key_frame = false;
        for (bytes, packet) in packets {
            self.queued += u64::from(bytes);
            self.video.push_back((bytes, packet));
        }
        Admission::Accepted
    }

    /// A picture was left out, and none but a key frame is taken: the encoder should make one as soon as
    /// the queue has room.
    pub fn needs_key_frame(&self) -> bool {
        self.needs_key_frame && self.queue_time() <= MAX_QUEUE
    }

    /// How long the pictures that wait would take at the target rate.
    pub fn queue_time(&self) -> Duration {
        Duration::from_secs_f64(self.queued as f64 * 8.0 / self.target)
    }

    /// Forgets the pictures that wait; the next has to be a key frame.
    pub fn clear(&mut self) {
        self.video.clear();
        self.queued = 0;
        self.needs_key_frame = true;
    }

    /// The next packet that may leave at `now`.
    pub fn poll(&mut self, now: Instant) -> Option<T> {
        if let Some(packet) = self.audio.pop_front() {
            return Some(packet);
        }
        self.fill(now);
        if self.budget < 0.0 {
            return None;
        }
        let (bytes, packet) = self.video.pop_front()?;
        self.budget -= f64::from(bytes);
        self.queued -= u64::from(bytes);
        Some(packet)
    }

    /// When to [`poll`](Self::poll) again; `None`: when something was pushed.
    pub fn next_wake(&self) -> Option<Instant> {
        if !self.audio.is_empty() {
            return Some(self.filled);
        }
        self.video.front()?;
        let saved = (self.rate() * self.saved.as_secs_f64()).min(self.queued as f64);
        let owed = if self.budget < 0.0 {
            saved - self.budget
        } else {
            0.0
        };
        // Rounded up to a microsecond, or the wake could come a moment too early over and over.
        let wait = Duration::from_secs_f64(owed / self.rate()) + Duration::from_micros(1);
        Some(self.filled + wait)
    }

    /// Bytes per second.
    fn rate(&self) -> f64 {
        let wanted = self.queued as f64 / DRAIN;
        let base = self.target / 8.0;
        wanted.clamp(FACTOR * base, FACTOR_MAX * base)
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled);
        self.filled = self.filled.max(now);
        let rate = self.rate();
        let most = rate * (BURST + self.saved).as_secs_f64();
        self.budget = (self.budget + rate * passed.as_secs_f64()).min(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::estimator::tests::epoch;

    const MS: Duration = Duration::from_millis(1);

    fn frame(packets: u32) -> impl Iterator<Item = (u32, &'static str)> {
        (0..packets).map(|_| (1200, "picture"))
    }

    /// All that leaves until nothing waits, with the times.
    fn drain(pacer: &mut Pacer<&'static str>, mut now: Instant) -> Vec<(Instant, &'static str)> {
        let mut out = Vec::new();
        loop {
            while let Some(packet) = pacer.poll(now) {
                out.push((now, packet));
            }
            match pacer.next_wake() {
                Some(wake) => now = now.max(wake),
                None => return out,
            }
        }
    }

    #[test]
    fn a_key_frame_is_spread_and_no_burst_is_longer_than_the_bucket() {
        let start = epoch();
        let mut pacer = Pacer::new(start, Bitrate::kbps(1_000));
        assert_eq!(pacer.push_frame(true, frame(50)), Admission::Accepted);
        let out = drain(&mut pacer, start);
        assert_eq!(out.len(), 50);
        let took = out[49].0 - start;
        // 60 kB at 2.5 to 5 Mbit/s.
        assert!(took > 95 * MS && took < 195 * MS, "{took:?}");
        for window in out.windows(5) {
            assert!(window[4].0 - window[0].0 > 3 * MS);
        }
    }

    #[test]
    fn a_picture_of_mean_size_is_out_before_the_next_comes() {
        let start = epoch();
        let mut pacer = Pacer::new(start, Bitrate::kbps(2_000));
        pacer.push_frame(false, frame(7));
        let out = drain(&mut pacer, start + 33 * MS);
        assert!(out[6].0 - out[0].0 < 15 * MS);
    }

    #[test]
    fn for_an_audience_more_leaves_together_and_as_soon() {
        let wakes = |audience: bool| {
            let start = epoch();
            let mut pacer = Pacer::new(start, Bitrate::kbps(4_000));
            pacer.set_audience(audience);
            pacer.push_frame(false, frame(14));
            let mut out = drain(&mut pacer, start);
            let last = out[13].0 - start;
            out.dedup_by_key(|(at, _)| *at);
            (out.len(), last)
        };
        let ((call, soon), (audience, late)) = (wakes(false), wakes(true));
        assert!(audience * 2 <= call, "{audience}, {call}");
        assert!(late < soon + SAVED, "{late:?}, {soon:?}");
    }

    #[test]
    fn sound_overtakes_pictures() {
        let start = epoch();
        let mut pacer = Pacer::new(start, Bitrate::kbps(500));
        pacer.push_frame(true, frame(10));
        while pacer.poll(start).is_some() {}
        pacer.push_audio("sound");
        assert_eq!(pacer.next_wake(), Some(start));
        assert_eq!(pacer.poll(start), Some("sound"));
        assert_eq!(pacer.poll(start), None);
    }

    #[test]
    fn a_full_queue_drops_up_to_the_next_key_frame() {
        let start = epoch();
        let mut pacer = Pacer::new(start, Bitrate::kbps(500));
        assert_eq!(pacer.push_frame(true, frame(20)), Admission::Accepted);
        assert_eq!(pacer.push_frame(false, frame(2)), Admission::Dropped);
        assert!(!pacer.needs_key_frame());
        let out = drain(&mut pacer, start);
        assert!(pacer.needs_key_frame());
        assert_eq!(pacer.push_frame(false, frame(2)), Admission::Dropped);
        assert_eq!(pacer.push_frame(true, frame(2)), Admission::Accepted);
        assert_eq!(pacer.push_frame(false, frame(2)), Admission::Accepted);
        assert!(!pacer.needs_key_frame());
        assert_eq!(out.len(), 20);
    }
}
