//! What the state knows of camera, microphone and speaker. Pure.

use ahoy_contract::{
    ui::{DeviceState, MediaView},
    wire::RoomKind,
};

use super::{
    action::{Action, MediaAction},
    state::{Place, State},
};

impl State {
    pub(super) fn close_media(&mut self) {
        self.media = None;
        self.gave_way = [false; 3];
        self.actions.push_back(Action::CloseMedia);
    }

    pub(super) fn is_capturing(&self) -> bool {
        matches!(self.place, Place::Lobby { .. } | Place::Call { .. })
    }

    pub(super) fn with_media(&mut self, action: MediaAction) {
        if self.is_capturing() {
            self.actions.push_back(Action::Media(action));
        }
    }

    /// Whether camera and microphone are in use, or about to be.
    pub(super) fn uses_devices(&self) -> bool {
        match &self.place {
            Place::Lobby { kind, .. } => *kind == Some(RoomKind::Call),
            Place::Call { view, .. } => view.kind == RoomKind::Call,
            Place::Start | Place::Ended { .. } => false,
        }
    }

    /// Something with camera or microphone. A share has the screen and the computer's sound in their place, and who
    /// watches has neither: there what is chosen counts for the next call.
    pub(super) fn with_device(&mut self, action: MediaAction) {
        if self.uses_devices() {
            self.with_media(action);
        }
    }

    pub(super) fn media(&mut self, view: MediaView) {
        if !self.is_capturing() {
            return;
        }
        self.give_way(&view);
        let failures = |view: &MediaView| {
            [&view.camera, &view.microphone, &view.speaker].map(|device| match &device.state {
                DeviceState::Failed { error } => Some(error.clone()),
                _ => None,
            })
        };
        let before = self.media.as_ref().map(failures).unwrap_or_default();
        for (before, after) in before.into_iter().zip(failures(&view)) {
            match (before, after) {
                (before, Some(error)) if before.as_ref() != Some(&error) => {
                    self.error = Some(error);
                }
                // It works again, so the banner has nothing to say any more.
                (Some(error), None) if self.error.as_ref() == Some(&error) => self.error = None,
                _ => {}
            }
        }
        self.media = Some(view);
        self.follow_screen();
    }

    /// A device that was chosen once and is gone gives way to the system's default. The choice is kept, and is
    /// taken up again when the device is back.
    fn give_way(&mut self, view: &MediaView) {
        let uses_devices = self.uses_devices();
        let settings = &self.settings;
        type Select = fn(Option<String>) -> MediaAction;
        let kinds: [(_, _, Select); 3] = [
            (&view.camera, &settings.camera, MediaAction::SelectCamera),
            (
                &view.microphone,
                &settings.microphone,
                MediaAction::SelectMicrophone,
            ),
            (&view.speaker, &settings.speaker, MediaAction::SelectSpeaker),
        ];
        // Camera and microphone come first.
        let not_used = if uses_devices { 0 } else { 2 };
        let kinds = kinds.into_iter().zip(&mut self.gave_way).skip(not_used);
        for ((device, chosen, select), gave_way) in kinds {
            let is_there = |id: &String| device.devices.iter().any(|known| known.id == *id);
            let unusable = matches!(
                device.state,
                DeviceState::Missing | DeviceState::Failed { .. }
            );
            let instead = match &device.selected {
                Some(id) if unusable && !is_there(id) && !device.devices.is_empty() => None,
                None if *gave_way => match chosen.as_ref().filter(|id| is_there(id)) {
                    Some(id) => Some(id.clone()),
                    None => continue,
                },
                _ => continue,
            };
            *gave_way = instead.is_none();
            self.actions.push_back(Action::Media(select(instead)));
        }
    }
}
