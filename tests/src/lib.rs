//! The parts that Ahoy's end-to-end scenarios are put together from: the project's own programs, real
//! browsers, a virtual display, a sound server, an emulated machine with a camera, a hostile relay.
//!
//! Every part ends what it started when it is dropped, and every wait has a deadline that is far longer
//! than what is waited for: a scenario waits for events, never for time to pass.

pub mod app;
pub mod bidi;
pub mod call;
pub mod camera;
pub mod chromium;
pub mod desktop;
pub mod dialect;
pub mod firefox;
pub mod flood;
pub mod hostile;
pub mod leak;
pub mod look;
pub mod member;
pub mod need;
pub mod network;
pub mod notifications;
mod output;
pub mod page;
pub mod process;
pub mod programs;
pub mod quality;
pub mod relay;
pub mod serve;
pub mod slow_line;
pub mod sockets;
pub mod sound;
pub mod ssim;
pub mod stamp;
mod sway;
pub mod text;
pub mod tone;
pub mod usage;
pub mod wayland;
pub mod wayland_filter;
pub mod webdriver;
pub mod wire;
pub mod y4m;

use std::time::Duration;

/// How long anything but a whole emulated machine may take. Two busy cores are slow; nothing here is measured.
pub const SOON: Duration = Duration::from_secs(45);
