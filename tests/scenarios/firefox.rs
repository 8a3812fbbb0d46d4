//! A guest in Firefox, which has an engine for calls of its own.

use ahoy_tests::{
    app::Instead,
    call::AhoyCall,
    firefox::Firefox,
    need::{Part, lacks},
    relay::Relay,
    sound::SoundServer,
};
use anyhow::Result;

use crate::{
    consent::has_chat_line,
    guest::{picture_is_fresh, sound_is_heard},
    stage::{Stage, TEST_PICTURE, ended},
};

#[tokio::test]
async fn ahoy_and_a_guest_in_firefox_see_and_hear_each_other() -> Result<()> {
    if lacks(&[Part::Firefox, Part::Sound]) {
        return Ok(());
    }
    let relay = Relay::start().await?;
    let mut call = AhoyCall::start(relay.url(), &["--probe", "--name", "Ada"])?;
    let link = call.link().await?;
    let sound = SoundServer::start().await?;
    let firefox = Firefox::start(&sound, true).await?;
    firefox.join(&link, "Grace").await?;

    let page = firefox.page();
    page.moving_stamp("remote-video").await?;
    sound.hear_tone(440.0, -40.0).await?;
    assert_eq!(call.event("peer_joined").await?["name"], "Grace");
    call.event("first_frame").await?;
    call.peer_stats("a stamp that decodes", picture_is_fresh)
        .await?;
    call.peer_stats("sound", sound_is_heard).await?;

    // What the guest turns off is off here, and the guest hangs up.
    page.press("toggle-mic").await?;
    call.peer_stats("silence", |peer| !sound_is_heard(peer))
        .await?;
    page.press("hang-up").await?;
    page.shown("ended").await?;
    call.event("ended").await?;
    assert_eq!(call.exit().await?, 0);
    assert_eq!(call.errors(), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_guest_in_firefox_knocks_compares_words_chats_and_is_hung_up_on() -> Result<()> {
    if lacks(&[Part::Display, Part::Firefox, Part::Sound, Part::Ffmpeg]) {
        return Ok(());
    }
    // Without TLS: nobody is there to accept the certificate that the app made for itself.
    let stage = Stage::open(Instead {
        video: TEST_PICTURE,
        relay: Some("this_computer"),
        ..Instead::default()
    })
    .await?;
    let host = stage.app.page();
    stage.lobby().await?;
    host.choose("ask-before-entry").await?;
    host.press("join").await?;
    let link = host.read("link").await?;

    let firefox = Firefox::start(&stage.sound, true).await?;
    firefox.join(&link, "Grace").await?;
    let guest = firefox.page();
    guest.shown("leave").await?;
    assert!(host.read("knock").await?.contains("Grace"));
    guest.gone("remote-video").await?;
    host.press("admit").await?;
    host.moving_stamp("remote-video").await?;
    guest.moving_stamp("remote-video").await?;

    host.press("verify").await?;
    guest.press("verify").await?;
    let words = host.read("words").await?;
    assert_eq!(words.split_whitespace().count(), 4, "{words}");
    assert_eq!(guest.read("words").await?, words);
    host.press("close-panel").await?;
    guest.press("close-panel").await?;

    host.press("chat-toggle").await?;
    host.write("chat-input", "Hello <b>Grace</b>").await?;
    host.press("chat-send").await?;
    guest.shown("chat-unread").await?;
    guest.press("chat-toggle").await?;
    has_chat_line(guest, "Hello <b>Grace</b>").await?;
    guest.write("chat-input", "Hello Ada").await?;
    guest.press("chat-send").await?;
    has_chat_line(host, "Hello Ada").await?;
    for page in [host, guest] {
        let delivered = "return ahoy.part('chat-mark')?.dataset.delivered === 'true'";
        page.until("word that it arrived", delivered, vec![])
            .await?;
    }

    host.press("hang-up").await?;
    assert_eq!(ended(host).await?, "by_me");
    assert_eq!(ended(guest).await?, "by_them");
    Ok(())
}
