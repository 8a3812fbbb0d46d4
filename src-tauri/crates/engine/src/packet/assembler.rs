//! Packets in order into whole frames, and only into frames that can be decoded.

use std::{collections::VecDeque, time::Instant};

use bytes::{Bytes, BytesMut};

use super::{
    PacketError, PictureId, RtpPacket, ScalabilityStructure, TemporalLayer, Vp8Descriptor,
    Vp9Descriptor, bitstream,
};
use crate::frame::{EncodedFrame, VideoCodec};

/// The largest frame that is put together, in bytes: a 4K picture at the finest quantizer stays below it.
pub const MAX_FRAME_BYTES: usize = 8 << 20;

/// The most packets of one frame: as many as the largest frame takes in payloads of [`MAX_PAYLOAD`](super::MAX_PAYLOAD).
/// Each keeps the whole datagram that it came in, however few bytes of it belong to the frame.
pub(super) const MAX_FRAME_PACKETS: usize = 8192;

/// How many pictures back a reference may point (RFC 9628 §4.2: P_DIFF has 7 bits).
const REMEMBERED: usize = 128;

/// What comes out.
#[derive(Debug, Clone)]
pub enum Assembled {
    /// A whole frame, all of whose references came out before.
    Frame(EncodedFrame),
    /// A frame is missing that later ones refer to: nothing more comes out until a key frame. Said once for each
    /// such loss.
    NeedKeyFrame,
}

/// Joins packets, which come in order, to frames.
///
/// A frame comes out when its last packet came, if nothing that it refers to is missing. A VP9 stream with layers
/// says what each picture refers to. Of others the picture ids tell whether anything is missing between two
/// frames, and VP8's temporal layers whether it matters.
#[derive(Debug, Default)]
pub struct Assembler {
    partial: Option<Partial>,
    /// The last frame that came out.
    last: Option<Mark>,
    /// Packets are missing behind it.
    gap: bool,
    chain: Chain,
    /// The ids of the last pictures that came out.
    shown: VecDeque<u16>,
    /// The group of pictures that repeats, and the id of its first one.
    group: Option<(PictureId, Vec<Vec<u8>>)>,
}

/// Which frames can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Chain {
    /// A key frame, and nothing before it.
    #[default]
    Broken,
    /// Temporal layers up to this one; 7 is more than there can be.
    Up(u8),
}

/// Whatever the layer.
const ALL_LAYERS: u8 = 7;

/// Where a frame stands in the stream.
#[derive(Debug, Clone)]
struct Mark {
    id: Option<PictureId>,
    layer: Option<TemporalLayer>,
    /// How far back the pictures are that it refers to, where its packets say so.
    references: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Partial {
    codec: VideoCodec,
    timestamp: u32,
    mark: Mark,
    structure: Option<ScalabilityStructure>,
    pieces: Vec<Bytes>,
    length: usize,
    arrived: Instant,
}

/// A descriptor, whichever codec's.
struct Piece {
    starts: bool,
    mark: Mark,
    structure: Option<ScalabilityStructure>,
    data: Bytes,
}

impl Assembler {
    /// One that waits for a key frame.
    pub fn new() -> Self {
        Self::default()
    }

    /// Packets before the next one were lost.
    pub fn lost(&mut self) -> Option<Assembled> {
        self.partial = None;
        self.gap = true;
        // With picture ids the next frame tells whether anything that matters is missing.
        match self.last {
            Some(Mark { id: Some(_), .. }) => None,
            _ => self.break_chain(),
        }
    }

    /// Whether nothing comes out until a key frame does.
    pub fn waits_for_key_frame(&self) -> bool {
        self.chain == Chain::Broken
    }

    /// How many packets, and how many bytes of them, wait for the rest of their frame.
    #[cfg(any(test, fuzzing))]
    pub(super) fn held(&self) -> (usize, usize) {
        let partial = self.partial.as_ref();
        partial.map_or((0, 0), |partial| (partial.pieces.len(), partial.length))
    }

    /// The next packet. At most one frame and one wish come of it, the wish first.
    pub fn push(&mut self, packet: &RtpPacket, mut emit: impl FnMut(Assembled)) {
        let Some(codec) = packet.codec else { return };
        if packet.payload.is_empty() {
            // Padding, by which a sender probes for bandwidth.
            return;
        }
        let piece = match Piece::parse(codec, &packet.payload) {
            Ok(piece) => piece,
            Err(_) => {
                // A damaged packet is as good as lost.
                self.lost().into_iter().for_each(emit);
                return;
            }
        };
        let continues = self
            .partial
            .as_ref()
            .is_some_and(|partial| partial.timestamp == packet.timestamp && partial.codec == codec);
        if piece.starts && !continues {
            // Nothing is missing, so a frame that had no marker was whole all the same.
            self.finish().into_iter().for_each(&mut emit);
            self.partial = Some(Partial {
                codec,
                timestamp: packet.timestamp,
                mark: piece.mark,
                structure: piece.structure,
                pieces: Vec::new(),
                length: 0,
                arrived: packet.arrived,
            });
        } else if !continues {
            // The rest of a frame whose beginning is lost.
            self.partial = None;
            self.gap = true;
            return;
        }
        if let Some(partial) = &mut self.partial {
            partial.length += piece.data.len();
            partial.pieces.push(piece.data);
            partial.arrived = packet.arrived;
            if partial.length > MAX_FRAME_BYTES || partial.pieces.len() > MAX_FRAME_PACKETS {
                self.lost().into_iter().for_each(emit);
                return;
            }
        }
        if packet.marker {
            self.finish().into_iter().for_each(emit);
        }
    }

    /// The frame that is being joined has ended.
    fn finish(&mut self) -> Option<Assembled> {
        let partial = self.partial.take()?;
        let data = partial.join();
        let key_frame = bitstream::is_key_frame(partial.codec, &data);
        if key_frame {
            self.begin(&partial);
        } else {
            match self.follow(partial.codec, &partial.mark) {
                Follow::Decodable => {}
                Follow::LeftOut => return None,
                Follow::Broken => return self.break_chain(),
            }
        }
        self.remember(partial.mark);
        let (width, height) = if key_frame {
            bitstream::key_frame_size(partial.codec, &data).unwrap_or_default()
        } else {
            (0, 0)
        };
        Some(Assembled::Frame(EncodedFrame {
            data,
            codec: partial.codec,
            key_frame,
            width,
            height,
            captured: partial.arrived,
            rtp_time: partial.timestamp,
            layer: None,
        }))
    }

    /// A key frame: what was before it does not matter any more.
    fn begin(&mut self, partial: &Partial) {
        self.chain = Chain::Up(ALL_LAYERS);
        self.shown.clear();
        self.group = partial
            .mark
            .id
            .zip(partial.structure.as_ref())
            .filter(|(_, structure)| !structure.group.is_empty())
            .map(|(id, structure)| {
                let references = structure
                    .group
                    .iter()
                    .map(|(_, _, references)| references.clone());
                (id, references.collect())
            });
    }

    fn remember(&mut self, mark: Mark) {
        if let Some(id) = mark.id {
            if self.shown.len() == REMEMBERED {
                self.shown.pop_front();
            }
            self.shown.push_back(id.number());
        }
        self.last = Some(mark);
        self.gap = false;
    }

    /// Whether a frame that is no key frame can be decoded after those that came out.
    fn follow(&mut self, codec: VideoCodec, mark: &Mark) -> Follow {
        let (Chain::Up(mut top), Some(last)) = (self.chain, &self.last) else {
            return Follow::Broken;
        };
        if let Some(known) = self.references_are_here(mark) {
            let upper = mark.layer.is_some_and(|layer| layer.id > 0);
            return match known {
                true => Follow::Decodable,
                false if upper => Follow::LeftOut,
                false => Follow::Broken,
            };
        }
        let missing = match (mark.id, last.id) {
            (Some(id), Some(last)) => id.after(last) != 1,
            _ => self.gap,
        };
        if missing {
            // Without layers every frame refers to the one before it. With them the base refers to itself alone, and
            // its running number tells whether all of it came.
            let (Some(layer), Some(last)) = (mark.layer, last.layer) else {
                return Follow::Broken;
            };
            let (Some(index), Some(last)) = (layer.base_index, last.base_index) else {
                return Follow::Broken;
            };
            if index.wrapping_sub(last) != u8::from(layer.id == 0) {
                return Follow::Broken;
            }
            top = 0;
        }
        let id = mark.layer.map_or(0, |layer| layer.id);
        // VP9's U says something else: that higher layers may be taken up behind this frame.
        let sync = codec == VideoCodec::Vp8 && mark.layer.is_some_and(|layer| layer.sync);
        if sync && id == top + 1 {
            top = id;
        }
        self.chain = Chain::Up(top);
        if id <= top || sync {
            Follow::Decodable
        } else {
            // The base goes on, so there is no need for a key frame. What was left out must not look like a loss.
            self.last = Some(mark.clone());
            self.gap = false;
            Follow::LeftOut
        }
    }

    /// Whether all that a frame refers to came out; `None` where that is not said.
    fn references_are_here(&self, mark: &Mark) -> Option<bool> {
        let id = mark.id?;
        let references = match (&mark.references, &self.group) {
            (Some(references), _) => references,
            (None, Some((first, group))) => {
                group.get(usize::from(id.after(*first)) % group.len())?
            }
            (None, None) => return None,
        };
        // A frame that is no key frame refers to something: its sender does not keep the rules.
        if references.is_empty() {
            return None;
        }
        Some(references.iter().all(|distance| {
            let wanted = id.before(u16::from(*distance)).number();
            self.shown.contains(&wanted)
        }))
    }

    fn break_chain(&mut self) -> Option<Assembled> {
        let first = self.chain != Chain::Broken || self.gap;
        self.chain = Chain::Broken;
        self.gap = false;
        first.then_some(Assembled::NeedKeyFrame)
    }
}

enum Follow {
    Decodable,
    LeftOut,
    Broken,
}

impl Partial {
    fn join(&self) -> Bytes {
        match &self.pieces[..] {
            [only] => only.clone(),
            pieces => {
                let mut data = BytesMut::with_capacity(self.length);
                for piece in pieces {
                    data.extend_from_slice(piece);
                }
                data.freeze()
            }
        }
    }
}

impl Piece {
    fn parse(codec: VideoCodec, payload: &Bytes) -> Result<Self, PacketError> {
        Ok(match codec {
            VideoCodec::Vp8 => {
                let (descriptor, length) = Vp8Descriptor::parse(payload)?;
                Self {
                    starts: descriptor.starts_frame(),
                    mark: Mark {
                        id: descriptor.picture_id,
                        layer: descriptor.layer,
                        references: None,
                    },
                    structure: None,
                    data: payload.slice(length..),
                }
            }
            VideoCodec::Vp9 => {
                let (descriptor, length) = Vp9Descriptor::parse(payload)?;
                Self {
                    starts: descriptor.starts_picture(),
                    mark: Mark {
                        id: descriptor.picture_id,
                        layer: descriptor.layer.map(|layer| layer.temporal),
                        references: (descriptor.flexible && descriptor.predicted)
                            .then_some(descriptor.references),
                    },
                    structure: descriptor.structure,
                    data: payload.slice(length..),
                }
            }
        })
    }
}
