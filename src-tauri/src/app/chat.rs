//! What was written in one room, in the calls before and in the one that goes on. Pure.

use ahoy_contract::ui::{ChatLine, MAX_CHAT_LINES, MAX_CHAT_TEXT};

/// The lines of before and the new ones, numbered on; of too many the oldest go.
pub(super) fn together(before: &[ChatLine], new: &[ChatLine]) -> Vec<ChatLine> {
    let mut bytes = 0;
    let newest_first = new.iter().rev().chain(before.iter().rev());
    let kept = newest_first
        .take(MAX_CHAT_LINES)
        .take_while(|line| {
            bytes += line.text.len();
            bytes <= MAX_CHAT_TEXT
        })
        .count();
    let of_new = kept.min(new.len());
    let of_before = kept - of_new;
    let last = before.last().map_or(0, |line| line.id);
    let numbered = |line: &ChatLine| ChatLine {
        id: last.wrapping_add(line.id),
        ..line.clone()
    };
    let before = before[before.len() - of_before..].iter().cloned();
    before
        .chain(new[new.len() - of_new..].iter().map(numbered))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: impl IntoIterator<Item = String>) -> Vec<ChatLine> {
        let line = |(id, text)| ChatLine {
            id,
            name: None,
            text,
            at: 0,
            delivered: true,
        };
        (1..).zip(texts).map(line).collect()
    }

    fn ids(lines: &[ChatLine]) -> Vec<u32> {
        lines.iter().map(|line| line.id).collect()
    }

    #[test]
    fn what_is_written_is_numbered_on() {
        let (one, two) = (lines(["a".into()]), lines(["b".into(), "c".into()]));
        let all = together(&one, &two);
        assert_eq!(ids(&all), [1, 2, 3]);
        assert_eq!(ids(&together(&all, &one)), [1, 2, 3, 4]);
        assert_eq!(together(&[], &[]), []);
    }

    #[test]
    fn there_are_so_many_lines_and_so_much_text_and_the_newest_stay() {
        let many = lines((0..MAX_CHAT_LINES).map(|n| n.to_string()));
        let all = together(&many, &lines(["last".into()]));
        assert_eq!(all.len(), MAX_CHAT_LINES);
        assert_eq!((all[0].id, all[499].text.as_str()), (2, "last"));

        let long = || lines(std::iter::repeat_n("李".repeat(5_000), 20));
        let mut all = Vec::new();
        for _ in 0..10 {
            all = together(&all, &long());
            let bytes: usize = all.iter().map(|line| line.text.len()).sum();
            assert!(bytes <= MAX_CHAT_TEXT, "{bytes}");
        }
        assert_eq!(ids(&all), Vec::from_iter(167..=200));
    }
}
