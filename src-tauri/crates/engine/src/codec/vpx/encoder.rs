//! When an encoder goes on, and when it begins anew.

use std::time::{Duration, Instant};

use super::{
    easing::Easing,
    layers::Parts,
    raw_encoder::{LayerSettings, Packet, RawEncoder},
    settings::{self, TICKS},
};
use crate::{
    codec::{CodecError, Content, VideoEncoder, VideoEncoderConfig},
    frame::{Bitrate, Color, EncodedFrame, VideoCodec, VideoFrame},
};

/// The longest pause that the rate control is told of. Told of a longer one it would take the stream for one
/// of a picture every few seconds and let the next one grow to seconds' worth of bits.
const LONGEST_STEP: Duration = Duration::from_millis(500);

/// Compresses to VP8 or VP9.
///
/// VP9 writes each picture's colour into its key frames, and a change of colour makes one. VP8 cannot: every
/// decoder takes its pictures for BT.601 limited ([RFC 6386 §9.2]), so whoever feeds it converts others first, as
/// `media` does with `convert::recolor`; it is not done here.
///
/// [RFC 6386 §9.2]: https://www.rfc-editor.org/rfc/rfc6386#section-9.2
pub struct VpxEncoder {
    codec: VideoCodec,
    settings: VideoEncoderConfig,
    running: Option<Running>,
    quantizer: Option<u32>,
    sharp: Option<u32>,
    spread: bool,
}

/// An encoder for one size.
struct Running {
    raw: RawEncoder,
    size: (u32, u32),
    color: Color,
    /// A key frame was asked for and has not come yet.
    key_due: bool,
    easing: Easing,
    /// The finest and the coarsest quantizer of the settings.
    quantizers: (u32, u32),
    /// Those that the library was told.
    told: (u32, u32),
    layers: Option<Layers>,
    last_captured: Instant,
    /// In [`TICKS`].
    time: i64,
}

/// What an encoder in layers has besides.
struct Layers {
    speed: i32,
    parts: Parts,
    /// What the stream was told to be from the next key frame on, and the bitrate for.
    spread: bool,
}

impl VpxEncoder {
    /// An encoder; its size is that of the first picture.
    pub fn new(codec: VideoCodec, settings: VideoEncoderConfig) -> Result<Self, CodecError> {
        if settings.fps == 0 {
            return Err(CodecError::Setup {
                codec: codec.name(),
                detail: "no pictures per second".to_owned(),
            });
        }
        Ok(Self {
            codec,
            settings,
            running: None,
            quantizer: None,
            sharp: None,
            spread: false,
        })
    }

    /// Makes ready for pictures of this size and colour, which takes longer than compressing one: to be called
    /// before the first picture is wanted. Not needed.
    pub fn prepare(&mut self, frame: &VideoFrame) -> Result<(), CodecError> {
        let size = (frame.width(), frame.height());
        if self
            .running
            .as_ref()
            .is_none_or(|running| running.size != size)
        {
            self.running = None;
            let started = self.start(frame).map_err(|detail| CodecError::Setup {
                codec: self.codec.name(),
                detail,
            })?;
            self.running = Some(started);
        }
        Ok(())
    }

    /// How coarse the last picture is: its quantizer, 0 to 63. `None` before the first.
    pub fn quantizer(&self) -> Option<u32> {
        self.quantizer
    }

    /// The next pictures, but for key frames, have this quantizer at most, 0 to 63, whatever that takes of the rate.
    /// `None`: as the rate has it.
    pub fn sharpen(&mut self, quantizer: Option<u32>) {
        self.sharp = quantizer;
    }

    /// The next pictures are spread over the layers, so that some may be left out; or all are in the lowest, which takes
    /// fewer bits. At first they are in the lowest. Each change makes a key frame. Without layers it changes nothing.
    pub fn set_spread(&mut self, spread: bool) {
        self.spread = spread;
        let running = self.running.as_mut();
        if let Some(layers) = running.and_then(|running| running.layers.as_mut()) {
            layers.parts.set_spread(spread);
        }
    }

    /// Whether the next picture is one that all that follow may refer to: of the lowest layer, where there are some.
    pub fn is_base_next(&self) -> bool {
        let running = self.running.as_ref();
        running
            .and_then(|running| running.layers.as_ref())
            .is_none_or(|layers| layers.parts.next(false).layer == 0)
    }

    /// The last picture as the next ones are made from it, if any are.
    #[cfg(test)]
    pub(super) fn reference(&mut self) -> Option<crate::frame::I420Buffer> {
        let picture = self.running.as_mut()?.raw.reference()?;
        let (width, height) = picture.size();
        let mut buffer = crate::frame::I420Buffer::new(width, height);
        super::decoder::copy(&picture, &mut buffer).ok()?;
        Some(buffer)
    }

    fn start(&self, frame: &VideoFrame) -> Result<Running, String> {
        let size = (frame.width(), frame.height());
        let (finest, coarsest) = settings::quantizers(self.codec, self.settings.content);
        let mut raw = RawEncoder::new(self.codec, |config| {
            settings::configure(self.codec, &self.settings, size, config);
        })?;
        for (control, value) in settings::controls(self.codec, &self.settings, size) {
            raw.control(control, value)?;
        }
        let speed = settings::vp9_speed(size.0.saturating_mul(size.1));
        let layers = settings::has_layers(self.codec, &self.settings).then(|| {
            let mut parts = Parts::new(self.settings.content == Content::Screen);
            parts.set_spread(self.spread);
            Layers {
                speed,
                parts,
                spread: false,
            }
        });
        if layers.is_some() {
            raw.set_layers(&LayerSettings {
                quantizers: (finest, coarsest),
                speed,
            })?;
        }
        let mut running = Running {
            raw,
            size,
            color: frame.color,
            key_due: true,
            easing: Easing::new(finest, coarsest, settings::easing_step(self.codec)),
            quantizers: (finest, coarsest),
            told: (finest, coarsest),
            layers,
            last_captured: frame.captured,
            time: 0,
        };
        running.set_color(self.codec, frame.color)?;
        Ok(running)
    }
}

/// What became of a picture.
struct Made {
    packet: Packet,
    quantizer: u32,
    layer: Option<u8>,
}

impl Running {
    fn set_color(&mut self, codec: VideoCodec, color: Color) -> Result<(), String> {
        if codec == VideoCodec::Vp9 {
            for (control, value) in settings::color_controls(color) {
                self.raw.control(control, value)?;
            }
            self.key_due = true;
        }
        self.color = color;
        Ok(())
    }

    fn encode(
        &mut self,
        frame: &VideoFrame,
        codec: VideoCodec,
        settings: &VideoEncoderConfig,
        sharp: Option<u32>,
    ) -> Result<Option<Made>, String> {
        self.change_over(codec, settings)?;
        let (finest, coarsest) = self.quantizers;
        let quantizers = match sharp.filter(|_| !self.key_due) {
            Some(sharp) => (finest, sharp.clamp(finest, coarsest)),
            None => {
                let wanted = settings::key_frame_bytes(settings.bitrate);
                (self.easing.bound(self.key_due, wanted), coarsest)
            }
        };
        if quantizers != self.told {
            self.raw.reconfigure(|config| {
                (config.rc_min_quantizer, config.rc_max_quantizer) = quantizers;
            })?;
            if let Some(Layers { speed, .. }) = self.layers {
                self.raw.set_layers(&LayerSettings { quantizers, speed })?;
            }
            self.told = quantizers;
        }
        let layer = self.take_part()?;
        let time = self.advance(frame.captured);
        let duration = TICKS / settings.fps;
        let packet = self
            .raw
            .encode(&frame.buffer, time, duration, self.key_due)?;
        let Some(packet) = packet else {
            return Ok(None);
        };
        let quantizer = self.raw.quantizer()?;
        self.easing
            .made(packet.key_frame, quantizer, packet.data.len());
        self.key_due &= !packet.key_frame;
        if let Some(layers) = &mut self.layers {
            layers.parts.made(packet.key_frame);
        }
        Ok(Some(Made {
            packet,
            quantizer,
            layer,
        }))
    }

    /// Has the stream become one of which pictures may be left out, or one that need not be.
    ///
    /// In error resilient mode (bitstream specification 0.7, §7.2) a picture takes over nothing from the one before but
    /// pixels: no probabilities, no motion. Only then may one be left out, and moving text takes twice the bits. libvpx
    /// changes over with a key frame.
    fn change_over(
        &mut self,
        codec: VideoCodec,
        settings: &VideoEncoderConfig,
    ) -> Result<(), String> {
        let Some(layers) = &mut self.layers else {
            return Ok(());
        };
        let spread = layers.parts.is_spread();
        if std::mem::replace(&mut layers.spread, spread) != spread {
            self.key_due = true;
            // As `settings::configure` says.
            let resilient = spread || settings.content == Content::Camera;
            self.raw.reconfigure(|config| {
                config.g_error_resilient = resilient.into();
                settings::set_bitrate(codec, settings, spread, config);
            })?;
        }
        Ok(())
    }

    /// The layer of the next picture, where there are some.
    fn take_part(&mut self) -> Result<Option<u8>, String> {
        let Some(layers) = &mut self.layers else {
            return Ok(None);
        };
        let part = layers.parts.next(self.key_due);
        self.raw.set_part(part)?;
        Ok(Some(part.layer))
    }

    /// The picture's time in ticks: it follows the capture and always grows.
    fn advance(&mut self, captured: Instant) -> i64 {
        let step = captured
            .saturating_duration_since(self.last_captured)
            .min(LONGEST_STEP);
        let ticks = (step.as_micros() * u128::from(TICKS) / 1_000_000) as i64;
        self.last_captured = self.last_captured.max(captured);
        self.time += ticks.max(1);
        self.time
    }
}

impl VideoEncoder for VpxEncoder {
    fn codec(&self) -> VideoCodec {
        self.codec
    }

    fn encode(
        &mut self,
        frame: &VideoFrame,
        key: bool,
    ) -> Result<Option<EncodedFrame>, CodecError> {
        let codec = self.codec.name();
        let size = (frame.width(), frame.height());
        // A new encoder for every size: libvpx's VP9 writes past its memory when it grows, and VP8 refuses.
        let mut running = match self.running.take() {
            Some(running) if running.size == size => running,
            _ => self
                .start(frame)
                .map_err(|detail| CodecError::Setup { codec, detail })?,
        };
        let fail = |detail| CodecError::Encode { codec, detail };
        if running.color != frame.color {
            running.set_color(self.codec, frame.color).map_err(fail)?;
        }
        running.key_due |= key;
        let made = running
            .encode(frame, self.codec, &self.settings, self.sharp)
            .map_err(fail)?;
        // An encoder that failed is not kept: the next picture begins anew with a key frame.
        self.running = Some(running);
        if let Some(made) = &made {
            self.quantizer = Some(made.quantizer);
        }
        Ok(made.map(|Made { packet, layer, .. }| EncodedFrame {
            data: packet.data,
            codec: self.codec,
            key_frame: packet.key_frame,
            layer,
            width: size.0,
            height: size.1,
            captured: frame.captured,
            rtp_time: 0,
        }))
    }

    fn set_bitrate(&mut self, bitrate: Bitrate) -> Result<(), CodecError> {
        let changed = settings::kbps(bitrate) != settings::kbps(self.settings.bitrate);
        self.settings.bitrate = bitrate;
        match &mut self.running {
            Some(running) if changed => {
                let spread = running.layers.as_ref().is_some_and(|layers| layers.spread);
                running
                    .raw
                    .reconfigure(|config| {
                        settings::set_bitrate(self.codec, &self.settings, spread, config);
                    })
                    .map_err(|detail| CodecError::Setup {
                        codec: self.codec.name(),
                        detail,
                    })
            }
            _ => Ok(()),
        }
    }
}
