//! What the window shows. Pure.

use ahoy_contract::ui::{
    AppView, CallView, DeviceState, DeviceView, LobbyView, MediaView, RelayChoice, RelayView,
    Screen, SettingsView,
};

use super::state::{BuiltIn, Place, State};

impl State {
    /// All that the window shows.
    pub(crate) fn view(&self) -> AppView {
        AppView {
            screen: self.screen(),
            media: self.media.clone().unwrap_or_else(closed),
            share: self.share_view(),
            settings: SettingsView {
                name: self.settings.name.clone(),
                theme: self.settings.theme,
                relay: self.relay_choice().clone(),
                language: self.settings.language,
                ask_before_entry: self.settings.ask_before_entry,
                relay_only: self.settings.relay_only,
                last_relay: self.settings.last_relay.clone(),
            },
            relay: self.relay_view(),
            recents: self.recents.view(),
            waiting_link: self.waiting_link(),
            error: self.error.clone(),
        }
    }

    fn screen(&self) -> Screen {
        match &self.place {
            Place::Start => self.asked_link().map_or(Screen::Start, Screen::LinkOpened),
            Place::Lobby {
                room,
                kind,
                untold,
                entering,
                ..
            } => Screen::Lobby(LobbyView {
                kind: *kind,
                host: room.is_host(),
                busy: *entering || (kind.is_none() && !untold),
                relay: room.relay_call(),
            }),
            Place::Call { room, view, .. } => Screen::Call(CallView {
                link: self.link(),
                addresses: self.addresses(view),
                chat: self.chat_lines(room, view),
                ..view.clone()
            }),
            Place::Ended { view, .. } => Screen::Ended(view.clone()),
        }
    }

    fn addresses(&self, view: &CallView) -> Vec<ahoy_contract::ui::LinkAddress> {
        match (&self.relay, &view.link) {
            (BuiltIn::Up(relay), Some(link)) if view.host && self.is_at_home(link) => {
                relay.choices(self.link_host.as_deref())
            }
            _ => Vec::new(),
        }
    }

    fn relay_view(&self) -> RelayView {
        if let RelayChoice::Server { url } = self.relay_choice() {
            // Its key is of no use to the eye.
            let url = url.split('#').next().unwrap_or(url).to_owned();
            return RelayView::Server { url };
        }
        match &self.relay {
            BuiltIn::Off => RelayView::Idle,
            BuiltIn::Starting => RelayView::Starting,
            BuiltIn::Up(relay) => RelayView::Listening {
                address: relay.describe(self.link_host.as_deref()),
            },
            BuiltIn::Failed(error) => RelayView::Failed {
                error: error.clone(),
            },
        }
    }
}

/// Nothing is captured, and what there is has not been asked.
fn closed() -> MediaView {
    let device = || DeviceView {
        devices: Vec::new(),
        selected: None,
        state: DeviceState::Closed,
    };
    MediaView {
        camera: device(),
        microphone: device(),
        speaker: device(),
        screen: DeviceState::Closed,
        muted: false,
        camera_off: false,
        speaker_muted: false,
    }
}
