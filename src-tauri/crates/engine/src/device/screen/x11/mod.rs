//! Screens and windows of an X display.
//!
//! The display says that something has changed (DAMAGE), then which rows; those are written into memory that both have
//! (MIT-SHM), the pointer is drawn over them (XFIXES), and the whole is converted. While nothing changes, nothing but the
//! pointer's place is asked for. Windows are read from pixels of their own (Composite), which nothing covers.

mod canvas;
mod cursor;
mod display;
mod list;
mod rows;
mod target;

use std::time::Duration;

use x11rb::{
    connection::Connection,
    errors::ReplyError,
    protocol::{
        Event,
        xfixes::{ConnectionExt as _, CursorNotifyMask},
    },
};

use super::{KIND, SCREEN_COLOR, ScreenSpec};
use crate::{
    convert,
    device::{DeviceError, clock},
    frame::{FramePool, VideoFrame},
};

pub(super) use list::list;

use canvas::Canvas;
use cursor::Cursor;
use display::{Display, failed, gone, lost};
use rows::Rows;
use target::{News, Target};

/// Pictures in a row that the display may refuse, some seconds: when a size changes it does for a moment.
const MOST_REFUSED: u32 = 90;

/// A screen or window that is shown.
pub(super) struct Capture {
    display: Display,
    target: Target,
    canvas: Canvas,
    pool: FramePool,
    cursor: Cursor,
    /// Where the pointer is in the picture; `None`: not in it.
    pointer: Option<(i32, i32)>,
    rows: Rows,
    /// Something has changed; `rows` does not say yet what.
    damaged: bool,
    /// It may be elsewhere.
    moved: bool,
    /// The pointer may look different.
    reshaped: bool,
    /// There is something in the canvas.
    begun: bool,
    refused: u32,
}

impl Capture {
    /// Opens what is wanted.
    pub(super) fn open(wanted: &ScreenSpec) -> Result<Self, DeviceError> {
        let display = Display::open()?;
        let mut target = Target::open(&display, wanted)?;
        target.aim(&display)?;
        let canvas = Canvas::new(&display, target.size())?;
        let (conn, mask) = (&display.conn, CursorNotifyMask::DISPLAY_CURSOR);
        conn.xfixes_select_cursor_input(display.root, mask)
            .map_err(lost)?;
        Ok(Self {
            rows: Rows::all(target.size().1),
            display,
            target,
            canvas,
            pool: FramePool::new(),
            cursor: Cursor::default(),
            pointer: None,
            damaged: false,
            moved: false,
            reshaped: true,
            begun: false,
            refused: 0,
        })
    }

    /// Waits for something to change, `within` at most, and gives the picture as it is then. `None`: it is as before.
    pub(super) fn next(&mut self, within: Duration) -> Result<Option<VideoFrame>, DeviceError> {
        self.hear()?;
        let due = !self.rows.is_empty() && self.target.pixels(&self.display).is_some();
        if !(self.damaged || self.moved || self.reshaped || due) {
            self.display.wait(within)?;
            self.hear()?;
        }
        if std::mem::take(&mut self.moved) {
            self.follow()?;
        }
        let mut changed = self.look_at_pointer()?;
        if std::mem::take(&mut self.damaged) {
            self.target.changed(&self.display, &mut self.rows)?;
        }
        if let Some((shown, origin)) = self.target.pixels(&self.display)
            && let Some(rows) = self.rows.take()
        {
            match self.canvas.fetch(&self.display, shown, origin, &rows) {
                Ok(()) => {
                    (changed, self.begun, self.refused) = (true, true, 0);
                }
                // What is shown has become smaller, or left the screen: a happening tells, or has.
                Err(ReplyError::X11Error(_)) if self.refused < MOST_REFUSED => {
                    self.refused += 1;
                    self.moved = true;
                    std::thread::sleep(within);
                    return Ok(None);
                }
                Err(ReplyError::X11Error(error)) => {
                    return Err(failed(&format!("the display gives no pixels: {error:?}")));
                }
                Err(error) => return Err(gone(error)),
            }
        }
        if changed && self.begun {
            self.paint().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Takes in what the display has said.
    fn hear(&mut self) -> Result<(), DeviceError> {
        while let Some(event) = self.display.conn.poll_for_event().map_err(lost)? {
            if let Event::XfixesCursorNotify(_) = event {
                self.reshaped = true;
            }
            match self.target.news(&event) {
                News::Damage => self.damaged = true,
                News::Moved => self.moved = true,
                News::Gone => return Err(DeviceError::Missing(KIND)),
                News::None => {}
            }
        }
        Ok(())
    }

    /// Goes where the window or monitor is now.
    fn follow(&mut self) -> Result<(), DeviceError> {
        self.target.aim(&self.display)?;
        if self.target.pixels(&self.display).is_none() {
            // The last picture stays.
            return Ok(());
        }
        let size = self.target.size();
        if size != self.canvas.size() {
            let canvas = Canvas::new(&self.display, size)?;
            std::mem::replace(&mut self.canvas, canvas).release(&self.display);
        }
        self.rows = Rows::all(size.1);
        Ok(())
    }

    /// Whether the picture changes by the pointer's place or look.
    fn look_at_pointer(&mut self) -> Result<bool, DeviceError> {
        let reshaped = std::mem::take(&mut self.reshaped);
        let (width, height) = self.canvas.size();
        let size = (width as usize, height as usize);
        let within =
            |cursor: &Cursor, at: Option<(i32, i32)>| at.filter(|at| cursor.is_within(size, *at));
        let before = within(&self.cursor, self.pointer);
        if reshaped {
            let image = || self.display.conn.xfixes_get_cursor_image()?.reply();
            let image = image().map_err(gone)?;
            self.cursor = Cursor {
                width: image.width.into(),
                height: image.height.into(),
                hot: (image.xhot.into(), image.yhot.into()),
                pixels: image.cursor_image,
            };
        }
        self.pointer = self.target.pointer(&self.display)?;
        let now = within(&self.cursor, self.pointer);
        Ok(now != before || (reshaped && now.is_some()))
    }

    /// The canvas with the pointer over it.
    fn paint(&mut self) -> Result<VideoFrame, DeviceError> {
        let captured = clock::now();
        let (width, height) = self.canvas.size();
        let size = (width as usize, height as usize);
        let pixels = self.canvas.pixels();
        let under = self.pointer.map(|at| self.cursor.draw(pixels, size, at));
        let buffer = self
            .pool
            .make(width, height, |out| convert::bgra(pixels, size.0 * 4, out));
        if let Some(under) = under {
            under.restore(pixels);
        }
        let buffer = buffer.map_err(|error| failed(&error.to_string()))?;
        Ok(VideoFrame {
            buffer,
            color: SCREEN_COLOR,
            captured,
        })
    }
}
