//! Frames into payloads.

use bytes::{BufMut, Bytes, BytesMut};

use super::{MAX_PAYLOAD, Payload, PictureId, ScalabilityStructure, Vp8Descriptor, Vp9Descriptor};
use crate::frame::{EncodedFrame, VideoCodec};

/// Cuts the frames of one stream into payloads. All payloads of a frame share one allocation, and cloning them
/// for many receivers copies nothing.
#[derive(Debug)]
pub struct Packetizer {
    next_id: u16,
}

impl Packetizer {
    /// `first_picture_id` should be random (RFC 7741 §4.2); its lower 15 bits are used.
    pub fn new(first_picture_id: u16) -> Self {
        Self {
            next_id: first_picture_id,
        }
    }

    /// The payloads of one frame, each at most [`MAX_PAYLOAD`] bytes and all of about the same size, the
    /// marker on the last. None for a frame without data.
    ///
    /// VP9 is sent in non-flexible mode as one layer; a key frame says its size in front.
    pub fn packetize(&mut self, frame: &EncodedFrame) -> Vec<Payload> {
        if frame.data.is_empty() {
            return Vec::new();
        }
        let id = PictureId::long(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        cut(&frame.data, |first, last, out| match frame.codec {
            VideoCodec::Vp8 => Vp8Descriptor {
                start: first,
                picture_id: Some(id),
                ..Vp8Descriptor::default()
            }
            .write(out),
            VideoCodec::Vp9 => Vp9Descriptor {
                picture_id: Some(id),
                predicted: !frame.key_frame,
                start: first,
                end: last,
                structure: (first && frame.key_frame)
                    .then(|| structure(frame))
                    .flatten(),
                ..Vp9Descriptor::default()
            }
            .write(out),
        })
    }
}

fn structure(frame: &EncodedFrame) -> Option<ScalabilityStructure> {
    let size: (u16, u16) = (frame.width.try_into().ok()?, frame.height.try_into().ok()?);
    (size != (0, 0)).then(|| ScalabilityStructure {
        sizes: vec![size],
        group: Vec::new(),
    })
}

/// More than the longest descriptor that is made here: 1 + 2 + 5 bytes.
const MAX_DESCRIPTOR: usize = 10;

/// Cuts data into balanced pieces; `describe` writes the descriptor of each, told whether it is the first or
/// the last.
fn cut(data: &Bytes, describe: impl Fn(bool, bool, &mut Vec<u8>)) -> Vec<Payload> {
    let count = data.len().div_ceil(MAX_PAYLOAD - MAX_DESCRIPTOR);
    let (size, longer) = (data.len() / count, data.len() % count);
    let mut all = BytesMut::with_capacity(data.len() + count * MAX_DESCRIPTOR);
    let mut descriptor = Vec::with_capacity(MAX_DESCRIPTOR);
    let mut rest = &data[..];
    (0..count)
        .map(|n| {
            let last = n + 1 == count;
            let (piece, behind) = rest.split_at(size + usize::from(n < longer));
            rest = behind;
            descriptor.clear();
            describe(n == 0, last, &mut descriptor);
            all.put_slice(&descriptor);
            all.put_slice(piece);
            Payload {
                data: all.split().freeze(),
                marker: last,
            }
        })
        .collect()
}
