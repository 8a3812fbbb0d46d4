//! One peer's voice: packets in, 10 ms of sound out at the speaker's pace.

use std::time::Instant;

use super::{
    jitter::{JitterBuffer, JitterStats, Next},
    level::rms_db,
};
use crate::{
    codec::AudioDecoder,
    frame::{AudioBlock, BLOCK_SAMPLES, OPUS_SAMPLES},
    packet::RtpPacket,
};

type Frame = [f32; OPUS_SAMPLES];

/// Below this a change of the delay by 20 ms is not heard, in dB.
const QUIET_DB: f32 = -50.0;

/// Made-up frames that sound like the voice; longer it hums like a machine, so it is faded out over
/// as many again.
const PLAUSIBLE: u32 = 3;

/// Samples over which sound comes in after silence, 5 ms: no click.
const FADE_IN: usize = 240;

/// Jitter buffer and decoder of one stream.
pub struct Playout {
    buffer: JitterBuffer,
    decoder: Box<dyn AudioDecoder>,
    frame: Box<Frame>,
    /// Samples of `frame` that were handed out.
    used: usize,
    /// The RTP time stamp of `frame`, where it is what a packet held.
    stamp: Option<u32>,
    made_up: u32,
    silent: bool,
    quiet: bool,
}

impl Playout {
    /// A stream that has not begun.
    pub fn new(decoder: Box<dyn AudioDecoder>) -> Self {
        Self {
            buffer: JitterBuffer::default(),
            decoder,
            frame: Box::new([0.0; OPUS_SAMPLES]),
            used: OPUS_SAMPLES,
            stamp: None,
            made_up: 0,
            silent: true,
            quiet: true,
        }
    }

    /// Takes a packet.
    pub fn insert(&mut self, packet: &RtpPacket) {
        self.buffer.insert(packet);
    }

    /// Fills the next 10 ms; silence while nothing has come. A packet that cannot be decoded is concealed.
    pub fn read(&mut self, now: Instant, block: &mut AudioBlock) {
        if self.used == OPUS_SAMPLES {
            self.fill(now);
            self.used = 0;
        }
        block.copy_from_slice(&self.frame[self.used..self.used + BLOCK_SAMPLES]);
        self.used += BLOCK_SAMPLES;
    }

    /// The RTP time stamp of the first sample that was read last; `None` where that was made up.
    pub fn stamp(&self) -> Option<u32> {
        let before = self.used.saturating_sub(BLOCK_SAMPLES) as u32;
        Some(self.stamp?.wrapping_add(before))
    }

    /// Holds sound for at least this many ms.
    pub fn set_floor(&mut self, ms: f64) {
        self.buffer.set_floor(ms);
    }

    /// What happened so far.
    pub fn stats(&self) -> JitterStats {
        self.buffer.stats()
    }

    fn fill(&mut self, now: Instant) {
        let frame = &mut *self.frame;
        self.stamp = None;
        let decoded = match self.buffer.next(now, self.quiet) {
            Next::Packet(packet) => {
                self.stamp = self.buffer.stamp();
                self.decoder.decode(&packet, frame).is_ok()
            }
            Next::Fec(packet) => self.decoder.decode_fec(&packet, frame).is_ok(),
            Next::Shorten(first, second) => {
                let mut from = [0.0; OPUS_SAMPLES];
                let both = self.decoder.decode(&first, &mut from).is_ok();
                let decoded = self.decoder.decode(&second, frame).is_ok();
                if both && decoded {
                    fade(&from, frame);
                }
                decoded
            }
            Next::Pause => {
                // Between DTX packets the decoder makes the background noise go on.
                self.quiet = true;
                if self.silent || self.decoder.conceal(frame).is_err() {
                    frame.fill(0.0);
                }
                return;
            }
            Next::Conceal => false,
            Next::NotStarted => {
                frame.fill(0.0);
                self.quiet = true;
                self.silent = true;
                self.made_up = 0;
                return;
            }
        };
        if decoded {
            self.made_up = 0;
            if std::mem::take(&mut self.silent) {
                for (i, sample) in frame[..FADE_IN].iter_mut().enumerate() {
                    *sample *= i as f32 / FADE_IN as f32;
                }
            }
            self.quiet = rms_db(frame) < QUIET_DB;
        } else {
            self.make_up();
        }
    }

    fn make_up(&mut self) {
        let frame = &mut *self.frame;
        self.made_up += 1;
        let faded = self.made_up.saturating_sub(PLAUSIBLE);
        if self.silent || faded > PLAUSIBLE || self.decoder.conceal(frame).is_err() {
            frame.fill(0.0);
            self.silent = true;
            self.quiet = true;
            return;
        }
        if faded > 0 {
            let step = 1.0 / PLAUSIBLE as f32;
            let from = 1.0 - step * (faded - 1) as f32;
            for (i, sample) in frame.iter_mut().enumerate() {
                *sample *= (from - step * i as f32 / OPUS_SAMPLES as f32).max(0.0);
            }
        }
        self.quiet = rms_db(frame) < QUIET_DB;
    }
}

/// Fades from one frame into the other.
fn fade(from: &Frame, into: &mut Frame) {
    for (i, (old, new)) in from.iter().zip(into).enumerate() {
        let share = i as f32 / OPUS_SAMPLES as f32;
        *new = old * (1.0 - share) + *new * share;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::codec::CodecError;

    /// Decodes a packet of one byte to a constant; conceals with the last one.
    #[derive(Default)]
    struct Constant(f32);

    impl AudioDecoder for Constant {
        fn decode(&mut self, packet: &[u8], samples: &mut Frame) -> Result<(), CodecError> {
            if packet[0] == 255 {
                return Err(CodecError::Decode {
                    codec: "test",
                    detail: "damaged".into(),
                });
            }
            self.0 = f32::from(packet[0]) / 256.0;
            samples.fill(self.0);
            Ok(())
        }
        fn decode_fec(&mut self, next: &[u8], samples: &mut Frame) -> Result<(), CodecError> {
            samples.fill(f32::from(next[0] - 1) / 256.0);
            Ok(())
        }
        fn conceal(&mut self, samples: &mut Frame) -> Result<(), CodecError> {
            samples.fill(self.0);
            Ok(())
        }
    }

    fn packet(n: u16, value: u8, arrived: Instant) -> RtpPacket {
        RtpPacket {
            codec: None,
            sequence_number: n,
            timestamp: u32::from(n) * 960,
            marker: false,
            payload: Bytes::copy_from_slice(&[value; 10]),
            arrived,
        }
    }

    /// One packet each 20 ms as `value` says (`None`: lost); the last sample of each 10 ms block.
    fn play(value: impl Fn(u16) -> Option<u8>, frames: u16) -> Vec<f32> {
        #[expect(clippy::disallowed_methods, reason = "any starting point will do")]
        let start = Instant::now();
        let mut playout = Playout::new(Box::new(Constant::default()));
        let mut block = [0.0; BLOCK_SAMPLES];
        let mut last = Vec::new();
        for n in 0..frames {
            for half in 0..2 {
                let now = start + Duration::from_millis(u64::from(n) * 20 + half * 10);
                if half == 0
                    && let Some(value) = value(n)
                {
                    playout.insert(&packet(n, value, now));
                }
                playout.read(now, &mut block);
                last.push(block[BLOCK_SAMPLES - 1]);
            }
        }
        last
    }

    #[test]
    fn a_voice_starts_after_the_delay_and_goes_on() {
        let heard = play(|_| Some(64), 50);
        let silent = heard.iter().take_while(|s| **s == 0.0).count();
        assert!((4..=6).contains(&silent), "{silent} blocks of silence");
        assert!(heard[silent..].iter().all(|s| *s == 0.25));
    }

    #[test]
    fn a_single_loss_is_taken_from_the_next_packet() {
        let heard = play(|n| (n != 20).then_some(if n < 20 { 64 } else { 129 }), 40);
        assert!(heard.contains(&0.5), "FEC of the packet after the lost one");
        let start = heard.iter().position(|s| *s != 0.0).unwrap();
        assert!(heard[start..].iter().all(|s| *s != 0.0));
    }

    #[test]
    fn a_damaged_packet_is_concealed() {
        let heard = play(|n| Some(if n == 20 { 255 } else { 64 }), 40);
        let start = heard.iter().position(|s| *s != 0.0).unwrap();
        assert!(heard[start..].iter().all(|s| *s == 0.25));
    }

    #[test]
    fn a_voice_that_stops_fades_and_comes_back_without_a_click() {
        let heard = play(|n| (!(20..60).contains(&n)).then_some(64), 100);
        let end = heard.iter().rposition(|s| *s == 0.0).unwrap();
        let begin = heard.iter().skip(12).position(|s| *s == 0.0).unwrap() + 12;
        assert!(end - begin > 40, "silence from {begin} to {end}");
        assert!(heard[begin - 4..begin].windows(2).all(|w| w[1] <= w[0]));
        assert!(heard[end + 1..].iter().all(|s| *s == 0.25));
    }
}
