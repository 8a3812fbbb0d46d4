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

/// The probe of each peer whose connection is up, and how many parts of what it sends are measured by it.
pub(crate) type Probes = Arc<Mutex<BTreeMap<PeerId, (usize, Probe)>>>;

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

    fn probe(&self, peer: &PeerId) -> Option<Measured> {
        let probes = self.probes.clone()?;
        let peer = peer.clone();
        lock(&probes).entry(peer.clone()).or_default().0 += 1;
        Some(Measured { probes, peer })
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
        let probe = self.probe(peer);
        (file.is_some() || probe.is_some())
            .then(|| -> Box<dyn VideoSink> { Box::new(Pictures { file, probe }) })
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
        let probe = self.probe(peer);
        (file.is_some() || probe.is_some())
            .then(|| -> Box<dyn AudioTap> { Box::new(Sound { file, probe }) })
    }
}

/// A part of what a peer sends, measured; with the last part goes what was found.
struct Measured {
    probes: Probes,
    peer: PeerId,
}

impl Measured {
    fn with(&self, run: impl FnOnce(&mut Probe)) {
        if let Some((_, probe)) = lock(&self.probes).get_mut(&self.peer) {
            run(probe);
        }
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let mut probes = lock(&self.probes);
        let parts = probes.get_mut(&self.peer).map(|(parts, _)| {
            *parts -= 1;
            *parts
        });
        if parts == Some(0) {
            probes.remove(&self.peer);
        }
    }
}

struct Pictures {
    file: Option<SyncSender<VideoFrame>>,
    probe: Option<Measured>,
}

impl VideoSink for Pictures {
    fn picture(&mut self, _: &PeerId, picture: &VideoFrame) {
        if let Some(probe) = &self.probe {
            let clock = Clock::take();
            let unix = clock.unix(clock.taken_at());
            probe.with(|probe| {
                probe.picture(&picture.buffer, unix);
            });
        }
        if let Some(file) = &self.file {
            let _ = file.try_send(picture.clone());
        }
    }
}

struct Sound {
    file: Option<SyncSender<AudioBlock>>,
    probe: Option<Measured>,
}

impl AudioTap for Sound {
    fn block(&mut self, block: &AudioBlock, delay: Duration) {
        if let Some(probe) = &self.probe {
            let clock = Clock::take();
            let unix = clock.unix(clock.taken_at()) + delay;
            probe.with(|probe| {
                probe.sound(block, unix);
            });
        }
        if let Some(file) = &self.file {
            let _ = file.try_send(*block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_of_a_peer_goes_with_it() {
        let sinks = Sinks::new(None, 30, None, true);
        let probes = sinks.probes().unwrap();
        let peers: Vec<PeerId> = (0..3).map(|n| PeerId::from_bytes(&[n; 10])).collect();
        let parts = peers
            .iter()
            .map(|peer| (sinks.audio(peer), sinks.video(peer)));
        let mut parts: Vec<_> = parts.collect();
        assert_eq!(lock(probes).len(), 3);
        let (sound, pictures) = parts.remove(0);
        drop(sound);
        assert_eq!(lock(probes).len(), 3, "its pictures are still measured");
        drop(pictures);
        assert_eq!(
            lock(probes).keys().collect::<Vec<_>>(),
            [&peers[1], &peers[2]]
        );
        // It is back before its connection of before is done with.
        let again = sinks.video(&peers[1]);
        drop(parts);
        assert_eq!(lock(probes).len(), 1);
        drop(again);
        assert!(lock(probes).is_empty());
    }
}
