//! All fuzz targets in one program; the environment says which one runs. They are built once, and a new one needs nothing
//! here.
#![no_main]

use std::{env, process, sync::OnceLock};

use libfuzzer_sys::fuzz_target;

/// The name of a target, in the environment.
const VARIABLE: &str = "AHOY_FUZZ_TARGET";

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

fn all() -> impl Iterator<Item = (&'static str, fn(&[u8]))> {
    let contract = ahoy_contract::fuzz::TARGETS.into_iter();
    contract
        .chain(ahoy_engine::fuzz::TARGETS)
        .chain(ahoy_log::fuzz::TARGETS)
        .chain(ahoy_relay::fuzz::TARGETS)
}

fn choose() {
    let wanted = env::var(VARIABLE).unwrap_or_default();
    let Some((_, target)) = all().find(|(name, _)| *name == wanted) else {
        let names: Vec<&str> = all().map(|(name, _)| name).collect();
        eprintln!("{VARIABLE} must be one of: {}", names.join(", "));
        process::exit(2);
    };
    let _ = TARGET.set(target);
}

fuzz_target!(init: choose(), |data: &[u8]| {
    if let Some(target) = TARGET.get() {
        target(data);
    }
});
