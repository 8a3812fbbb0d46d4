//! What programs write into their logs. That no log of any scenario holds an address, a description, a payload or a secret
//! is looked at wherever a program ends (`ahoy_tests::leak`).

use ahoy_tests::{call::AhoyCall, relay::Relay};
use anyhow::Result;

#[tokio::test]
async fn one_that_only_sends_answers_and_has_nothing_to_log() -> Result<()> {
    let relay = Relay::start().await?;
    let mut host = AhoyCall::start(relay.url(), &[])?;
    // The host was there first and offers both ways.
    let mut sender = AhoyCall::start(&host.link().await?, &["--as", "send"])?;
    host.event("first_frame").await?;
    for _ in 0..3 {
        host.peer_stats("pictures that come", |peer| {
            peer["receive"]["video"]["fps"].as_f64() > Some(10.0)
        })
        .await?;
    }
    let peer = sender.peer_stats("any", |_| true).await?;
    assert_eq!(peer["receive"]["video"]["kbps"], 0.0, "nobody asked for it");
    assert!(!sender.has("first_frame"));
    sender.hang_up().await?;
    host.hang_up().await?;
    for call in [&sender, &host] {
        assert_eq!(call.process().stderr(), [""; 0]);
    }
    assert_eq!(relay.stop().await?, 0);
    Ok(())
}
