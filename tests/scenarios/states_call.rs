//! What the app and a guest show while a call begins, goes on and breaks.

use ahoy_tests::{
    app::Instead, call::AhoyCall, chromium::Chromium, member::Member, need::lacks, relay::Relay,
    webdriver::Page,
};
use anyhow::{Context as _, Result};
use serde_json::json;

use crate::stage::{PARTS, STAMPED, Stage, TEST_PICTURE, ended, phase};

/// Waits until so many others are connected.
async fn connected(page: &Page, count: usize) -> Result<()> {
    let all = "return document.querySelectorAll('[data-testid=peer][data-state=connected]').length === arguments[0]";
    page.until("the others", all, vec![count.into()]).await?;
    Ok(())
}

/// The same link with another secret.
fn wrong(link: &str) -> Result<String> {
    let (address, secret) = link.split_once('#').context("a link has a secret")?;
    let other = if secret.starts_with('A') { "B" } else { "A" };
    Ok(format!("{address}#{other}{}", &secret[1..]))
}

#[tokio::test]
async fn from_the_lobby_to_a_lost_connection_the_window_says_how_the_call_does() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let mut relay = Relay::start().await?;
    let stage = Stage::open(Instead {
        video: TEST_PICTURE,
        relay: Some(relay.url()),
        ..Instead::default()
    })
    .await?;
    let page = stage.app.page();
    stage.lobby().await?;
    stage.picture("lobby").await?;
    for toggle in ["toggle-mic", "toggle-camera"] {
        page.press(toggle).await?;
    }
    let off = "return ['toggle-mic', 'toggle-camera'].every((part) => ahoy.part(part).ariaPressed === 'true')";
    page.until("both off", off, vec![]).await?;
    stage.picture("lobby-off").await?;
    for toggle in ["toggle-mic", "toggle-camera"] {
        page.press(toggle).await?;
    }

    page.press("join").await?;
    let link = page.read("link").await?;
    stage.picture("waiting").await?;
    relay.kill().await?;
    page.shown("relay-lost").await?;
    stage.picture("waiting-relay-lost").await?;
    relay.start_again().await?;
    page.gone("relay-lost").await?;

    // Somebody who has not got the whole link is kept out without a word to the host.
    let mut stranger = AhoyCall::start(&wrong(&link)?, &[])?;
    assert_eq!(stranger.exit().await?, 5);
    // Of one who has it, and sends what was not made with it, the host is told.
    let mut forger = Member::connect(relay.url()).await?;
    forger.hello().await?;
    forger.join(&link, "Mallory").await?;
    let offer = forger.next_of("signal").await?;
    let forged = json!({ "type": "signal", "to": offer["from"], "seq": 1, "body": "AAAA" });
    forger.say(forged.to_string()).await?;
    assert_eq!(page.error().await?, "not_authentic");
    drop(forger);
    stage.picture("waiting-not-authentic").await?;
    page.press("dismiss-error").await?;

    let small = |name| AhoyCall::start(&link, &["--name", name, "--video", "test:320x180@10"]);
    let (grace, mut mika, mut jo) = (small("Grace")?, small("Mika")?, small("Jo")?);
    connected(page, 3).await?;
    stage.picture("call-several").await?;
    mika.hang_up().await?;
    jo.hang_up().await?;
    connected(page, 1).await?;

    // A guest's page in another call loses its host in the same moment, and it takes both the same half minute to give up.
    let mut other_relay = Relay::start().await?;
    let host = AhoyCall::start(other_relay.url(), &["--name", "Ada"])?;
    let chromium = Chromium::start(STAMPED).await?;
    chromium.join(&host.link().await?, "Grace").await?;
    let guest = chromium.page();
    guest.moving_stamp("remote-video").await?;
    chromium.picture("guest-call").await?;

    relay.kill().await?;
    other_relay.kill().await?;
    for page in [page, guest] {
        page.shown("relay-lost").await?;
    }
    stage.picture("call-relay-lost").await?;
    chromium.picture("guest-relay-lost").await?;
    grace.process().kill()?;
    host.process().kill()?;
    for page in [page, guest] {
        phase(page, "reconnecting").await?;
    }
    stage.picture("call-reconnecting").await?;
    chromium.picture("guest-reconnecting").await?;
    for page in [page, guest] {
        assert_eq!(ended(page).await?, "network");
        page.shown("call-again").await?;
    }
    stage.picture("ended-network").await?;
    chromium.picture("guest-ended-network").await
}
