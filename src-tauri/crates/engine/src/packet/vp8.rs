//! The payload descriptor of VP8 (RFC 7741 §4.2).

use super::{PacketError, PictureId, TemporalLayer, picture_id::Bytes};

/// What stands in front of each piece of a VP8 frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vp8Descriptor {
    /// N: no other picture refers to this one.
    pub non_reference: bool,
    /// S: a partition begins with this packet.
    pub start: bool,
    /// PID: the partition that its first byte belongs to.
    pub partition: u8,
    /// The picture's number.
    pub picture_id: Option<PictureId>,
    /// The temporal layer. A TL0PICIDX without a TID is read, and not kept.
    pub layer: Option<TemporalLayer>,
    /// KEYIDX: the running number of the key frame that it refers to, 5 bits.
    pub key_index: Option<u8>,
}

impl Vp8Descriptor {
    /// Whether a frame begins with this packet.
    pub fn starts_frame(&self) -> bool {
        self.start && self.partition == 0
    }

    /// Reads the descriptor of a payload; also says how long it is. An error where nothing comes behind it.
    pub fn parse(payload: &[u8]) -> Result<(Self, usize), PacketError> {
        let mut bytes = Bytes::new(payload);
        let first = bytes.next()?;
        let mut descriptor = Self {
            non_reference: first & 0x20 != 0,
            start: first & 0x10 != 0,
            partition: first & 0x07,
            ..Self::default()
        };
        if first & 0x80 != 0 {
            let extension = bytes.next()?;
            if extension & 0x80 != 0 {
                descriptor.picture_id = Some(PictureId::read(&mut bytes)?);
            }
            let base_index = if extension & 0x40 != 0 {
                Some(bytes.next()?)
            } else {
                None
            };
            if extension & 0x30 != 0 {
                let byte = bytes.next()?;
                if extension & 0x20 != 0 {
                    descriptor.layer = Some(TemporalLayer {
                        id: byte >> 6,
                        sync: byte & 0x20 != 0,
                        base_index,
                    });
                }
                if extension & 0x10 != 0 {
                    descriptor.key_index = Some(byte & 0x1f);
                }
            }
        }
        Ok((descriptor, bytes.before_payload()?))
    }

    /// Appends the descriptor to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let base_index = self.layer.and_then(|layer| layer.base_index);
        let extension = u8::from(self.picture_id.is_some()) << 7
            | u8::from(base_index.is_some()) << 6
            | u8::from(self.layer.is_some()) << 5
            | u8::from(self.key_index.is_some()) << 4;
        out.push(
            u8::from(extension != 0) << 7
                | u8::from(self.non_reference) << 5
                | u8::from(self.start) << 4
                | self.partition & 0x07,
        );
        if extension == 0 {
            return;
        }
        out.push(extension);
        if let Some(id) = self.picture_id {
            id.write(out);
        }
        out.extend(base_index);
        if self.layer.is_some() || self.key_index.is_some() {
            let layer = self
                .layer
                .map_or(0, |layer| layer.id << 6 | u8::from(layer.sync) << 5);
            out.push(layer | self.key_index.unwrap_or(0) & 0x1f);
        }
    }
}
