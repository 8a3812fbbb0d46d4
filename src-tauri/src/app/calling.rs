//! From the lobby into a call, and out of it. Pure.

use ahoy_contract::{
    peer::MAX_CHAT_BYTES,
    ui::{CallPhase, CallView, ChatLine, EndReason, EndedView},
    wire::RoomKind,
};

use super::{
    action::{Action, CallAction, Capture, MediaAction, RoomCall, StartCall},
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
        if self.settings.relay_only && matches!(room, Room::Relay(_)) {
            // Such relays name no servers at all.
            self.error = Some(sentence::turn_missing());
            return;
        }
        let Some(start) = self.call_in(&room, kind) else {
            self.error = Some(sentence::bad_server());
            return;
        };
        let capture = match kind {
            RoomKind::Broadcast if room.is_host() => self.screen_capture(),
            RoomKind::Broadcast => Some(Capture::Nothing),
            RoomKind::Call if room.captures_nothing() => Some(Capture::Nothing),
            // The lobby has opened the devices.
            RoomKind::Call => None,
        };
        if let Some(capture) = capture {
            self.hide_sources();
            self.actions.push_back(Action::OpenMedia(capture));
        } else if kind == RoomKind::Broadcast {
            return;
        }
        let view = room.seen(CallView {
            phase: CallPhase::Joining,
            kind,
            others: 0,
            host: room.is_host(),
            link: None,
            addresses: Vec::new(),
            peers: Vec::new(),
            knocks: Vec::new(),
            locked: false,
            relay_lost: false,
            chat: Vec::new(),
            chat_cut: false,
            connected_at: None,
            relay: None,
        });
        self.place = Place::Call {
            room,
            view,
            other: None,
            since: self.now,
        };
        self.actions.push_back(Action::StartCall(start));
    }

    /// What is to be started; `None`: there is no relay.
    fn call_in(&self, room: &Room, kind: RoomKind) -> Option<StartCall> {
        let key = match room {
            Room::Own { key, .. } => Some(key.clone()),
            Room::Theirs(_) => None,
            Room::Relay(meeting) => return Some(StartCall::Relay(meeting.clone())),
        };
        Some(StartCall::Room(Box::new(RoomCall {
            kind,
            way: self.way(room)?,
            key,
            name: self.settings.name.clone(),
            knock: self.settings.ask_before_entry,
            relay_only: self.settings.relay_only,
        })))
    }

    pub(super) fn call(&mut self, new: CallView, ended: Option<EndReason>) {
        let Place::Call {
            room, view, other, ..
        } = &mut self.place
        else {
            return;
        };
        let new = room.seen(new);
        // A broadcast's viewers are not what it is known by.
        let known_by = new
            .peers
            .first()
            .filter(|_| new.kind == RoomKind::Call || !room.is_host());
        if let Some(peer) = known_by {
            *other = Some(peer.name.clone());
        }
        // An old relay did not say so. Whoever watches has no camera open.
        let turned = view.kind == RoomKind::Call && new.kind == RoomKind::Broadcast;
        *view = new;
        if turned {
            self.with_media(MediaAction::OnlyWatch);
        }
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
            Some((id, lines)) if Some(id) == room.id().as_ref() => lines.as_slice(),
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
        self.written = room.id().map(|id| (id, self.chat_lines(&room, &view)));
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
                host: room.is_host(),
                reason,
                name: other,
                seconds,
                can_call_again: sentence::leads_back(reason),
                relay: room.relay_call(),
            },
            room,
        };
        self.settle_relay();
    }
}
