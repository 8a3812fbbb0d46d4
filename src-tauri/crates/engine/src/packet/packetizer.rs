//! Frames into payloads.

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    LayerFrame, MAX_PAYLOAD, Payload, PictureId, ScalabilityStructure, TemporalLayer,
    Vp8Descriptor, Vp9Descriptor,
};
use crate::frame::{EncodedFrame, LAYERS, VideoCodec};

/// Cuts the frames of one stream into payloads. All payloads of a frame share one allocation, and cloning them
/// for many receivers copies nothing.
#[derive(Debug)]
pub struct Packetizer {
    next_id: u16,
    /// The last picture of each temporal layer since the last key frame.
    layers: [Option<PictureId>; LAYERS],
}

impl Packetizer {
    /// `first_picture_id` should be random (RFC 7741 §4.2); its lower 15 bits are used.
    pub fn new(first_picture_id: u16) -> Self {
        Self {
            next_id: first_picture_id,
            layers: [None; LAYERS],
        }
    }

    /// The payloads of one frame of a stream in temporal layers, cut as [`packetize`](Self::packetize) does. VP9 is sent in
    /// flexible mode, in which each packet says what its picture refers to: with pictures left out no pattern would tell
    /// a receiver. A frame refers to the last one of a lower layer, one of the base layer to the last of the base.
    ///
    /// `number` is the picture's, of which 15 bits count; it grows with each. Several encodings of one source that a
    /// receiver is switched between number their pictures alike. `None` where the frame refers further back than can
    /// be said, which a key frame mends.
    pub fn packetize_layered(
        &mut self,
        frame: &EncodedFrame,
        layer: u8,
        number: u16,
    ) -> Option<Vec<Payload>> {
        if frame.data.is_empty() {
            return Some(Vec::new());
        }
        let id = PictureId::long(number);
        let references = if frame.key_frame {
            self.layers = [None; LAYERS];
            Vec::new()
        } else {
            let below = usize::from(layer).clamp(1, LAYERS);
            let last = self.layers[..below].iter().flatten();
            let distance = last.map(|last| id.after(*last)).min()?;
            vec![
                u8::try_from(distance)
                    .ok()
                    .filter(|d| (1..128).contains(d))?,
            ]
        };
        if let Some(last) = self.layers.get_mut(usize::from(layer)) {
            *last = Some(id);
        }
        Some(cut(&frame.data, |first, last, out| {
            Vp9Descriptor {
                picture_id: Some(id),
                predicted: !frame.key_frame,
                flexible: true,
                start: first,
                end: last,
                layer: Some(LayerFrame {
                    temporal: TemporalLayer {
                        id: layer,
                        // Nothing refers to its own layer but the base.
                        sync: true,
                        base_index: None,
                    },
                    spatial: 0,
                    on_lower: false,
                }),
                references: references.clone(),
                structure: (first && frame.key_frame)
                    .then(|| structure(frame))
                    .flatten(),
                ..Vp9Descriptor::default()
            }
            .write(out);
        }))
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

/// More than the longest descriptor that is made here: 1 + 2 + 1 + 1 + 5 bytes.
const MAX_DESCRIPTOR: usize = 12;

/// Cuts data into pieces of one size, which the last may fall short of: packets of one size can be given to the system
/// together. `describe` writes the descriptor of each, told whether it is the first or the last.
fn cut(data: &Bytes, describe: impl Fn(bool, bool, &mut Vec<u8>)) -> Vec<Payload> {
    let count = data.len().div_ceil(MAX_PAYLOAD - MAX_DESCRIPTOR);
    let size = data.len().div_ceil(count);
    let mut all = BytesMut::with_capacity(data.len() + count * MAX_DESCRIPTOR);
    let mut descriptor = Vec::with_capacity(MAX_DESCRIPTOR);
    let pieces: Vec<&[u8]> = data.chunks(size).collect();
    let last = pieces.len().saturating_sub(1);
    let payload = |(n, piece): (usize, &&[u8])| {
        descriptor.clear();
        describe(n == 0, n == last, &mut descriptor);
        all.put_slice(&descriptor);
        all.put_slice(piece);
        Payload {
            data: all.split().freeze(),
            marker: n == last,
        }
    };
    pieces.iter().enumerate().map(payload).collect()
}
