//! What leaves the actor for the window: views, pictures and notices.

use ahoy_contract::ui::{AppView, DeviceState, MediaView, Notice};
use ahoy_engine::media::LocalMedia;
use tokio::sync::watch;

use super::{App, call::RunningCall};
use crate::video::Tracks;

impl App {
    /// Shows how it is now. The pictures come first: a view may name one.
    pub(super) fn show(&self) {
        self.show_pictures();
        let view = self.state.view();
        self.views.send_if_modified(|old| replace(old, view));
    }

    /// Shows the pictures of what is open now.
    pub(super) fn show_pictures(&self) {
        let tracks = Tracks {
            own: self.media.as_ref().map(LocalMedia::picture),
            calm: self.calm,
            sources: self.small.clone(),
            peers: self
                .call
                .as_ref()
                .map(RunningCall::pictures)
                .unwrap_or_default(),
            screens: self
                .call
                .as_ref()
                .map(RunningCall::screens)
                .unwrap_or_default(),
        };
        self.tracks.send_if_modified(|old| {
            let changed = !old.same(&tracks);
            if changed {
                *old = tracks;
            }
            changed
        });
    }

    /// Has `known` be the view of the devices that are open, all of it unseen where they are others.
    pub(super) fn follow_media(&self, known: &mut Option<watch::Receiver<MediaView>>) {
        let Some(media) = &self.media else {
            *known = None;
            return;
        };
        let mut view = media.view();
        if !known.as_ref().is_some_and(|old| old.same_channel(&view)) {
            view.mark_changed();
            *known = Some(view);
        }
    }

    /// Tells how loud it is, while the microphone is open.
    pub(super) fn tell_level(&self) {
        let Some(media) = &self.media else { return };
        let open = self.views.borrow().media.microphone.state == DeviceState::Open;
        if open {
            let db = *media.level().borrow();
            self.notice(Notice::MicrophoneLevel { db });
        }
    }

    /// Tells what merely happens.
    pub(super) fn notice(&self, notice: Notice) {
        // An error means that no window listens, and then nobody misses it.
        let _ = self.notices.send(notice);
    }
}

fn replace(old: &mut AppView, new: AppView) -> bool {
    let changed = *old != new;
    if changed {
        *old = new;
    }
    changed
}
