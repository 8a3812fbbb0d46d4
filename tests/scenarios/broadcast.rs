//! One shows, many watch.

use ahoy_tests::{
    SOON,
    app::Display,
    call::AhoyCall,
    chromium::{Camera, Chromium},
    desktop::{self, Desktop},
    need::{Part, lacks},
    relay::Relay,
    ssim::ssim,
    webdriver::Page,
    y4m::Luma,
};
use anyhow::{Context as _, Result, ensure};
use data_encoding::BASE64;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

const WHITE: u32 = 0xff_ffff;
/// As alike as a picture has to be so that its text can be read as well as the original.
const LEGIBLE: f64 = 0.98;

/// What Chromium shows: its brightness as a canvas gives it.
const SHOWN: &str = "
    const video = document.querySelector('[data-testid=remote-video]');
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let text = '';
    for (let at = 0; at < data.length; at += 4) text += String.fromCharCode(data[at], data[at + 1], data[at + 2]);
    return { width: canvas.width, height: canvas.height, pixels: btoa(text) };
";

async fn shown(page: &Page) -> Result<Luma> {
    let picture = page.run(SHOWN, vec![]).await?;
    let size = |name: &str| picture[name].as_u64().map(|size| size as usize);
    let pixels = picture["pixels"].as_str().context("no pixels")?;
    let pixels = BASE64.decode(pixels.as_bytes())?;
    let brightness = |pixel: &[u8]| desktop::luma(pixel[0], pixel[1], pixel[2]);
    Ok(Luma {
        width: size("width").context("no width")?,
        height: size("height").context("no height")?,
        pixels: pixels.chunks_exact(3).map(brightness).collect(),
    })
}

#[tokio::test]
async fn text_on_a_screen_can_be_read_in_chromium() -> Result<()> {
    if lacks(&[Part::Display, Part::Chromium]) {
        return Ok(());
    }
    let display = Display::start(1920, 1080).await?;
    let desktop = Desktop::connect(display.name())?;
    let window = desktop.open("Paper", (100, 50, 1700, 980), WHITE)?;
    let line = |row: i16, turn: usize| -> Result<()> {
        let text = "The quick brown fox jumps over the lazy dog, 0123456789. ".repeat(5);
        desktop.write(
            window,
            (20, 20 + row * 16),
            &text[turn % 57..turn % 57 + 220],
        )
    };
    for row in 0..58 {
        line(row, row as usize)?;
    }
    let relay = Relay::start().await?;
    let host = AhoyCall::start_with(
        relay.url(),
        &["--video", "screen", "--audio", "none", "--bitrate", "4000"],
        [("DISPLAY", display.name())],
    )?;
    let chromium = Chromium::start(Camera::Absent).await?;
    chromium.join(&host.link().await?, "Grace").await?;
    let page = chromium.page();
    page.shown("remote-video").await?;
    host.event("connected").await?;
    // All of it moves, more than can be sent sharp.
    for turn in 0..5 {
        for row in 0..58 {
            line(row, turn * 7 + row as usize)?;
        }
        let moves = |peer: &Value| peer["send"]["video"]["fps"].as_f64() > Some(0.0);
        host.peer_stats("a second of moving text", moves).await?;
    }
    let original = desktop.picture()?;
    let until = Instant::now() + SOON;
    let mut alike = 0.0;
    let seen = async {
        while alike < LEGIBLE {
            let picture = shown(page).await?;
            alike = ssim(&original, &picture).unwrap_or(0.0);
        }
        anyhow::Ok(())
    };
    if timeout_at(until, seen).await.is_err() {
        anyhow::bail!("the text stays blurred: {alike}");
    }
    assert_eq!(host.errors(), [""; 0]);
    Ok(())
}

fn pictures(peer: &Value) -> u64 {
    peer["receive"]["video"]["frames_decoded"]
        .as_u64()
        .unwrap_or(0)
}

/// Waits until so many peers of one program have had so many pictures each.
async fn all_see(viewers: &AhoyCall, count: usize, least: u64) -> Result<Value> {
    viewers
        .event_after(viewers.mark(), "pictures for all", SOON, |event| {
            event["event"] == "stats"
                && event["peers"].as_array().is_some_and(|peers| {
                    peers.len() == count && peers.iter().all(|peer| pictures(peer) >= least)
                })
        })
        .await
}

#[tokio::test]
async fn many_watch_one_and_come_and_go() -> Result<()> {
    let relay = Relay::start().await?;
    let mut host = AhoyCall::start(relay.url(), &["--as", "broadcaster"])?;
    let link = host.link().await?;
    let watch = ["--as", "viewer", "--no-decode", "--count", "8"];
    let mut viewers = AhoyCall::start(&link, &watch)?;
    all_see(&viewers, 8, 30).await?;
    // It is compressed once for all: each has had as many key frames as any other.
    let event = host
        .event_after(host.mark(), "eight viewers", SOON, |event| {
            let peers = event["peers"].as_array();
            event["event"] == "stats" && peers.is_some_and(|peers| peers.len() == 8)
        })
        .await?;
    let peers = event["peers"].as_array().context("peers")?;
    let keys = |peer: &Value| peer["send"]["video"]["key_frames"].clone();
    assert!(
        peers.iter().all(|peer| keys(peer) == keys(&peers[0])),
        "{event}"
    );

    // One that comes late sees it too, decodes what it gets, and sends nothing.
    let mut late = AhoyCall::start(&link, &["--as", "viewer", "--probe"])?;
    late.event("first_frame").await?;
    let peer = late
        .peer_stats("fresh pictures and sound", |peer| {
            peer["receive"]["video"]["latency_ms"]["p50"].is_number()
                && peer["receive"]["audio"]["level_db"].as_f64() > Some(-40.0)
        })
        .await?;
    assert!(
        peer["send"]["video"]["fps"].as_f64().unwrap_or(0.0) == 0.0,
        "{peer}"
    );
    late.hang_up().await?;
    host.event("peer_left").await?;
    viewers.hang_up().await?;
    // It goes on without anybody, and one who is a guest like any other may watch as well.
    let mut guest = AhoyCall::start(&link, &[])?;
    guest.event("first_frame").await?;
    host.hang_up().await?;
    ensure!(guest.exit().await? == 0, "the end is an end like any other");
    assert_eq!(
        guest.last_event("ended").context("an end")?["reason"],
        json!("by_them")
    );
    Ok(())
}

#[tokio::test]
async fn who_came_to_watch_is_not_led_into_a_call() -> Result<()> {
    let relay = Relay::start().await?;
    let host = AhoyCall::start(relay.url(), &[])?;
    let mut viewer = AhoyCall::start(&host.link().await?, &["--as", "viewer"])?;
    let code = viewer.exit().await?;
    assert_eq!((code, viewer.errors()), (5, vec!["not_found".to_owned()]));
    ensure!(!host.has("connected"), "it was let in");
    Ok(())
}
