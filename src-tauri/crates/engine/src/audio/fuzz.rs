//! Fuzz target: the jitter buffer.

use std::time::Duration;

use bytes::Bytes;

use super::jitter::{CAPACITY, CUT_MS, JitterBuffer, Next};
use crate::{
    frame::OPUS_SAMPLES,
    fuzz::{Input, start},
    packet::RtpPacket,
};

/// The bounds of the delay that is aimed at, in ms.
const TARGET_MS: std::ops::RangeInclusive<f64> = 20.0..=200.0;

/// What the network brings and when the speaker asks, of one stream. Each step is a packet, with its steps of number and
/// time stamp, or a stretch of play-out.
///
/// The buffer holds a bounded number of packets, and what is played is never far behind the target: what is older is
/// cut, so that the delay cannot grow for ever.
pub(crate) fn jitter(data: &[u8]) {
    let mut input = Input::new(data);
    let mut buffer = JitterBuffer::default();
    let mut now = start();
    let (mut number, mut timestamp) = (0_u16, 0_u32);
    let (mut inserted, mut asked) = (0, 0);
    while !input.is_empty() {
        let flags = input.byte();
        match flags & 3 {
            0 | 1 => {
                let (steps, stamps) = match flags >> 2 & 3 {
                    0 => (1, OPUS_SAMPLES as u32),
                    1 => (2, 2 * OPUS_SAMPLES as u32),
                    2 => (u16::from(input.byte()), u32::from(input.number())),
                    _ => (input.number(), u32::from(input.number()) << (flags >> 4)),
                };
                number = number.wrapping_add(steps);
                timestamp = timestamp.wrapping_add(stamps);
                let length = usize::from(input.byte());
                let payload = input.take(length);
                buffer.insert(&RtpPacket {
                    codec: None,
                    sequence_number: number,
                    timestamp,
                    marker: false,
                    payload: Bytes::copy_from_slice(if payload.is_empty() {
                        &[0]
                    } else {
                        payload
                    }),
                    arrived: now,
                });
                inserted += 1;
            }
            2 => {
                let ms = u64::from(input.byte()) << (flags >> 4 & 7);
                now += Duration::from_millis(ms);
            }
            _ => {
                for _ in 0..=input.byte() {
                    now += Duration::from_millis(20);
                    asked += 1;
                    let next = buffer.next(now, flags & 4 != 0);
                    play(&buffer, &next);
                }
                if flags & 8 != 0 {
                    buffer.set_floor(f64::from(input.number()));
                }
            }
        }
        assert!(buffer.held() <= CAPACITY, "{} packets", buffer.held());
        let stats = buffer.stats();
        assert!(TARGET_MS.contains(&stats.target_ms), "{stats:?}");
        assert!(stats.jitter_ms.is_finite(), "{stats:?}");
        assert!(stats.concealed_ms <= 20 * asked, "{stats:?}");
        let counted = stats.received + stats.duplicates;
        assert!(counted <= inserted, "{stats:?}");
    }
}

fn play(buffer: &JitterBuffer, next: &Next) {
    let stats = buffer.stats();
    if let Next::Packet(_) | Next::Shorten(..) = next {
        assert!(buffer.stamp().is_some());
        assert!(
            stats.buffer_ms <= stats.target_ms + CUT_MS + 20.0,
            "{stats:?}"
        );
    }
}
