//! The thread that captures sound, measures and encodes it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use super::{
    now,
    tend::{Device, Duty, PATIENCE},
};
use crate::{
    audio::{LevelMeter, SILENCE_DB, fade_in, tail},
    codec::{AudioEncoder, CodecError, OpusEncoder},
    device::{self, AudioSpec, DeviceError, DeviceKind, Pace},
    frame::{AudioBlock, BLOCK_SAMPLES, OPUS_SAMPLES, SAMPLE_RATE},
};

/// Packets that wait for a peer at most: one second. Full: the newest is lost.
const QUEUE: usize = 50;
/// The largest Opus packet (RFC 6716 §3.4).
const MAX_PACKET: usize = 1275;
/// How long 20 ms are.
const FRAME: Duration = Duration::from_millis(20);
/// Blocks of 10 ms in a second.
const BLOCKS: u32 = 100;

/// 20 ms of sound on their way to a peer.
#[derive(Debug, Clone)]
pub struct AudioPacket {
    /// Opus.
    pub data: Bytes,
    /// RTP time at 48 kHz.
    pub rtp_time: u32,
    /// When its first sample was captured.
    pub captured: Instant,
}

/// Where sound goes.
pub type AudioOut = mpsc::Receiver<AudioPacket>;

/// What the microphone's thread shares with those who steer it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) muted: AtomicBool,
    losses: Mutex<Losses>,
    outputs: Mutex<Vec<mpsc::Sender<AudioPacket>>>,
    level: watch::Sender<f32>,
    /// RTP time goes on over a change of the device.
    epoch: Instant,
}

impl Shared {
    pub(super) fn new(muted: bool, level: watch::Sender<f32>) -> Arc<Self> {
        Arc::new(Self {
            muted: AtomicBool::new(muted),
            losses: Mutex::default(),
            outputs: Mutex::default(),
            level,
            epoch: now(),
        })
    }

    /// One more peer is sent what is captured from now on, until it drops its end.
    pub(super) fn subscribe(&self) -> AudioOut {
        let (sender, receiver) = mpsc::channel(QUEUE);
        self.outputs.lock().push(sender);
        receiver
    }

    /// A place for what one more peer loses.
    pub(super) fn expect_loss(self: &Arc<Self>) -> ExpectedLoss {
        let key = self.losses.lock().add();
        ExpectedLoss {
            key,
            sound: Arc::clone(self),
        }
    }
}

/// What percentage each peer loses; the sound for all is made for the one that loses most.
#[derive(Debug, Default)]
struct Losses {
    next: u64,
    percent: BTreeMap<u64, u8>,
}

impl Losses {
    fn add(&mut self) -> u64 {
        self.next += 1;
        self.percent.insert(self.next, 0);
        self.next
    }

    fn most(&self) -> u8 {
        self.percent.values().copied().max().unwrap_or(0)
    }
}

/// What of the sound is lost on the way to one peer, for Opus' FEC. Dropped, the peer counts no more.
#[derive(Debug)]
pub struct ExpectedLoss {
    key: u64,
    sound: Arc<Shared>,
}

impl ExpectedLoss {
    /// It is so many percent.
    pub fn set(&self, percent: u8) {
        let percent = percent.min(100);
        self.sound.losses.lock().percent.insert(self.key, percent);
    }
}

impl Drop for ExpectedLoss {
    fn drop(&mut self) {
        self.sound.losses.lock().percent.remove(&self.key);
    }
}

/// RTP times of packets that follow each other, and go on over a change of the device.
#[derive(Debug, Default)]
struct Stamps {
    next: Option<u32>,
    /// The device was opened since: time has passed in which nothing was captured.
    resumed: bool,
}

impl Stamps {
    /// The time of a packet that was captured so long after the epoch. A device's clock counts on from where the wall
    /// clock stood when it began; a pause is left out in whole packets.
    fn step(&mut self, since: Duration) -> u32 {
        let wall = (since.as_secs_f64() * f64::from(SAMPLE_RATE)) as u64 as u32;
        let packet = OPUS_SAMPLES as u32;
        let missed = match self.next {
            Some(next) if std::mem::take(&mut self.resumed) => {
                // Negative: this device's clock was ahead of the wall's.
                (wall.wrapping_sub(next) as i32).max(0) as u32 / packet
            }
            _ => 0,
        };
        let time = self.next.unwrap_or(wall).wrapping_add(missed * packet);
        self.next = Some(time.wrapping_add(packet));
        time
    }
}

/// The microphone, or what is heard in its place.
pub(super) struct MicrophoneThread {
    shared: Arc<Shared>,
    encoder: Option<OpusEncoder>,
    meter: LevelMeter,
    frame: [f32; OPUS_SAMPLES],
    filled: usize,
    packet: [u8; MAX_PACKET],
    loss: u8,
    stamps: Stamps,
}

impl MicrophoneThread {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            encoder: None,
            meter: LevelMeter::default(),
            frame: [0.0; OPUS_SAMPLES],
            filled: 0,
            packet: [0; MAX_PACKET],
            loss: 0,
            stamps: Stamps::default(),
        }
    }

    /// Sends 10 ms, or holds them until there are 20.
    fn push(&mut self, block: &AudioBlock) -> Result<(), CodecError> {
        self.frame[self.filled..self.filled + BLOCK_SAMPLES].copy_from_slice(block);
        self.filled = (self.filled + BLOCK_SAMPLES) % OPUS_SAMPLES;
        if self.filled != 0 {
            return Ok(());
        }
        let captured = now() - FRAME;
        let since = captured.saturating_duration_since(self.shared.epoch);
        let rtp_time = self.stamps.step(since);
        let mut outputs = self.shared.outputs.lock();
        outputs.retain(|output| !output.is_closed());
        if outputs.is_empty() {
            return Ok(());
        }
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => {
                self.loss = 0;
                none.insert(OpusEncoder::new()?)
            }
        };
        let loss = self.shared.losses.lock().most();
        if loss != self.loss {
            self.loss = loss;
            encoder.set_expected_loss(loss)?;
        }
        let length = encoder.encode(&self.frame, &mut self.packet)?;
        let data = Bytes::copy_from_slice(&self.packet[..length]);
        for output in outputs.iter() {
            // Full: the peer's task is stuck, and old sound is of no use to anybody.
            let _ = output.try_send(AudioPacket {
                data: data.clone(),
                rtp_time,
                captured,
            });
        }
        Ok(())
    }

    /// The sound breaks off here: it ends without a click.
    fn end(&mut self) -> Result<(), CodecError> {
        let heard = (self.filled + OPUS_SAMPLES - 1) % OPUS_SAMPLES;
        let last = self.frame[heard];
        self.push(&tail(last))?;
        if self.filled != 0 {
            self.push(&[0.0; BLOCK_SAMPLES])?;
        }
        Ok(())
    }

    fn capture(
        &mut self,
        spec: &AudioSpec,
        duty: &mut Duty<'_, AudioSpec>,
    ) -> Result<(), DeviceError> {
        let mut source = device::open_audio(spec)?;
        let mut block: AudioBlock = [0.0; BLOCK_SAMPLES];
        let mut begins = true;
        self.stamps.resumed = true;
        while !duty.is_over() {
            if !source.read(&mut block, PATIENCE)? {
                continue;
            }
            duty.works();
            if self.shared.muted.load(Ordering::Relaxed) {
                block.fill(0.0);
            }
            if let Some(level) = self.meter.push(&block) {
                self.shared.level.send_replace(level);
            }
            if std::mem::take(&mut begins) {
                fade_in(&mut block);
            }
            self.push(&block).map_err(|error| fault(&error))?;
        }
        Ok(())
    }
}

fn fault(error: &CodecError) -> DeviceError {
    DeviceError::Failed(DeviceKind::Microphone, error.to_string())
}

impl Device for MicrophoneThread {
    type Spec = AudioSpec;
    const THREAD: &'static str = "ahoy-microphone";
    const KIND: DeviceKind = DeviceKind::Microphone;

    fn is_none(spec: &AudioSpec) -> bool {
        *spec == AudioSpec::None
    }

    fn run(&mut self, spec: &AudioSpec, duty: &mut Duty<'_, AudioSpec>) -> Result<(), DeviceError> {
        let captured = self.capture(spec, duty);
        let ended = self.end().map_err(|error| fault(&error));
        self.shared.level.send_replace(SILENCE_DB);
        if ended.is_err() {
            self.encoder = None;
        }
        captured.and(ended)
    }

    /// A gap in the stream would look like loss to the other side: silence is sent until the device is back.
    fn rest(&mut self, wanted: bool, until: Option<Instant>, duty: &Duty<'_, AudioSpec>) {
        if !wanted {
            return duty.wait(until);
        }
        self.stamps.resumed = true;
        let mut pace = Pace::new(now(), BLOCKS, 1);
        while !duty.is_over() && until.is_none_or(|until| now() < until) {
            pace.wait();
            if let Err(error) = self.push(&[0.0; BLOCK_SAMPLES]) {
                tracing::warn!("{error}");
                self.encoder = None;
                return duty.wait(until);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sound_is_made_for_the_peer_that_loses_most() {
        let (level, _) = watch::channel(0.0);
        let sound = Shared::new(false, level);
        let most = || sound.losses.lock().most();
        assert_eq!(most(), 0);
        let (first, second) = (sound.expect_loss(), sound.expect_loss());
        first.set(30);
        second.set(5);
        assert_eq!(most(), 30);
        second.set(7);
        assert_eq!(most(), 30, "who measured last does not count");
        drop(first);
        assert_eq!(most(), 7, "who has left does not count");
        second.set(255);
        assert_eq!(most(), 100);
        drop(second);
        assert_eq!(most(), 0);
    }

    #[test]
    fn rtp_time_counts_samples_and_leaves_pauses_out_in_whole_packets() {
        let ms = Duration::from_millis;
        let mut stamps = Stamps::default();
        assert_eq!(stamps.step(ms(1000)), 48_000);
        // Callbacks come unevenly; samples do not.
        assert_eq!(stamps.step(ms(1031)), 48_960);
        assert_eq!(stamps.step(ms(1040)), 49_920);
        // Another device, 203 ms later.
        stamps.resumed = true;
        let next = stamps.step(ms(1263));
        assert_eq!((next - 50_880) % 960, 0);
        assert_eq!(next, 50_880 + 10 * 960);
        assert_eq!(stamps.step(ms(1283)), next + 960);
        // One whose clock was behind never goes back.
        stamps.resumed = true;
        assert_eq!(stamps.step(ms(1200)), next + 1920);
    }

    #[test]
    fn rtp_time_wraps() {
        let mut stamps = Stamps::default();
        let day = Duration::from_secs(86_400);
        let first = stamps.step(day * 2);
        assert_eq!(first, (86_400u64 * 2 * 48_000) as u32);
        stamps.next = Some(u32::MAX - 100);
        stamps.resumed = false;
        assert_eq!(stamps.step(day * 2), u32::MAX - 100);
        assert_eq!(stamps.step(day * 2), 859);
    }
}
