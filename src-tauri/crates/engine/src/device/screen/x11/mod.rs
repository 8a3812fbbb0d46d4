//! Screens and windows of an X display.
//!
//! The display says that something has changed (DAMAGE), then which rows; those are written into memory that both have
//! (MIT-SHM), the pointer is drawn over them (XFIXES), and the whole is converted. Movements of the pointer are told too
//! (XInput); while nothing changes its place is asked for some times a second, for programs may put it elsewhere. Windows are read from pixels of their own (Composite), which nothing covers.

mod canvas;
mod cursor;
mod display;
mod list;
mod rows;
mod target;

use std::time::{Duration, Instant};

use x11rb::{
    connection::Connection,
    errors::ReplyError,
    protocol::{
        Event,
        xfixes::{ConnectionExt as _, CursorNotifyMask},
        xinput::{ConnectionExt as _, Device, EventMask, XIEventMask},
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

/// How often it is looked where the pointer is while nothing else happens.
const LOOK_EVERY: Duration = Duration::from_millis(33);

/// The same where the display tells movements.
const LOOK_EVERY_TOLD: Duration = Duration::from_millis(200);

/// A new size is taken up when it has stood for so long, or when so long something else has: each costs a key frame.
const SETTLED: Duration = Duration::from_millis(200);
const SETTLING: Duration = Duration::from_secs(1);

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
    /// What is shown may be elsewhere.
    moved: bool,
    /// The pointer has moved.
    pointed: bool,
    /// It may look different.
    reshaped: bool,
    /// There is something in the canvas.
    begun: bool,
    refused: u32,
    resizing: Option<Resizing>,
}

/// What is shown becomes another size.
struct Resizing {
    begun: Instant,
    /// The last size, and since when.
    size: (u32, u32),
    since: Instant,
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
        if display.tells_motion {
            let motions = EventMask {
                deviceid: Device::ALL_MASTER.into(),
                mask: vec![XIEventMask::RAW_MOTION],
            };
            conn.xinput_xi_select_events(display.root, &[motions])
                .map_err(lost)?;
        }
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
            pointed: false,
            reshaped: true,
            begun: false,
            refused: 0,
            resizing: None,
        })
    }

    /// Waits a moment for something to change, and gives the picture as it is then. `None`: it is as before.
    pub(super) fn next(&mut self) -> Result<Option<VideoFrame>, DeviceError> {
        self.hear()?;
        let due = !self.rows.is_empty() && self.target.pixels(&self.display).is_some();
        if !(self.damaged || self.moved || self.pointed || self.reshaped || due) {
            let told = self.display.tells_motion;
            let within = if told { LOOK_EVERY_TOLD } else { LOOK_EVERY };
            self.display.wait(within)?;
            self.hear()?;
        }
        self.pointed = false;
        if std::mem::take(&mut self.moved) {
            self.follow()?;
            if self.moved {
                return Ok(None);
            }
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
                    std::thread::sleep(LOOK_EVERY);
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
            match event {
                Event::XfixesCursorNotify(_) => self.reshaped = true,
                Event::XinputRawMotion(_) => self.pointed = true,
                _ => {}
            }
            match self.target.news(&event) {
                News::Damage => self.damaged = true,
                News::Moved => self.moved = true,
                News::Shifted => self.pointed = true,
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
            if !self.is_settled(size) {
                self.moved = true;
                return Ok(());
            }
            let canvas = Canvas::new(&self.display, size)?;
            std::mem::replace(&mut self.canvas, canvas).release(&self.display);
        }
        self.resizing = None;
        self.rows = Rows::all(size.1);
        Ok(())
    }

    /// Whether a size that is not the picture's yet is to be that now.
    fn is_settled(&mut self, size: (u32, u32)) -> bool {
        let now = clock::now();
        let new = Resizing {
            begun: now,
            size,
            since: now,
        };
        let resizing = self.resizing.get_or_insert(new);
        if resizing.size != size {
            (resizing.size, resizing.since) = (size, now);
        }
        let passed = |since| now.saturating_duration_since(since);
        passed(resizing.since) >= SETTLED || passed(resizing.begun) >= SETTLING
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
