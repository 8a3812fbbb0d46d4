//! A long call: whether memory, open files and threads stay, and sound and picture keep in step.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use ahoy_tests::{
    call::AhoyCall,
    relay::Relay,
    usage::{self, Held},
};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};

use crate::report;

/// How often is looked.
const EVERY: Duration = Duration::from_secs(10);
/// What begins needs memory; what only goes on must not, from here on.
const SETTLED: Duration = Duration::from_secs(5 * 60);
/// Memory may grow by this much from there to the end, in MiB, along the line that fits best.
const GROWTH_MIB: f64 = 1.0;
/// Sound and picture may be this far apart, in ms.
const APART_MS: f64 = 40.0;
/// Pictures a second, half of the time at least, of 30 that are sent.
const LEAST_FPS: f64 = 29.0;
/// Threads and files may be this many more or less than the usual: a timer, a name that is looked up.
const FLAT: usize = 2;

/// What was seen of a program at a moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Duration,
    held: Held,
    /// By how much sound came after the picture, over the last ten seconds.
    apart_ms: Option<f64>,
    /// Pictures a second.
    fps: Option<f64>,
}

/// Calls for so long, and gives the page and what was not reached.
pub(crate) async fn measure(minutes: u32) -> Result<(String, Vec<String>)> {
    let length = Duration::from_secs(u64::from(minutes) * 60);
    ensure!(
        length >= SETTLED * 2,
        "a long call is {} minutes at least",
        2 * SETTLED.as_secs() / 60
    );
    let relay = Relay::start().await?;
    let flags = [
        "--video",
        "test:1280x720@30",
        "--bitrate",
        "2000",
        "--probe",
    ];
    let mut host = AhoyCall::start(relay.url(), &flags)?;
    let mut guest = AhoyCall::start(&host.link().await?, &flags)?;
    host.event("first_frame").await?;
    guest.event("first_frame").await?;

    let begun = now();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen: [(&str, Vec<Sample>); 3] =
        ["host", "guest", "relay"].map(|name| (name, Vec::new()));
    ticks.tick().await;
    while now() - begun < length {
        ticks.tick().await;
        let at = now() - begun;
        for ((name, samples), (pid, call)) in seen.iter_mut().zip([
            (host.process().pid(), Some(&host)),
            (guest.process().pid(), Some(&guest)),
            (relay.process().pid(), None),
        ]) {
            let last = call.and_then(last_stats);
            let sample = Sample {
                at,
                held: usage::held(pid)?,
                apart_ms: last
                    .as_ref()
                    .and_then(|peer| peer["receive"]["audio"]["av_offset_ms"].as_f64()),
                fps: last
                    .as_ref()
                    .and_then(|peer| peer["receive"]["video"]["fps"].as_f64()),
            };
            println!("{:>5} s {name}: {sample:?}", at.as_secs());
            samples.push(sample);
        }
    }
    host.hang_up().await?;
    guest.exit().await?;
    let rows = seen
        .iter()
        .map(|(name, samples)| Row::of(name, samples))
        .collect::<Result<Vec<_>>>()?;
    Ok(page(&rows, minutes))
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn now() -> Instant {
    Instant::now()
}

/// The peer of the last line of figures.
fn last_stats(call: &AhoyCall) -> Option<Value> {
    let event = call.last_event("stats")?;
    event["peers"].get(0).cloned()
}

/// What a program's samples come to, from when it had settled.
#[derive(Debug)]
struct Row {
    name: String,
    /// It is an end of the call, and not the relay.
    in_call: bool,
    begin_mib: f64,
    end_mib: f64,
    growth_mib: f64,
    files: (usize, usize),
    threads: (usize, usize),
    apart_ms: Option<(f64, f64)>,
    fps: Option<f64>,
}

impl Row {
    fn of(name: &str, samples: &[Sample]) -> Result<Self> {
        let settled: Vec<&Sample> = samples.iter().filter(|s| s.at >= SETTLED).collect();
        let (first, last) = settled.first().zip(settled.last()).context("no samples")?;
        let minutes = (last.at - first.at).as_secs_f64() / 60.0;
        let memory: Vec<(f64, f64)> = settled
            .iter()
            .map(|s| (s.at.as_secs_f64() / 60.0, s.held.memory_mib))
            .collect();
        let range = |get: fn(&Sample) -> usize| {
            let values = settled.iter().map(|s| get(s));
            (values.clone().min().unwrap_or(0), values.max().unwrap_or(0))
        };
        let apart: Vec<f64> = settled.iter().filter_map(|s| s.apart_ms).collect();
        let least = apart.iter().copied().fold(f64::INFINITY, f64::min);
        let most = apart.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Ok(Self {
            name: name.to_owned(),
            in_call: name != "relay",
            begin_mib: first.held.memory_mib,
            end_mib: last.held.memory_mib,
            growth_mib: slope(&memory) * minutes,
            files: range(|s| s.held.files),
            threads: range(|s| s.held.threads),
            apart_ms: (!apart.is_empty()).then_some((least, most)),
            fps: report::median(settled.iter().filter_map(|s| s.fps).collect()),
        })
    }

    fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        if self.growth_mib > GROWTH_MIB {
            missed.push(format!("memory of the {}", self.name));
        }
        for (what, (least, most)) in [("open files", self.files), ("threads", self.threads)] {
            if most - least > FLAT {
                missed.push(format!("{what} of the {}", self.name));
            }
        }
        if self.in_call {
            let apart = |(least, most): (f64, f64)| least.abs().max(most.abs()) <= APART_MS;
            if !self.apart_ms.is_some_and(apart) {
                missed.push(format!("sound and picture at the {}", self.name));
            }
            if self.fps.is_none_or(|fps| fps < LEAST_FPS) {
                missed.push(format!("pictures at the {}", self.name));
            }
        }
        missed
    }
}

/// The slope of the line that fits best (least squares), in units of the second a unit of the first.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (x, y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (x, y) = (x / count, y / count);
    let (mut with, mut own) = (0.0, 0.0);
    for point in points {
        with += (point.0 - x) * (point.1 - y);
        own += (point.0 - x).powi(2);
    }
    if own > 0.0 { with / own } else { 0.0 }
}

fn page(rows: &[Row], minutes: u32) -> (String, Vec<String>) {
    let missed: Vec<String> = rows.iter().flat_map(Row::missed).collect();
    let mut page = format!(
        "# A long call, measured\n\n\
         Written by `cargo xtask bench soak`: {minutes} minutes, two `ahoy-call` on one machine ({}), picture (1280x720 at \
         30 a second, at most 2000 kbit/s) and sound both ways. Figures are from minute {} on.\n\n\
         | | memory MiB, then | at the end | growth | open files | threads | sound after picture, ms | frames/s |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
        report::machine(),
        SETTLED.as_secs() / 60
    );
    for row in rows {
        let apart = row.apart_ms.map_or("–".to_owned(), |(least, most)| {
            format!("{least:.0} to {most:.0}")
        });
        let fps = row.fps.map_or("–".to_owned(), |fps| format!("{fps:.0}"));
        let _ = writeln!(
            page,
            "| {} | {:.1} | {:.1} | {:+.2} | {} to {} | {} to {} | {apart} | {fps} |",
            row.name,
            row.begin_mib,
            row.end_mib,
            row.growth_mib,
            row.files.0,
            row.files.1,
            row.threads.0,
            row.threads.1,
        );
    }
    let word = if missed.is_empty() {
        "all reached".to_owned()
    } else {
        format!("not yet: {}", missed.join(", "))
    };
    let _ = writeln!(
        page,
        "\nAims: memory grows by at most {GROWTH_MIB} MiB along the line that fits best, files and threads stay within \
         {FLAT}, sound and picture within {APART_MS} ms: {word}.\n\n\
         Memory is PSS. Sound and picture are compared by the stamp in the test picture and the beep in the test sound, \
         over ten seconds each."
    );
    (page, missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(grows_per_minute: f64, apart_ms: f64) -> Vec<Sample> {
        (0..=180)
            .map(|n| Sample {
                at: EVERY * n,
                held: Held {
                    memory_mib: 50.0 + grows_per_minute * f64::from(n) / 6.0,
                    files: 20,
                    threads: 12,
                },
                apart_ms: Some(apart_ms),
                fps: Some(30.0),
            })
            .collect()
    }

    #[test]
    fn what_grows_or_drifts_is_said() {
        let row = |samples: &[Sample]| Row::of("host", samples).unwrap();
        assert!(row(&samples(0.03, 30.0)).missed().is_empty());
        assert_eq!(row(&samples(0.05, 30.0)).missed(), ["memory of the host"]);
        let late = row(&samples(0.0, -41.0)).missed();
        assert_eq!(late, ["sound and picture at the host"]);
        let mut blind = samples(0.0, 0.0);
        for sample in &mut blind {
            (sample.apart_ms, sample.fps) = (None, None);
        }
        let missed = ["sound and picture at the host", "pictures at the host"];
        assert_eq!(row(&blind).missed(), missed);
        assert!(Row::of("relay", &blind).unwrap().missed().is_empty());
        let mut threads = samples(0.0, 0.0);
        threads[170].held.threads = 15;
        assert_eq!(row(&threads).missed(), ["threads of the host"]);
        assert!((row(&samples(0.04, 0.0)).growth_mib - 1.0).abs() < 1e-6);
    }

    #[test]
    fn what_was_before_it_settled_does_not_count() {
        let mut early = samples(0.0, 0.0);
        early[3].held.memory_mib = 900.0;
        early[3].held.files = 90;
        assert!(Row::of("host", &early).unwrap().missed().is_empty());
    }
}
