//! What was written: the lines that the window shows, and whom they have reached.

use std::collections::{BTreeSet, VecDeque};

use ahoy_contract::{
    PeerId,
    ui::{ChatLine, MAX_CHAT_LINES, MAX_CHAT_TEXT},
};

/// The lines of a call; of too many the oldest are forgotten.
#[derive(Debug, Default)]
pub(crate) struct ChatLog {
    lines: VecDeque<Line>,
    text: usize,
    last: u32,
    /// The number of the last line of the user's own, as the others know it.
    sent: u32,
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

    /// Somebody else wrote a line.
    pub(crate) fn came(&mut self, at: u64, name: String, text: String) {
        self.push(at, Some(name), text, None, BTreeSet::new());
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
