//! From the wish to show a screen until somebody who waits for it sees it, and can read it: Ahoy beside Chromium.

use ahoy_tests::{
    app::Display,
    call::AhoyCall,
    chromium::{Camera, Chromium},
    desktop::Desktop,
    dialect::{Lobby, Through},
    serve::Files,
    text::{self, LEGIBLE, Reader, Seen},
    webdriver::Page,
};
use anyhow::{Context as _, Result, bail};
use tokio::time::{Instant, sleep};

use crate::broadcast::{CAP_KBPS, SCREEN, SOON, hold_to_the_cap};

/// Shows the screen where the page would show its camera, and keeps when that was chosen.
const SCREEN_FOR_CAMERA: &str = "
    navigator.mediaDevices.getUserMedia = async () => {
        const stream = await navigator.mediaDevices.getDisplayMedia({ video: true });
        window.ahoyBegun = performance.timeOrigin + performance.now();
        return stream;
    };
";
/// When the first picture came, and when the first that can be read, in ms from the wish.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Began {
    pub(crate) first_ms: f64,
    pub(crate) legible_ms: f64,
}

/// Who shows.
#[expect(dead_code, reason = "it is held until the measurement is over")]
enum Sender {
    Ahoy(AhoyCall),
    Chromium(Chromium),
}

fn page_at(pages: &Files, lobby: &Lobby, role: &str) -> Result<String> {
    let mut url = url::Url::parse(&pages.url("/one-to-one"))?;
    url.query_pairs_mut()
        .extend_pairs([("relay", lobby.url()), ("role", role)]);
    Ok(url.into())
}

async fn ready(page: &Page) -> Result<()> {
    let ready = "return document.body?.dataset.state === 'ready'";
    page.until("a page that is ready", ready, vec![]).await?;
    Ok(())
}

/// One share of a page of text that stands still, with a Chromium waiting for it.
pub(crate) async fn begin(ahoy: bool, pages: &Files) -> Result<Began> {
    let display = Display::start(SCREEN.0, SCREEN.1).await?;
    let desktop = Desktop::connect(display.name())?;
    let window = desktop.open("Paper", (60, 40, 1800, 980), 0xff_ffff)?;
    text::write(&desktop, window, 0)?;
    let lobby = Lobby::start(Through::Ahoy).await?;
    let viewer = Chromium::start(Camera::Absent).await?;
    viewer
        .page()
        .goto(&page_at(pages, &lobby, "receive")?)
        .await?;
    ready(viewer.page()).await?;
    let reader = Reader::begin(viewer.page(), SCREEN).await?;
    let (begun, _sender) = if ahoy {
        let flags = [
            ["--dialect", "broadcast"],
            ["--as", "send"],
            ["--video", "screen"],
            ["--audio", "none"],
            ["--bitrate", CAP_KBPS],
        ]
        .concat();
        let begun = text::unix_ms();
        let environment = [("DISPLAY", display.name())];
        let call = AhoyCall::start_with(lobby.url(), &flags, environment)?;
        (begun, Sender::Ahoy(call))
    } else {
        let chromium = Chromium::on_display(display.name()).await?;
        let source = serde_json::json!({ "source": SCREEN_FOR_CAMERA });
        chromium
            .devtools("Page.addScriptToEvaluateOnNewDocument", source)
            .await?;
        hold_to_the_cap(&chromium).await?;
        let page = chromium.page();
        page.goto(&page_at(pages, &lobby, "send")?).await?;
        chromium.explain(ready(page).await).await?;
        let begun = page.run("return window.ahoyBegun", vec![]).await?;
        let begun = begun.as_f64().context("nothing was chosen")?;
        (begun, Sender::Chromium(chromium))
    };
    let until = now() + SOON;
    let mut all: Vec<Seen> = Vec::new();
    while now() < until {
        // Nothing is read while it is measured, but once in a while.
        sleep(std::time::Duration::from_secs(2)).await;
        let original = desktop.picture()?;
        all.extend(reader.seen(&original).await?);
        let legible = all.iter().find(|seen| seen.alike >= LEGIBLE);
        if let (Some(first), Some(legible)) = (all.first(), legible) {
            return Ok(Began {
                first_ms: first.at - begun,
                legible_ms: legible.at - begun,
            });
        }
    }
    let best = all.iter().map(|seen| seen.alike).fold(0.0, f64::max);
    bail!("{} pictures, the best {best}", all.len())
}

fn now() -> Instant {
    Instant::now()
}
