//! Plays the sound of all peers: one thread that runs at the speaker's pace.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ahoy_contract::{PeerId, ui::DeviceState};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{camera::state_of, now, thread::Worker};
use crate::{
    audio::{JitterStats, LevelMeter, Mixer, Playout, SILENCE_DB},
    codec::OpusDecoder,
    device::{self, AudioSink, SpeakerSpec},
    frame::{AudioBlock, BLOCK_SAMPLES},
    packet::RtpPacket,
};

/// After a speaker failed, before it is tried again; meanwhile sound is decoded and thrown away.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Takes the sound of a peer, each 10 ms of it, on the thread that plays: it must not block.
pub trait AudioTap: Send {
    /// 10 ms that are handed to the speaker now, to be heard after `delay`.
    fn block(&mut self, block: &AudioBlock, delay: Duration);
}

/// What came of the sound of a peer.
#[derive(Debug)]
pub struct AudioStats {
    level_mdb: AtomicU64,
    jitter: Mutex<JitterStats>,
}

impl AudioStats {
    fn new() -> Arc<Self> {
        let stats = Self {
            level_mdb: AtomicU64::new(0),
            jitter: Mutex::default(),
        };
        stats.set_level(SILENCE_DB);
        Arc::new(stats)
    }

    fn set_level(&self, db: f32) {
        self.level_mdb
            .store(f64::from(db).to_bits(), Ordering::Relaxed);
    }

    /// How loud it was of late: root mean square, dB below full scale.
    pub fn level_db(&self) -> f64 {
        f64::from_bits(self.level_mdb.load(Ordering::Relaxed))
    }

    /// What the jitter buffer did.
    pub fn jitter(&self) -> JitterStats {
        *self.jitter.lock()
    }
}

struct Voice {
    packets: mpsc::Receiver<RtpPacket>,
    playout: Playout,
    meter: LevelMeter,
    stats: Arc<AudioStats>,
    tap: Option<Box<dyn AudioTap>>,
}

type Voices = Arc<Mutex<BTreeMap<PeerId, Voice>>>;

/// The thread that plays, and who is heard.
pub struct Player {
    voices: Voices,
    worker: Option<Worker>,
}

impl Player {
    /// Starts to play on what `speaker` names, and changes over when it names another.
    pub fn start(
        speaker: watch::Receiver<SpeakerSpec>,
        state: watch::Sender<DeviceState>,
    ) -> std::io::Result<Self> {
        let voices = Voices::default();
        let thread = Thread {
            voices: voices.clone(),
            speaker,
            state,
        };
        let worker = Worker::spawn("ahoy-speaker", move |stop| thread.run(&stop))?;
        Ok(Self {
            voices,
            worker: Some(worker),
        })
    }

    /// One more peer is heard.
    pub fn add(
        &self,
        peer: PeerId,
        packets: mpsc::Receiver<RtpPacket>,
        tap: Option<Box<dyn AudioTap>>,
    ) -> Result<Arc<AudioStats>, crate::codec::CodecError> {
        let stats = AudioStats::new();
        let voice = Voice {
            packets,
            playout: Playout::new(Box::new(OpusDecoder::new()?)),
            meter: LevelMeter::default(),
            stats: stats.clone(),
            tap,
        };
        self.voices.lock().insert(peer, voice);
        Ok(stats)
    }

    /// A peer is heard no more.
    pub fn remove(&self, peer: &PeerId) {
        self.voices.lock().remove(peer);
    }

    /// Stops, and joins the thread.
    pub async fn stop(mut self) {
        if let Some(worker) = self.worker.take() {
            worker.stop().await;
        }
    }
}

struct Thread {
    voices: Voices,
    speaker: watch::Receiver<SpeakerSpec>,
    state: watch::Sender<DeviceState>,
}

impl Thread {
    fn run(mut self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let spec = self.speaker.borrow_and_update().clone();
            self.state.send_replace(DeviceState::Opening);
            match device::open_speaker(&spec) {
                Ok(mut sink) => {
                    self.state.send_replace(DeviceState::Open);
                    let Err(error) = self.play(&mut *sink, stop, None) else {
                        continue;
                    };
                    tracing::warn!("{error}");
                    self.state.send_replace(state_of(&error));
                }
                Err(error) => {
                    tracing::warn!("{error}");
                    self.state.send_replace(state_of(&error));
                }
            }
            // The voices go on, so that levels, recordings and jitter buffers stay true.
            if let Ok(mut silent) = device::open_speaker(&SpeakerSpec::None) {
                let _ = self.play(&mut *silent, stop, Some(RETRY_AFTER));
            }
        }
        self.state.send_replace(DeviceState::Closed);
    }

    /// Plays until asked to stop, another speaker is named, the time is over or the sink fails.
    fn play(
        &self,
        sink: &mut dyn AudioSink,
        stop: &CancellationToken,
        until: Option<Duration>,
    ) -> Result<(), device::DeviceError> {
        let start = now();
        let mut mixer = Mixer::default();
        let mut block: AudioBlock = [0.0; BLOCK_SAMPLES];
        while !stop.is_cancelled()
            && !self.speaker.has_changed().unwrap_or(true)
            && until.is_none_or(|until| start.elapsed() < until)
        {
            {
                let mut voices = self.voices.lock();
                let at = now();
                for voice in voices.values_mut() {
                    voice.read(at, &mut block, sink.delay());
                    mixer.add(&block);
                }
            }
            sink.write(&mixer.take())?;
        }
        Ok(())
    }
}

impl Voice {
    fn read(&mut self, at: std::time::Instant, block: &mut AudioBlock, delay: Duration) {
        while let Ok(packet) = self.packets.try_recv() {
            self.playout.insert(&packet);
        }
        self.playout.read(at, block);
        if let Some(level) = self.meter.push(block) {
            self.stats.set_level(level);
        }
        *self.stats.jitter.lock() = self.playout.stats();
        if let Some(tap) = &mut self.tap {
            tap.block(block, delay);
        }
    }
}
