//! A relay that cannot be trusted may stop a call, but it can neither hear it nor pose in it.

use ahoy_tests::{
    SOON,
    call::AhoyCall,
    chromium::{Camera, Chromium},
    hostile::{self, HostileRelay, Meddler, Way},
    need::{Part, lacks},
    relay::Relay,
};
use anyhow::Result;

/// The guest is reached by way of a relay that meddles: nothing is seen or heard, and both ends say why.
async fn both_ends_refuse(meddler: Box<Meddler>) -> Result<()> {
    let relay = Relay::start().await?;
    let between = HostileRelay::start(relay.url(), meddler).await?;
    let host = AhoyCall::start(relay.url(), &[])?;
    let link = between.through(&host.link().await?);
    let mut guest = AhoyCall::start(&link, &[])?;
    for end in [&guest, &host] {
        end.event_where("error not_authentic", SOON, |event| {
            event["event"] == "error" && event["code"] == "not_authentic"
        })
        .await?;
    }
    assert_eq!(guest.exit().await?, 5);
    assert!(between.meddled() > 0);
    for end in [&guest, &host] {
        assert!(!end.has("first_frame"), "media came through");
    }
    Ok(())
}

#[tokio::test]
async fn a_changed_answer_is_refused() -> Result<()> {
    both_ends_refuse(hostile::change_sdp(Way::Up)).await
}

#[tokio::test]
async fn a_changed_offer_is_refused() -> Result<()> {
    both_ends_refuse(hostile::change_sdp(Way::Down)).await
}

#[tokio::test]
async fn a_signal_replayed_to_the_guest_is_refused() -> Result<()> {
    both_ends_refuse(hostile::replay(Way::Down)).await
}

#[tokio::test]
async fn a_signal_replayed_to_the_host_is_refused() -> Result<()> {
    both_ends_refuse(hostile::replay(Way::Up)).await
}

#[tokio::test]
async fn a_relay_that_poses_as_the_host_is_refused() -> Result<()> {
    both_ends_refuse(hostile::pose_as_host()).await
}

#[tokio::test]
async fn signals_of_the_host_without_its_signature_are_refused() -> Result<()> {
    both_ends_refuse(hostile::unsigned()).await
}

#[tokio::test]
async fn a_relay_in_between_that_changes_nothing_is_not_noticed() -> Result<()> {
    let relay = Relay::start().await?;
    let between = HostileRelay::start(relay.url(), hostile::honest()).await?;
    let host = AhoyCall::start(relay.url(), &[])?;
    let guest = AhoyCall::start(&between.through(&host.link().await?), &[])?;
    host.event("first_frame").await?;
    guest.event("first_frame").await?;
    assert_eq!(between.meddled(), 0);
    Ok(())
}

#[tokio::test]
async fn a_link_with_another_secret_is_refused_at_both_ends() -> Result<()> {
    let relay = Relay::start().await?;
    let host = AhoyCall::start(relay.url(), &[])?;
    let link = host.link().await?;
    let (address, secret) = link.split_once('#').unwrap_or((&link, ""));
    let other = if secret.starts_with('A') { "B" } else { "A" };
    let mut guest = AhoyCall::start(&format!("{address}#{other}{}", &secret[1..]), &[])?;
    for end in [&guest, &host] {
        end.event_where("error not_authentic", SOON, |event| {
            event["event"] == "error" && event["code"] == "not_authentic"
        })
        .await?;
    }
    assert_eq!(guest.exit().await?, 5);
    assert!(!guest.has("first_frame") && !host.has("first_frame"));
    Ok(())
}

#[tokio::test]
async fn a_guest_in_chromium_behind_a_relay_that_meddles_reads_not_authentic() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    for meddler in [
        hostile::change_sdp(Way::Down),
        hostile::replay(Way::Down),
        hostile::pose_as_host(),
        hostile::unsigned(),
    ] {
        let relay = Relay::start().await?;
        let between = HostileRelay::start(relay.url(), meddler).await?;
        let host = AhoyCall::start(relay.url(), &[])?;
        let chromium = Chromium::start(Camera::Fake).await?;
        chromium
            .join(&between.through(&host.link().await?), "Grace")
            .await?;
        let code = chromium.explain(chromium.page().error().await).await?;
        assert_eq!(code, "not_authentic");
        host.event_where("error not_authentic", SOON, |event| {
            event["code"] == "not_authentic"
        })
        .await?;
        assert!(!host.has("first_frame"), "media came through");
    }
    Ok(())
}
