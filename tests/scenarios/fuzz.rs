//! What the fuzz target runs, over its corpus, pieces of that, and random bytes.

use std::fs;

use ahoy_tests::programs;
use anyhow::{Result, ensure};

#[path = "../fuzz/entry.rs"]
mod entry;

/// Random inputs.
const RANDOM: usize = 2_000;
/// Damaged copies of each file of the corpus.
const DAMAGED: usize = 2_000;

#[expect(clippy::disallowed_methods, reason = "any moment will do")]
fn run(data: &[u8]) {
    entry::dialects(data, std::time::Instant::now());
}

fn random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| anyhow::anyhow!("{error}"))
}

/// A number below another one.
fn below(most: usize) -> Result<usize> {
    let mut bytes = [0; 8];
    random(&mut bytes)?;
    Ok((u64::from_le_bytes(bytes) % most.max(1) as u64) as usize)
}

#[test]
fn no_text_of_a_relay_is_too_much() -> Result<()> {
    let corpus = programs::root().join("tests/fuzz/corpus/dialects");
    let mut files = 0;
    for entry in fs::read_dir(corpus)? {
        let data = fs::read(entry?.path())?;
        files += 1;
        // Each part in each form hears it.
        for first in 0..24 {
            let mut data = data.clone();
            data[0] = first;
            run(&data);
        }
        for _ in 0..DAMAGED {
            let mut data = data.clone();
            for _ in 0..=below(8)? {
                let at = below(data.len())?;
                match below(4)? {
                    0 => random(&mut data[at..=at])?,
                    1 if data.len() > 1 => drop(data.remove(at)),
                    2 => data.truncate(at.max(1)),
                    _ => data.extend_from_within(at..),
                }
            }
            run(&data);
        }
    }
    ensure!(files == 4, "{files} files in the corpus");
    for _ in 0..RANDOM {
        let mut data = vec![0; below(300)?];
        random(&mut data)?;
        run(&data);
    }
    Ok(())
}
