//! The encoders of one source of pictures: one per codec in use.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::Instant,
};

use parking_lot::Mutex;

use super::{
    Latest, VideoOut,
    encode::{Encoder, EncoderSettings},
};
use crate::{
    codec::Content,
    frame::{Bitrate, VideoCodec},
};

/// Starts an encoder with the first who wants its codec, and ends it when another is wanted.
#[derive(Debug)]
pub(super) struct Encoders {
    pictures: Latest,
    audience: bool,
    fps: u32,
    /// The moment of RTP time 0.
    epoch: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    in_use: HashMap<VideoCodec, Encoder>,
    content: Content,
    /// Asked to end, not joined yet.
    ending: Vec<Encoder>,
}

impl Encoders {
    /// For pictures of this kind; `audience`: each viewer gets what of them it can take.
    pub(super) fn new(
        pictures: Latest,
        content: Content,
        audience: bool,
        fps: u32,
        epoch: Instant,
    ) -> Self {
        let state = State {
            content,
            ..State::default()
        };
        Self {
            pictures,
            audience,
            fps,
            epoch,
            state: Mutex::new(state),
        }
    }

    /// Pictures of another kind than before: what they are compressed for.
    pub(super) fn set_content(&self, content: Content) {
        let mut state = self.state.lock();
        state.content = content;
        for encoder in state.in_use.values() {
            encoder.set_content(content);
        }
    }

    /// Makes ready to compress with a codec for somebody who is about to connect: an encoder takes longer to set up than
    /// a picture to compress. Without this it is done for the first picture.
    pub(super) fn prepare(&self, codec: VideoCodec) {
        self.with(codec, Encoder::prepare);
    }

    /// The encoder of a codec, started if there is none. `None`: no thread could be had.
    pub(super) fn subscribe(&self, codec: VideoCodec, target: Bitrate) -> Option<VideoOut> {
        self.with(codec, |encoder| encoder.subscribe(target))
    }

    /// Asks all to end.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        let State { in_use, ending, .. } = &mut *state;
        ending.extend(in_use.drain().map(|(_, encoder)| encoder));
        ending.iter().for_each(Encoder::end);
    }

    /// Whether none works any more.
    pub(super) fn is_finished(&self) -> bool {
        let state = self.state.lock();
        state.in_use.is_empty() && state.ending.iter().all(Encoder::is_finished)
    }

    /// Ends all, and joins their threads.
    pub(super) async fn close(&self) {
        self.end();
        let ending = std::mem::take(&mut self.state.lock().ending);
        for encoder in ending {
            encoder.stop().await;
        }
    }

    fn with<T>(&self, codec: VideoCodec, run: impl FnOnce(&Encoder) -> T) -> Option<T> {
        let mut state = self.state.lock();
        let State {
            in_use,
            content,
            ending,
        } = &mut *state;
        ending.retain(|encoder| !encoder.is_finished());
        ending.extend(
            in_use
                .extract_if(|other, encoder| *other != codec && !encoder.in_use())
                .map(|(_, encoder)| encoder)
                .inspect(Encoder::end),
        );
        let encoder = match in_use.entry(codec) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let settings = EncoderSettings {
                    codec,
                    content: *content,
                    audience: self.audience,
                    fps: self.fps,
                    epoch: self.epoch,
                };
                match Encoder::start(settings, &self.pictures) {
                    Ok(encoder) => entry.insert(encoder),
                    Err(error) => {
                        tracing::error!("no thread for the encoder: {error}");
                        return None;
                    }
                }
            }
        };
        Some(run(encoder))
    }
}
