//! What is shown, a monitor or a window: where its pixels are, and what becomes of it.

use x11rb::{
    connection::Connection,
    errors::ReplyError,
    protocol::{
        Event,
        composite::{ConnectionExt as _, Redirect},
        damage::{ConnectionExt as _, Damage, ReportLevel},
        randr::{self, ConnectionExt as _},
        xfixes::{ConnectionExt as _, Region},
        xproto::{
            ChangeWindowAttributesAux, ConnectionExt as _, Drawable, EventMask, MapState, Pixmap,
            Window,
        },
    },
};

use super::{
    KIND,
    display::{Display, failed, gone, lost, no_id},
    list::{self, Found},
    rows::{Rect, Rows},
};
use crate::device::{DeviceError, screen::ScreenSpec};

/// What is shown.
pub(super) struct Target {
    shown: Shown,
    /// Where it is: a monitor on the display, a window in its own pixels.
    place: Rect,
    damage: Damage,
    region: Region,
}

enum Shown {
    Monitor {
        name: String,
    },
    Window {
        window: Window,
        /// Its pixels, also those that are covered; `None` while it is not on the screen.
        pixels: Option<Pixmap>,
        /// The window below the root that it is in.
        top: Window,
    },
}

/// What a happening means for what is shown.
pub(super) enum News {
    /// Pixels have changed.
    Damage,
    /// It may be elsewhere, or of another size.
    Moved,
    /// It is elsewhere on the screen, which nobody sees but by the pointer.
    Shifted,
    /// It is gone.
    Gone,
    /// Nothing.
    None,
}

impl Target {
    /// Finds what is wanted and asks the display to tell of its changes.
    pub(super) fn open(display: &Display, wanted: &ScreenSpec) -> Result<Self, DeviceError> {
        let (shown, place) = match list::find(display, wanted)? {
            Found::Monitor { name, place, .. } => (Shown::Monitor { name }, place),
            Found::Window { window, place, .. } => {
                let top = window;
                let pixels = None;
                (
                    Shown::Window {
                        window,
                        pixels,
                        top,
                    },
                    place,
                )
            }
        };
        let ids = || display.conn.generate_id().map_err(no_id);
        let target = Self {
            shown,
            place,
            damage: ids()?,
            region: ids()?,
        };
        target.subscribe(display).map_err(gone)?;
        Ok(target)
    }

    fn subscribe(&self, display: &Display) -> Result<(), ReplyError> {
        let (conn, root) = (&display.conn, display.root);
        let drawable = match self.shown {
            Shown::Monitor { .. } => {
                if display.has_monitors {
                    use randr::NotifyMask as Mask;
                    let mask = Mask::SCREEN_CHANGE | Mask::CRTC_CHANGE | Mask::OUTPUT_CHANGE;
                    conn.randr_select_input(root, mask)?;
                }
                root
            }
            Shown::Window { window, .. } => window,
        };
        let events = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
        conn.change_window_attributes(drawable, &events)?.check()?;
        if let Shown::Window { window, .. } = self.shown
            && display.has_composite
        {
            conn.composite_redirect_window(window, Redirect::AUTOMATIC)?
                .check()?;
        }
        conn.xfixes_create_region(self.region, &[])?;
        // One word when the first pixel changes, and none until what has changed was asked for.
        conn.damage_create(self.damage, drawable, ReportLevel::NON_EMPTY)?
            .check()
    }

    /// Looks where it is now. `Missing`: nowhere.
    pub(super) fn aim(&mut self, display: &Display) -> Result<(), DeviceError> {
        let conn = &display.conn;
        match &mut self.shown {
            Shown::Monitor { name } => {
                let now = list::monitors(display)?
                    .into_iter()
                    .find_map(|found| match found {
                        Found::Monitor {
                            name: other, place, ..
                        } if other == *name => Some(place),
                        _ => None,
                    });
                self.place = now.ok_or(DeviceError::Missing(KIND))?;
                if !display.is_bgrx(None) {
                    return Err(failed("the display's pixels are of an unknown form"));
                }
            }
            Shown::Window {
                window,
                pixels,
                top,
            } => {
                let look = || {
                    Ok((
                        conn.get_window_attributes(*window)?.reply()?,
                        conn.get_geometry(*window)?.reply()?,
                    ))
                };
                let (attributes, geometry) = look().map_err(gone)?;
                if !display.is_bgrx(Some(attributes.visual)) {
                    return Err(failed("the window's pixels are of an unknown form"));
                }
                if let Some(old) = pixels.take() {
                    conn.free_pixmap(old).map_err(lost)?;
                }
                *top = top_of(display, *window).map_err(gone)?;
                if attributes.map_state != MapState::VIEWABLE {
                    return Ok(());
                }
                let border = i32::from(geometry.border_width);
                let place = Rect {
                    x: border,
                    y: border,
                    width: geometry.width.into(),
                    height: geometry.height.into(),
                };
                if !display.has_composite {
                    // Only what is not covered can be had.
                    (*pixels, self.place) = (
                        Some(*window),
                        Rect {
                            x: 0,
                            y: 0,
                            ..place
                        },
                    );
                    return Ok(());
                }
                let pixmap = conn.generate_id().map_err(no_id)?;
                match conn
                    .composite_name_window_pixmap(*window, pixmap)
                    .map_err(lost)?
                    .check()
                {
                    Ok(()) => (*pixels, self.place) = (Some(pixmap), place),
                    // It has left the screen at this moment.
                    Err(ReplyError::X11Error(_)) => {}
                    Err(error) => return Err(gone(error)),
                }
            }
        }
        Ok(())
    }

    /// Its size in pixels; of a window that is not on the screen, its last.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.place.width, self.place.height)
    }

    /// What pixels are asked from, and where they begin in it. `None`: there are none now.
    pub(super) fn pixels(&self, display: &Display) -> Option<(Drawable, (i16, i16))> {
        let drawable = match self.shown {
            Shown::Monitor { .. } => display.root,
            Shown::Window { pixels, .. } => pixels?,
        };
        let (x, y) = (
            i16::try_from(self.place.x).ok()?,
            i16::try_from(self.place.y).ok()?,
        );
        Some((drawable, (x, y)))
    }

    /// Adds what has changed since it was asked the last time.
    pub(super) fn changed(&self, display: &Display, rows: &mut Rows) -> Result<(), DeviceError> {
        let conn = &display.conn;
        let ask = || {
            conn.damage_subtract(self.damage, x11rb::NONE, self.region)?;
            conn.xfixes_fetch_region(self.region)?.reply()
        };
        let place = match self.shown {
            Shown::Monitor { .. } => self.place,
            // Damage of a window is counted from within its border.
            Shown::Window { .. } => Rect {
                x: 0,
                y: 0,
                ..self.place
            },
        };
        for changed in ask().map_err(gone)?.rectangles {
            let changed = Rect {
                x: changed.x.into(),
                y: changed.y.into(),
                width: changed.width.into(),
                height: changed.height.into(),
            };
            rows.add(changed, place);
        }
        Ok(())
    }

    /// Where the pointer is, counted from the picture's corner. `None`: on something else.
    pub(super) fn pointer(&self, display: &Display) -> Result<Option<(i32, i32)>, DeviceError> {
        let conn = &display.conn;
        let look = || -> Result<Option<(i32, i32)>, ReplyError> {
            let root = conn.query_pointer(display.root)?;
            match self.shown {
                Shown::Monitor { .. } => {
                    let at = root.reply()?;
                    let (x, y) = (i32::from(at.root_x), i32::from(at.root_y));
                    Ok(at
                        .same_screen
                        .then_some((x - self.place.x, y - self.place.y)))
                }
                Shown::Window { window, top, .. } => {
                    let inside = conn.query_pointer(window)?;
                    let (root, at) = (root.reply()?, inside.reply()?);
                    let (x, y) = (i32::from(at.win_x), i32::from(at.win_y));
                    let (width, height) = self.size();
                    let within = u32::try_from(x).is_ok_and(|x| x < width)
                        && u32::try_from(y).is_ok_and(|y| y < height);
                    Ok((root.same_screen && root.child == top && within).then_some((x, y)))
                }
            }
        };
        look().map_err(gone)
    }

    /// What a happening means.
    pub(super) fn news(&self, event: &Event) -> News {
        let own = match self.shown {
            Shown::Monitor { .. } => None,
            Shown::Window { window, .. } => Some(window),
        };
        match event {
            Event::DamageNotify(event) if event.damage == self.damage => News::Damage,
            Event::RandrNotify(_) | Event::RandrScreenChangeNotify(_) => News::Moved,
            Event::ConfigureNotify(event) => match own {
                Some(window) if event.window == window => {
                    let size = (event.width.into(), event.height.into());
                    if size == self.size() {
                        News::Shifted
                    } else {
                        News::Moved
                    }
                }
                Some(_) => News::None,
                None => News::Moved,
            },
            Event::MapNotify(event) if Some(event.window) == own => News::Moved,
            Event::UnmapNotify(event) if Some(event.window) == own => News::Moved,
            Event::ReparentNotify(event) if Some(event.window) == own => News::Moved,
            Event::DestroyNotify(event) if Some(event.window) == own => News::Gone,
            _ => News::None,
        }
    }
}

/// The window below the root that a window is in.
fn top_of(display: &Display, window: Window) -> Result<Window, ReplyError> {
    let mut top = window;
    loop {
        let tree = display.conn.query_tree(top)?.reply()?;
        if tree.parent == display.root || tree.parent == x11rb::NONE {
            return Ok(top);
        }
        top = tree.parent;
    }
}
