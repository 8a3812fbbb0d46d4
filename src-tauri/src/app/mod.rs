//! The one actor behind the window: it owns devices, relay, call and settings, does what the pure
//! [`state`] says, and publishes what the window shows.
//!
//! Runs on tokio. Commands wait in a bounded queue; views leave by a `watch` (the newest wins) and notices
//! by a broadcast (a slow window misses the oldest).

mod action;
mod call;
mod calling;
mod choice;
mod devices;
mod handle;
mod media;
mod relay;
mod room;
mod sentence;
mod state;
mod view;

#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ahoy_contract::{
    ErrorCode, UserError,
    ui::{AppView, DeviceState, Notice},
};
use ahoy_engine::{call::Event, engine::EngineEvent, media::LocalMedia};
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::{JoinHandle, spawn_blocking},
    time::{Interval, MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    environment::Environment,
    kept::{Kept, KeptFile},
    language,
    recents::Recents,
    settings::Settings,
    video::Tracks,
};
use action::{Action, Input, StartCall};
use call::RunningCall;
use handle::Request;
pub(crate) use handle::{AppHandle, Desktop};
use relay::BuiltInRelay;
pub(crate) use room::Room;
use state::{MakeKeys, State};

/// Commands that wait at most; a person does not click faster. Full: the window is told so.
const COMMANDS: usize = 64;

/// Notices that wait for a slow window at most; it misses the oldest.
const NOTICES: usize = 64;

/// How often the microphone's level is told.
const LEVEL_EVERY: Duration = Duration::from_millis(100);

/// How often the machine's addresses are looked up while the relay serves a network: so long a laptop
/// may show an old address after it changed networks.
const ADDRESSES_EVERY: Duration = Duration::from_secs(5);

/// How long everything may take to end when the app is left. The engine's own deadline is within it.
const END_WITHIN: Duration = Duration::from_secs(6);

/// What the actor is made of.
pub(crate) struct AppConfig {
    /// What the environment asks for.
    pub(crate) environment: Environment,
    /// Where the settings are kept.
    pub(crate) settings: KeptFile<Settings>,
    /// Where the calls that were are kept.
    pub(crate) recents: KeptFile<Recents>,
    /// Where the relay's identity is kept.
    pub(crate) relay_folder: PathBuf,
}

/// The actor.
pub(crate) struct App {
    state: State,
    config: AppConfig,
    desktop: Arc<dyn Desktop>,
    media: Option<LocalMedia>,
    /// The devices that are to be opened when those of before are closed: muted, camera off.
    media_wanted: Option<(bool, bool)>,
    call: Option<RunningCall>,
    /// The call that is to be started then.
    call_wanted: Option<Box<StartCall>>,
    /// The end of the last call and of its devices, which comes before new ones are opened.
    ending: Option<JoinHandle<()>>,
    relay: Option<BuiltInRelay>,
    requests: mpsc::Receiver<Request>,
    views: watch::Sender<AppView>,
    notices: broadcast::Sender<Notice>,
    tracks: watch::Sender<Tracks>,
}

impl App {
    /// An actor that does not run yet, and what the rest of the shell needs of it.
    pub(crate) fn new(config: AppConfig, desktop: Arc<dyn Desktop>) -> (Self, AppHandle) {
        let (settings, fault) = config.settings.load();
        let (recents, recents_fault) = config.recents.load();
        let mut state = State::new(
            settings,
            recents,
            config.environment.relay.clone(),
            make_keys(),
        );
        let fault = fault
            .map(|fault| sentence::set_aside("The settings", Settings::SET_ASIDE, &fault))
            .or_else(|| {
                let fault = recents_fault?;
                Some(sentence::set_aside(
                    "The last calls",
                    Recents::SET_ASIDE,
                    &fault,
                ))
            });
        if let Some(fault) = fault {
            state.handle(unix_ms(), Input::Error(fault));
        }
        let (request_sender, requests) = mpsc::channel(COMMANDS);
        let (views, view_receiver) = watch::channel(state.view());
        let (notices, _) = broadcast::channel(NOTICES);
        let (tracks, track_receiver) = watch::channel(Tracks::default());
        let handle = AppHandle {
            requests: request_sender,
            views: view_receiver,
            notices: notices.clone(),
            tracks: track_receiver,
        };
        let app = Self {
            state,
            config,
            desktop,
            media: None,
            media_wanted: None,
            call: None,
            call_wanted: None,
            ending: None,
            relay: None,
            requests,
            views,
            notices,
            tracks,
        };
        (app, handle)
    }

    /// Runs until `stop`, then hangs up and joins everything, within a deadline.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut level = ticker(LEVEL_EVERY);
        let mut addresses = ticker(ADDRESSES_EVERY);
        let mut media_view = None;
        loop {
            self.publish(&mut media_view);
            tokio::select! {
                () = stop.cancelled() => break,
                request = self.requests.recv() => match request {
                    Some(Request::Command(command)) => self.feed(Input::Command(command)).await,
                    Some(Request::Link(link)) => self.feed(Input::Link(link)).await,
                    None => break,
                },
                () = changed(&mut media_view) => {
                    if let Some(media) = &self.media {
                        let view = Box::new(media.view().borrow().clone());
                        self.feed(Input::Media(view)).await;
                    }
                }
                happening = call::next(&mut self.call) => self.happened(happening).await,
                () = ended(&mut self.ending) => {
                    self.ending = None;
                    self.open_wanted();
                }
                _ = level.tick(), if self.media.is_some() => self.tell_level(),
                _ = addresses.tick(), if self.relay.is_some() => {
                    let found = relay::addresses().await;
                    self.feed(Input::Addresses(found)).await;
                }
            }
        }
        if timeout(END_WITHIN, self.end()).await.is_err() {
            error!("not everything ended in time");
        }
    }

    async fn feed(&mut self, input: Input) {
        self.state.handle(unix_ms(), input);
        while let Some(action) = self.state.poll() {
            // Starting a relay takes a moment, and the window should show that.
            self.views
                .send_if_modified(|view| replace(view, self.state.view()));
            if let Some(input) = self.act(action).await {
                self.state.handle(unix_ms(), input);
            }
        }
    }

    /// Does what the state says; what came of it, if anything, goes back in.
    async fn act(&mut self, action: Action) -> Option<Input> {
        match action {
            Action::OpenMedia { muted, camera_off } => {
                self.media_wanted = Some((muted, camera_off));
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
                    Ok(Ok(())) => self.notify(Notice::LinkCopied),
                    Ok(Err(error)) => return Some(no_clipboard(&error)),
                    Err(error) => return Some(no_clipboard(&error)),
                }
            }
        }
        None
    }

    async fn happened(&mut self, happening: call::Happening) {
        match happening {
            call::Happening::Changed { view, ended } => {
                if ended.is_some() {
                    // What it said at its end comes before the end.
                    for event in self
                        .call
                        .as_mut()
                        .map(RunningCall::waiting)
                        .unwrap_or_default()
                    {
                        self.event(event).await;
                    }
                }
                self.feed(Input::Call { view, ended }).await;
            }
            call::Happening::Event(event) => self.event(event).await,
        }
    }

    async fn event(&mut self, event: EngineEvent) {
        match event {
            EngineEvent::Call(Event::PeerJoined { peer, name }) => {
                self.notify(Notice::PeerJoined { peer, name });
            }
            EngineEvent::Call(Event::PeerLeft { peer, name, .. }) => {
                self.notify(Notice::PeerLeft { peer, name });
            }
            EngineEvent::Call(Event::Knock { peer, name }) => {
                let text = language::knocks(self.state.settings().language, &name);
                let desktop = Arc::clone(&self.desktop);
                // It talks to the system, which may take its time; what comes of it changes nothing here.
                drop(spawn_blocking(move || desktop.notify(&text)));
                self.notify(Notice::Knocked { peer, name });
            }
            EngineEvent::Call(Event::Error(error)) => self.feed(Input::Error(error)).await,
            _ => {}
        }
    }

    fn publish(&mut self, media_view: &mut Option<watch::Receiver<ahoy_contract::ui::MediaView>>) {
        match (&self.media, &media_view) {
            (Some(media), known) => {
                let view = media.view();
                if !known
                    .as_ref()
                    .is_some_and(|known| known.same_channel(&view))
                {
                    let mut view = view;
                    view.mark_changed();
                    *media_view = Some(view);
                }
            }
            (None, Some(_)) => *media_view = None,
            (None, None) => {}
        }
        let view = self.state.view();
        let tracks = Tracks {
            own: self.media.as_ref().map(LocalMedia::picture),
            peers: self
                .call
                .as_ref()
                .map(RunningCall::pictures)
                .unwrap_or_default(),
        };
        self.tracks.send_if_modified(|old| {
            let changed = !old.same(&tracks);
            if changed {
                *old = tracks;
            }
            changed
        });
        self.views.send_if_modified(|old| replace(old, view));
    }

    async fn end(&mut self) {
        self.wind_up();
        if let Some(ending) = self.ending.take()
            && let Err(error) = ending.await
        {
            error!("the call did not end well: {error}");
        }
        if let Some(relay) = self.relay.take() {
            relay.stop().await;
        }
    }

    fn tell_level(&self) {
        let Some(media) = &self.media else { return };
        let open = self.views.borrow().media.microphone.state == DeviceState::Open;
        if open {
            let db = *media.level().borrow();
            self.notify(Notice::MicrophoneLevel { db });
        }
    }

    fn notify(&self, notice: Notice) {
        // An error means that no window listens, and then nobody misses it.
        let _ = self.notices.send(notice);
    }
}

async fn save<T: Kept + Send + 'static>(file: KeptFile<T>, kept: T) {
    match spawn_blocking(move || file.save(&kept)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!("{} is not kept: {error}", T::FILE),
        Err(error) => error!("{} is not kept: {error}", T::FILE),
    }
}

fn replace(old: &mut AppView, new: AppView) -> bool {
    let changed = *old != new;
    if changed {
        *old = new;
    }
    changed
}

fn ticker(every: Duration) -> Interval {
    let mut ticker = interval(every);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

/// Waits for the next change; for ever where there is nothing that could change.
async fn changed<T>(receiver: &mut Option<watch::Receiver<T>>) {
    if let Some(known) = receiver
        && known.changed().await.is_ok()
    {
        known.mark_unchanged();
        return;
    }
    std::future::pending::<()>().await;
}

async fn ended(task: &mut Option<JoinHandle<()>>) {
    match task {
        Some(task) => {
            if let Err(error) = task.await {
                error!("the call did not end well: {error}");
            }
        }
        None => std::future::pending().await,
    }
}

fn make_keys() -> MakeKeys {
    Box::new(|| {
        let (mut key, mut secret) = ([0; 32], [0; 16]);
        let filled = getrandom::fill(&mut key).and_then(|()| getrandom::fill(&mut secret));
        if let Err(error) = filled {
            error!("the system gives no random numbers: {error}");
            return None;
        }
        let key = ahoy_engine::call::HostKey::from_bytes(&key);
        Some((key, ahoy_contract::Secret::new(secret)))
    })
}

fn unix_ms() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge where the state gets its time"
    )]
    let now = SystemTime::now();
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn no_clipboard(error: &dyn std::fmt::Display) -> Input {
    warn!("the clipboard takes nothing: {error}");
    Input::Error(UserError::new(
        ErrorCode::Internal,
        "The link could not be copied.",
        "Select it and copy it by hand.",
    ))
}
