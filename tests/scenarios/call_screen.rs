//! A screen that is shown in a call, while the camera goes on.

use ahoy_tests::{
    SOON,
    app::{Display, Instead},
    call::AhoyCall,
    chromium::Chromium,
    desktop::Desktop,
    firefox::Firefox,
    look::Window as _,
    need::{Part, lacks},
    webdriver::Page,
};
use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{
    film::{FILM, Film, choose, count_negotiations, negotiations, says},
    stage::{PARTS, STAMPED, Stage, TEST_PICTURE, ended},
};

const GREEN: u32 = 0x00_c000;

/// Shows a window of the app's display in the call.
async fn show(page: &Page, name: &str) -> Result<()> {
    page.press("share-screen").await?;
    choose(page, name).await?;
    page.press("switch-go").await?;
    says(page, "showing", name).await
}

/// Camera and screen of the other end move.
async fn both_move(page: &Page) -> Result<()> {
    page.moving_stamp("remote-screen").await?;
    page.moving_stamp("remote-video").await
}

/// Has a browser measure the longest time between two pictures of the other end's camera from now on.
async fn watch_camera(page: &Page) -> Result<()> {
    let watch = "
        const video = ahoy.part('remote-video');
        window.longest = 0;
        window.watched = video;
        let last = performance.now();
        const next = () => {
            const now = performance.now();
            window.longest = Math.max(window.longest, now - last);
            last = now;
            video.requestVideoFrameCallback(next);
        };
        video.requestVideoFrameCallback(next);
        return true";
    page.run(watch, vec![]).await?;
    Ok(())
}

/// The longest time since, in milliseconds; and the element is still the same.
async fn longest(page: &Page) -> Result<f64> {
    let longest = "return window.watched === ahoy.part('remote-video') ? window.longest : null";
    let longest = page.run(longest, vec![]).await?;
    longest
        .as_f64()
        .context("the camera's element was exchanged")
}

#[tokio::test]
async fn a_person_shows_a_window_in_a_call_and_the_camera_goes_on() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let stage = Stage::with_camera().await?;
    let _film = Film::start(stage.display(), FILM)?;
    let link = stage.new_call().await?;
    let chromium = Chromium::start(STAMPED).await?;
    chromium.join(&link, "Grace").await?;
    stage.sees(&chromium).await?;
    let (host, guest) = (stage.app.page(), chromium.page());
    count_negotiations(guest).await?;
    watch_camera(guest).await?;
    guest.gone("remote-screen").await?;

    // Nothing is shown before it is chosen.
    host.press("share-screen").await?;
    choose(host, "Film").await?;
    stage.picture("call-share").await?;
    guest.gone("remote-screen").await?;
    host.press("switch-go").await?;
    says(host, "showing", "You are showing Film").await?;
    let moves = both_move(guest).await;
    chromium.explain(moves).await?;
    stage.picture("call-showing").await?;
    chromium.picture("guest-screen").await?;

    // Stopped, the call is as before.
    host.press("stop-share").await?;
    guest.gone("remote-screen").await?;
    host.gone("showing").await?;
    guest.moving_stamp("remote-video").await?;

    // Once more, and the guest sees the new one.
    show(host, "Film").await?;
    let moves = both_move(guest).await;
    chromium.explain(moves).await?;
    host.moving_stamp("remote-video").await?;
    assert_eq!(
        negotiations(guest).await?,
        0,
        "a screen needs no new descriptions"
    );
    // Two seconds: what a machine that is busy with pictures may take, and no restart of a stream does.
    let longest = longest(guest).await?;
    assert!(longest < 2_000.0, "the camera stood still for {longest} ms");
    host.press("hang-up").await?;
    guest.shown("ended").await
}

/// Pictures of a kind that have come so far.
fn frames(peer: &Value, kind: &str) -> u64 {
    peer["receive"][kind]["frames_decoded"]
        .as_u64()
        .unwrap_or(0)
}

/// Waits for figures of the host, who alone shows a screen, that `wanted` accepts; gives them.
async fn of_host(
    call: &AhoyCall,
    what: &str,
    mut wanted: impl FnMut(&Value) -> bool,
) -> Result<Value> {
    let mut found = Value::Null;
    let peers = |event: &Value| event["peers"].as_array().cloned().unwrap_or_default();
    let seen = |event: &Value| {
        let mut hosts = peers(event).into_iter();
        let host = hosts.find(|peer| peer["receive"].get("screen").is_some() && wanted(peer));
        found = host.unwrap_or_default();
        event["event"] == "stats" && !found.is_null()
    };
    call.event_after(call.mark(), what, SOON, seen).await?;
    Ok(found)
}

/// Waits until more pictures of each kind have come.
async fn more(call: &AhoyCall, kinds: &[&str]) -> Result<Value> {
    let mut before: Option<Vec<u64>> = None;
    of_host(call, &format!("more of {kinds:?}"), |peer| {
        let now: Vec<u64> = kinds.iter().map(|kind| frames(peer, kind)).collect();
        let before = before.get_or_insert_with(|| now.clone());
        now.iter()
            .zip(before.iter())
            .all(|(now, before)| now > before)
    })
    .await
}

#[tokio::test]
async fn a_window_that_is_closed_ends_only_its_share_and_a_newcomer_sees_what_is_shown()
-> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let stage = Stage::with_camera().await?;
    let film = Film::start(stage.display(), FILM)?;
    let desktop = Desktop::connect(stage.display().name())?;
    let paper = desktop.open("Paper", (1000, 300, 400, 300), GREEN)?;
    let host = stage.app.page();
    let link = stage.new_call().await?;
    let mut first = AhoyCall::start(&link, &["--name", "Grace"])?;
    first.event("connected").await?;
    show(host, "Film").await?;
    let peer = more(&first, &["video", "screen"]).await?;
    let screen = &peer["receive"]["screen"];
    assert_eq!(
        (screen["width"].as_u64(), screen["height"].as_u64()),
        (Some(320), Some(200))
    );
    assert!(peer["send"].get("screen").is_none(), "this end shows none");

    // Something else is shown, which stands still; who comes then sees it all the same.
    show(host, "Paper").await?;
    let mut second = AhoyCall::start(&link, &["--name", "Jo", "--no-decode", "--video", "none"])?;
    second.event("connected").await?;
    for call in [&first, &second] {
        of_host(call, "the other window", |peer| {
            let screen = &peer["receive"]["screen"];
            screen["width"] == 400 && frames(peer, "screen") > 0
        })
        .await?;
    }

    // The window is closed: a sentence, and the call goes on without it.
    desktop.close(paper)?;
    assert_eq!(host.error().await?, "screen_missing");
    host.gone("showing").await?;
    stage.picture("call-share-gone").await?;
    let peer = more(&first, &["video"]).await?;
    let shown = frames(&peer, "screen");
    let later = more(&first, &["video"]).await?;
    assert_eq!(
        frames(&later, "screen"),
        shown,
        "nothing is sent of it any more"
    );
    drop(film);
    for call in [&mut first, &mut second] {
        call.hang_up().await?;
    }
    assert_eq!(ended(host).await?, "by_them");
    Ok(())
}

#[tokio::test]
async fn a_guest_shows_the_screen_from_a_browser_and_both_may_at_once() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let stage = Stage::open(Instead {
        video: TEST_PICTURE,
        ..Instead::default()
    })
    .await?;
    let link = stage.new_call().await?;
    // The guest's own display, with a film as wide as it: the browser shows all of it.
    let display = Display::start(1920, 1080).await?;
    let _film = Film::start(&display, (0, 0, 1920, 200))?;
    let chromium = Chromium::on_display(display.name()).await?;
    chromium.join(&link, "Grace").await?;
    let (host, guest) = (stage.app.page(), chromium.page());
    let moves = guest.moving_stamp("remote-video").await;
    chromium.explain(moves).await?;
    count_negotiations(guest).await?;
    guest.press("share-screen").await?;
    let shows = says(guest, "showing", "You are showing your screen").await;
    chromium.explain(shows).await?;
    let moves = host.moving_stamp("remote-screen").await;
    chromium.explain(moves).await?;
    stage.picture("call-screen").await?;

    // The host shows something too, and neither stops the other.
    let _other = Film::start(stage.display(), FILM)?;
    show(host, "Film").await?;
    let moves = both_move(guest).await;
    chromium.explain(moves).await?;
    host.moving_stamp("remote-screen").await?;
    chromium.picture("guest-showing").await?;

    // Its window is a small one, in a corner of what it shows.
    chromium.resize(Some((960, 640))).await?;
    guest.press("stop-share").await?;
    host.gone("remote-screen").await?;
    both_move(guest).await?;
    assert_eq!(negotiations(guest).await?, 0);
    host.press("stop-share").await?;
    guest.gone("remote-screen").await?;
    guest.moving_stamp("remote-video").await
}

/// Answers for the person and for a display that a browser without a head lacks: what is chosen is a stamped picture.
const CHOSEN: &str = "
    navigator.mediaDevices.getDisplayMedia = async () => {
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [640, 360];
        const context = canvas.getContext('2d');
        setInterval(() => {
            const stamp = Date.now() % 2 ** 32;
            context.fillStyle = 'gray';
            context.fillRect(0, 40, 640, 320);
            for (let column = 0; column < 32; column++) {
                const one = Math.floor(stamp / 2 ** (31 - column)) % 2 === 1;
                for (const row of [0, 1]) {
                    context.fillStyle = one === (row === 0) ? 'white' : 'black';
                    context.fillRect(20 * column, 20 * row, 20, 20);
                }
            }
        }, 50);
        return canvas.captureStream(20);
    };
    return true";

#[tokio::test]
async fn a_guest_in_firefox_sees_a_screen_beside_the_camera_and_shows_one() -> Result<()> {
    if lacks(&[Part::Display, Part::Firefox, Part::Sound, Part::Ffmpeg]) {
        return Ok(());
    }
    // Without TLS: nobody is there to accept the certificate that the app made for itself.
    let stage = Stage::open(Instead {
        video: TEST_PICTURE,
        relay: Some("this_computer"),
        ..Instead::default()
    })
    .await?;
    let _film = Film::start(stage.display(), FILM)?;
    let host = stage.app.page();
    let link = stage.new_call().await?;
    let firefox = Firefox::start(&stage.sound, true).await?;
    firefox.join(&link, "Grace").await?;
    let guest = firefox.page();
    guest.moving_stamp("remote-video").await?;
    show(host, "Film").await?;
    both_move(guest).await?;
    guest.run(CHOSEN, vec![]).await?;
    guest.press("share-screen").await?;
    both_move(host).await?;
    guest.press("stop-share").await?;
    host.gone("remote-screen").await?;
    host.moving_stamp("remote-video").await
}
