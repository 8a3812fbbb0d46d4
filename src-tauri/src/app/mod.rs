//! The one actor behind the window: it owns devices, relay, call and settings, does what the pure
//! [`state`] says, and publishes what the window shows.
//!
//! Runs on tokio. Commands wait in a bounded queue; views leave by a `watch` (the newest wins) and notices
//! by a broadcast (a slow window misses the oldest).
//!
//! - `act` does what the state says, `media` opens and closes devices and call in order; `show` is what leaves.
//! - `call` and `relay` are the engine and the built-in relay while they run, `notify` is the desktop's bell.

mod act;
mod action;
mod call;
mod calling;
mod chat;
mod choice;
mod devices;
mod edge;
mod handle;
mod media;
mod meeting;
mod notify;
mod opened_link;
mod reach;
mod relay;
mod room;
mod sentence;
mod share;
mod show;
mod sources;
mod state;
mod view;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use ahoy_contract::ui::{AppView, Command, Notice};
use ahoy_engine::{call::Event, engine::EngineEvent, media::LocalMedia};
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::JoinHandle,
    time::{Interval, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tracing::error;

use crate::{
    environment::Environment,
    kept::KeptFile,
    language,
    recents::Recents,
    settings::Settings,
    video::{Pictures, Tracks},
};
use action::{Capture, Input, StartCall};
use call::RunningCall;
use edge::unix_ms;
pub(crate) use handle::{AppHandle, Desktop};
use relay::BuiltInRelay;
pub(crate) use room::Room;
use sources::Found;
use state::State;

/// Commands that wait at most; a person does not click faster. Full: the window is told so.
const COMMANDS: usize = 64;

/// Notices that wait for a slow window at most; it misses the oldest.
const NOTICES: usize = 64;

/// What was looked for and is not taken note of yet, at most; whoever looks waits.
const FINDINGS: usize = 4;

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
    /// What is to be captured when what was before is closed.
    media_wanted: Option<Capture>,
    /// The question to a relay what a link leads to, while it is of interest.
    looking: Option<DropGuard>,
    /// What is captured may show the window itself.
    calm: bool,
    /// The look at what of the screen can be shown, while somebody chooses.
    choosing: Option<DropGuard>,
    /// The small pictures of what can be shown.
    small: BTreeMap<String, Pictures>,
    looked: (mpsc::Sender<Input>, mpsc::Receiver<Input>),
    found: (mpsc::Sender<Found>, mpsc::Receiver<Found>),
    /// What runs beside the actor, and ends soon after it is told to.
    beside: TaskTracker,
    call: Option<RunningCall>,
    /// The call that is to be started then.
    call_wanted: Option<StartCall>,
    /// The end of the last call and of its devices, which comes before new ones are opened.
    ending: Option<JoinHandle<()>>,
    relay: Option<BuiltInRelay>,
    commands: mpsc::Receiver<Command>,
    /// The link that was opened outside of the window last.
    links: watch::Receiver<Option<String>>,
    views: watch::Sender<AppView>,
    notices: broadcast::Sender<Notice>,
    tracks: watch::Sender<Tracks>,
    /// What the desktop is to tell the user; the newest wins.
    notifications: watch::Sender<Option<String>>,
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
            edge::make_keys(),
        );
        let fault = fault
            .map(|fault| sentence::set_aside::<Settings>(&fault))
            .or_else(|| Some(sentence::set_aside::<Recents>(&recents_fault?)));
        if let Some(fault) = fault {
            state.handle(unix_ms(), Input::Error(fault));
        }
        let (command_sender, commands) = mpsc::channel(COMMANDS);
        let (link_sender, links) = watch::channel(None);
        let (views, view_receiver) = watch::channel(state.view());
        let (notices, _) = broadcast::channel(NOTICES);
        let (tracks, track_receiver) = watch::channel(Tracks::default());
        let handle = AppHandle {
            commands: command_sender,
            links: link_sender,
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
            looking: None,
            calm: false,
            choosing: None,
            small: BTreeMap::new(),
            looked: mpsc::channel(FINDINGS),
            found: mpsc::channel(FINDINGS),
            beside: TaskTracker::new(),
            call: None,
            call_wanted: None,
            ending: None,
            relay: None,
            commands,
            links,
            views,
            notices,
            tracks,
            notifications: watch::Sender::new(None),
        };
        (app, handle)
    }

    /// Runs until `stop`, then hangs up and joins everything, within a deadline.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let quiet = CancellationToken::new();
        let bell = tokio::spawn(notify::tell(
            Arc::clone(&self.desktop),
            self.notifications.subscribe(),
            || sleep(notify::QUIET),
            quiet.clone(),
        ));
        let mut level = ticker(LEVEL_EVERY);
        let mut addresses = ticker(ADDRESSES_EVERY);
        let mut media_view = None;
        loop {
            self.follow_media(&mut media_view);
            self.show_pictures();
            tokio::select! {
                () = stop.cancelled() => break,
                command = self.commands.recv() => match command {
                    Some(command) => self.feed(Input::Command(command)).await,
                    None => break,
                },
                link = next_link(&mut self.links) => self.feed(Input::Link(link)).await,
                () = changed(&mut media_view) => {
                    if let Some(media) = &self.media {
                        let view = Box::new(media.view().borrow().clone());
                        self.feed(Input::Media(view)).await;
                    }
                }
                Some(looked) = self.looked.1.recv() => self.feed(looked).await,
                Some(found) = self.found.1.recv() => self.found(found).await,
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
        quiet.cancel();
        let mut bell = Some(bell);
        let all = async { tokio::join!(self.end(), ended(&mut bell)) };
        if timeout(END_WITHIN, all).await.is_err() {
            error!("not everything ended in time");
        }
    }

    async fn feed(&mut self, input: Input) {
        self.state.handle(unix_ms(), input);
        // Starting a relay takes a moment, and the window should show that.
        self.show();
        while let Some(action) = self.state.poll() {
            if let Some(input) = self.act(action).await {
                self.state.handle(unix_ms(), input);
                self.show();
            }
        }
    }

    async fn found(&mut self, found: Found) {
        // What comes after the user has chosen is late.
        if self.choosing.is_some() {
            self.small = found.pictures;
            self.feed(Input::Sources(found.sources)).await;
        }
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
                if view.knocks.is_empty() {
                    // Nobody asks to come in any more.
                    self.notifications.send_replace(None);
                }
                self.feed(Input::Call { view, ended }).await;
            }
            call::Happening::Event(event) => self.event(event).await,
        }
    }

    async fn event(&mut self, event: EngineEvent) {
        match event {
            EngineEvent::Call(Event::PeerJoined { peer, name }) => {
                self.notice(Notice::PeerJoined { peer, name });
            }
            EngineEvent::Call(Event::PeerLeft { peer, name, .. }) => {
                self.notice(Notice::PeerLeft { peer, name });
            }
            EngineEvent::Call(Event::Knock { peer, name }) => {
                let text = language::knocks(self.state.settings().language, &name);
                self.notifications.send_replace(Some(text));
                self.notice(Notice::Knocked { peer, name });
            }
            EngineEvent::Call(Event::Error(error)) => self.feed(Input::Error(error)).await,
            _ => {}
        }
    }

    async fn end(&mut self) {
        (self.looking, self.choosing) = (None, None);
        self.wind_up();
        if let Some(ending) = self.ending.take()
            && let Err(error) = ending.await
        {
            error!("the call did not end well: {error}");
        }
        if let Some(relay) = self.relay.take() {
            relay.stop().await;
        }
        // Nobody takes note any more.
        self.looked.1.close();
        self.found.1.close();
        self.beside.close();
        self.beside.wait().await;
    }
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

/// Waits for the next link that is opened outside of the window.
async fn next_link(links: &mut watch::Receiver<Option<String>>) -> String {
    while links.changed().await.is_ok() {
        let link = links.borrow_and_update().clone();
        if let Some(link) = link {
            return link;
        }
    }
    std::future::pending().await
}

async fn ended(task: &mut Option<JoinHandle<()>>) {
    match task {
        Some(task) => {
            if let Err(error) = task.await {
                error!("a part of the app did not end well: {error}");
            }
        }
        None => std::future::pending().await,
    }
}
