//! What a guest's page shows on the way into a call, and where there is none: each state is reached as a person would, and
//! looked at.

use ahoy_tests::{
    call::AhoyCall,
    chromium::{Camera, Chromium},
    hostile::{self, HostileRelay},
    need::{Part, lacks},
    relay::Relay,
};
use anyhow::{Context as _, Result};

use crate::{
    AUDIBLE_DB,
    stage::{STAMPED, ended, nowhere, phase, settled},
};

#[tokio::test]
async fn a_guest_reads_why_there_is_no_call() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let mut relay = Relay::start_with(&["--max-peers", "2"]).await?;
    let chromium = Chromium::start(STAMPED).await?;
    let page = chromium.page();
    page.goto(&nowhere(relay.url())).await?;
    assert_eq!(page.error().await?, "not_found");
    chromium.picture("guest-gone").await?;

    let mut host = AhoyCall::start(relay.url(), &["--name", "Ada"])?;
    let link = host.link().await?;
    let cut = link.split_once('#').context("a link has a secret")?.0;
    page.goto(&format!("{cut}#AAEC")).await?;
    // Only what stands behind `#` differs between some links, and then a browser does not load the page again.
    page.client()?.refresh().await?;
    assert_eq!(page.error().await?, "bad_link");
    chromium.picture("guest-bad-link").await?;

    page.goto(&link).await?;
    page.client()?.refresh().await?;
    settled(page).await?;
    chromium.picture("guest-lobby").await?;
    page.press("settings").await?;
    page.shown("close-sheet").await?;
    chromium.picture("guest-settings").await?;
    page.press("close-sheet").await?;
    page.gone("close-sheet").await?;

    let mut mika = AhoyCall::start(&link, &["--name", "Mika"])?;
    mika.event("connected").await?;
    page.press("join").await?;
    assert_eq!(page.error().await?, "room_full");
    page.shown("call-again").await?;
    chromium.picture("guest-full").await?;

    // The host goes; the room waits for it, and so does a guest.
    mika.hang_up().await?;
    host.exit().await?;
    page.press("call-again").await?;
    page.press("join").await?;
    phase(page, "host_away").await?;
    chromium.picture("guest-host-away").await?;
    page.press("hang-up").await?;
    assert_eq!(ended(page).await?, "by_me");

    // The page is there, and then its relay is not.
    page.press("call-again").await?;
    settled(page).await?;
    relay.kill().await?;
    page.press("join").await?;
    assert_eq!(page.error().await?, "relay_unreachable");
    page.shown("join").await?;
    chromium.picture("guest-offline").await
}

#[tokio::test]
async fn a_guest_whose_relay_is_slow_or_meddles_reads_so() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let relay = Relay::start().await?;
    let host = AhoyCall::start(relay.url(), &["--name", "Ada"])?;
    let link = host.link().await?;
    let chromium = Chromium::start(STAMPED).await?;
    let page = chromium.page();
    let silent = HostileRelay::start(relay.url(), hostile::silent()).await?;
    chromium.join(&silent.through(&link), "Grace").await?;
    let busy = "return ahoy.part('join')?.ariaBusy === 'true'";
    page.until("the way in", busy, vec![]).await?;
    chromium.picture("guest-busy").await?;

    // What it is for is not said: then nothing is opened, and it can be asked once more.
    let slow = HostileRelay::start(relay.url(), hostile::slow_to_say()).await?;
    page.goto(&slow.through(&link)).await?;
    assert_eq!(page.error().await?, "relay_unreachable");
    page.gone("self-video").await?;
    chromium.picture("guest-looking-untold").await?;
    page.press("look-again").await?;
    page.shown("self-video").await?;

    let poser = HostileRelay::start(relay.url(), hostile::pose_as_host()).await?;
    chromium.join(&poser.through(&link), "Grace").await?;
    assert_eq!(page.error().await?, "not_authentic");
    chromium.picture("guest-not-authentic").await
}

#[tokio::test]
async fn a_guest_without_camera_and_microphone_still_sees_and_hears() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    for (camera, host_name, code, name) in [
        (Camera::Absent, "127.0.0.1", None, "guest-no-device"),
        (
            Camera::Denied,
            "127.0.0.1",
            Some("camera_denied"),
            "guest-permission-denied",
        ),
        // A page that came without TLS, and not from this machine as far as a browser knows.
        (
            Camera::Fake,
            "plain.test",
            Some("insecure_page"),
            "guest-insecure",
        ),
    ] {
        // A relay answers only to names that it knows.
        let public = format!("http://{host_name}");
        let relay = Relay::start_with(&["--public-url", &public]).await?;
        let call = AhoyCall::start(relay.url(), &[])?;
        let chromium = Chromium::start(camera).await?;
        let page = chromium.page();
        let link = call.link().await?.replace("127.0.0.1", host_name);
        page.goto(&link).await?;
        settled(page).await?;
        if let Some(code) = code {
            assert_eq!(page.error().await?, code);
        }
        chromium.picture(name).await?;
        page.write("name", "Grace").await?;
        page.press("join").await?;
        chromium
            .explain(page.moving_stamp("remote-video").await)
            .await?;
        chromium.explain(page.sound_above(AUDIBLE_DB).await).await?;
        call.event("connected").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_guest_who_has_not_answered_or_whose_camera_is_busy_reads_what_to_do() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let relay = Relay::start().await?;
    let asked = Chromium::start(Camera::Unanswered).await?;
    let call = AhoyCall::start(relay.url(), &[])?;
    let link = call.link().await?;
    asked.page().goto(&link).await?;
    let opening = "return ahoy.shown('mic-level') && document.body.innerText.includes('…')";
    asked
        .page()
        .until("devices that are being opened", opening, vec![])
        .await?;
    asked.picture("guest-opening").await?;
    asked.page().gone("error").await?;

    let chromium = Chromium::start(Camera::Busy).await?;
    let page = chromium.page();
    page.goto(&link).await?;
    assert_eq!(page.error().await?, "camera_busy");
    settled(page).await?;
    chromium.picture("guest-camera-busy").await
}
