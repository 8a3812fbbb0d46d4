//! The window's language.

use ahoy_tests::{need::lacks, webdriver::Page};
use anyhow::{Context as _, Result, ensure};

use crate::stage::{ALONE, Stage, ended};

/// All that a person reads on the page or hears read out, but names, addresses and what is marked as being of another language.
const TOLD: &str = "
const told = new Set();
const root = document.documentElement.lang;
const own = (element) =>
  (element.closest('[lang]')?.lang ?? root) === root &&
  !element.closest('[data-testid=link], [data-testid=recent] bdi, kbd, noscript, option:not([value=\"\"])');
const shown = (element) => element.getClientRects().length > 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const { parentElement, data } = walker.currentNode;
  if (data.trim() && own(parentElement) && (shown(parentElement) || parentElement.tagName === 'OPTION')) told.add(data.trim());
}
for (const name of ['aria-label', 'title', 'placeholder', 'alt']) {
  for (const element of document.querySelectorAll(`[${name}]`)) {
    if (own(element) && shown(element)) told.add(element.getAttribute(name));
  }
}
return [...told]";

fn is_han(letter: char) -> bool {
    matches!(letter, '\u{4e00}'..='\u{9fff}')
}

/// What is called the same everywhere.
const NAMES: [&str; 5] = ["Ahoy", "QR", "TURN", "https", "Ada"];

/// Waits until the page says so, and ensures that all on it is in this language.
async fn speaks(page: &Page, language: &str) -> Result<()> {
    let spoken = "return document.documentElement.lang === arguments[0]";
    page.until(language, spoken, vec![language.into()]).await?;
    let told = page.run(TOLD, vec![]).await?;
    let told = told.as_array().context("a list of texts")?;
    ensure!(told.len() >= 5, "only {told:?}");
    for text in told {
        let text = text.as_str().context("a text")?;
        let rest = NAMES
            .iter()
            .fold(text.to_owned(), |rest, name| rest.replace(name, ""));
        let stays = match language {
            "en" => rest.contains(is_han),
            _ => {
                let mut letters = rest.split(|letter: char| !letter.is_ascii_alphabetic());
                letters.any(|word| word.len() > 1)
            }
        };
        ensure!(!stays, "`{text}` is not in {language}");
    }
    Ok(())
}

/// Chooses a language in the settings, which speak it at once, and closes them.
async fn choose(page: &Page, language: &str) -> Result<()> {
    page.press("settings").await?;
    page.choose(&format!("language-{language}")).await?;
    speaks(page, language).await?;
    page.press("close-sheet").await?;
    page.gone("close-sheet").await
}

#[tokio::test]
async fn the_window_changes_its_language_at_once_and_in_every_word() -> Result<()> {
    if lacks(&ALONE) {
        return Ok(());
    }
    let stage = Stage::with_camera().await?;
    let page = stage.app.page();
    choose(page, "en").await?;
    let at_first = page.text().await;
    choose(page, "zh-CN").await?;
    speaks(page, "zh-CN").await?;
    choose(page, "en").await?;
    assert_eq!(page.text().await, at_first);

    choose(page, "zh-CN").await?;
    stage.lobby().await?;
    speaks(page, "zh-CN").await?;
    stage.picture("lobby-zh-CN").await?;
    choose(page, "en").await?;
    speaks(page, "en").await?;
    choose(page, "zh-CN").await?;
    page.press("join").await?;
    page.read("link").await?;
    speaks(page, "zh-CN").await?;
    stage.picture("waiting-zh-CN").await?;
    page.press("hang-up").await?;
    assert_eq!(ended(page).await?, "by_me");
    speaks(page, "zh-CN").await?;
    page.press("back").await?;
    page.shown("recents").await?;
    speaks(page, "zh-CN").await?;
    choose(page, "en").await?;
    speaks(page, "en").await
}
