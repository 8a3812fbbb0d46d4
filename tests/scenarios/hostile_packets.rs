//! Strangers who send packets to a call do not disturb it.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use ahoy_tests::{
    SOON,
    call::AhoyCall,
    flood::{self, Flood, Numbers, Ufrags},
    need::{Part, lacks},
    relay::Relay,
    sockets::udp_sockets,
    usage,
    wire::{Capture, Packet, Wire},
};
use anyhow::{Result, bail};
use serde_json::Value;

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

/// Captures the connectivity checks of this computer, so that forged ones can name the receiver's ufrag.
fn capture_ufrags() -> Result<(Ufrags, Capture)> {
    let ufrags = Ufrags::default();
    let heard = ufrags.clone();
    let capture = Capture::start(move |packet| {
        if packet.is_udp()
            && let Some(ufrag) = ufrag(&packet)
            && let Ok(mut heard) = heard.lock()
        {
            heard.insert(packet.to.port(), ufrag);
        }
    })?;
    Ok((ufrags, capture))
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
    if lacks(&[Part::Network]) {
        return Ok(());
    }
    let relay = Relay::start().await?;
    let (ufrags, _capture) = capture_ufrags()?;
    let mut pair = Pair::start(&relay).await?;
    let forged = || flood::forged(ufrags.clone());
    // From the moment on that a socket is there.
    let floods = pair.pids().map(|pid| Flood::start(pid, RATE, forged()));
    for end in &pair.ends {
        end.event("connected").await?;
        end.event("first_frame").await?;
    }
    pair.settle().await?;
    let (before, memory) = (pair.received().await?, pair.memory()?);
    let connected = now();
    while connected.elapsed() < LASTS {
        tokio::time::sleep(Duration::from_secs(1)).await;
        pair.assert_undisturbed();
    }
    let (after, grown) = (pair.received().await?, pair.memory()?);
    for n in 0..2 {
        let flooded = after[n].since(before[n]);
        println!(
            "end {n}: {flooded:?}, {:.1} MiB and then {:.1} MiB",
            memory[n], grown[n]
        );
        assert!(flooded.freezes <= 1, "{flooded:?}");
        assert!(flooded.lost <= 2, "{flooded:?}");
        assert!(grown[n] < memory[n] + GROWTH, "{memory:?} {grown:?}");
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
    if lacks(&[Part::Network]) {
        return Ok(());
    }
    let relay = Relay::start().await?;
    let (ufrags, _capture) = capture_ufrags()?;
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
        // A busy computer loses a packet now and then by itself.
        assert!(
            flooded.lost <= undisturbed.lost + 2,
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
    let back = path.reversed();
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
        let path = if n / 8 % 2 == 0 { &path } else { &back };
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
