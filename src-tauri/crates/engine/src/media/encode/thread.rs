//! The thread of one encoding.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, time::sleep_until};
use tokio_util::sync::CancellationToken;

use super::{EncoderSettings, Packets, Shared, fit::fitted, outputs::Wanted, pace::Pace};
use crate::{
    codec::{CodecError, Content, VideoEncoder, VideoEncoderConfig, VpxEncoder},
    convert::VP8_COLOR,
    frame::{Bitrate, EncodedFrame, VideoCodec, VideoFrame},
    media::{Latest, now},
    packet::{Packetizer, Payload},
    rate::Rung,
};

/// Between two key frames that were asked for: each costs as much as ten other pictures.
const KEY_FRAME_EVERY: Duration = Duration::from_millis(500);
/// After an error of the encoder, before the next try.
const AFTER_ERROR: Duration = Duration::from_millis(200);
/// What an encoder is set up for before it is known what its first peer can take.
const PREPARED: Bitrate = Bitrate::kbps(1_000);
/// An encoder that was set up for somebody who did not come is kept this long: connections take less, or fail.
const PREPARED_FOR: Duration = Duration::from_secs(20);
/// RTP ticks in a second (RFC 7741 §4.1, RFC 9628 §4.1).
const CLOCK: f64 = 90_000.0;

pub(super) struct Thread {
    rung: Rung,
    settings: EncoderSettings,
    shared: Arc<Shared>,
    encoder: Option<VpxEncoder>,
    /// What it is tuned for.
    content: Content,
    /// Since when an encoder is ready that nobody uses yet.
    prepared: Option<Instant>,
    packetizer: Packetizer,
    last_key: Option<Instant>,
    pace: Pace,
    /// The capture of the picture that was compressed last.
    last: Option<Instant>,
    /// The moment that it was sent with.
    stamp: Option<Instant>,
    /// One that was compressed could not be sent: what follows needs it, up to a key frame.
    held_back: bool,
}

/// Why the thread woke.
enum Wake {
    Stop,
    /// There is a new picture.
    Picture,
    /// The last picture is wanted once more, or was put off.
    Again,
}

impl Thread {
    pub(super) fn new(
        rung: Rung,
        settings: EncoderSettings,
        shared: Arc<Shared>,
        first_picture_id: u16,
    ) -> Self {
        Self {
            rung,
            settings,
            shared,
            encoder: None,
            content: settings.content,
            prepared: None,
            packetizer: Packetizer::new(first_picture_id),
            last_key: None,
            pace: Pace::new(settings.fps),
            last: None,
            stamp: None,
            held_back: false,
        }
    }

    pub(super) fn run(mut self, handle: &Handle, mut pictures: Latest, stop: &CancellationToken) {
        let shared = self.shared.clone();
        let wanted = &shared.encoding(self.rung).wanted;
        // The small encoding sleeps until somebody needs it.
        let mut needed = self.rung == Rung::Large;
        // There is no picture, or nobody who wants one: nothing falls due, and only what is new wakes.
        let mut idle = false;
        loop {
            let due = self.due().filter(|_| !idle);
            let wake = handle.block_on(async {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => Wake::Stop,
                    changed = pictures.changed(), if needed => match changed {
                        Ok(()) => Wake::Picture,
                        Err(_) => Wake::Stop,
                    },
                    () = wanted.notified() => Wake::Again,
                    () = async { sleep_until(due.unwrap_or_else(now).into()).await }, if due.is_some() && needed => Wake::Again,
                }
            });
            if let Wake::Stop = wake {
                return;
            }
            let Some(picture) = pictures.borrow_and_update().clone() else {
                idle = true;
                continue;
            };
            match self.picture(picture) {
                Ok(wanted) => {
                    idle = !wanted;
                    needed = wanted || self.rung == Rung::Large;
                }
                Err(error) => {
                    tracing::warn!("{error}");
                    self.encoder = None;
                    std::thread::sleep(AFTER_ERROR);
                }
            }
        }
    }

    /// When the newest picture is due that has been compressed already, or was put off, or somebody may take another encoding.
    fn due(&self) -> Option<Instant> {
        let asked = &self.shared.encoding(self.rung).key_wanted;
        let key = asked.load(Ordering::Relaxed);
        let key_at = self.last_key.filter(|_| key).map(|at| at + KEY_FRAME_EVERY);
        let moves = (self.rung == Rung::Large && self.shared.layered)
            .then(|| self.shared.outputs.lock().next_move(now()))
            .flatten();
        let others = key_at.into_iter().chain(moves);
        self.pace.wake().into_iter().chain(others).min()
    }

    /// What is wanted of this encoding; `None`: nobody looks.
    fn wanted(&self, at: Instant) -> Option<Wanted> {
        let mut outputs = self.shared.outputs.lock();
        match self.rung {
            Rung::Large if self.shared.layered => outputs.large(at),
            Rung::Large => outputs.narrowest(),
            Rung::Small => outputs.small(at, self.shared.large.target.load(Ordering::Relaxed)),
        }
    }

    /// Compresses a picture if somebody wants it; says whether anybody does. It may be the last one, which nothing has
    /// changed since.
    fn picture(&mut self, picture: VideoFrame) -> Result<bool, CodecError> {
        let at = now();
        let Some(wanted) = self.wanted(at) else {
            return self.nobody(&picture, at).map(|()| false);
        };
        if wanted.small {
            self.shared.small.wanted.notify_one();
        }
        self.prepared = None;
        self.shared.prepared.store(false, Ordering::Relaxed);
        let screen = self.shared.screen.load(Ordering::Relaxed);
        self.retune(screen);
        let asked = &self.shared.encoding(self.rung).key_wanted;
        let key_wanted = wanted.key || asked.load(Ordering::Relaxed);
        let key = key_wanted && self.may_be_key(at);
        if key_wanted && !key {
            // Remembered for when it may be made.
            asked.store(true, Ordering::Relaxed);
        }
        self.pace.aims_at(at, wanted.target);
        let repeated = self.last == Some(picture.captured);
        let admitted = match (repeated, screen) {
            // The same once more helps only where it becomes sharper.
            (true, _) => self.pace.is_due(at) && self.pace.admits_again(at),
            (false, true) => self.pace.admits(at),
            (false, false) => self.pace.flows(at),
        };
        // Who has seen nothing yet does not wait for what others were sent.
        if !admitted && !key {
            return Ok(true);
        }
        self.last = Some(picture.captured);
        // What is sent later is younger for who gets it. One that was captured before the last was compressed once more
        // is younger too; and so is a key frame of a screen, by which somebody changes over from the other encoding.
        let early = self.stamp.is_some_and(|stamp| picture.captured <= stamp);
        let captured = if repeated || early || (key && screen) {
            at
        } else {
            picture.captured
        };
        self.stamp = Some(captured);
        let picture = VideoFrame {
            captured,
            ..picture
        };
        self.compress(&picture, &wanted, (key, repeated), at)?;
        Ok(true)
    }

    fn may_be_key(&self, at: Instant) -> bool {
        self.last_key
            .is_none_or(|last| at.duration_since(last) >= KEY_FRAME_EVERY)
    }

    fn compress(
        &mut self,
        picture: &VideoFrame,
        wanted: &Wanted,
        (key, repeated): (bool, bool),
        at: Instant,
    ) -> Result<(), CodecError> {
        let number = (self.shared.layered).then(|| self.shared.numbers.lock().of(picture.captured));
        let made = self.made_fit(picture);
        let picture = made.as_ref().unwrap_or(picture);
        let may_change = key || self.encoder.is_none() || !repeated && self.may_be_key(at);
        let encoder = self.encoder(wanted.target)?;
        // That makes a key frame.
        if may_change {
            encoder.set_spread(wanted.spread);
        }
        let base = encoder.is_base_next();
        // In a layer that the next ones do not refer to it would be for the moment only.
        let sharp = (repeated && base).then(|| self.pace.sharp());
        let encoder = self.encoder(wanted.target)?;
        encoder.sharpen(sharp);
        let Some(mut encoded) = encoder.encode(picture, key)? else {
            self.pace.left_out(at);
            return Ok(());
        };
        let quantizer = encoder.quantizer().filter(|_| base || encoded.key_frame);
        if encoded.key_frame && repeated {
            self.pace.begins_anew();
        }
        self.pace.made(at, encoded.data.len(), quantizer);
        let shared = self.shared.clone();
        let encoding = shared.encoding(self.rung);
        if encoded.key_frame {
            self.last_key = Some(at);
            encoding.key_wanted.store(false, Ordering::Relaxed);
            encoding.key_frames.fetch_add(1, Ordering::Relaxed);
        }
        let since = picture
            .captured
            .saturating_duration_since(self.settings.epoch)
            .as_secs_f64();
        encoded.rtp_time = (since * CLOCK) as u64 as u32;
        self.held_back &= !encoded.key_frame;
        let payloads = self.payloads(&encoded, number);
        let Some(payloads) = payloads.filter(|_| !self.held_back) else {
            // It cannot be sent without a key frame in front of it, nor can what follows.
            self.held_back = true;
            encoding.key_wanted.store(true, Ordering::Relaxed);
            return Ok(());
        };
        let packets = Packets {
            payloads: payloads.into(),
            rtp_time: encoded.rtp_time,
            captured: encoded.captured,
            key_frame: encoded.key_frame,
            layer: encoded.layer,
            width: encoded.width,
            height: encoded.height,
        };
        self.shared.outputs.lock().hand_out(self.rung, &packets);
        Ok(())
    }

    fn payloads(&mut self, encoded: &EncodedFrame, number: Option<u16>) -> Option<Vec<Payload>> {
        match (number, encoded.layer) {
            (Some(number), Some(layer)) => {
                self.packetizer.packetize_layered(encoded, layer, number)
            }
            _ => Some(self.packetizer.packetize(encoded)),
        }
    }

    /// Nobody looks. The next one who does gets a key frame first, from an encoder that is set up already where its coming
    /// was announced.
    fn nobody(&mut self, picture: &VideoFrame, at: Instant) -> Result<(), CodecError> {
        if self.rung == Rung::Large && self.shared.prepared.swap(false, Ordering::Relaxed) {
            self.retune(self.shared.screen.load(Ordering::Relaxed));
            self.prepared = Some(at);
            let made = self.made_fit(picture);
            let picture = made.as_ref().unwrap_or(picture);
            return self.encoder(PREPARED.as_bps())?.prepare(picture);
        }
        if self
            .prepared
            .is_none_or(|since| at.duration_since(since) >= PREPARED_FOR)
        {
            self.encoder = None;
        }
        Ok(())
    }

    fn retune(&mut self, screen: bool) {
        let content = if screen {
            Content::Screen
        } else {
            Content::Camera
        };
        if self.content != content {
            self.content = content;
            self.encoder = None;
        }
    }

    /// The picture as this encoding takes it, where that is another one.
    fn made_fit(&self, picture: &VideoFrame) -> Option<VideoFrame> {
        // VP8 cannot say what its colours mean.
        let only = (self.settings.codec == VideoCodec::Vp8).then_some(VP8_COLOR);
        fitted(picture, self.rung, self.shared.layered, only)
    }

    fn encoder(&mut self, target: u64) -> Result<&mut VpxEncoder, CodecError> {
        let bitrate = Bitrate::bps(target);
        let told = &self.shared.encoding(self.rung).target;
        let last = told.swap(target, Ordering::Relaxed);
        match &mut self.encoder {
            Some(encoder) => {
                if last != target {
                    encoder.set_bitrate(bitrate)?;
                }
                Ok(encoder)
            }
            none => {
                let config = VideoEncoderConfig {
                    bitrate,
                    fps: self.settings.fps,
                    content: self.content,
                    layers: self.shared.layered,
                };
                Ok(none.insert(VpxEncoder::new(self.settings.codec, config)?))
            }
        }
    }
}
