//! End-to-end scenarios: the real programs, real browsers, real drivers. Each test is named for what a user would
//! see; what a test needs of the machine and does not find, it says.

mod app;
mod authentic;
mod bad_input;
mod broadcast;
mod broadcast_app;
mod call_screen;
mod choice;
mod consent;
mod devices;
mod dialects;
mod film;
mod firefox;
mod guest;
mod harness;
mod hostile_candidates;
mod hostile_link;
mod hostile_packets;
mod hostile_page;
mod hostile_relay_flood;
mod hostile_room;
mod kept;
mod language;
mod logs;
mod network;
mod relay_app;
mod relay_lost;
mod screen;
mod sharp;
mod stage;
mod states_app;
mod states_call;
mod states_guest;
mod system_sound;
mod two_ahoys;
mod wayland;

/// Anything louder than this, in dB below full scale, is sound and not the noise of a codec.
const AUDIBLE_DB: f64 = -50.0;
