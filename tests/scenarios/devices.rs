//! Camera and sound through the real drivers.

use std::time::Duration;

use ahoy_tests::{
    SOON,
    call::AhoyCall,
    camera,
    need::{Part, lacks, skip},
    relay::Relay,
    sound::SoundServer,
    y4m,
};
use anyhow::{Context as _, Result};

use crate::AUDIBLE_DB;

/// A call inside the emulated machine. The host has the camera, which was left at an odd rate. One guest records what it
/// sees; another watches while the camera is pulled, plugged in, and stalls. Last somebody else wants the camera, and
/// gets it when the host goes.
const CAMERA_CALL: &str = r#"
fail() { echo "$1" >&2; kill $relay $host $first $guest $late 2> /dev/null; exit 1; }
# Tries a command until it succeeds.
until_it() { what=$1; shift; echo "waiting for $what"; for i in $(seq 300); do "$@" && return; sleep 0.3; done; fail "never: $what"; }
has() { grep -q "$1" "$2" 2> /dev/null; }
link() { sed -n 's/.*"url":"\([^"]*\)".*/\1/p' $1 | head -n 1; }
# Of the one who sends pictures: the others have none.
frames() { grep -o '"frames_decoded":[0-9]*' $1 | cut -d : -f 2 | sort -n | tail -n 1; }
more_than() { test "$(frames $2)" -gt $1 2> /dev/null; }
# The last three lines of statistics say the same.
stands_still() { test "$(grep -o '"frames_decoded":[0-9]*' $1 | tail -n 3 | sort -u | wc -l)" = 1; }
flows() { more=$(($(frames $1) + 5)); until_it "pictures in $1 $2" more_than $more $1; }
call() { exec ./ahoy-call "$@" --json --audio none --speaker none; }
own() { call http://127.0.0.1:3002 --video camera --codec vp8 --width 640 --height 360 --fps 10; }
watch() { call "$1" --video none --no-decode; }

./camera odd_rate
./ahoy-relay --listen 127.0.0.1:3002 > relay.txt 2>&1 &
relay=$!
until_it "a relay" has listening relay.txt
./ahoy-call --devices --json > devices.txt
own > host.txt 2> host.err &
host=$!
until_it "a link" has '"link"' host.txt
call "$(link host.txt)" --video none --fps 5 --record seen.y4m > first.txt 2> first.err &
first=$!
until_it "ten pictures" more_than 9 first.txt
watch "$(link host.txt)" > second.txt 2> second.err &
guest=$!
until_it "pictures" more_than 5 second.txt
# The host's call is over when nobody else is left in it.
kill -INT $first
wait $first || fail "the first guest's end"

./camera unplug
until_it "word of the missing camera" has '"camera_missing"' host.txt
until_it "the picture's end" stands_still second.txt
./camera plug
flows second.txt "after it was plugged in"
./camera stall
until_it "word of the stalled camera" has '"camera_failed"' host.txt
./camera go_on
flows second.txt "after it had stalled"

own > late.txt 2> late.err &
late=$!
until_it "word of the busy camera" has '"camera_busy"' late.txt
kill -INT $host
wait $host || fail "the host's end"
kill -INT $guest
wait $guest
watch "$(link late.txt)" > third.txt 2> third.err &
guest=$!
until_it "pictures of who waited" more_than 5 third.txt
kill -INT $late
wait $late || fail "the late one's end"
"#;

#[tokio::test]
async fn a_camera_is_seen_pulled_plugged_in_stalled_and_handed_on() -> Result<()> {
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
        Duration::from_secs(220),
    )
    .await?;
    let text = |name: &str| std::fs::read_to_string(machine.file(name)).unwrap_or_default();
    let said: String = ["host", "first", "second", "late", "third"]
        .iter()
        .map(|end| {
            let (out, err) = (text(&format!("{end}.txt")), text(&format!("{end}.err")));
            format!("{end}: {out}{err}\n")
        })
        .collect();
    assert_eq!(
        machine.code, 0,
        "{}{}\n{said}",
        machine.stdout, machine.stderr
    );
    assert!(machine.stdout.contains("rate 2/25"), "{}", machine.stdout);
    assert!(
        text("devices.txt").contains("vivid"),
        "{}",
        text("devices.txt")
    );
    let pictures = y4m::read(&machine.file("seen.y4m"), 100).with_context(|| said.clone())?;
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
    // Each fault is told once, however often the camera was tried meanwhile.
    let codes = |name: &str| -> Vec<String> {
        text(name)
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|event| event["event"] == "error")
            .filter_map(|event| event["code"].as_str().map(str::to_owned))
            .collect()
    };
    assert_eq!(
        codes("host.txt"),
        ["camera_missing", "camera_failed"],
        "{said}"
    );
    assert_eq!(codes("late.txt"), ["camera_busy"], "{said}");
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

/// Two ends with devices of a sound server, which is left to each of them to choose: the host is heard at the guest's.
async fn heard(sound: &SoundServer, relay: &Relay) -> Result<(AhoyCall, AhoyCall)> {
    let host = AhoyCall::start_with(
        relay.url(),
        &["--video", "none", "--audio", "mic", "--speaker", "none"],
        sound.environment(),
    )?;
    let guest = AhoyCall::start_with(
        &host.link().await?,
        &["--video", "none", "--audio", "none", "--speaker", "default"],
        sound.environment(),
    )?;
    guest.event("connected").await?;
    Ok((host, guest))
}

#[tokio::test]
async fn sound_comes_back_by_itself_after_the_sound_server_was_killed() -> Result<()> {
    if lacks(&[Part::Sound]) {
        return Ok(());
    }
    let mut sound = SoundServer::start().await?;
    let voice = sound.speak(440.0, 0.2)?;
    let relay = Relay::start().await?;
    let (host, guest) = heard(&sound, &relay).await?;
    sound.hear_tone(440.0, -30.0).await?;

    sound.kill()?;
    let silent = |peer: &serde_json::Value| {
        let audio = &peer["receive"]["audio"];
        // The stream goes on: what is silent is not taken for lost.
        audio["level_db"].as_f64() < Some(AUDIBLE_DB) && audio["kbps"].as_f64() > Some(0.0)
    };
    guest.peer_stats("silence", silent).await?;
    let told = host
        .event_where("an error", SOON, |event| event["event"] == "error")
        .await?;
    let code = told["code"].as_str().unwrap_or_default();
    assert!(code.starts_with("microphone_"), "{told}");
    // Whoever waits for a server does not spin.
    for end in [&host, &guest] {
        let mark = end.mark();
        let idle = end
            .event_after(mark, "statistics", SOON, |event| event["event"] == "stats")
            .await?;
        assert!(idle["cpu"].as_f64() < Some(0.5), "{idle}");
    }

    drop(voice);
    sound.start_again().await?;
    let _voice = sound.speak(440.0, 0.2)?;
    sound.hear_tone(440.0, -30.0).await?;
    guest
        .peer_stats("the voice", |peer| {
            peer["receive"]["audio"]["level_db"].as_f64() > Some(AUDIBLE_DB)
        })
        .await?;
    let connections = guest.events().filter(|event| event["event"] == "connected");
    assert_eq!(connections.count(), 1, "the same connection all the time");
    assert!(
        host.errors()
            .iter()
            .all(|code| code.starts_with("microphone_"))
    );
    assert_eq!(guest.errors(), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn who_chose_no_microphone_and_no_speaker_follows_the_systems_choice() -> Result<()> {
    if lacks(&[Part::Sound]) {
        return Ok(());
    }
    let sound = SoundServer::start().await?;
    let _voice = sound.speak(440.0, 0.2)?;
    let relay = Relay::start().await?;
    let (host, guest) = heard(&sound, &relay).await?;
    sound.hear_tone(440.0, -30.0).await?;
    sound.plug_in_headset().await?;
    sound.prefer_headset().await?;
    let _other = sound.speak_into("headset_mouth", 1000.0, 0.2)?;
    sound.hear_tone_from("headset", 1000.0, -30.0).await?;
    let connections = guest.events().filter(|event| event["event"] == "connected");
    assert_eq!(connections.count(), 1, "the same connection all the time");
    assert_eq!(host.errors(), [""; 0]);
    assert_eq!(guest.errors(), [""; 0]);
    Ok(())
}
