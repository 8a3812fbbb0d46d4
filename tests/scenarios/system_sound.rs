//! What one end's computer plays, at the other.

use ahoy_tests::{
    call::AhoyCall,
    need::{Part, lacks},
    relay::Relay,
    sound::{RATE, SoundServer},
    tone,
};
use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{AUDIBLE_DB, two_ahoys::wav};

fn level(peer: &Value) -> Option<f64> {
    peer["receive"]["audio"]["level_db"].as_f64()
}

async fn audible(guest: &AhoyCall, what: &str) -> Result<()> {
    guest
        .peer_stats(what, |peer| level(peer) > Some(AUDIBLE_DB))
        .await?;
    Ok(())
}

async fn silent(guest: &AhoyCall, what: &str) -> Result<()> {
    guest
        .peer_stats(what, |peer| {
            level(peer).is_some_and(|level| level < AUDIBLE_DB)
        })
        .await?;
    Ok(())
}

#[tokio::test]
async fn what_other_programs_play_is_heard_and_the_call_itself_is_not() -> Result<()> {
    if lacks(&[Part::Sound]) {
        return Ok(());
    }
    let mut sound = SoundServer::start().await?;
    let folder = tempfile::tempdir()?;
    let recorded = folder.path().join("sound.wav");
    let relay = Relay::start().await?;
    let host = AhoyCall::start_with(
        relay.url(),
        &[
            "--video",
            "none",
            "--audio",
            "system",
            "--speaker",
            "default",
        ],
        sound.environment(),
    )?;
    let file = recorded.to_str().context("a path that is text")?;
    let mut guest = AhoyCall::start(
        &host.link().await?,
        &["--video", "none", "--record-audio", file],
    )?;
    // The host's speaker plays the guest's tone; nothing of it comes back.
    sound.hear_tone(440.0, -40.0).await?;
    silent(&guest, "silence while only the call plays").await?;

    let song = sound.speak_into("speaker", 1000.0, 0.2)?;
    audible(&guest, "a program that plays").await?;
    drop(song);
    silent(&guest, "silence after it").await?;

    // Another output is the default from now on: what plays there is heard, and what plays on the old one is not.
    sound.plug_in_headset().await?;
    sound.prefer_headset().await?;
    sound.hear_tone_from("headset", 440.0, -40.0).await?;
    let _old = sound.speak_into("speaker", 300.0, 0.2)?;
    sound.hear_tone(300.0, -40.0).await?;
    silent(&guest, "silence on the other output").await?;
    let _new = sound.speak_into("headset", 700.0, 0.2)?;
    audible(&guest, "a program on the other output").await?;
    assert_eq!(host.errors(), [""; 0]);

    // The server dies and comes back.
    sound.kill()?;
    let told = host.event("error").await?;
    assert_eq!(told["code"], "system_sound_failed", "{told}");
    sound.start_again().await?;
    let _again = sound.speak_into("speaker", 1000.0, 0.2)?;
    audible(&guest, "a program of the new server").await?;
    assert!(
        host.errors()
            .iter()
            .all(|code| code == "system_sound_failed")
    );
    guest.hang_up().await?;

    let heard = wav(&recorded)?;
    let most = |frequency: f64, samples: usize| {
        heard
            .chunks_exact(samples)
            .map(|part| tone::level_db(part, RATE as f64, frequency))
            .fold(f64::MIN, f64::max)
    };
    // It was played at -14 dB, and no longer than until it was heard.
    for frequency in [1000.0, 700.0] {
        let level = most(frequency, RATE / 10);
        assert!(
            (-24.0..-10.0).contains(&level),
            "{frequency} Hz at {level} dB"
        );
    }
    for frequency in [440.0, 300.0] {
        let level = most(frequency, RATE);
        assert!(level < -50.0, "{frequency} Hz at {level} dB");
    }
    Ok(())
}
