//! One socket: one picture that is shown.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use ahoy_contract::video::{CREDIT, VideoControl};
use ahoy_engine::frame::VideoFrame;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{Instant as Moment, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message},
};

use super::{
    greeting::{self, Refusal},
    picture::{self, Size},
    tracks::{Pictures, Track, Tracks},
};

/// How long the window may take from connecting to its first message.
pub(super) const HELLO_PATIENCE: Duration = Duration::from_secs(5);

/// How long the system may take to accept a picture: longer and the web view hangs or is gone.
const SEND_PATIENCE: Duration = Duration::from_secs(10);

/// Between two pictures of a screen that may show the window they are drawn in.
const CALM: Duration = Duration::from_secs(1);

/// Why a socket came to its end before the window closed it.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error("it did not say who it is in time")]
    Silent,
    #[error("it takes no pictures")]
    Stalled,
    #[error("it said something else than it may")]
    BadMessage,
    #[error("{0}")]
    Socket(#[from] tungstenite::Error),
    #[error("a picture could not be made: {0}")]
    Picture(#[from] tokio::task::JoinError),
}

/// Serves a socket until the window closes it.
pub(super) async fn run(
    mut socket: WebSocketStream<TcpStream>,
    token: Arc<str>,
    tracks: watch::Receiver<Tracks>,
) -> Result<(), SessionError> {
    let first = timeout(HELLO_PATIENCE, text(&mut socket))
        .await
        .map_err(|_| SessionError::Silent)??;
    let Some(first) = first else { return Ok(()) };
    let (hello, track) = greeting::hello(&first, &token)?;
    let session = Session {
        socket,
        tracks,
        track,
        tile: Size {
            width: hello.width,
            height: hello.height,
        },
        credit: CREDIT,
        sequence: 0,
        scratch: Vec::new(),
        pictures: None,
        rest: None,
    };
    session.run().await
}

/// The next text; `None`: the window closed the socket.
async fn text(socket: &mut WebSocketStream<TcpStream>) -> Result<Option<String>, SessionError> {
    loop {
        match socket.next().await.transpose()? {
            None | Some(Message::Close(_)) => return Ok(None),
            Some(Message::Text(text)) => return Ok(Some(text.as_str().to_owned())),
            Some(Message::Ping(_) | Message::Pong(_)) => {}
            Some(Message::Binary(_) | Message::Frame(_)) => return Err(SessionError::BadMessage),
        }
    }
}

struct Session {
    socket: WebSocketStream<TcpStream>,
    tracks: watch::Receiver<Tracks>,
    track: Track,
    tile: Size,
    /// How many pictures may still be sent before one is drawn.
    credit: u32,
    sequence: u32,
    /// The memory of the last scaled picture.
    scratch: Vec<u8>,
    pictures: Option<Pictures>,
    /// No picture before this.
    rest: Option<Moment>,
}

impl Session {
    async fn run(mut self) -> Result<(), SessionError> {
        self.find_pictures();
        loop {
            let may_send = self.credit > 0 && self.tile.is_visible();
            tokio::select! {
                said = text(&mut self.socket) => match said? {
                    Some(text) => self.control(&text)?,
                    None => return Ok(()),
                },
                changed = self.tracks.changed() => match changed {
                    Ok(()) => self.find_pictures(),
                    Err(_) => return Ok(()),
                },
                frame = next(&mut self.pictures, self.rest), if may_send => self.send(frame).await?,
            }
        }
    }

    /// Takes the track's pictures where it has other ones now.
    fn find_pictures(&mut self) {
        let found = self.tracks.borrow_and_update().get(&self.track);
        let same = match (&self.pictures, &found) {
            (Some(old), Some(new)) => old.same_channel(new),
            (None, None) => true,
            _ => false,
        };
        if !same {
            self.pictures = found.map(|mut pictures| {
                // What is there already is shown at once.
                pictures.mark_changed();
                pictures
            });
        }
    }

    fn control(&mut self, text: &str) -> Result<(), SessionError> {
        match serde_json::from_str(text).map_err(|_| SessionError::BadMessage)? {
            VideoControl::Size { width, height } => {
                self.tile = Size { width, height };
                // A picture that stands still fits the new tile too.
                if let Some(pictures) = &mut self.pictures {
                    pictures.mark_changed();
                }
            }
            VideoControl::Ack { ack } => self.credit = self.credit.saturating_add(ack).min(CREDIT),
        }
        Ok(())
    }

    async fn send(&mut self, frame: VideoFrame) -> Result<(), SessionError> {
        let source = Size {
            width: frame.width(),
            height: frame.height(),
        };
        let Some(size) = picture::fit(source, self.tile) else {
            return Ok(());
        };
        let (sequence, scratch) = (self.sequence, std::mem::take(&mut self.scratch));
        // Up to some milliseconds: too long for a thread that serves sockets.
        let made = tokio::task::spawn_blocking(move || {
            picture::message(&frame, size, unix_ms(frame.captured), sequence, scratch)
        });
        let (message, scratch) = made.await?;
        self.scratch = scratch;
        self.sequence = self.sequence.wrapping_add(1);
        self.credit -= 1;
        let calm = self.tracks.borrow().is_calm(&self.track);
        self.rest = calm.then(|| Moment::now() + CALM);
        timeout(SEND_PATIENCE, self.socket.send(Message::binary(message)))
            .await
            .map_err(|_| SessionError::Stalled)??;
        Ok(())
    }
}

/// The next picture that was not seen yet, after a rest.
async fn next(pictures: &mut Option<Pictures>, rest: Option<Moment>) -> VideoFrame {
    if let Some(rest) = rest {
        sleep_until(rest).await;
    }
    loop {
        let Some(receiver) = pictures else {
            return std::future::pending().await;
        };
        if receiver.changed().await.is_err() {
            *pictures = None;
        } else if let Some(frame) = receiver.borrow_and_update().clone() {
            return frame;
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the edge where the engine's time meets the window's"
)]
fn unix_ms(captured: Instant) -> f64 {
    let age = Instant::now().saturating_duration_since(captured);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    now.saturating_sub(age).as_secs_f64() * 1000.0
}
