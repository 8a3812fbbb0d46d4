//! What was written: the lines that the window shows, and whom they have reached.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use ahoy_contract::{
    PeerId,
    ui::{ChatLine, MAX_CHAT_LINES, MAX_CHAT_TEXT},
};

use super::token_bucket::{Allowance, TokenBucket};

/// What one member may write. Twenty lines at once are more than anybody types, and as many as a short text pasted line by
/// line.
const OF_ONE: Allowance = Allowance {
    burst: 20,
    every: Duration::from_millis(500),
};

/// What all of them together may write: seven members of a full call at their limits are within it, and whoever leaves
/// and comes again under other names is not.
const OF_ALL: Allowance = Allowance {
    burst: 140,
    every: Duration::from_millis(50),
};

/// The lines of a call; of too many the oldest are forgotten, and what comes too fast is left out.
#[derive(Debug, Default)]
pub(crate) struct ChatLog {
    lines: VecDeque<Line>,
    text: usize,
    last: u32,
    /// The number of the last line of the user's own, as the others know it.
    sent: u32,
    /// What each of those who wrote a moment ago may still write: as many as fit into [`OF_ALL`] at most.
    budgets: BTreeMap<PeerId, TokenBucket>,
    budget: TokenBucket,
    left_out: u64,
}

#[derive(Debug)]
struct Line {
    view: ChatLine,
    /// Its number for the others; `None`: somebody else wrote it.
    sent: Option<u32>,
    /// To whom it is on its way.
    waiting: BTreeSet<PeerId>,
    /// Somebody has it.
    reached: bool,
}

impl ChatLog {
    /// The number that the others will know the next line of the user's by.
    pub(crate) fn next_sent(&mut self) -> u32 {
        self.sent = self.sent.wrapping_add(1);
        self.sent
    }

    /// The user wrote a line under the number that [`next_sent`](Self::next_sent) gave last.
    pub(crate) fn wrote(&mut self, at: u64, text: &str, to: BTreeSet<PeerId>) {
        let sent = Some(self.sent);
        self.push(at, None, text.to_owned(), sent, to);
    }

    /// Somebody else wrote a line. Says whether it is kept: one that came too fast is counted and left out, and its
    /// writer is to be told nothing, so that it does not count as delivered there.
    pub(crate) fn came(
        &mut self,
        now: Instant,
        from: &PeerId,
        at: u64,
        name: String,
        text: String,
    ) -> bool {
        let mut own = self.budgets.get(from).copied().unwrap_or_default();
        if !own.take(now, OF_ONE) || !self.budget.take(now, OF_ALL) {
            self.left_out = self.left_out.saturating_add(1);
            return false;
        }
        self.budgets.retain(|_, budget| !budget.is_full(now));
        self.budgets.insert(from.clone(), own);
        self.push(at, Some(name), text, None, BTreeSet::new());
        true
    }

    /// How many lines of others were left out.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// A peer has a line of the user's. Says whether that changes what is to be seen.
    pub(crate) fn received(&mut self, peer: &PeerId, id: u32) -> bool {
        let line = self.lines.iter_mut().find(|line| line.sent == Some(id));
        let Some(line) = line.filter(|line| line.waiting.contains(peer)) else {
            return false;
        };
        line.waiting.remove(peer);
        line.reached = true;
        line.settle()
    }

    /// A peer is gone: nothing reaches it any more.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        for line in &mut self.lines {
            if line.waiting.remove(peer) {
                line.settle();
            }
        }
    }

    /// The lines as they are shown.
    pub(crate) fn view(&self) -> Vec<ChatLine> {
        self.lines.iter().map(|line| line.view.clone()).collect()
    }

    fn push(
        &mut self,
        at: u64,
        name: Option<String>,
        text: String,
        sent: Option<u32>,
        waiting: BTreeSet<PeerId>,
    ) {
        self.last = self.last.wrapping_add(1);
        self.text += text.len();
        self.lines.push_back(Line {
            view: ChatLine {
                id: self.last,
                delivered: name.is_some(),
                name,
                text,
                at,
            },
            sent,
            waiting,
            reached: false,
        });
        while self.lines.len() > MAX_CHAT_LINES || self.text > MAX_CHAT_TEXT {
            let Some(oldest) = self.lines.pop_front() else {
                break;
            };
            self.text -= oldest.view.text.len();
        }
    }
}

impl Line {
    fn settle(&mut self) -> bool {
        let delivered = self.reached && self.waiting.is_empty();
        std::mem::replace(&mut self.view.delivered, delivered) != delivered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_together_are_limited_too_whatever_they_are_called() {
        #[expect(clippy::disallowed_methods, reason = "any moment will do")]
        let start = Instant::now();
        let mut log = ChatLog::default();
        let mut write = |now: Instant, peer: u32, lines: u32| {
            let mut bytes = [0; 10];
            bytes[..4].copy_from_slice(&peer.to_be_bytes());
            let from = PeerId::from_bytes(&bytes);
            (0..lines)
                .filter(|_| log.came(now, &from, 0, String::new(), String::new()))
                .count()
        };
        let all: usize = (0..7).map(|peer| write(start, peer, 1_000)).sum();
        assert_eq!(all, 140, "seven others at once are within it");
        let other: usize = (7..10_000).map(|peer| write(start, peer, 1)).sum();
        assert_eq!(other, 0);
        let later = start + Duration::from_secs(1);
        let other: usize = (7..10_000).map(|peer| write(later, peer, 1)).sum();
        assert_eq!(other, 20);
        assert!(log.budgets.len() <= 160, "{}", log.budgets.len());
        assert_eq!(log.left_out(), 7 * 1_000 - 140 + 2 * 9_993 - 20);
        let much_later = start + Duration::from_secs(100);
        assert!(log.came(
            much_later,
            &PeerId::from_bytes(&[9; 10]),
            0,
            String::new(),
            String::new()
        ));
        assert_eq!(log.budgets.len(), 1, "who wrote long ago is forgotten");
    }
}
