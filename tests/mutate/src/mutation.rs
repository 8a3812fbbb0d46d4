//! Damage to an input.

use crate::Random;

/// What stands in many formats, and what lies at the edges of numbers.
const WORDS: [&[u8]; 20] = [
    b"0",
    b"-1",
    b"255",
    b"65535",
    b"65536",
    b"4294967295",
    b"18446744073709551615",
    b"1e999",
    b"null",
    b"\"\"",
    b"{}",
    b"[",
    b"\r\n",
    b"\n",
    b" ",
    b"\xff\xff",
    b"\x00\x00\x00\x00",
    b"\x80",
    b"\\u0000",
    "é".as_bytes(),
];

/// The most changes to one input.
const MOST: usize = 8;

/// Changes an input in one to eight places; `other` is an input that pieces are taken of.
pub(crate) fn mutate(data: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..=random.below(MOST) {
        let at = random.below(data.len() + 1);
        let until = at + random.below(data.len() - at + 1);
        match random.below(9) {
            0 => flip(data, random),
            1 => set(data, random),
            2 => drop(data.drain(at..until)),
            3 => data.truncate(at),
            4 => data.extend_from_within(at..until),
            5 => {
                let word = WORDS[random.below(WORDS.len())];
                data.splice(at..at, word.iter().copied());
            }
            6 => {
                let word = WORDS[random.below(WORDS.len())];
                data.splice(at..until, word.iter().copied());
            }
            7 => {
                let from = random.below(other.len() + 1);
                data.splice(at..until, other[from..].iter().copied());
            }
            _ => {
                let bytes = random.bytes(16);
                data.splice(at..at, bytes);
            }
        }
    }
}

fn flip(data: &mut [u8], random: &mut Random) {
    let at = random.below(data.len());
    if let Some(byte) = data.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
}

fn set(data: &mut [u8], random: &mut Random) {
    let at = random.below(data.len());
    if let Some(byte) = data.get_mut(at) {
        *byte = random.number() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn also_nothing_can_be_changed() {
        let mut random = Random::from_text("nothing");
        for _ in 0..1000 {
            let mut data = Vec::new();
            mutate(&mut data, &[], &mut random);
        }
    }

    #[test]
    fn most_inputs_come_out_changed() {
        let mut random = Random::from_text("changed");
        let input = b"{\"type\":\"leave\"}";
        let changed = (0..1000)
            .filter(|_| {
                let mut data = input.to_vec();
                mutate(&mut data, b"{}", &mut random);
                data != input
            })
            .count();
        assert!(changed > 900, "{changed}");
    }
}
