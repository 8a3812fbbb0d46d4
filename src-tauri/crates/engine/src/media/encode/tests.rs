//! The threads of an encoder, running.

use std::time::Duration;

use tokio::{sync::watch, time::timeout};

use super::*;
use crate::{
    convert::VP8_COLOR,
    frame::{I420Buffer, VideoFrame},
    media::now,
};

const SOON: Duration = Duration::from_secs(20);

fn settings(content: Content, audience: bool) -> EncoderSettings {
    EncoderSettings {
        codec: VideoCodec::Vp9,
        content,
        audience,
        fps: 30,
        epoch: now(),
    }
}

/// Noise, which is not sharp at once.
fn noise(seed: u32) -> VideoFrame {
    let mut buffer = I420Buffer::new(320, 240);
    let mut state = seed | 1;
    let [y, ..] = buffer.planes_mut();
    for pixel in y {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        *pixel = state as u8;
    }
    VideoFrame::new(buffer, VP8_COLOR, now())
}

async fn next(out: &mut VideoOut) -> Packets {
    let packets = timeout(SOON, out.packets.recv()).await;
    packets.expect("a picture soon").expect("a picture")
}

/// Processor time of the threads of this name so far.
#[cfg(target_os = "linux")]
fn used(name: &str) -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let used = tasks.filter_map(|task| {
        let task = task.ok()?.path();
        let is = std::fs::read_to_string(task.join("comm")).ok()?.trim() == name;
        let times = std::fs::read_to_string(task.join("schedstat")).ok()?;
        let first = times.split_whitespace().next()?.parse().ok()?;
        is.then(|| Duration::from_nanos(first))
    });
    used.sum()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn with_no_picture_or_nobody_who_looks_nothing_is_done() {
    let (pictures, latest) = watch::channel(Some(noise(1)));
    let encoder = Encoder::start(settings(Content::Screen, true), &latest).unwrap();
    let quiet = async || {
        let before = used("ahoy-encode");
        tokio::time::sleep(Duration::from_millis(600)).await;
        let used = used("ahoy-encode") - before;
        assert!(used < Duration::from_millis(100), "{used:?}");
    };
    let mut out = encoder.subscribe(Bitrate::kbps(300));
    next(&mut out).await;
    // It is not sharp yet, and a key frame is asked for; then there is nothing to see any more.
    out.request_key_frame();
    pictures.send_replace(None);
    quiet().await;
    pictures.send_replace(Some(noise(2)));
    next(&mut out).await;
    out.request_key_frame();
    drop(out);
    quiet().await;
    // It is there at once for the next one.
    let mut out = encoder.subscribe(Bitrate::kbps(300));
    assert!(next(&mut out).await.key_frame);
    encoder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_picture_is_younger_than_the_one_before() {
    let (pictures, latest) = watch::channel(None);
    let encoder = Encoder::start(settings(Content::Screen, true), &latest).unwrap();
    let mut out = encoder.subscribe(Bitrate::kbps(50_000));
    let mut last = None;
    // Captured some time before it comes, while the one before is compressed again and again.
    for seed in 0..40 {
        let picture = noise(seed);
        tokio::time::sleep(Duration::from_millis(20 + u64::from(seed % 7) * 10)).await;
        let captured = picture.captured;
        pictures.send_replace(Some(picture));
        loop {
            let packets = next(&mut out).await;
            assert!(last.is_none_or(|last| packets.captured > last));
            last = Some(packets.captured);
            if packets.captured >= captured {
                break;
            }
        }
    }
    encoder.stop().await;
}
