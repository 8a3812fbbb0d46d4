//! Strangers who send packets to a call, and a guest who makes it send some: neither disturbs anybody.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ahoy_tests::{
    SOON,
    call::AhoyCall,
    flood::{self, Flood, Numbers, Ufrags},
    member::Member,
    need::{Part, lacks},
    relay::Relay,
    sockets::udp_sockets,
    usage,
    wire::{Capture, Packet, Wire},
};
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// Forged packets to each end, a second, and for how long.
const RATE: u32 = 2_000;
const LASTS: Duration = Duration::from_secs(20);

/// How much more memory an end may use after that, in MiB.
const GROWTH: f64 = 5.0;

/// A picture that a debug build sends and shows beside all the rest on a busy machine.
const SMALL: [&str; 2] = ["--video", "test:320x180@30"];

/// Two ends of a call.
struct Pair {
    ends: [AhoyCall; 2],
}

impl Pair {
    async fn start(relay: &Relay) -> Result<Self> {
        let host = AhoyCall::start(relay.url(), &SMALL)?;
        let guest = AhoyCall::start(&host.link().await?, &SMALL)?;
        Ok(Self {
            ends: [host, guest],
        })
    }

    fn pids(&self) -> [i32; 2] {
        [0, 1].map(|n: usize| self.ends[n].process().pid())
    }

    fn memory(&self) -> Result<[f64; 2]> {
        let held = |pid| usage::held(pid).map(|held| held.memory_mib);
        let [host, guest] = self.pids();
        Ok([held(host)?, held(guest)?])
    }

    /// Waits until both ends have received pictures and sound for some seconds.
    async fn settle(&self) -> Result<()> {
        for end in &self.ends {
            end.event("first_frame").await?;
            end.peer_stats("pictures and sound", |peer| {
                let received = &peer["receive"];
                received["video"]["frames_decoded"].as_u64() > Some(150)
                    && received["audio"]["kbps"].as_f64() > Some(1.0)
            })
            .await?;
        }
        Ok(())
    }

    /// What each end has received so far.
    async fn received(&self) -> Result<[Received; 2]> {
        let mut all = Vec::new();
        for end in &self.ends {
            let peer = end.peer_stats("any", |_| true).await?;
            all.push(Received::of(&peer));
        }
        let [host, guest] = all[..] else {
            bail!("two ends")
        };
        Ok([host, guest])
    }

    /// Both ends run, and neither has lost its peer or told of a failure.
    fn assert_undisturbed(&self) {
        assert!(
            self.memory().is_ok(),
            "{}",
            self.ends[0].process().fault("an end is gone")
        );
        for end in &self.ends {
            for name in ["peer_left", "ended", "error"] {
                assert!(!end.has(name), "{}", end.process().fault(name));
            }
            let connected = end.events().filter(|event| event["event"] == "connected");
            assert_eq!(
                connected.count(),
                1,
                "{}",
                end.process().fault("it connected anew")
            );
        }
    }
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a flood has a rate")]
    Instant::now()
}

#[derive(Debug, Clone, Copy)]
struct Received {
    frames: u64,
    freezes: u64,
    lost: u64,
}

impl Received {
    fn of(peer: &Value) -> Self {
        let video = &peer["receive"]["video"];
        let number = |key: &str| video[key].as_u64().unwrap_or_default();
        Self {
            frames: number("frames_decoded"),
            freezes: number("freezes"),
            lost: number("lost"),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            frames: self.frames - before.frames,
            freezes: self.freezes - before.freezes,
            lost: self.lost.saturating_sub(before.lost),
        }
    }
}

/// Captures the connectivity checks of this computer, so that forged ones can name the receiver's ufrag. Where that is
/// not allowed, no ufrag is known.
fn capture_ufrags() -> (Ufrags, Option<Capture>) {
    let ufrags = Ufrags::default();
    let heard = ufrags.clone();
    let capture = Capture::start(move |packet| {
        if packet.is_udp()
            && let Some(ufrag) = ufrag(&packet)
            && let Ok(mut heard) = heard.lock()
        {
            heard.insert(packet.to.port(), ufrag);
        }
    });
    (ufrags, capture.ok())
}

/// The receiver's ufrag in a connectivity check.
fn ufrag(packet: &Packet) -> Option<String> {
    let payload = &packet.payload;
    let is_first = payload.get(..2)? == [0, 1] && payload.get(20..22)? == [0, 6];
    let length = usize::from(u16::from_be_bytes([*payload.get(22)?, *payload.get(23)?]));
    let name = std::str::from_utf8(payload.get(24..24 + length)?).ok()?;
    let (ours, theirs) = name.split_once(':')?;
    // The flood's own name nobody so.
    (is_first && theirs != "theirs").then(|| ours.to_owned())
}

#[tokio::test]
async fn a_stranger_who_floods_a_call_from_before_it_begins_does_not_disturb_it() -> Result<()> {
    let relay = Relay::start().await?;
    let (ufrags, _capture) = capture_ufrags();
    let mut pair = Pair::start(&relay).await?;
    let forged = || flood::forged(ufrags.clone());
    // From the moment on that a socket is there.
    let floods = pair.pids().map(|pid| Flood::start(pid, RATE, forged()));
    for end in &pair.ends {
        end.event("connected").await?;
        end.event("first_frame").await?;
    }
    let connected = now();
    while connected.elapsed() < LASTS {
        tokio::time::sleep(Duration::from_secs(1)).await;
        pair.assert_undisturbed();
    }
    for end in &pair.ends {
        end.peer_stats("pictures go on", |peer| {
            peer["receive"]["video"]["fps"].as_f64() > Some(5.0)
        })
        .await?;
    }
    for flood in &floods {
        assert!(flood.sent() > u64::from(RATE) * 10, "{}", flood.sent());
    }
    drop(floods);
    pair.assert_undisturbed();
    pair.ends[0].hang_up().await?;
    assert_eq!(pair.ends[1].exit().await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_stranger_who_floods_a_call_costs_it_neither_pictures_nor_memory() -> Result<()> {
    let relay = Relay::start().await?;
    let (ufrags, _capture) = capture_ufrags();
    let pair = Pair::start(&relay).await?;
    // Nobody disturbs these two: what they lose others would lose as well.
    let beside = Pair::start(&relay).await?;
    pair.settle().await?;
    beside.settle().await?;
    let (before, beside_before) = (pair.received().await?, beside.received().await?);
    let memory = pair.memory()?;
    let forged = || flood::forged(ufrags.clone());
    let floods = pair.pids().map(|pid| Flood::start(pid, RATE, forged()));
    tokio::time::sleep(LASTS).await;
    pair.assert_undisturbed();
    let sent: Vec<u64> = floods.iter().map(Flood::sent).collect();
    assert!(
        sent.iter().all(|sent| *sent > u64::from(RATE) * 15),
        "{sent:?}"
    );
    drop(floods);
    let (after, beside_after) = (pair.received().await?, beside.received().await?);
    let grown = pair.memory()?;
    for n in 0..2 {
        let flooded = after[n].since(before[n]);
        let undisturbed = beside_after[n].since(beside_before[n]);
        println!(
            "end {n}: {flooded:?}, undisturbed {undisturbed:?}, {:.1} MiB and then {:.1} MiB",
            memory[n], grown[n]
        );
        assert!(
            flooded.frames * 10 > undisturbed.frames * 9,
            "{flooded:?} {undisturbed:?}"
        );
        assert!(
            flooded.freezes <= undisturbed.freezes + 1,
            "{flooded:?} {undisturbed:?}"
        );
        assert!(
            flooded.lost <= undisturbed.lost,
            "{flooded:?} {undisturbed:?}"
        );
        assert!(grown[n] < memory[n] + GROWTH, "{memory:?} {grown:?}");
    }
    Ok(())
}

/// Waits for a packet of media between the ends of a call.
fn media(wire: &Wire, sockets: &[SocketAddr]) -> Result<Packet> {
    let begin = now();
    while begin.elapsed() < SOON {
        if let Some(packet) = wire.next(Duration::from_millis(100))?
            && packet.is_udp()
            && sockets.contains(&packet.to)
            && sockets.contains(&packet.from)
            && matches!(packet.payload.first(), Some(128..=191))
        {
            return Ok(packet);
        }
    }
    bail!("no media between the two")
}

#[tokio::test]
async fn packets_in_the_peers_own_name_cost_a_call_neither_its_life_nor_memory() -> Result<()> {
    if lacks(&[Part::Network]) {
        return Ok(());
    }
    let wire = Wire::open()?;
    let relay = Relay::start().await?;
    let pair = Pair::start(&relay).await?;
    pair.settle().await?;
    let mut sockets = Vec::new();
    for pid in pair.pids() {
        sockets.extend(udp_sockets(pid)?);
    }
    let path = media(&wire, &sockets)?;
    let memory = pair.memory()?;
    let mut numbers = Numbers::new(3);
    let begin = now();
    // Twice as many, for a sender who passes for the peer gets further.
    for n in 0..80_000_u64 {
        let payload = match n % 4 {
            0 | 1 => flood::rtp(&mut numbers),
            2 => flood::rtcp(&mut numbers),
            _ if n % 8 == 3 => flood::pointing_fragments(n / 8, n),
            _ => flood::dtls(n / 8, n, &mut numbers),
        };
        wire.forge(&path.with_payload(payload))?;
        let due = Duration::from_secs(1) * (n as u32) / (2 * RATE);
        if let Some(early) = due.checked_sub(begin.elapsed()) {
            tokio::time::sleep(early).await;
        }
    }
    pair.assert_undisturbed();
    let before = pair.received().await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = pair.received().await?;
    let grown = pair.memory()?;
    for n in 0..2 {
        println!("end {n}: {:.1} MiB and then {:.1} MiB", memory[n], grown[n]);
        assert!(after[n].frames > before[n].frames + 10, "{after:?}");
        assert!(grown[n] < memory[n] + GROWTH, "{memory:?} {grown:?}");
    }
    Ok(())
}

/// An answer to an offer that another end could have made: the same sections, and credentials of this ufrag.
fn answer_to(offer: &str, ufrag: &str) -> String {
    let mut answer = String::new();
    for line in offer.lines() {
        let line = match line.split_once(':') {
            Some(("a=ice-ufrag", _)) => format!("a=ice-ufrag:{ufrag}"),
            Some(("a=ice-pwd", _)) => "a=ice-pwd:a password that nobody needs".replace(' ', "+"),
            Some(("a=setup", _)) => "a=setup:active".to_owned(),
            Some(("a=candidate", _)) => continue,
            _ => line.to_owned(),
        };
        answer.push_str(&line);
        answer.push_str("\r\n");
    }
    answer
}

/// The most packets that came within any second, each with when it came.
fn most_in_a_second(arrived: &[Instant]) -> usize {
    let within = |from: &Instant| {
        let until = *from + Duration::from_secs(1);
        arrived
            .iter()
            .filter(|at| *at >= from && **at < until)
            .count()
    };
    arrived.iter().map(within).max().unwrap_or(0)
}

#[tokio::test]
async fn a_guest_who_names_a_thousand_addresses_has_little_sent_to_them() -> Result<()> {
    /// The most packets in any second.
    const MOST: usize = 50;
    // Each address of 127.0.0.0/8 leads here.
    let listening = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let port = listening.local_addr()?.port();
    listening.set_read_timeout(Some(Duration::from_millis(100)))?;
    let stop = Arc::new(AtomicBool::new(false));
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let (stopped, heard) = (stop.clone(), arrived.clone());
    let thread = std::thread::spawn(move || {
        let mut buffer = [0; 2_000];
        while !stopped.load(Ordering::Relaxed) {
            if listening.recv(&mut buffer).is_ok()
                && let Ok(mut heard) = heard.lock()
            {
                heard.push(now());
            }
        }
    });

    let relay = Relay::start().await?;
    let host = AhoyCall::start(relay.url(), &SMALL)?;
    let mut member = Member::connect(relay.url()).await?;
    member.hello().await?;
    member.join(&host.link().await?, "Mallory").await?;
    let offer = member.next_of("signal").await?;
    let from = offer["from"].as_str().context("a sender")?.to_owned();
    let body = member.open(&offer)?;
    let sdp = body["description"]["sdp"].as_str().context("an offer")?;
    let answer = json!({ "description": { "type": "answer", "sdp": answer_to(sdp, "mallory") } });
    member.signal(&from, &answer.to_string()).await?;
    for n in 0..1_000 {
        let (a, b) = (1 + n / 200, 1 + n % 200);
        let candidate = format!("candidate:{n} 1 udp 2130706431 127.9.{a}.{b} {port} typ host");
        let body = json!({ "candidate": {
            "candidate": candidate, "sdpMid": "0", "sdpMLineIndex": 0,
        } });
        member.signal(&from, &body.to_string()).await?;
        // As fast as the relay lets a member speak.
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    tokio::time::sleep(LASTS).await;
    stop.store(true, Ordering::Relaxed);
    let _ = thread.join();
    let arrived = arrived.lock().map(|arrived| arrived.clone());
    let arrived = arrived.map_err(|_| anyhow::anyhow!("the thread failed"))?;
    let most = most_in_a_second(&arrived);
    println!("{} packets, {most} in a second at most", arrived.len());
    assert!(arrived.len() > 10, "the addresses were not tried at all");
    assert!(most <= MOST, "{most} packets in one second");

    // Somebody else's call is as it was.
    let guest = AhoyCall::start(&host.link().await?, &SMALL)?;
    guest.event("first_frame").await?;
    Ok(())
}
