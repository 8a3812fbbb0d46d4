//! Sound between network and device: jitter buffer, play-out of one peer, its step with the picture, mixer, level
//! meter. Pure.
//!
//! One thread, the one that plays, owns all of it; packets reach it through a bounded queue of `media`.

mod delay;
mod fade;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod jitter;
mod level;
mod met;
mod mixer;
mod playout;
mod sync;

#[cfg(test)]
mod simulation;

pub use fade::{fade_in, fade_out, tail};
pub use jitter::{JitterBuffer, JitterStats, Next};
pub use level::{LevelMeter, SILENCE_DB, rms_db};
pub use mixer::Mixer;
pub use playout::Playout;
pub use sync::{Heard, LipSync};
