//! The connection to an X display, and what this room asks of it.

use std::{os::fd::AsRawFd, time::Duration};

use x11rb::{
    connection::{Connection, RequestConnection},
    errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError},
    protocol::{
        composite::{self, ConnectionExt as _},
        damage::{self, ConnectionExt as _},
        randr,
        res::{self, ConnectionExt as _},
        shm::{self, ConnectionExt as _},
        xfixes::{self, ConnectionExt as _},
        xinput::{self, ConnectionExt as _},
        xproto::{ImageOrder, Visualid, Window},
    },
    rust_connection::RustConnection,
};

use super::KIND;
use crate::device::DeviceError;

/// A connection to the display that `DISPLAY` names. Each of its replies is waited for as long as it takes: it belongs on
/// a thread that may be left behind.
pub(super) struct Display {
    pub(super) conn: RustConnection,
    pub(super) root: Window,
    root_visual: Visualid,
    /// Monitors can be asked for, and their changes are told.
    pub(super) has_monitors: bool,
    /// Windows keep what is covered.
    pub(super) has_composite: bool,
    /// Pictures can be put into memory of ours.
    pub(super) has_memory: bool,
    /// Movements of pointing devices are told; that a program puts the pointer elsewhere is not.
    pub(super) tells_motion: bool,
    /// Whose window it is can be asked.
    pub(super) has_owners: bool,
}

impl Display {
    /// Connects. `Missing`: there is no display.
    pub(super) fn open() -> Result<Self, DeviceError> {
        let (conn, screen) = RustConnection::connect(None).map_err(|error| match error {
            ConnectError::SetupFailed(_) | ConnectError::SetupAuthenticate(_) => {
                DeviceError::Denied(KIND)
            }
            ConnectError::IoError(_)
            | ConnectError::DisplayParsingError(_)
            | ConnectError::InvalidScreen => DeviceError::Missing(KIND),
            error => DeviceError::Failed(KIND, error.to_string()),
        })?;
        let screen = conn
            .setup()
            .roots
            .get(screen)
            .ok_or(DeviceError::Missing(KIND))?;
        let (root, root_visual) = (screen.root, screen.root_visual);
        let has = |name| {
            conn.extension_information(name)
                .map(|found| found.is_some())
        };
        let find = || -> Result<_, ReplyError> {
            let changes = has(damage::X11_EXTENSION_NAME)? && has(xfixes::X11_EXTENSION_NAME)?;
            if changes {
                // Servers answer only who has said which version it speaks.
                conn.xfixes_query_version(5, 0)?.reply()?;
                conn.damage_query_version(1, 1)?.reply()?;
            }
            let composite = has(composite::X11_EXTENSION_NAME)?;
            if composite {
                conn.composite_query_version(0, 4)?.reply()?;
            }
            let memory = has(shm::X11_EXTENSION_NAME)? && {
                let version = conn.shm_query_version()?.reply()?;
                // File descriptors are passed since 1.2.
                (version.major_version, version.minor_version) >= (1, 2)
            };
            let motion = has(xinput::X11_EXTENSION_NAME)? && {
                // Raw events come since 2.0, during grabs of other programs since 2.1.
                let version = conn.xinput_xi_query_version(2, 1)?.reply()?;
                (version.major_version, version.minor_version) >= (2, 1)
            };
            let owners = has(res::X11_EXTENSION_NAME)? && {
                let version = conn.res_query_version(1, 2)?.reply()?;
                // Processes are told of since 1.2.
                (version.server_major, version.server_minor) >= (1, 2)
            };
            let monitors = has(randr::X11_EXTENSION_NAME)?;
            Ok((changes, composite, memory, motion, owners, monitors))
        };
        let (changes, has_composite, has_memory, tells_motion, has_owners, has_monitors) =
            find().map_err(gone)?;
        if !changes {
            return Err(failed("the display lacks DAMAGE or XFIXES"));
        }
        Ok(Self {
            conn,
            root,
            root_visual,
            has_monitors,
            has_composite,
            has_memory,
            tells_motion,
            has_owners,
        })
    }

    /// Whether pixels of this visual (`None`: the root's) are four bytes, blue first.
    pub(super) fn is_bgrx(&self, visual: Option<Visualid>) -> bool {
        let visual = visual.unwrap_or(self.root_visual);
        let setup = self.conn.setup();
        let depths = setup.roots.iter().flat_map(|screen| &screen.allowed_depths);
        let found = depths
            .flat_map(|depth| {
                depth
                    .visuals
                    .iter()
                    .map(move |visual| (depth.depth, visual))
            })
            .find(|(_, known)| known.visual_id == visual);
        let Some((depth, visual)) = found else {
            return false;
        };
        let mut formats = setup.pixmap_formats.iter();
        setup.image_byte_order == ImageOrder::LSB_FIRST
            && visual.red_mask == 0xff_0000
            && visual.green_mask == 0xff00
            && visual.blue_mask == 0xff
            && formats.any(|format| format.depth == depth && format.bits_per_pixel == 32)
    }

    /// Waits until the display says something, `within` at most.
    pub(super) fn wait(&self, within: Duration) -> Result<(), DeviceError> {
        self.conn.flush().map_err(lost)?;
        let mut fd = libc::pollfd {
            fd: self.conn.stream().as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let most = libc::c_int::try_from(within.as_millis()).unwrap_or(libc::c_int::MAX);
        #[expect(unsafe_code, reason = "a system call")]
        // SAFETY: one descriptor, which the connection keeps open meanwhile.
        unsafe {
            // Interrupted or not, the caller looks what there is.
            libc::poll(&raw mut fd, 1, most);
        }
        Ok(())
    }
}

pub(super) fn failed(detail: &str) -> DeviceError {
    DeviceError::Failed(KIND, detail.into())
}

/// The connection has broken, and with the display all that it showed is gone: another one may give a window's number to
/// something else.
pub(super) fn lost(error: ConnectionError) -> DeviceError {
    match error {
        ConnectionError::IoError(_) | ConnectionError::UnknownError => DeviceError::Missing(KIND),
        error => DeviceError::Failed(KIND, error.to_string()),
    }
}

/// As [`lost`]; what the display refuses is not there any more.
pub(super) fn gone(error: ReplyError) -> DeviceError {
    match error {
        ReplyError::ConnectionError(error) => lost(error),
        ReplyError::X11Error(error) => {
            tracing::debug!(?error, "the display refuses");
            DeviceError::Missing(KIND)
        }
    }
}

/// As [`gone`].
pub(super) fn no_id(error: ReplyOrIdError) -> DeviceError {
    match error {
        ReplyOrIdError::IdsExhausted => failed("the display has no more numbers"),
        ReplyOrIdError::ConnectionError(error) => lost(error),
        ReplyOrIdError::X11Error(error) => gone(ReplyError::X11Error(error)),
    }
}
