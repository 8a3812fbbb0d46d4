//! A stranger in a call room that sends more than anybody can take: nobody loses a place, and who comes in then is
//! connected at once.

use std::time::Duration;

use ahoy_tests::{SOON, call::AhoyCall, member::Member, relay::Relay};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::time::{Instant, interval, sleep, timeout};

/// How long the stranger sends.
const FLOOD: Duration = Duration::from_secs(15);
/// How many signals a second it sends to each of the two.
const PER_SECOND: u32 = 100;
/// How long each of them is: with what is around it nearly as much as a message may hold.
const BODY_BYTES: usize = 63 * 1024;
/// How soon a guest that comes in meanwhile is connected.
const CONNECTED_WITHIN: Duration = Duration::from_secs(2);

/// What a stranger has done.
#[derive(Debug, Default)]
struct Sent {
    signals: usize,
    /// How often the relay closed its socket, so that it had to come in once more.
    thrown_out: usize,
}

/// Sends to each of these for as long as [`FLOOD`], and comes in again whenever the relay closes its socket.
async fn flood(relay: String, link: String, to: Vec<String>) -> Result<Sent> {
    let body = "x".repeat(BODY_BYTES);
    let (start, mut sent) = (Instant::now(), Sent::default());
    while start.elapsed() < FLOOD {
        let mut stranger = Member::connect(&relay).await?;
        let came_in = async {
            stranger.hello().await?;
            stranger.join(&link, "Stranger").await
        };
        if came_in.await.is_err() {
            sleep(Duration::from_millis(100)).await;
            continue;
        }
        let mut ticks = interval(Duration::from_secs(1) / PER_SECOND);
        'open: while start.elapsed() < FLOOD {
            ticks.tick().await;
            for peer in &to {
                if stranger.signal(peer, &body).await.is_err() {
                    sent.thrown_out += 1;
                    break 'open;
                }
                sent.signals += 1;
            }
            // What it is told it does not heed.
            while timeout(Duration::from_micros(200), stranger.next())
                .await
                .is_ok_and(|next| next.is_ok())
            {}
        }
    }
    Ok(sent)
}

/// Watches the room, and gives the first word of the relay that the host has left it.
async fn host_leaves(mut witness: Member, host: String) -> Result<Value> {
    loop {
        let message = match timeout(SOON, witness.next()).await {
            // Nothing has happened.
            Err(_) => continue,
            Ok(message) => message.context("the witness was thrown out")?,
        };
        let left = message["type"] == "left" && message["peer"] == host.as_str();
        if left || message["type"] == "room" && message["host"]["peer"] != host.as_str() {
            return Ok(message);
        }
    }
}

#[tokio::test]
async fn a_stranger_that_floods_a_room_costs_nobody_his_place() -> Result<()> {
    let relay = Relay::start().await?;
    let host = AhoyCall::start(relay.url(), &["--name", "Ada"])?;
    let link = host.link().await?;
    let guest = AhoyCall::start(&link, &["--name", "Grace"])?;
    for end in [&host, &guest] {
        end.event("first_frame").await?;
    }
    let guest_id = host.event("connected").await?["peer"].clone();
    let guest_id = guest_id.as_str().context("the guest's id")?.to_owned();

    let mut witness = Member::connect(relay.url()).await?;
    witness.hello().await?;
    witness.join(&link, "Witness").await?;
    let mut other = Member::connect(relay.url()).await?;
    other.hello().await?;
    other.join(&link, "Another").await?;
    let room = witness.next_of("room").await?;
    let host_id = room["host"]["peer"].as_str().context("the host's id")?;
    let host_id = host_id.to_owned();
    drop(other);
    let watched = tokio::spawn(host_leaves(witness, host_id.clone()));

    let mark = host.mark();
    let to = vec![host_id, guest_id.clone()];
    let flooding = tokio::spawn(flood(relay.url().to_owned(), link.clone(), to));
    sleep(FLOOD / 3).await;

    // Somebody comes in while the flood goes on.
    let start = Instant::now();
    let late = AhoyCall::start(&link, &["--name", "Hedy"])?;
    late.event("connected").await?;
    let connected = |event: &Value| event["event"] == "connected";
    host.event_after(mark, "connected", SOON, connected).await?;
    let took = start.elapsed();
    ensure!(!flooding.is_finished(), "the flood was over too soon");
    late.event("first_frame").await?;

    let sent = flooding.await??;
    println!("{sent:?}; the late guest was connected in {took:?}");
    ensure!(took < CONNECTED_WITHIN, "connected only after {took:?}");
    ensure!(
        sent.signals > 1000,
        "the stranger sent too little: {sent:?}"
    );
    if watched.is_finished() {
        let word = watched.await??;
        anyhow::bail!("the host lost its place: {word}");
    }
    for end in [&host, &guest] {
        end.peer_stats("pictures as before", |peer| {
            peer["receive"]["video"]["fps"].as_f64() > Some(10.0)
        })
        .await?;
        let left = end.events().find(|event| event["event"] == "peer_left" && event["peer"] == guest_id.as_str());
        ensure!(left.is_none(), "{left:?}");
    }
    assert_eq!(relay.stop().await?, 0);
    Ok(())
}
