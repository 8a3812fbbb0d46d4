//! The decoder of libvpx behind a safe face.

use std::{ffi::c_int, marker::PhantomData, mem::MaybeUninit, ptr};

use vpx_sys::{
    VPX_DECODER_ABI_VERSION, vp8_dec_control_id::VP8D_GET_FRAME_CORRUPTED, vpx_codec_ctx,
    vpx_codec_dec_cfg, vpx_codec_err_t::VPX_CODEC_OK, vpx_color_range::VPX_CR_FULL_RANGE,
    vpx_color_space::VPX_CS_BT_709, vpx_image_t, vpx_img_fmt::VPX_IMG_FMT_I420,
};

use super::message;
use crate::frame::{Color, ColorMatrix, ColorRange, VideoCodec};

/// A decoder of one stream.
pub(super) struct RawDecoder {
    // Boxed, because libvpx keeps pointers to it.
    context: Box<vpx_codec_ctx>,
}

#[expect(
    unsafe_code,
    reason = "a context belongs to whoever holds it and to no thread"
)]
// SAFETY: libvpx keeps nothing per thread; `&mut self` on every call keeps two threads apart.
unsafe impl Send for RawDecoder {}

/// A picture within a codec's own memory; it lasts until the codec's next frame.
pub(super) struct Picture<'a> {
    image: &'a vpx_image_t,
    codec: PhantomData<&'a mut vpx_codec_ctx>,
}

impl RawDecoder {
    /// A decoder that works on the thread that calls it.
    #[expect(unsafe_code, reason = "libvpx is a C library")]
    pub(super) fn new(codec: VideoCodec) -> Result<Self, String> {
        let config = vpx_codec_dec_cfg {
            threads: 1,
            w: 0,
            h: 0,
        };
        let mut context = Box::new(MaybeUninit::<vpx_codec_ctx>::zeroed());
        // SAFETY: the context is zeroed memory of the size that this version of the interface says, the rest
        // is valid; libvpx copies the configuration. An initialiser that fails has freed what it made.
        let context = unsafe {
            let interface = match codec {
                VideoCodec::Vp8 => vpx_sys::vpx_codec_vp8_dx(),
                VideoCodec::Vp9 => vpx_sys::vpx_codec_vp9_dx(),
            };
            let result = vpx_sys::vpx_codec_dec_init_ver(
                context.as_mut_ptr(),
                interface,
                &config,
                0,
                VPX_DECODER_ABI_VERSION as i32,
            );
            if result != VPX_CODEC_OK {
                return Err(message(context.as_mut_ptr(), result));
            }
            context.assume_init()
        };
        Ok(Self { context })
    }

    /// Decompresses one frame; `None`: it shows nothing. A frame that could be decoded only in part is an
    /// error.
    #[expect(unsafe_code, reason = "libvpx is a C library")]
    pub(super) fn decode(&mut self, data: &[u8]) -> Result<Option<Picture<'_>>, String> {
        // Without data libvpx would repeat its last picture.
        let length = u32::try_from(data.len()).map_err(|_| "the frame is too large")?;
        if length == 0 {
            return Err("the frame is empty".to_owned());
        }
        let mut damaged: c_int = 0;
        // SAFETY: the context was initialised, the data are as long as is said, and the control writes one
        // integer.
        unsafe {
            let result = vpx_sys::vpx_codec_decode(
                &mut *self.context,
                data.as_ptr(),
                length,
                ptr::null_mut(),
                0,
            );
            if result != VPX_CODEC_OK {
                return Err(message(&mut *self.context, result));
            }
            let result = vpx_sys::vpx_codec_control_(
                &mut *self.context,
                VP8D_GET_FRAME_CORRUPTED as i32,
                &mut damaged as *mut c_int,
            );
            if result != VPX_CODEC_OK {
                return Err(message(&mut *self.context, result));
            }
        }
        if damaged != 0 {
            return Err("the frame is damaged".to_owned());
        }
        let mut iterator = ptr::null();
        let mut last: Option<&vpx_image_t> = None;
        // SAFETY: the iterator began as null; a picture is null or valid until the next call of the decoder,
        // which the borrow of `self` within `Picture` forbids.
        while let Some(image) =
            unsafe { vpx_sys::vpx_codec_get_frame(&mut *self.context, &mut iterator).as_ref() }
        {
            last = Some(image);
        }
        match last {
            None => Ok(None),
            Some(image) if image.fmt == VPX_IMG_FMT_I420 && image.bit_depth == 8 => {
                Ok(Some(Picture {
                    image,
                    codec: PhantomData,
                }))
            }
            Some(image) => Err(format!("{:?} is not supported", image.fmt)),
        }
    }
}

impl<'a> Picture<'a> {
    /// One that an encoder holds.
    ///
    /// # Safety
    /// libvpx has made it, in this format, and leaves it as it is for so long.
    #[cfg(test)]
    #[expect(unsafe_code, reason = "what it is made of is read without a question")]
    pub(super) unsafe fn of(image: &'a vpx_image_t) -> Option<Self> {
        (image.fmt == VPX_IMG_FMT_I420).then_some(Self {
            image,
            codec: PhantomData,
        })
    }

    /// Width and height in pixels.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.image.d_w, self.image.d_h)
    }

    /// What the bitstream says about colour; where it says nothing it is BT.601 limited.
    pub(super) fn color(&self) -> Color {
        Color {
            matrix: match self.image.cs {
                VPX_CS_BT_709 => ColorMatrix::Bt709,
                _ => ColorMatrix::Bt601,
            },
            range: match self.image.range {
                VPX_CR_FULL_RANGE => ColorRange::Full,
                _ => ColorRange::Limited,
            },
        }
    }

    /// The rows of Y, U or V (0, 1, 2), each as long as the plane is wide.
    #[expect(unsafe_code, reason = "libvpx is a C library")]
    pub(super) fn rows(&self, plane: usize) -> impl Iterator<Item = &[u8]> {
        let half = plane > 0;
        let side = |length: u32| if half { length.div_ceil(2) } else { length } as usize;
        let (width, height) = (side(self.image.d_w), side(self.image.d_h));
        let (start, stride) = (self.image.planes[plane], self.image.stride[plane] as isize);
        let height = if start.is_null() { 0 } else { height };
        // SAFETY: libvpx's picture of this format has this many rows and columns of readable bytes, and stays as
        // it is as long as `self` lives.
        (0..height).map(move |row| unsafe {
            std::slice::from_raw_parts(start.offset(row as isize * stride), width)
        })
    }
}

impl Drop for RawDecoder {
    #[expect(unsafe_code, reason = "libvpx is a C library")]
    fn drop(&mut self) {
        // SAFETY: the context was initialised and is not used again. The only error is a bad context.
        unsafe {
            vpx_sys::vpx_codec_destroy(&mut *self.context);
        }
    }
}
