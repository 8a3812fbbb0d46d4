//! How many bits per second the path to a peer carries.

use std::time::{Duration, Instant};

use super::{
    meter::RateMeter,
    train::Train,
    trend::{DelayTrend, Usage},
};
use crate::frame::Bitrate;

/// Less than this is never estimated: sound and a picture that moves a little.
pub const MIN_BITRATE: Bitrate = Bitrate::kbps(100);

/// Where a connection begins: most paths carry it, and a picture is good enough with it.
pub const START_BITRATE: Bitrate = Bitrate::kbps(1_000);

/// Loss above which the path is taken to be full, and below which it is not (draft-ietf-rmcat-gcc-02 §6).
const HIGH_LOSS: f64 = 0.10;
const LOW_LOSS: f64 = 0.02;

/// What is kept of the rate that arrived when a queue grows (§5.5).
const BACK_OFF: f64 = 0.85;

/// Growth in a second: while nothing has limited the connection yet; near the rate at which the path was
/// last full (§5.5); and away from it, where either there is room or the path has changed.
const GROWTH_AT_START: f64 = 2.0;
const GROWTH_NEAR: f64 = 1.08;
const GROWTH_FAR: f64 = 1.5;

/// What is near the rate at which the path was last full.
const NEAR: std::ops::RangeInclusive<f64> = 0.75..=1.2;

/// How far the estimate may be above what is really sent: more was not tried, so it is not known.
const UNTRIED: f64 = 1.5;

/// A limit by REMB counts this long; the peer repeats it each second.
const REMB_VALID: Duration = Duration::from_secs(5);

/// After a decrease the next waits at least this long, and the round-trip time: its effect has to be
/// seen first.
const HOLD: Duration = Duration::from_millis(200);

/// What became of one packet, by transport-wide feedback.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PacketResult {
    /// When it left.
    pub sent: Instant,
    /// When it arrived, on the peer's clock; `None`: it did not.
    pub arrived: Option<Duration>,
    /// Bytes of RTP.
    pub bytes: u32,
}

/// Combines delay, loss, the peer's own limit and what is really sent into one rate.
///
/// It falls when the one-way delay grows or more than a tenth is lost, holds between, grows otherwise,
/// and is never far above what was tried.
#[derive(Debug)]
pub struct BandwidthEstimator {
    estimate: f64,
    max: f64,
    trend: DelayTrend,
    train: Train,
    sent: RateMeter,
    acknowledged: RateMeter,
    remb: Option<(Instant, f64)>,
    rtt: Duration,
    /// What arrived when the path was last full.
    limit: Option<f64>,
    last_decrease: Option<Instant>,
    last_update: Option<Instant>,
    last_feedback: Option<Instant>,
    window: LossWindow,
}

/// Loss by transport-wide feedback, over a hundred packets or a second: in fewer, a loss of 5 % that comes
/// by chance is often a tenth.
#[derive(Debug, Default)]
struct LossWindow {
    since: Option<Instant>,
    total: u32,
    lost: u32,
}

impl BandwidthEstimator {
    /// Begins at [`START_BITRATE`], or at `max` where that is less.
    pub fn new(max: Bitrate) -> Self {
        let max = (max.max(MIN_BITRATE)).as_bps() as f64;
        Self {
            estimate: (START_BITRATE.as_bps() as f64).min(max),
            max,
            trend: DelayTrend::default(),
            train: Train::default(),
            sent: RateMeter::default(),
            acknowledged: RateMeter::default(),
            remb: None,
            rtt: Duration::from_millis(100),
            limit: None,
            last_decrease: None,
            last_update: None,
            last_feedback: None,
            window: LossWindow::default(),
        }
    }

    /// More than this is not estimated from now on.
    pub fn set_max(&mut self, max: Bitrate) {
        self.max = max.max(MIN_BITRATE).as_bps() as f64;
        self.estimate = self.estimate.min(self.max);
    }

    /// How much may be sent at `now`.
    pub fn estimate(&self, now: Instant) -> Bitrate {
        let remb = self
            .remb
            .filter(|(at, _)| now.saturating_duration_since(*at) < REMB_VALID)
            .map_or(f64::INFINITY, |(_, limit)| limit);
        let floor = MIN_BITRATE.as_bps() as f64;
        Bitrate::bps(self.estimate.min(remb).clamp(floor, self.max) as u64)
    }

    /// A packet of `bytes` left.
    pub fn on_sent(&mut self, now: Instant, bytes: u32) {
        self.sent.add(now, u64::from(bytes));
    }

    /// A round-trip time was measured.
    pub fn on_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt.min(Duration::from_secs(2));
    }

    /// The peer says how much it takes (draft-alvestrand-rmcat-remb-03).
    pub fn on_remb(&mut self, now: Instant, limit: Bitrate) {
        self.remb = Some((now, limit.as_bps() as f64));
    }

    /// The peer reported what became of packets (transport-wide feedback); in the order of sending.
    pub fn on_feedback(&mut self, now: Instant, results: &[PacketResult]) {
        self.last_feedback = Some(now);
        let mut found = None;
        let mut any = false;
        // What left before the last decrease does not say what that did.
        let before = |result: &PacketResult| self.last_decrease.is_some_and(|at| result.sent <= at);
        for result in results {
            found = self.train.add(result).or(found);
            let counts = u32::from(!before(result));
            self.window.total += counts;
            any |= counts > 0;
            match result.arrived {
                Some(arrived) => {
                    self.acknowledged.add(now, u64::from(result.bytes));
                    self.trend.add(result.sent, arrived);
                }
                None => self.window.lost += counts,
            }
        }
        // Until something has limited the connection it is not known what the path carries.
        if let Some(found) = found.filter(|_| self.limit.is_none()) {
            self.estimate = self.estimate.max(found.min(self.max));
        }
        if self.trend.usage() == Usage::Over {
            let arriving = self.acknowledged.rate(now).map(|rate| rate.as_bps() as f64);
            let full = arriving.unwrap_or(self.estimate);
            // Reports that come at once make too much of it.
            let most = self
                .limit
                .map_or(self.estimate, |limit| limit.max(self.estimate));
            let full = full.min(most);
            // Again and again while the queue stands, so that it empties; what the path carries is not less for that.
            self.decrease(now, full, BACK_OFF * full.min(self.estimate));
        }
        if any {
            self.window.since.get_or_insert(now);
        }
        let since = self.window.since.unwrap_or(now);
        let passed = now.saturating_duration_since(since);
        let enough = match self.window.total {
            // One loss of twenty is 5 %: fewer say nothing about a tenth.
            0..20 => false,
            20..100 => passed >= Duration::from_secs(1),
            _ => passed >= Duration::from_millis(500),
        };
        if enough {
            let loss = f64::from(self.window.lost) / f64::from(self.window.total);
            self.window = LossWindow::default();
            self.on_loss(now, loss);
        }
        if any && self.low_loss() {
            self.grow(now);
        } else {
            self.last_update = Some(now);
        }
    }

    /// A receiver report came: `loss` from 0 to 1. Where transport-wide feedback comes as well it says
    /// the same sooner, so the report counts only without.
    pub fn on_report(&mut self, now: Instant, loss: f64) {
        let fresh = |at: Instant| now.saturating_duration_since(at) < Duration::from_secs(2);
        if self.last_feedback.is_some_and(fresh) {
            return;
        }
        self.on_loss(now, loss);
        if loss < LOW_LOSS {
            self.grow(now);
        } else {
            self.last_update = Some(now);
        }
    }

    fn low_loss(&self) -> bool {
        f64::from(self.window.lost) < LOW_LOSS * f64::from(self.window.total.max(50))
    }

    fn on_loss(&mut self, now: Instant, loss: f64) {
        if loss > HIGH_LOSS {
            let target = self.estimate * (1.0 - 0.5 * loss.min(1.0));
            self.decrease(now, self.estimate, target);
        }
    }

    fn decrease(&mut self, now: Instant, full: f64, target: f64) {
        let wait = HOLD.max(self.rtt);
        if self
            .last_decrease
            .is_some_and(|at| now.saturating_duration_since(at) < wait)
        {
            return;
        }
        self.limit = Some(full);
        self.last_decrease = Some(now);
        self.last_update = Some(now);
        self.window = LossWindow::default();
        self.estimate = target.max(MIN_BITRATE.as_bps() as f64);
    }

    fn grow(&mut self, now: Instant) {
        let passed = self
            .last_update
            .map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.last_update = Some(now);
        if self.trend.usage() != Usage::Normal {
            return;
        }
        let Some(sent) = self.sent.rate(now) else {
            return;
        };
        let per_second = match self.limit {
            None => GROWTH_AT_START,
            Some(limit) if NEAR.contains(&(self.estimate / limit)) => GROWTH_NEAR,
            Some(_) => GROWTH_FAR,
        };
        let grown = self.estimate * f64::powf(per_second, passed.as_secs_f64().min(1.0));
        let cap = UNTRIED * sent.as_bps() as f64;
        // Sending less than it may is no reason to take an estimate back.
        self.estimate = grown.min(cap.max(self.estimate)).min(self.max);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test needs some instant")]
    pub(in crate::rate) fn epoch() -> Instant {
        Instant::now()
    }

    /// A path with one queue (RFC 8867 §5), and a sender that fills its estimate up to `encoder`.
    struct Path {
        now: Instant,
        start: Instant,
        estimator: BandwidthEstimator,
        capacity: f64,
        queued_until: Duration,
        random_loss: u32,
        count: u32,
        pending: Vec<PacketResult>,
        longest_queue: Duration,
    }

    const PACKET: u32 = 1200;
    const DELAY: Duration = Duration::from_millis(50);
    const QUEUE: Duration = Duration::from_millis(300);

    impl Path {
        fn new(capacity: f64, max: Bitrate) -> Self {
            let start = epoch();
            Self {
                now: start,
                start,
                estimator: BandwidthEstimator::new(max),
                capacity,
                queued_until: Duration::ZERO,
                random_loss: 0,
                count: 0,
                pending: Vec::new(),
                longest_queue: Duration::ZERO,
            }
        }

        /// Sends for `seconds`, at most at `encoder` bits per second; feedback each 50 ms.
        fn run(&mut self, seconds: f64, encoder: f64) -> f64 {
            let end = self.now + Duration::from_secs_f64(seconds);
            let mut feedback = self.now + Duration::from_millis(50);
            while self.now < end {
                let estimate = self.estimator.estimate(self.now).as_bps() as f64;
                let rate = estimate.min(encoder);
                self.send();
                self.now += Duration::from_secs_f64(f64::from(PACKET) * 8.0 / rate);
                if self.now >= feedback {
                    feedback = self.now + Duration::from_millis(50);
                    let results = self.reported();
                    self.estimator.on_feedback(self.now, &results);
                }
            }
            self.estimator.estimate(self.now).as_bps() as f64
        }

        /// What the peer knows, and has told, by now: all up to the last packet that has arrived.
        fn reported(&mut self) -> Vec<PacketResult> {
            let known = (self.now - self.start).saturating_sub(DELAY);
            let last = self
                .pending
                .iter()
                .rposition(|result| result.arrived.is_some_and(|arrived| arrived <= known));
            self.pending
                .drain(..last.map_or(0, |last| last + 1))
                .collect()
        }

        fn send(&mut self) {
            let at = self.now - self.start;
            self.count += 1;
            self.estimator.on_sent(self.now, PACKET);
            let free = self.queued_until.max(at);
            let waits = free - at;
            let lost = waits > QUEUE
                || self.random_loss != 0
                    && self.count.wrapping_mul(2_654_435_761) >> 16 & 0xff < self.random_loss;
            let arrived = (!lost).then(|| {
                self.queued_until =
                    free + Duration::from_secs_f64(f64::from(PACKET) * 8.0 / self.capacity);
                self.longest_queue = self.longest_queue.max(waits);
                self.queued_until + DELAY
            });
            self.pending.push(PacketResult {
                sent: self.now,
                arrived,
                bytes: PACKET,
            });
        }
    }

    #[test]
    fn an_app_limited_flow_does_not_grow_beyond_what_it_tried() {
        let mut path = Path::new(20e6, Bitrate::kbps(10_000));
        let estimate = path.run(30.0, 1e6);
        assert!((1e6..=1.7e6).contains(&estimate), "{estimate}");
    }

    #[test]
    fn a_free_path_is_filled_up_to_the_maximum_within_seconds() {
        let mut path = Path::new(20e6, Bitrate::kbps(2_500));
        let estimate = path.run(3.0, 10e6);
        assert!(estimate > 2.4e6, "{estimate}");
        assert!(path.run(5.0, 10e6) <= 2.5e6);
    }

    #[test]
    fn the_maximum_rises_and_falls_in_a_call() {
        let mut path = Path::new(20e6, Bitrate::kbps(2_500));
        path.run(3.0, 10e6);
        path.estimator.set_max(Bitrate::kbps(8_500));
        let raised = path.run(3.0, 10e6);
        assert!(raised > 8e6, "{raised}");
        path.estimator.set_max(Bitrate::kbps(2_500));
        assert_eq!(path.estimator.estimate(path.now), Bitrate::kbps(2_500));
    }

    #[test]
    fn a_narrow_path_is_found_and_its_queue_kept_short() {
        let mut path = Path::new(600e3, Bitrate::kbps(5_000));
        path.run(5.0, 10e6);
        path.longest_queue = Duration::ZERO;
        let mut sum = 0.0;
        for _ in 0..30 {
            sum += path.run(1.0, 10e6);
        }
        let mean = sum / 30.0;
        assert!((350e3..=660e3).contains(&mean), "{mean}");
        assert!(
            path.longest_queue < Duration::from_millis(250),
            "{:?}",
            path.longest_queue
        );
    }

    #[test]
    fn it_falls_with_the_capacity_and_comes_back() {
        let mut path = Path::new(3e6, Bitrate::kbps(2_500));
        assert!(path.run(10.0, 10e6) > 2e6);
        path.capacity = 700e3;
        let fallen = path.run(6.0, 10e6);
        assert!(fallen < 900e3, "{fallen}");
        path.capacity = 3e6;
        let back = path.run(30.0, 10e6);
        assert!(back > 1.5e6, "{back}");
    }

    #[test]
    fn a_path_that_narrows_suddenly_is_still_used() {
        let mut path = Path::new(20e6, Bitrate::kbps(2_000));
        path.run(3.0, 1.3e6);
        path.capacity = 400e3;
        let (mut least, mut last) = (f64::MAX, 0.0);
        for tenth in 0..40 {
            last = path.run(0.1, 1.3e6);
            least = least.min(last);
            let queued = path.queued_until.saturating_sub(path.now - path.start);
            assert!(
                tenth < 20 || queued < Duration::from_millis(50),
                "{queued:?} after {tenth} tenths of a second"
            );
        }
        assert!(least > 250e3 && last > 360e3, "{least} {last}");
    }

    #[test]
    fn little_random_loss_does_not_hold_it_down_and_much_does() {
        let mut path = Path::new(10e6, Bitrate::kbps(2_500));
        path.random_loss = 3; // about 1 %
        assert!(path.run(20.0, 10e6) > 1.8e6);
        path.random_loss = 64; // a quarter
        let estimate = path.run(10.0, 10e6);
        assert!(estimate < 700e3, "{estimate}");
        path.random_loss = 0;
        assert!(path.run(30.0, 10e6) > 1.4 * estimate);
    }

    #[test]
    fn what_left_before_a_decrease_says_nothing_of_what_that_did() {
        let start = epoch();
        let mut estimator = BandwidthEstimator::new(Bitrate::kbps(2_000));
        let at = |ms: u64| start + Duration::from_millis(ms);
        // One packet in 10 ms, of which one in five is lost, arriving after a second; told each tenth of a second.
        let mut report = |step: u64| {
            let results: Vec<_> = (step * 10..step * 10 + 10)
                .map(|n| PacketResult {
                    sent: at(n * 10),
                    arrived: (n % 5 != 0).then(|| Duration::from_millis(n * 10 + 1_000)),
                    bytes: 1_250,
                })
                .collect();
            let now = at(step * 100 + 1_100);
            estimator.on_sent(now, 12_500);
            estimator.on_feedback(now, &results);
            estimator.estimate(now).as_kbps()
        };
        // A second of it is enough.
        let fallen = (0..=10).map(&mut report).last().unwrap();
        assert_eq!(fallen, 900);
        // As much is lost of what was on its way by then: that is known already, and no reason to send more either.
        for step in 11..=20 {
            assert_eq!(report(step), fallen, "{step}");
        }
        // What left since is lost too: the path is narrower still.
        let again = (21..=32).map(&mut report).last().unwrap();
        assert!(again < fallen, "{again}");
    }

    #[test]
    fn reports_alone_steer_it_and_remb_limits_it() {
        let mut now = epoch();
        let mut estimator = BandwidthEstimator::new(Bitrate::kbps(2_000));
        let mut second = |estimator: &mut BandwidthEstimator, loss: f64| {
            let rate = estimator.estimate(now).as_bps();
            for _ in 0..100 {
                now += Duration::from_millis(10);
                estimator.on_sent(now, (rate / 800) as u32);
            }
            estimator.on_report(now, loss);
            (now, estimator.estimate(now).as_kbps())
        };
        for _ in 0..5 {
            second(&mut estimator, 0.0);
        }
        let (_, high) = second(&mut estimator, 0.0);
        assert_eq!(high, 2_000);
        let (_, held) = second(&mut estimator, 0.05);
        assert_eq!(held, high);
        let (now, low) = second(&mut estimator, 0.5);
        assert_eq!(low, 1_500);
        estimator.on_remb(now, Bitrate::kbps(400));
        assert_eq!(estimator.estimate(now).as_kbps(), 400);
        estimator.on_remb(now, Bitrate::kbps(1));
        assert_eq!(estimator.estimate(now), MIN_BITRATE);
        assert_eq!(
            estimator.estimate(now + Duration::from_secs(6)).as_kbps(),
            1_500
        );
    }
}
