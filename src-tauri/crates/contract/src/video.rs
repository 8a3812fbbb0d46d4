//! How pictures reach the window: a WebSocket on loopback, one for each picture that is shown.
//!
//! The window opens it and says a [`VideoHello`] as text, then a [`VideoControl`] for each change of the
//! tile's size and for each picture that it drew. The app sends pictures as binary messages: a header of
//! [`HEADER_BYTES`] and behind it the planes Y, U and V (I420) without padding between rows. At most
//! [`CREDIT`] pictures are on their way undrawn; of those that come meanwhile only the newest is sent.
//!
//! | byte | what, least significant byte first |
//! |---|---|
//! | 0 | u32 [`MAGIC`] |
//! | 4 | u32 width, even |
//! | 8 | u32 height, even |
//! | 12 | u8 matrix: 0 BT.601, 1 BT.709 |
//! | 13 | u8 range: 0 limited, 1 full |
//! | 14 | u16 zero |
//! | 16 | f64 when it was captured, for a received picture decoded: milliseconds since 1970-01-01T00:00Z |
//! | 24 | u32 number of the picture on this socket, from 0 |
//! | 28 | u32 zero |

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The bytes of the header.
pub const HEADER_BYTES: usize = 32;

/// The first four bytes of the header.
pub const MAGIC: u32 = 0x5948_4F41;

/// How many pictures may be on their way before the first one was drawn: one being drawn, one waiting.
pub const CREDIT: u32 = 2;

/// The name of the user's own picture in [`VideoHello::track`].
pub const SELF_TRACK: &str = "self";

/// What leads the name of the track of the screen that a peer shows in [`VideoHello::track`]; its id follows.
pub const SCREEN_TRACK: &str = "screen:";

/// Where pictures come from.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct VideoEndpoint {
    /// The WebSocket's address.
    pub url: String,
    /// Proof that the caller is the window.
    pub token: String,
}

impl std::fmt::Debug for VideoEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VideoEndpoint({}, …)", self.url)
    }
}

/// The window's first message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct VideoHello {
    /// The endpoint's token.
    pub token: String,
    /// Whose picture: [`SELF_TRACK`], a peer's id, or [`SCREEN_TRACK`] or [`SOURCE_TRACK`](crate::ui::SOURCE_TRACK)
    /// with an id behind it. It need not be there yet.
    pub track: String,
    /// The width of the tile in device pixels; 0 while it is hidden.
    pub width: u32,
    /// The height of the tile in device pixels; 0 while it is hidden.
    pub height: u32,
}

impl std::fmt::Debug for VideoHello {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            track,
            width,
            height,
            ..
        } = self;
        write!(f, "VideoHello({track}, {width}x{height}, …)")
    }
}

/// The window's later messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(untagged)]
#[ts(export)]
pub enum VideoControl {
    /// The tile has another size. Pictures are scaled down to fit into it, never up.
    Size {
        /// Width in device pixels; 0 while it is hidden.
        width: u32,
        /// Height in device pixels; 0 while it is hidden.
        height: u32,
    },
    /// Pictures were drawn.
    Ack {
        /// How many.
        ack: u32,
    },
}
