//! A member of a call room that sends more than anybody can take: nobody loses a place, and a guest who comes in
//! meanwhile is connected at once.

use std::{iter::repeat_n, time::Duration};

use ahoy_tests::{SOON, call::AhoyCall, member::Member, relay::Relay, slow_line::SlowLine};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::time::{Instant, interval, sleep, timeout};

/// How long the member sends.
const FLOOD: Duration = Duration::from_secs(15);
/// How many signals it sends to each of the two, one after the other, at the beginning of each second.
const EACH_SECOND: usize = 100;
/// How long each of them is: with what is around it nearly as much as a message may hold.
const BODY_BYTES: usize = 46 * 1024;
/// How much the host's line brings to it in a second: 8 Mbit.
const LINE: u32 = 1_000_000;
/// How soon a guest that comes in meanwhile is connected.
const CONNECTED_WITHIN: Duration = Duration::from_secs(2);

/// What the member has done.
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
        let mut member = Member::connect(&relay).await?;
        let came_in = async {
            member.hello().await?;
            member.join(&link, "Mallory").await
        };
        if came_in.await.is_err() {
            sleep(Duration::from_millis(100)).await;
            continue;
        }
        let mut seconds = interval(Duration::from_secs(1));
        'open: while start.elapsed() < FLOOD {
            seconds.tick().await;
            for peer in to.iter().flat_map(|peer| repeat_n(peer, EACH_SECOND)) {
                if member.signal(peer, &body).await.is_err() {
                    sent.thrown_out += 1;
                    break 'open;
                }
                sent.signals += 1;
                // What it is told it does not heed.
                while let Ok(told) = timeout(Duration::ZERO, member.next()).await {
                    if told.is_err() {
                        sent.thrown_out += 1;
                        break 'open;
                    }
                }
            }
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
async fn a_member_that_floods_a_room_costs_nobody_their_place() -> Result<()> {
    let mut relay = Relay::start().await?;
    let line = SlowLine::start(relay.url(), LINE).await?;
    // A proof for one port of this computer is not taken at another, unless the relay is told that it is reached there.
    relay.kill().await?;
    relay
        .start_again_with(&["--public-url", &line.url()])
        .await?;
    let host = AhoyCall::start(&line.url(), &["--name", "Ada"])?;
    let link = line.around(&host.link().await?);
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
    let mark = host.mark();
    let to = vec![host_id.clone(), guest_id.clone()];
    let flooding = flood(relay.url().to_owned(), link.clone(), to);
    let coming = async {
        sleep(FLOOD / 3).await;
        let start = Instant::now();
        let late = AhoyCall::start(&link, &["--name", "Hedy"])?;
        late.event("connected").await?;
        host.event_after(mark, "connected", SOON, |event| {
            event["event"] == "connected"
        })
        .await?;
        let took = start.elapsed();
        late.event("first_frame").await?;
        anyhow::Ok((late, took))
    };
    let (sent, (_late, took)) = tokio::select! {
        word = host_leaves(witness, host_id) => bail!("the host lost its place: {}", word?),
        done = async { tokio::try_join!(flooding, coming) } => done?,
    };
    println!("{sent:?}; the late guest was connected in {took:?}");
    ensure!(took < CONNECTED_WITHIN, "connected only after {took:?}");
    ensure!(sent.signals > 1000, "the member sent too little: {sent:?}");
    for end in [&host, &guest] {
        end.peer_stats("pictures as before", |peer| {
            peer["receive"]["video"]["fps"].as_f64() > Some(10.0)
        })
        .await?;
        let left = end
            .events()
            .find(|event| event["event"] == "peer_left" && event["peer"] == guest_id.as_str());
        ensure!(left.is_none(), "{left:?}");
    }
    assert_eq!(relay.stop().await?, 0);
    Ok(())
}
