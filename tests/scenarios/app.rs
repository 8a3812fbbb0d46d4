//! The app in its window, as a person uses it.

use ahoy_tests::{
    app::Instead,
    chromium::{Camera, Chromium},
    need::lacks,
    programs,
};
use anyhow::Result;

use crate::{
    AUDIBLE_DB,
    stage::{PARTS, STAMPED, Stage, ended},
};

#[tokio::test]
async fn a_person_calls_and_a_guest_in_chromium_comes_by_the_link() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let stage = Stage::with_camera().await?;
    let _voice = stage.sound.speak(660.0, 0.2)?;
    let link = stage.new_call().await?;
    let chromium = Chromium::start(STAMPED).await?;
    chromium.join(&link, "Grace").await?;
    let (host, guest) = (stage.app.page(), chromium.page());

    // Picture and sound of the guest in the window, and of the host in the browser.
    stage.sees(&chromium).await?;
    stage.sound.hear_tone(440.0, -40.0).await?;
    chromium
        .explain(guest.sound_above(AUDIBLE_DB).await)
        .await?;
    stage.picture("call").await?;

    // What the host turns off is seen at the guest's.
    host.press("toggle-mic").await?;
    guest.shown("peer-muted").await?;
    guest.sound_below(AUDIBLE_DB).await?;
    stage.picture("call-muted").await?;
    host.press("toggle-mic").await?;
    guest.gone("peer-muted").await?;
    guest.sound_above(AUDIBLE_DB).await?;
    host.press("toggle-camera").await?;
    guest.shown("peer-camera-off").await?;
    host.press("toggle-camera").await?;
    guest.gone("peer-camera-off").await?;
    guest.moving_stamp("remote-video").await?;

    // And the other way round.
    guest.press("toggle-camera").await?;
    host.shown("peer-camera-off").await?;
    guest.press("toggle-mic").await?;
    host.shown("peer-muted").await?;
    stage.picture("call-peer-off").await?;
    guest.press("toggle-camera").await?;
    host.gone("peer-camera-off").await?;
    host.moving_stamp("remote-video").await?;

    host.press("hang-up").await?;
    assert_eq!(ended(host).await?, "by_me");
    assert_eq!(ended(guest).await?, "by_them");
    stage.picture("ended-by-me").await?;
    chromium.picture("guest-ended-by-them").await?;
    // The call is among the recent ones now.
    host.press("back").await?;
    assert!(host.read("recent").await?.contains("Grace"));
    stage.picture("start-recents").await
}

#[tokio::test]
async fn a_guest_hangs_up_and_the_person_calls_again() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let stage = Stage::open(Instead::default()).await?;
    let link = stage.new_call().await?;
    let chromium = Chromium::start(STAMPED).await?;
    chromium.join(&link, "Grace").await?;
    let page = stage.app.page();
    chromium
        .explain(page.moving_stamp("remote-video").await)
        .await?;
    chromium.page().press("hang-up").await?;
    assert_eq!(ended(page).await?, "by_them");
    assert_eq!(ended(chromium.page()).await?, "by_me");
    stage.picture("ended-by-them").await?;
    chromium.picture("guest-ended-by-me").await?;

    page.press("call-again").await?;
    page.press("join").await?;
    assert_eq!(
        page.read("link").await?,
        link,
        "the link of a call stays good"
    );
    chromium.page().press("call-again").await?;
    chromium.page().press("join").await?;
    page.moving_stamp("remote-video").await
}

#[tokio::test]
async fn a_link_that_is_opened_elsewhere_comes_to_the_window_that_is_there() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let stage = Stage::open(Instead::default()).await?;
    let page = stage.app.page();
    let told = async |code: &str| {
        let code_is = "return ahoy.part('error')?.dataset.code === arguments[0]";
        page.until(code, code_is, vec![code.into()]).await
    };
    stage.app.open_again("https://example.org/?<b>").await?;
    told("bad_link").await?;
    // The user is asked, and then comes the way before a lobby, which asks the relay, and no call.
    let room = "a".repeat(26);
    let link = format!("ahoy://127.0.0.1:9/r/{room}#ICEiIyQlJicoKSorLC0uLw");
    stage.app.open_again(&link).await?;
    page.press("open-link").await?;
    told("relay_unreachable").await?;
    page.gone("call").await?;
    page.press("back").await?;
    page.shown("new-call").await
}

#[tokio::test]
#[ignore = "takes the README's picture: run it by its name when the window looks different"]
async fn picture_of_a_call_for_the_readme() -> Result<()> {
    let stage = Stage::with_camera().await?;
    let link = stage.new_call().await?;
    let chromium = Chromium::start(Camera::Scene).await?;
    chromium.join(&link, "Grace").await?;
    // The first pictures are coarse, and who came in is said for a moment.
    tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    stage.screenshot("readme").await?;
    let from = programs::output("screenshots")?.join("readme.png");
    std::fs::copy(from, programs::root().join("docs/call.png"))?;
    Ok(())
}
