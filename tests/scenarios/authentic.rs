//! A relay that cannot be trusted may stop a call, but it can neither hear it nor pose in it.

use ahoy_tests::{
    SOON,
    call::AhoyCall,
    chromium::{Camera, Chromium},
    hostile::{self, HostileRelay, Meddler, Way, with_other_secret},
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
async fn a_changed_signal_to_the_host_is_refused() -> Result<()> {
    both_ends_refuse(hostile::change_signals(Way::Up)).await
}

#[tokio::test]
async fn a_changed_signal_to_the_guest_is_refused() -> Result<()> {
    both_ends_refuse(hostile::change_signals(Way::Down)).await
}

/// The relay sends each signal of one direction twice. An end that is not connected yet refuses; one that is drops what
/// is repeated, for no relay ends a call whose media flows. Which of both it is depends on when the copy arrives.
async fn replayed_signals_change_nothing(way: Way) -> Result<()> {
    let relay = Relay::start().await?;
    let between = HostileRelay::start(relay.url(), hostile::replay(way)).await?;
    let host = AhoyCall::start(relay.url(), &[])?;
    let link = between.through(&host.link().await?);
    let mut guest = AhoyCall::start(&link, &[])?;
    for end in [&guest, &host] {
        let outcome = |event: &serde_json::Value| {
            event["event"] == "first_frame" || event["code"] == "not_authentic"
        };
        end.event_where("first_frame or not_authentic", SOON, outcome)
            .await?;
    }
    assert!(between.meddled() > 0);
    if host.has("error") || guest.has("error") {
        assert_eq!(guest.exit().await?, 5);
        assert!(!host.has("first_frame") && !guest.has("first_frame"));
        return Ok(());
    }
    for end in [&guest, &host] {
        let flows = |peer: &serde_json::Value| {
            peer["receive"]["video"]["frames_decoded"].as_u64() > Some(60)
        };
        end.peer_stats("pictures", flows).await?;
        assert!(!end.has("peer_left") && !end.has("error") && !end.has("reconnecting"));
    }
    guest.hang_up().await?;
    host.event("peer_left").await?;
    Ok(())
}

#[tokio::test]
async fn a_signal_replayed_to_the_guest_changes_nothing() -> Result<()> {
    replayed_signals_change_nothing(Way::Down).await
}

#[tokio::test]
async fn a_signal_replayed_to_the_host_changes_nothing() -> Result<()> {
    replayed_signals_change_nothing(Way::Up).await
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
async fn a_relay_that_renames_the_host_is_refused() -> Result<()> {
    both_ends_refuse(hostile::rename("host")).await
}

#[tokio::test]
async fn a_relay_that_renames_the_guest_is_refused() -> Result<()> {
    let relay = Relay::start().await?;
    let between = HostileRelay::start(relay.url(), hostile::rename("peers")).await?;
    let host = AhoyCall::start(relay.url(), &[])?;
    let mut guest = AhoyCall::start(&between.through(&host.link().await?), &[])?;
    let code = |event: &serde_json::Value| event["code"] == "not_authentic";
    guest.event_where("error not_authentic", SOON, code).await?;
    assert_eq!(guest.exit().await?, 5);
    assert!(between.meddled() > 0 && !host.has("first_frame"));
    Ok(())
}

#[tokio::test]
async fn a_relay_cannot_open_a_hosts_room_at_another_relay() -> Result<()> {
    let relay = Relay::start().await?;
    // It hands the challenge of another relay on to its own host, and the host's proof to that relay.
    let between = HostileRelay::forwarding(relay.url()).await?;
    let mut host = AhoyCall::start(&between.url(), &[])?;
    let code = |event: &serde_json::Value| event["code"] == "bad_message";
    host.event_where("error bad_message", SOON, code).await?;
    assert_eq!(host.exit().await?, 5);
    assert!(!host.has("link"));
    Ok(())
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
async fn a_guest_whose_link_has_another_secret_is_refused_and_the_host_goes_on() -> Result<()> {
    let relay = Relay::start().await?;
    let host = AhoyCall::start(relay.url(), &[])?;
    let link = host.link().await?;
    let mut guest = AhoyCall::start(&with_other_secret(&link), &[])?;
    let code = |event: &serde_json::Value| event["code"] == "not_authentic";
    guest.event_where("error not_authentic", SOON, code).await?;
    assert_eq!(guest.exit().await?, 5);
    let friend = AhoyCall::start(&link, &[])?;
    friend.event("first_frame").await?;
    host.event("first_frame").await?;
    assert!(!guest.has("first_frame") && !host.has("error"));
    Ok(())
}

#[tokio::test]
async fn a_guest_in_chromium_behind_a_relay_that_meddles_reads_not_authentic() -> Result<()> {
    if lacks(&[Part::Chromium]) {
        return Ok(());
    }
    for meddler in [
        hostile::change_signals(Way::Down),
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
