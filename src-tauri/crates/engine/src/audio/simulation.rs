//! The jitter buffer against made-up networks.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::jitter::{JitterBuffer, JitterStats, Next};
use crate::packet::RtpPacket;

fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "any starting point will do")]
    Instant::now()
}

/// Random numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A packet: what it is, when it was sent and when it comes, in ms.
#[derive(Debug, Clone, Copy)]
struct Sent {
    frame: u32,
    number: u16,
    sent: f64,
    comes: f64,
}

/// A frame each 20 ms with the same way of 30 ms for all.
fn stream(frames: u32) -> Vec<Sent> {
    (0..frames)
        .map(|n| {
            let sent = f64::from(n) * 20.0;
            Sent {
                frame: n,
                number: (n as u16).wrapping_add(65_500),
                sent,
                comes: sent + 30.0,
            }
        })
        .collect()
}

/// What was heard.
struct Heard {
    /// Frame, when it was played, and how long after it was sent, in ms.
    played: Vec<(u32, f64, f64)>,
    concealed: usize,
    fec: usize,
    pauses: usize,
    shortened: usize,
    stats: JitterStats,
}

impl Heard {
    fn delays_after(&self, from: f64) -> (f64, f64) {
        self.played
            .iter()
            .filter(|p| p.1 >= from)
            .fold((f64::INFINITY, 0.0), |(least, most), p| {
                (least.min(p.2), most.max(p.2))
            })
    }

    /// Nothing is ever played twice or backwards.
    fn check_order(&self) {
        assert!(self.played.windows(2).all(|w| w[1].0 > w[0].0));
    }
}

/// Plays until 200 ms after the last packet came; `pull` is the time between two pulls in ms.
fn hear(mut packets: Vec<Sent>, pull: f64, quiet: impl Fn(f64) -> bool) -> Heard {
    let start = start();
    let at = |ms: f64| start + Duration::from_secs_f64((ms.max(0.0) + 1000.0) / 1000.0);
    packets.sort_by(|a, b| a.comes.total_cmp(&b.comes));
    let end = packets.last().map_or(0.0, |p| p.comes) + 200.0;
    let mut coming = packets.into_iter().peekable();
    let mut buffer = JitterBuffer::default();
    let mut heard = Heard {
        played: Vec::new(),
        concealed: 0,
        fec: 0,
        pauses: 0,
        shortened: 0,
        stats: JitterStats::default(),
    };
    let mut now = 3.0;
    while now < end {
        while let Some(packet) = coming.next_if(|p| p.comes <= now) {
            let mut payload = packet.frame.to_be_bytes().to_vec();
            payload.extend(packet.sent.to_be_bytes());
            buffer.insert(&RtpPacket {
                codec: None,
                sequence_number: packet.number,
                timestamp: packet.frame.wrapping_mul(960).wrapping_sub(96_000),
                marker: false,
                payload: Bytes::from(payload),
                arrived: at(packet.comes),
            });
        }
        let mut play = |payload: &Bytes| {
            let frame = u32::from_be_bytes(payload[..4].try_into().unwrap());
            let sent = f64::from_be_bytes(payload[4..].try_into().unwrap());
            heard.played.push((frame, now, now - sent));
        };
        match buffer.next(at(now), quiet(now)) {
            Next::Packet(payload) => play(&payload),
            Next::Shorten(first, second) => {
                play(&first);
                play(&second);
                heard.shortened += 1;
            }
            Next::Fec(_) => heard.fec += 1,
            Next::Conceal => heard.concealed += 1,
            Next::Pause => heard.pauses += 1,
            Next::NotStarted => {}
        }
        now += pull;
    }
    heard.stats = buffer.stats();
    heard.check_order();
    heard
}

#[test]
fn a_steady_network_is_played_whole_with_little_delay() {
    let heard = hear(stream(1000), 20.0, |_| false);
    assert_eq!(heard.played.len(), 1000);
    // The end of the stream cannot be told from a loss.
    assert!(heard.concealed <= 10);
    assert_eq!(heard.stats.concealed_ms, 0);
    let (least, most) = heard.delays_after(0.0);
    assert!(
        least >= 30.0 && most <= 30.0 + 40.0 + 20.0,
        "{least} to {most}"
    );
    assert!(heard.stats.jitter_ms < 0.1);
    assert!((heard.stats.target_ms - 20.0).abs() < 0.1);
}

#[test]
fn delay_is_taken_back_in_silence_when_the_network_is_steady() {
    let heard = hear(stream(1000), 20.0, |now| now > 5000.0);
    let (_, most) = heard.delays_after(10_000.0);
    assert!(most <= 30.0 + 20.0 + 22.0, "{most}");
    assert_eq!(heard.played.len(), 1000);
}

#[test]
fn delay_is_taken_back_slowly_while_somebody_speaks() {
    let mut packets = stream(1500);
    // The way becomes 45 ms shorter.
    for packet in &mut packets[..200] {
        packet.comes += 45.0;
    }
    let heard = hear(packets, 20.0, |_| false);
    assert_eq!(heard.played.len(), 1500);
    assert!((1..=4).contains(&heard.shortened), "{}", heard.shortened);
    let (_, most) = heard.delays_after(20_000.0);
    assert!(most <= 30.0 + 20.0 + 30.0 + 20.0, "{most}");
}

#[test]
fn moderate_jitter_and_reordering_are_evened_out() {
    let mut dice = Dice(7);
    let mut packets = stream(2000);
    for packet in &mut packets {
        packet.comes += dice.next() * 50.0;
    }
    let heard = hear(packets, 20.0, |_| false);
    assert!(heard.played.len() >= 1980, "{} played", heard.played.len());
    assert!(heard.stats.concealed_ms <= 40 * 20);
    let (_, most) = heard.delays_after(5000.0);
    assert!(most <= 30.0 + 50.0 + 60.0, "{most}");
    assert!((10.0..25.0).contains(&heard.stats.jitter_ms));
    assert!((40.0..=70.0).contains(&heard.stats.target_ms));
}

#[test]
fn single_losses_are_filled_and_do_not_move_the_delay() {
    let mut packets = stream(1000);
    packets.retain(|p| p.frame % 25 != 24);
    let lost = 1000 - packets.len();
    let heard = hear(packets, 20.0, |_| false);
    assert_eq!(heard.played.len(), 1000 - lost);
    assert_eq!(heard.fec + 1, lost, "the last loss has nothing after it");
    assert_eq!(heard.stats.concealed_ms, heard.fec as u64 * 20);
    let (least, most) = heard.delays_after(3500.0);
    assert!(most - least < 1.0, "{least} to {most}");
}

#[test]
fn a_burst_of_losses_is_concealed_for_as_long_as_it_was() {
    let mut packets = stream(500);
    packets.retain(|p| !(200..210).contains(&p.frame));
    let heard = hear(packets, 20.0, |_| false);
    assert_eq!(heard.played.len(), 490);
    assert_eq!(heard.stats.concealed_ms, 200);
    let (least, most) = heard.delays_after(3500.0);
    assert!(most - least < 1.0, "{least} to {most}");
}

#[test]
fn duplicates_change_nothing() {
    let packets = stream(500);
    let mut twice = packets.clone();
    twice.extend(packets.iter().map(|p| Sent {
        comes: p.comes + f64::from(p.frame % 7) * 15.0,
        ..*p
    }));
    let heard = hear(twice, 20.0, |_| false);
    assert_eq!(heard.played.len(), 500);
    assert_eq!(heard.stats.duplicates, 500);
    assert_eq!(heard.stats.concealed_ms, 0);
}

#[test]
fn a_stall_of_the_network_does_not_leave_its_delay_behind() {
    let mut packets = stream(1000);
    for packet in &mut packets[200..240] {
        packet.comes = 240.0 * 20.0 + 30.0;
    }
    let heard = hear(packets, 20.0, |_| false);
    let (_, most) = heard.delays_after(6000.0);
    assert!(most <= 30.0 + 200.0 + 160.0, "{most}");
    let (_, end) = heard.delays_after(18_000.0);
    assert!(end <= 30.0 + 20.0 + 30.0 + 20.0, "{end}");
}

#[test]
fn clocks_that_drift_are_followed() {
    for drift in [0.999_8, 1.000_2] {
        let heard = hear(stream(15_000), 20.0 * drift, |_| true);
        let played = heard.played.len() + heard.stats.discarded as usize;
        assert!(played >= 14_995, "{played} with {drift}");
        let (least, most) = heard.delays_after(10_000.0);
        assert!(
            least >= 30.0 && most < 30.0 + 20.0 + 45.0,
            "{least} to {most}"
        );
        assert!(
            heard.stats.concealed_ms <= 200,
            "{}",
            heard.stats.concealed_ms
        );
    }
}

#[test]
fn pauses_of_the_sender_are_no_losses_and_keep_the_delay() {
    let mut packets = stream(2000);
    packets.retain(|p| p.frame % 100 < 60 || p.frame % 20 == 0);
    for (n, packet) in packets.iter_mut().enumerate() {
        packet.number = n as u16;
    }
    let sent = packets.len();
    let heard = hear(packets, 20.0, |_| false);
    assert_eq!(heard.played.len(), sent);
    assert_eq!(heard.stats.concealed_ms, 0);
    assert!(heard.pauses > 0);
    let (least, most) = heard.delays_after(3500.0);
    assert!(most - least < 1.0, "{least} to {most}");
}

#[test]
fn a_sender_that_stops_and_starts_again_is_heard_again() {
    let mut packets = stream(1000);
    packets.retain(|p| !(200..700).contains(&p.frame));
    for packet in &mut packets {
        if packet.frame >= 700 {
            packet.number = packet.number.wrapping_sub(500);
        }
    }
    let heard = hear(packets, 20.0, |_| false);
    assert_eq!(heard.played.len(), 500);
    assert!(
        heard.concealed <= 60,
        "made up for at most a second and the end"
    );
    let (_, most) = heard.delays_after(0.0);
    assert!(most < 30.0 + 40.0 + 20.0, "{most}");
}

#[test]
fn a_restarted_sender_is_followed_and_a_stray_packet_is_not() {
    let mut packets = stream(1000);
    for packet in &mut packets[500..] {
        packet.frame += 1_000_000;
        packet.number = packet.number.wrapping_add(20_000);
    }
    packets[250].frame = 77_000_000;
    let heard = hear(packets, 20.0, |_| false);
    let before = heard.played.iter().filter(|p| p.0 < 500).count();
    let after = heard.played.iter().filter(|p| p.0 >= 1_000_000).count();
    assert!(heard.played.iter().all(|p| p.0 != 77_000_000));
    assert!(before >= 490 && after >= 495, "{before} and {after}");
}

#[test]
fn a_flood_stays_bounded() {
    let start = start();
    let mut buffer = JitterBuffer::default();
    let mut dice = Dice(99);
    for _ in 0..100_000 {
        buffer.insert(&RtpPacket {
            codec: None,
            sequence_number: (dice.next() * 65_536.0) as u16,
            timestamp: (dice.next() * 4_294_967_296.0) as u32,
            marker: false,
            payload: Bytes::from_static(&[1, 2, 3]),
            arrived: start + Duration::from_millis((dice.next() * 1000.0) as u64),
        });
    }
    let mut frames = 0;
    let mut now = start + Duration::from_secs(1);
    while buffer.next(now, false) != Next::NotStarted {
        frames += 1;
        now += Duration::from_millis(20);
        assert!(frames < 500);
    }
}
