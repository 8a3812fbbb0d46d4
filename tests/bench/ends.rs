//! The two ends of a measured call.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use ahoy_tests::{
    app::{App, Display, Instead},
    call::AhoyCall,
    chromium::{Camera, Chromium},
    relay::Relay,
    serve::Files,
    sound::SoundServer,
    usage::{self, Usage},
    webdriver::Page,
    y4m::{self, Luma},
};
use anyhow::{Context as _, Result};
use data_encoding::BASE64;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{CAP_KBPS, FPS, HEIGHT, WIDTH, quality::CLIP, report::Row};

const SCRIPT: &str = include_str!("page.js");
/// How many pictures are compared with those that were sent.
const COMPARED: usize = 10;

/// Who sends.
pub(crate) enum Sender {
    Ahoy(AhoyCall),
    Chromium(Chromium),
}

/// Who receives.
pub(crate) enum Receiver {
    Ahoy(AhoyCall),
    Chromium(Chromium),
    /// The app, whose pictures are looked at in its window.
    Window(App),
}

/// What only has to be there.
#[derive(Default)]
pub(crate) struct Others {
    _host: Option<AhoyCall>,
    _display: Option<Display>,
    _sound: Option<SoundServer>,
}

/// What an end has done until a moment.
pub(crate) struct Count {
    at: Instant,
    frames: u64,
    bytes: Option<u64>,
    pub(crate) usage: Usage,
    pub(crate) codec: Option<String>,
}

/// What an end did between two moments.
pub(crate) struct Done {
    seconds: f64,
    pub(crate) frames: u64,
    bytes: Option<u64>,
    cpu: Duration,
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn now() -> Instant {
    Instant::now()
}

impl Count {
    fn new(frames: u64, bytes: Option<u64>, usage: Usage, codec: Option<String>) -> Self {
        Self {
            at: now(),
            frames,
            bytes,
            usage,
            codec,
        }
    }

    pub(crate) fn between(before: &Self, after: &Self) -> Done {
        Done {
            seconds: (after.at - before.at).as_secs_f64(),
            frames: after.frames.saturating_sub(before.frames),
            bytes: after
                .bytes
                .zip(before.bytes)
                .map(|(after, before)| after.saturating_sub(before)),
            cpu: after.usage.cpu.saturating_sub(before.usage.cpu),
        }
    }
}

impl Done {
    pub(crate) fn fps(&self) -> f64 {
        self.frames as f64 / self.seconds
    }

    pub(crate) fn kbps(&self) -> Option<f64> {
        Some(self.bytes? as f64 * 8.0 / 1000.0 / self.seconds)
    }

    pub(crate) fn cpu_ms_per_frame(&self) -> Option<f64> {
        (self.frames > 0).then(|| self.cpu.as_secs_f64() * 1000.0 / self.frames as f64)
    }
}

/// Brings the two ends of a row together; an Ahoy that receives records what it sees into `record`.
pub(crate) async fn connect(
    row: Row,
    relay: &Relay,
    files: &Files,
    record: Option<&Path>,
) -> Result<(Sender, Receiver, Others)> {
    let mut others = Others::default();
    Ok(match row {
        Row::AhoyToAhoy => {
            let sender = ahoy_sends(relay)?;
            let receiver = ahoy_receives(&sender.link().await?, record)?;

            (Sender::Ahoy(sender), Receiver::Ahoy(receiver), others)
        }
        Row::AhoyToChromium => {
            let receiver = chromium(None).await?;
            let sender = ahoy_sends(relay)?;
            receiver.join(&sender.link().await?, "Receiver").await?;
            (Sender::Ahoy(sender), Receiver::Chromium(receiver), others)
        }
        Row::ChromiumToAhoy => {
            let sender = chromium(Some(files)).await?;
            let receiver = ahoy_receives(relay.url(), record)?;
            sender.join(&receiver.link().await?, "Sender").await?;
            (Sender::Chromium(sender), Receiver::Ahoy(receiver), others)
        }
        Row::ChromiumToChromium => {
            // Somebody has to open the room: an Ahoy that neither sends nor receives.
            let idle = ["--as", "send", "--video", "none", "--audio", "none"];
            let host = AhoyCall::start(relay.url(), &idle)?;
            let link = host.link().await?;
            others._host = Some(host);
            let sender = chromium(Some(files)).await?;
            let receiver = chromium(None).await?;
            sender.join(&link, "Sender").await?;
            sender.page().shown("hang-up").await?;
            receiver.join(&link, "Receiver").await?;
            (
                Sender::Chromium(sender),
                Receiver::Chromium(receiver),
                others,
            )
        }
        Row::ChromiumToWindow => {
            let sender = chromium(Some(files)).await?;
            let display = Display::start(1280, 800).await?;
            let sound = SoundServer::start().await?;
            // A page from the network may not fetch its pictures from loopback.
            let instead = Instead {
                relay: Some("this_computer"),
                ..Instead::default()
            };
            let app = App::start(&display, &sound, instead).await?;
            (others._display, others._sound) = (Some(display), Some(sound));
            let page = app.page();
            page.press("new-call").await?;
            page.press("join").await?;
            sender.join(&page.read("link").await?, "Sender").await?;
            (Sender::Chromium(sender), Receiver::Window(app), others)
        }
    })
}

fn ahoy_sends(relay: &Relay) -> Result<AhoyCall> {
    let video = format!("test:{WIDTH}x{HEIGHT}@{FPS}");
    let cap = CAP_KBPS.to_string();
    AhoyCall::start(
        relay.url(),
        &["--as", "send", "--video", &video, "--bitrate", &cap],
    )
}

fn ahoy_receives(url: &str, record: Option<&Path>) -> Result<AhoyCall> {
    let mut flags = vec!["--as", "receive", "--probe"];
    if let Some(file) = record {
        flags.extend(["--record", file.to_str().context("a path that is text")?]);
    }
    AhoyCall::start(url, &flags)
}

/// Chromium with the clip for a camera, or with none.
async fn chromium(files: Option<&Files>) -> Result<Chromium> {
    let camera = match files {
        Some(_) => Camera::Fake,
        None => Camera::Absent,
    };
    let chromium = Chromium::start(camera).await?;
    // The pictures come from another origin than the page.
    chromium.devtools("Page.enable", json!({})).await?;
    chromium
        .devtools("Page.setBypassCSP", json!({ "enabled": true }))
        .await?;
    let camera = files.map(|files| {
        json!({
            "url": files.url("/pictures"), "width": WIDTH, "height": HEIGHT, "fps": FPS, "count": CLIP,
        })
    });
    let options = json!({ "camera": camera });
    let source = format!("{}({options})", SCRIPT.trim_end());
    chromium
        .devtools(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({ "source": source }),
        )
        .await?;
    Ok(chromium)
}

fn chromium_usage(chromium: &Chromium) -> Result<Usage> {
    usage::of_tree(chromium.driver().pid(), &["chromedriver"])
}

/// The next line of figures of an `ahoy-call`: of its one peer.
async fn figures(call: &AhoyCall) -> Result<Value> {
    call.peer_stats("statistics", |_| true).await
}

impl Sender {
    /// Holds the encoder to the cap; Ahoy was told when it started.
    pub(crate) async fn cap(&self) -> Result<()> {
        if let Self::Chromium(chromium) = self {
            chromium
                .page()
                .run_async(
                    "return window.__bench.cap(arguments[0])",
                    vec![json!(CAP_KBPS * 1000)],
                )
                .await?;
        }
        Ok(())
    }

    pub(crate) async fn count(&mut self) -> Result<Count> {
        match self {
            Self::Ahoy(call) => {
                let peer = figures(call).await?;
                let video = &peer["send"]["video"];
                let usage = usage::of_tree(call.process().pid(), &[])?;
                let codec = video["codec"].as_str().map(str::to_owned);
                // It says a rate, whole each second: the sum of its lines is the count.
                Ok(Count::new(sent_frames(call), None, usage, codec))
            }
            Self::Chromium(chromium) => {
                let stats = page_stats(chromium.page()).await?;
                let codec = stats["codec"].as_str().map(str::to_owned);
                let usage = chromium_usage(chromium)?;
                let frames = stats["framesEncoded"].as_u64().unwrap_or(0);
                Ok(Count::new(
                    frames,
                    stats["bytesSent"].as_u64(),
                    usage,
                    codec,
                ))
            }
        }
    }
}

fn sent_frames(call: &AhoyCall) -> u64 {
    call.events()
        .filter_map(|event| event["peers"][0]["send"]["video"]["fps"].as_f64())
        .sum::<f64>() as u64
}

async fn page_stats(page: &Page) -> Result<Value> {
    page.run_async("return window.__bench.stats()", vec![])
        .await
}

impl Receiver {
    /// From the offer to the first picture.
    pub(crate) async fn first_frame_ms(&self) -> Result<Option<f64>> {
        Ok(match self {
            Self::Ahoy(call) => call.event("first_frame").await?["ms"].as_f64(),
            Self::Chromium(chromium) => {
                let script = "return window.__bench.firstFrameMs";
                let first = chromium.page().until("first frame", script, vec![]).await;
                chromium.explain(first).await?.as_f64()
            }
            Self::Window(app) => {
                app.page().stamp("remote-video").await?;
                None
            }
        })
    }

    pub(crate) async fn count(&mut self) -> Result<Count> {
        match self {
            Self::Ahoy(call) => {
                let peer = figures(call).await?;
                let frames = peer["receive"]["video"]["frames_decoded"].as_u64();
                let usage = usage::of_tree(call.process().pid(), &[])?;
                Ok(Count::new(frames.unwrap_or(0), None, usage, None))
            }
            Self::Chromium(chromium) => {
                let stats = page_stats(chromium.page()).await?;
                let frames = chromium
                    .page()
                    .run("return window.__bench.frames", vec![])
                    .await?;
                let usage = chromium_usage(chromium)?;
                let bytes = stats["bytesReceived"].as_u64();
                Ok(Count::new(frames.as_u64().unwrap_or(0), bytes, usage, None))
            }
            Self::Window(app) => {
                let usage = usage::of_tree(
                    app.driver().pid(),
                    &["WebKitWebDriver", "dbus-run-session", "dbus-daemon"],
                )?;
                // Every picture that comes is drawn at its own rate, which the sender's count tells.
                Ok(Count::new(0, None, usage, None))
            }
        }
    }

    /// How old pictures are when they are seen: half of them at most, and 95 of 100 at most, in ms.
    pub(crate) async fn latency(&self, window: Duration) -> Result<(f64, f64)> {
        let page = match self {
            Self::Ahoy(call) => {
                // Its figures are of the last ten seconds.
                let peer = figures(call).await?;
                let latency = &peer["receive"]["video"]["latency_ms"];
                let number = |key: &str| latency[key].as_f64().context("no latency");
                return Ok((number("p50")?, number("p95")?));
            }
            Self::Chromium(chromium) => {
                let page = chromium.page();
                page.run("window.__bench.reading = true", vec![]).await?;
                page
            }
            Self::Window(app) => {
                app.page().run(CANVAS_METER, vec![]).await?;
                app.page()
            }
        };
        sleep(window).await;
        let latencies = page.run("return window.__bench.latencies", vec![]).await?;
        let mut latencies: Vec<f64> = latencies
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_f64)
            .collect();
        latencies.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let index = (latencies.len() as f64 * share) as usize;
            latencies.get(index).copied().context("no stamp decodes")
        };
        Ok((at(0.5)?, at(0.95)?))
    }

    /// Pictures that arrive, as a browser shows them; an Ahoy records its own.
    pub(crate) async fn pictures(&self) -> Result<Vec<Luma>> {
        let mut pictures = Vec::new();
        if let Self::Chromium(chromium) = self {
            for _ in 0..COMPARED {
                pictures.push(grab(chromium.page()).await?);
            }
        }
        Ok(pictures)
    }
}

/// The last pictures of a recording.
pub(crate) fn recorded(file: &Path) -> Result<Vec<Luma>> {
    let last = y4m::last(file, COMPARED)?;
    Ok(last.into_iter().map(|picture| picture.luma).collect())
}

async fn grab(page: &Page) -> Result<Luma> {
    let picture = page
        .run_async("return window.__bench.grab()", vec![])
        .await?;
    let number = |key: &str| picture[key].as_u64().context("no size");
    Ok(Luma {
        width: usize::try_from(number("width")?)?,
        height: usize::try_from(number("height")?)?,
        pixels: BASE64.decode(picture["luma"].as_str().unwrap_or_default().as_bytes())?,
    })
}

/// Looks at the window's canvas before each repaint.
const CANVAS_METER: &str = "
  const meter = (window.__bench = { latencies: [] });
  let last = null;
  const look = () => {
    const stamp = ahoy.stamp(ahoy.part('remote-video'));
    if (stamp !== null && stamp !== last) {
      last = stamp;
      meter.latencies.push(((performance.timeOrigin + performance.now()) % 2 ** 32) - stamp);
    }
    requestAnimationFrame(look);
  };
  look();
";
