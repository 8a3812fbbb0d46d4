//! Four words that two people compare to know that nobody is between them.
//!
//! Both ends draw them from the certificates' fingerprints of their connection and from one nonce of each.
//! One end, the committing one, binds itself to its nonce before it sees the other's, so that nobody in
//! between can try nonces until two connections give the same words: one try in 2^32 succeeds (the idea of
//! RFC 6189 §4.4.1.4, short authentication strings with a hash commitment).
//!
//! The committing end is the host; between two guests it is the one with the smaller peer id.

use std::{collections::BTreeSet, sync::LazyLock};

use sha2::{Digest, Sha256};

use crate::{
    id::{Commitment, Nonce},
    tuple,
};

/// How many words there are in the list: each stands for one byte.
#[cfg(test)]
const LIST: usize = 256;

/// How many words are drawn.
pub const WORDS: usize = 4;

static WORD_LIST: LazyLock<Vec<String>> = LazyLock::new(|| {
    // The list is part of the program; a test reads it.
    serde_json::from_str(include_str!("../words.json")).unwrap_or_default()
});

/// The fingerprints of the certificates in a session description (RFC 8122 §5), as both ends write them: each
/// one once, `sha-256 AB:CD…`, the hash's name in lower case, its value in upper case, sorted, a line feed
/// between two. All of them count, for an end may offer more than one certificate.
pub fn fingerprints(sdp: &str) -> String {
    let all: BTreeSet<String> = sdp
        .lines()
        .filter_map(|line| line.strip_prefix("a=fingerprint:"))
        .filter_map(|value| value.trim().split_once(' '))
        .map(|(hash, value)| {
            format!(
                "{} {}",
                hash.to_ascii_lowercase(),
                value.trim().to_ascii_uppercase()
            )
        })
        .collect();
    all.into_iter().collect::<Vec<_>>().join("\n")
}

/// What the committing end binds itself to: the SHA-256 of *("ahoy-words-commit-v1", nonce, own fingerprints,
/// the other's fingerprints)*, each part led by its length as in [`signal_context`](crate::signal_context).
pub fn commitment(nonce: &Nonce, committing: &str, other: &str) -> Commitment {
    let bytes = tuple(&[
        b"ahoy-words-commit-v1",
        nonce.as_bytes(),
        committing.as_bytes(),
        other.as_bytes(),
    ]);
    Commitment::new(Sha256::digest(bytes).into())
}

/// The words: the first bytes of the SHA-256 of *("ahoy-words-v1", fingerprints of the committing end, of the
/// other, nonce of the committing end, of the other)*, each part led by its length, each byte a word of the list.
pub fn words(committing: (&str, &Nonce), other: (&str, &Nonce)) -> Vec<String> {
    let bytes = tuple(&[
        b"ahoy-words-v1",
        committing.0.as_bytes(),
        other.0.as_bytes(),
        committing.1.as_bytes(),
        other.1.as_bytes(),
    ]);
    let hash = Sha256::digest(bytes);
    hash.iter()
        .take(WORDS)
        .filter_map(|byte| WORD_LIST.get(usize::from(*byte)).cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_a_word_for_each_byte_and_none_twice() {
        let distinct: BTreeSet<_> = WORD_LIST.iter().collect();
        assert_eq!((WORD_LIST.len(), distinct.len()), (LIST, LIST));
    }

    #[test]
    fn fingerprints_are_written_in_one_way() {
        let sdp = "v=0\r\na=fingerprint:SHA-256 ab:0C\r\nm=audio\r\na=fingerprint:sha-256 AB:0c\r\na=fingerprint:sha-1 ff\r\n";
        assert_eq!(fingerprints(sdp), "sha-1 FF\nsha-256 AB:0C");
        assert_eq!(fingerprints("v=0\r\n"), "");
    }

    #[test]
    fn each_part_counts() {
        let (a, b) = (Nonce::new([1; 16]), Nonce::new([2; 16]));
        let drawn = words(("x", &a), ("y", &b));
        assert_eq!(drawn.len(), WORDS);
        for other in [
            words(("z", &a), ("y", &b)),
            words(("x", &b), ("y", &b)),
            words(("x", &a), ("z", &b)),
            words(("x", &a), ("y", &a)),
            words(("y", &b), ("x", &a)),
        ] {
            assert_ne!(drawn, other);
        }
        assert_ne!(commitment(&a, "x", "y"), commitment(&b, "x", "y"));
        assert_ne!(commitment(&a, "x", "y"), commitment(&a, "y", "x"));
    }

    /// The page's twin of this code is held against the same file.
    #[test]
    fn the_shared_vectors_hold() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../vectors/words.json")).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let cases = vectors["cases"].as_array().unwrap();
        assert!(!cases.is_empty());
        for case in cases {
            let end = |name: &str| {
                let end = &case[name];
                let fingerprints = fingerprints(&text(&end["sdp"]));
                assert_eq!(fingerprints, text(&end["fingerprints"]), "{}", case["name"]);
                (fingerprints, text(&end["nonce"]).parse::<Nonce>().unwrap())
            };
            let (committing, other) = (end("committing"), end("other"));
            assert_eq!(
                commitment(&committing.1, &committing.0, &other.0).to_text(),
                text(&case["commitment"]),
                "{}",
                case["name"]
            );
            assert_eq!(
                serde_json::json!(words((&committing.0, &committing.1), (&other.0, &other.1))),
                case["words"],
                "{}",
                case["name"]
            );
        }
    }
}
