//! A hostile sender cannot make a receiver keep much or work long.

use super::*;
use crate::packet::assembler::MAX_FRAME_PACKETS;

/// A packet of VP8 with this payload behind its descriptor.
fn vp8(number: u16, timestamp: u32, descriptor: u8, payload: &[u8], now: Instant) -> RtpPacket {
    RtpPacket {
        codec: Some(VideoCodec::Vp8),
        sequence_number: number,
        timestamp,
        marker: false,
        payload: [&[descriptor], payload].concat().into(),
        arrived: now,
    }
}

/// The beginning of a key frame.
const KEY: [u8; 10] = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];

#[test]
fn a_frame_of_endlessly_many_small_packets_is_given_up() {
    let now = start();
    let mut assembler = Assembler::new();
    assembler.push(&vp8(0, 1, 0x10, &KEY, now), |_| {});
    let mut wishes = 0;
    for number in 0..20_000 {
        let packet = vp8(number, 1, 0, &[7], now);
        assembler.push(&packet, |assembled| {
            wishes += usize::from(matches!(assembled, Assembled::NeedKeyFrame));
        });
        assert!(assembler.held().0 <= MAX_FRAME_PACKETS);
    }
    assert_eq!(wishes, 1, "it is told once that a key frame is needed");
    assert_eq!(assembler.held(), (0, 0));
}

#[test]
fn a_gap_as_wide_as_its_sender_likes_costs_no_time() {
    let began = start();
    for _ in 0..60 {
        let now = began;
        let mut reorder = Reorder::new();
        reorder.push(vp8(0, 1, 0x10, &KEY, now));
        // Each is near the one before it, and all together they are far from the first.
        let mut number = 0_u16;
        for _ in 0..400 {
            number = number.wrapping_add(2_900);
            reorder.push(vp8(number, 2, 0, &[7], now));
        }
        let mut key = vp8(number.wrapping_add(1), 3, 0x10, &KEY, now);
        key.marker = true;
        reorder.push(key);
        let mut lost = 0;
        while let Some(delivery) = reorder.poll(now + 100 * MS) {
            if let Delivery::Lost(count) = delivery {
                lost += count;
            }
        }
        assert_eq!(lost, 400 * 2_900);
        let (_, given_up) = reorder.held();
        assert!(given_up <= 1024, "{given_up}");
    }
    // A second is enough for a thousand times as many packets; to walk through all numbers takes ten.
    assert!(began.elapsed() < Duration::from_secs(2));
}
