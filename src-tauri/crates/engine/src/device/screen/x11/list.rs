//! The monitors and windows of a display.

use x11rb::{
    connection::Connection,
    errors::ReplyError,
    protocol::{
        randr::ConnectionExt as _,
        res::{ClientIdMask, ClientIdSpec, ConnectionExt as _},
        xproto::{Atom, AtomEnum, ConnectionExt as _, MapState, Window, WindowClass},
    },
};

use super::{
    display::{Display, gone},
    rows::Rect,
};
use crate::device::{
    DeviceError, Devices,
    screen::{ScreenKind, ScreenSource, ScreenSpec},
};
use ahoy_contract::ui::DeviceInfo;

/// Windows that are looked at, at most.
const MOST_WINDOWS: usize = 256;
/// Bytes of a title, at most.
const MOST_TITLE: u32 = 512;
/// How deep below the root windows are looked for where nobody manages them: a frame, and what is in it.
const DEEPEST: usize = 2;

/// Something that can be shown.
#[derive(Debug, Clone)]
pub(super) enum Found {
    Monitor {
        name: String,
        place: Rect,
        primary: bool,
    },
    Window {
        window: Window,
        /// The process that opened it, on this computer; 0: not known.
        owner: u32,
        title: String,
        place: Rect,
    },
}

impl Found {
    /// A display gives the number of a window that was closed to another program's: with its owner it means no other.
    fn id(&self) -> String {
        match self {
            Self::Monitor { name, .. } => format!("monitor:{name}"),
            Self::Window { window, owner, .. } => format!("window:{window:#x}:{owner}"),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Monitor { name, .. } => name,
            Self::Window { title, .. } => title,
        }
    }
}

/// All that can be shown: monitors first.
pub(in crate::device::screen) fn list() -> Result<Vec<ScreenSource>, DeviceError> {
    let display = Display::open()?;
    let mut found = monitors(&display)?;
    found.extend(windows(&display)?);
    let source = |found: Found| {
        let (id, name) = (found.id(), found.name().to_owned());
        let (kind, place) = match found {
            Found::Monitor { place, .. } => (ScreenKind::Monitor, place),
            Found::Window { place, .. } => (ScreenKind::Window, place),
        };
        ScreenSource {
            id,
            name,
            kind,
            x: place.x,
            y: place.y,
            width: place.width,
            height: place.height,
        }
    };
    Ok(found.into_iter().map(source).collect())
}

/// What is meant. `Missing`: it is not there.
pub(super) fn find(display: &Display, wanted: &ScreenSpec) -> Result<Found, DeviceError> {
    let found = match wanted {
        ScreenSpec::Default => monitors(display)?.into_iter().next(),
        ScreenSpec::Monitor(index) => monitors(display)?.into_iter().nth(*index),
        ScreenSpec::Window(title) => {
            let windows = windows(display)?;
            let infos: Vec<DeviceInfo> = windows.iter().map(info).collect();
            let index = Devices::resolve(&infos, title)
                .and_then(|wanted| infos.iter().position(|info| info == wanted));
            index.and_then(|index| windows.into_iter().nth(index))
        }
        // There is no portal here.
        ScreenSpec::Portal(_) => None,
        ScreenSpec::Source(id) => {
            let mut all = if id.starts_with("monitor:") {
                monitors(display)?
            } else {
                windows(display)?
            }
            .into_iter();
            all.find(|found| found.id() == *id)
        }
    };
    found.ok_or(DeviceError::Missing(super::KIND))
}

fn info(found: &Found) -> DeviceInfo {
    DeviceInfo {
        id: found.id(),
        name: found.name().to_owned(),
    }
}

/// The monitors, the main one first and then in the display's order; where it knows of none, all of it is one.
pub(super) fn monitors(display: &Display) -> Result<Vec<Found>, DeviceError> {
    let conn = &display.conn;
    let look = || -> Result<Vec<Found>, ReplyError> {
        let mut found = Vec::new();
        if display.has_monitors {
            for monitor in conn
                .randr_get_monitors(display.root, true)?
                .reply()?
                .monitors
            {
                let name = conn.get_atom_name(monitor.name)?.reply()?.name;
                found.push(Found::Monitor {
                    name: clean(&String::from_utf8_lossy(&name)),
                    place: rect(monitor.x, monitor.y, monitor.width, monitor.height),
                    primary: monitor.primary,
                });
            }
        }
        found.sort_by_key(|found| !is_primary(found));
        if found.is_empty() {
            let all = conn.get_geometry(display.root)?.reply()?;
            found.push(Found::Monitor {
                name: "screen".into(),
                place: rect(0, 0, all.width, all.height),
                primary: true,
            });
        }
        Ok(found)
    };
    look().map_err(gone)
}

fn is_primary(found: &Found) -> bool {
    matches!(found, Found::Monitor { primary: true, .. })
}

fn rect(x: i16, y: i16, width: u16, height: u16) -> Rect {
    Rect {
        x: x.into(),
        y: y.into(),
        width: width.into(),
        height: height.into(),
    }
}

/// The windows with a title that are not minimised.
fn windows(display: &Display) -> Result<Vec<Found>, DeviceError> {
    let names = Names::new(display).map_err(gone)?;
    let listed = list_property(display, names.client_list).map_err(gone)?;
    let mut found = Vec::new();
    if listed.is_empty() {
        unmanaged(display, &names, display.root, 0, &mut found)?;
    }
    for window in listed {
        // One that closes meanwhile is left out; the others stay.
        match look(display, &names, window) {
            Ok(Some(window)) => found.push(window),
            Ok(None) | Err(ReplyError::X11Error(_)) => {}
            Err(error) => return Err(gone(error)),
        }
    }
    Ok(found)
}

/// Looks for windows where no manager lists them.
fn unmanaged(
    display: &Display,
    names: &Names,
    parent: Window,
    depth: usize,
    found: &mut Vec<Found>,
) -> Result<(), DeviceError> {
    let children = || Ok(display.conn.query_tree(parent)?.reply()?.children);
    let children: Vec<Window> = match children() {
        Ok(children) => children,
        Err(ReplyError::X11Error(_)) => return Ok(()),
        Err(error) => return Err(gone(error)),
    };
    for window in children.into_iter().take(MOST_WINDOWS) {
        match look(display, names, window) {
            Ok(Some(window)) if found.len() < MOST_WINDOWS => found.push(window),
            Ok(None) if depth + 1 < DEEPEST => {
                unmanaged(display, names, window, depth + 1, found)?;
            }
            Ok(_) | Err(ReplyError::X11Error(_)) => {}
            Err(error) => return Err(gone(error)),
        }
    }
    Ok(())
}

/// A window as it is listed; `None`: it has no title, is a menu or cannot be seen.
fn look(display: &Display, names: &Names, window: Window) -> Result<Option<Found>, ReplyError> {
    let conn = &display.conn;
    let attributes = conn.get_window_attributes(window)?;
    let geometry = conn.get_geometry(window)?;
    let place = conn.translate_coordinates(window, display.root, 0, 0)?;
    let new = conn.get_property(false, window, names.name, names.utf8, 0, MOST_TITLE / 4)?;
    let any = AtomEnum::ANY;
    let old = conn.get_property(false, window, AtomEnum::WM_NAME, any, 0, MOST_TITLE / 4)?;
    let owner = owner(display, window)?;
    let (attributes, geometry, place) = (attributes.reply()?, geometry.reply()?, place.reply()?);
    let (new, old) = (new.reply()?, old.reply()?);
    let is_seen = attributes.map_state == MapState::VIEWABLE
        && attributes.class == WindowClass::INPUT_OUTPUT
        && !attributes.override_redirect;
    let title = [new, old]
        .iter()
        .map(|name| clean(&String::from_utf8_lossy(&name.value)))
        .find(|title| !title.is_empty());
    Ok(title.filter(|_| is_seen).map(|title| Found::Window {
        window,
        owner,
        title,
        place: rect(place.dst_x, place.dst_y, geometry.width, geometry.height),
    }))
}

/// The process that opened a window, by the display's word; 0: not known.
fn owner(display: &Display, window: Window) -> Result<u32, ReplyError> {
    if !display.has_owners {
        return Ok(0);
    }
    let wanted = ClientIdSpec {
        client: window,
        mask: ClientIdMask::LOCAL_CLIENT_PID,
    };
    let known = display.conn.res_query_client_ids(&[wanted])?.reply()?.ids;
    Ok(known
        .first()
        .and_then(|id| id.value.first())
        .copied()
        .unwrap_or(0))
}

/// A name as it can be shown: other programs write them.
fn clean(name: &str) -> String {
    let text: String = name.chars().filter(|c| !c.is_control()).collect();
    text.trim().to_owned()
}

fn list_property(display: &Display, name: Atom) -> Result<Vec<Window>, ReplyError> {
    let most = MOST_WINDOWS as u32;
    let (root, kind) = (display.root, AtomEnum::WINDOW);
    let reply = display
        .conn
        .get_property(false, root, name, kind, 0, most)?
        .reply()?;
    Ok(reply.value32().map(Iterator::collect).unwrap_or_default())
}

/// Names of the Extended Window Manager Hints, section 3 and 5.
struct Names {
    client_list: Atom,
    name: Atom,
    utf8: Atom,
}

impl Names {
    fn new(display: &Display) -> Result<Self, ReplyError> {
        let ask = |name: &str| display.conn.intern_atom(false, name.as_bytes());
        let (client_list, name, utf8) = (
            ask("_NET_CLIENT_LIST")?,
            ask("_NET_WM_NAME")?,
            ask("UTF8_STRING")?,
        );
        display.conn.flush()?;
        Ok(Self {
            client_list: client_list.reply()?.atom,
            name: name.reply()?.atom,
            utf8: utf8.reply()?.atom,
        })
    }
}
