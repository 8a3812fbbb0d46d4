//! Plays the sound of all peers: one thread that runs at the speaker's pace.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ahoy_contract::{PeerId, ui::DeviceState};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use super::{
    now,
    tend::{self, Device, Duty, Order},
    thread::Worker,
};
use crate::{
    audio::{Heard, JitterStats, LevelMeter, Mixer, Playout, SILENCE_DB, fade_in, fade_out, tail},
    codec::OpusDecoder,
    device::{self, AudioSink, DeviceError, DeviceKind, Pace, SpeakerSpec},
    frame::{AudioBlock, BLOCK_SAMPLES},
    packet::RtpPacket,
};

/// How much sound is played at a time.
const BLOCK: Duration = Duration::from_millis(10);
/// Blocks in a second.
const BLOCKS: u32 = 100;
/// What a speaker that is left may still play: more than any but bluetooth ones hold.
const LONGEST_END: Duration = Duration::from_millis(200);

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
    heard: Mutex<Option<Heard>>,
    floor_ms: AtomicU64,
}

impl AudioStats {
    fn new() -> Arc<Self> {
        let stats = Self {
            level_mdb: AtomicU64::new(0),
            jitter: Mutex::default(),
            heard: Mutex::default(),
            floor_ms: AtomicU64::new(0f64.to_bits()),
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

    /// The last sound of it that was no silence made here.
    pub fn heard(&self) -> Option<Heard> {
        *self.heard.lock()
    }

    /// Its pictures ask to hold its sound for at least this many ms.
    pub fn set_floor_ms(&self, ms: f64) {
        self.floor_ms.store(ms.to_bits(), Ordering::Relaxed);
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
    /// Starts to play on what `speaker` names, and changes over when it names another; silence while it is `muted`.
    pub(crate) fn start(
        speaker: watch::Receiver<Order<SpeakerSpec>>,
        muted: watch::Receiver<bool>,
        state: watch::Sender<DeviceState>,
    ) -> std::io::Result<Self> {
        let voices = Voices::default();
        let thread = Thread {
            voices: voices.clone(),
            mixer: Mixer::default(),
            last: 0.0,
            silenced: Silenced::new(muted),
        };
        let worker = tend::start(thread, speaker, state)?;
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
    mixer: Mixer,
    /// The last sample that was played.
    last: f32,
    silenced: Silenced,
}

/// Whether the user wants to hear nothing. The speaker goes on meanwhile: what comes back is there at once.
struct Silenced {
    muted: watch::Receiver<bool>,
    /// It is silent now.
    now: bool,
}

impl Silenced {
    fn new(muted: watch::Receiver<bool>) -> Self {
        let now = *muted.borrow();
        Self { muted, now }
    }

    /// A speaker was opened, which plays nothing yet.
    fn begin(&mut self) {
        self.now = *self.muted.borrow();
    }

    /// Makes of the next block what is to be heard of it.
    fn apply(&mut self, block: &mut AudioBlock) {
        let muted = *self.muted.borrow();
        match (std::mem::replace(&mut self.now, muted), muted) {
            (false, false) => {}
            (false, true) => fade_out(block),
            (true, true) => block.fill(0.0),
            (true, false) => fade_in(block),
        }
    }
}

impl Thread {
    /// The next 10 ms of all voices, to be heard after `delay`.
    fn next(&mut self, delay: Duration) -> AudioBlock {
        let mut block: AudioBlock = [0.0; BLOCK_SAMPLES];
        let mut voices = self.voices.lock();
        let at = now();
        for voice in voices.values_mut() {
            voice.read(at, &mut block, delay);
            self.mixer.add(&block);
        }
        self.mixer.take()
    }

    /// The voices went on while a speaker was opened: what they said then is left out, or all that follows would be late.
    fn catch_up(&mut self, took: Duration) {
        for _ in 0..took.as_millis() / BLOCK.as_millis() {
            let _unheard = self.next(Duration::ZERO);
        }
    }

    fn play(
        &mut self,
        sink: &mut dyn AudioSink,
        duty: &mut Duty<'_, SpeakerSpec>,
    ) -> Result<(), DeviceError> {
        let mut begins = true;
        self.silenced.begin();
        while !duty.is_over() {
            let mut block = self.next(sink.delay());
            if std::mem::take(&mut begins) {
                fade_in(&mut block);
            }
            self.silenced.apply(&mut block);
            sink.write(&block)?;
            duty.works();
            self.last = block[BLOCK_SAMPLES - 1];
        }
        // What waits in it is played to its end, which is silence: no click.
        sink.write(&tail(std::mem::take(&mut self.last)))?;
        let waiting = sink.delay().min(LONGEST_END);
        for _ in 0..waiting.as_millis() / BLOCK.as_millis() {
            sink.write(&[0.0; BLOCK_SAMPLES])?;
        }
        Ok(())
    }
}

impl Device for Thread {
    type Spec = SpeakerSpec;
    const THREAD: &'static str = "ahoy-speaker";
    const KIND: DeviceKind = DeviceKind::Speaker;

    fn run(
        &mut self,
        spec: &SpeakerSpec,
        duty: &mut Duty<'_, SpeakerSpec>,
    ) -> Result<(), DeviceError> {
        let begun = now();
        let sink = device::open_speaker(spec);
        self.catch_up(now() - begun);
        self.play(&mut *sink?, duty)
    }

    /// The voices go on, so that levels, recordings and jitter buffers stay true.
    fn rest(&mut self, _wanted: bool, until: Option<Instant>, duty: &Duty<'_, SpeakerSpec>) {
        let mut pace = Pace::new(now(), BLOCKS, 1);
        while !duty.is_over() && until.is_none_or(|until| now() < until) {
            let _unheard = self.next(Duration::ZERO);
            pace.wait();
        }
    }
}

impl Voice {
    fn read(&mut self, at: Instant, block: &mut AudioBlock, delay: Duration) {
        while let Ok(packet) = self.packets.try_recv() {
            self.playout.insert(&packet);
        }
        let floor = f64::from_bits(self.stats.floor_ms.load(Ordering::Relaxed));
        self.playout.set_floor(floor);
        self.playout.read(at, block);
        let jitter = self.playout.stats();
        if let Some(stamp) = self.playout.stamp() {
            *self.stats.heard.lock() = Some(Heard {
                stamp,
                at: at + delay,
                buffer_ms: jitter.buffer_ms,
            });
        }
        if let Some(level) = self.meter.push(block) {
            self.stats.set_level(level);
        }
        *self.stats.jitter.lock() = jitter;
        if let Some(tap) = &mut self.tap {
            tap.block(block, delay);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_muted_is_not_heard_and_comes_back() {
        let muted = watch::Sender::new(false);
        let mut silenced = Silenced::new(muted.subscribe());
        let mut heard = |mute| {
            muted.send_replace(mute);
            let mut block = [0.5; BLOCK_SAMPLES];
            silenced.apply(&mut block);
            block
        };
        assert_eq!(heard(false), [0.5; BLOCK_SAMPLES]);
        let going = heard(true);
        assert!(going.is_sorted_by(|a, b| a >= b) && going[BLOCK_SAMPLES - 1] == 0.0);
        assert_eq!(heard(true), [0.0; BLOCK_SAMPLES]);
        let coming = heard(false);
        assert!(coming.is_sorted() && coming[0] < 0.01);
        assert_eq!(heard(false), [0.5; BLOCK_SAMPLES]);
    }
}
