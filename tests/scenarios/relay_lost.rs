//! A relay that dies takes no call with it.

use ahoy_tests::{SOON, call::AhoyCall, relay::Relay};
use anyhow::{Context as _, Result};
use serde_json::Value;

/// Two `ahoy-call` in a call, and their relay.
struct Call {
    relay: Relay,
    host: AhoyCall,
    guest: AhoyCall,
}

impl Call {
    async fn start() -> Result<Self> {
        let relay = Relay::start().await?;
        let host = AhoyCall::start(relay.url(), &[])?;
        let guest = AhoyCall::start(&host.link().await?, &[])?;
        for end in [&host, &guest] {
            end.event("first_frame").await?;
        }
        Ok(Self { relay, host, guest })
    }

    /// Both ends get `count` pictures more.
    async fn goes_on(&self, count: u64) -> Result<()> {
        for end in [&self.host, &self.guest] {
            let now = decoded(
                &end.peer_stats("pictures", |peer| decoded(peer).is_some())
                    .await?,
            );
            let then = now.context("a count")? + count;
            end.peer_stats("more pictures", |peer| decoded(peer) >= Some(then))
                .await?;
        }
        Ok(())
    }

    /// Nobody was missed and no connection was made again.
    fn is_the_first(&self) {
        for end in [&self.host, &self.guest] {
            let count = |name: &str| end.events().filter(|event| event["event"] == name).count();
            assert_eq!(
                (count("peer_left"), count("first_frame"), count("connected")),
                (0, 1, 1)
            );
            assert_eq!(end.errors(), [""; 0]);
        }
    }
}

fn decoded(peer: &Value) -> Option<u64> {
    peer["receive"]["video"]["frames_decoded"].as_u64()
}

#[tokio::test]
async fn a_relay_that_is_killed_and_comes_back_is_not_noticed() -> Result<()> {
    let mut call = Call::start().await?;
    call.relay.kill().await?;
    call.goes_on(60).await?;
    let marks = [call.host.mark(), call.guest.mark()];
    call.relay.start_again().await?;
    for (end, mark) in [&call.host, &call.guest].into_iter().zip(marks) {
        end.event_after(mark, "ready once more", SOON, |event| {
            event["event"] == "ready"
        })
        .await?;
    }
    call.goes_on(60).await?;
    call.is_the_first();
    // The room is there again: somebody else can come.
    let link = call.host.link().await?;
    let third = AhoyCall::start(&link, &[])?;
    third.event("first_frame").await?;
    Ok(())
}

#[tokio::test]
async fn a_call_goes_on_while_the_relay_stays_away() -> Result<()> {
    let mut call = Call::start().await?;
    call.relay.kill().await?;
    // Ten seconds: longer than any patience with a peer that says nothing.
    call.goes_on(300).await?;
    call.is_the_first();
    call.guest.hang_up().await?;
    let left = call.host.event("peer_left").await?;
    assert_eq!(left["reason"], "hang_up");
    assert_eq!(call.host.exit().await?, 0);
    Ok(())
}
