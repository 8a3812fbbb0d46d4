//! What an audience is shown stays what it is. Each picture is made from the one before, so what goes astray in one is in
//! all that follow.

use std::path::PathBuf;

use ahoy_engine::device::VideoFormat;
use ahoy_tests::{
    app::Display,
    call::AhoyCall,
    desktop::Desktop,
    need::{Part, lacks},
    programs,
    quality::Reference,
    relay::Relay,
    y4m::{self, Luma},
};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Duration, Instant, MissedTickBehavior, interval};

const FORMAT: VideoFormat = VideoFormat {
    width: 1280,
    height: 720,
    fps: 30,
};
/// So many pictures each is shown at least: some fifteen seconds.
const PICTURES: u64 = 450;
/// The longest that they may take, in pictures of the source.
const LONGEST: u32 = 150 * FORMAT.fps;
/// Of the last pictures most are as good as this, in dB. A camera's have 47 and a screen's 42; where decoders go astray it
/// has come to 32 by then.
const SHARP: f64 = 37.0;

/// Somebody who watches and keeps one picture of each second.
struct Viewer {
    call: AhoyCall,
    file: PathBuf,
    _folder: TempDir,
}

impl Viewer {
    async fn watches(link: &str) -> Result<Self> {
        let folder = tempfile::tempdir_in(programs::output("recordings")?)?;
        let file = folder.path().join("seen.y4m");
        let path = file.to_str().context("a path that is text")?;
        let flags = ["--as", "viewer", "--fps", "1", "--record", path];
        let call = AhoyCall::start(link, &flags)?;
        call.event("first_frame").await?;
        Ok(Self {
            call,
            file,
            _folder: folder,
        })
    }

    /// Waits until it has had all, some after the others.
    async fn has_seen_all(&self) -> Result<()> {
        let pictures = |peer: &Value| peer["receive"]["video"]["frames_decoded"].as_u64();
        for some in (150..=PICTURES).step_by(150) {
            let what = format!("{some} pictures");
            let has = |peer: &Value| pictures(peer) >= Some(some);
            self.call.peer_stats(&what, has).await?;
        }
        Ok(())
    }

    /// What it has kept of the last seconds.
    async fn last(mut self) -> Result<Vec<Luma>> {
        self.call.hang_up().await?;
        assert_eq!(self.call.errors(), [""; 0]);
        let last = y4m::last(&self.file, 5)?;
        Ok(last.into_iter().map(|picture| picture.luma).collect())
    }
}

/// These are sharp, and of the film's end.
fn is_sharp(film: &Reference, seen: &[Luma]) -> Result<()> {
    let found = seen.iter().map(|picture| {
        let found = film.find(picture, 0..LONGEST);
        found.context("a picture of another size")
    });
    let found = found.collect::<Result<Vec<_>>>()?;
    let sharp = found.iter().filter(|found| found.psnr > SHARP).count();
    let late = found
        .iter()
        .all(|found| u64::from(found.number) > PICTURES / 2);
    ensure!(sharp > 2 && late, "{found:?}");
    Ok(())
}

#[tokio::test]
async fn a_camera_stays_sharp_for_its_audience() -> Result<()> {
    let relay = Relay::start().await?;
    let camera = ["--as", "broadcaster", "--video", "test:1280x720@30"];
    let host = AhoyCall::start(relay.url(), &camera)?;
    let viewer = Viewer::watches(&host.link().await?).await?;
    viewer.has_seen_all().await?;
    let seen = viewer.last().await?;
    assert_eq!(host.errors(), [""; 0]);
    is_sharp(&Reference::new(FORMAT)?, &seen)
}

/// The grey of a screen whose brightness is that (BT.709 in limited range).
fn grey(luma: &Luma) -> Luma {
    let levels = luma.pixels.iter().map(|level| u32::from(*level));
    let grey = levels.map(|level| (level.saturating_sub(16) * 255 + 109) / 219);
    Luma {
        pixels: grey.map(|grey| grey.min(255) as u8).collect(),
        ..*luma
    }
}

#[tokio::test]
async fn a_film_on_a_screen_stays_sharp_for_its_audience() -> Result<()> {
    if lacks(&[Part::Display]) {
        return Ok(());
    }
    let display = Display::start(1280, 720).await?;
    let desktop = Desktop::connect(display.name())?;
    let window = desktop.open("Film", (0, 0, 1280, 720), 0)?;
    let film = Reference::new(FORMAT)?;
    let draw = |number| desktop.draw(window, &Luma::of(&film.picture(number)));
    draw(0)?;
    let relay = Relay::start().await?;
    let host = AhoyCall::start_with(
        relay.url(),
        &[
            "--as",
            "broadcaster",
            "--video",
            "screen",
            "--audio",
            "none",
        ],
        [("DISPLAY", display.name())],
    )?;
    let viewer = Viewer::watches(&host.link().await?).await?;
    let mut pace = interval(Duration::from_secs(1) / FORMAT.fps);
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let shown = async {
        let begun = Instant::now();
        loop {
            pace.tick().await;
            draw((begun.elapsed().as_secs_f64() * f64::from(FORMAT.fps)) as u32)?;
        }
    };
    tokio::select! {
        stopped = shown => return stopped,
        seen = viewer.has_seen_all() => seen?,
    }
    let seen = viewer.last().await?;
    assert_eq!(host.errors(), [""; 0]);
    let seen: Vec<_> = seen.iter().map(grey).collect();
    is_sharp(&film, &seen)
}
