//! Linux: the portal of a Wayland desktop, or an X display.

use std::env;

use super::{PortalChoice, ScreenSource, ScreenSpec, portal, x11};
use crate::{device::DeviceError, frame::VideoFrame};

/// Whether the desktop is a Wayland one: programs there see no screen but through the portal. Its display for X11 programs
/// holds nothing else.
pub(super) fn asks_by_itself() -> bool {
    let is = |name: &str| env::var(name).unwrap_or_default();
    is_wayland(&is("XDG_SESSION_TYPE"), &is("WAYLAND_DISPLAY"))
}

fn is_wayland(session: &str, display: &str) -> bool {
    session != "x11" && !display.is_empty()
}

/// What can be chosen beforehand.
pub(super) fn list() -> Result<Vec<ScreenSource>, DeviceError> {
    if asks_by_itself() {
        Ok(Vec::new())
    } else {
        x11::list()
    }
}

/// A screen or window that is shown.
pub(super) enum Capture {
    X11(Box<x11::Capture>),
    Portal(portal::Capture),
}

impl Capture {
    /// Opens what is wanted; `go_on` is asked while a person thinks.
    pub(super) fn open(
        wanted: &ScreenSpec,
        fps: u32,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Self, DeviceError> {
        let unkept = PortalChoice::default();
        let choice = match wanted {
            ScreenSpec::Portal(choice) => Some(choice),
            ScreenSpec::Default | ScreenSpec::Monitor(_) => {
                Some(&unkept).filter(|_| asks_by_itself())
            }
            ScreenSpec::Window(_) | ScreenSpec::Source(_) => None,
        };
        Ok(match choice {
            Some(choice) => Self::Portal(portal::Capture::open(choice, fps, go_on)?),
            None => Self::X11(Box::new(x11::Capture::open(wanted)?)),
        })
    }

    /// Waits a moment for something to change, and gives the picture as it is then. `None`: it is as before.
    pub(super) fn next(&mut self) -> Result<Option<VideoFrame>, DeviceError> {
        match self {
            Self::X11(capture) => capture.next(),
            Self::Portal(capture) => capture.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wayland_desktop_is_one_with_a_display_unless_the_session_is_of_x11() {
        assert!(is_wayland("wayland", "wayland-0"));
        assert!(is_wayland("tty", "wayland-1"), "started by hand");
        assert!(is_wayland("", "wayland-1"));
        assert!(!is_wayland("x11", "wayland-0"), "a desktop within another");
        assert!(!is_wayland("wayland", ""), "a display for X11 alone");
        assert!(!is_wayland("", ""));
    }
}
