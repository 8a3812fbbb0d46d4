//! The thread that captures sound, measures and encodes it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ahoy_contract::ui::DeviceState;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{camera::state_of, now, thread::Worker};
use crate::{
    audio::LevelMeter,
    codec::{AudioEncoder, OpusEncoder},
    device::{self, AudioSpec, DeviceError, DeviceKind},
    frame::{AudioBlock, BLOCK_SAMPLES, OPUS_SAMPLES, SAMPLE_RATE},
};

/// Packets that wait for a peer at most: one second. Full: the newest is lost.
const QUEUE: usize = 50;
/// The largest Opus packet (RFC 6716 §3.4).
const MAX_PACKET: usize = 1275;
/// How long 20 ms are.
const FRAME: Duration = Duration::from_millis(20);

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
    /// Percent that peers lose, for Opus' FEC.
    pub(super) loss: AtomicU64,
    outputs: Mutex<Vec<mpsc::Sender<AudioPacket>>>,
    level: watch::Sender<f32>,
    /// RTP time goes on over a change of the device.
    epoch: Instant,
}

impl Shared {
    pub(super) fn new(muted: bool, level: watch::Sender<f32>) -> Arc<Self> {
        Arc::new(Self {
            muted: AtomicBool::new(muted),
            loss: AtomicU64::new(0),
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
}

/// Starts to capture; after a failure the thread ends.
pub(super) fn start(
    spec: AudioSpec,
    shared: Arc<Shared>,
    state: watch::Sender<DeviceState>,
) -> Option<Worker> {
    state.send_replace(DeviceState::Opening);
    let failed = state.clone();
    let worker = Worker::spawn("ahoy-microphone", move |stop| {
        let end = run(&spec, &shared, &state, &stop);
        shared.level.send_replace(crate::audio::SILENCE_DB);
        if let (Err(error), false) = (end, stop.is_cancelled()) {
            tracing::warn!("{error}");
            state.send_replace(state_of(&error));
        }
    });
    match worker {
        Ok(worker) => Some(worker),
        Err(error) => {
            failed.send_replace(state_of(&DeviceError::Failed(
                DeviceKind::Microphone,
                error.to_string(),
            )));
            None
        }
    }
}

fn run(
    spec: &AudioSpec,
    shared: &Shared,
    state: &watch::Sender<DeviceState>,
    stop: &CancellationToken,
) -> Result<(), DeviceError> {
    let fault = |error: &dyn std::fmt::Display| {
        DeviceError::Failed(DeviceKind::Microphone, error.to_string())
    };
    let mut encoder = OpusEncoder::new().map_err(|error| fault(&error))?;
    let mut source = device::open_audio(spec)?;
    let mut meter = LevelMeter::default();
    let mut frame = [0.0; OPUS_SAMPLES];
    let mut block: AudioBlock = [0.0; BLOCK_SAMPLES];
    let mut packet = [0; MAX_PACKET];
    let mut filled = 0;
    let mut loss = 0;
    let mut rtp_time = None;
    while !stop.is_cancelled() {
        source.read(&mut block)?;
        state.send_if_modified(|state| {
            let first = *state != DeviceState::Open;
            *state = DeviceState::Open;
            first
        });
        if shared.muted.load(Ordering::Relaxed) {
            block.fill(0.0);
        }
        if let Some(level) = meter.push(&block) {
            shared.level.send_replace(level);
        }
        frame[filled..filled + BLOCK_SAMPLES].copy_from_slice(&block);
        filled = (filled + BLOCK_SAMPLES) % OPUS_SAMPLES;
        if filled != 0 {
            continue;
        }
        let captured = now() - FRAME;
        // The device's clock counts on from where the wall clock stood when it began.
        let time = *rtp_time.get_or_insert_with(|| {
            let since = captured
                .saturating_duration_since(shared.epoch)
                .as_secs_f64();
            (since * f64::from(SAMPLE_RATE)) as u64 as u32
        });
        rtp_time = Some(time.wrapping_add(OPUS_SAMPLES as u32));
        let mut outputs = shared.outputs.lock();
        outputs.retain(|output| !output.is_closed());
        if outputs.is_empty() {
            continue;
        }
        let wanted = shared.loss.load(Ordering::Relaxed);
        if wanted != loss {
            loss = wanted;
            encoder
                .set_expected_loss(u8::try_from(loss).unwrap_or(100))
                .map_err(|error| fault(&error))?;
        }
        match encoder.encode(&frame, &mut packet) {
            Ok(length) => {
                let data = Bytes::copy_from_slice(&packet[..length]);
                for output in outputs.iter() {
                    // Full: the peer's task is stuck, and old sound is of no use to anybody.
                    let _ = output.try_send(AudioPacket {
                        data: data.clone(),
                        rtp_time: time,
                        captured,
                    });
                }
            }
            Err(error) => tracing::warn!("{error}"),
        }
    }
    Ok(())
}
