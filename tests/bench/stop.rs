//! From the wish to stop until the last picture's packet has arrived, by what an interface counts.

use std::time::{Duration, Instant};

use ahoy_tests::{
    call::AhoyCall,
    network::{HOME, Travel},
    relay::Relay,
};
use anyhow::{Context as _, Result};

/// How often the interface is looked at, and how long.
const LOOK_EVERY: Duration = Duration::from_millis(2);
const LOOK_FOR: Duration = Duration::from_secs(2);
/// Before the wish, so that it is known that packets are seen.
const BEFORE: Duration = Duration::from_millis(500);
/// Packets of pictures are larger than this; last words are not.
const LARGE: u64 = 800;

/// Bytes and packets that the interface of a process's computer has taken in.
fn taken(pid: i32) -> Result<(u64, u64)> {
    let all = std::fs::read_to_string(format!("/proc/{pid}/net/dev"))?;
    let line = all
        .lines()
        .find_map(|line| line.trim().strip_prefix("one:"))
        .context("no such interface")?;
    let mut numbers = line.split_whitespace().map(str::parse::<u64>);
    let (bytes, packets) = (numbers.next(), numbers.next());
    Ok((bytes.context("bytes")??, packets.context("packets")??))
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn now() -> Instant {
    Instant::now()
}

/// One broadcast that is stopped: ms until the last packet of a picture.
pub(crate) async fn stop() -> Result<f64> {
    let travel = Travel::new()?;
    let relay = Relay::start_on(&travel.home, HOME).await?;
    let show = [
        "--as",
        "broadcaster",
        "--video",
        "test:1280x720@30",
        "--bitrate",
        "4000",
    ];
    let mut host = AhoyCall::start_on(&travel.home, relay.url(), &show)?;
    let link = host.link().await?;
    let watch = ["--as", "viewer", "--no-decode"];
    let viewer = AhoyCall::start_on(&travel.away, &link, &watch)?;
    let runs = |peer: &serde_json::Value| peer["receive"]["video"]["kbps"].as_f64() > Some(2000.0);
    viewer.peer_stats("two Mbit/s of pictures", runs).await?;
    let pid = viewer.process().pid();
    let watching = std::thread::spawn(move || -> Result<Option<Instant>> {
        let (begun, mut before, mut last) = (now(), taken(pid)?, None);
        while now() - begun < LOOK_FOR {
            std::thread::sleep(LOOK_EVERY);
            // Who watches ends with the broadcast.
            let Ok(after) = taken(pid) else { break };
            let (bytes, packets) = (after.0 - before.0, after.1 - before.1);
            if packets > 0 && bytes / packets >= LARGE {
                last = Some(now());
            }
            before = after;
        }
        Ok(last)
    });
    tokio::time::sleep(BEFORE).await;
    let begun = now();
    host.hang_up().await?;
    let last = tokio::task::spawn_blocking(|| watching.join());
    let last = last.await?.map_err(|_| anyhow::anyhow!("it panicked"))??;
    let last = last.context("no packets were seen")?;
    let after = last.saturating_duration_since(begun);
    Ok(after.as_secs_f64() * 1000.0)
}
