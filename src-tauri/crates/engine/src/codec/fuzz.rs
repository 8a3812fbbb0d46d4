//! Fuzz targets: what reaches the decoders. Their libraries are C, which the fuzzer does not see into; what is looked at
//! is our own check of each frame's header and the code around the libraries.

use bytes::Bytes;

use super::{AudioDecoder as _, MAX_SIDE, OpusDecoder, VideoDecoder as _, VpxDecoder};
use crate::{
    frame::{EncodedFrame, OPUS_SAMPLES, VideoCodec},
    fuzz::{Input, start},
};

/// Frames of one stream, in the codec that the first byte says; each is led by its length.
pub(crate) fn pictures(data: &[u8]) {
    let mut input = Input::new(data);
    let codec = match input.byte() & 1 {
        0 => VideoCodec::Vp8,
        _ => VideoCodec::Vp9,
    };
    let mut decoder = VpxDecoder::new(codec);
    while !input.is_empty() {
        let length = usize::from(input.number());
        let frame = EncodedFrame {
            data: Bytes::copy_from_slice(input.take(length)),
            codec,
            key_frame: false,
            width: 0,
            height: 0,
            captured: start(),
            rtp_time: 0,
            layer: None,
        };
        if let Ok(Some(picture)) = decoder.decode(&frame) {
            let (width, height) = (picture.buffer.width(), picture.buffer.height());
            assert!((1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height));
        }
    }
}

/// Packets of sound, each led by its length; the first bit of that says whether only its error correction is used.
pub(crate) fn sound(data: &[u8]) {
    let Ok(mut decoder) = OpusDecoder::new() else {
        return;
    };
    let mut input = Input::new(data);
    let mut samples = [0.0; OPUS_SAMPLES];
    while !input.is_empty() {
        let head = input.number();
        let packet = input.take(usize::from(head & 0x7fff));
        let decoded = match (packet.is_empty(), head & 0x8000) {
            (true, _) => decoder.conceal(&mut samples),
            (false, 0) => decoder.decode(packet, &mut samples),
            (false, _) => decoder.decode_fec(packet, &mut samples),
        };
        if decoded.is_ok() {
            assert!(samples.iter().all(|sample| sample.is_finite()));
        }
    }
}
