//! The screen that is shown beside the camera, while one is. Nothing of it is captured before, and no thread is there.
//!
//! Each showing has a thread and encoders of its own, so that nothing of one comes into the next.

use std::{sync::Arc, time::Instant};

use ahoy_contract::ui::DeviceState;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{
    VideoOut,
    camera::CameraThread,
    desk::Kind,
    encoders::Encoders,
    tend::{self, Device, Duty},
    thread::Worker,
};
use crate::{
    codec::Content,
    device::{DeviceError, DeviceKind, VideoFormat, VideoSpec},
    frame::{Bitrate, VideoCodec},
};

/// What is captured of a screen: it keeps its own size.
const FORMAT: VideoFormat = VideoFormat {
    width: 1920,
    height: 1080,
    fps: 30,
};

/// Whether a screen is shown, and which showing it is.
#[derive(Debug)]
pub(super) struct Showing {
    /// The moment of RTP time 0.
    epoch: Instant,
    current: watch::Sender<Option<Arc<Show>>>,
    /// Asked to end, not joined yet.
    ending: Mutex<Vec<Arc<Show>>>,
}

/// One showing, from its start to its stop.
#[derive(Debug)]
pub(super) struct Show {
    screen: Kind<VideoSpec>,
    encoders: Encoders,
    worker: Mutex<Option<Worker>>,
}

impl Showing {
    /// Nothing is shown yet. `epoch` is the moment of RTP time 0.
    pub(super) fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            current: watch::Sender::new(None),
            ending: Mutex::default(),
        }
    }

    /// Shows something, or something else than before. To be called on a tokio runtime.
    pub(super) fn start(&self, spec: VideoSpec, content: Content) {
        let current = self.current.borrow().clone();
        if let Some(show) = current {
            show.encoders.set_content(content);
            show.screen.change(|order| order.spec = spec);
        } else {
            let show = Show::start(spec, content, self.epoch);
            self.current.send_replace(Some(Arc::new(show)));
        }
    }

    /// Shows nothing any more, at once.
    pub(super) fn stop(&self) {
        let Some(show) = self.current.send_replace(None) else {
            return;
        };
        show.end();
        let mut ending = self.ending.lock();
        ending.retain(|show| !show.is_finished());
        ending.push(show);
    }

    pub(super) fn set_content(&self, content: Content) {
        if let Some(show) = &*self.current.borrow() {
            show.encoders.set_content(content);
        }
    }

    /// What is shown, if anything; another showing is another one here.
    pub(super) fn current(&self) -> watch::Receiver<Option<Arc<Show>>> {
        self.current.subscribe()
    }

    /// Ends it, and joins the threads.
    pub(super) async fn close(&self) {
        self.stop();
        let ending = std::mem::take(&mut *self.ending.lock());
        for show in ending {
            let worker = show.worker.lock().take();
            if let Some(worker) = worker {
                worker.stop().await;
            }
            show.encoders.close().await;
        }
    }
}

impl Show {
    fn start(spec: VideoSpec, content: Content, epoch: Instant) -> Self {
        let (pictures, latest) = watch::channel(None);
        let screen = Kind::new(spec, false);
        let thread = ScreenThread(CameraThread::new(FORMAT, pictures));
        let worker = tend::start_or_tell(thread, screen.orders.subscribe(), &screen.state);
        Self {
            screen,
            encoders: Encoders::new(latest, content, false, FORMAT.fps, epoch),
            worker: Mutex::new(worker),
        }
    }

    /// How capturing does.
    pub(super) fn state(&self) -> watch::Receiver<DeviceState> {
        self.screen.state.subscribe()
    }

    /// Its pictures, compressed. `None`: no thread could be had.
    pub(super) fn subscribe(&self, codec: VideoCodec, target: Bitrate) -> Option<VideoOut> {
        self.encoders.subscribe(codec, target)
    }

    fn end(&self) {
        if let Some(worker) = &*self.worker.lock() {
            worker.end();
        }
        self.encoders.end();
    }

    fn is_finished(&self) -> bool {
        let captures = self
            .worker
            .lock()
            .as_ref()
            .is_some_and(|it| !it.is_finished());
        !captures && self.encoders.is_finished()
    }
}

/// Captures it as a camera's pictures are.
struct ScreenThread(CameraThread);

impl Device for ScreenThread {
    type Spec = VideoSpec;
    const THREAD: &'static str = "ahoy-screen";
    const KIND: DeviceKind = DeviceKind::Screen;

    fn is_none(spec: &VideoSpec) -> bool {
        CameraThread::is_none(spec)
    }

    fn run(&mut self, spec: &VideoSpec, duty: &mut Duty<'_, VideoSpec>) -> Result<(), DeviceError> {
        self.0.run(spec, duty)
    }

    fn rest(&mut self, wanted: bool, until: Option<Instant>, duty: &Duty<'_, VideoSpec>) {
        self.0.rest(wanted, until, duty);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::media::{Packets, now};

    const SOON: Duration = Duration::from_secs(20);

    fn picture(side: u32) -> VideoSpec {
        VideoSpec::Test(Some(VideoFormat {
            width: side,
            height: side,
            fps: 30,
        }))
    }

    async fn next(out: &mut VideoOut) -> Option<Packets> {
        let packets = timeout(SOON, out.packets.recv()).await;
        packets.expect("a picture, or the end, soon")
    }

    fn current(showing: &Showing) -> Arc<Show> {
        let current = showing.current().borrow().clone();
        current.expect("something is shown")
    }

    fn subscribe(show: &Show) -> VideoOut {
        let out = show.subscribe(VideoCodec::Vp9, Bitrate::kbps(1_000));
        out.expect("an encoder")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_of_one_showing_comes_into_the_next() {
        let showing = Showing::new(now());
        assert!(showing.current().borrow().is_none());
        showing.start(picture(64), Content::Screen);
        let first = current(&showing);
        let mut state = first.state();
        let open = state.wait_for(|state| *state == DeviceState::Open);
        timeout(SOON, open).await.unwrap().unwrap();
        let mut out = subscribe(&first);
        let packets = next(&mut out).await.unwrap();
        assert!(packets.key_frame && packets.width == 64);

        // Another source in the same showing: whoever gets its pictures goes on.
        showing.start(picture(96), Content::Screen);
        assert!(Arc::ptr_eq(&first, &current(&showing)));
        while next(&mut out).await.unwrap().width != 96 {}

        showing.stop();
        assert!(showing.current().borrow().is_none());
        showing.start(picture(128), Content::Camera);
        let second = current(&showing);
        assert!(!Arc::ptr_eq(&first, &second));
        let packets = next(&mut subscribe(&second)).await.unwrap();
        assert!(packets.key_frame && packets.width == 128);
        showing.close().await;
        assert!(first.is_finished() && second.is_finished());
    }
}
