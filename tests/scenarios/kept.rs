//! What the app keeps from one start to the next, and what becomes of a file that it cannot use.

use std::{fs, net::TcpListener};

use ahoy_tests::{
    app::{Home, Instead},
    chromium::Chromium,
    need::lacks,
};
use anyhow::Result;

use crate::stage::{ALONE, PARTS, STAMPED, Stage, TEST_PICTURE, ended};

#[tokio::test]
async fn after_a_restart_a_recent_call_is_called_again_by_the_same_link() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let instead = Instead {
        video: TEST_PICTURE,
        ..Instead::default()
    };
    // Not the usual port, which others may use meanwhile.
    let home = Home::new()?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let settings = format!("{{\"version\":1,\"relay_port\":{port}}}");
    fs::write(home.kept("settings.json"), settings)?;
    let stage = Stage::open_at(home, instead).await?;
    let link = stage.new_call().await?;
    let chromium = Chromium::start(STAMPED).await?;
    chromium.join(&link, "Grace").await?;
    let guest = chromium.page();
    let host = stage.app.page();
    chromium
        .explain(host.moving_stamp("remote-video").await)
        .await?;
    host.press("hang-up").await?;
    assert_eq!(ended(host).await?, "by_me");
    assert_eq!(ended(guest).await?, "by_them");

    let home = stage.app.close().await?;
    let stage = Stage::open_at(home, instead).await?;
    let host = stage.app.page();
    assert!(host.read("recent").await?.contains("Grace"));
    host.press("call-recent").await?;
    assert_eq!(host.read("name").await?, "Ada");
    host.press("join").await?;
    assert_eq!(host.read("link").await?, link);
    guest.press("call-again").await?;
    guest.press("join").await?;
    stage.sees(&chromium).await?;
    host.press("hang-up").await?;
    assert_eq!(ended(host).await?, "by_me");

    // Forgotten is forgotten.
    host.press("back").await?;
    assert!(fs::read_to_string(stage.app.home().kept("recents.json"))?.contains("Grace"));
    host.press("forget-recents").await?;
    host.gone("recents").await?;
    Ok(())
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_set_aside_with_a_sentence_and_nothing_is_lost() -> Result<()>
{
    if lacks(&ALONE) {
        return Ok(());
    }
    let home = Home::new()?;
    let kept = |home: &Home, name: &str| fs::read_to_string(home.kept(name));
    let room = "a".repeat(26);
    let recents = serde_json::json!({ "version": 1, "next": 2, "calls": [{
        "id": 1, "name": "Grace", "at": 1_780_000_000_000_u64, "seconds": 61,
        "room": { "type": "theirs", "link": format!("https://example.org/r/{room}#ICEiIyQlJicoKSorLC0uLw") },
    }]})
    .to_string();
    fs::write(home.kept("recents.json"), &recents)?;
    fs::write(home.kept("settings.json"), "{ \"name\": ")?;

    // Rubbish: told, and all else is there.
    let stage = Stage::open_at(home, Instead::default()).await?;
    let page = stage.app.page();
    assert_eq!(page.error().await?, "settings_unreadable");
    assert_eq!(
        kept(stage.app.home(), "settings.broken.json")?,
        "{ \"name\": "
    );
    assert!(page.read("recent").await?.contains("Grace"));
    let told = page.read("error").await?;
    assert!(told.contains("The settings could not be read"), "{told}");
    assert!(told.contains("settings.broken.json"), "{told}");
    stage.picture("start-set-aside").await?;
    // The sentence is the window's own, so it is told in each language.
    page.press("settings").await?;
    page.choose("language-zh-CN").await?;
    page.press("close-sheet").await?;
    let told = page.read("error").await?;
    assert!(told.contains("设置无法读取"), "{told}");
    assert!(told.contains("settings.broken.json"), "{told}");

    // What was set since is there after a restart. Another version's calls are kept for that.
    let home = stage.app.close().await?;
    let newer = r#"{"version":99,"calls":{"new":"form"}}"#;
    fs::write(home.kept("recents.json"), newer)?;
    let instead = Instead {
        video: Some("file:/nowhere/film.y4m"),
        ..Instead::default()
    };
    let stage = Stage::open_at(home, instead).await?;
    let page = stage.app.page();
    assert_eq!(page.error().await?, "recents_version");
    let told = page.read("error").await?;
    assert!(told.contains("另一个版本"), "{told}");
    assert_eq!(kept(stage.app.home(), "recents.broken.json")?, newer);
    assert_eq!(
        page.run("return document.documentElement.lang", vec![])
            .await?,
        "zh-CN"
    );
    // A film in place of the camera, which is not there.
    page.press("dismiss-error").await?;
    page.gone("error").await?;
    page.press("new-call").await?;
    assert_eq!(page.error().await?, "file");
    stage.picture("lobby-camera-failed").await?;

    let home = stage.app.close().await?;
    let newer = r#"{"version":99,"name":"Ada","language":"zh-CN"}"#;
    fs::write(home.kept("settings.json"), newer)?;
    let stage = Stage::open_at(home, Instead::default()).await?;
    let page = stage.app.page();
    assert_eq!(page.error().await?, "settings_version");
    assert_eq!(kept(stage.app.home(), "settings.broken.json")?, newer);
    Ok(())
}
