//! Receives the pictures of one peer: order, assembly, decoding, in one thread.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ahoy_contract::PeerId;
use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{AudioStats, Latest, now, thread::Worker};
use crate::{
    audio::LipSync,
    codec::{VideoDecoder, VpxDecoder},
    frame::{EncodedFrame, VideoCodec, VideoFrame},
    packet::{FrameReceiver, Received, RtpPacket},
    rtc::{MediaKind, Peer},
};

/// How often waiting packets are looked at when none comes: a lost packet is given up in time.
const TICK: Duration = Duration::from_millis(20);
/// Between two key frames that are asked for: a round trip on a bad network.
const KEY_FRAME_EVERY: Duration = Duration::from_millis(300);
/// How often the connection's figures are looked at.
const FIGURES_EVERY: Duration = Duration::from_secs(1);
/// Frames that wait for their time at most; beyond, the first of them is shown at once.
const MAX_WAITING: usize = 30;
/// On top of round trips: packets overtake each other, and the request for one that is lost waits for its turn.
const REORDERED: Duration = Duration::from_millis(100);
/// A pause this much longer than usual is a freeze (W3C webrtc-stats, freezeCount).
const FREEZE: Duration = Duration::from_millis(150);

/// Takes the pictures of a peer, each one, on its decode thread: it must not block.
pub trait VideoSink: Send {
    /// A picture was decoded.
    fn picture(&mut self, peer: &PeerId, picture: &VideoFrame);
}

/// What came of the pictures of a peer.
#[derive(Debug, Default)]
pub struct VideoStats {
    frames: AtomicU64,
    dropped: AtomicU64,
    freezes: AtomicU64,
    frozen_us: AtomicU64,
    size: AtomicU64,
    codec: Mutex<Option<VideoCodec>>,
}

impl VideoStats {
    /// Pictures decoded, or received whole where nothing is decoded.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Pictures that came and could not be shown.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Times that the picture stood still, and for how long in all.
    pub fn freezes(&self) -> (u64, Duration) {
        let frozen = Duration::from_micros(self.frozen_us.load(Ordering::Relaxed));
        (self.freezes.load(Ordering::Relaxed), frozen)
    }

    /// Width and height in pixels; zero before the first picture.
    pub fn size(&self) -> (u32, u32) {
        let size = self.size.load(Ordering::Relaxed);
        ((size >> 32) as u32, size as u32)
    }

    /// The codec.
    pub fn codec(&self) -> Option<VideoCodec> {
        *self.codec.lock()
    }
}

/// The receiving of the pictures of one peer.
#[derive(Debug)]
pub struct VideoIn {
    worker: Worker,
    stats: Arc<VideoStats>,
    pictures: Latest,
    hidden: Arc<AtomicBool>,
}

impl VideoIn {
    /// Starts the thread, for the camera's pictures or a screen's. Without `decode` pictures are assembled and counted
    /// only. Pictures keep in step with `sound`.
    pub fn start(
        id: PeerId,
        (peer, kind): (Peer, MediaKind),
        packets: mpsc::Receiver<RtpPacket>,
        sound: Option<Arc<AudioStats>>,
        decode: bool,
        sink: Option<Box<dyn VideoSink>>,
    ) -> std::io::Result<Self> {
        let (latest, pictures) = watch::channel(None);
        let stats = Arc::new(VideoStats::default());
        let hidden = Arc::new(AtomicBool::new(false));
        let thread = Thread {
            id,
            peer,
            kind,
            decode,
            sink,
            latest,
            stats: stats.clone(),
            hidden: hidden.clone(),
            frames: FrameReceiver::new(),
            sound,
            sync: LipSync::new(now()),
            waiting: VecDeque::new(),
            broken: false,
            missed: false,
            decoder: None,
            asked: None,
            figures_read: None,
            pace: Pace::default(),
        };
        let handle = Handle::current();
        let worker = Worker::spawn("ahoy-decode", move |stop| {
            thread.run(&handle, packets, &stop);
        })?;
        Ok(Self {
            worker,
            stats,
            pictures,
            hidden,
        })
    }

    /// The newest picture.
    pub fn pictures(&self) -> Latest {
        self.pictures.clone()
    }

    /// The peer's camera is off, or it shows no screen: what comes no more is no freeze, and the last picture is taken
    /// away.
    pub fn set_hidden(&self, hidden: bool) {
        self.hidden.store(hidden, Ordering::Relaxed);
    }

    /// What came.
    pub fn stats(&self) -> &Arc<VideoStats> {
        &self.stats
    }

    /// Stops at once, and joins the thread.
    pub async fn stop(self) {
        self.worker.stop().await;
    }
}

struct Thread {
    id: PeerId,
    peer: Peer,
    kind: MediaKind,
    decode: bool,
    sink: Option<Box<dyn VideoSink>>,
    latest: watch::Sender<Option<VideoFrame>>,
    stats: Arc<VideoStats>,
    hidden: Arc<AtomicBool>,
    frames: FrameReceiver,
    sound: Option<Arc<AudioStats>>,
    sync: LipSync,
    /// Frames, and when they are due.
    waiting: VecDeque<(Instant, EncodedFrame)>,
    /// The decoder lost its way: nothing but a key frame is of use.
    broken: bool,
    /// A picture came while they are hidden, perhaps the first of what is shown next; none may follow it for long.
    missed: bool,
    decoder: Option<VpxDecoder>,
    asked: Option<Instant>,
    figures_read: Option<Instant>,
    pace: Pace,
}

impl Thread {
    fn run(
        mut self,
        handle: &Handle,
        mut packets: mpsc::Receiver<RtpPacket>,
        stop: &CancellationToken,
    ) {
        loop {
            let idle = self.idle();
            let packet = handle.block_on(async {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => Err(()),
                    packet = timeout(idle, packets.recv()) => match packet {
                        Ok(None) => Err(()),
                        Ok(packet) => Ok(packet),
                        Err(_) => Ok(None),
                    },
                }
            });
            let Ok(packet) = packet else { return };
            self.read_figures();
            if let Some(packet) = packet {
                self.frames.push(packet);
                while let Ok(packet) = packets.try_recv() {
                    self.frames.push(packet);
                }
            }
            if self.hidden.load(Ordering::Relaxed) {
                self.pace = Pace::default();
                self.latest
                    .send_if_modified(|picture| picture.take().is_some());
            }
            while let Some(received) = self.frames.poll(now()) {
                match received {
                    Received::Frame(frame) => self.arrived(frame),
                    Received::NeedKeyFrame => {}
                }
            }
            while let Some(frame) = self.due() {
                self.frame(&frame);
            }
            let missed = self.missed && !self.hidden.load(Ordering::Relaxed);
            if self.broken || missed || self.frames.waits_for_key_frame() {
                self.ask(handle);
            }
        }
    }

    /// How long nothing is to be done if no packet comes.
    fn idle(&self) -> Duration {
        let next = self.waiting.front().map(|(due, _)| *due);
        next.map_or(TICK, |due| due.saturating_duration_since(now()).min(TICK))
    }

    fn read_figures(&mut self) {
        let at = now();
        if self
            .figures_read
            .is_some_and(|last| at.duration_since(last) < FIGURES_EVERY)
        {
            return;
        }
        self.figures_read = Some(at);
        let figures = self.peer.stats();
        if let Some(rtt) = figures.rtt {
            // A lost packet is back after a round trip; a second one is left for the first being lost too.
            self.frames.set_patience(rtt * 2 + REORDERED);
        }
        let picture = figures.stream(self.kind).received.sync;
        self.sync.reports(figures.audio.received.sync, picture);
        if let Some(sound) = &self.sound {
            sound.set_floor_ms(self.sync.floor_ms(at));
        }
    }

    /// A frame is whole; it waits for the sound that belongs to it.
    fn arrived(&mut self, frame: EncodedFrame) {
        if let Some(heard) = self.sound.as_ref().and_then(|sound| sound.heard()) {
            self.sync.heard(heard);
        }
        let due = self.sync.due(now(), frame.rtp_time);
        self.waiting.push_back((due, frame));
    }

    fn due(&mut self) -> Option<EncodedFrame> {
        let (due, _) = self.waiting.front()?;
        let is_due = *due <= now() || self.waiting.len() > MAX_WAITING;
        let first = is_due.then(|| self.waiting.pop_front())??;
        Some(first.1)
    }

    fn frame(&mut self, frame: &EncodedFrame) {
        if !self.decode {
            *self.stats.codec.lock() = Some(frame.codec);
            self.count(frame.width, frame.height);
            return;
        }
        self.broken &= !frame.key_frame;
        let picture = if self.broken {
            None
        } else {
            self.decoded(frame)
        };
        match picture {
            Some(picture) => self.show(picture),
            None => drop(self.stats.dropped.fetch_add(1, Ordering::Relaxed)),
        }
    }

    fn decoded(&mut self, frame: &EncodedFrame) -> Option<VideoFrame> {
        let last = self.stats.codec.lock().replace(frame.codec);
        let decoder = match &mut self.decoder {
            Some(decoder) if last == Some(frame.codec) => decoder,
            other => other.insert(VpxDecoder::new(frame.codec)),
        };
        match decoder.decode(frame) {
            Ok(picture) => picture,
            Err(error) => {
                tracing::debug!("{error}");
                self.broken = true;
                None
            }
        }
    }

    fn show(&mut self, picture: VideoFrame) {
        self.count(picture.width(), picture.height());
        if let Some(sink) = &mut self.sink {
            sink.picture(&self.id, &picture);
        }
        self.missed = self.hidden.load(Ordering::Relaxed);
        if !self.missed {
            self.latest.send_replace(Some(picture));
        }
    }

    fn count(&mut self, width: u32, height: u32) {
        self.stats.frames.fetch_add(1, Ordering::Relaxed);
        if width > 0 {
            self.stats.size.store(
                u64::from(width) << 32 | u64::from(height),
                Ordering::Relaxed,
            );
        }
        if let Some(frozen) = self.pace.step(now()) {
            self.stats.freezes.fetch_add(1, Ordering::Relaxed);
            self.stats
                .frozen_us
                .fetch_add(frozen.as_micros() as u64, Ordering::Relaxed);
        }
    }

    fn ask(&mut self, handle: &Handle) {
        let at = now();
        if self
            .asked
            .is_none_or(|last| at.duration_since(last) >= KEY_FRAME_EVERY)
        {
            self.asked = Some(at);
            handle.block_on(self.peer.request_key_frame(self.kind));
        }
    }
}

/// Tells a freeze from a pause.
#[derive(Debug, Default)]
struct Pace {
    last: Option<Instant>,
    mean: Option<Duration>,
}

impl Pace {
    /// A picture is shown; says how long the last one stood still, if that was too long.
    fn step(&mut self, at: Instant) -> Option<Duration> {
        let gap = at.duration_since(self.last.replace(at)?);
        let mean = self.mean.unwrap_or(gap);
        // Over some thirty pictures, as browsers do.
        self.mean = Some((mean * 29 + gap) / 30);
        (gap > (mean * 3).max(mean + FREEZE)).then_some(gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_a_freeze_when_it_is_long_against_the_usual() {
        let mut pace = Pace::default();
        let mut at = now();
        for _ in 0..100 {
            at += Duration::from_millis(33);
            assert_eq!(pace.step(at), None);
        }
        at += Duration::from_millis(150);
        assert_eq!(pace.step(at), None);
        at += Duration::from_millis(400);
        assert_eq!(pace.step(at), Some(Duration::from_millis(400)));
    }
}
