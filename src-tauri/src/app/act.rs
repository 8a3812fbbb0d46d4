//! Does what the pure state says: devices, relay, call, files and the desktop.

use std::sync::Arc;

use ahoy_contract::{ErrorCode, RoomId, UserError, ui::Notice};
use ahoy_engine::signaling::{self, Target};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{
    App,
    action::{Action, Input},
    call::APP,
    relay::BuiltInRelay,
    sources,
};
use crate::kept::{Kept, KeptFile};

impl App {
    /// Does what the state says; what came of it, if anything, goes back in.
    pub(super) async fn act(&mut self, action: Action) -> Option<Input> {
        match action {
            Action::Look { relay, room } => self.look(relay, room),
            Action::StopLooking => self.looking = None,
            Action::ShowSources => {
                let stop = CancellationToken::new();
                let choice = self.config.environment.screen_choice();
                let found = self.found.0.clone();
                self.beside
                    .spawn(sources::look(found, choice, stop.clone()));
                self.choosing = Some(stop.drop_guard());
            }
            Action::HideSources => {
                self.choosing = None;
                self.small.clear();
            }
            Action::OpenMedia(capture) => {
                self.media_wanted = Some(capture);
                self.open_wanted();
            }
            Action::CloseMedia => self.wind_up(),
            Action::Media(action) => self.with_media(action),
            Action::StartRelay { network, port } => {
                let folder = &self.config.relay_folder;
                let outcome = BuiltInRelay::start(network, port, folder).await;
                return Some(Input::Relay(outcome.map(|(relay, listening)| {
                    self.relay = Some(relay);
                    listening
                })));
            }
            Action::StopRelay => {
                if let Some(relay) = self.relay.take() {
                    relay.stop().await;
                }
            }
            Action::StartCall(start) => {
                self.call_wanted = Some(start);
                self.open_wanted();
            }
            // The devices end with it, in `CloseMedia`.
            Action::EndCall => {
                // Nobody asks to come in any more.
                self.notifications.send_replace(None);
                if let Some(call) = &self.call {
                    call.hang_up();
                }
            }
            Action::Call(action) => {
                if let Some(call) = &self.call {
                    call.act(action);
                }
            }
            Action::Save(settings) => save(self.config.settings.clone(), settings).await,
            Action::SaveRecents(recents) => save(self.config.recents.clone(), recents).await,
            Action::Copy(text) => {
                let desktop = Arc::clone(&self.desktop);
                match spawn_blocking(move || desktop.copy(&text)).await {
                    Ok(Ok(())) => self.notice(Notice::LinkCopied),
                    Ok(Err(error)) => return Some(no_clipboard(&error)),
                    Err(error) => return Some(no_clipboard(&error)),
                }
            }
        }
        None
    }

    /// Asks in the background; an earlier question is of no interest any more.
    fn look(&mut self, relay: Target, room: RoomId) {
        let stop = CancellationToken::new();
        let (stopped, looked) = (stop.clone(), self.looked.0.clone());
        self.beside.spawn(async move {
            let answer = signaling::look(relay, APP.to_owned(), room.clone(), &stopped).await;
            if let Some(answer) = answer {
                let input = Input::Looked {
                    room,
                    looked: answer,
                };
                // Closed: the app ends.
                let _ = looked.send(input).await;
            }
        });
        self.looking = Some(stop.drop_guard());
    }
}

async fn save<T: Kept + Send + 'static>(file: KeptFile<T>, kept: T) {
    match spawn_blocking(move || file.save(&kept)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!("{} is not kept: {error}", T::FILE),
        Err(error) => error!("{} is not kept: {error}", T::FILE),
    }
}

fn no_clipboard(error: &dyn std::fmt::Display) -> Input {
    warn!("the clipboard takes nothing: {error}");
    Input::Error(UserError::new(
        ErrorCode::Internal,
        "The link could not be copied.",
        "Select it and copy it by hand.",
    ))
}
