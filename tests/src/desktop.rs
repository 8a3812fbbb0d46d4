//! Windows on an X display, painted by the test itself, so that what is shown of them can be compared.

use anyhow::{Context as _, Result};
use x11rb::{
    connection::Connection as _,
    protocol::{
        randr::{self, ConnectionExt as _},
        xproto::{
            AtomEnum, ChangeGCAux, ConfigureWindowAux, ConnectionExt as _, CreateGCAux,
            CreateWindowAux, ImageFormat, PropMode, Rectangle, StackMode, Window, WindowClass,
        },
    },
    rust_connection::RustConnection,
    wrapper::ConnectionExt as _,
};

use crate::y4m::Luma;

/// Where something is: left, upper edge, width, height.
pub type Place = (i16, i16, u16, u16);

/// A program with windows. They are closed when it is dropped.
pub struct Desktop {
    conn: RustConnection,
    root: Window,
    brush: u32,
}

impl Desktop {
    /// Connects to a display by its name.
    ///
    /// # Errors
    /// There is none.
    pub fn connect(display: &str) -> Result<Self> {
        let (conn, screen) = RustConnection::connect(Some(display))?;
        let root = conn.setup().roots[screen].root;
        let brush = conn.generate_id()?;
        let font = conn.generate_id()?;
        conn.open_font(font, b"fixed")?.check()?;
        conn.create_gc(brush, root, &CreateGCAux::new().font(font))?
            .check()?;
        Ok(Self { conn, root, brush })
    }

    /// Opens a window with a title, all in one colour (0xRRGGBB).
    ///
    /// # Errors
    /// The display refuses.
    pub fn open(&self, title: &str, (x, y, width, height): Place, colour: u32) -> Result<Window> {
        let window = self.conn.generate_id()?;
        let look = CreateWindowAux::new().background_pixel(colour);
        let (depth, visual) = (x11rb::COPY_DEPTH_FROM_PARENT, x11rb::COPY_FROM_PARENT);
        let kind = WindowClass::INPUT_OUTPUT;
        self.conn
            .create_window(
                depth, window, self.root, x, y, width, height, 0, kind, visual, &look,
            )?
            .check()?;
        let (name, text) = (AtomEnum::WM_NAME, AtomEnum::STRING);
        self.conn
            .change_property8(PropMode::REPLACE, window, name, text, title.as_bytes())?;
        self.conn.map_window(window)?.check()?;
        self.done()?;
        Ok(window)
    }

    /// Paints a rectangle of a window in a colour (0xRRGGBB).
    ///
    /// # Errors
    /// The display refuses.
    pub fn paint(&self, window: Window, (x, y, width, height): Place, colour: u32) -> Result<()> {
        self.colour(colour)?;
        let rectangle = Rectangle {
            x,
            y,
            width,
            height,
        };
        self.conn
            .poly_fill_rectangle(window, self.brush, &[rectangle])?;
        self.done()
    }

    /// Draws a [`stamp`](crate::stamp) along the upper edge of a window that is so wide, one row after the other: one
    /// that is caught in between reads as none.
    ///
    /// # Errors
    /// The display refuses.
    pub fn stamp(&self, window: Window, width: u16, stamp: u32) -> Result<()> {
        let block = width / 32;
        for row in 0..2 {
            for colour in [0, 0xff_ffff] {
                let columns = (0..32u16).filter(|column| {
                    let one = stamp >> (31 - column) & 1 == 1;
                    (one == (row == 0)) == (colour != 0)
                });
                let blocks: Vec<_> = columns
                    .map(|column| Rectangle {
                        x: (column * block) as i16,
                        y: (row * block) as i16,
                        width: block,
                        height: block,
                    })
                    .collect();
                self.colour(colour)?;
                self.conn.poly_fill_rectangle(window, self.brush, &blocks)?;
            }
        }
        self.done()
    }

    /// Writes a line of text into a window, black on white.
    ///
    /// # Errors
    /// The display refuses.
    pub fn write(&self, window: Window, (x, y): (i16, i16), text: &str) -> Result<()> {
        let look = ChangeGCAux::new().foreground(0).background(0xff_ffff);
        self.conn.change_gc(self.brush, &look)?;
        self.conn
            .image_text8(window, self.brush, x, y, text.as_bytes())?;
        self.done()
    }

    /// The brightness of all that the display shows, without the pointer.
    ///
    /// # Errors
    /// The display refuses.
    pub fn picture(&self) -> Result<Luma> {
        let size = self.conn.get_geometry(self.root)?.reply()?;
        let (width, height) = (size.width, size.height);
        let image = self
            .conn
            .get_image(
                ImageFormat::Z_PIXMAP,
                self.root,
                0,
                0,
                width,
                height,
                u32::MAX,
            )?
            .reply()?;
        let brightness = |pixel: &[u8]| luma(pixel[2], pixel[1], pixel[0]);
        Ok(Luma {
            width: width.into(),
            height: height.into(),
            pixels: image.data.chunks_exact(4).map(brightness).collect(),
        })
    }

    /// Gives a window the keyboard.
    ///
    /// # Errors
    /// The display refuses.
    pub fn focus(&self, window: Window) -> Result<()> {
        let after = x11rb::protocol::xproto::InputFocus::POINTER_ROOT;
        self.conn
            .set_input_focus(after, window, x11rb::CURRENT_TIME)?
            .check()?;
        Ok(())
    }

    /// Draws a grey picture into the upper left corner of a window.
    ///
    /// # Errors
    /// The display refuses.
    pub fn draw(&self, window: Window, picture: &Luma) -> Result<()> {
        let mut data = vec![0; 4 * picture.pixels.len()];
        for (pixel, grey) in data.chunks_exact_mut(4).zip(&picture.pixels) {
            pixel[..3].fill(*grey);
        }
        let (width, height) = (picture.width as u16, picture.height as u16);
        let kind = ImageFormat::Z_PIXMAP;
        let depth = 24;
        self.conn.put_image(
            kind, window, self.brush, width, height, 0, 0, 0, depth, &data,
        )?;
        self.done()
    }

    fn colour(&self, colour: u32) -> Result<()> {
        let look = ChangeGCAux::new().foreground(colour);
        self.conn.change_gc(self.brush, &look)?;
        Ok(())
    }

    /// Gives a window another size.
    ///
    /// # Errors
    /// The display refuses.
    pub fn resize(&self, window: Window, (width, height): (u32, u32)) -> Result<()> {
        let size = ConfigureWindowAux::new().width(width).height(height);
        self.conn.configure_window(window, &size)?;
        self.done()
    }

    /// Brings a window before all others.
    ///
    /// # Errors
    /// The display refuses.
    pub fn raise(&self, window: Window) -> Result<()> {
        let before = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
        self.conn.configure_window(window, &before)?;
        self.done()
    }

    /// Takes a window off the screen, as minimising it does.
    ///
    /// # Errors
    /// The display refuses.
    pub fn minimise(&self, window: Window) -> Result<()> {
        self.conn.unmap_window(window)?;
        self.done()
    }

    /// Puts a window back on the screen.
    ///
    /// # Errors
    /// The display refuses.
    pub fn restore(&self, window: Window) -> Result<()> {
        self.conn.map_window(window)?;
        self.done()
    }

    /// Closes a window.
    ///
    /// # Errors
    /// The display refuses.
    pub fn close(&self, window: Window) -> Result<()> {
        self.conn.destroy_window(window)?;
        self.done()
    }

    /// Gives the pointer the look of a square of 32 pixels in a colour (0xRRGGBB) over a window; it points with its middle.
    ///
    /// # Errors
    /// The display refuses.
    pub fn show_pointer(&self, window: Window, colour: u32) -> Result<()> {
        let (square, brush) = (self.conn.generate_id()?, self.conn.generate_id()?);
        self.conn.create_pixmap(1, square, window, 32, 32)?;
        self.conn
            .create_gc(brush, square, &CreateGCAux::new().foreground(1))?;
        let all = Rectangle {
            x: 0,
            y: 0,
            width: 32,
            height: 32,
        };
        self.conn.poly_fill_rectangle(square, brush, &[all])?;
        // Each part from 8 bits to 16.
        let part = |shift: u32| (colour >> shift & 0xff) as u16 * 0x101;
        let (red, green, blue) = (part(16), part(8), part(0));
        let cursor = self.conn.generate_id()?;
        self.conn
            .create_cursor(
                cursor, square, square, red, green, blue, red, green, blue, 16, 16,
            )?
            .check()?;
        let look = x11rb::protocol::xproto::ChangeWindowAttributesAux::new().cursor(cursor);
        self.conn.change_window_attributes(window, &look)?;
        self.done()
    }

    /// Moves the pointer to a place on the display.
    ///
    /// # Errors
    /// The display refuses.
    pub fn point(&self, x: i16, y: i16) -> Result<()> {
        self.conn
            .warp_pointer(x11rb::NONE, self.root, 0, 0, 0, 0, x, y)?;
        self.done()
    }

    /// Gives the only monitor another mode.
    ///
    /// # Errors
    /// The display refuses.
    pub fn set_mode(&self, width: u16, height: u16) -> Result<()> {
        let conn = &self.conn;
        let name = format!("{width}x{height}");
        let mode = randr::ModeInfo {
            width,
            height,
            dot_clock: u32::from(width) * u32::from(height) * 60,
            htotal: width,
            vtotal: height,
            name_len: name.len() as u16,
            ..randr::ModeInfo::default()
        };
        let made = conn
            .randr_create_mode(self.root, mode, name.as_bytes())?
            .reply()?;
        let all = conn.randr_get_screen_resources(self.root)?.reply()?;
        let output = *all.outputs.first().context("no output")?;
        let crtc = *all.crtcs.first().context("no controller")?;
        conn.randr_add_output_mode(output, made.mode)?.check()?;
        let set = |mode, outputs: &[u32]| -> Result<()> {
            let (time, turn) = (x11rb::CURRENT_TIME, randr::Rotation::ROTATE0);
            let config = all.config_timestamp;
            conn.randr_set_crtc_config(crtc, time, config, 0, 0, mode, turn, outputs)?
                .reply()?;
            Ok(())
        };
        // The desktop may not be smaller than what is shown of it.
        set(x11rb::NONE, &[])?;
        let (wide, high) = (u32::from(width) / 4, u32::from(height) / 4);
        conn.randr_set_screen_size(self.root, width, height, wide, high)?
            .check()?;
        set(made.mode, &[output])?;
        self.done()
    }

    /// Calls a part of the desktop a monitor, 100 pixels wide from this place on.
    ///
    /// # Errors
    /// The display refuses.
    pub fn name_monitor(&self, name: &str, x: i16, primary: bool) -> Result<()> {
        let name = self.conn.intern_atom(false, name.as_bytes())?.reply()?.atom;
        let monitor = randr::MonitorInfo {
            name,
            primary,
            x,
            width: 100,
            height: 100,
            ..randr::MonitorInfo::default()
        };
        self.conn.randr_set_monitor(self.root, monitor)?.check()?;
        self.done()
    }

    /// Waits until the display has done all that was asked of it.
    fn done(&self) -> Result<()> {
        Ok(self.conn.sync()?)
    }
}

/// The brightness of a colour of a screen, from 0 to 255 (BT.709).
pub fn luma(red: u8, green: u8, blue: u8) -> u8 {
    (0.2126 * f64::from(red) + 0.7152 * f64::from(green) + 0.0722 * f64::from(blue)).round() as u8
}
