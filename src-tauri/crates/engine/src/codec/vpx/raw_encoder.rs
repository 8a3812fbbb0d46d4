//! The encoder of libvpx behind a safe face.

use std::{ffi::c_int, mem::MaybeUninit, ptr};

use bytes::{Bytes, BytesMut};
use vpx_sys::{
    VPX_DL_REALTIME, VPX_EFLAG_FORCE_KF, VPX_ENCODER_ABI_VERSION, VPX_FRAME_IS_KEY,
    vp8e_enc_control_id::{
        VP8E_GET_LAST_QUANTIZER_64, VP9E_SET_SVC, VP9E_SET_SVC_LAYER_ID, VP9E_SET_SVC_PARAMETERS,
        VP9E_SET_SVC_REF_FRAME_CONFIG,
    },
    vpx_codec_ctx,
    vpx_codec_cx_pkt_kind::VPX_CODEC_CX_FRAME_PKT,
    vpx_codec_enc_cfg,
    vpx_codec_err_t::VPX_CODEC_OK,
    vpx_enc_frame_flags_t, vpx_image_t,
    vpx_img_fmt::VPX_IMG_FMT_I420,
    vpx_svc_layer_id, vpx_svc_parameters, vpx_svc_ref_frame_config,
};

use super::{layers::Part, message};
use crate::frame::{I420Buffer, VideoCodec};

/// How the layers of a VP9 encoder are made.
pub(super) struct LayerSettings {
    /// The finest and the coarsest quantizer of each, 0 to 63.
    pub(super) quantizers: (u32, u32),
    /// As `VP8E_SET_CPUUSED`.
    pub(super) speed: i32,
}

/// What came out for one picture.
pub(super) struct Packet {
    /// The bitstream of the frame.
    pub(super) data: Bytes,
    /// It needs no earlier frame.
    pub(super) key_frame: bool,
}

/// An encoder for pictures of one size.
pub(super) struct RawEncoder {
    // Boxed, because libvpx keeps pointers into both.
    context: Box<vpx_codec_ctx>,
    config: Box<vpx_codec_enc_cfg>,
}

#[expect(
    unsafe_code,
    reason = "a context belongs to whoever holds it and to no thread"
)]
// SAFETY: libvpx keeps nothing per thread; `&mut self` on every call keeps two threads apart.
unsafe impl Send for RawEncoder {}

impl RawEncoder {
    /// An encoder with the library's defaults as `configure` changes them.
    #[expect(unsafe_code, reason = "libvpx is a C library")]
    pub(super) fn new(
        codec: VideoCodec,
        configure: impl FnOnce(&mut vpx_codec_enc_cfg),
    ) -> Result<Self, String> {
        // SAFETY: the functions return the address of a static description of the codec.
        let interface = unsafe {
            match codec {
                VideoCodec::Vp8 => vpx_sys::vpx_codec_vp8_cx(),
                VideoCodec::Vp9 => vpx_sys::vpx_codec_vp9_cx(),
            }
        };
        let mut config = Box::new(MaybeUninit::<vpx_codec_enc_cfg>::zeroed());
        // SAFETY: the pointer is to writable memory of the right size; on success all of it is written.
        let mut config = unsafe {
            let result = vpx_sys::vpx_codec_enc_config_default(interface, config.as_mut_ptr(), 0);
            if result != VPX_CODEC_OK {
                return Err(message(ptr::null_mut(), result));
            }
            config.assume_init()
        };
        configure(&mut config);
        let mut context = Box::new(MaybeUninit::<vpx_codec_ctx>::zeroed());
        // SAFETY: interface and configuration are valid, the context is zeroed memory of the size that this
        // version of the interface says. An initialiser that fails has freed what it made.
        let context = unsafe {
            let result = vpx_sys::vpx_codec_enc_init_ver(
                context.as_mut_ptr(),
                interface,
                &*config,
                0,
                VPX_ENCODER_ABI_VERSION as i32,
            );
            if result != VPX_CODEC_OK {
                return Err(message(context.as_mut_ptr(), result));
            }
            context.assume_init()
        };
        Ok(Self { context, config })
    }

    /// Changes the configuration of the running encoder. Its size must stay what it was.
    #[expect(unsafe_code, reason = "libvpx is a C library")]
    pub(super) fn reconfigure(
        &mut self,
        configure: impl FnOnce(&mut vpx_codec_enc_cfg),
    ) -> Result<(), String> {
        let size = (self.config.g_w, self.config.g_h);
        configure(&mut self.config);
        (self.config.g_w, self.config.g_h) = size;
        // SAFETY: the context was initialised, and the configuration is a whole one.
        unsafe {
            let result = vpx_sys::vpx_codec_enc_config_set(&mut *self.context, &*self.config);
            if result == VPX_CODEC_OK {
                Ok(())
            } else {
                Err(message(&mut *self.context, result))
            }
        }
    }

    /// Sets one of the controls that take an integer.
    ///
    /// `control` is the number of such a control (`vp8e_enc_control_id`); [`settings`](super::settings) is
    /// the only place that names them.
    #[expect(unsafe_code, reason = "libvpx is a C library")]
    pub(super) fn control(
        &mut self,
        control: super::settings::Control,
        value: i32,
    ) -> Result<(), String> {
        // SAFETY: the context was initialised. A `Control` takes one integer of 32 bits, which is what is
        // passed.
        unsafe {
            let result =
                vpx_sys::vpx_codec_control_(&mut *self.context, control.number() as i32, value);
            if result == VPX_CODEC_OK {
                Ok(())
            } else {
                Err(format!(
                    "{:?}: {}",
                    control.number(),
                    message(&mut *self.context, result)
                ))
            }
        }
    }

    /// Has a VP9 encoder that is configured for layers make them, or changes how it does.
    #[expect(unsafe_code, reason = "libvpx is a C library")]
    pub(super) fn set_layers(&mut self, layers: &LayerSettings) -> Result<(), String> {
        let (finest, coarsest) = layers.quantizers;
        let mut parameters = vpx_svc_parameters {
            max_quantizers: [coarsest as c_int; 12],
            min_quantizers: [finest as c_int; 12],
            scaling_factor_num: [1; 12],
            scaling_factor_den: [1; 12],
            speed_per_layer: [layers.speed; 12],
            temporal_layering_mode: self.config.temporal_layering_mode,
            loopfilter_ctrl: [0; 12],
        };
        // SAFETY: the context was initialised. The first control takes an integer, the second reads a whole structure.
        unsafe {
            for result in [
                vpx_sys::vpx_codec_control_(&mut *self.context, VP9E_SET_SVC as i32, 1 as c_int),
                vpx_sys::vpx_codec_control_(
                    &mut *self.context,
                    VP9E_SET_SVC_PARAMETERS as i32,
                    &mut parameters as *mut vpx_svc_parameters,
                ),
            ] {
                if result != VPX_CODEC_OK {
                    return Err(message(&mut *self.context, result));
                }
            }
        }
        Ok(())
    }

    /// Says what the next picture's part in a stream in layers is.
    #[expect(unsafe_code, reason = "libvpx is a C library")]
    pub(super) fn set_part(&mut self, part: Part) -> Result<(), String> {
        let layer = c_int::from(part.counts_as);
        let mut id = vpx_svc_layer_id {
            spatial_layer_id: 0,
            temporal_layer_id: layer,
            temporal_layer_id_per_spatial: [layer, 0, 0, 0, 0],
        };
        let first = |value: u8| [c_int::from(value), 0, 0, 0, 0];
        // A key frame is kept in all three places that are named here, and must not be named one twice.
        let mut others = (0..3).filter(|place| *place != part.refers_to);
        let mut references = vpx_svc_ref_frame_config {
            lst_fb_idx: first(part.refers_to),
            gld_fb_idx: first(others.next().unwrap_or(1)),
            alt_fb_idx: first(others.next().unwrap_or(2)),
            update_buffer_slot: first(part.kept_in.map_or(0, |place| 1 << place)),
            update_last: [0; 5],
            update_golden: [0; 5],
            update_alt_ref: [0; 5],
            reference_last: first(1),
            reference_golden: [0; 5],
            reference_alt_ref: [0; 5],
            duration: [0; 5],
        };
        // SAFETY: the context was initialised. Each control reads a whole structure.
        unsafe {
            for result in [
                vpx_sys::vpx_codec_control_(
                    &mut *self.context,
                    VP9E_SET_SVC_LAYER_ID as i32,
                    &mut id as *mut vpx_svc_layer_id,
                ),
                vpx_sys::vpx_codec_control_(
                    &mut *self.context,
                    VP9E_SET_SVC_REF_FRAME_CONFIG as i32,
                    &mut references as *mut vpx_svc_ref_frame_config,
                ),
            ] {
                if result != VPX_CODEC_OK {
                    return Err(message(&mut *self.context, result));
                }
            }
        }
        Ok(())
    }

    /// The last frame as the next ones are made from it, if any are: that is what a decoder must come to.
    #[cfg(test)]
    #[expect(unsafe_code, reason = "libvpx is a C library")]
    pub(super) fn reference(&mut self) -> Option<super::raw_decoder::Picture<'_>> {
        // SAFETY: the context was initialised; a picture is null, or libvpx's own and valid until the next call of the
        // encoder, which the borrow of `self` within `Picture` forbids.
        unsafe {
            let image = vpx_sys::vpx_codec_get_preview_frame(&mut *self.context).as_ref()?;
            super::raw_decoder::Picture::of(image)
        }
    }

    /// The quantizer of the last frame, 0 to 63.
    #[expect(unsafe_code, reason = "libvpx is a C library")]
    pub(super) fn quantizer(&mut self) -> Result<u32, String> {
        let mut quantizer: c_int = 0;
        // SAFETY: the context was initialised, and the control writes one integer.
        unsafe {
            let result = vpx_sys::vpx_codec_control_(
                &mut *self.context,
                VP8E_GET_LAST_QUANTIZER_64 as i32,
                &mut quantizer as *mut c_int,
            );
            if result == VPX_CODEC_OK {
                Ok(quantizer.clamp(0, 63) as u32)
            } else {
                Err(message(&mut *self.context, result))
            }
        }
    }

    /// Compresses one picture of the encoder's size. `time` and `duration` are in units of the configured
    /// time base; `time` must grow. `None`: the picture was left out.
    #[expect(unsafe_code, reason = "libvpx is a C library")]
    pub(super) fn encode(
        &mut self,
        picture: &I420Buffer,
        time: i64,
        duration: u32,
        key: bool,
    ) -> Result<Option<Packet>, String> {
        if (picture.width(), picture.height()) != (self.config.g_w, self.config.g_h) {
            return Err("the picture has another size".to_owned());
        }
        let mut image = MaybeUninit::<vpx_image_t>::zeroed();
        let planes = picture.planes();
        // SAFETY: given memory, `vpx_img_wrap` allocates nothing and writes the whole description; each plane
        // then points to `stride * rows` readable bytes that outlive the call of the encoder. The encoder takes
        // its picture as const, so the planes are not written.
        let image = unsafe {
            let wrapped = vpx_sys::vpx_img_wrap(
                image.as_mut_ptr(),
                VPX_IMG_FMT_I420,
                picture.width(),
                picture.height(),
                1,
                planes[0].as_ptr().cast_mut(),
            );
            if wrapped.is_null() {
                return Err("the picture cannot be wrapped".to_owned());
            }
            let mut image = image.assume_init();
            for (n, plane) in planes.iter().enumerate() {
                image.planes[n] = plane.as_ptr().cast_mut();
                image.stride[n] = picture.strides()[n] as i32;
            }
            image
        };
        let flags = if key { VPX_EFLAG_FORCE_KF } else { 0 };
        // SAFETY: context and image are valid.
        unsafe {
            let result = vpx_sys::vpx_codec_encode(
                &mut *self.context,
                &image,
                time,
                duration.into(),
                flags as vpx_enc_frame_flags_t,
                VPX_DL_REALTIME.into(),
            );
            if result != VPX_CODEC_OK {
                return Err(message(&mut *self.context, result));
            }
        }
        Ok(self.take_packets())
    }

    /// Everything that the last picture became, as one frame.
    #[expect(unsafe_code, reason = "libvpx is a C library")]
    fn take_packets(&mut self) -> Option<Packet> {
        let mut iterator = ptr::null();
        let mut data = BytesMut::new();
        let mut key_frame = false;
        loop {
            // SAFETY: the context is valid and the iterator began as null. What is returned is null or a packet
            // that lives until the next call; of a frame packet the field `frame` is the one in use.
            let packet = unsafe {
                let packet = vpx_sys::vpx_codec_get_cx_data(&mut *self.context, &mut iterator);
                match packet.as_ref() {
                    None => break,
                    Some(packet) if packet.kind == VPX_CODEC_CX_FRAME_PKT => packet.data.frame,
                    Some(_) => continue,
                }
            };
            if packet.buf.is_null() || packet.sz == 0 {
                continue;
            }
            key_frame |= packet.flags & VPX_FRAME_IS_KEY != 0;
            // SAFETY: the packet says how many bytes it holds.
            let bytes =
                unsafe { std::slice::from_raw_parts(packet.buf.cast::<u8>(), packet.sz as usize) };
            data.extend_from_slice(bytes);
        }
        (!data.is_empty()).then(|| Packet {
            data: data.freeze(),
            key_frame,
        })
    }
}

impl Drop for RawEncoder {
    #[expect(unsafe_code, reason = "libvpx is a C library")]
    fn drop(&mut self) {
        // SAFETY: the context was initialised and is not used again. The only error is a bad context.
        unsafe {
            vpx_sys::vpx_codec_destroy(&mut *self.context);
        }
    }
}
