//! Who comes in, who is sent away, and what two people know of each other.

use ahoy_tests::{chromium::Chromium, need::lacks, webdriver::Page};
use anyhow::Result;
use serde_json::json;

use crate::stage::{PARTS, STAMPED, Stage};

/// Waits for a screen that says that the call is over, and gives the code of why.
async fn refused(page: &Page) -> Result<String> {
    page.shown("ended").await?;
    page.error().await
}

/// Waits for a line of chat that holds this.
pub(crate) async fn has_chat_line(page: &Page, text: &str) -> Result<()> {
    let body = "return [...document.querySelectorAll('[data-testid=chat-line]')].some((line) => line.innerText.includes(arguments[0]))";
    page.until("a line of chat", body, vec![json!(text)])
        .await?;
    Ok(())
}

#[tokio::test]
async fn who_knocks_waits_until_the_person_lets_it_in() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let stage = Stage::with_camera().await?;
    let host = stage.app.page();
    host.press("settings").await?;
    host.choose("ask-before-entry").await?;
    host.press("close-sheet").await?;
    host.gone("close-sheet").await?;
    let link = stage.new_call().await?;

    // Not let in: nothing was seen, and the guest reads why.
    let chromium = Chromium::start(STAMPED).await?;
    chromium.join(&link, "Grace").await?;
    let guest = chromium.page();
    host.shown("knock").await?;
    assert!(host.read("knock").await?.contains("Grace"));
    guest.shown("leave").await?;
    stage.picture("waiting-knock").await?;
    chromium.picture("guest-knocking").await?;
    guest.gone("remote-video").await?;
    host.gone("remote-video").await?;
    host.press("deny").await?;
    assert_eq!(refused(guest).await?, "denied");
    chromium.picture("guest-denied").await?;
    host.gone("knock").await?;

    // Asked again and let in: both see each other.
    guest.press("call-again").await?;
    guest.press("join").await?;
    host.press("admit").await?;
    stage.sees(&chromium).await?;
    host.gone("knock").await?;

    // The same four words at both ends.
    host.press("verify").await?;
    guest.press("verify").await?;
    let words = host.read("words").await?;
    assert_eq!(words.split_whitespace().count(), 4, "{words}");
    assert_eq!(guest.read("words").await?, words);
    stage.picture("call-words").await?;
    chromium.picture("guest-words").await?;
    host.press("close-panel").await?;
    guest.press("close-panel").await?;

    // A line each way: told at the closed chat, marked as arrived.
    host.press("chat-toggle").await?;
    host.write(
        "chat-input",
        "Hello <b>Grace</b> https://example.org/?a=1&b=2",
    )
    .await?;
    host.press("chat-send").await?;
    guest.shown("chat-unread").await?;
    guest.press("chat-toggle").await?;
    has_chat_line(guest, "Hello <b>Grace</b> https://example.org/?a=1&b=2").await?;
    guest.gone("chat-unread").await?;
    guest.write("chat-input", "Hello Ada").await?;
    guest.press("chat-send").await?;
    has_chat_line(host, "Hello Ada").await?;
    stage.picture("call-chat").await?;
    chromium.picture("guest-chat").await?;
    host.press("close-panel").await?;

    // Locked: somebody else does not even get to the door.
    host.press("people-toggle").await?;
    host.press("lock").await?;
    host.shown("locked").await?;
    stage.picture("call-people").await?;
    guest.shown("locked").await?;
    guest.press("close-panel").await?;
    guest.press("people-toggle").await?;
    chromium.picture("guest-people").await?;
    let other = Chromium::start(STAMPED).await?;
    other.join(&link, "Mallory").await?;
    let code = other.page().error().await?;
    assert_eq!(code, "locked");
    other.picture("guest-locked").await?;

    // Sent away.
    host.press("remove").await?;
    host.press("remove-confirm").await?;
    assert_eq!(refused(guest).await?, "removed");
    chromium.picture("guest-removed").await?;
    host.shown("link").await?;
    Ok(())
}
