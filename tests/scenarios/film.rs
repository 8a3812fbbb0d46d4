//! Something on a screen that moves, and what is done with it on the pages.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{JoinHandle, sleep},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ahoy_tests::{
    app::Display,
    desktop::{Desktop, Place},
    webdriver::Page,
};
use anyhow::{Context as _, Result};
use serde_json::json;

const WHITE: u32 = 0xff_ffff;
/// Where it is, and its size: blocks of ten pixels, which survive any codec.
pub(crate) const FILM: Place = (1000, 20, 320, 200);

/// A window named *Film* that shows the time, as a stamp, twenty times a second.
pub(crate) struct Film {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Film {
    /// Opens it at a place.
    pub(crate) fn start(display: &Display, place: Place) -> Result<Self> {
        let desktop = Desktop::connect(display.name())?;
        let window = desktop.open("Film", place, WHITE)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                #[expect(clippy::disallowed_methods, reason = "a stamp tells the time of day")]
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                // The display goes first at the end.
                if desktop
                    .stamp(window, place.2, now.as_millis() as u32)
                    .is_err()
                {
                    return;
                }
                sleep(Duration::from_millis(50));
            }
        });
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Film {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits until this can be chosen and shows its small picture, and chooses it.
pub(crate) async fn choose(page: &Page, name: &str) -> Result<()> {
    let chosen = "
        const source = [...document.querySelectorAll('[data-testid=source]')]
            .find((input) => input.closest('label').innerText.includes(arguments[0]));
        const picture = source?.closest('label').querySelector('canvas');
        if (!picture) return false;
        // Before the first picture is drawn all of it is black.
        const { data } = picture.getContext('2d').getImageData(0, 0, picture.width, picture.height);
        if (!data.some((part, index) => index % 4 < 3 && part > 0)) return false;
        source.click();
        return source.checked";
    page.until(name, chosen, vec![json!(name)]).await?;
    Ok(())
}

/// Waits until this part's text holds that.
pub(crate) async fn says(page: &Page, part: &str, text: &str) -> Result<()> {
    let says = "return ahoy.text(arguments[0]).includes(arguments[1])";
    page.until(text, says, vec![json!(part), json!(text)])
        .await?;
    Ok(())
}

/// Has a page count the descriptions that it takes up from now on.
pub(crate) async fn count_negotiations(page: &Page) -> Result<()> {
    let watch = "
        window.negotiations = 0;
        const set = RTCPeerConnection.prototype.setRemoteDescription;
        RTCPeerConnection.prototype.setRemoteDescription = function (...description) {
            window.negotiations += 1;
            return set.apply(this, description);
        };
        return true";
    page.run(watch, vec![]).await?;
    Ok(())
}

/// How many those are.
pub(crate) async fn negotiations(page: &Page) -> Result<u64> {
    let count = page.run("return window.negotiations", vec![]).await?;
    count.as_u64().context("nobody counted")
}
