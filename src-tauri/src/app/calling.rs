//! From the lobby into a call, and out of it. Pure.

use ahoy_contract::{
    peer::MAX_CHAT_BYTES,
    ui::{CallPhase, CallView, ChatLine, EndReason, EndedView},
    wire::RoomKind,
};

use super::{
    action::{Action, CallAction, Capture, StartCall},
    chat,
    room::Room,
    sentence,
    share::Share,
    state::{Place, State},
};

impl State {
    pub(super) fn start_call(&mut self) {
        let Place::Lobby {
            room,
            kind: Some(kind),
            ..
        } = &self.place
        else {
            return;
        };
        let (room, kind) = (room.clone(), *kind);
        let Some(way) = self.way(&room) else {
            self.error = Some(sentence::bad_server());
            return;
        };
        let key = match &room {
            Room::Own { key, .. } => Some(key.clone()),
            Room::Theirs(_) => None,
        };
        if kind == RoomKind::Broadcast {
            let capture = if key.is_some() {
                self.screen_capture()
            } else {
                Some(Capture::Nothing)
            };
            let Some(capture) = capture else { return };
            self.hide_sources();
            self.actions.push_back(Action::OpenMedia(capture));
        }
        let view = CallView {
            phase: CallPhase::Joining,
            kind,
            others: 0,
            host: room.is_own(),
            link: None,
            addresses: Vec::new(),
            peers: Vec::new(),
            knocks: Vec::new(),
            locked: false,
            relay_lost: false,
            chat: Vec::new(),
            connected_at: None,
        };
        self.place = Place::Call {
            room,
            view,
            other: None,
            since: self.now,
        };
        let start = StartCall {
            kind,
            way,
            key,
            name: self.settings.name.clone(),
            knock: self.settings.ask_before_entry,
        };
        self.actions.push_back(Action::StartCall(Box::new(start)));
    }

    pub(super) fn call(&mut self, new: CallView, ended: Option<EndReason>) {
        let Place::Call {
            room, view, other, ..
        } = &mut self.place
        else {
            return;
        };
        // A broadcast's viewers are not what it is known by.
        let known_by = new
            .peers
            .first()
            .filter(|_| new.kind == RoomKind::Call || !room.is_own());
        if let Some(peer) = known_by {
            *other = Some(peer.name.clone());
        }
        *view = new;
        if let Some(reason) = ended {
            self.end(reason);
        }
    }

    /// The window does not wait for the engine: what it still has to say to the others it says behind.
    pub(super) fn hang_up(&mut self) {
        if matches!(self.place, Place::Call { .. }) {
            self.end(EndReason::ByMe);
        }
    }

    /// What the user does with the call; late where there is none.
    pub(super) fn with_call(&mut self, action: CallAction) {
        if matches!(self.place, Place::Call { .. }) {
            self.actions.push_back(Action::Call(action));
        }
    }

    /// A line of chat; one that is too long stays where it was written.
    pub(super) fn chat(&mut self, text: String) {
        if text.trim().is_empty() {
            return;
        }
        if text.len() > MAX_CHAT_BYTES {
            self.error = Some(sentence::too_long());
            return;
        }
        self.with_call(CallAction::Chat(text));
    }

    /// What was written in a room, in the calls before and in this one, until the window closes.
    pub(super) fn chat_lines(&self, room: &Room, view: &CallView) -> Vec<ChatLine> {
        let before = match &self.written {
            Some((id, lines)) if *id == room.id() => lines.as_slice(),
            _ => &[],
        };
        chat::together(before, &view.chat)
    }

    fn end(&mut self, reason: EndReason) {
        let Place::Call {
            room,
            view,
            other,
            since,
        } = std::mem::replace(&mut self.place, Place::Start)
        else {
            return;
        };
        // The screen says why, so the banner need not.
        self.error = None;
        self.actions.push_back(Action::EndCall);
        self.hide_sources();
        self.share = Share::default();
        self.close_media();
        let seconds = view
            .connected_at
            .map(|since| self.now.saturating_sub(since) / 1000);
        self.written = Some((room.id(), self.chat_lines(&room, &view)));
        // A way that led nowhere is not worth a line.
        if view.link.is_some() {
            self.recents
                .add(&room, view.kind, other.clone(), since, seconds);
            self.actions
                .push_back(Action::SaveRecents(self.recents.clone()));
        }
        self.place = Place::Ended {
            view: EndedView {
                kind: view.kind,
                host: room.is_own(),
                reason,
                name: other,
                seconds,
                can_call_again: sentence::leads_back(reason),
            },
            room,
        };
        self.settle_relay();
    }
}
