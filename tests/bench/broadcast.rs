//! A screen with moving text and its viewers: Ahoy beside Chromium.
//!
//! Both broadcast by the dialect that small pages speak, so the viewers are the same program: one `ahoy-call` that
//! joins many times and only counts what comes.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use ahoy_tests::{
    app::Display,
    call::AhoyCall,
    chromium::Chromium,
    desktop::Desktop,
    dialect::{self, Lobby, Through},
    need,
    serve::Files,
    usage::{self, Usage},
};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    report::{machine, median},
    start::{self, Began},
    stop,
};

/// How many watch. Chromium compresses once for each, and is not asked for more than it can do at all.
const AHOY: [u32; 5] = [1, 4, 8, 16, 64];
const CHROMIUM: [u32; 3] = [1, 4, 8];
/// The screen.
pub(crate) const SCREEN: (u32, u32) = (1920, 1080);
/// So long the way between them is found out, and so long is counted.
const WARM_UP: Duration = Duration::from_secs(10);
const WINDOW: Duration = Duration::from_secs(10);
/// A screen that stands still is sharp by then.
const STILL_AFTER: Duration = Duration::from_secs(4);
/// So long all viewers may take to see something.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// The most that pictures may take, in kbit/s.
pub(crate) const CAP_KBPS: &str = "4000";
/// The page knows no cap; without one Chromium takes its own, which is lower.
const HELD_TO_THE_CAP: &str = "
    const { setRemoteDescription } = RTCPeerConnection.prototype;
    RTCPeerConnection.prototype.setRemoteDescription = async function (description) {
        await setRemoteDescription.call(this, description);
        for (const sender of this.getSenders()) {
            if (sender.track?.kind !== 'video') continue;
            const parameters = sender.getParameters();
            for (const encoding of parameters.encodings) encoding.maxBitrate = CAP * 1000;
            await sender.setParameters(parameters);
        }
    };
";

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// What a broadcast costs.
    Load,
    /// How soon it begins and ends.
    Ends,
}

/// What was measured of one broadcast.
#[derive(Debug, Clone)]
struct Figures {
    /// Of one core.
    cpu: f64,
    /// Pictures a second at the viewer that got fewest, and at the middle one.
    least_fps: f64,
    fps: f64,
    /// Processor time for each picture that got to a viewer, in ms.
    ms_per_frame: f64,
    /// What the pictures take at the middle viewer, in kbit/s.
    kbps: f64,
    /// How they come to the first: `VP9 1920x1080`.
    kind: String,
    mib: f64,
}

/// Text that moves all over a window until it is told to stand still.
struct Text {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Text {
    fn start(display: &Display) -> Result<Self> {
        let desktop = Desktop::connect(display.name())?;
        let window = desktop.open("Paper", (60, 40, 1400, 800), 0xff_ffff)?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let text = "The quick brown fox jumps over the lazy dog, 0123456789. ".repeat(5);
            let mut turn = 0;
            // A page of 48 lines that scrolls by one line thirty times a second, as often as pictures are sent.
            while !told.load(Ordering::Relaxed) {
                for row in 0..48_usize {
                    let from = (turn + row) * 7 % 57;
                    let at = (16, 20 + 16 * row as i16);
                    desktop.write(window, at, &text[from..from + 200])?;
                }
                turn += 1;
                std::thread::sleep(Duration::from_millis(33));
            }
            // The window goes with its connection, so it waits here.
            while Arc::strong_count(&told) > 1 {
                std::thread::sleep(Duration::from_millis(100));
            }
            Ok(())
        });
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }

    fn stand_still(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        self.stand_still();
        self.stop = Arc::default();
        if let Some(thread) = self.thread.take() {
            // It was looked at by what came of it.
            let _ = thread.join();
        }
    }
}

enum Sender {
    Ahoy(Box<AhoyCall>),
    Chromium(Box<Chromium>),
}

impl Sender {
    async fn start(ahoy: bool, display: &Display, lobby: &Lobby, pages: &Files) -> Result<Self> {
        if ahoy {
            let flags = [
                "--dialect",
                "broadcast",
                "--as",
                "broadcaster",
                "--video",
                "screen",
                "--audio",
                "none",
                "--bitrate",
                CAP_KBPS,
            ];
            let environment = [("DISPLAY", display.name())];
            let call = AhoyCall::start_with(lobby.url(), &flags, environment)?;
            call.event("ready").await?;
            return Ok(Self::Ahoy(Box::new(call)));
        }
        let chromium = Chromium::on_display(display.name()).await?;
        hold_to_the_cap(&chromium).await?;
        let mut page = url::Url::parse(&pages.url("/broadcast"))?;
        page.query_pairs_mut()
            .extend_pairs([("relay", lobby.url()), ("role", "broadcaster")]);
        chromium.page().goto(page.as_str()).await?;
        let ready = "return document.body?.dataset.state === 'ready'";
        let begun = chromium.page().until("a broadcast", ready, vec![]).await;
        chromium.explain(begun).await?;
        Ok(Self::Chromium(Box::new(chromium)))
    }

    fn usage(&self) -> Result<Usage> {
        match self {
            Self::Ahoy(call) => usage::of_tree(call.process().pid(), &[]),
            Self::Chromium(chromium) => usage::of_tree(chromium.driver().pid(), &["chromedriver"]),
        }
    }
}

/// Has the next page send no more, and no less, than Ahoy may.
pub(crate) async fn hold_to_the_cap(chromium: &Chromium) -> Result<()> {
    let source = serde_json::json!({ "source": HELD_TO_THE_CAP.replace("CAP", CAP_KBPS) });
    chromium
        .devtools("Page.addScriptToEvaluateOnNewDocument", source)
        .await?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn now() -> Instant {
    Instant::now()
}

/// How many pictures each viewer has had.
fn frames(event: &Value) -> HashMap<String, u64> {
    let peers = event["peers"].as_array().into_iter().flatten();
    // Each viewer has one peer, the broadcaster, which may be called alike by all of them.
    peers
        .enumerate()
        .map(|(n, peer)| {
            let count = peer["receive"]["video"]["frames_decoded"].as_u64();
            (n.to_string(), count.unwrap_or(0))
        })
        .collect()
}

/// What pictures take at the middle viewer, in kbit/s, and how they come to the first.
fn rate(viewers: &AhoyCall) -> (f64, String) {
    let lines: Vec<_> = viewers
        .events()
        .filter(|event| event["event"] == "stats")
        .collect();
    let counted = lines.iter().rev().take(WINDOW.as_secs() as usize);
    let videos: Vec<_> = counted
        .flat_map(|event| event["peers"].as_array().into_iter().flatten())
        .map(|peer| &peer["receive"]["video"])
        .collect();
    let rates = videos.iter().filter_map(|video| video["kbps"].as_f64());
    let kind = videos.first().map_or_else(String::new, |video| {
        let codec = video["codec"].as_str().unwrap_or("?");
        format!("{codec} {}x{}", video["width"], video["height"])
    });
    (median(rates.collect()).unwrap_or(f64::NAN), kind)
}

async fn next_stats(viewers: &AhoyCall, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let mark = viewers.mark();
    viewers
        .event_after(mark, "statistics of all viewers", SOON, |event| {
            event["event"] == "stats" && wanted(event)
        })
        .await
}

/// One broadcast; also the share of a core that a screen takes that stands still.
async fn broadcast(ahoy: bool, count: u32, pages: &Files) -> Result<(Figures, f64)> {
    let display = Display::start(SCREEN.0, SCREEN.1).await?;
    let text = Text::start(&display)?;
    let lobby = Lobby::start(Through::Ahoy).await?;
    let sender = Sender::start(ahoy, &display, &lobby, pages).await?;
    let number = count.to_string();
    let flags = [
        "--dialect",
        "broadcast",
        "--as",
        "viewer",
        "--no-decode",
        "--count",
        &number,
    ];
    let viewers = AhoyCall::start(lobby.url(), &flags)?;
    next_stats(&viewers, |event| {
        let all = frames(event);
        all.len() == count as usize && all.values().all(|frames| *frames > 0)
    })
    .await?;
    sleep(WARM_UP).await;

    let before = (
        now(),
        sender.usage()?,
        frames(&next_stats(&viewers, |_| true).await?),
    );
    sleep(WINDOW).await;
    let after = (
        now(),
        sender.usage()?,
        frames(&next_stats(&viewers, |_| true).await?),
    );
    let seconds = (after.0 - before.0).as_secs_f64();
    let cpu = (after.1.cpu - before.1.cpu).as_secs_f64();
    let got: Vec<f64> = after
        .2
        .iter()
        .map(|(viewer, frames)| {
            let had = before.2.get(viewer).copied().unwrap_or(0);
            frames.saturating_sub(had) as f64
        })
        .collect();
    let all: f64 = got.iter().sum();
    ensure!(all > 0.0, "nobody got anything");
    let (kbps, kind) = rate(&viewers);
    let figures = Figures {
        cpu: cpu / seconds,
        least_fps: got.iter().copied().fold(f64::MAX, f64::min) / seconds,
        fps: median(got).context("no viewers")? / seconds,
        ms_per_frame: cpu * 1000.0 / all,
        kbps,
        kind,
        mib: after.1.memory_mib,
    };

    text.stand_still();
    sleep(STILL_AFTER).await;
    let (begun, before) = (now(), sender.usage()?.cpu);
    sleep(WINDOW).await;
    let still = (sender.usage()?.cpu - before).as_secs_f64() / (now() - begun).as_secs_f64();
    Ok((figures, still))
}

/// All broadcasts; the page, and what was not reached.
pub(crate) async fn measure(
    runs: u32,
    only: Option<Part>,
    viewers: &[u32],
) -> Result<(String, Vec<String>)> {
    ensure!(
        !need::lacks(&[need::Part::Chromium, need::Part::Display]),
        "nothing was measured"
    );
    let pages = dialect::pages().await?;
    let rows = AHOY.map(|count| (true, count)).into_iter();
    let rows: Vec<_> = rows
        .chain(CHROMIUM.map(|count| (false, count)))
        .filter(|(_, count)| viewers.is_empty() || viewers.contains(count))
        .collect();
    let mut all: HashMap<(bool, u32), Vec<(Figures, f64)>> = HashMap::new();
    let is_wanted = |part| only.is_none_or(|only| only == part);
    for run in 1..=runs * u32::from(is_wanted(Part::Load)) {
        for &(ahoy, count) in &rows {
            let who = if ahoy { "Ahoy" } else { "Chromium" };
            println!("{who}, {count}: {run} of {runs}");
            let measured = broadcast(ahoy, count, &pages).await?;
            println!("  {measured:?}");
            all.entry((ahoy, count)).or_default().push(measured);
        }
    }
    let (mut began, mut stopped) = ([vec![], vec![]], vec![]);
    for run in 1..=runs * u32::from(is_wanted(Part::Ends)) {
        for ahoy in [true, false] {
            let measured = start::begin(ahoy, &pages).await?;
            println!("Start, {run} of {runs}: Ahoy {ahoy}, {measured:?}");
            began[usize::from(ahoy)].push(measured);
        }
        if !need::lacks(&[need::Part::Network]) {
            let measured = stop::stop().await?;
            println!("Stop, {run} of {runs}: {measured} ms");
            stopped.push(measured);
        }
    }
    let start = |ahoy: bool, get: fn(&Began) -> f64| {
        median(began[usize::from(ahoy)].iter().map(get).collect()).unwrap_or(f64::NAN)
    };
    let of = |row: (bool, u32), get: fn(&(Figures, f64)) -> f64| {
        let measured = all.get(&row).into_iter().flatten();
        median(measured.map(get).collect()).unwrap_or(f64::NAN)
    };
    let mut page = format!(
        "# A screen and its viewers, measured\n\n\
         Written by `cargo xtask bench broadcast`: medians of {runs} runs on {}. A screen of {}x{} with a page of text that \
         scrolls thirty times a second; viewers that count and do not decode, on the same machine. Built with optimisation.\n\n\
         | | viewers | CPU, of a core | frames/s at the middle viewer | at the last | CPU ms per delivered frame | kbit/s at the middle viewer | pictures | memory MiB |\n\
         |---|---:|---:|---:|---:|---:|---:|---|---:|\n",
        machine(),
        SCREEN.0,
        SCREEN.1
    );
    for &row in &rows {
        let who = if row.0 { "Ahoy" } else { "Chromium" };
        let _ = writeln!(
            page,
            "| {who} | {} | {:.2} | {:.1} | {:.1} | {:.2} | {:.0} | {} | {:.0} |",
            row.1,
            of(row, |it| it.0.cpu),
            of(row, |it| it.0.fps),
            of(row, |it| it.0.least_fps),
            of(row, |it| it.0.ms_per_frame),
            of(row, |it| it.0.kbps),
            all.get(&row)
                .and_then(|runs| runs.last())
                .map_or("", |it| it.0.kind.as_str()),
            of(row, |it| it.0.mib),
        );
    }
    page += "\n| | first picture ms | legible text ms |\n|---|---:|---:|\n";
    for (who, ahoy) in [("Ahoy", true), ("Chromium", false)] {
        let first = start(ahoy, |began| began.first_ms);
        let legible = start(ahoy, |began| began.legible_ms);
        let _ = writeln!(page, "| {who} | {first:.0} | {legible:.0} |");
    }
    let cpu = |count| of((true, count), |it| it.0.cpu);
    let each = |ahoy| of((ahoy, 8), |it| it.0.ms_per_frame);
    let still = of((true, 1), |it| it.1);
    let aims = [
        (
            "64 viewers cost as much as so many single ones",
            cpu(64) / cpu(1),
            2.0,
            false,
        ),
        (
            "At 8 viewers Chromium takes so many times the CPU per frame",
            each(false) / each(true),
            10.0,
            true,
        ),
        (
            "A screen that stands still, % of a core",
            still * 100.0,
            1.0,
            false,
        ),
        (
            "From *Share* to the first picture, beside Chromium",
            start(true, |began| began.first_ms) / start(false, |began| began.first_ms),
            1.0,
            false,
        ),
        (
            "From *Share* to legible text, beside Chromium",
            start(true, |began| began.legible_ms) / start(false, |began| began.legible_ms),
            1.0,
            false,
        ),
        (
            "From *Stop* to the last packet of a picture, ms",
            median(stopped).unwrap_or(f64::NAN),
            100.0,
            false,
        ),
    ];
    page += "\n## Where Ahoy stands\n\n| | | aim | |\n|---|---:|---:|---|\n";
    let mut missed = Vec::new();
    for (name, figure, aim, at_least) in aims {
        let reached = if at_least {
            figure >= aim
        } else {
            figure <= aim
        };
        if !reached {
            missed.push(name.to_owned());
        }
        let sign = if at_least { "≥" } else { "≤" };
        let word = if reached { "reached" } else { "not yet" };
        let _ = writeln!(page, "| {name} | {figure:.2} | {sign} {aim} | {word} |");
    }
    let _ = write!(
        page,
        "\n## How it is measured\n\n\
         - Sender and viewers meet at `ahoy-relay --lobby` and speak its dialect `broadcast`; Chromium by the page of the \
         tests, in a window on the same display. Both may take {CAP_KBPS} kbit/s for each viewer.\n\
         - CPU and memory are the sender's, with all its processes; capture is in it, the X server is not. Memory is PSS.\n\
         - A screen that stands still is measured with one viewer, from four seconds after its last change.\n\
         - From *Share*: a page of text stands still, and a Chromium waits for whoever shows it (dialect `broadcast`, one to \
         one). Ahoy's time begins with the start of its program, Chromium's when the screen has been chosen. Text is legible from an SSIM of 0.98 on, of a part of the picture as the viewer shows it.\n\
         - From *Stop*: until an interface between both has carried the last packet of more than 800 bytes.\n"
    );
    Ok((page, missed))
}
