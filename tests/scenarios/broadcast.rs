//! One shows, many watch.

use ahoy_tests::{
    SOON,
    app::Display,
    call::AhoyCall,
    chromium::{Camera, Chromium},
    desktop::Desktop,
    member::Member,
    need::{Part, lacks},
    relay::Relay,
    text::{self, LEGIBLE, Reader, unix_ms},
    usage,
};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::{
    pin,
    time::{Duration, Instant, sleep, timeout_at},
};

const WHITE: u32 = 0xff_ffff;
/// So soon after the last change of a screen its text can be read.
const LEGIBLE_WITHIN: f64 = 2_000.0;

#[tokio::test]
async fn text_on_a_screen_can_be_read_in_chromium() -> Result<()> {
    if lacks(&[Part::Display, Part::Chromium]) {
        return Ok(());
    }
    let display = Display::start(1920, 1080).await?;
    let desktop = Desktop::connect(display.name())?;
    let window = desktop.open("Paper", (100, 50, 1700, 980), WHITE)?;
    text::write(&desktop, window, 0)?;
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
    let reader = Reader::begin(page, (1920, 1080)).await?;
    // All of it moves, more than can be sent sharp.
    for turn in 1..6 {
        text::write(&desktop, window, turn)?;
        let moves = |peer: &Value| peer["send"]["video"]["fps"].as_f64() > Some(0.0);
        host.peer_stats("a second of moving text", moves).await?;
    }
    text::write(&desktop, window, 6)?;
    let original = desktop.picture()?;
    let still = unix_ms();
    let (until, mut best) = (Instant::now() + SOON, 0.0_f64);
    let legible = async {
        loop {
            for seen in reader.seen(&original).await? {
                best = best.max(seen.alike);
                if seen.alike >= LEGIBLE {
                    return anyhow::Ok(seen.at - still);
                }
            }
        }
    };
    let Ok(after) = timeout_at(until, legible).await else {
        bail!("the text stays blurred: {best}");
    };
    let after = after?;
    ensure!(after < LEGIBLE_WITHIN, "legible only after {after} ms");
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

    // One that comes late sees it too, decodes what it gets, and sends nothing.
    let mut late = AhoyCall::start(&link, &["--as", "viewer", "--probe"])?;
    late.event("first_frame").await?;
    // It is compressed once for all: who is late shares the key frames of before with the early ones.
    host.event_after(host.mark(), "the same for nine", SOON, |event| {
        let keys = |peer: &Value| peer["send"]["video"]["key_frames"].as_u64();
        let peers = event["peers"].as_array().filter(|peers| peers.len() == 9);
        event["event"] == "stats"
            && peers.is_some_and(|peers| {
                keys(&peers[0]) > Some(1) && peers.iter().all(|peer| keys(peer) == keys(&peers[0]))
            })
    })
    .await?;
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
async fn a_picture_of_an_odd_size_is_shown_without_a_word() -> Result<()> {
    let relay = Relay::start().await?;
    let odd = ["--as", "broadcaster", "--video", "test:801x601@30"];
    let mut host = AhoyCall::start(relay.url(), &odd)?;
    let viewer = AhoyCall::start(&host.link().await?, &["--as", "viewer"])?;
    crate::screen::sees(&viewer, 802, 602).await?;
    host.hang_up().await?;
    // Programs read it.
    let other = host.process().stdout();
    let other: Vec<_> = other
        .iter()
        .filter(|line| serde_json::from_str::<Value>(line).is_err())
        .collect();
    ensure!(other.is_empty(), "{other:?}");
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

#[tokio::test]
async fn strangers_who_never_answer_hold_nobody_up() -> Result<()> {
    // More than have connections at a time.
    const STRANGERS: usize = 160;
    let relay = Relay::start().await?;
    let host = AhoyCall::start(relay.url(), &["--as", "broadcaster"])?;
    let link = host.link().await?;
    let files = || anyhow::Ok(usage::held(host.process().pid())?.files);
    let alone = files()?;
    let first = AhoyCall::start(&link, &["--as", "viewer"])?;
    first.event("first_frame").await?;
    let each = files()? - alone;

    let mut strangers = Vec::new();
    for _ in 0..STRANGERS {
        let mut stranger = Member::connect(relay.url()).await?;
        stranger.hello().await?;
        strangers.push(stranger);
    }
    for stranger in &mut strangers {
        stranger.join(&link, "x").await?;
    }
    let viewer = AhoyCall::start(&link, &["--as", "viewer"])?;
    let seen = viewer.event("first_frame");
    pin!(seen);
    let mut most = 0;
    loop {
        tokio::select! {
            seen = &mut seen => {
                seen?;
                break;
            }
            () = sleep(Duration::from_millis(50)) => most = most.max(files()?),
        }
    }
    // Some that were given up a moment ago may still be closing.
    let bound = alone + each * (128 + 2 + 8);
    ensure!(
        most > alone + 16 * each,
        "nothing was made for them: {most}"
    );
    ensure!(most <= bound, "{most} open files, {bound} are enough");
    // Who watched before sees what it saw.
    first
        .peer_stats("pictures as before", |peer| {
            peer["receive"]["video"]["fps"].as_f64() > Some(10.0)
        })
        .await?;
    assert_eq!((host.errors(), viewer.errors()), (vec![], vec![]));
    Ok(())
}
