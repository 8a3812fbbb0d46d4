//! Screens and windows of a Wayland desktop: its portal asks the user what is shown (ScreenCast of
//! org.freedesktop.portal), and PipeWire brings it, the pointer included.

mod session;
mod stream;

use std::time::Duration;

use super::{KIND, PortalChoice};
use crate::{device::DeviceError, frame::VideoFrame};

use session::Session;
use stream::Stream;

/// How often it is looked whether the share has ended, while no picture comes.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What the user has chosen.
pub(super) struct Capture {
    // Ends before its session.
    stream: Stream,
    session: Session,
}

impl Capture {
    /// Has the desktop ask, unless there is a choice already; what it gives is kept there. It takes as long as the user
    /// does: `go_on` is asked again and again.
    pub(super) fn open(
        choice: &PortalChoice,
        fps: u32,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Self, DeviceError> {
        let (session, node, remote) = Session::start(choice, go_on)?;
        let stream = Stream::connect(remote, node, fps).map_err(|error| unsupported(&error))?;
        Ok(Self { stream, session })
    }

    /// Waits a moment for something to change. `Missing`: the desktop or its user has ended it.
    pub(super) fn next(&mut self) -> Result<Option<VideoFrame>, DeviceError> {
        if self.session.is_closed() {
            return Err(DeviceError::Missing(KIND));
        }
        self.stream.next(LOOK_EVERY)
    }
}

/// A part of the desktop is not there, or does not do what it should. To try again would ask the user again.
fn unsupported(error: &dyn std::fmt::Display) -> DeviceError {
    DeviceError::Unsupported(KIND, error.to_string())
}
