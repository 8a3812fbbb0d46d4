//! `ahoy-call` and a guest in a plain browser.

use ahoy_tests::{
    SOON,
    call::AhoyCall,
    chromium::{Camera, Chromium},
    hostile::{self, HostileRelay},
    need::{Part, lacks},
    relay::Relay,
    stamp, tone, y4m,
};
use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::AUDIBLE_DB;

const STAMPED: Camera = Camera::Stamped {
    width: 640,
    height: 360,
    fps: 30,
};

/// The picture that arrives moves, and its stamp is a time of a moment ago.
pub(crate) fn picture_is_fresh(peer: &Value) -> bool {
    let video = &peer["receive"]["video"];
    let latency = video["latency_ms"]["p50"].as_f64();
    video["fps"].as_f64() > Some(1.0) && latency.is_some_and(|ms| (-50.0..10_000.0).contains(&ms))
}

pub(crate) fn sound_is_heard(peer: &Value) -> bool {
    peer["receive"]["audio"]["level_db"].as_f64() > Some(AUDIBLE_DB)
}

#[tokio::test]
async fn a_guest_whom_an_old_relay_led_to_a_broadcast_as_to_a_call_watches_it_without_a_camera()
-> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let relay = Relay::start().await?;
    let old = HostileRelay::start(relay.url(), hostile::old()).await?;
    let flags = ["--as", "broadcaster", "--audio", "none"];
    let mut call = AhoyCall::start(relay.url(), &flags)?;
    let link = old.through(&call.link().await?);
    let chromium = Chromium::start(STAMPED).await?;
    chromium.join(&link, "Grace").await?;
    let page = chromium.page();
    chromium
        .explain(page.moving_stamp("remote-video").await)
        .await?;
    page.shown("own-size").await?;
    page.gone("toggle-camera").await?;
    // Whom it took for a caller is not there any more.
    call.event("peer_joined").await?;
    call.event("peer_left").await?;
    call.peer_stats("the viewer", |_| true).await?;
    call.hang_up().await?;
    page.shown("ended").await?;
    Ok(())
}

#[tokio::test]
async fn ahoy_and_a_guest_in_chromium_see_and_hear_each_other() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let relay = Relay::start().await?;
    let mut call = AhoyCall::start(relay.url(), &["--probe", "--name", "Ada"])?;
    let link = call.link().await?;
    let chromium = Chromium::start(STAMPED).await?;
    chromium.join(&link, "Grace").await?;

    let page = chromium.page();
    chromium
        .explain(page.moving_stamp("remote-video").await)
        .await?;
    chromium.explain(page.sound_above(AUDIBLE_DB).await).await?;
    let joined = call.event("peer_joined").await?;
    assert_eq!(joined["name"], "Grace");
    call.event("connected").await?;
    call.event("first_frame").await?;
    call.peer_stats("a stamp that decodes", picture_is_fresh)
        .await?;
    call.peer_stats("sound", sound_is_heard).await?;

    call.hang_up().await?;
    page.shown("ended").await?;
    assert_eq!(call.errors(), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn ahoy_and_a_guest_in_chromium_read_the_same_four_words() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let relay = Relay::start().await?;
    let call = AhoyCall::start(relay.url(), &[])?;
    let chromium = Chromium::start(Camera::Fake).await?;
    chromium.join(&call.link().await?, "Grace").await?;
    let drawn = call.event("words").await?;
    let words: Vec<&str> = drawn["words"]
        .as_array()
        .context("no words")?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(words.len(), 4);
    let page = chromium.page();
    chromium.explain(page.press("verify").await).await?;
    chromium.explain(page.shown("words").await).await?;
    assert_eq!(page.read("words").await?, words.join(" "));
    Ok(())
}

#[tokio::test]
async fn a_guest_in_chromium_does_not_notice_that_the_relay_was_killed() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let mut relay = Relay::start().await?;
    let call = AhoyCall::start(relay.url(), &["--probe"])?;
    let chromium = Chromium::start(STAMPED).await?;
    chromium.join(&call.link().await?, "Grace").await?;
    let page = chromium.page();
    chromium
        .explain(page.moving_stamp("remote-video").await)
        .await?;
    relay.kill().await?;
    call.peer_stats("a stamp that decodes", picture_is_fresh)
        .await?;
    let mark = call.mark();
    relay.start_again().await?;
    call.event_after(mark, "ready once more", SOON, |event| {
        event["event"] == "ready"
    })
    .await?;
    call.peer_stats("a stamp that decodes", picture_is_fresh)
        .await?;
    chromium
        .explain(page.moving_stamp("remote-video").await)
        .await?;
    assert!(!call.has("peer_left"));
    Ok(())
}

#[tokio::test]
async fn a_guest_that_hangs_up_ends_the_call_at_both_ends() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let relay = Relay::start().await?;
    let mut call = AhoyCall::start(relay.url(), &[])?;
    let chromium = Chromium::start(Camera::Fake).await?;
    chromium.join(&call.link().await?, "Grace").await?;
    call.event("first_frame").await?;
    let page = chromium.page();
    page.stamp("remote-video").await?;

    page.press("hang-up").await?;
    page.shown("ended").await?;
    call.event("peer_left").await?;
    call.event("ended").await?;
    assert_eq!(call.exit().await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_real_camera_of_chromium_arrives_whole_in_a_recording() -> Result<()> {
    if lacks(&[Part::Chromium, Part::Ffmpeg]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("clip.y4m");
    // Two seconds, over and over: stamps that count on, then begin again.
    y4m::write(&clip, &stamp::clip(640, 360, 60, 1_000_000))?;
    let record = folder.path().join("received.y4m");
    let record = record.to_str().context("a path that is text")?;

    let relay = Relay::start().await?;
    let mut call = AhoyCall::start(relay.url(), &["--record", record])?;
    let chromium = Chromium::start(Camera::File(clip)).await?;
    chromium.join(&call.link().await?, "Grace").await?;
    call.event("first_frame").await?;
    call.peer_stats("a second of pictures", |peer| {
        peer["receive"]["video"]["frames_decoded"].as_u64() > Some(60)
    })
    .await?;
    call.hang_up().await?;

    let stamps: Vec<u32> = y4m::read(std::path::Path::new(record), 200)?
        .iter()
        .filter_map(|picture| stamp::read(&picture.luma))
        .collect();
    assert!(stamps.len() > 20, "{stamps:?}");
    assert!(
        stamps
            .iter()
            .all(|stamp| (1_000_000..1_002_100).contains(stamp)),
        "{stamps:?}"
    );
    assert!(
        stamps.windows(2).filter(|pair| pair[1] > pair[0]).count() > 15,
        "{stamps:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_guests_tone_is_in_the_recording_of_the_sound() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let record = folder.path().join("received.wav");
    let relay = Relay::start().await?;
    let mut call = AhoyCall::start(
        relay.url(),
        &[
            "--record-audio",
            record.to_str().context("a path that is text")?,
        ],
    )?;
    let chromium = Chromium::start(STAMPED).await?;
    chromium.join(&call.link().await?, "Grace").await?;
    call.peer_stats("sound", sound_is_heard).await?;
    let mark = call.mark();
    call.event_after(mark, "two more seconds", SOON, |event| {
        event["event"] == "stats" && event["t"].as_f64() > Some(4.0)
    })
    .await?;
    call.hang_up().await?;
    let sound = crate::two_ahoys::wav(&record)?;
    let last = &sound[sound.len().saturating_sub(48_000)..];
    // Chromium may reckon the tone to be noise and turn it down; it stays the loudest there is.
    let level = tone::level_db(last, 48_000.0, 440.0);
    assert!(level > AUDIBLE_DB, "{level}");
    assert!(level > tone::level_db(last, 48_000.0, 700.0) + 15.0);
    Ok(())
}

#[tokio::test]
async fn mute_and_camera_off_in_chromium_are_told_to_ahoy_and_media_stops() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let relay = Relay::start().await?;
    let call = AhoyCall::start(relay.url(), &["--probe"])?;
    let chromium = Chromium::start(STAMPED).await?;
    chromium.join(&call.link().await?, "Grace").await?;
    call.peer_stats("picture", picture_is_fresh).await?;
    call.peer_stats("sound", sound_is_heard).await?;
    let page = chromium.page();
    page.press("toggle-mic").await?;
    call.peer_stats("silence", |peer| !sound_is_heard(peer))
        .await?;
    page.press("toggle-camera").await?;
    call.peer_stats("no pictures", |peer| {
        peer["receive"]["video"]["fps"].as_f64().unwrap_or(0.0) < 1.0
    })
    .await?;
    page.press("toggle-mic").await?;
    page.press("toggle-camera").await?;
    call.peer_stats("picture again", picture_is_fresh).await?;
    call.peer_stats("sound again", sound_is_heard).await?;
    Ok(())
}
