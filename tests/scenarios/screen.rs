//! The screen of one end, a window of it, and what becomes of them, at the other.

use std::path::Path;

use ahoy_engine::device;
use ahoy_tests::{
    SOON,
    app::Display,
    call::AhoyCall,
    desktop::Desktop,
    need::{Part, lacks},
    process::Process,
    programs,
    relay::Relay,
    y4m::{self, Picture},
};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

const GREEN: u32 = 0x00_c000;
const BLUE: u32 = 0x00_00ff;
const WHITE: u32 = 0xff_ffff;
const RED: u32 = 0xff_0000;

/// What BT.709 in limited range makes of these colours.
pub(crate) const GREEN_YUV: [u8; 3] = [134, 63, 51];
pub(crate) const BLUE_YUV: [u8; 3] = [32, 240, 118];
const WHITE_YUV: [u8; 3] = [235, 128, 128];
const RED_YUV: [u8; 3] = [63, 102, 240];
const BLACK_YUV: [u8; 3] = [16, 128, 128];

/// What a picture shows at a place, in Y, U and V.
pub(crate) fn at(picture: &Picture, x: usize, y: usize) -> [u8; 3] {
    let luma = &picture.luma;
    let (width, height) = (luma.width.div_ceil(2), luma.height.div_ceil(2));
    let chroma = (y / 2) * width + x / 2;
    [
        luma.pixels[y * luma.width + x],
        picture.chroma[chroma],
        picture.chroma[width * height + chroma],
    ]
}

/// Whether two colours are the same, as far as a codec goes.
pub(crate) fn alike(found: [u8; 3], wanted: [u8; 3]) -> bool {
    found.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 14)
}

/// One who shows this of the display, and one who looks on.
async fn shown(
    relay: &Relay,
    display: &Display,
    video: &str,
    record: Option<&Path>,
) -> Result<(AhoyCall, AhoyCall)> {
    let host = AhoyCall::start_with(
        relay.url(),
        &["--video", video, "--audio", "none"],
        [("DISPLAY", display.name())],
    )?;
    let mut flags = vec!["--video", "none", "--audio", "none"];
    if let Some(file) = record {
        flags.extend(["--record", file.to_str().context("a path that is text")?]);
    }
    let guest = AhoyCall::start(&host.link().await?, &flags)?;
    Ok((host, guest))
}

fn frames(peer: &Value) -> u64 {
    peer["receive"]["video"]["frames_decoded"]
        .as_u64()
        .unwrap_or(0)
}

/// Waits until no picture has come for three seconds; gives how many had come.
pub(crate) async fn still(guest: &AhoyCall) -> Result<u64> {
    let (mut last, mut lines) = (0, 0);
    let peer = guest
        .peer_stats("three seconds without a new picture", |peer| {
            let now = frames(peer);
            lines = if now > 0 && now == last { lines + 1 } else { 0 };
            last = now;
            lines == 3
        })
        .await?;
    Ok(frames(&peer))
}

/// Waits until more than so many pictures have come; gives how many.
pub(crate) async fn more_than(guest: &AhoyCall, before: u64) -> Result<u64> {
    let peer = guest
        .peer_stats("a new picture", |peer| frames(peer) > before)
        .await?;
    Ok(frames(&peer))
}

pub(crate) async fn sees(guest: &AhoyCall, width: u64, height: u64) -> Result<()> {
    let video = |peer: &Value| {
        let video = &peer["receive"]["video"];
        (video["width"].as_u64(), video["height"].as_u64()) == (Some(width), Some(height))
    };
    guest
        .peer_stats(&format!("a picture of {width}x{height}"), video)
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_screen_is_seen_with_its_pointer_and_costs_nothing_while_it_stands_still() -> Result<()> {
    if lacks(&[Part::Display]) {
        return Ok(());
    }
    let display = Display::start(1920, 1080).await?;
    let desktop = Desktop::connect(display.name())?;
    let window = desktop.open("Paper", (200, 100, 1200, 800), WHITE)?;
    desktop.show_pointer(window, RED)?;
    desktop.point(300, 400)?;
    desktop.paint(window, (800, 400, 400, 400), GREEN)?;
    desktop.write(window, (40, 40), "What is written stays sharp.")?;

    let folder = tempfile::tempdir()?;
    let film = folder.path().join("film.y4m");
    let relay = Relay::start().await?;
    let (host, mut guest) = shown(&relay, &display, "screen", Some(&film)).await?;
    let first = guest.event("first_frame").await?;
    assert_eq!(
        (&first["width"], &first["height"]),
        (&1920.into(), &1080.into())
    );

    // One who comes later sees a screen that has stood still since.
    let before = still(&guest).await?;
    let late = AhoyCall::start(&host.link().await?, &["--video", "none", "--audio", "none"])?;
    late.event("first_frame").await?;
    drop(late);
    let before = still(&guest).await?.max(before);

    // The pointer alone moves, then the text does.
    desktop.point(900, 600)?;
    more_than(&guest, before).await?;
    let mut seen = still(&guest).await?;
    for step in 0..5 {
        desktop.write(window, (40 + step, 80), " This text moves.")?;
        seen = more_than(&guest, seen).await?;
    }
    still(&guest).await?;
    guest.hang_up().await?;

    let last = y4m::last(&film, 1)?.pop().context("no picture")?;
    for (x, y, wanted) in [
        (50, 50, BLACK_YUV),
        (300, 400, WHITE_YUV),
        (900, 600, RED_YUV),
        (890, 590, RED_YUV),
        (930, 600, WHITE_YUV),
        (1200, 700, GREEN_YUV),
        (1410, 700, BLACK_YUV),
    ] {
        assert!(
            alike(at(&last, x, y), wanted),
            "{x},{y}: {:?}",
            at(&last, x, y)
        );
    }
    assert_eq!(host.errors(), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_window_is_shown_covered_and_resized_and_its_end_is_told() -> Result<()> {
    if lacks(&[Part::Display]) {
        return Ok(());
    }
    let display = Display::start(1280, 720).await?;
    let desktop = Desktop::connect(display.name())?;
    let window = desktop.open("A letter", (100, 100, 640, 480), WHITE)?;
    let other = desktop.open("In front", (0, 0, 800, 700), BLUE)?;
    desktop.raise(other)?;

    let folder = tempfile::tempdir()?;
    let film = folder.path().join("film.y4m");
    let relay = Relay::start().await?;
    let (host, mut guest) = shown(&relay, &display, "screen:window=letter", Some(&film)).await?;
    sees(&guest, 640, 480).await?;

    // Minimised its last picture stays, and painting goes on when it is back.
    desktop.minimise(window)?;
    let before = still(&guest).await?;
    desktop.restore(window)?;
    desktop.paint(window, (0, 0, 320, 480), GREEN)?;
    more_than(&guest, before).await?;
    still(&guest).await?;

    // An odd size is a size like any other.
    desktop.resize(window, (801, 451))?;
    sees(&guest, 801, 451).await?;
    desktop.paint(window, (0, 0, 400, 451), GREEN)?;
    let before = still(&guest).await?;
    desktop.close(window)?;
    let told = host.event("error").await?;
    assert_eq!(told["code"], "screen_missing", "{told}");
    assert!(
        told["message"]
            .as_str()
            .is_some_and(|text| text.contains("gone")),
        "{told}"
    );

    // The call goes on without it, and nothing is tried over and over.
    for end in [&host, &guest] {
        for _ in 0..3 {
            end.peer_stats("the call", |_| true).await?;
        }
    }
    assert_eq!(still(&guest).await?, before);
    assert_eq!(host.errors(), ["screen_missing"]);
    guest.hang_up().await?;
    // The film has the size of its first picture: 360 rows of 480 are left for the last one.
    let last = y4m::last(&film, 1)?.pop().context("no picture")?;
    for (x, y, wanted) in [
        (100, 100, GREEN_YUV),
        (300, 400, GREEN_YUV),
        (500, 240, WHITE_YUV),
        (100, 20, BLACK_YUV),
    ] {
        let found = at(&last, x, y);
        assert!(alike(found, wanted), "{x},{y}: {found:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_monitor_changes_its_mode_and_a_display_that_is_gone_is_told() -> Result<()> {
    if lacks(&[Part::Display]) {
        return Ok(());
    }
    let display = Display::start(1920, 1080).await?;
    let desktop = Desktop::connect(display.name())?;
    let relay = Relay::start().await?;
    let (host, guest) = shown(&relay, &display, "screen:0", None).await?;
    sees(&guest, 1920, 1080).await?;
    desktop.set_mode(1280, 720)?;
    sees(&guest, 1280, 720).await?;
    assert_eq!(host.errors(), [""; 0]);
    drop(display);
    let told = host.event("error").await?;
    assert_eq!(told["code"], "screen_missing", "{told}");
    guest.peer_stats("the call", |_| true).await?;
    Ok(())
}

#[tokio::test]
async fn a_screen_that_is_wider_than_a_viewer_can_decode_is_seen_whole() -> Result<()> {
    if lacks(&[Part::Display]) {
        return Ok(());
    }
    let display = Display::start(5120, 1440).await?;
    let desktop = Desktop::connect(display.name())?;
    desktop.open("Right", (4720, 1040, 400, 400), GREEN)?;
    let folder = tempfile::tempdir()?;
    let film = folder.path().join("film.y4m");
    let relay = Relay::start().await?;
    let (host, mut guest) = shown(&relay, &display, "screen", Some(&film)).await?;
    sees(&guest, 4096, 1152).await?;
    still(&guest).await?;
    assert_eq!(host.errors(), [""; 0]);
    guest.hang_up().await?;
    let pictures = y4m::last(&film, 1)?;
    let last = pictures.last().context("no picture")?;
    for ((x, y), wanted) in [((4000, 1000), GREEN_YUV), ((1000, 400), BLACK_YUV)] {
        let found = at(last, x, y);
        assert!(alike(found, wanted), "{x},{y}: {found:?}");
    }
    Ok(())
}

#[tokio::test]
async fn screens_and_windows_are_listed_and_what_is_not_there_is_refused() -> Result<()> {
    if lacks(&[Part::Display]) {
        return Ok(());
    }
    let display = Display::start(1024, 768).await?;
    let desktop = Desktop::connect(display.name())?;
    desktop.open("A letter", (10, 20, 300, 200), WHITE)?;
    let minimised = desktop.open("Put away", (10, 20, 300, 200), WHITE)?;
    desktop.minimise(minimised)?;
    let run = |arguments: &[&str]| {
        let mut command = Command::new(programs::built("ahoy-call")?);
        command.args(arguments).env("DISPLAY", display.name());
        Process::start("ahoy-call", command)
    };
    let list = run(&["--devices", "--json"])?;
    let list: Value = list
        .line("a list", SOON, |line| serde_json::from_str(line).ok())
        .await?;
    let (screens, windows) = (&list["screens"], &list["windows"]);
    assert_eq!(
        (&screens[0]["width"], &screens[0]["height"]),
        (&1024.into(), &768.into())
    );
    let letter = &windows[0];
    assert_eq!(letter["name"], "A letter", "{list}");
    assert_eq!(
        (&letter["x"], &letter["y"]),
        (&10.into(), &20.into()),
        "{list}"
    );
    assert_eq!(
        (&letter["width"], &letter["height"]),
        (&300.into(), &200.into()),
        "{list}"
    );
    assert_eq!(windows.as_array().map(Vec::len), Some(1), "{list}");

    let address = "http://127.0.0.1:1";
    for video in [
        "screen:7",
        "screen:window=Put away",
        "screen:window=nowhere",
    ] {
        let mut refused = run(&[address, "--json", "--audio", "none", "--video", video])?;
        let error = refused
            .line("an error", SOON, |line| {
                serde_json::from_str::<Value>(line).ok()
            })
            .await?;
        assert_eq!(error["code"], "screen_missing", "{error}");
        assert_eq!(refused.exit(SOON).await?, 3, "{video}");
    }

    // The main one is the first, wherever it is.
    desktop.name_monitor("Side", 0, false)?;
    desktop.name_monitor("Main", 100, true)?;
    let list = run(&["--devices", "--json"])?;
    let list: Value = list
        .line("a list", SOON, |line| serde_json::from_str(line).ok())
        .await?;
    let names: Vec<_> = list["screens"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|screen| &screen["name"])
        .collect();
    assert_eq!(names[..2], ["Main", "Side"], "{list}");
    Ok(())
}

/// What tells the test below that it is the program that it has started.
const CHILD: &str = "AHOY_TEST_PICKS";

#[tokio::test]
async fn each_screen_and_window_has_a_small_picture_to_choose_by() -> Result<()> {
    if std::env::var_os(CHILD).is_some() {
        return pick();
    }
    if lacks(&[Part::Display]) {
        return Ok(());
    }
    let display = Display::start(1280, 720).await?;
    let desktop = Desktop::connect(display.name())?;
    desktop.open("Green", (0, 0, 600, 300), GREEN)?;
    desktop.open("Blue", (100, 100, 300, 600), BLUE)?;
    // The display is found by the environment, which tests share: the engine looks from a process of its own.
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["--exact", "--nocapture"])
        .arg("screen::each_screen_and_window_has_a_small_picture_to_choose_by")
        .env("DISPLAY", display.name())
        .env(CHILD, "1");
    let mut child = Process::start("who chooses", command)?;
    let code = child.exit(SOON).await?;
    ensure!(code == 0, child.fault("failed"));
    Ok(())
}

fn pick() -> Result<()> {
    let screens = device::screens()?;
    let sizes = screens.iter().map(|screen| {
        let small = device::thumbnail(&screen.id, 100)?;
        let [y, u, v] = small.buffer.planes().map(|plane| plane[plane.len() / 4]);
        Ok((
            screen.name.as_str(),
            (small.width(), small.height()),
            [y, u, v],
        ))
    });
    let sizes: Vec<_> = sizes.collect::<Result<_>>()?;
    let find = |name: &str| {
        let found = sizes.iter().find(|found| found.0 == name);
        found.map(|found| (found.1, found.2)).context("not listed")
    };
    // The blue one is before the green one.
    let (size, colour) = find("Green")?;
    ensure!(size == (100, 50) && alike(colour, GREEN_YUV), "{sizes:?}");
    let (size, colour) = find("Blue")?;
    ensure!(size == (50, 100) && alike(colour, BLUE_YUV), "{sizes:?}");
    ensure!(sizes.iter().any(|found| found.1 == (100, 56)), "{sizes:?}");
    let gone = device::thumbnail("window:0x1", 100);
    ensure!(gone.is_err(), "{gone:?}");
    // A number that another program's window has now means that one no more.
    let green = screens.iter().find(|screen| screen.name == "Green");
    let id = &green.context("not listed")?.id;
    let owner = std::os::unix::process::parent_id();
    let number = id.strip_suffix(&format!(":{owner}"));
    let other = format!("{}:1", number.context("it is another's")?);
    let other = device::thumbnail(&other, 100);
    ensure!(other.is_err(), "{other:?}");
    Ok(())
}
