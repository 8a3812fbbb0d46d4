//! What the user does that the other members hear of: devices, a screen, lines of chat.

use std::{collections::BTreeSet, time::Instant};

use ahoy_contract::{
    PeerId,
    peer::{DataMessage, MAX_CHAT_BYTES},
};

use super::{Call, Event, Output, PeerOutput, view};

impl Call {
    pub(super) fn local_state(&mut self, state: (bool, bool)) {
        if self.local == state {
            return;
        }
        self.local = state;
        self.say_to_all(&DataMessage::State {
            muted: state.0,
            camera_off: state.1,
        });
    }

    pub(super) fn local_screen(&mut self, shown: bool) {
        if self.screen != shown {
            self.screen = shown;
            self.say_to_all(&DataMessage::Screen { shown });
        }
    }

    /// The user wrote a line.
    pub(super) fn write(&mut self, now: Instant, to: Option<&PeerId>, text: &str) {
        if text.len() > MAX_CHAT_BYTES {
            self.outputs
                .push_back(Output::Event(Event::Error(view::line_too_long())));
            return;
        }
        let id = self.chat.next_sent();
        let mut reached: BTreeSet<PeerId> = self.peers.keys().cloned().collect();
        reached.retain(|peer| {
            let text = text.to_owned();
            let line = DataMessage::Chat { id, text };
            to.is_none_or(|to| to == peer) && self.say_soon(peer, line)
        });
        let at = self.time_of_day(now);
        self.chat.wrote(at, text, reached);
        self.outputs.push_back(Output::View);
    }

    /// Milliseconds since 1970.
    pub(super) fn time_of_day(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.config.start).as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.config.unix_ms.saturating_add(since)
    }

    pub(super) fn say_to_all(&mut self, message: &DataMessage) {
        for (id, peer) in &self.peers {
            if peer.data_open() {
                self.outputs
                    .push_back(Output::Peer(id.clone(), PeerOutput::Data(message.clone())));
            }
        }
    }
}
