//! Rubbish, by accident or on purpose: a clear error, and nobody else notices.

use ahoy_tests::{SOON, call::AhoyCall, member::Member, relay::Relay};
use anyhow::{Context as _, Result};
use serde_json::json;

#[tokio::test]
async fn a_link_that_is_cut_in_half_is_told_as_such() -> Result<()> {
    let relay = Relay::start().await?;
    let host = AhoyCall::start(relay.url(), &[])?;
    let link = host.link().await?;
    for length in [link.len() - 8, link.find('#').context("a secret")?] {
        let mut guest = AhoyCall::start(&link[..length], &[])?;
        let error = guest.event("error").await?;
        assert_eq!(error["code"], "bad_link", "{error}");
        assert_eq!(guest.exit().await?, 2);
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_link_at_all_is_a_matter_of_usage() -> Result<()> {
    for text in ["hello", "http://example.org", "ftp://example.org/r/x", ""] {
        let mut call = AhoyCall::start(text, &[])?;
        assert_eq!(call.exit().await?, 2, "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn a_room_that_is_not_there_is_told_as_such() -> Result<()> {
    let relay = Relay::start().await?;
    let link = format!(
        "{}/r/{}#AAECAwQFBgcICQoLDA0ODw",
        relay.url(),
        "a".repeat(26)
    );
    let mut guest = AhoyCall::start(&link, &[])?;
    let error = guest.event("error").await?;
    assert_eq!(error["code"], "not_found");
    assert_eq!(guest.exit().await?, 5);
    Ok(())
}

#[tokio::test]
async fn a_relay_that_is_not_there_is_told_as_such() -> Result<()> {
    let relay = Relay::start().await?;
    let url = relay.url().to_owned();
    assert_eq!(relay.stop().await?, 0);
    let mut call = AhoyCall::start(&url, &[])?;
    let error = call.event("error").await?;
    assert_eq!(error["code"], "relay_unreachable");
    assert_eq!(call.exit().await?, 4);
    Ok(())
}

/// A member with the right link says this; the host must stand it and take the next guest.
async fn the_host_stands(bodies: &[String]) -> Result<()> {
    let relay = Relay::start().await?;
    let host = AhoyCall::start(relay.url(), &[])?;
    let link = host.link().await?;
    for body in bodies {
        let mut member = Member::connect(relay.url()).await?;
        member.hello().await?;
        member.join(&link, "Mallory").await?;
        // The host was there first and offers.
        let offer = member.next_of("signal").await?;
        let from = offer["from"].as_str().context("a sender")?;
        member.signal(from, body).await?;
        member.say(json!({ "type": "leave" }).to_string()).await?;
        drop(member);
    }
    let guest = AhoyCall::start(&link, &[])?;
    let mark = host.mark();
    guest.event("first_frame").await?;
    host.event_after(mark, "first_frame", SOON, |event| {
        event["event"] == "first_frame"
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn descriptions_of_rubbish_from_a_member_are_stood() -> Result<()> {
    let description =
        |kind: &str, sdp: &str| json!({ "description": { "type": kind, "sdp": sdp } }).to_string();
    the_host_stands(&[
        description("answer", "rubbish"),
        description("answer", ""),
        description(
            "answer",
            "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 X 96\r\n",
        ),
        description("offer", &"a=\r\n".repeat(10_000)),
        description("pranswer", "v=0"),
    ])
    .await
}

#[tokio::test]
async fn candidates_of_rubbish_from_a_member_are_stood() -> Result<()> {
    let candidate = |text: &str| {
        json!({ "candidate": { "candidate": text, "sdpMid": "7", "sdpMLineIndex": 65535 } })
            .to_string()
    };
    the_host_stands(&[
        candidate("rubbish"),
        candidate("candidate:1 1 udp 99999999999 256.1.1.1 99999 typ host"),
        candidate("candidate:1 1 udp 1 nobody.invalid 9 typ host"),
        candidate(&"candidate:".repeat(5_000)),
        json!({ "candidate": 7 }).to_string(),
    ])
    .await
}

#[tokio::test]
async fn bodies_of_rubbish_from_a_member_are_stood() -> Result<()> {
    the_host_stands(&[
        "not JSON".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        json!({ "unknown": 1 }).to_string(),
        json!({ "bye": "hang_up", "candidate": null }).to_string(),
        "[".repeat(30_000),
    ])
    .await
}

#[tokio::test]
async fn a_relay_under_rubbish_keeps_its_calls_going() -> Result<()> {
    let relay = Relay::start().await?;
    let host = AhoyCall::start(relay.url(), &[])?;
    let guest = AhoyCall::start(&host.link().await?, &[])?;
    host.event("first_frame").await?;
    guest.event("first_frame").await?;

    let room = "a".repeat(26);
    let nonce = "A".repeat(22);
    let join =
        json!({ "type": "join", "room": room, "role": "caller", "name": "x", "nonce": nonce })
            .to_string();
    for text in [
        "not JSON".to_owned(),
        "x".repeat(1024 * 1024),
        json!({ "type": "unknown" }).to_string(),
        json!({ "type": "join", "room": "../../etc", "role": "caller", "name": "", "nonce": nonce }).to_string(),
        json!({ "type": "signal", "to": "a".repeat(16), "seq": 1, "body": "{}", "mac": "A".repeat(43) }).to_string(),
        join.clone(),
    ] {
        let mut member = Member::connect(relay.url()).await?;
        member.hello().await?;
        // The relay may close the socket for it, which is an answer too.
        if member.say(text.clone()).await.is_ok()
            && let Ok(answer) = member.next().await
        {
            assert_eq!(answer["type"], "error", "{answer} to {}", &text[..text.len().min(80)]);
        }
    }
    let mut wrong = Member::connect(relay.url()).await?;
    wrong
        .say(json!({ "type": "hello", "version": 99, "app": "x" }).to_string())
        .await?;
    assert_eq!(wrong.next().await?["code"], "version");

    // Ten thousand joins from one socket: refused one by one or cut off.
    let mut flood = Member::connect(relay.url()).await?;
    flood.hello().await?;
    for _ in 0..10_000 {
        if flood.say(join.clone()).await.is_err() {
            break;
        }
    }
    // Sockets that are open and say nothing.
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(Member::connect(relay.url()).await?);
    }

    for end in [&host, &guest] {
        end.peer_stats("pictures as before", |peer| {
            peer["receive"]["video"]["fps"].as_f64() > Some(10.0)
        })
        .await?;
        assert_eq!(end.errors(), [""; 0]);
    }
    let other = AhoyCall::start(relay.url(), &[])?;
    let another = AhoyCall::start(&other.link().await?, &[])?;
    another.event("first_frame").await?;
    assert_eq!(relay.stop().await?, 0);
    Ok(())
}
