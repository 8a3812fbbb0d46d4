//! Opus (RFC 6716) as calls use it (RFC 7587): 48 kHz, one channel, 20 ms.

use opus::{Application, Bitrate as OpusBitrate, Channels, Decoder, Encoder};

use super::{AudioDecoder, AudioEncoder, CodecError};
use crate::frame::{Bitrate, OPUS_SAMPLES, SAMPLE_RATE};

/// What a voice at full bandwidth needs; more is not heard.
const START_BITRATE: Bitrate = Bitrate::kbps(32);
/// Below 6 kbit/s libopus refuses, above this one channel gains nothing.
const BITRATES: (u64, u64) = (6_000, 128_000);
/// Of 10: the last step costs a third more time for nothing that is heard.
const COMPLEXITY: i32 = 9;
/// In percent. Below this libopus puts too little of the packet before into each one to be of use.
const MIN_EXPECTED_LOSS: u8 = 5;
/// The longest packet, 120 ms (RFC 6716 §3.2.5).
const LONGEST: usize = 6 * OPUS_SAMPLES;

/// Compresses sound to Opus.
pub struct OpusEncoder {
    inner: Encoder,
}

impl OpusEncoder {
    /// An encoder for speech at 32 kbit/s, with in-band FEC for 5 % of loss.
    pub fn new() -> Result<Self, CodecError> {
        let setup = || {
            let mut inner = Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Voip)?;
            inner.set_vbr(true)?;
            inner.set_complexity(COMPLEXITY)?;
            inner.set_inband_fec(true)?;
            Ok(inner)
        };
        let mut encoder = Self {
            inner: setup().map_err(|error: opus::Error| failed_setup(&error))?,
        };
        encoder.set_bitrate(START_BITRATE)?;
        encoder.set_expected_loss(MIN_EXPECTED_LOSS)?;
        Ok(encoder)
    }
}

impl AudioEncoder for OpusEncoder {
    fn encode(
        &mut self,
        samples: &[f32; OPUS_SAMPLES],
        packet: &mut [u8],
    ) -> Result<usize, CodecError> {
        self.inner
            .encode_float(samples, packet)
            .map_err(|error| CodecError::Encode {
                codec: "Opus",
                detail: error.to_string(),
            })
    }

    fn set_expected_loss(&mut self, percent: u8) -> Result<(), CodecError> {
        let percent = percent.clamp(MIN_EXPECTED_LOSS, 100);
        self.inner
            .set_packet_loss_perc(percent.into())
            .map_err(|error| failed_setup(&error))
    }

    fn set_bitrate(&mut self, bitrate: Bitrate) -> Result<(), CodecError> {
        let bits = bitrate.as_bps().clamp(BITRATES.0, BITRATES.1) as i32;
        self.inner
            .set_bitrate(OpusBitrate::Bits(bits))
            .map_err(|error| failed_setup(&error))
    }
}

/// Decompresses Opus to one channel; of a stereo packet it is the mean of both.
pub struct OpusDecoder {
    inner: Decoder,
    /// What the last packet became.
    sound: Box<[f32; LONGEST]>,
    /// Where in `sound` that begins which was not handed out yet, and where it ends.
    rest: (usize, usize),
}

impl OpusDecoder {
    /// A decoder without history.
    pub fn new() -> Result<Self, CodecError> {
        let inner =
            Decoder::new(SAMPLE_RATE, Channels::Mono).map_err(|error| failed_setup(&error))?;
        Ok(Self {
            inner,
            sound: Box::new([0.0; LONGEST]),
            rest: (0, 0),
        })
    }
}

impl AudioDecoder for OpusDecoder {
    /// Of a packet longer than 20 ms the first 20 are handed out, and the calls of
    /// [`conceal`](AudioDecoder::conceal) that follow bring the rest. A shorter one is filled up.
    fn decode(
        &mut self,
        packet: &[u8],
        samples: &mut [f32; OPUS_SAMPLES],
    ) -> Result<(), CodecError> {
        self.rest = (0, 0);
        if packet.is_empty() {
            // To libopus that means a lost packet.
            return Err(failed_decode("an empty packet"));
        }
        let made = self
            .inner
            .decode_float(packet, &mut self.sound[..], false)
            .map_err(failed_decode)?;
        self.rest = (0, made);
        self.conceal(samples)
    }

    fn decode_fec(
        &mut self,
        next: &[u8],
        samples: &mut [f32; OPUS_SAMPLES],
    ) -> Result<(), CodecError> {
        if next.is_empty() {
            return Err(failed_decode("an empty packet"));
        }
        self.rest = (0, 0);
        self.inner
            .decode_float(next, samples, true)
            .map_err(failed_decode)?;
        Ok(())
    }

    fn conceal(&mut self, samples: &mut [f32; OPUS_SAMPLES]) -> Result<(), CodecError> {
        let (from, to) = self.rest;
        let kept = (to - from).min(OPUS_SAMPLES);
        let (start, missing) = samples.split_at_mut(kept);
        start.copy_from_slice(&self.sound[from..from + kept]);
        self.rest.0 += kept;
        if !missing.is_empty() {
            self.inner
                .decode_float(&[], missing, false)
                .map_err(failed_decode)?;
        }
        Ok(())
    }
}

fn failed_setup(error: &opus::Error) -> CodecError {
    CodecError::Setup {
        codec: "Opus",
        detail: error.to_string(),
    }
}

fn failed_decode(detail: impl std::fmt::Display) -> CodecError {
    CodecError::Decode {
        codec: "Opus",
        detail: detail.to_string(),
    }
}

#[cfg(test)]
#[path = "opus_tests.rs"]
mod tests;
