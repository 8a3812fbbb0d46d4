//! What the harness runs inside a page.

/// Functions that are put before every script, as `ahoy`.
pub const FUNCTIONS: &str = include_str!("page.js");

/// Takes the place of a page's camera and microphone: a stamped picture that moves and a tone of 440 Hz at -20 dBFS.
/// Runs before the page's own scripts, called with an object of `width`, `height`, `fps` and, for a picture without a
/// stamp, `scene`.
pub const STAMPED_CAMERA: &str = include_str!("camera.js");
