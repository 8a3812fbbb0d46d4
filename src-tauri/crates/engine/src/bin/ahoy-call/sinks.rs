//! Recorders and probes: what takes the pictures and the sound of peers besides the speaker.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use ahoy_contract::PeerId;
use ahoy_engine::{
    device::{Clock, DeviceError, WavWriter, Y4mWriter, probe::Probe},
    engine::SinkFactory,
    frame::{AudioBlock, VideoFrame},
    media::{AudioTap, VideoSink},
};

/// Pictures that wait for the disk at most; full: the newest is left out, and the one before stands longer.
const PICTURES: usize = 8;
/// Blocks of sound that wait at most, half a second; full: the newest is lost.
const BLOCKS: usize = 50;

/// The probe of each peer.
pub(crate) type Probes = Arc<Mutex<BTreeMap<PeerId, Probe>>>;

/// Makes recorders for the first peer, and probes for each.
pub(crate) struct Sinks {
    record: Mutex<Option<(PathBuf, u32)>>,
    record_audio: Mutex<Option<PathBuf>>,
    probes: Option<Probes>,
    threads: Mutex<Vec<JoinHandle<Result<(), DeviceError>>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sinks {
    /// What is recorded where, at how many pictures per second, and whether it is measured.
    pub(crate) fn new(
        record: Option<PathBuf>,
        fps: u32,
        record_audio: Option<PathBuf>,
        probe: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            record: Mutex::new(record.map(|path| (path, fps))),
            record_audio: Mutex::new(record_audio),
            probes: probe.then(Probes::default),
            threads: Mutex::default(),
        })
    }

    /// What the probes found.
    pub(crate) fn probes(&self) -> Option<&Probes> {
        self.probes.as_ref()
    }

    /// Waits until the files are whole; to be called after the call has ended.
    pub(crate) fn finish(&self) -> Result<(), DeviceError> {
        for thread in lock(&self.threads).drain(..) {
            if let Ok(end) = thread.join() {
                end?;
            }
        }
        Ok(())
    }

    fn write<T: Send + 'static>(
        &self,
        name: &str,
        depth: usize,
        run: impl FnOnce(std::sync::mpsc::Receiver<T>) -> Result<(), DeviceError> + Send + 'static,
    ) -> Option<SyncSender<T>> {
        let (sender, receiver) = sync_channel(depth);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(receiver));
        match thread {
            Ok(thread) => {
                lock(&self.threads).push(thread);
                Some(sender)
            }
            Err(error) => {
                tracing::error!("nothing is recorded: {error}");
                None
            }
        }
    }
}

impl SinkFactory for Sinks {
    fn video(&self, peer: &PeerId) -> Option<Box<dyn VideoSink>> {
        let file = lock(&self.record).take().and_then(|(path, fps)| {
            self.write("ahoy-record", PICTURES, move |pictures| {
                let mut file = Y4mWriter::create(&path, fps)?;
                for picture in pictures {
                    file.write(&picture)?;
                }
                file.finish()
            })
        });
        let probe = self.probes.clone();
        if file.is_none() && probe.is_none() {
            return None;
        }
        if let Some(probe) = &probe {
            lock(probe).entry(peer.clone()).or_default();
        }
        Some(Box::new(Pictures { file, probe }))
    }

    fn audio(&self, peer: &PeerId) -> Option<Box<dyn AudioTap>> {
        let file = lock(&self.record_audio).take().and_then(|path| {
            self.write("ahoy-record", BLOCKS, move |blocks| {
                let mut file = WavWriter::create(&path)?;
                for block in blocks {
                    file.write(&block)?;
                }
                file.finish()
            })
        });
        let probe = self.probes.clone().map(|probes| (probes, peer.clone()));
        (file.is_some() || probe.is_some())
            .then(|| -> Box<dyn AudioTap> { Box::new(Sound { file, probe }) })
    }
}

struct Pictures {
    file: Option<SyncSender<VideoFrame>>,
    probe: Option<Probes>,
}

impl VideoSink for Pictures {
    fn picture(&mut self, peer: &PeerId, picture: &VideoFrame) {
        if let Some(probe) = &self.probe {
            let clock = Clock::take();
            let unix = clock.unix(clock.taken_at());
            lock(probe)
                .entry(peer.clone())
                .or_default()
                .picture(&picture.buffer, unix);
        }
        if let Some(file) = &self.file {
            let _ = file.try_send(picture.clone());
        }
    }
}

struct Sound {
    file: Option<SyncSender<AudioBlock>>,
    probe: Option<(Probes, PeerId)>,
}

impl AudioTap for Sound {
    fn block(&mut self, block: &AudioBlock, delay: Duration) {
        if let Some((probes, peer)) = &self.probe {
            let clock = Clock::take();
            let unix = clock.unix(clock.taken_at()) + delay;
            lock(probes)
                .entry(peer.clone())
                .or_default()
                .sound(block, unix);
        }
        if let Some(file) = &self.file {
            let _ = file.try_send(*block);
        }
    }
}
