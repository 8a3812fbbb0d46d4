//! Fuzz targets: payload descriptors, and packets on their way to frames.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{
    Assembled, Assembler, Delivery, MAX_FRAME_BYTES, Reorder, RtpPacket, Vp8Descriptor,
    Vp9Descriptor,
    assembler::MAX_FRAME_PACKETS,
    bitstream,
    reorder::{WINDOW, starts_key_frame},
};
use crate::{
    frame::VideoCodec,
    fuzz::{Input, start},
};

/// A packet is repeated so often at most, under the numbers that follow.
const MAX_REPEATS: usize = 512;
/// Packets of one input, repeated ones included.
const MAX_PACKETS: usize = 10_000;

/// A payload of either codec: its descriptor is the same when it was written and read again, and no longer.
pub(crate) fn descriptors(data: &[u8]) {
    let mut written = Vec::new();
    if let Ok((descriptor, length)) = Vp8Descriptor::parse(data) {
        assert!(length < data.len());
        descriptor.write(&mut written);
        assert!(written.len() <= length);
        let length = written.len();
        written.push(0);
        assert_eq!(Vp8Descriptor::parse(&written), Ok((descriptor, length)));
    }
    written.clear();
    if let Ok((descriptor, length)) = Vp9Descriptor::parse(data) {
        assert!(length < data.len());
        descriptor.write(&mut written);
        assert!(written.len() <= length);
        let length = written.len();
        written.push(0);
        assert_eq!(Vp9Descriptor::parse(&written), Ok((descriptor, length)));
    }
    for codec in [VideoCodec::Vp8, VideoCodec::Vp9] {
        let key_frame = bitstream::is_key_frame(codec, data);
        if bitstream::key_frame_size(codec, data).is_some() && codec == VideoCodec::Vp9 {
            // A repeated frame has no size.
            assert!(key_frame || data[0] & 0b1100 != 0);
        }
    }
}

/// Packets of one stream. Each is led by its codec and marker, the steps of its number and time stamp, how often it
/// comes, the milliseconds before it, and its length.
pub(crate) fn frames(data: &[u8]) {
    let mut input = Input::new(data);
    let mut state = Stream::new(start());
    let (mut number, mut timestamp, mut packets) = (0_u16, 0_u32, 0);
    while !input.is_empty() && packets < MAX_PACKETS {
        let flags = input.byte();
        number = number.wrapping_add(match flags & 0x0c {
            0 => 1,
            4 => u16::from(input.byte()),
            8 => u16::from(input.byte()).wrapping_neg(),
            _ => input.number(),
        });
        if flags & 0x10 != 0 {
            timestamp = timestamp.wrapping_add(u32::from(input.number()) << (flags >> 6));
        }
        let repeats = match flags & 0x20 {
            0 => 1,
            _ => usize::from(input.number()).min(MAX_REPEATS),
        };
        state.now += Duration::from_millis(u64::from(input.byte()));
        let length = usize::from(input.number());
        let payload = Bytes::copy_from_slice(input.take(length));
        for _ in 0..repeats {
            state.push(RtpPacket {
                codec: Some(match flags & 1 {
                    0 => VideoCodec::Vp8,
                    _ => VideoCodec::Vp9,
                }),
                sequence_number: number,
                timestamp,
                marker: flags & 2 != 0,
                payload: payload.clone(),
                arrived: state.now,
            });
            number = number.wrapping_add(u16::from(repeats > 1));
        }
        packets += repeats;
        state.poll();
    }
    state.now += Duration::from_secs(10);
    state.poll();
    assert!(state.reorder.counts().late <= state.reorder.counts().lost);
}

/// What a stream has brought.
struct Stream {
    now: Instant,
    reorder: Reorder,
    assembler: Assembler,
    /// Bytes of payload that came, and of frames that were made of them.
    bytes: (usize, usize),
}

impl Stream {
    fn new(now: Instant) -> Self {
        Self {
            now,
            reorder: Reorder::new(),
            assembler: Assembler::new(),
            bytes: (0, 0),
        }
    }

    fn push(&mut self, packet: RtpPacket) {
        self.bytes.0 += packet.payload.len();
        let _ = starts_key_frame(&packet);
        self.reorder.push(packet);
        let (held, given_up) = self.reorder.held();
        assert!(held <= WINDOW + 2, "{held} packets are held");
        assert!(given_up <= WINDOW, "{given_up} numbers are remembered");
        if held >= WINDOW {
            self.poll();
        }
    }

    fn poll(&mut self) {
        let mut last = None;
        while let Some(delivery) = self.reorder.poll(self.now) {
            let frames = &mut self.bytes.1;
            let emit = |assembled| {
                if let Assembled::Frame(frame) = assembled {
                    assert!(frame.data.len() <= MAX_FRAME_BYTES);
                    *frames += frame.data.len();
                }
            };
            match delivery {
                Delivery::Packet(number, packet) => {
                    assert!(last.is_none_or(|last| last < number), "out of order");
                    last = Some(number);
                    self.assembler.push(&packet, emit);
                }
                Delivery::Lost(_) => self.assembler.lost().into_iter().for_each(emit),
            }
            let (packets, bytes) = self.assembler.held();
            assert!(packets <= MAX_FRAME_PACKETS && bytes <= MAX_FRAME_BYTES);
        }
        assert!(self.bytes.1 <= self.bytes.0, "more comes out than went in");
    }
}
