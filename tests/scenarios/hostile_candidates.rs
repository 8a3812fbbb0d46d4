//! A guest who names the addresses of others as its own: they are sent little, whatever they answer.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use ahoy_tests::{call::AhoyCall, member::Member, relay::Relay};
use anyhow::{Context as _, Result};
use serde_json::json;

/// The most packets that all addresses together get in any second.
const MOST: usize = 50;

/// The addresses that answer, and those that do not.
const ANSWERING: u8 = 16;
const SILENT: u16 = 1_000;

const LASTS: Duration = Duration::from_secs(20);

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "packets have a rate")]
    Instant::now()
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

/// Sockets that note when packets arrive, until this is dropped. The first is that of the silent addresses; the others
/// answer each check as a STUN server does, without integrity.
struct Victims {
    ports: Vec<u16>,
    arrived: Arc<Mutex<Vec<Instant>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Victims {
    fn start() -> Result<Self> {
        // Each address of 127.0.0.0/8 leads to the first.
        let mut sockets = vec![UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?];
        for n in 0..ANSWERING {
            sockets.push(UdpSocket::bind((Ipv4Addr::new(127, 8, 0, n + 1), 0))?);
        }
        let mut ports = Vec::new();
        for socket in &sockets {
            socket.set_nonblocking(true)?;
            ports.push(socket.local_addr()?.port());
        }
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (noted, stopped) = (arrived.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 2_000];
            while !stopped.load(Ordering::Relaxed) {
                for (n, socket) in sockets.iter().enumerate() {
                    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                        if let Ok(mut noted) = noted.lock() {
                            noted.push(now());
                        }
                        if n > 0 && length >= 20 {
                            // A Binding success response without attributes (RFC 8489 §5).
                            let answer = [&[1, 1, 0, 0][..], &buffer[4..20]].concat();
                            let _ = socket.send_to(&answer, from);
                        }
                    }
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Ok(Self {
            ports,
            arrived,
            stop,
            thread: Some(thread),
        })
    }

    /// The candidates that name these addresses.
    fn candidates(&self) -> Vec<String> {
        let answering =
            (1..=ANSWERING).map(|n| (Ipv4Addr::new(127, 8, 0, n), self.ports[usize::from(n)]));
        let silent = (0..SILENT).map(|n| {
            let [a, b] = n.to_be_bytes();
            (Ipv4Addr::new(127, 9, a, b), self.ports[0])
        });
        let named = answering.chain(silent).enumerate();
        named
            .map(|(n, (ip, port))| format!("candidate:{n} 1 udp 2130706431 {ip} {port} typ host"))
            .collect()
    }

    fn arrived(&self) -> Vec<Instant> {
        self.arrived
            .lock()
            .map(|arrived| arrived.clone())
            .unwrap_or_default()
    }
}

impl Drop for Victims {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
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
    let victims = Victims::start()?;
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    tcp.set_nonblocking(true)?;
    let relay = Relay::start().await?;
    let host = AhoyCall::start(relay.url(), &["--video", "test:320x180@30"])?;
    let mut member = Member::connect(relay.url()).await?;
    member.hello().await?;
    member.join(&host.link().await?, "Mallory").await?;
    let offer = member.next_of("signal").await?;
    let from = offer["from"].as_str().context("a sender")?.to_owned();
    let body = member.open(&offer)?;
    let sdp = body["description"]["sdp"].as_str().context("an offer")?;
    let answer = json!({ "description": { "type": "answer", "sdp": answer_to(sdp, "mallory") } });
    member.signal(&from, &answer.to_string()).await?;
    // A parser that takes a vertical tab for a space finds a candidate over TCP in this one.
    let port = tcp.local_addr()?.port();
    let hidden = format!("candidate:x 1 tcp 1 127.0.0.1 {port} typ host tcptype passive");
    let hidden = hidden.replace(' ', "\u{b}") + " 1 udp 1 192.0.2.1 5000 typ host";
    for candidate in [vec![hidden], victims.candidates()].concat() {
        let body = json!({ "candidate": {
            "candidate": candidate, "sdpMid": "0", "sdpMLineIndex": 0,
        } });
        member.signal(&from, &body.to_string()).await?;
        // As fast as the relay lets a member speak.
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    tokio::time::sleep(LASTS).await;
    let arrived = victims.arrived();
    let most = most_in_a_second(&arrived);
    println!("{} packets, {most} in a second at most", arrived.len());
    assert!(arrived.len() > 10, "the addresses were not tried at all");
    assert!(most <= MOST, "{most} packets in one second");
    let connected = tcp.accept().map_err(|error| error.kind());
    assert_eq!(
        connected.err(),
        Some(ErrorKind::WouldBlock),
        "a TCP connection"
    );

    // Somebody else's call is as it was.
    let guest = AhoyCall::start(&host.link().await?, &["--video", "test:320x180@30"])?;
    guest.event("first_frame").await?;
    Ok(())
}
