//! Members of a room who know its address and not its link: they are talked to by nobody and hold no seats.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ahoy_tests::{
    SOON,
    call::AhoyCall,
    hostile::{HostileRelay, Way, with_other_secret},
    member::Member,
    need::{Part, lacks},
    relay::Relay,
    sockets::udp_sockets,
    wire::{Capture, Packet},
};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// The time within which a guest has to come in whatever strangers do.
const WITHIN: Duration = Duration::from_secs(2);

/// Each message that went between clients and the relay.
type Recording = Arc<Mutex<Vec<(Way, Value)>>>;

/// What a stranger saw.
#[derive(Default)]
struct Seen {
    joins: AtomicUsize,
    removals: AtomicUsize,
    signals: AtomicUsize,
}

/// The time between two attempts of a stranger: as fast as the relay lets one socket join in the long run.
const EVERY: Duration = Duration::from_millis(50);

/// Comes in without the link's secret, and again as soon as it was removed or cut off, until it is aborted.
async fn intrude(relay: String, link: String, seen: Arc<Seen>) {
    loop {
        // Cut off: on another socket.
        let _ = intrude_on_one_socket(&relay, &link, &seen).await;
        sleep(EVERY).await;
    }
}

async fn intrude_on_one_socket(relay: &str, link: &str, seen: &Seen) -> Result<()> {
    let mut stranger = Member::connect(relay).await?;
    stranger.hello().await?;
    loop {
        stranger.say_join(link, "Mallory").await?;
        loop {
            let message = stranger.next().await?;
            match message["type"].as_str() {
                Some("room") => {
                    seen.joins.fetch_add(1, Ordering::Relaxed);
                }
                Some("signal") => {
                    seen.signals.fetch_add(1, Ordering::Relaxed);
                }
                Some("error") if message["code"] == "removed" => {
                    seen.removals.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                // The room is full of others of its kind, or it was too fast: once more.
                Some("error") => break,
                _ => {}
            }
        }
        sleep(EVERY).await;
    }
}

fn recorder() -> (Recording, Box<ahoy_tests::hostile::Meddler>) {
    let recording = Recording::default();
    let kept = recording.clone();
    let meddler = move |way, message: Value| {
        let mut kept = kept.lock().unwrap_or_else(|error| error.into_inner());
        kept.push((way, message.clone()));
        vec![message]
    };
    (recording, Box::new(meddler))
}

type Packets = Arc<Mutex<Vec<Packet>>>;

/// Keeps all packets of this computer.
fn capture() -> Result<(Packets, Capture)> {
    let packets = Packets::default();
    let kept = packets.clone();
    let capture = Capture::start(move |packet| {
        if let Ok(mut kept) = kept.lock() {
            kept.push(packet);
        }
    })?;
    Ok((packets, capture))
}

/// Asserts that datagrams left `host` only to sockets of `guest`, and that nothing sent to or from the relay's port
/// names an address of `host`. What clients say to the relay is masked (RFC 6455 §5.3): that stands in the recording.
fn assert_no_address_in(packets: &[Packet], host: &[SocketAddr], guest: &[SocketAddr], port: u16) {
    let (mut datagrams, mut segments) = (0, 0);
    for packet in packets {
        if packet.is_udp() && host.contains(&packet.from) {
            datagrams += 1;
            assert!(guest.contains(&packet.to), "to {}", packet.to);
        }
        if !packet.is_udp() && [packet.from.port(), packet.to.port()].contains(&port) {
            segments += 1;
            let text = String::from_utf8_lossy(&packet.payload);
            for socket in host.iter().filter(|socket| !socket.ip().is_loopback()) {
                assert!(!text.contains(&socket.ip().to_string()), "{text}");
            }
            assert!(!text.contains("candidate:"), "{text}");
        }
    }
    println!("captured {datagrams} datagrams of the host and {segments} segments of the relay");
    assert!(datagrams > 0 && segments > 0);
}

#[tokio::test]
async fn strangers_in_all_seats_keep_no_guest_out_and_learn_no_address() -> Result<()> {
    if lacks(&[Part::Network]) {
        return Ok(());
    }
    let mut relay = Relay::start().await?;
    // All that the host says to its relay and hears from it.
    let (recording, meddler) = recorder();
    let between = HostileRelay::start(relay.url(), meddler).await?;
    // The relay behind has the same operator, and knows that it is reached there too.
    relay.kill().await?;
    relay
        .start_again_with(&["--public-url", &between.url()])
        .await?;
    let (packets, capture) = capture()?;
    let host = AhoyCall::start(&between.url(), &[])?;
    let link = host.link().await?.replace(&between.url(), relay.url());
    let seen = Arc::new(Seen::default());
    let mut strangers = JoinSet::new();
    // Three for each of the seven seats that guests have.
    for _ in 0..21 {
        let url = relay.url().to_owned();
        strangers.spawn(intrude(url, with_other_secret(&link), seen.clone()));
    }
    let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
    timeout(SOON, async {
        while count(&seen.removals) < 50 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .context("strangers are not removed")?;
    let opened = udp_sockets(host.process().pid())?;
    assert!(opened.is_empty(), "gathered for strangers: {opened:?}");

    let start = Instant::now();
    let guest = AhoyCall::start(&link, &["--name", "Grace"])?;
    guest.event("ready").await?;
    let took = start.elapsed();
    guest.event("first_frame").await?;
    host.event_where("Grace", SOON, |event| {
        event["event"] == "peer_joined" && event["name"] == "Grace"
    })
    .await?;
    println!(
        "in after {} ms, among {} joins and {} removals of strangers",
        took.as_millis(),
        count(&seen.joins),
        count(&seen.removals)
    );
    assert!(took < WITHIN, "{took:?}");
    strangers.shutdown().await;
    let host_sockets = udp_sockets(host.process().pid())?;
    let guest_sockets = udp_sockets(guest.process().pid())?;
    drop(capture);
    let packets = std::mem::take(&mut *packets.lock().unwrap_or_else(|error| error.into_inner()));
    let port = relay.url().trim_end_matches('/').rsplit(':').next();
    let port = port.context("a port")?.parse()?;
    assert_no_address_in(&packets, &host_sockets, &guest_sockets, port);

    assert_eq!(count(&seen.signals), 0, "strangers were sent signals");
    assert!(!host.has("error") && !guest.has("error"));
    let joined = |event: &Value| event["event"] == "peer_joined" && event["name"] != "Grace";
    let none = host.event_where("a stranger", Duration::ZERO, joined).await;
    assert!(none.is_err(), "{none:?}");
    let recording = recording.lock().unwrap_or_else(|error| error.into_inner());
    let mut signals = 0;
    for (way, message) in recording.iter() {
        let text = message.to_string();
        for trace in [
            "candidate",
            "ice-ufrag",
            "fingerprint",
            "IN IP4",
            "192.168.",
            "typ host",
        ] {
            assert!(!text.contains(trace), "{way:?}: {text}");
        }
        signals += usize::from(message["type"] == "signal");
    }
    assert!(signals > 0, "host and guest have spoken by this relay");
    Ok(())
}

#[tokio::test]
async fn an_older_version_is_told_which_one_is_spoken() -> Result<()> {
    let relay = Relay::start().await?;
    let mut old = Member::connect(relay.url()).await?;
    let hello = json!({ "type": "hello", "version": 1, "app": "ahoy/0.1.0" });
    old.say(hello.to_string()).await?;
    let error = old.next().await?;
    assert_eq!(
        (&error["type"], &error["code"]),
        (&json!("error"), &json!("version"))
    );
    assert!(
        error["message"]
            .as_str()
            .unwrap_or_default()
            .contains("version 2")
    );
    Ok(())
}
