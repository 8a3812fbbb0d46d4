//! Two `ahoy-call` through the relay.

use std::{path::Path, process::Command};

use ahoy_tests::{
    call::AhoyCall,
    need::{Part, lacks},
    programs,
    relay::Relay,
    stamp, tone, y4m,
};
use anyhow::{Context as _, Result, ensure};

use crate::AUDIBLE_DB;

/// The samples of a WAV file: its `data` chunk, 16 bit, first channel only.
pub(crate) fn wav(file: &Path) -> Result<Vec<f32>> {
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    ensure!(
        bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WAVE"),
        "no WAV file"
    );
    let number = |at: usize| -> Result<usize> {
        let bytes = bytes
            .get(at..at + 4)
            .context("a WAV file that is cut off")?;
        Ok(u32::from_le_bytes(bytes.try_into()?) as usize)
    };
    let (mut at, mut channels) = (12, 1);
    loop {
        let name = bytes.get(at..at + 4).context("no data in the WAV file")?;
        let length = number(at + 4)?;
        let body = at + 8;
        match name {
            b"fmt " => channels = (number(body)? >> 16).max(1),
            b"data" => {
                let end = (body + length).min(bytes.len());
                let all = tone::samples(&bytes[body..end]);
                return Ok(all.into_iter().step_by(channels).collect());
            }
            _ => {}
        }
        at = body + length + length % 2;
    }
}

/// A call with this codec, recorded at the guest's end, is a film with sound.
async fn film_with(codec: &str, name: &str) -> Result<()> {
    if lacks(&[Part::Ffmpeg]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let (film, sound) = (
        folder.path().join("film.y4m"),
        folder.path().join("sound.wav"),
    );
    let relay = Relay::start().await?;
    let mut host = AhoyCall::start(relay.url(), &["--codec", codec, "--probe"])?;
    let link = host.link().await?;
    let mut guest = AhoyCall::start(
        &link,
        &[
            "--codec",
            codec,
            "--probe",
            "--record",
            film.to_str().context("a path that is text")?,
            "--record-audio",
            sound.to_str().context("a path that is text")?,
        ],
    )?;
    for end in [&host, &guest] {
        end.event("connected").await?;
        end.event("first_frame").await?;
        let peer = end
            .peer_stats("three seconds of pictures and sound", |peer| {
                let video = &peer["receive"]["video"];
                video["frames_decoded"].as_u64() > Some(90)
                    && peer["receive"]["audio"]["level_db"].as_f64() > Some(AUDIBLE_DB)
            })
            .await?;
        assert_eq!(peer["receive"]["video"]["codec"], name, "{peer}");
        assert_eq!(peer["send"]["video"]["codec"], name, "{peer}");
        let latency = peer["receive"]["video"]["latency_ms"]["p50"].as_f64();
        assert!(
            latency.is_some_and(|ms| (0.0..5_000.0).contains(&ms)),
            "{peer}"
        );
    }
    host.hang_up().await?;
    assert_eq!(guest.exit().await?, 0);

    let stamps: Vec<u32> = y4m::read(&film, 300)?
        .iter()
        .filter_map(|picture| stamp::read(&picture.luma))
        .collect();
    assert!(stamps.len() > 60, "only {} stamps decode", stamps.len());
    // A recording keeps its rate and repeats a picture where a new one is late.
    assert!(stamps.is_sorted(), "{stamps:?}");
    let moves = stamps.windows(2).filter(|pair| pair[1] > pair[0]).count();
    assert!(moves > 40, "{stamps:?}");
    let sound = wav(&sound)?;
    let level = tone::level_db(&sound[sound.len() / 2..], 48_000.0, 440.0);
    // It was sent at -20; what a busy machine loses on the way is filled with something quieter.
    assert!((-32.0..-16.0).contains(&level), "440 Hz at {level} dB");
    plays(&film)
}

#[tokio::test]
async fn sound_and_picture_come_in_step() -> Result<()> {
    let relay = Relay::start().await?;
    let host = AhoyCall::start(relay.url(), &["--probe"])?;
    let guest = AhoyCall::start(&host.link().await?, &["--probe"])?;
    for end in [&host, &guest] {
        let mut lines = 0;
        end.peer_stats("five seconds in step within 40 ms", |peer| {
            let apart = peer["receive"]["audio"]["av_offset_ms"].as_f64();
            let in_step = apart.is_some_and(|ms| ms.abs() <= 40.0);
            lines = if in_step { lines + 1 } else { 0 };
            lines == 5
        })
        .await?;
    }
    Ok(())
}

/// ffmpeg decodes the whole file without a word of complaint.
fn plays(file: &Path) -> Result<()> {
    let ffmpeg = programs::installed("ffmpeg").context("ffmpeg is missing")?;
    let output = Command::new(ffmpeg)
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(["-f", "null", "-"])
        .output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && words.is_empty(),
        "ffmpeg says: {words}"
    );
    Ok(())
}

#[tokio::test]
async fn two_ahoys_call_each_other_in_vp8() -> Result<()> {
    film_with("vp8", "VP8").await
}

#[tokio::test]
async fn two_ahoys_call_each_other_in_vp9() -> Result<()> {
    film_with("vp9", "VP9").await
}

#[tokio::test]
async fn by_itself_ahoy_sends_vp9_and_the_guest_may_hang_up() -> Result<()> {
    let relay = Relay::start().await?;
    let mut host = AhoyCall::start(relay.url(), &[])?;
    let mut guest = AhoyCall::start(&host.link().await?, &[])?;
    for end in [&host, &guest] {
        let peer = end
            .peer_stats("pictures", |peer| {
                peer["receive"]["video"]["frames_decoded"].as_u64() > Some(10)
            })
            .await?;
        assert_eq!(peer["receive"]["video"]["codec"], "VP9");
    }
    guest.hang_up().await?;
    let left = host.event("peer_left").await?;
    assert_eq!(left["reason"], "hang_up");
    host.event("ended").await?;
    assert_eq!(host.exit().await?, 0);
    Ok(())
}

#[tokio::test]
async fn an_ahoy_that_is_gone_without_a_word_is_missed() -> Result<()> {
    let relay = Relay::start().await?;
    let host = AhoyCall::start(relay.url(), &[])?;
    let guest = AhoyCall::start(&host.link().await?, &[])?;
    host.event("first_frame").await?;
    guest.event("first_frame").await?;
    guest.process().kill()?;
    host.event("peer_left").await?;
    Ok(())
}
