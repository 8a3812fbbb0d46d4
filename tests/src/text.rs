//! A page of text on a screen, and when it can be read at the other end.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use data_encoding::BASE64;
use serde_json::json;
use x11rb::protocol::xproto::Window;

use crate::{desktop::Desktop, ssim::ssim, webdriver::Page, y4m::Luma};

/// As alike as a picture has to be so that its text can be read as well as the original.
pub const LEGIBLE: f64 = 0.98;
/// The lines of a page, and the characters of each.
const LINES: usize = 58;
const LENGTH: usize = 220;
/// Left, top, width and height of the part that is looked at, in pixels.
const PART: [usize; 4] = [400, 300, 320, 160];
/// The most pictures that are kept: some seconds.
const MOST: usize = 150;

/// Puts the part of each picture that comes into a list, with the moment at which it was shown.
const WATCH: &str = "
    const [[x, y, width, height], full, most] = arguments;
    const video = document.querySelector('[data-testid=remote-video]');
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const seen = (window.ahoySeen = []);
    const look = () => {
        const at = performance.timeOrigin + performance.now();
        context.drawImage(video, -x, -y, full.width, full.height);
        if (seen.push({ at, data: context.getImageData(0, 0, width, height).data }) > most) seen.shift();
        video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
    return true;
";
/// The list so far, without what was told already.
const SEEN: &str = "
    const text = (data) => {
        let all = '';
        for (let at = 0; at < data.length; at += 4) all += String.fromCharCode(data[at], data[at + 1], data[at + 2]);
        return btoa(all);
    };
    return window.ahoySeen.splice(0).map(({ at, data }) => ({ at, pixels: text(data) }));
";

/// Writes a page of text into a window, of another place in it for each `turn`.
///
/// # Errors
/// The display refuses.
pub fn write(desktop: &Desktop, window: Window, turn: usize) -> Result<()> {
    let text = "The quick brown fox jumps over the lazy dog, 0123456789. ".repeat(5);
    for row in 0..LINES {
        let from = (turn * 7 + row) % 57;
        let at = (20, 20 + 16 * row as i16);
        desktop.write(window, at, &text[from..from + LENGTH])?;
    }
    Ok(())
}

/// The time of day in ms since 1970, as [`Seen`] has it.
#[expect(
    clippy::disallowed_methods,
    reason = "programs on one machine share this clock"
)]
pub fn unix_ms() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64() * 1000.0
}

/// A picture that was shown.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// When, in ms since 1970.
    pub at: f64,
    /// How like the original it is.
    pub alike: f64,
}

/// Watches the picture that a page gets of a screen.
pub struct Reader<'a> {
    page: &'a Page,
}

impl<'a> Reader<'a> {
    /// Begins to watch a screen of this width and height in pixels, in the page's `remote-video`.
    ///
    /// # Errors
    /// The page has none.
    pub async fn begin(page: &'a Page, (width, height): (u32, u32)) -> Result<Self> {
        let full = json!({ "width": width, "height": height });
        page.run(WATCH, vec![json!(PART), full, json!(MOST)])
            .await?;
        Ok(Self { page })
    }

    /// What was shown since the last time, beside the whole screen as it is.
    ///
    /// # Errors
    /// The page does not answer.
    pub async fn seen(&self, original: &Luma) -> Result<Vec<Seen>> {
        let original = part(original);
        let seen = self.page.run(SEEN, vec![]).await?;
        let seen = seen.as_array().context("a list")?;
        seen.iter()
            .map(|seen| {
                let pixels = seen["pixels"].as_str().context("pixels")?;
                let pixels = BASE64.decode(pixels.as_bytes())?;
                let luma = |pixel: &[u8]| crate::desktop::luma(pixel[0], pixel[1], pixel[2]);
                let shown = Luma {
                    pixels: pixels.chunks_exact(3).map(luma).collect(),
                    ..original
                };
                Ok(Seen {
                    at: seen["at"].as_f64().context("a time")?,
                    alike: ssim(&original, &shown).context("another size")?,
                })
            })
            .collect()
    }
}

fn part(screen: &Luma) -> Luma {
    let [x, y, width, height] = PART;
    let rows = screen
        .pixels
        .chunks_exact(screen.width)
        .skip(y)
        .take(height);
    Luma {
        width,
        height,
        pixels: rows.flat_map(|row| &row[x..x + width]).copied().collect(),
    }
}
