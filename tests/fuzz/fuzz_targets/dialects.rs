//! Texts of a hostile relay, for whatever dialect is spoken with it.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../entry.rs"]
mod entry;

fuzz_target!(|data: &[u8]| entry::dialects(data, std::time::Instant::now()));
