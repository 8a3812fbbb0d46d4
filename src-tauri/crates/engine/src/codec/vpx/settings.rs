//! How the encoders are tuned for calls: on one thread, in real time, at a constant rate.

use vpx_sys::{
    AQ_MODE, vp8e_enc_control_id as id, vp9e_tune_content, vpx_codec_enc_cfg, vpx_color_range,
    vpx_color_space, vpx_enc_pass, vpx_kf_mode, vpx_rational, vpx_rc_mode,
};

use crate::{
    codec::{Content, VideoEncoderConfig},
    frame::{Bitrate, Color, ColorMatrix, ColorRange, LAYER_PERCENT, LAYERS, VideoCodec},
};

/// Ticks per second of the times that encoders are given: RTP's own clock for video.
pub(super) const TICKS: u32 = 90_000;

/// Below this an encoder makes nothing that can be looked at.
const MIN_KBPS: u64 = 30;
/// Far above what a call sends, and far below what overflows in the library.
const MAX_KBPS: u64 = 100_000;

/// A control of libvpx that takes one integer of 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Control(id);

impl Control {
    /// Its number for the library.
    pub(super) fn number(self) -> id {
        self.0
    }
}

/// The bitrate as libvpx takes it, in thousands of bits per second.
pub(super) fn kbps(bitrate: Bitrate) -> u32 {
    bitrate.as_kbps().clamp(MIN_KBPS, MAX_KBPS) as u32
}

/// Fills in the configuration of an encoder for pictures of this size.
pub(super) fn configure(
    codec: VideoCodec,
    settings: &VideoEncoderConfig,
    (width, height): (u32, u32),
    config: &mut vpx_codec_enc_cfg,
) {
    config.g_w = width;
    config.g_h = height;
    // A second thread saves no CPU time, and on a busy machine the two wait for each other.
    config.g_threads = 1;
    config.g_timebase = vpx_rational {
        num: 1,
        den: TICKS as i32,
    };
    config.g_pass = vpx_enc_pass::VPX_RC_ONE_PASS;
    config.g_lag_in_frames = 0;
    // Lost frames are repaired by retransmission or a key frame; resilience would cost bits all the time. A camera's
    // stream that may come in layers needs it: what stands still is refreshed by and by (`VP9E_SET_AQ_MODE`) in pictures that
    // are taken for the lowest layer, and without resilience libvpx 1.12 then comes to another picture than a decoder.
    // A screen's need it only while they are spread over layers; else they are taken for the highest, where nothing is refreshed.
    config.g_error_resilient =
        (has_layers(codec, settings) && settings.content == Content::Camera).into();
    config.rc_end_usage = vpx_rc_mode::VPX_CBR;
    set_bitrate(codec, settings, false, config);
    config.rc_resize_allowed = 0;
    // The buffer model in milliseconds: a second in all, so that one difficult picture costs little sharpness,
    // 600 ms to steer for, half a second to begin with.
    config.rc_buf_sz = 1_000;
    config.rc_buf_optimal_sz = 600;
    config.rc_buf_initial_sz = 500;
    // A camera's picture that does not fit is better left out: the next one is 33 ms away. Of a screen that may
    // have been the last for long.
    config.rc_dropframe_thresh = match settings.content {
        Content::Camera => 30,
        Content::Screen => 0,
    };
    (config.rc_undershoot_pct, config.rc_overshoot_pct) = match codec {
        VideoCodec::Vp8 => (100, 15),
        VideoCodec::Vp9 => (50, 50),
    };
    (config.rc_min_quantizer, config.rc_max_quantizer) = quantizers(codec, settings.content);
    // Key frames come only when they are asked for. The distance matters to the rate control alone, which in some
    // versions counts down to the next one.
    config.kf_mode = vpx_kf_mode::VPX_KF_DISABLED;
    config.kf_max_dist = 1_000_000;
    if has_layers(codec, settings) {
        config.ss_number_layers = 1;
        config.ts_number_layers = LAYERS as u32;
        config.ts_rate_decimator[..LAYERS].copy_from_slice(&[4, 2, 1]);
        // What belongs to which layer is said with each picture.
        config.temporal_layering_mode = LAYERING;
    }
}

const LAYERING: i32 =
    vpx_sys::vp9e_temporal_layering_mode::VP9E_TEMPORAL_LAYERING_MODE_BYPASS as i32;

/// Whether the encoder makes temporal layers.
pub(super) fn has_layers(codec: VideoCodec, settings: &VideoEncoderConfig) -> bool {
    settings.layers && codec == VideoCodec::Vp9
}

/// Writes the bitrate into a configuration, for pictures that are `spread` over the layers or all in the lowest. The
/// layers' bitrates are sums of those below.
pub(super) fn set_bitrate(
    codec: VideoCodec,
    settings: &VideoEncoderConfig,
    spread: bool,
    config: &mut vpx_codec_enc_cfg,
) {
    let all = kbps(settings.bitrate);
    config.rc_target_bitrate = all;
    if has_layers(codec, settings) {
        // Where the layers are counted only, each picture may take the same: of the rate a quarter is for the lowest layer,
        // which has a quarter of the pictures, a quarter for the middle one, and half for the highest.
        let percents = if spread { LAYER_PERCENT } else { [25, 50, 100] };
        for (bitrate, percent) in config.layer_target_bitrate.iter_mut().zip(percents) {
            *bitrate = (u64::from(all) * percent / 100) as u32;
        }
    }
}

/// The finest and the coarsest quantizer, of 0 to 63.
pub(super) fn quantizers(codec: VideoCodec, content: Content) -> (u32, u32) {
    match (codec, content) {
        (VideoCodec::Vp8, Content::Camera) => (2, 56),
        // Sharper than this nobody sees on text, and it would burst.
        (VideoCodec::Vp8, Content::Screen) => (12, 56),
        (VideoCodec::Vp9, Content::Camera) => (2, 52),
        (VideoCodec::Vp9, Content::Screen) => (8, 52),
    }
}

/// How far the finest quantizer comes down with each picture after a key frame: as fast as the delta frames stay
/// within twice their mean.
pub(super) fn easing_step(codec: VideoCodec) -> u32 {
    match codec {
        VideoCodec::Vp8 => 4,
        VideoCodec::Vp9 => 3,
    }
}

/// The bytes that a key frame should have: 100 ms of the rate, so that the first picture is soon there and no queue
/// builds up behind it.
pub(super) fn key_frame_bytes(bitrate: Bitrate) -> usize {
    // Thousands of bits in a second are bits in a millisecond.
    kbps(bitrate) as usize * 100 / 8
}

/// The controls of an encoder, besides its colour.
pub(super) fn controls(
    codec: VideoCodec,
    settings: &VideoEncoderConfig,
    (width, height): (u32, u32),
) -> Vec<(Control, i32)> {
    let screen = settings.content == Content::Screen;
    let pixels = width.saturating_mul(height);
    let mut controls = vec![
        (id::VP8E_SET_MAX_INTRA_BITRATE_PCT, key_frame_percent(codec)),
        // Blocks that differ by less than this are taken as unchanged.
        (id::VP8E_SET_STATIC_THRESHOLD, if screen { 100 } else { 1 }),
    ];
    match codec {
        VideoCodec::Vp8 => controls.extend([
            (id::VP8E_SET_CPUUSED, vp8_speed(screen, pixels)),
            (id::VP8E_SET_TOKEN_PARTITIONS, 0),
            (id::VP8E_SET_NOISE_SENSITIVITY, 0),
            // 2: leaves pictures out rather than overshooting.
            (id::VP8E_SET_SCREEN_CONTENT_MODE, if screen { 2 } else { 0 }),
        ]),
        VideoCodec::Vp9 => controls.extend([
            (id::VP8E_SET_CPUUSED, vp9_speed(pixels)),
            (id::VP9E_SET_AQ_MODE, AQ_MODE::CYCLIC_REFRESH_AQ as i32),
            (id::VP9E_SET_TILE_COLUMNS, 0),
            (id::VP9E_SET_FRAME_PARALLEL_DECODING, 0),
            (id::VP9E_SET_NOISE_SENSITIVITY, 0),
            (
                id::VP9E_SET_TUNE_CONTENT,
                if screen {
                    vp9e_tune_content::VP9E_CONTENT_SCREEN
                } else {
                    vp9e_tune_content::VP9E_CONTENT_DEFAULT
                } as i32,
            ),
        ]),
    }
    controls
        .into_iter()
        .map(|(control, value)| (Control(control), value))
        .collect()
}

/// The controls that write a colour into a VP9 stream, from its next key frame on. VP8 has none.
pub(super) fn color_controls(color: Color) -> [(Control, i32); 2] {
    let space = match color.matrix {
        ColorMatrix::Bt601 => vpx_color_space::VPX_CS_BT_601,
        ColorMatrix::Bt709 => vpx_color_space::VPX_CS_BT_709,
    };
    let range = match color.range {
        ColorRange::Limited => vpx_color_range::VPX_CR_STUDIO_RANGE,
        ColorRange::Full => vpx_color_range::VPX_CR_FULL_RANGE,
    };
    [
        (Control(id::VP9E_SET_COLOR_SPACE), space as i32),
        (Control(id::VP9E_SET_COLOR_RANGE), range as i32),
    ]
}

/// The most that a key frame is told to take, in percent of the mean frame. Of VP9 that is 100 ms of the rate at 30
/// pictures a second; VP8 stays at half of what it is told.
fn key_frame_percent(codec: VideoCodec) -> i32 {
    match codec {
        VideoCodec::Vp8 => 600,
        VideoCodec::Vp9 => 300,
    }
}

/// CIF: below it every speed is fast enough.
const SMALL: u32 = 352 * 288;
/// 640x360, where a picture costs a quarter of 720p, and the rate is low enough that quality shows.
const MEDIUM: u32 = 640 * 360;

fn vp8_speed(screen: bool, pixels: u32) -> i32 {
    match pixels {
        0..SMALL => -4,
        SMALL..=MEDIUM => -6,
        // At -8 text in large pictures bursts to three times the rate.
        _ if screen => -6,
        _ => -8,
    }
}

pub(super) fn vp9_speed(pixels: u32) -> i32 {
    if pixels <= MEDIUM { 7 } else { 9 }
}
