//! The app at relays of strangers, with the small pages that meet there.

use ahoy_tests::{
    SOON,
    app::Instead,
    dialect::{Frame, Frames, Lobby, Through},
    need::lacks,
    relay::Relay,
    webdriver::Page,
};
use anyhow::Result;
use serde_json::Value;

use crate::{
    dialects::{lines_arrive, write},
    film::{FILM, Film, choose, says},
    stage::{ALONE, PARTS, Stage, ended, phase, settled},
};

/// Has the page in a frame count what comes to it from the relay.
const LISTEN: &str = "
    frame.contentWindow.eval('window.heard = 0; socket.addEventListener(\"message\", () => window.heard++)');
    return true";

/// From the start into the dialog, with an address and a shape.
async fn fill_in(page: &Page, url: &str, shape: &str) -> Result<()> {
    page.press("join-relay").await?;
    page.choose(&format!("relay-shape-{shape}")).await?;
    page.write("relay-url", url).await
}

/// From the start into the lobby.
async fn meet(page: &Page, url: &str, shape: &str) -> Result<()> {
    fill_in(page, url, shape).await?;
    page.press("relay-go").await?;
    page.shown("relay-card").await
}

/// Leaves the call, and goes back to the start.
async fn leave(page: &Page) -> Result<()> {
    page.press("hang-up").await?;
    assert_eq!(ended(page).await?, "by_me");
    page.press("back").await?;
    page.shown("new-call").await
}

/// What only rooms of Ahoy's have.
async fn pretends_nothing(page: &Page) -> Result<()> {
    page.shown("not-authenticated").await?;
    for part in [
        "link",
        "verify",
        "people-toggle",
        "lock",
        "remove",
        "viewer-count",
    ] {
        page.gone(part).await?;
    }
    Ok(())
}

/// A port that nobody listens on: it was free a moment ago.
fn nobody() -> Result<String> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port();
    Ok(format!("ws://127.0.0.1:{port}/"))
}

#[tokio::test]
async fn a_person_and_a_page_call_each_other_among_strangers() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let stage = Stage::with_camera().await?;
    let app = stage.app.page();
    let frames = Frames::open().await?;
    let lobby = Lobby::start(Through::Ahoy).await?;
    let relay = [("relay", lobby.url())];
    frames.load(Frame::Left, "/mutual", &relay).await?;
    frames
        .until(Frame::Left, "an ear", LISTEN, Value::Null)
        .await?;

    fill_in(app, lobby.url(), "both").await?;
    stage.picture("relay-join").await?;
    app.press("relay-go").await?;
    app.shown("self-video").await?;
    settled(app).await?;
    app.gone("name").await?;
    stage.picture("relay-lobby").await?;
    // So far the relay has heard nothing.
    let silent = "return frame.contentWindow.heard === 0";
    frames
        .until(Frame::Left, "silence", silent, Value::Null)
        .await?;
    app.press("join").await?;

    // The page sees the person, and shows nothing of its own yet.
    phase(app, "connected").await?;
    frames.press(Frame::Left, "call").await?;
    frames.sees(Frame::Left).await?;
    app.moving_stamp("remote-video").await?;
    stage.sound.hear_tone(440.0, -40.0).await?;
    let one = "return document.querySelectorAll('[data-testid=peer]').length === 1";
    app.until("one person", one, vec![]).await?;
    pretends_nothing(app).await?;
    app.gone("chat-toggle").await?;
    stage.picture("relay-call").await?;

    // Off and on again.
    app.press("toggle-camera").await?;
    app.until(
        "a camera that is off",
        "return ahoy.part('toggle-camera')?.ariaPressed === 'true'",
        vec![],
    )
    .await?;
    app.press("toggle-camera").await?;
    frames.sees(Frame::Left).await?;

    leave(app).await?;
    app.gone("recent").await?;
    // What was joined last stands there.
    app.press("join-relay").await?;
    assert_eq!(app.read("relay-url").await?, lobby.url());
    let chosen = "return ahoy.part('relay-shape-both')?.checked";
    app.until("the shape of before", chosen, vec![]).await?;
    Ok(())
}

#[tokio::test]
async fn a_person_shows_a_window_to_a_page_and_watches_one_that_shows() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let stage = Stage::open(Instead::default()).await?;
    let _film = Film::start(stage.display(), FILM)?;
    let app = stage.app.page();
    let frames = Frames::open().await?;
    let lobby = Lobby::start(Through::Ahoy).await?;
    let viewer = [
        ("role", "viewer"),
        ("id", "viewer one"),
        ("relay", lobby.url()),
    ];

    meet(app, lobby.url(), "broadcast").await?;
    choose(app, "Film").await?;
    stage.picture("relay-share-lobby").await?;
    app.press("join").await?;
    says(app, "viewer-count", "Nobody watches yet").await?;
    says(app, "status", "Film").await?;
    frames.load(Frame::Left, "/broadcast", &viewer).await?;
    frames.sees(Frame::Left).await?;
    says(app, "viewer-count", "1 viewer").await?;
    says(app, "viewer-list", "viewer one").await?;
    app.shown("not-authenticated").await?;
    for part in ["link", "lock", "remove"] {
        app.gone(part).await?;
    }
    stage.picture("relay-share").await?;
    app.press("pause-share").await?;
    says(app, "status", "Paused").await?;
    app.press("pause-share").await?;
    frames.sees(Frame::Left).await?;
    // A page that is closed says nothing, and is forgotten.
    frames.clear().await?;
    says(app, "viewer-count", "Nobody watches yet").await?;
    app.press("stop-share").await?;
    assert_eq!(ended(app).await?, "by_me");
    app.press("back").await?;

    // The other way round.
    let broadcaster = [("role", "broadcaster"), ("relay", lobby.url())];
    frames
        .load(Frame::Right, "/broadcast", &broadcaster)
        .await?;
    meet(app, lobby.url(), "view").await?;
    app.gone("self-video").await?;
    stage.picture("relay-watch-lobby").await?;
    app.press("join").await?;
    app.moving_stamp("remote-video").await?;
    pretends_nothing(app).await?;
    stage.picture("relay-watch").await?;
    leave(app).await
}

#[tokio::test]
async fn a_person_meets_pages_of_every_other_shape() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let stage = Stage::with_camera().await?;
    let app = stage.app.page();
    let frames = Frames::open().await?;
    let lobby = Lobby::start(Through::Ahoy).await?;
    let url = lobby.url();

    // Whoever is ready is called, and hears of the end.
    frames
        .load(Frame::Left, "/ready", &[("relay", url)])
        .await?;
    meet(app, url, "ready").await?;
    app.press("join").await?;
    app.moving_stamp("remote-video").await?;
    frames.sees(Frame::Left).await?;
    frames.press(Frame::Left, "hang-up").await?;
    assert_eq!(ended(app).await?, "by_them");
    app.press("back").await?;

    // One way from here.
    let receiver = [("role", "receive"), ("relay", url)];
    frames.load(Frame::Left, "/one-to-one", &receiver).await?;
    meet(app, url, "send").await?;
    app.press("join").await?;
    frames.sees(Frame::Left).await?;
    says(app, "peer", "Nothing comes from there").await?;
    stage.picture("relay-send").await?;
    leave(app).await?;

    // One way to here: nothing is open while it is waited for.
    meet(app, url, "receive").await?;
    app.gone("self-video").await?;
    app.press("join").await?;
    says(app, "cover", "Nobody has answered yet").await?;
    let sender = [("role", "send"), ("relay", url)];
    frames.load(Frame::Left, "/one-to-one", &sender).await?;
    app.moving_stamp("remote-video").await?;
    leave(app).await?;

    // By name.
    let bob = [("name", "bob"), ("relay", url)];
    frames.load(Frame::Left, "/targeted", &bob).await?;
    fill_in(app, url, "targeted").await?;
    app.write("relay-name", "ada").await?;
    app.write("relay-target", "bob").await?;
    app.press("relay-go").await?;
    app.press("join").await?;
    app.moving_stamp("remote-video").await?;
    frames.sees(Frame::Left).await?;
    leave(app).await?;
    frames.clear().await
}

#[tokio::test]
async fn a_person_writes_to_a_page_over_socket_io() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let stage = Stage::with_camera().await?;
    let app = stage.app.page();
    let frames = Frames::open().await?;
    for through in [Through::AhoySocketIo, Through::SocketIo] {
        let lobby = Lobby::start(through).await?;
        let relay = [("relay", lobby.url())];
        frames.load(Frame::Left, "/socketio", &relay).await?;
        meet(app, lobby.url(), "socket_io").await?;
        // Text is all that is sent.
        app.gone("self-video").await?;
        app.press("join").await?;
        app.press("chat-toggle").await?;
        app.write("chat-input", "from ahoy").await?;
        app.press("chat-send").await?;
        lines_arrive(&frames, Frame::Left, "from ahoy").await?;
        write(&frames, Frame::Left, "from the page").await?;
        says(app, "chat-lines", "from the page").await?;
        for part in ["chat-mark", "toggle-camera", "self-video"] {
            app.gone(part).await?;
        }
        if through == Through::AhoySocketIo {
            stage.picture("relay-chat").await?;
        }
        leave(app).await?;
        frames.clear().await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_goes_wrong_at_a_relay_of_strangers_is_said_in_words() -> Result<()> {
    if lacks(&ALONE) {
        return Ok(());
    }
    let stage = Stage::with_camera().await?;
    let app = stage.app.page();

    // What is no address leads nowhere.
    fill_in(app, "http://127.0.0.1:1/", "both").await?;
    says(app, "relay-bad", "ws:// or wss://").await?;
    let closed = "return ahoy.part('relay-go')?.disabled";
    app.until("no way in", closed, vec![]).await?;
    app.press("close-sheet").await?;
    app.gone("close-sheet").await?;

    // Nobody listens there.
    let nowhere = nobody()?;
    meet(app, &nowhere, "both").await?;
    app.press("join").await?;
    assert_eq!(ended(app).await?, "refused");
    assert_eq!(app.error().await?, "relay_unreachable");
    says(app, "error", &nowhere).await?;
    app.shown("call-again").await?;
    stage.picture("relay-unreachable").await?;
    app.press("back").await?;

    // Nobody vouches for it.
    let secure = Relay::start_with(&["--lobby", "--tls", "self-signed"]).await?;
    let url = secure.url().replacen("https", "wss", 1);
    meet(app, &url, "ready").await?;
    app.press("join").await?;
    assert_eq!(ended(app).await?, "refused");
    assert_eq!(app.error().await?, "relay_not_trusted");
    says(app, "error", "PIN").await?;
    app.press("back").await?;
    let pin = secure
        .process()
        .logged("pin", SOON, |line| {
            let (_, rest) = line.split_once("pin=\"")?;
            Some(rest.split_once('"')?.0.to_owned())
        })
        .await?;

    // With its PIN it is the right one; nobody is there, and after a while that is wondered about.
    meet(app, &format!("{url}/#{pin}"), "ready").await?;
    app.press("join").await?;
    phase(app, "waiting").await?;
    says(app, "waiting", "Nobody has answered yet").await?;
    says(app, "relay-late", "the other half").await?;
    stage.picture("relay-waiting").await?;
    leave(app).await?;

    // One that speaks something else.
    let lobby = Lobby::start(Through::SocketIo).await?;
    let plain = lobby.url().replacen("http", "ws", 1);
    meet(app, &plain, "both").await?;
    app.press("join").await?;
    assert_eq!(ended(app).await?, "refused");
    let words = app.read("error").await?;
    assert!(words.contains("no relay of this kind"), "{words}");
    Ok(())
}

#[tokio::test]
async fn a_relay_that_goes_away_is_looked_for_and_the_call_goes_on() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let mut relay = Relay::start_with(&["--lobby"]).await?;
    let url = format!("{}/", relay.url().replacen("http", "ws", 1));
    let stage = Stage::with_camera().await?;
    let app = stage.app.page();
    let frames = Frames::open().await?;
    frames
        .load(Frame::Left, "/ready", &[("relay", &url)])
        .await?;
    meet(app, &url, "ready").await?;
    app.press("join").await?;
    app.moving_stamp("remote-video").await?;
    relay.kill().await?;
    app.shown("relay-lost").await?;
    app.moving_stamp("remote-video").await?;
    frames.sees(Frame::Left).await?;
    let lost = "return frame.contentWindow.eval('socket.readyState') === 3";
    frames
        .until(
            Frame::Left,
            "the page's socket is closed",
            lost,
            Value::Null,
        )
        .await?;
    leave(app).await
}
