//! What the harness runs inside a page.

/// Functions that are put before every script, as `ahoy`.
pub const FUNCTIONS: &str = include_str!("page.js");

/// Takes the place of a page's camera and microphone: a stamped picture that moves and a tone of 440 Hz at -20 dBFS.
/// Runs before the page's own scripts, called with an object of `width`, `height`, `fps` and, for a picture without a
/// stamp, `scene`.
pub const STAMPED_CAMERA: &str = include_str!("camera.js");

/// Takes the place of a page's `getUserMedia` and answers as a person does who has not decided yet. A browser without a head
/// decides at once.
pub const UNANSWERED: &str = "navigator.mediaDevices.getUserMedia = () => new Promise(() => {});";

/// Takes the place of a page's `getUserMedia` and refuses the camera as one does that another program uses (W3C Media Capture
/// and Streams, `NotReadableError`): no browser can be brought to it without a second program and a real camera.
pub const BUSY_CAMERA: &str = "navigator.mediaDevices.getUserMedia = ((real) => async (wanted) => {
  if (wanted?.video) throw new DOMException('Could not start video source', 'NotReadableError');
  return real(wanted);
})(navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices));";
