//! The few bits of a frame's header that decide whether the decoder may see it. Pure.

use crate::frame::VideoCodec;

/// The longest side of a picture that is decoded, in pixels: 4K with room to spare. A frame may ask for 16384
/// (VP8) or 65536 (VP9), which would be gigabytes.
pub const MAX_SIDE: u32 = 4096;

/// VP9 puts at most this many frames into one (bitstream specification, Annex B).
const MAX_FRAMES: usize = 8;

/// Checks all that is said about sizes, and says whether decoding can begin with this frame.
pub(super) fn check(codec: VideoCodec, data: &[u8]) -> Result<bool, String> {
    match codec {
        VideoCodec::Vp8 => vp8(data),
        VideoCodec::Vp9 => {
            let mut key_frame = false;
            for (n, frame) in vp9_frames(data)?.into_iter().enumerate() {
                key_frame |= vp9(frame)? && n == 0;
            }
            Ok(key_frame)
        }
    }
}

/// Refuses empty and huge pictures.
pub(super) fn check_size(width: u32, height: u32) -> Result<(), String> {
    if (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height) {
        Ok(())
    } else {
        Err(format!("a picture of {width}x{height} is refused"))
    }
}

/// RFC 6386 §9.1.
fn vp8(data: &[u8]) -> Result<bool, String> {
    let first = data.first().ok_or("the frame is empty")?;
    if first & 1 != 0 {
        return Ok(false);
    }
    match data {
        [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] => {
            // The two highest bits are a wish for scaling.
            let side = |low: &u8, high: &u8| u32::from(u16::from_le_bytes([*low, *high]) & 0x3fff);
            check_size(side(w0, w1), side(h0, h1)).map(|()| true)
        }
        _ => Err("a key frame without its start code".to_owned()),
    }
}

/// The frames within a superframe, or the frame itself (Annex B.2).
fn vp9_frames(data: &[u8]) -> Result<Vec<&[u8]>, String> {
    let last = *data.last().ok_or("the frame is empty")?;
    if last & 0xe0 != 0xc0 {
        return Ok(vec![data]);
    }
    let count = usize::from(last & 7) + 1;
    let width = usize::from(last >> 3 & 3) + 1;
    let length = 2 + count * width;
    let Some(start) = data
        .len()
        .checked_sub(length)
        .filter(|start| data[*start] == last)
    else {
        return Ok(vec![data]);
    };
    let mut frames = Vec::with_capacity(MAX_FRAMES);
    let mut rest = &data[..start];
    for size in data[start + 1..data.len() - 1].chunks(width) {
        let size = size
            .iter()
            .rev()
            .fold(0, |size, byte| size << 8 | usize::from(*byte));
        let (frame, behind) = rest
            .split_at_checked(size)
            .ok_or("a superframe with wrong sizes")?;
        if !frame.is_empty() {
            frames.push(frame);
        }
        rest = behind;
    }
    if frames.is_empty() {
        return Err("a superframe without frames".to_owned());
    }
    Ok(frames)
}

/// The uncompressed header up to the size (§6.2, §7.2).
fn vp9(data: &[u8]) -> Result<bool, String> {
    const SYNC: u32 = 0x49_8342;
    let mut bits = Bits { data, at: 0 };
    let short = "a frame header cut short";
    if bits.read(2).ok_or(short)? != 2 {
        return Err("not a frame of VP9".to_owned());
    }
    // Low bit first. Profile 1 and above are other samplings or more than 8 bits.
    if bits.read(2).ok_or(short)? != 0 {
        return Err("a profile other than 0".to_owned());
    }
    let show_existing = bits.flag().ok_or(short)?;
    if show_existing {
        return Ok(false);
    }
    let key_frame = !bits.flag().ok_or(short)?;
    let shown = bits.flag().ok_or(short)?;
    let resilient = bits.flag().ok_or(short)?;
    if key_frame {
        if bits.read(24).ok_or(short)? != SYNC {
            return Err("a key frame without its start code".to_owned());
        }
        // Colour: of sRGB, which is not 4:2:0, the decoder itself says that it is not for profile 0.
        if bits.read(3).ok_or(short)? == 7 {
            return Err("sRGB is not for profile 0".to_owned());
        }
        bits.flag().ok_or(short)?;
        bits.size().ok_or(short)?.check()?;
        return Ok(true);
    }
    let intra_only = !shown && bits.flag().ok_or(short)?;
    if !resilient {
        bits.read(2).ok_or(short)?;
    }
    if intra_only {
        if bits.read(24).ok_or(short)? != SYNC {
            return Err("an intra frame without its start code".to_owned());
        }
        bits.read(8).ok_or(short)?;
        bits.size().ok_or(short)?.check()?;
        return Ok(false);
    }
    // Which frames are replaced, and three references with a sign each.
    bits.read(8 + 3 * 4).ok_or(short)?;
    for _ in 0..3 {
        if bits.flag().ok_or(short)? {
            // It has the size of a reference, which was checked.
            return Ok(false);
        }
    }
    bits.size().ok_or(short)?.check()?;
    Ok(false)
}

struct Size(u32, u32);

impl Size {
    fn check(&self) -> Result<(), String> {
        check_size(self.0, self.1)
    }
}

struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn read(&mut self, count: usize) -> Option<u32> {
        (0..count).try_fold(0, |value, _| Some(value << 1 | u32::from(self.flag()?)))
    }

    fn flag(&mut self) -> Option<bool> {
        let byte = self.data.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    fn size(&mut self) -> Option<Size> {
        Some(Size(self.read(16)? + 1, self.read(16)? + 1))
    }
}
