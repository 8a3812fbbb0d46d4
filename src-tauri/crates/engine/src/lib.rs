//! Ahoy's call engine, headless: it captures, encodes, connects, decodes and plays, and says what the
//! user should see. The app and `ahoy-call` are two faces of it.
//!
//! One room per concern. The pure ones (`call`, `dialect`, `frame`, `convert`, `packet`, `audio`, `rate`) hold no
//! clock, thread or socket: time and randomness are arguments, and tests feed them.

pub mod audio;
pub mod call;
pub mod codec;
#[cfg(not(fuzzing))]
pub mod convert;
#[cfg(not(fuzzing))]
pub mod device;
pub mod dialect;
#[cfg(not(fuzzing))]
pub mod engine;
pub mod frame;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
#[cfg(not(fuzzing))]
pub mod media;
pub mod packet;
pub mod rate;
pub mod rtc;
#[cfg(not(fuzzing))]
pub mod signaling;
