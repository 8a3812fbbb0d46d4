//! A call through a relay of small WebRTC pages.
//!
//! Such a relay mixes strangers: whoever is there may answer. There is neither a link nor a key, and nothing says who
//! the others are.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Where such a relay is, and what is played there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct RelayCall {
    /// The relay's address as it stands: `ws://` or `wss://`, for Socket.IO `http://` or `https://` as well; behind `#`
    /// may stand the PIN of its key.
    pub url: String,
    /// Who sends what to whom.
    pub shape: RelayShape,
}

/// Who sends what to whom. It decides what is spoken to the relay, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export)]
pub enum RelayShape {
    /// `1c1s`: the user sends, one other receives.
    Send {
        /// A part of the screen, in place of camera and microphone.
        screen: bool,
    },
    /// `1c1s`: one other sends, the user receives.
    Receive,
    /// `nc1s`: the user shows a part of the screen to any number of viewers.
    Broadcast,
    /// `nc1s`: the user is a viewer.
    View,
    /// `1cs1cs`: two one-way connections; either end may call, both at once as well.
    Both,
    /// Ready and bye: whoever is ready is called.
    Ready,
    /// Socket.IO: lines of text, and media where it is asked for.
    SocketIo {
        /// Camera and microphone are sent too.
        media: bool,
    },
    /// `video-offer`: an offer names whom it is for.
    Targeted {
        /// How the user is called there, of 1 to 128 bytes.
        name: String,
        /// Whom the user calls, likewise; `null`: the user waits to be called.
        target: Option<String>,
    },
}
