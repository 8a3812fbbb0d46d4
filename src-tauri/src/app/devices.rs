//! What the state knows of camera, microphone and speaker. Pure.

use ahoy_contract::ui::{DeviceState, MediaView};

use super::{
    action::{Action, MediaAction},
    state::{Place, State},
};

impl State {
    pub(super) fn close_media(&mut self) {
        self.media = None;
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

    pub(super) fn media(&mut self, view: MediaView) {
        if !self.is_capturing() {
            return;
        }
        // A device that was chosen once and is gone gives way to the system's default; the choice is
        // kept for the day when it is back.
        for (device, instead) in [
            (&view.camera, MediaAction::SelectCamera(None)),
            (&view.microphone, MediaAction::SelectMicrophone(None)),
            (&view.speaker, MediaAction::SelectSpeaker(None)),
        ] {
            let gone = device
                .selected
                .as_ref()
                .is_some_and(|id| device.devices.iter().all(|known| known.id != *id));
            let unusable = matches!(
                device.state,
                DeviceState::Missing | DeviceState::Failed { .. }
            );
            if gone && unusable && !device.devices.is_empty() {
                self.actions.push_back(Action::Media(instead));
            }
        }
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
    }
}
