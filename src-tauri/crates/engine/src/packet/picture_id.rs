//! What the descriptors of VP8 and VP9 have in common: picture ids and temporal layers.

use super::PacketError;

/// The number of a picture, which grows by one from picture to picture and wraps around (RFC 7741 §4.2,
/// RFC 9628 §4.2). The sender chooses between 7 and 15 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureId {
    number: u16,
    long: bool,
}

impl PictureId {
    /// With 15 bits; a higher bit is left out.
    pub const fn long(number: u16) -> Self {
        Self {
            number: number & 0x7fff,
            long: true,
        }
    }

    /// With 7 bits; higher bits are left out.
    pub const fn short(number: u8) -> Self {
        Self {
            number: (number & 0x7f) as u16,
            long: false,
        }
    }

    /// The number.
    pub const fn number(self) -> u16 {
        self.number
    }

    /// How many pictures this one comes after `earlier`, around the wrap: 1 for the very next.
    pub const fn after(self, earlier: Self) -> u16 {
        let mask = if self.long { 0x7fff } else { 0x7f };
        self.number.wrapping_sub(earlier.number) & mask
    }

    /// The picture that came this many before.
    pub(super) const fn before(self, distance: u16) -> Self {
        let mask = if self.long { 0x7fff } else { 0x7f };
        Self {
            number: self.number.wrapping_sub(distance) & mask,
            long: self.long,
        }
    }

    pub(super) fn write(self, out: &mut Vec<u8>) {
        if self.long {
            out.extend_from_slice(&(self.number | 0x8000).to_be_bytes());
        } else {
            out.push(self.number as u8);
        }
    }

    pub(super) fn read(bytes: &mut Bytes<'_>) -> Result<Self, PacketError> {
        let first = bytes.next()?;
        if first & 0x80 == 0 {
            return Ok(Self::short(first));
        }
        Ok(Self::long(u16::from_be_bytes([first, bytes.next()?])))
    }
}

/// Where a picture stands among the temporal layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemporalLayer {
    /// The layer; 0 is the base, which needs no other.
    pub id: u8,
    /// It refers to the base layer only (VP8's Y), or decoding of this layer may begin with it (VP9's U).
    pub sync: bool,
    /// How many pictures of the base layer there were, modulo 256, where known: the running number of the one
    /// that this picture is or belongs to.
    pub base_index: Option<u8>,
}

/// Bytes that are read one by one and may end too early.
pub(super) struct Bytes<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    pub(super) fn next(&mut self) -> Result<u8, PacketError> {
        let byte = *self.data.get(self.at).ok_or(PacketError::Short)?;
        self.at += 1;
        Ok(byte)
    }

    pub(super) fn next_u16(&mut self) -> Result<u16, PacketError> {
        Ok(u16::from_be_bytes([self.next()?, self.next()?]))
    }

    /// How many were read, if at least one is left.
    pub(super) fn before_payload(&self) -> Result<usize, PacketError> {
        if self.at < self.data.len() {
            Ok(self.at)
        } else {
            Err(PacketError::Short)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_goes_around_the_wrap() {
        assert_eq!(PictureId::long(0).after(PictureId::long(0x7fff)), 1);
        assert_eq!(PictureId::short(2).after(PictureId::short(126)), 4);
        assert_eq!(PictureId::long(5).after(PictureId::long(6)), 0x7fff);
    }
}
