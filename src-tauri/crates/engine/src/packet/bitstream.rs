//! The little that has to be known of a frame without decoding it.

use crate::frame::VideoCodec;

/// Whether the frame that begins with these bytes is a key frame.
pub(super) fn is_key_frame(codec: VideoCodec, data: &[u8]) -> bool {
    match codec {
        // RFC 6386 §9.1: the lowest bit is the inverse of it.
        VideoCodec::Vp8 => data.first().is_some_and(|first| first & 1 == 0),
        // VP9 bitstream specification §6.2: frame_marker 2, profile 0 to 2, no repetition of an old frame,
        // frame_type 0; profile 3 has one bit more in front.
        VideoCodec::Vp9 => data.first().is_some_and(|first| match first >> 4 {
            0b1000..=0b1010 => first & 0b1100 == 0,
            0b1011 => first & 0b1110 == 0,
            _ => false,
        }),
    }
}

/// Width and height of a key frame, where its header says them.
pub(super) fn key_frame_size(codec: VideoCodec, data: &[u8]) -> Option<(u32, u32)> {
    match codec {
        VideoCodec::Vp8 => match data {
            [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] => {
                let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
                Some((side(*w0, *w1), side(*h0, *h1)))
            }
            _ => None,
        },
        // Profile 0: 8 bits, 24 of a start code, 4 of colour; then the two sides less one.
        VideoCodec::Vp9 => match data {
            [first, 0x49, 0x83, 0x42, rest @ ..] if first >> 4 == 0b1000 && rest.len() >= 5 => {
                let bits = rest[..5]
                    .iter()
                    .fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
                let side = |shift: u32| (bits >> shift & 0xffff) as u32 + 1;
                Some((side(20), side(4)))
            }
            _ => None,
        },
    }
}
