//! What the app shows before a call and instead of one: each state is reached as a person would, and looked at.

use std::path::Path;

use ahoy_tests::{
    SOON,
    app::{Home, Instead},
    call::AhoyCall,
    hostile::{self, HostileRelay},
    need::{lacks, skip},
    process::Process,
    relay::Relay,
};
use anyhow::{Result, ensure};
use tokio::{net::TcpListener, process::Command};

use crate::stage::{ALONE, Stage, TEST_PICTURE, ended, nowhere, phase};

/// Runs a shell's line about this file.
async fn shell(line: &str, file: &Path) -> Result<()> {
    let mut command = Command::new("sh");
    command.args(["-c", line]).arg(file);
    let mut shell = Process::start("sh", command)?;
    let code = shell.exit(SOON).await?;
    ensure!(code == 0, shell.fault(&format!("ended with {code}")));
    Ok(())
}

#[tokio::test]
async fn before_a_call_the_window_says_how_things_are_and_what_went_wrong() -> Result<()> {
    if lacks(&ALONE) {
        return Ok(());
    }
    // The relay's key is read from a pipe: its start takes until somebody writes into it, and then it fails.
    let home = Home::new()?;
    let key = home.kept("relay-key.pem");
    shell("mkfifo \"$0\"", &key).await?;
    let rubbish = async || shell("echo rubbish > \"$0\"", &key).await;
    let stage = Stage::open_at(
        home,
        Instead {
            video: TEST_PICTURE,
            ..Instead::default()
        },
    )
    .await?;
    let page = stage.app.page();
    stage.picture("start").await?;

    // The colours are changed at once, and stay.
    page.press("settings").await?;
    for theme in ["light", "dark"] {
        page.choose(&format!("theme-{theme}")).await?;
        let shown = "return document.documentElement.dataset.theme === arguments[0]";
        page.until("the theme", shown, vec![theme.into()]).await?;
    }
    stage.picture("start-settings").await?;
    page.press("close-sheet").await?;
    page.gone("close-sheet").await?;

    page.write("join-link", "hello").await?;
    page.press("join-go").await?;
    assert_eq!(page.error().await?, "bad_link");
    stage.picture("start-bad-link").await?;
    page.press("dismiss-error").await?;
    page.gone("error").await?;

    page.press("new-call").await?;
    rubbish().await?;
    assert_eq!(page.error().await?, "relay_failed");
    stage.picture("lobby-relay-failed").await?;
    // Whoever goes in all the same waits for another attempt.
    page.press("join").await?;
    let busy = "return ahoy.part('join')?.ariaBusy === 'true'";
    page.until("the way in", busy, vec![]).await?;
    stage.picture("lobby-busy").await?;
    rubbish().await?;
    assert_eq!(page.error().await?, "relay_failed");
    page.press("back").await?;
    let failed = "return ahoy.part('relay')?.dataset.state === 'failed'";
    page.until("the relay's fault", failed, vec![]).await?;
    stage.picture("start-relay-failed").await
}

#[tokio::test]
async fn without_devices_a_room_or_a_relay_the_window_says_so() -> Result<()> {
    if lacks(&ALONE) {
        return Ok(());
    }
    if ["/dev/video0", "/dev/snd"]
        .iter()
        .any(|device| Path::new(device).exists())
    {
        skip("this machine has devices of its own");
        return Ok(());
    }
    let relay = Relay::start().await?;
    let stage = Stage::open(Instead {
        relay: Some(relay.url()),
        ..Instead::default()
    })
    .await?;
    stage.sound.kill()?;
    let page = stage.app.page();
    stage.picture("start-server").await?;

    // Somebody who has neither camera nor microphone, and leaves before anybody comes.
    stage.lobby().await?;
    stage.picture("lobby-no-device").await?;
    page.press("join").await?;
    page.read("link").await?;
    page.press("hang-up").await?;
    assert_eq!(ended(page).await?, "by_me");
    stage.picture("ended-before").await?;
    page.press("back").await?;

    let call = AhoyCall::start(relay.url(), &["--name", "Mika"])?;
    stage.follow(&call.link().await?).await?;
    stage.picture("lobby-join").await?;
    page.press("back").await?;

    // Nothing is behind a link: that is said before anything is opened.
    page.write("join-link", &nowhere(relay.url())).await?;
    page.press("join-go").await?;
    assert_eq!(ended(page).await?, "refused");
    assert_eq!(page.error().await?, "not_found");
    stage.picture("ended-refused").await?;
    page.press("back").await?;

    // A relay that is there and says nothing of what the link leads to.
    let deaf = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", deaf.local_addr()?);
    page.write("join-link", &nowhere(&address)).await?;
    page.press("join-go").await?;
    assert_eq!(page.error().await?, "relay_unreachable");
    page.shown("look-again").await?;
    page.gone("join").await?;
    stage.picture("looking-untold").await?;
    page.press("back").await?;

    // A relay that takes the call and says nothing.
    let silent = HostileRelay::start(relay.url(), hostile::silent()).await?;
    stage.follow(&silent.through(&call.link().await?)).await?;
    page.press("join").await?;
    phase(page, "joining").await?;
    stage.picture("joining").await?;
    assert_eq!(page.error().await?, "relay_unreachable");
    assert_eq!(ended(page).await?, "refused");
    page.shown("call-again").await?;
    stage.picture("ended-offline").await
}
