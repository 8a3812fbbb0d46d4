//! The app shows a part of its screen, and others watch: in a browser and in Ahoy.

use ahoy_tests::{
    app::Instead,
    call::AhoyCall,
    chromium::{Camera, Chromium},
    desktop::Desktop,
    need::lacks,
    relay::Relay,
    webdriver::Page,
};
use anyhow::{Context as _, Result};
use serde_json::json;

use crate::{
    film::{FILM, Film, choose, count_negotiations, negotiations, says},
    stage::{PARTS, Stage, ended, phase},
};

const GREEN: u32 = 0x00_c000;

/// From the start into a broadcast of this window; gives its link.
async fn share(stage: &Stage, name: &str) -> Result<String> {
    let page = stage.app.page();
    to_share(page, name).await?;
    page.press("join").await?;
    page.read("link").await
}

/// From the start to where nothing is left but to share this window.
async fn to_share(page: &Page, name: &str) -> Result<()> {
    page.press("share-screen").await?;
    page.write("name", "Ada").await?;
    choose(page, name).await
}

/// Waits until the picture is so wide.
async fn is_wide(page: &Page, width: u16) -> Result<()> {
    let wide = "const part = ahoy.part('remote-video'); return (part?.videoWidth ?? part?.width) === arguments[0]";
    page.until("a picture of this width", wide, vec![json!(width)])
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_person_shows_a_window_and_a_guest_in_chromium_watches() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let stage = Stage::open(Instead::default()).await?;
    let film = Film::start(stage.display(), FILM)?;
    let desktop = Desktop::connect(stage.display().name())?;
    desktop.open("Paper", (1000, 300, 400, 300), GREEN)?;
    let host = stage.app.page();
    to_share(host, "Film").await?;
    stage.picture("share-lobby").await?;
    host.press("join").await?;
    let link = host.read("link").await?;
    says(host, "viewer-count", "Nobody watches yet").await?;
    stage.picture("share").await?;

    // A camera that would wait for an answer for ever is never asked for.
    let chromium = Chromium::start(Camera::Unanswered).await?;
    let guest = chromium.page();
    guest.goto(&link).await?;
    guest.shown("watch-lobby").await?;
    guest.gone("self-video").await?;
    chromium.picture("guest-watch-lobby").await?;
    guest.write("name", "Grace").await?;
    guest.press("join").await?;
    let moves = guest.moving_stamp("remote-video").await;
    chromium.explain(moves).await?;
    is_wide(guest, FILM.2).await?;
    says(guest, "viewer-count", "1 watching").await?;
    says(host, "viewer-count", "1 viewer").await?;
    says(host, "viewer-list", "Grace").await?;
    stage.picture("share-viewers").await?;
    chromium.picture("guest-watch").await?;

    // Paused, nothing is captured and the guest reads so.
    host.press("pause-share").await?;
    says(guest, "cover", "Ada shows nothing now").await?;
    says(host, "status", "Paused").await?;
    stage.picture("share-paused").await?;
    chromium.picture("guest-watch-paused").await?;
    host.press("pause-share").await?;
    guest.gone("cover").await?;
    guest.moving_stamp("remote-video").await?;

    // Something else is shown, on the same connection.
    count_negotiations(guest).await?;
    host.press("switch-screen").await?;
    choose(host, "Paper").await?;
    stage.picture("share-switch").await?;
    host.press("switch-go").await?;
    is_wide(guest, 400).await?;
    assert_eq!(negotiations(guest).await?, 0);
    says(host, "status", "Paper").await?;

    // Sent away: the guest reads so, and the link is still there for others.
    host.press("remove").await?;
    host.press("remove-confirm").await?;
    guest.shown("ended").await?;
    assert_eq!(guest.error().await?, "removed");
    chromium.picture("guest-watch-removed").await?;
    says(host, "viewer-count", "Nobody watches yet").await?;

    // Whoever comes again is another one. Stopped, it is over for all at once.
    let again = Chromium::start(Camera::Absent).await?;
    again.join(&link, "Jo").await?;
    is_wide(again.page(), 400).await?;
    host.press("stop-share").await?;
    assert_eq!(ended(again.page()).await?, "by_them");
    assert_eq!(ended(host).await?, "by_me");
    stage.picture("share-ended").await?;
    again.picture("guest-watch-ended").await?;
    drop(film);

    // Whoever comes while the host is away waits.
    let waiting = again.page();
    waiting.press("call-again").await?;
    waiting.shown("watch-lobby").await?;
    waiting.press("join").await?;
    phase(waiting, "host_away").await?;
    says(waiting, "cover", "The host is away").await?;
    says(waiting, "viewer-count", "1 watching").await?;
    again.picture("guest-watch-host-away").await?;

    // It is among the recent ones, and leads to the same link.
    host.press("back").await?;
    host.press("call-recent").await?;
    choose(host, "Paper").await?;
    host.press("join").await?;
    assert_eq!(host.read("link").await?, link);
    waiting.gone("cover").await?;
    is_wide(waiting, 400).await?;
    Ok(())
}

#[tokio::test]
async fn who_watches_waits_at_the_door_and_goes_on_while_the_relay_is_away() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let mut relay = Relay::start().await?;
    let stage = Stage::open(Instead {
        relay: Some(relay.url()),
        ..Instead::default()
    })
    .await?;
    let _film = Film::start(stage.display(), FILM)?;
    let host = stage.app.page();
    host.press("settings").await?;
    host.choose("ask-before-entry").await?;
    host.press("close-sheet").await?;
    host.gone("close-sheet").await?;
    let link = share(&stage, "Film").await?;
    let chromium = Chromium::start(Camera::Absent).await?;
    let guest = chromium.page();
    chromium.join(&link, "Grace").await?;
    host.shown("knock").await?;
    phase(guest, "knocking").await?;
    stage.picture("share-knock").await?;
    chromium.picture("guest-watch-knocking").await?;
    host.press("admit").await?;
    let moves = guest.moving_stamp("remote-video").await;
    chromium.explain(moves).await?;

    // Without a relay it goes on, and both read so.
    relay.kill().await?;
    host.shown("relay-lost").await?;
    guest.shown("relay-lost").await?;
    stage.picture("share-relay-lost").await?;
    chromium.picture("guest-watch-relay-lost").await?;
    guest.moving_stamp("remote-video").await?;
    host.press("stop-share").await?;
    assert_eq!(ended(guest).await?, "by_them");
    Ok(())
}

#[tokio::test]
async fn a_broadcast_is_watched_in_ahoy_without_a_camera() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let relay = Relay::start().await?;
    let through = || Instead {
        relay: Some(relay.url()),
        ..Instead::default()
    };
    let stage = Stage::open(through()).await?;
    let _film = Film::start(stage.display(), FILM)?;
    let link = share(&stage, "Film").await?;
    let viewer = Stage::open(through()).await?;
    let page = viewer.app.page();
    viewer.follow(&link).await?;
    page.shown("watch-lobby").await?;
    page.gone("self-video").await?;
    viewer.picture("watch-lobby").await?;
    page.press("join").await?;
    page.moving_stamp("remote-video").await?;
    viewer.picture("watch").await?;

    // In its own size each pixel is one; fitted, the window decides.
    page.press("own-size").await?;
    is_wide(page, FILM.2).await?;
    page.press("hang-up").await?;
    assert_eq!(ended(page).await?, "by_me");
    says(stage.app.page(), "viewer-count", "Nobody watches yet").await?;
    Ok(())
}

#[tokio::test]
async fn who_watches_turns_the_sound_off_and_on() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let relay = Relay::start().await?;
    let host = AhoyCall::start(relay.url(), &["--as", "broadcaster"])?;
    let link = host.link().await?;
    let viewer = Stage::open(Instead::default()).await?;
    viewer.follow(&link).await?;
    let page = viewer.app.page();
    page.press("join").await?;
    viewer.sound.hear_tone(440.0, -40.0).await?;
    page.press("mute-speaker").await?;
    viewer.sound.hear_silence().await?;
    viewer.picture("watch-muted").await?;
    // The picture goes on, and the sound comes back by the key as by the button.
    page.moving_stamp("remote-video").await?;
    let key = "dispatchEvent(new KeyboardEvent('keydown', { key: 'm' }))";
    page.run(key, vec![]).await?;
    viewer.sound.hear_tone(440.0, -40.0).await?;

    let chromium = Chromium::start(Camera::Absent).await?;
    chromium.join(&link, "Grace").await?;
    let guest = chromium.page();
    guest.moving_stamp("remote-video").await?;
    let muted = "return ahoy.part('remote-video')?.muted === arguments[0]";
    for off in [true, false] {
        guest.press("mute-speaker").await?;
        guest
            .until("the sound as chosen", muted, vec![json!(off)])
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_window_that_is_closed_while_it_is_shown_is_said_to_be_gone() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let stage = Stage::open(Instead::default()).await?;
    let desktop = Desktop::connect(stage.display().name())?;
    let paper = desktop.open("Paper", (1000, 300, 400, 300), GREEN)?;
    let host = stage.app.page();
    let link = share(&stage, "Paper").await?;
    let chromium = Chromium::start(Camera::Absent).await?;
    chromium.join(&link, "Grace").await?;
    is_wide(chromium.page(), 400).await?;
    desktop.close(paper).context("the window closes")?;
    says(host, "cover", "gone").await?;
    says(chromium.page(), "cover", "shows nothing").await?;
    stage.picture("share-gone").await?;

    // The way out of it: another one.
    desktop.open("Other", (1000, 300, 360, 300), GREEN)?;
    host.press("switch-screen").await?;
    choose(host, "Other").await?;
    host.press("switch-go").await?;
    host.gone("cover").await?;
    is_wide(chromium.page(), 360).await?;
    Ok(())
}
