//! What a page, another program or another user of this computer may try on the app and on `ahoy-call`: links that the
//! user did not follow, names that are markup, floods of chat, arguments that anybody can read.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ahoy_tests::{
    SOON, app::Instead, call::AhoyCall, chromium::Chromium, need::lacks,
    notifications::Notifications, process::Process, programs, relay::Relay, webdriver::Page,
};
use anyhow::Result;
use serde_json::json;
use tokio::{net::TcpListener, process::Command, task::JoinHandle, time::timeout};

use crate::stage::{ALONE, PARTS, STAMPED, Stage, TEST_PICTURE, ended, nowhere, phase};

/// A port on loopback that counts who comes, says nothing to anybody and holds each.
struct Port {
    url: String,
    came: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Port {
    async fn open() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let came = Arc::new(AtomicUsize::new(0));
        let count = came.clone();
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                held.push(socket);
            }
        });
        Ok(Self { url, came, task })
    }

    /// A link to it.
    fn link(&self) -> String {
        nowhere(&self.url)
    }

    /// The address that the user has to see.
    fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// How many connections there were.
    fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits until the user is asked about a link to this address.
async fn asked(page: &Page, address: &str) -> Result<()> {
    page.shown("link-opened").await?;
    let is_it = "return ahoy.part('link-address')?.innerText === arguments[0]";
    page.until("the address", is_it, vec![json!(address)])
        .await?;
    Ok(())
}

/// Waits until a link to this address waits.
async fn waits(page: &Page, address: &str) -> Result<()> {
    let is_it = "return ahoy.part('waiting-link')?.innerText.includes(arguments[0])";
    page.until("a link that waits", is_it, vec![json!(address)])
        .await?;
    Ok(())
}

/// Whether a button of the lobby says that its device is off.
async fn is_off(page: &Page, button: &str) -> Result<bool> {
    page.shown(button).await?;
    let pressed = "return ahoy.part(arguments[0])?.ariaPressed === 'true'";
    Ok(page.run(pressed, vec![json!(button)]).await? == json!(true))
}

#[tokio::test]
async fn a_link_from_outside_is_asked_about_before_its_relay_hears_anything() -> Result<()> {
    if lacks(&ALONE) {
        return Ok(());
    }
    let (first, second) = (Port::open().await?, Port::open().await?);
    let stage = Stage::open(Instead {
        video: TEST_PICTURE,
        link: Some(&first.link()),
        ..Instead::default()
    })
    .await?;
    let page = stage.app.page();
    asked(page, first.address()).await?;
    stage.picture("link-opened").await?;
    page.press("dismiss-link").await?;
    page.shown("new-call").await?;

    // By a second start, as browsers do it; the newest counts.
    stage.app.open_again(&first.link()).await?;
    asked(page, first.address()).await?;
    stage.app.open_again(&second.link()).await?;
    asked(page, second.address()).await?;
    let name = format!(
        "ahoy://xn--80ak6aa92e.com/r/{}#AAECAwQFBgcICQoLDA0ODw",
        "a".repeat(26)
    );
    stage.app.open_again(&name).await?;
    asked(page, "xn--80ak6aa92e.com").await?;
    page.shown("link-international").await?;
    stage.picture("link-opened-alike").await?;
    stage.app.open_again(&second.link()).await?;
    asked(page, second.address()).await?;
    // What has been looked at took seconds, and nobody was spoken to.
    assert_eq!((first.came(), second.came()), (0, 0));

    page.press("open-link").await?;
    page.shown("looking").await?;
    let spoken_to = timeout(SOON, async {
        while second.came() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    spoken_to.await?;
    assert_eq!(first.came(), 0);
    page.press("back").await?;
    page.shown("new-call").await
}

#[tokio::test]
async fn what_a_link_from_outside_opens_has_camera_and_microphone_off() -> Result<()> {
    if lacks(&ALONE) {
        return Ok(());
    }
    let relay = Relay::start().await?;
    let call = AhoyCall::start(relay.url(), &["--name", "Mika"])?;
    let link = call.link().await?;
    let stage = Stage::with_camera().await?;
    let page = stage.app.page();
    stage.app.open_again(&link).await?;
    page.press("open-link").await?;
    page.shown("join").await?;
    assert!(is_off(page, "toggle-camera").await? && is_off(page, "toggle-mic").await?);
    // The microphone is not merely silent: nobody records.
    assert_eq!(stage.sound.recorders().await?, 0);
    stage.picture("lobby-opened").await?;

    // In the call nothing is captured either, until its user turns it on.
    page.press("join").await?;
    phase(page, "connected").await?;
    let peer = call.event("peer_joined").await?;
    assert_eq!(peer["name"], "");
    assert_eq!(stage.sound.recorders().await?, 0);
    page.press("toggle-mic").await?;
    stage.sound.recorded().await?;
    assert!(!call.has("first_frame"));
    page.press("toggle-camera").await?;
    call.event("first_frame").await?;
    page.press("hang-up").await?;
    assert_eq!(ended(page).await?, "by_me");
    Ok(())
}

#[tokio::test]
async fn a_link_from_outside_replaces_neither_a_lobby_nor_a_call() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let (first, second) = (Port::open().await?, Port::open().await?);
    let stage = Stage::with_camera().await?;
    let page = stage.app.page();

    // In a lobby.
    stage.lobby().await?;
    stage.app.open_again(&first.link()).await?;
    waits(page, first.address()).await?;
    page.gone("open-link").await?;
    stage.picture("lobby-link").await?;
    stage.app.open_again(&second.link()).await?;
    waits(page, second.address()).await?;
    page.press("dismiss-link").await?;
    page.gone("waiting-link").await?;

    // In a call, whose pictures go on.
    page.press("join").await?;
    let link = page.read("link").await?;
    let chromium = Chromium::start(STAMPED).await?;
    chromium.join(&link, "Grace").await?;
    stage.sees(&chromium).await?;
    stage.app.open_again(&first.link()).await?;
    waits(page, first.address()).await?;
    page.gone("open-link").await?;
    phase(page, "connected").await?;
    stage.sees(&chromium).await?;
    stage.picture("call-link").await?;
    // Its own link once more leads nowhere else.
    stage.app.open_again(&link).await?;
    waits(page, first.address()).await?;

    // How the call ended is seen, and the link can be opened from there.
    chromium.page().press("hang-up").await?;
    assert_eq!(ended(page).await?, "by_them");
    waits(page, first.address()).await?;
    stage.picture("ended-link").await?;
    assert_eq!((first.came(), second.came()), (0, 0));
    page.press("open-link").await?;
    page.shown("looking").await?;
    page.press("back").await?;
    page.shown("new-call").await?;
    assert_eq!(second.came(), 0);

    // What waits while its user leaves a lobby is asked about then.
    page.press("new-call").await?;
    stage.app.open_again(&second.link()).await?;
    waits(page, second.address()).await?;
    page.press("back").await?;
    asked(page, second.address()).await?;
    assert_eq!(second.came(), 0);
    Ok(())
}

#[tokio::test]
async fn a_name_that_is_markup_is_text_in_a_notification_and_in_the_window() -> Result<()> {
    const NAME: &str = "<b>x</b><img src=\"file:///etc/passwd\">";
    if lacks(&ALONE) {
        return Ok(());
    }
    let relay = Relay::start().await?;
    let stage = Stage::open(Instead {
        video: TEST_PICTURE,
        relay: Some(relay.url()),
        ..Instead::default()
    })
    .await?;
    let bus = stage.app.bus_address()?;
    let service = Notifications::start(&bus, true).await?;
    let page = stage.app.page();
    page.press("settings").await?;
    page.choose("ask-before-entry").await?;
    page.press("close-sheet").await?;
    page.gone("close-sheet").await?;
    let link = stage.new_call().await?;
    // Its user looks at something else.
    let _other = stage.look_away()?;

    let knocks = async |name: &str| -> Result<AhoyCall> {
        let guest = AhoyCall::start(&link, &["--name", name])?;
        guest.event("at_the_door").await?;
        Ok(guest)
    };
    let mut guest = knocks(NAME).await?;
    let shown = service.first(1).await?.remove(0);
    assert_eq!(
        shown.body,
        "&lt;b&gt;x&lt;/b&gt;&lt;img src=\"file:///etc/passwd\"&gt; asks to join your call."
    );
    assert_eq!(shown.summary, "Ahoy");
    assert!(page.read("knock").await?.contains(NAME));
    let secret = link.split('#').nth(1).unwrap_or_default();
    let room = link.split("/r/").nth(1).unwrap_or_default();
    for private in [secret, &room[..26]] {
        assert!(
            !private.is_empty() && !shown.all.contains(private),
            "{shown:?}"
        );
    }
    guest.hang_up().await?;
    page.gone("knock").await?;

    // Marks of direction, lines and what is not seen are none of a notification's.
    let _guest = knocks("\u{202e}evil\u{2066}\n\n\u{7}Ada\u{200b}").await?;
    let shown = service.first(2).await?.remove(1);
    assert_eq!(shown.body, "evil Ada asks to join your call.");

    // A service that shows its texts as they are gets them as they are.
    page.press("deny").await?;
    page.gone("knock").await?;
    service.stop().await?;
    let plain = Notifications::start(&bus, false).await?;
    let _guest = knocks(NAME).await?;
    let shown = plain.first(1).await?.remove(0);
    assert_eq!(shown.body, format!("{NAME} asks to join your call."));
    Ok(())
}

/// Sixty lines at once.
fn flood() -> Vec<String> {
    let line = |n| ["--chat".to_owned(), format!("line {n}")];
    (0..60).flat_map(line).collect()
}

/// Waits until a page shows that lines were left out, and gives how many there are.
async fn lines_left(page: &Page) -> Result<usize> {
    page.press("chat-toggle").await?;
    page.shown("chat-cut").await?;
    let count = "return document.querySelectorAll('[data-testid=chat-line]').length";
    let count = page.run(count, vec![]).await?;
    Ok(usize::try_from(count.as_u64().unwrap_or_default())?)
}

#[tokio::test]
async fn who_floods_the_chat_fills_neither_the_window_nor_a_guests_page() -> Result<()> {
    if lacks(&PARTS) {
        return Ok(());
    }
    let relay = Relay::start().await?;
    let flags = flood();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let stage = Stage::open(Instead {
        video: TEST_PICTURE,
        relay: Some(relay.url()),
        ..Instead::default()
    })
    .await?;
    let link = stage.new_call().await?;
    let page = stage.app.page();
    let _flooder = AhoyCall::start(&link, &flags)?;
    phase(page, "connected").await?;
    // Twenty at once, and some more where the line is slow.
    let lines = lines_left(page).await?;
    assert!((20..40).contains(&lines), "{lines}");
    stage.picture("call-chat-cut").await?;
    // The user can still write, and the call goes on.
    page.write("chat-input", "enough").await?;
    page.press("chat-send").await?;
    phase(page, "connected").await?;

    let flooder = AhoyCall::start(relay.url(), &flags)?;
    let chromium = Chromium::start(STAMPED).await?;
    chromium.join(&flooder.link().await?, "Grace").await?;
    let guest = chromium.page();
    chromium.explain(phase(guest, "connected").await).await?;
    let lines = chromium.explain(lines_left(guest).await).await?;
    assert!((20..40).contains(&lines), "{lines}");
    Ok(())
}

#[tokio::test]
async fn by_turn_only_a_call_without_a_turn_server_says_so_at_once() -> Result<()> {
    if lacks(&ALONE) {
        return Ok(());
    }
    let relay = Relay::start().await?;
    let host = AhoyCall::start(relay.url(), &[])?;
    let link = host.link().await?;
    for url in [&link, relay.url()] {
        let mut call = AhoyCall::start(url, &["--relay-only"])?;
        let error = call.event("error").await?;
        assert_eq!(error["code"], "turn_missing");
        assert!(
            error["message"]
                .as_str()
                .unwrap_or_default()
                .contains("TURN")
        );
        assert_eq!(call.exit().await?, 1);
        assert_eq!(
            call.last_event("ended").map(|it| it["reason"].clone()),
            Some(json!("turn_missing"))
        );
    }
    assert!(!host.has("peer_joined"), "nobody came into the room");

    let stage = Stage::with_camera().await?;
    let page = stage.app.page();
    page.press("settings").await?;
    page.choose("relay-only").await?;
    page.press("close-sheet").await?;
    page.gone("close-sheet").await?;
    stage.lobby().await?;
    page.press("join").await?;
    assert_eq!(ended(page).await?, "refused");
    assert_eq!(page.error().await?, "turn_missing");
    stage.picture("ended-turn-missing").await?;
    // It is kept, and turned off the call goes ahead.
    page.press("settings").await?;
    let kept = "return ahoy.part('relay-only')?.checked";
    page.until("the switch", kept, vec![]).await?;
    page.press("relay-only").await?;
    page.press("close-sheet").await?;
    page.gone("close-sheet").await?;
    page.press("call-again").await?;
    page.press("join").await?;
    page.read("link").await?;
    Ok(())
}

#[tokio::test]
async fn a_link_and_passwords_need_not_stand_where_other_users_read_them() -> Result<()> {
    let relay = Relay::start().await?;
    let folder = tempfile::tempdir()?;
    let (link_file, servers) = (folder.path().join("link"), folder.path().join("servers"));
    std::fs::write(&servers, "turn:127.0.0.1:9,ada,hush-hush\n")?;
    let binary = programs::built("ahoy-call")?;
    let quiet = "--json --video test --audio test --speaker none --ice-server-file \"$2\"";
    for how in ["--link-file \"$1\"", "- < \"$1\"", "--link-file - < \"$1\""] {
        let host = AhoyCall::start(relay.url(), &[])?;
        let link = host.link().await?;
        std::fs::write(&link_file, format!("{link}\n"))?;
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("exec \"$0\" {quiet} {how}"));
        command.arg(&binary).arg(&link_file).arg(&servers);
        let guest = Process::start("ahoy-call", command)?;
        host.event("connected").await?;
        let arguments = std::fs::read(format!("/proc/{}/cmdline", guest.pid()))?;
        let arguments = String::from_utf8_lossy(&arguments);
        assert!(arguments.contains("--json"), "{arguments}");
        for private in [link.as_str(), "hush-hush"] {
            assert!(!arguments.contains(private), "{arguments}");
        }
    }
    for (how, word) in [
        ("--link-file /not/there", "cannot be read"),
        ("--link-file /dev/zero", "more than 64 KiB"),
        ("- < /dev/null", "holds no link"),
    ] {
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!("exec \"$0\" --json {how}"))
            .arg(&binary);
        let mut call = Process::start("ahoy-call", command)?;
        let said = |line: &str| line.contains(word).then_some(());
        call.line(word, SOON, said).await?;
        assert_eq!(call.exit(SOON).await?, 2, "{how}");
    }
    Ok(())
}
