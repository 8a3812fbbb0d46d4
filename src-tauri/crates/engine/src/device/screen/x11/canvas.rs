//! The pixels of what is shown, kept from picture to picture, and how they come from the display.

use std::{
    io,
    num::NonZeroUsize,
    ops::Range,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    ptr::NonNull,
};

use x11rb::{
    connection::Connection,
    errors::ReplyError,
    protocol::{
        shm::{ConnectionExt as _, Seg},
        xproto::{ConnectionExt as _, Drawable, ImageFormat},
    },
};

use super::display::{Display, failed, gone, lost};
use crate::device::DeviceError;

/// The largest side of a picture: what a mistaken size must not turn into gigabytes.
const MAX_SIDE: u32 = 16_384;

/// BGRX without padding. Rows are as wide as the picture, so that a stretch of them lies as the display sends it.
pub(super) struct Canvas {
    size: (u32, u32),
    pixels: Pixels,
}

enum Pixels {
    /// The display writes here.
    Shared(Memory, Seg),
    /// The display sends them: it cannot reach this memory.
    Own(Vec<u8>),
}

impl Canvas {
    /// A black one.
    pub(super) fn new(display: &Display, size: (u32, u32)) -> Result<Self, DeviceError> {
        let (width, height) = size;
        if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
            return Err(failed(&format!("a picture of {width}x{height}")));
        }
        let length = width as usize * height as usize * 4;
        let shared = if display.has_memory {
            share(display, length)?
        } else {
            None
        };
        Ok(Self {
            size,
            pixels: match shared {
                Some((memory, segment)) => Pixels::Shared(memory, segment),
                None => Pixels::Own(vec![0; length]),
            },
        })
    }

    /// Width and height in pixels.
    pub(super) fn size(&self) -> (u32, u32) {
        self.size
    }

    /// All of it.
    pub(super) fn pixels(&mut self) -> &mut [u8] {
        match &mut self.pixels {
            Pixels::Shared(memory, _) => memory.bytes(),
            Pixels::Own(bytes) => bytes,
        }
    }

    /// Brings these rows up to date; `origin` is where the picture begins in what is shown.
    pub(super) fn fetch(
        &mut self,
        display: &Display,
        shown: Drawable,
        origin: (i16, i16),
        rows: &Range<u32>,
    ) -> Result<(), ReplyError> {
        let (width, start) = (self.size.0, rows.start.min(self.size.1));
        let height = rows.end.min(self.size.1) - start;
        let row = width as usize * 4;
        let offset = start as usize * row;
        let (x, y) = (origin.0, origin.1.saturating_add_unsigned(start as u16));
        let (width, height) = (width as u16, height as u16);
        let (conn, format) = (&display.conn, ImageFormat::Z_PIXMAP);
        match &mut self.pixels {
            Pixels::Shared(_, segment) => {
                let (segment, at) = (*segment, offset as u32);
                conn.shm_get_image(shown, x, y, width, height, !0, format.into(), segment, at)?
                    .reply()?;
            }
            Pixels::Own(bytes) => {
                let image = conn
                    .get_image(format, shown, x, y, width, height, !0)?
                    .reply()?;
                let bytes = bytes[offset..].iter_mut();
                for (pixel, sent) in bytes.zip(image.data).take(usize::from(height) * row) {
                    *pixel = sent;
                }
            }
        }
        Ok(())
    }

    /// Has the display let go of its memory.
    pub(super) fn release(self, display: &Display) {
        if let Pixels::Shared(_, segment) = self.pixels {
            // Where the connection is lost it has.
            let _ = display.conn.shm_detach(segment);
        }
    }
}

/// Memory that the display writes to. `None`: it cannot, as one on another machine.
fn share(display: &Display, length: usize) -> Result<Option<(Memory, Seg)>, DeviceError> {
    let conn = &display.conn;
    let (memory, file) = Memory::new(length).map_err(|error| failed(&error.to_string()))?;
    let segment = conn.generate_id().map_err(super::display::no_id)?;
    match conn
        .shm_attach_fd(segment, file, false)
        .map(|sent| sent.check())
    {
        Ok(Ok(())) => Ok(Some((memory, segment))),
        Ok(Err(ReplyError::X11Error(error))) => {
            tracing::debug!(?error, "the display takes no memory of ours");
            Ok(None)
        }
        Ok(Err(error)) => Err(gone(error)),
        Err(error) => Err(lost(error)),
    }
}

/// Memory with a file descriptor, so that another process can have it too.
struct Memory {
    start: NonNull<u8>,
    length: NonZeroUsize,
}

#[expect(unsafe_code, reason = "the pointer is its own")]
// SAFETY: nothing else in this process points into the mapping.
unsafe impl Send for Memory {}

impl Memory {
    fn new(length: usize) -> io::Result<(Self, OwnedFd)> {
        let none = || io::Error::from(io::ErrorKind::InvalidInput);
        let length = NonZeroUsize::new(length).ok_or_else(none)?;
        let size = libc::off_t::try_from(length.get()).map_err(|_| none())?;
        let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
        #[expect(unsafe_code, reason = "system calls")]
        // SAFETY: the name ends with a zero; the descriptor is new and nobody else's; the mapping is as long as the file.
        unsafe {
            let raw = libc::memfd_create(c"ahoy-screen".as_ptr(), flags);
            if raw < 0 {
                return Err(io::Error::last_os_error());
            }
            let file = OwnedFd::from_raw_fd(raw);
            let fd = file.as_fd().as_raw_fd();
            // A file that could be cut short would end this process when it reads on.
            if libc::ftruncate(fd, size) != 0
                || libc::fcntl(
                    fd,
                    libc::F_ADD_SEALS,
                    libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL,
                ) != 0
            {
                return Err(io::Error::last_os_error());
            }
            let (may, how) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
            let start = libc::mmap(std::ptr::null_mut(), length.get(), may, how, fd, 0);
            if start == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            let start = NonNull::new(start.cast()).ok_or_else(none)?;
            Ok((Self { start, length }, file))
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        #[expect(unsafe_code, reason = "the mapping as a slice")]
        // SAFETY: the mapping lives as long as this; the display writes only between a request for pixels and its
        // reply, for which `fetch` waits.
        unsafe {
            std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length.get())
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "a system call")]
        // SAFETY: the mapping is this one's own, and nothing points into it any more.
        unsafe {
            libc::munmap(self.start.as_ptr().cast(), self.length.get());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_shared_is_zero_and_cannot_be_cut_short() {
        let (mut memory, file) = Memory::new(10_000).unwrap();
        assert!(memory.bytes().iter().all(|byte| *byte == 0));
        memory.bytes()[9_999] = 7;
        let file = std::fs::File::from(file);
        assert_eq!(file.metadata().unwrap().len(), 10_000);
        assert!(file.set_len(10).is_err());
        let mut last = [0];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut last, 9_999).unwrap();
        assert_eq!(last, [7]);
        assert!(Memory::new(0).is_err());
    }
}
