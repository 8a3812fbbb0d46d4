//! What of the screen is shown, or is about to be: in a broadcast, or beside the camera in a call. Pure.

use ahoy_contract::{
    UserError,
    ui::{
        DeviceState, MAX_SOURCES, SHARE_RATES, ShareContent, ShareView, SourceKind, SourceList,
        SourceView,
    },
    wire::RoomKind,
};

use super::{
    action::{Action, Capture, MediaAction},
    state::{Place, State},
};

/// What is known of the screen.
#[derive(Default)]
pub(super) struct Share {
    sources: SourceList,
    selected: Option<SourceView>,
    /// The user has chosen, or gone in with what stood there; before that a monitor that is the only one stands there.
    chosen: bool,
}

impl State {
    /// Whether the user is before or in a broadcast of their own.
    fn shares(&self) -> bool {
        match &self.place {
            Place::Lobby { room, kind, .. } => room.is_host() && *kind == Some(RoomKind::Broadcast),
            _ => self.is_sharing(),
        }
    }

    /// Whether the user's own broadcast goes on.
    pub(super) fn is_sharing(&self) -> bool {
        matches!(&self.place, Place::Call { room, view, .. } if room.is_host() && view.kind == RoomKind::Broadcast)
    }

    /// Whether a call goes on, in which a screen may be shown beside the camera.
    fn is_in_call(&self) -> bool {
        matches!(&self.place, Place::Call { room, view, .. } if view.kind == RoomKind::Call && !matches!(room, super::Room::Relay(_)))
    }

    /// Begins to look what there is, with nothing chosen yet.
    pub(super) fn begin_to_choose(&mut self) {
        self.share = Share {
            sources: SourceList::Looking,
            ..Share::default()
        };
        self.actions.push_back(Action::ShowSources);
    }

    pub(super) fn show_sources(&mut self, shown: bool) {
        let chooses = self.is_sharing() || self.is_in_call();
        if !shown {
            // A lobby is there to choose in.
            if chooses {
                self.hide_sources();
            }
        } else if chooses && self.share.sources == SourceList::Closed {
            self.share.sources = SourceList::Looking;
            self.actions.push_back(Action::ShowSources);
        }
    }

    /// Looks no more.
    pub(super) fn hide_sources(&mut self) {
        if self.share.sources != SourceList::Closed {
            self.share.sources = SourceList::Closed;
            self.actions.push_back(Action::HideSources);
        }
    }

    pub(super) fn sources(&mut self, found: Result<Vec<SourceView>, UserError>) {
        if self.share.sources == SourceList::Closed {
            return;
        }
        self.share.sources = match found {
            Ok(mut sources) => {
                let left_out = sources.len().saturating_sub(MAX_SOURCES);
                sources.truncate(MAX_SOURCES);
                if !self.is_sharing() && !self.is_in_call() {
                    self.keep_selected(&sources);
                }
                SourceList::Found {
                    sources,
                    left_out: u32::try_from(left_out).unwrap_or(u32::MAX),
                }
            }
            Err(error) => SourceList::Failed { error },
        };
    }

    /// What is gone cannot be shown, and nothing else takes its place unseen: that the user chooses. Until then it is
    /// the monitor, where there is one and no other: nobody takes that for something else.
    fn keep_selected(&mut self, sources: &[SourceView]) {
        let Share {
            selected, chosen, ..
        } = &mut self.share;
        *selected = match selected {
            Some(old) if *chosen => sources.iter().find(|source| source.id == old.id).cloned(),
            _ if *chosen => None,
            _ => obvious(sources).cloned(),
        };
    }

    /// The user goes in with what is selected now, however long the relay takes.
    pub(super) fn settle_choice(&mut self) {
        self.share.chosen = true;
    }

    pub(super) fn select_source(&mut self, id: &str) {
        let SourceList::Found { sources, .. } = &self.share.sources else {
            return;
        };
        let Some(source) = sources.iter().find(|source| source.id == id) else {
            return;
        };
        if !self.shares() && !self.is_in_call() {
            return;
        }
        self.share.selected = Some(source.clone());
        self.share.chosen = true;
        if self.is_in_call() {
            self.hide_sources();
            self.with_media(MediaAction::ShowScreen {
                source: id.to_owned(),
                content: self.settings.share_content,
            });
        } else if self.is_sharing() {
            self.hide_sources();
            self.with_media(MediaAction::SelectScreen(id.to_owned()));
        }
    }

    /// Shows nothing of the screen any more; the call goes on.
    pub(super) fn stop_share(&mut self) {
        if self.is_in_call() && self.share.selected.take().is_some() {
            self.with_media(MediaAction::HideScreen);
        }
    }

    /// The screen of a call may be gone: a window that was closed, a monitor that was pulled. The call goes on without.
    pub(super) fn follow_screen(&mut self) {
        let failed = match self.media.as_ref().map(|media| &media.screen) {
            Some(DeviceState::Failed { error }) => error.clone(),
            _ => return,
        };
        if self.is_in_call() && self.share.selected.is_some() {
            self.error = Some(failed);
            self.stop_share();
        }
    }

    pub(super) fn set_share_sound(&mut self, on: bool) {
        self.set(|settings| settings.share_sound = on);
        self.settle_sound();
    }

    /// What the computer plays goes with the picture; while that is paused neither is captured.
    pub(super) fn settle_sound(&mut self) {
        if self.is_sharing() {
            let on = self.settings.share_sound && !self.camera_off;
            self.with_media(MediaAction::SetSystemSound(on));
        }
    }

    pub(super) fn set_share_content(&mut self, content: ShareContent) {
        self.set(|settings| settings.share_content = content);
        if self.is_sharing() {
            self.with_media(MediaAction::SetContent(content));
        } else if self.is_in_call() && self.share.selected.is_some() {
            self.with_media(MediaAction::SetScreenContent(content));
        }
    }

    pub(super) fn set_share_rate(&mut self, fps: u32) {
        if SHARE_RATES.contains(&fps) && !self.is_sharing() {
            self.set(|settings| settings.share_fps = fps);
        }
    }

    /// Whether there is something to go in with.
    pub(super) fn has_chosen(&self) -> bool {
        self.share.selected.is_some()
    }

    /// What is captured for the broadcast that begins.
    pub(super) fn screen_capture(&mut self) -> Option<Capture> {
        let source = self.share.selected.as_ref()?;
        self.camera_off = false;
        Some(Capture::Screen {
            source: source.id.clone(),
            sound: self.settings.share_sound,
            content: self.settings.share_content,
            fps: self.share_fps(),
            paused: false,
        })
    }

    fn share_fps(&self) -> u32 {
        // The file may say anything.
        let kept = SHARE_RATES
            .into_iter()
            .find(|fps| *fps == self.settings.share_fps);
        kept.unwrap_or(SHARE_RATES[0])
    }

    pub(super) fn share_view(&self) -> ShareView {
        let media = self.media.as_ref().filter(|_| self.is_sharing());
        let screen = self.media.as_ref().filter(|_| self.is_in_call());
        let state = media
            .map(|media| &media.camera.state)
            .or(screen.map(|media| &media.screen));
        let settings = &self.settings;
        let sound = media.filter(|media| settings.share_sound && !media.camera_off);
        let chooses = self.shares() || self.is_in_call();
        ShareView {
            sources: self.share.sources.clone(),
            selected: self.share.selected.clone().filter(|_| chooses),
            state: state.cloned().unwrap_or(DeviceState::Closed),
            paused: media.is_some_and(|media| media.camera_off),
            content: settings.share_content,
            fps: self.share_fps(),
            sound: settings.share_sound,
            sound_state: sound.map_or(DeviceState::Closed, |media| media.microphone.state.clone()),
        }
    }
}

/// What stands there before the user has chosen: a monitor that is the only one, or that the desktop asks.
fn obvious(sources: &[SourceView]) -> Option<&SourceView> {
    if let [only] = sources
        && only.kind == SourceKind::Asked
    {
        return Some(only);
    }
    let mut monitors = sources
        .iter()
        .filter(|source| source.kind == SourceKind::Monitor);
    monitors.next().filter(|_| monitors.next().is_none())
}
