//! The memory that libvpx works in, where it is linked statically: these take the place of its own four functions.
//!
//! The library's `vpx_calloc` writes zeros over everything that it hands out, and the VP9 encoder asks for the room
//! that the worst of all pictures would take: 45 MB at 720p, 400 MB at 2160p, of which it uses next to nothing. The
//! system's `calloc` hands out pages that are zero without being touched, and those take no memory.

use std::{ffi::c_void, ptr};

/// What the library's vector instructions need (its `DEFAULT_ALIGNMENT`).
const ALIGNMENT: usize = 32;
/// In front of each block stands the address that the system gave.
const HEADER: usize = size_of::<*mut c_void>();

/// Some memory, as `allocate` gives it, made to begin at a multiple of `alignment`, which is a power of two.
#[expect(unsafe_code, reason = "it is the library's allocator")]
unsafe fn aligned(
    alignment: usize,
    size: usize,
    allocate: unsafe fn(usize) -> *mut c_void,
) -> *mut c_void {
    let alignment = alignment.max(align_of::<*mut c_void>());
    let Some(total) = size
        .checked_add(HEADER)
        .and_then(|size| size.checked_add(alignment - 1))
    else {
        return ptr::null_mut();
    };
    // SAFETY: any size may be asked for.
    let given = unsafe { allocate(total) };
    if given.is_null() {
        return given;
    }
    let offset = (given as usize + HEADER).next_multiple_of(alignment) - given as usize;
    // SAFETY: `offset` is at least the header's size and at most `total - size`, and the place in front of the block
    // is aligned for a pointer, as the block is.
    unsafe {
        let block = given.byte_add(offset);
        block.cast::<*mut c_void>().sub(1).write(given);
        block
    }
}

#[expect(unsafe_code, reason = "it is the library's allocator")]
unsafe fn touched(size: usize) -> *mut c_void {
    // SAFETY: any size may be asked for.
    unsafe { libc::malloc(size) }
}

#[expect(unsafe_code, reason = "it is the library's allocator")]
unsafe fn zeroed(size: usize) -> *mut c_void {
    // SAFETY: any size may be asked for.
    unsafe { libc::calloc(1, size) }
}

#[expect(unsafe_code, reason = "libvpx calls it by this name")]
#[unsafe(no_mangle)]
unsafe extern "C" fn vpx_memalign(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: the library asks for powers of two.
    unsafe { aligned(alignment, size, touched) }
}

#[expect(unsafe_code, reason = "libvpx calls it by this name")]
#[unsafe(no_mangle)]
unsafe extern "C" fn vpx_malloc(size: usize) -> *mut c_void {
    // SAFETY: the alignment is a power of two.
    unsafe { aligned(ALIGNMENT, size, touched) }
}

#[expect(unsafe_code, reason = "libvpx calls it by this name")]
#[unsafe(no_mangle)]
unsafe extern "C" fn vpx_calloc(count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        // SAFETY: the alignment is a power of two.
        Some(size) => unsafe { aligned(ALIGNMENT, size, zeroed) },
        None => ptr::null_mut(),
    }
}

#[expect(unsafe_code, reason = "libvpx calls it by this name")]
#[unsafe(no_mangle)]
unsafe extern "C" fn vpx_free(block: *mut c_void) {
    if block.is_null() {
        return;
    }
    // SAFETY: the block came from one of the functions above, which put the system's address in front of it.
    unsafe { libc::free(block.cast::<*mut c_void>().sub(1).read()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "it is the library's allocator")]
    fn blocks_are_aligned_zeroed_and_given_back() {
        for size in [0, 1, 31, 4096, 1 << 20] {
            // SAFETY: each block is used within its size and freed once.
            unsafe {
                let plain = vpx_malloc(size).cast::<u8>();
                let clear = vpx_calloc(size, 1).cast::<u8>();
                let wide = vpx_memalign(4096, size).cast::<u8>();
                assert_eq!(plain as usize % ALIGNMENT, 0);
                assert_eq!(clear as usize % ALIGNMENT, 0);
                assert_eq!(wide as usize % 4096, 0);
                for at in 0..size {
                    assert_eq!(clear.add(at).read(), 0);
                    plain.add(at).write(1);
                    wide.add(at).write(2);
                }
                for block in [plain, clear, wide] {
                    vpx_free(block.cast());
                }
            }
        }
    }

    #[test]
    #[expect(unsafe_code, reason = "it is the library's allocator")]
    fn what_cannot_be_had_is_null() {
        // SAFETY: nothing is handed out.
        unsafe {
            assert!(vpx_calloc(usize::MAX, 2).is_null());
            assert!(vpx_malloc(usize::MAX - 8).is_null());
            vpx_free(ptr::null_mut());
        }
    }
}
