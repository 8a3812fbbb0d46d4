//! The screen of a Wayland desktop, at the other end.

use std::path::{Path, PathBuf};

use ahoy_tests::{
    app::Instead,
    call::AhoyCall,
    need::{Part, lacks},
    relay::Relay,
    wayland::Desktop,
    y4m,
};
use anyhow::{Context as _, Result};
use serde_json::json;

use crate::{
    screen::{BLUE_YUV, GREEN_YUV, alike, at, more_than, sees, still},
    stage::{ALONE, Stage},
};

const SIZE: (u32, u32) = (1280, 720);
const GREEN: &str = "#00c000";
const RED: &str = "#c00000";
const BLUE: &str = "#0000ff";

/// Somebody who only looks on, and records it.
struct Viewer {
    call: AhoyCall,
    file: PathBuf,
}

impl Viewer {
    fn of(link: &str, folder: &Path, name: &str) -> Result<Self> {
        let file = folder.join(name).with_extension("y4m");
        let record = file.to_str().context("a path that is text")?;
        Ok(Self {
            call: AhoyCall::start(link, &["--as", "viewer", "--record", record])?,
            file,
        })
    }

    /// Waits for pictures of this size while the desktop changes between two colours.
    async fn sees(&self, desktop: &Desktop, (width, height): (u32, u32)) -> Result<()> {
        tokio::select! {
            seen = sees(&self.call, width.into(), height.into()) => desktop.explain(seen),
            refused = desktop.flicker([RED, GREEN]) => refused,
        }
    }

    /// Has the desktop change, at the end to this colour, and waits until that is seen and nothing more comes. A first change
    /// may be lost: where a share has just ended this desktop still takes a picture for it.
    async fn sees_colour(&self, desktop: &Desktop, colour: &str) -> Result<()> {
        let before = still(&self.call).await?;
        tokio::select! {
            seen = more_than(&self.call, before) => {
                desktop.explain(seen)?;
            }
            refused = desktop.flicker([RED, GREEN]) => refused?,
        }
        desktop.output(&format!("bg {colour} solid_color")).await?;
        still(&self.call).await?;
        Ok(())
    }

    /// Hangs up, and gives the colour in the middle of the last picture, in Y, U and V.
    async fn last_colour(mut self) -> Result<[u8; 3]> {
        self.call.hang_up().await?;
        let pictures = y4m::last(&self.file, 1)?;
        let last = pictures.last().context("no picture")?;
        Ok(at(last, last.luma.width / 2, last.luma.height / 2))
    }
}

/// `ahoy-call` on this desktop, which shows the screen to those who have the link.
fn share(relay: &Relay, desktop: &Desktop, home: &Path) -> Result<AhoyCall> {
    let mut environment = desktop.environment();
    let home = home.to_str().context("a path that is text")?;
    environment.push(("AHOY_HOME".into(), home.into()));
    // There is no display for X11 programs here.
    environment.push(("DISPLAY".into(), String::new()));
    let flags = [
        "--as",
        "broadcaster",
        "--video",
        "screen",
        "--audio",
        "none",
    ];
    AhoyCall::start_with(relay.url(), &flags, environment)
}

#[tokio::test]
async fn a_wayland_desktop_asks_once_and_what_it_shares_is_seen_until_it_ends() -> Result<()> {
    if lacks(&[Part::Wayland]) {
        return Ok(());
    }
    let mut desktop = Desktop::start(SIZE, GREEN).await?;
    let folder = tempfile::tempdir()?;
    let home = folder.path().join("home");
    let relay = Relay::start().await?;

    // Its user says no, and reads so.
    desktop.answers(false)?;
    let mut host = share(&relay, &desktop, &home)?;
    let told = host.event("error").await;
    let told = desktop.explain(told)?;
    assert_eq!(told["code"], "screen_denied", "{told}");
    host.hang_up().await?;
    assert_eq!(desktop.asked(), 1);

    desktop.answers(true)?;
    let mut host = share(&relay, &desktop, &home)?;
    let link = host.link().await?;
    let guest = Viewer::of(&link, folder.path(), "1")?;
    guest.sees(&desktop, SIZE).await?;
    assert_eq!(desktop.asked(), 2);
    desktop.wants_pointer().await?;
    guest.sees_colour(&desktop, BLUE).await?;
    let found = guest.last_colour().await?;
    assert!(alike(found, BLUE_YUV), "{found:?}");
    assert_eq!(host.errors(), [""; 0]);
    host.hang_up().await?;
    desktop.ended(1).await?;

    // What was said is kept, and nobody is asked again.
    let host = share(&relay, &desktop, &home)?;
    let link = host.link().await?;
    let guest = Viewer::of(&link, folder.path(), "2")?;
    guest.sees(&desktop, SIZE).await?;
    assert_eq!(desktop.asked(), 2);

    // It becomes another size while somebody looks on.
    desktop.output("resolution 1024x768").await?;
    guest.sees(&desktop, (1024, 768)).await?;
    guest.sees_colour(&desktop, GREEN).await?;
    assert_eq!(host.errors(), [""; 0]);

    // The desktop is gone, the call is not.
    desktop.log_out();
    let told = host.event("error").await?;
    assert_eq!(told["code"], "screen_missing", "{told}");
    guest.call.peer_stats("the call", |_| true).await?;
    let found = guest.last_colour().await?;
    assert!(alike(found, GREEN_YUV), "{found:?}");
    Ok(())
}

#[tokio::test]
async fn a_monitor_that_is_unplugged_ends_its_share_and_not_the_call() -> Result<()> {
    if lacks(&[Part::Wayland]) {
        return Ok(());
    }
    let desktop = Desktop::with_plugs(SIZE, GREEN).await?;
    let folder = tempfile::tempdir()?;
    let relay = Relay::start().await?;
    let mut host = share(&relay, &desktop, &folder.path().join("home"))?;
    let link = host.link().await?;
    let guest = Viewer::of(&link, folder.path(), "1")?;
    guest.sees(&desktop, (SIZE.0 / 2, SIZE.1)).await?;

    // The other one.
    desktop.unplug(2).await?;
    guest.sees(&desktop, SIZE).await?;
    guest.sees_colour(&desktop, BLUE).await?;
    assert_eq!(host.errors(), [""; 0]);

    desktop.unplug(1).await?;
    let told = host.event("error").await;
    let told = desktop.explain(told)?;
    assert_eq!(told["code"], "screen_missing", "{told}");
    guest.call.peer_stats("the call", |_| true).await?;
    let found = guest.last_colour().await?;
    assert!(alike(found, BLUE_YUV), "{found:?}");
    host.hang_up().await
}

#[tokio::test]
async fn a_desktop_without_a_portal_is_told_of() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let nowhere = folder.path().join("nowhere");
    let relay = Relay::start().await?;
    let bus = format!("unix:path={}", nowhere.display());
    let mut host = AhoyCall::start_with(
        relay.url(),
        &["--video", "screen", "--audio", "none"],
        [
            ("DBUS_SESSION_BUS_ADDRESS", bus.as_str()),
            ("WAYLAND_DISPLAY", "nowhere"),
            ("XDG_SESSION_TYPE", "wayland"),
        ],
    )?;
    let told = host.event("error").await?;
    assert_eq!(told["code"], "screen_unsupported", "{told}");
    host.link().await?;
    host.hang_up().await
}

#[tokio::test]
async fn the_app_leaves_it_to_the_desktop_what_is_shown() -> Result<()> {
    let parts: Vec<Part> = ALONE.into_iter().chain([Part::Wayland]).collect();
    if lacks(&parts) {
        return Ok(());
    }
    let mut desktop = Desktop::start(SIZE, GREEN).await?;
    let relay = Relay::start().await?;
    let folder = tempfile::tempdir()?;
    let environment = desktop.environment();
    let stage = Stage::open(Instead {
        relay: Some(relay.url()),
        desktop: Some(&environment),
        ..Instead::default()
    })
    .await?;
    let page = stage.app.page();
    let only = "
        const sources = [...document.querySelectorAll('[data-testid=source]')].map((input) => input.dataset.source);
        return JSON.stringify(sources) === arguments[0]";
    page.press("share-screen").await?;
    page.write("name", "Ada").await?;
    page.until("the question alone", only, vec![json!(r#"["asked"]"#)])
        .await?;
    stage.picture("share-lobby-asked").await?;
    assert_eq!(desktop.asked(), 0);
    page.press("join").await?;
    let link = page.read("link").await?;
    let guest = Viewer::of(&link, folder.path(), "1")?;
    guest.sees(&desktop, SIZE).await?;
    assert_eq!(desktop.asked(), 1);

    // Paused and taken up again it is the same; something else is asked for.
    for state in ["on", "off"] {
        page.press("pause-share").await?;
        let paused =
            "return (document.querySelector('[data-testid=cover]') !== null) === arguments[0]";
        page.until(state, paused, vec![json!(state == "on")])
            .await?;
    }
    guest.sees_colour(&desktop, BLUE).await?;
    assert_eq!(desktop.asked(), 1);
    let both = json!(r#"["again","asked"]"#);
    page.press("switch-screen").await?;
    page.until("both", only, vec![both.clone()]).await?;
    page.press("switch-go").await?;
    desktop.asks(2).await?;
    // What was shown before has ended then, as the pause had it end.
    desktop.ended(2).await?;
    guest.sees_colour(&desktop, GREEN).await?;
    let found = guest.last_colour().await?;
    assert!(alike(found, GREEN_YUV), "{found:?}");

    // The next time it may be the same without a question.
    page.press("stop-share").await?;
    page.press("back").await?;
    page.press("share-screen").await?;
    page.until("both", only, vec![both]).await?;
    stage.picture("share-lobby-again").await?;
    let same = "
        const source = [...document.querySelectorAll('[data-testid=source]')]
            .find((input) => input.closest('label').innerText.includes(arguments[0]));
        source?.click();
        return source?.checked === true";
    page.until("the same", same, vec!["The same as last time".into()])
        .await?;
    page.press("join").await?;
    let guest = Viewer::of(&page.read("link").await?, folder.path(), "2")?;
    guest.sees(&desktop, SIZE).await?;
    assert_eq!(desktop.asked(), 2);
    let kept = stage.app.home().kept("screen-choice");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(kept)?.permissions());
    assert_eq!(mode & 0o777, 0o600);

    // Its user logs out.
    desktop.log_out();
    let gone = "return ahoy.text('cover').includes('gone')";
    page.until("the end", gone, vec![]).await?;
    Ok(())
}
