//! VP8 (RFC 6386) and VP9 (bitstream specification 0.7) by libvpx, 8 bits, 4:2:0.
//!
//! `raw_encoder` and `raw_decoder` are the only files that touch the library; what they hand out is safe. The
//! rest decides: `settings` how an encoder is tuned, `encoder` when one begins anew, `easing` how fine its pictures
//! may be around a key frame, `header` what may reach the decoder at all, `layers` which pictures others refer to.

mod decoder;
mod easing;
mod encoder;
mod header;
mod layers;
#[cfg(libvpx_static)]
mod memory;
mod raw_decoder;
mod raw_encoder;
mod settings;

#[cfg(test)]
mod tests;

pub use decoder::VpxDecoder;
pub use encoder::VpxEncoder;
pub use header::MAX_SIDE;

use std::ffi::CStr;

/// The library's words for a result, and what it says beyond that.
///
/// # Safety
/// `context` is null or a context that was handed to an `init` function of libvpx.
#[expect(unsafe_code, reason = "libvpx keeps its messages as C strings")]
unsafe fn message(
    context: *mut vpx_sys::vpx_codec_ctx,
    result: vpx_sys::vpx_codec_err_t,
) -> String {
    // SAFETY: both functions return null or a string that lives as long as the library or the context.
    let text = |pointer: *const std::ffi::c_char| {
        (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }.to_string_lossy())
    };
    let (words, detail) = unsafe {
        let words = text(vpx_sys::vpx_codec_err_to_string(result));
        let detail = if context.is_null() {
            None
        } else {
            text(vpx_sys::vpx_codec_error_detail(context))
        };
        (words, detail)
    };
    match (words, detail) {
        (Some(words), Some(detail)) => format!("{words}: {detail}"),
        (Some(words), None) => words.into_owned(),
        _ => "unknown error".to_owned(),
    }
}
