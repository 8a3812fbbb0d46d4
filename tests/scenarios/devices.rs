//! Camera and sound through the real drivers.

use std::time::Duration;

use ahoy_tests::{
    call::AhoyCall,
    camera,
    need::{Part, lacks, skip},
    relay::Relay,
    sound::SoundServer,
    y4m,
};
use anyhow::{Context as _, Result};

/// A call inside the emulated machine: one end has the camera, the other records what it sees.
const CAMERA_CALL: &str = r#"
./ahoy-relay --listen 127.0.0.1:3002 > relay.txt 2>&1 &
for i in $(seq 100); do grep -q listening relay.txt && break; sleep 0.2; done
./ahoy-call --devices --json > devices.txt
./ahoy-call http://127.0.0.1:3002 --json --video camera --audio none --speaker none --codec vp8 > host.txt 2> host.err &
host=$!
for i in $(seq 200); do grep -q '"link"' host.txt && break; sleep 0.2; done
link=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' host.txt | head -n 1)
./ahoy-call "$link" --json --video none --audio none --speaker none --record seen.y4m > guest.txt 2> guest.err &
guest=$!
for i in $(seq 500); do
  grep -Eq '"frames_decoded":([1-9][0-9]+)' guest.txt && break
  sleep 0.2
done
kill -INT $guest
wait $guest
code=$?
kill -INT $host
wait $host
exit $code
"#;

#[tokio::test]
async fn the_camera_of_an_emulated_machine_is_seen_at_the_other_end() -> Result<()> {
    if lacks(&[Part::Emulator]) {
        return Ok(());
    }
    if !cfg!(target_arch = "x86_64") {
        skip("the emulated machine is an x86-64 one");
        return Ok(());
    }
    let machine = camera::run(
        &["ahoy-relay", "ahoy-call"],
        CAMERA_CALL,
        Duration::from_secs(200),
    )
    .await?;
    let text = |name: &str| std::fs::read_to_string(machine.file(name)).unwrap_or_default();
    let said = format!(
        "host: {}{}\nguest: {}{}",
        text("host.txt"),
        text("host.err"),
        text("guest.txt"),
        text("guest.err")
    );
    assert_eq!(
        machine.code, 0,
        "{}{}\n{said}",
        machine.stdout, machine.stderr
    );
    assert!(
        text("devices.txt").contains("vivid"),
        "{}",
        text("devices.txt")
    );
    let pictures = y4m::read(&machine.file("seen.y4m"), 100).context(said)?;
    assert!(pictures.len() >= 5, "only {} pictures", pictures.len());
    // The driver's test picture: bars from white to black, and a counter that runs.
    let last = &pictures[pictures.len() - 1].luma;
    let (least, most) = last
        .pixels
        .iter()
        .fold((255, 0), |(a, b), pixel| (a.min(*pixel), b.max(*pixel)));
    assert!(most - least > 120, "brightness from {least} to {most}");
    assert!(
        pictures.windows(2).any(|pair| pair[0].luma != pair[1].luma),
        "a still"
    );
    Ok(())
}

#[tokio::test]
async fn a_tone_in_at_one_ends_microphone_comes_out_of_the_others_speaker() -> Result<()> {
    if lacks(&[Part::Sound]) {
        return Ok(());
    }
    let sound = SoundServer::start().await?;
    let _voice = sound.speak(440.0, 0.2)?;
    let relay = Relay::start().await?;
    let host = AhoyCall::start_with(
        relay.url(),
        &["--video", "none", "--audio", "mic", "--speaker", "none"],
        sound.environment(),
    )?;
    let link = host.link().await?;
    let guest = AhoyCall::start_with(
        &link,
        &["--video", "none", "--audio", "none", "--speaker", "Speaker"],
        sound.environment(),
    )?;
    host.event("connected").await?;
    guest.event("connected").await?;
    let level = sound.hear_tone(440.0, -30.0).await?;
    assert!(level < 0.0, "{level}");
    assert_eq!(host.errors(), [""; 0]);
    assert_eq!(guest.errors(), [""; 0]);
    Ok(())
}
