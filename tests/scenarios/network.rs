//! The computer falls asleep, or moves to another network: the call comes back by itself.

use ahoy_tests::{
    SOON,
    call::AhoyCall,
    need::{Part, lacks},
    network::{HOME, Travel},
    relay::Relay,
};
use anyhow::{Context as _, Result};
use serde_json::Value;

fn decoded(peer: &Value) -> Option<u64> {
    peer["receive"]["video"]["frames_decoded"].as_u64()
}

/// The end gets 60 pictures more than it had when it was asked. A connection that was made anew counts from zero.
async fn goes_on(end: &AhoyCall) -> Result<()> {
    let mut first = None;
    end.peer_stats("pictures that go on", |peer| {
        let Some(now) = decoded(peer) else {
            return false;
        };
        let from = first.map_or(now, |from: u64| from.min(now));
        first = Some(from);
        now >= from + 60 && peer["receive"]["video"]["fps"].as_f64() > Some(20.0)
    })
    .await?;
    Ok(())
}

/// It was told of nothing.
fn is_undisturbed(end: &AhoyCall) {
    let told: Vec<Value> = end
        .events()
        .filter(|event| {
            ["error", "ended"]
                .iter()
                .any(|name| event["event"] == *name)
        })
        .collect();
    assert_eq!(told, Vec::<Value>::new());
}

#[tokio::test]
async fn a_computer_that_moves_to_another_network_stays_in_its_call() -> Result<()> {
    if lacks(&[Part::Network]) {
        return Ok(());
    }
    let travel = Travel::new()?;
    let relay = Relay::start_on(&travel.home, HOME).await?;
    let host = AhoyCall::start_on(&travel.home, relay.url(), &[])?;
    let guest = AhoyCall::start_on(&travel.away, &host.link().await?, &[])?;
    for end in [&host, &guest] {
        end.event("first_frame").await?;
        goes_on(end).await?;
    }
    travel.roam()?;
    for end in [&host, &guest] {
        goes_on(end).await?;
        is_undisturbed(end);
    }
    Ok(())
}

#[tokio::test]
async fn a_computer_that_was_asleep_comes_back_into_its_call() -> Result<()> {
    let relay = Relay::start().await?;
    let host = AhoyCall::start(relay.url(), &[])?;
    let guest = AhoyCall::start(&host.link().await?, &[])?;
    for end in [&host, &guest] {
        end.event("first_frame").await?;
    }
    guest.process().freeze()?;
    // Not a moment only: until the other end's figures, one line a second, have told of no picture eight times.
    let mut silent = 0;
    host.event_after(host.mark(), "a picture that stands still", SOON, |event| {
        let fps = event["peers"][0]["receive"]["video"]["fps"].as_f64();
        silent = if fps == Some(0.0) { silent + 1 } else { 0 };
        silent == 8
    })
    .await
    .context("asleep")?;
    guest.process().thaw()?;
    for end in [&host, &guest] {
        goes_on(end).await?;
        is_undisturbed(end);
    }
    Ok(())
}
