//! The line of figures that is printed each second.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use ahoy_contract::PeerId;
use ahoy_engine::{
    device::probe::Probe,
    engine::{PeerReport, PicturesReport},
    rtc::StreamStats,
};
use serde_json::{Map, Value, json};

use super::process;

/// Turns counters into figures per second.
#[derive(Debug)]
pub(crate) struct Meter {
    start: Instant,
    last: Instant,
    cpu: Option<Duration>,
    /// By the connection's number too: with `--count` several meet the same peer.
    before: HashMap<(usize, PeerId), PeerReport>,
}

/// A figure with one digit behind the point.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn ms(duration: Duration) -> f64 {
    round(duration.as_secs_f64() * 1000.0)
}

impl Meter {
    pub(crate) fn new(start: Instant) -> Self {
        Self {
            start,
            last: start,
            cpu: process::cpu_time(),
            before: HashMap::new(),
        }
    }

    /// The event of this second. Each report comes with the number of the connection that made it.
    pub(crate) fn event(
        &mut self,
        now: Instant,
        reports: Vec<(usize, PeerReport)>,
        probe: impl Fn(&PeerId, &mut dyn FnMut(&Probe)),
    ) -> Value {
        let seconds = now.duration_since(self.last).as_secs_f64().max(0.001);
        self.last = now;
        let cpu = process::cpu_time();
        let used = cpu.zip(self.cpu).map(|(new, old)| {
            let share = new.saturating_sub(old).as_secs_f64() / seconds;
            (share * 100.0).round() / 100.0
        });
        self.cpu = cpu;
        let mut peers = Vec::new();
        for (connection, report) in &reports {
            let before = self.before.get(&(*connection, report.peer.clone()));
            let mut peer = peer_figures(report, before, seconds);
            probe(&report.peer, &mut |probe| measured(&mut peer, probe));
            peers.push(Value::Object(peer));
        }
        self.before = reports
            .into_iter()
            .map(|(connection, report)| ((connection, report.peer.clone()), report))
            .collect();
        let t = round(now.duration_since(self.start).as_secs_f64());
        json!({"event": "stats", "t": t, "cpu": used, "rss_mib": process::rss_mib(), "peers": peers})
    }
}

fn peer_figures(
    report: &PeerReport,
    before: Option<&PeerReport>,
    seconds: f64,
) -> Map<String, Value> {
    let kbps = |counter: fn(&PeerReport) -> u64| {
        (rate(seconds, report, before, counter) * 8.0 / 1000.0).round()
    };
    let connection = &report.connection;
    let audio = &connection.audio;
    let video = Pictures {
        report: &report.video,
        stream: &connection.video,
        before: before.map(|before| (&before.video, &before.connection.video)),
        seconds,
    };
    let screen = Pictures {
        report: &report.screen,
        stream: &connection.screen,
        before: before.map(|before| (&before.screen, &before.connection.screen)),
        seconds,
    };
    let mut value = json!({
        "peer": report.peer,
        "rtt_ms": connection.rtt.map(ms),
        "estimate_kbps": connection.estimate.as_kbps(),
        "send": {
            "video": video.sent(),
            "audio": {"kbps": kbps(|r| r.connection.audio.sent.bytes), "loss": audio.sent.fraction_lost},
        },
        "receive": {
            "video": video.received(),
            "audio": {
                "kbps": kbps(|r| r.connection.audio.received.bytes),
                "level_db": round(report.level_db),
                "concealed_ms": report.jitter.concealed_ms,
                "jitter_ms": round(report.jitter.jitter_ms),
                "buffer_ms": report.jitter.buffer_ms.round(),
            },
        },
    });
    // A screen is there from its first picture on.
    if report.screen.sent_frames > 0 {
        value["send"]["screen"] = screen.sent();
    }
    if report.screen.frames > 0 {
        value["receive"]["screen"] = screen.received();
    }
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn rate<T>(seconds: f64, now: &T, before: Option<&T>, counter: impl Fn(&T) -> u64) -> f64 {
    let grown = counter(now).saturating_sub(before.map_or(0, &counter));
    grown as f64 / seconds
}

/// The figures of one kind of pictures.
struct Pictures<'a> {
    report: &'a PicturesReport,
    stream: &'a StreamStats,
    before: Option<(&'a PicturesReport, &'a StreamStats)>,
    seconds: f64,
}

impl Pictures<'_> {
    fn fps(&self, frames: impl Fn(&PicturesReport) -> u64) -> f64 {
        let before = self.before.map(|(report, _)| report);
        rate(self.seconds, self.report, before, frames).round()
    }

    fn kbps(&self, bytes: impl Fn(&StreamStats) -> u64) -> f64 {
        let before = self.before.map(|(_, stream)| stream);
        (rate(self.seconds, self.stream, before, bytes) * 8.0 / 1000.0).round()
    }

    fn sent(&self) -> Value {
        let (report, sent) = (self.report, &self.stream.sent);
        json!({
            "codec": report.sent_codec.map(|codec| codec.name()),
            "kbps": self.kbps(|stream| stream.sent.bytes),
            "fps": self.fps(|report| report.sent_frames),
            "width": report.sent_size.0,
            "height": report.sent_size.1,
            "target_kbps": report.sent_target.as_kbps(),
            "loss": sent.fraction_lost,
            "nack": sent.nacks,
            "pli": sent.plis + sent.firs,
            "key_frames": report.sent_key_frames,
        })
    }

    fn received(&self) -> Value {
        let (report, received) = (self.report, &self.stream.received);
        json!({
            "codec": report.codec.map(|codec| codec.name()),
            "kbps": self.kbps(|stream| stream.received.bytes),
            "fps": self.fps(|report| report.frames),
            "width": report.size.0,
            "height": report.size.1,
            "frames_decoded": report.frames,
            "frames_dropped": report.dropped,
            "freezes": report.freezes.0,
            "frozen_ms": report.freezes.1.as_millis() as u64,
            "lost": received.lost,
            "jitter_ms": ms(received.jitter),
        })
    }
}

fn measured(peer: &mut Map<String, Value>, probe: &Probe) {
    if let Some(latency) = probe.latency() {
        peer["receive"]["video"]["latency_ms"] =
            json!({"p50": latency.p50, "p95": latency.p95, "max": latency.max});
    }
    if let Some(offset) = probe.av_offset_ms() {
        peer["receive"]["audio"]["av_offset_ms"] = json!(round(offset));
    }
}

#[cfg(test)]
mod tests {
    use ahoy_engine::rtc::PeerStats;

    use super::*;

    fn report(frames: u64) -> PeerReport {
        PeerReport {
            peer: PeerId::from_bytes(&[7; 10]),
            connection: PeerStats::default(),
            video: PicturesReport {
                frames,
                ..PicturesReport::default()
            },
            screen: PicturesReport::default(),
            level_db: -100.0,
            jitter: Default::default(),
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test's time begins now")]
    fn connections_to_the_same_peer_are_told_apart() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        let mut fps = |second, frames: [u64; 2]| {
            let now = start + Duration::from_secs(second);
            let reports = frames.map(report).into_iter().enumerate().collect();
            let event = meter.event(now, reports, |_, _| {});
            [0, 1].map(|peer| event["peers"][peer]["receive"]["video"]["fps"].as_f64())
        };
        assert_eq!(fps(1, [7, 30]), [Some(7.0), Some(30.0)]);
        assert_eq!(fps(2, [25, 60]), [Some(18.0), Some(30.0)]);
    }
}
