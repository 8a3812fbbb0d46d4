//! Sends to one peer: takes compressed pictures and sound, spreads them over time, hands them to the
//! connection. One task per peer.

use std::sync::Arc;

use tokio::{
    sync::{mpsc, watch},
    time::sleep_until,
};
use tokio_util::sync::CancellationToken;

use super::{
    AudioOut, AudioPacket, LocalMedia, Sent, now,
    showing::Show,
    stream::{Packet, Stream},
    tend::Order,
};
use crate::{
    device::VideoSpec,
    frame::{Bitrate, VideoCodec},
    rate::{Split, split},
    rtc::{Burst, MediaKind, MediaSender, Peer},
};

/// What sound and its headers take of what may be sent: 32 kbit/s of Opus in 50 packets a second with
/// some 70 bytes of headers each.
const AUDIO_SHARE: u64 = 60_000;
/// Below this a picture is of no use to anybody.
const LEAST: u64 = 80_000;

/// As many packets are sent together at most.
const TOGETHER: usize = 32;

/// What is sent to a peer.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing {
    /// The codec of pictures; `None`: none are sent.
    pub video: Option<VideoCodec>,
    /// Sound is sent.
    pub audio: bool,
    /// The most that pictures of the camera take.
    pub max: Bitrate,
    /// The most that pictures of a screen take beside them.
    pub max_screen: Bitrate,
}

/// The sending to one peer.
#[derive(Debug)]
pub struct Sending {
    key_frames: mpsc::Sender<()>,
    screen_key_frames: mpsc::Sender<()>,
    screen: watch::Sender<Option<VideoCodec>>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    sent: [Arc<Sent>; 2],
}

impl Sending {
    /// Begins to send to a peer what was negotiated with it.
    pub fn start(peer: &Peer, media: &LocalMedia, outgoing: Outgoing) -> Self {
        let (key_frames, wishes) = mpsc::channel(1);
        let (screen_key_frames, screen_wishes) = mpsc::channel(1);
        let screen = watch::Sender::new(None);
        let stop = CancellationToken::new();
        let sent = [Arc::new(Sent::default()), Arc::new(Sent::default())];
        let share = share(*peer.estimate().borrow(), outgoing.max);
        let start = now();
        let mut camera = Stream::new(MediaKind::Video, start, share, sent[0].clone());
        camera.take_from(
            outgoing
                .video
                .and_then(|codec| media.video_out(codec, share)),
        );
        let task = Task {
            audio: outgoing.audio.then(|| media.audio_out()),
            camera,
            screen: Stream::new(MediaKind::Screen, start, share, sent[1].clone()),
            senders: Senders::of(peer),
            estimate: peer.estimate(),
            outgoing,
            wishes,
            screen_wishes,
            shown: media.shown(),
            takes_screen: screen.subscribe(),
            orders: media.wanted(),
            peer: peer.clone(),
        };
        let task = tokio::spawn(task.run(stop.clone()));
        Self {
            key_frames,
            screen_key_frames,
            screen,
            stop,
            task,
            sent,
        }
    }

    /// The peer asked for a key frame.
    pub fn request_key_frame(&self, kind: MediaKind) {
        let wishes = match kind {
            MediaKind::Screen => &self.screen_key_frames,
            MediaKind::Audio | MediaKind::Video => &self.key_frames,
        };
        // Full: one is asked for already.
        let _ = wishes.try_send(());
    }

    /// The peer takes pictures of a screen, in this codec: while one is shown they are sent.
    pub fn take_screen(&self, codec: VideoCodec) {
        self.screen.send_replace(Some(codec));
    }

    /// What was sent of the camera's pictures.
    pub fn sent(&self) -> &Arc<Sent> {
        &self.sent[0]
    }

    /// What was sent of a screen's.
    pub fn sent_screen(&self) -> &Arc<Sent> {
        &self.sent[1]
    }

    /// Stops at once, and joins the task.
    pub async fn stop(self) {
        self.stop.cancel();
        if self.task.await.is_err() {
            tracing::error!("the task that sends to a peer panicked");
        }
    }
}

/// What of the estimate is for pictures.
fn share(estimate: Bitrate, max: Bitrate) -> Bitrate {
    Bitrate::bps(
        estimate
            .as_bps()
            .saturating_sub(AUDIO_SHARE)
            .clamp(LEAST, max.as_bps().max(LEAST)),
    )
}

struct Senders {
    audio: MediaSender,
    video: MediaSender,
    screen: MediaSender,
}

impl Senders {
    fn of(peer: &Peer) -> Self {
        Self {
            audio: peer.sender(MediaKind::Audio),
            video: peer.sender(MediaKind::Video),
            screen: peer.sender(MediaKind::Screen),
        }
    }

    fn of_kind(&self, kind: MediaKind) -> &MediaSender {
        match kind {
            MediaKind::Audio => &self.audio,
            MediaKind::Video => &self.video,
            MediaKind::Screen => &self.screen,
        }
    }

    /// Sends packets that leave together. The connection says by its state when it is gone; until then single packets do
    /// not matter.
    async fn send(&self, packets: &[Packet]) {
        let mut burst = Burst::default();
        for packet in packets {
            let sender = self.of_kind(packet.kind);
            let added = burst.add(sender, &packet.payload, packet.rtp_time, packet.captured);
            if let Err(error) = added {
                tracing::trace!("{error}");
            }
        }
        if let Err(error) = burst.send().await {
            tracing::trace!("{error}");
        }
    }
}

struct Task {
    audio: Option<AudioOut>,
    camera: Stream,
    screen: Stream,
    senders: Senders,
    estimate: watch::Receiver<Bitrate>,
    outgoing: Outgoing,
    wishes: mpsc::Receiver<()>,
    screen_wishes: mpsc::Receiver<()>,
    /// The screen that is shown.
    shown: watch::Receiver<Option<Arc<Show>>>,
    /// The codec in which the peer takes it.
    takes_screen: watch::Receiver<Option<VideoCodec>>,
    /// Whether pictures are wanted of the camera, or of what is there in its place.
    orders: watch::Receiver<Order<VideoSpec>>,
    peer: Peer,
}

impl Task {
    async fn run(mut self, stop: CancellationToken) {
        self.follow_screen();
        self.orders.mark_unchanged();
        loop {
            loop {
                if stop.is_cancelled() {
                    return;
                }
                // What was stopped meanwhile does not leave.
                if self.screen.is_on() && self.screen_has_changed() {
                    self.follow_screen();
                }
                let burst = self.due();
                if burst.is_empty() {
                    break;
                }
                self.senders.send(&burst).await;
            }
            for stream in [&mut self.camera, &mut self.screen] {
                stream.sent_so_far(now());
            }
            let wakes = [self.camera.pacer.next_wake(), self.screen.pacer.next_wake()];
            let wake = wakes.into_iter().flatten().min();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Ok(()) = self.shown.changed() => self.follow_screen(),
                Ok(()) = self.takes_screen.changed() => self.follow_screen(),
                Some(packet) = next(&mut self.audio) => self.camera.pacer.push_audio(Packet::sound(packet)),
                Ok(()) = self.orders.changed() => self.ordered(),
                Some(()) = self.wishes.recv() => self.camera.wish(),
                Some(()) = self.screen_wishes.recv() => self.screen.wish(),
                () = async { sleep_until(wake.unwrap_or_else(now).into()).await }, if wake.is_some() => {}
                Some(packets) = self.camera.next() => self.camera.picture(&packets),
                Some(packets) = self.screen.next() => self.screen.picture(&packets),
                Ok(()) = self.estimate.changed() => self.share_out(),
                // Nothing is left that could bring anything.
                else => return stop.cancelled().await,
            }
        }
    }

    /// Nothing leaves that was captured before the user has switched it off, and who looks on begins anew afterwards.
    fn ordered(&mut self) {
        if self.orders.borrow_and_update().off {
            self.camera.forget();
        } else {
            self.camera.begin_anew();
        }
    }

    /// The packets that may leave now, no more than are sent together.
    fn due(&mut self) -> Vec<Packet> {
        let at = now();
        let next = || {
            let camera = self.camera.pacer.poll(at);
            camera.or_else(|| self.screen.pacer.poll(at))
        };
        std::iter::from_fn(next).take(TOGETHER).collect()
    }

    fn screen_has_changed(&self) -> bool {
        self.shown.has_changed().unwrap_or(true)
    }

    /// Sends the screen that is shown, if the peer takes it; nothing else of any screen is sent from now on.
    fn follow_screen(&mut self) {
        let shown = self.shown.borrow_and_update().clone();
        let takes = *self.takes_screen.borrow_and_update();
        let max = self.outgoing.max.as_bps();
        let out = shown.zip(takes).and_then(|(show, codec)| {
            self.peer
                .set_max_bitrate(Bitrate::bps(max + self.outgoing.max_screen.as_bps()));
            show.subscribe(codec, self.shares().screen)
        });
        if out.is_none() {
            self.peer.set_max_bitrate(self.outgoing.max);
        }
        self.screen.take_from(out);
        self.share_out();
    }

    /// What camera and screen may take while both are sent.
    fn shares(&self) -> Split {
        let Outgoing {
            max, max_screen, ..
        } = self.outgoing;
        let all = Bitrate::bps(max.as_bps() + max_screen.as_bps());
        split(share(*self.estimate.borrow(), all), max, max_screen)
    }

    fn share_out(&mut self) {
        let estimate = *self.estimate.borrow_and_update();
        let at = now();
        if self.screen.is_on() {
            let Split { camera, screen } = self.shares();
            self.camera.set_target(at, camera);
            self.screen.set_target(at, screen);
        } else {
            self.camera
                .set_target(at, share(estimate, self.outgoing.max));
        }
    }
}

async fn next(audio: &mut Option<AudioOut>) -> Option<AudioPacket> {
    audio.as_mut()?.recv().await
}
