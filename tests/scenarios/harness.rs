//! The harness itself: what it says of a page must be so.

use std::time::Duration;

use ahoy_tests::{
    camera,
    chromium::{Camera, Chromium},
    need::{Part, lacks, skip},
    serve::Files,
    sound::SoundServer,
    stamp, y4m,
};
use anyhow::Result;

/// A page that shows and plays its own camera and microphone.
const MIRROR: &str =
    "<!doctype html><video data-testid=remote-video autoplay playsinline></video><script>
navigator.mediaDevices.getUserMedia({ video: true, audio: true }).then((stream) => {
  document.querySelector('video').srcObject = stream;
});</script>";

/// Serves the page on loopback, which browsers take for secure.
async fn mirror() -> Result<Files> {
    Files::serve([("/", ("text/html", MIRROR.into()))].into()).await
}

#[tokio::test]
async fn a_stamped_camera_shows_its_stamp_and_plays_its_tone() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let chromium = Chromium::start(Camera::Stamped {
        width: 640,
        height: 360,
        fps: 30,
    })
    .await?;
    let page = chromium.page();
    let files = mirror().await?;
    page.goto(&files.url("/")).await?;
    chromium
        .explain(page.moving_stamp("remote-video").await)
        .await?;
    // 440 Hz at -20 dBFS has a root mean square of -23 dBFS.
    let level = chromium.explain(page.sound_above(-26.0).await).await?;
    assert!(level < -20.0, "{level}");
    Ok(())
}

#[tokio::test]
async fn a_clip_for_the_fake_camera_is_decoded_from_the_page() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("clip.y4m");
    y4m::write(&clip, &stamp::clip(640, 360, 60, 1_000_000))?;
    let chromium = Chromium::start(Camera::File(clip)).await?;
    let page = chromium.page();
    let files = mirror().await?;
    page.goto(&files.url("/")).await?;
    chromium
        .explain(page.moving_stamp("remote-video").await)
        .await?;
    Ok(())
}

#[tokio::test]
async fn the_sound_servers_microphone_and_speaker_carry_a_tone() -> Result<()> {
    if lacks(&[Part::Sound]) {
        return Ok(());
    }
    let sound = SoundServer::start().await?;
    let _voice = sound.speak(440.0, 0.1)?;
    sound.connect_microphone_to_speaker().await?;
    let level = sound.hear_tone(440.0, -25.0).await?;
    assert!(level < -15.0, "{level}");
    Ok(())
}

#[tokio::test]
async fn the_emulated_machine_has_a_camera() -> Result<()> {
    if lacks(&[Part::Emulator]) {
        return Ok(());
    }
    if !cfg!(target_arch = "x86_64") {
        skip("the emulated machine is an x86-64 one");
        return Ok(());
    }
    let machine = camera::run(
        &[],
        "cat /sys/class/video4linux/video0/name; test -c /dev/video0",
        Duration::from_secs(150),
    )
    .await?;
    assert_eq!(
        (machine.code, machine.stdout.contains("vivid")),
        (0, true),
        "{}{}",
        machine.stdout,
        machine.stderr
    );
    Ok(())
}
