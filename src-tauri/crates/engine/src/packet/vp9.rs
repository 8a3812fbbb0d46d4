//! The payload descriptor of VP9 (RFC 9628 §4.2).

use super::{PacketError, PictureId, TemporalLayer, picture_id::Bytes};

/// What stands in front of each piece of a VP9 frame.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vp9Descriptor {
    /// The picture's number.
    pub picture_id: Option<PictureId>,
    /// P: it refers to earlier pictures.
    pub predicted: bool,
    /// F: flexible mode, in which each packet names what its picture refers to.
    pub flexible: bool,
    /// B: a layer's frame begins with this packet.
    pub start: bool,
    /// E: a layer's frame ends with this packet.
    pub end: bool,
    /// Z: no higher spatial layer refers to it.
    pub not_for_upper: bool,
    /// Where it stands among the layers; `None` where there is but one.
    pub layer: Option<LayerFrame>,
    /// P_DIFF: how many pictures before this one those are that it refers to; flexible mode only, at most
    /// three.
    pub references: Vec<u8>,
    /// What layers there are.
    pub structure: Option<ScalabilityStructure>,
}

/// The layer of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerFrame {
    /// TID, U and, outside flexible mode, TL0PICIDX.
    pub temporal: TemporalLayer,
    /// SID: the spatial layer; 0 is the smallest picture.
    pub spatial: u8,
    /// D: it refers to the spatial layer below it.
    pub on_lower: bool,
}

/// What layers a stream has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScalabilityStructure {
    /// Width and height of each spatial layer, the smallest first; as many zeros where they are not said.
    pub sizes: Vec<(u16, u16)>,
    /// For each picture of the group that repeats: its temporal layer, U, and the distances to what it
    /// refers to.
    pub group: Vec<(u8, bool, Vec<u8>)>,
}

impl Vp9Descriptor {
    /// Whether a picture begins with this packet: its lowest spatial layer does.
    pub fn starts_picture(&self) -> bool {
        self.start && self.layer.is_none_or(|layer| layer.spatial == 0)
    }

    /// Reads the descriptor of a payload; also says how long it is. An error where nothing comes behind it.
    pub fn parse(payload: &[u8]) -> Result<(Self, usize), PacketError> {
        let mut bytes = Bytes::new(payload);
        let first = bytes.next()?;
        let bit = |mask: u8| first & mask != 0;
        let mut descriptor = Self {
            predicted: bit(0x40),
            flexible: bit(0x10),
            start: bit(0x08),
            end: bit(0x04),
            not_for_upper: bit(0x01),
            ..Self::default()
        };
        if bit(0x80) {
            descriptor.picture_id = Some(PictureId::read(&mut bytes)?);
        }
        if bit(0x20) {
            let byte = bytes.next()?;
            let base_index = if descriptor.flexible {
                None
            } else {
                Some(bytes.next()?)
            };
            descriptor.layer = Some(LayerFrame {
                temporal: TemporalLayer {
                    id: byte >> 5,
                    sync: byte & 0x10 != 0,
                    base_index,
                },
                spatial: byte >> 1 & 0x07,
                on_lower: byte & 0x01 != 0,
            });
        }
        if descriptor.flexible && descriptor.predicted {
            loop {
                let byte = bytes.next()?;
                descriptor.references.push(byte >> 1);
                match (byte & 1, descriptor.references.len()) {
                    (0, _) => break,
                    (_, 3) => return Err(PacketError::Malformed),
                    _ => {}
                }
            }
        }
        if bit(0x02) {
            descriptor.structure = Some(ScalabilityStructure::read(&mut bytes)?);
        }
        Ok((descriptor, bytes.before_payload()?))
    }

    /// Appends the descriptor to `out`. Outside flexible mode a layer without `base_index` is written with
    /// index 0.
    pub fn write(&self, out: &mut Vec<u8>) {
        let references = if self.flexible && self.predicted {
            &self.references[..]
        } else {
            &[]
        };
        out.push(
            u8::from(self.picture_id.is_some()) << 7
                | u8::from(self.predicted) << 6
                | u8::from(self.layer.is_some()) << 5
                | u8::from(self.flexible) << 4
                | u8::from(self.start) << 3
                | u8::from(self.end) << 2
                | u8::from(self.structure.is_some()) << 1
                | u8::from(self.not_for_upper),
        );
        if let Some(id) = self.picture_id {
            id.write(out);
        }
        if let Some(layer) = self.layer {
            out.push(
                layer.temporal.id << 5
                    | u8::from(layer.temporal.sync) << 4
                    | (layer.spatial & 0x07) << 1
                    | u8::from(layer.on_lower),
            );
            if !self.flexible {
                out.push(layer.temporal.base_index.unwrap_or(0));
            }
        }
        for (n, distance) in references.iter().enumerate() {
            out.push(distance << 1 | u8::from(n + 1 < references.len()));
        }
        if let Some(structure) = &self.structure {
            structure.write(out);
        }
    }
}

impl ScalabilityStructure {
    fn read(bytes: &mut Bytes<'_>) -> Result<Self, PacketError> {
        let first = bytes.next()?;
        let layers = usize::from(first >> 5) + 1;
        let mut structure = Self {
            sizes: vec![(0, 0); layers],
            group: Vec::new(),
        };
        if first & 0x10 != 0 {
            for size in &mut structure.sizes {
                *size = (bytes.next_u16()?, bytes.next_u16()?);
            }
        }
        if first & 0x08 != 0 {
            for _ in 0..bytes.next()? {
                let byte = bytes.next()?;
                let references = (0..byte >> 2 & 0x03)
                    .map(|_| bytes.next())
                    .collect::<Result<_, _>>()?;
                structure
                    .group
                    .push((byte >> 5, byte & 0x10 != 0, references));
            }
        }
        Ok(structure)
    }

    fn write(&self, out: &mut Vec<u8>) {
        let sizes = self.sizes.iter().any(|size| *size != (0, 0));
        let layers = self.sizes.len().clamp(1, 8) as u8;
        out.push((layers - 1) << 5 | u8::from(sizes) << 4 | u8::from(!self.group.is_empty()) << 3);
        if sizes {
            for (width, height) in self.sizes.iter().take(8) {
                out.extend_from_slice(&width.to_be_bytes());
                out.extend_from_slice(&height.to_be_bytes());
            }
        }
        if !self.group.is_empty() {
            let length = self.group.len().min(255);
            out.push(length as u8);
            for (temporal, switch, references) in &self.group[..length] {
                let count = references.len().min(3);
                out.push(temporal << 5 | u8::from(*switch) << 4 | (count as u8) << 2);
                out.extend_from_slice(&references[..count]);
            }
        }
    }
}
