//! Stands between xdg-desktop-portal-wlr and its compositor. Without a graphics card Sway has pictures in memory only; the
//! portal (0.7) takes those, but refuses to begin where none on a card is announced as well. Here one is announced that
//! nobody asks for.

use std::{
    io::{IoSlice, IoSliceMut},
    mem::MaybeUninit,
    net::Shutdown,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use anyhow::{Result, ensure};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Takes pictures of outputs: `wlr-screencopy-unstable-v1`.
const INTERFACE: &str = "zwlr_screencopy_manager_v1";
/// The event `zwlr_screencopy_frame_v1.linux_dmabuf`.
const ON_A_CARD: u32 = 5;
/// Red, green and blue in 32 bits, as Linux' graphics call it: `XR24`.
const FORMAT: u32 = u32::from_le_bytes(*b"XR24");

/// The most descriptors that libwayland sends at once.
const MOST_FDS: usize = 28;

/// The program's socket, and those who carry between it and the compositor's.
pub struct Filter {
    path: PathBuf,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    ended: Mutex<bool>,
    sockets: Mutex<Vec<UnixStream>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Filter {
    /// Listens at `path` for programs that mean the compositor at `compositor`.
    ///
    /// # Errors
    /// It cannot listen there.
    pub fn start(path: PathBuf, compositor: PathBuf) -> Result<Self> {
        let listener = UnixListener::bind(&path)?;
        let shared = Arc::new(Shared::default());
        let all = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for program in listener.incoming().flatten() {
                if *lock(&all.ended) || carry(&all, &program, &compositor).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            path,
            shared,
            thread: Some(thread),
        })
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        *lock(&self.shared.ended) = true;
        // Wakes who waits for programs.
        let _ = UnixStream::connect(&self.path);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        for socket in lock(&self.shared.sockets).drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
        for thread in lock(&self.shared.threads).drain(..) {
            let _ = thread.join();
        }
    }
}

/// Carries both ways between a program and the compositor.
fn carry(shared: &Shared, program: &UnixStream, compositor: &Path) -> Result<()> {
    let compositor = UnixStream::connect(compositor)?;
    let objects = Arc::new(Mutex::new(Objects::default()));
    for (from, to, is_request) in [(program, &compositor, true), (&compositor, program, false)] {
        let (from, to, objects) = (from.try_clone()?, to.try_clone()?, Arc::clone(&objects));
        lock(&shared.sockets).push(from.try_clone()?);
        lock(&shared.threads).push(std::thread::spawn(move || {
            let look = |message: &[u8]| {
                let mut objects = lock(&objects);
                if is_request {
                    objects.request(message);
                    return None;
                }
                objects.announcement(message)
            };
            // It ends when either end does.
            let _ = one_way(&from, &to, look);
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        }));
    }
    Ok(())
}

/// Carries whole messages with their descriptors, and after each what `look` has to add.
fn one_way(
    from: &UnixStream,
    to: &UnixStream,
    look: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<()> {
    let (mut held, mut fds): (Vec<u8>, Vec<OwnedFd>) = Default::default();
    let mut bytes = vec![0; 64 << 10];
    loop {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let read = recvmsg(from, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)?.bytes;
        if read == 0 {
            return Ok(());
        }
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(more) = message {
                fds.extend(more);
            }
        }
        held.extend_from_slice(&bytes[..read]);
        let mut whole = Vec::new();
        while let Some(length) = length(&held) {
            let added = look(&held[..length]).unwrap_or_default();
            whole.extend(held.drain(..length));
            whole.extend(added);
        }
        // They may come before the message that they belong to, never after it.
        if !whole.is_empty() {
            send(to, &whole, &std::mem::take(&mut fds))?;
        }
    }
}

fn send(to: &UnixStream, mut bytes: &[u8], fds: &[OwnedFd]) -> Result<()> {
    let mut fds: Vec<BorrowedFd<'_>> = fds.iter().map(|fd| fd.as_fd()).collect();
    while !bytes.is_empty() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            let fits = control.push(SendAncillaryMessage::ScmRights(&fds));
            ensure!(fits, "{} descriptors at once", fds.len());
        }
        let sent = sendmsg(
            to,
            &[IoSlice::new(bytes)],
            &mut control,
            SendFlags::NOSIGNAL,
        )?;
        fds.clear();
        bytes = &bytes[sent..];
    }
    Ok(())
}

fn word(message: &[u8], index: usize) -> Option<u32> {
    let bytes = message.get(index * 4..index * 4 + 4)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

/// How long the message is that begins here; `None`: it is not whole yet. The upper half of its second word says so, the
/// lower is its opcode (Wayland's wire format).
fn length(bytes: &[u8]) -> Option<usize> {
    let length = (word(bytes, 1)? >> 16) as usize;
    (length >= 8 && length <= bytes.len()).then_some(length)
}

/// The numbers of what is looked at.
#[derive(Debug, Default, PartialEq)]
struct Objects {
    registry: Option<u32>,
    manager: Option<u32>,
    frame: Option<u32>,
}

impl Objects {
    /// Sees what the program asks for.
    fn request(&mut self, message: &[u8]) {
        let object = word(message, 0);
        let Some(opcode) = word(message, 1).map(|head| head & 0xffff) else {
            return;
        };
        if object == Some(1) && opcode == 1 {
            // wl_display.get_registry
            self.registry = word(message, 2);
        } else if object == self.registry && opcode == 0 {
            // wl_registry.bind: a number, the interface, its version, and at the end the new object.
            if message.get(16..16 + INTERFACE.len()) == Some(INTERFACE.as_bytes()) {
                self.manager = word(message, message.len() / 4 - 1);
            }
        } else if object == self.manager && opcode <= 1 {
            // capture_output, capture_output_region
            self.frame = word(message, 2);
        }
    }

    /// What else is said of a frame, after the compositor has said how it comes in memory (`buffer`: format, width, height,
    /// bytes in a row).
    fn announcement(&self, message: &[u8]) -> Option<Vec<u8>> {
        let frame = self.frame.filter(|_| word(message, 0) == self.frame)?;
        if word(message, 1)? != 24 << 16 {
            return None;
        }
        let (width, height) = (word(message, 3)?, word(message, 4)?);
        let words = [frame, 20 << 16 | ON_A_CARD, FORMAT, width, height];
        Some(words.iter().flat_map(|word| word.to_ne_bytes()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(object: u32, opcode: u32, words: &[u32]) -> Vec<u8> {
        let head = [object, (8 + words.len() as u32 * 4) << 16 | opcode];
        let all = head.iter().chain(words);
        all.flat_map(|word| word.to_ne_bytes()).collect()
    }

    fn bind(interface: &str, new: u32) -> Vec<u8> {
        let mut name = interface.as_bytes().to_vec();
        name.resize(name.len() + 4 - name.len() % 4, 0);
        let name = name
            .chunks_exact(4)
            .map(|part| u32::from_ne_bytes(part.try_into().unwrap()));
        let words: Vec<u32> = [9, interface.len() as u32 + 1]
            .into_iter()
            .chain(name)
            .chain([3, new])
            .collect();
        message(2, 0, &words)
    }

    #[test]
    fn a_frame_in_memory_is_announced_on_a_card_too_and_nothing_else_is() {
        let mut objects = Objects::default();
        let buffer = message(8, 0, &[1, 1280, 720, 5120]);
        assert_eq!(objects.announcement(&buffer), None);
        for request in [
            message(1, 1, &[2]),
            bind("wl_shm", 4),
            bind(INTERFACE, 5),
            message(5, 0, &[8, 1, 3]),
        ] {
            objects.request(&request);
        }
        let wanted = message(8, ON_A_CARD, &[FORMAT, 1280, 720]);
        assert_eq!(objects.announcement(&buffer), Some(wanted));
        assert_eq!(objects.announcement(&message(8, 6, &[])), None);
        assert_eq!(objects.announcement(&message(7, 0, &[1, 2, 3, 4])), None);
    }

    #[test]
    fn a_message_that_is_cut_off_waits_for_its_rest() {
        let whole = bind("wl_shm", 4);
        assert_eq!(length(&whole), Some(whole.len()));
        assert_eq!(length(&whole[..whole.len() - 1]), None);
        assert_eq!(length(&whole[..6]), None);
    }
}
