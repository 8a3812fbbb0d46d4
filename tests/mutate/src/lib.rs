//! Runs a fuzz target over its corpus and over mutations of it, in an ordinary test on the stable toolchain.
//!
//! A fuzzer that is led by coverage (`cargo xtask fuzz`) finds more; this keeps what it found from coming back, and is
//! there on every machine. The mutations are the same in each run: a failure can be repeated.

mod mutation;
mod random;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

pub use random::Random;

/// A fuzz target: takes any bytes, and panics where a property does not hold.
pub type Target = fn(&[u8]);

/// Mutated inputs that [`check`] runs besides the corpus itself.
pub const MUTATIONS: usize = 10_000;

/// The largest mutated input, in bytes: as large as a message of the relay may be.
const MAX_INPUT: usize = 64 * 1024;

/// Runs a target over each file of its corpus, `tests/fuzz/corpus/NAME`, and over [`MUTATIONS`] mutations of them.
///
/// # Panics
/// The corpus is missing or empty, or the target panics; the input is then left in `target/fuzz/failures`.
pub fn check(name: &str, target: Target) {
    let corpus = corpus(name);
    for (file, data) in &corpus {
        run(name, target, data, &file.display().to_string());
    }
    let mut random = Random::from_text(name);
    for number in 0..MUTATIONS {
        let mut data = match random.below(16) {
            0 => random.bytes(512),
            _ => corpus[random.below(corpus.len())].1.clone(),
        };
        let other = &corpus[random.below(corpus.len())].1;
        mutation::mutate(&mut data, other, &mut random);
        data.truncate(MAX_INPUT);
        run(name, target, &data, &format!("mutation {number}"));
    }
}

/// The files of a corpus with what is in them, in the order of their names.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = root().join("tests/fuzz/corpus").join(name);
    let entries = fs::read_dir(&folder);
    let mut files: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    assert!(
        !files.is_empty(),
        "the fuzz target `{name}` has no corpus in {}",
        folder.display()
    );
    let read = |file: PathBuf| {
        let data = fs::read(&file);
        assert!(data.is_ok(), "{} cannot be read", file.display());
        (file, data.unwrap_or_default())
    };
    files.into_iter().map(read).collect()
}

fn run(name: &str, target: Target, data: &[u8], what: &str) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(data))) else {
        return;
    };
    let folder = root().join("target/fuzz/failures");
    let file = folder.join(name);
    // The message of the panic is shown all the same.
    let _ = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, data));
    eprintln!(
        "the fuzz target `{name}` failed on {what}, which is in {}",
        file.display()
    );
    std::panic::resume_unwind(panic);
}

fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own)
}
