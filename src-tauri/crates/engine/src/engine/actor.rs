//! Feeds `call` and does what it says.

use std::{
    collections::{BTreeSet, HashMap},
    future::pending,
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use ahoy_contract::{
    PeerId,
    ui::{DeviceState, MediaView},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Interval, MissedTickBehavior, interval, sleep_until, timeout},
};
use tokio_util::task::TaskTracker;

use super::{
    EngineEvent, EngineView, Setup, Wish,
    conversation::Conversation,
    peer::{self, COMMANDS, Name, Shared},
    public::Peers,
};
use crate::{
    call::{Input, Output, PeerInput, PeerOutput},
    media::{LocalMedia, Player, now},
    rtc::{BindPolicy, bound_addresses},
    signaling::{Socket, SocketEvent},
};

/// What peers tell that waits at most; a peer's task waits while it is full.
const INPUTS: usize = 256;
/// Between two looks at the machine's addresses: soon beside the five seconds after which a connection counts as
/// lost, and one system call each.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long the connections may take to close.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// One connection, as the actor knows it.
struct Connection {
    number: u64,
    commands: mpsc::Sender<PeerOutput>,
}

/// What the actor waits for.
enum Happening {
    /// Something happened.
    Input(Input),
    /// The relay said something.
    Text(String),
}

pub(super) struct Actor {
    call: Conversation,
    socket: Option<Socket>,
    closing: TaskTracker,
    peers: HashMap<PeerId, Connection>,
    /// Connections made so far: what one that is closed still tells is not of the next one with its peer.
    made: u64,
    /// The last connection with each peer that had one. The next one waits until it has closed.
    last: HashMap<PeerId, JoinHandle<()>>,
    tasks: TaskTracker,
    shared: Option<Shared>,
    setup: Setup,
    media: LocalMedia,
    public: Peers,
    view: watch::Sender<EngineView>,
    to_user: mpsc::Sender<EngineEvent>,
}

impl Actor {
    pub(super) fn new(
        call: Conversation,
        setup: Setup,
        media: LocalMedia,
        public: Peers,
        to_user: mpsc::Sender<EngineEvent>,
    ) -> (Self, watch::Receiver<EngineView>) {
        let (view, seen) = watch::channel(EngineView {
            call: call.view(),
            ended: None,
        });
        let actor = Self {
            call,
            socket: None,
            closing: TaskTracker::new(),
            peers: HashMap::new(),
            made: 0,
            last: HashMap::new(),
            tasks: TaskTracker::new(),
            shared: None,
            setup,
            media,
            public,
            view,
            to_user,
        };
        (actor, seen)
    }

    pub(super) async fn run(mut self, mut wishes: mpsc::Receiver<Wish>) {
        let (to_actor, mut inputs) = mpsc::channel(INPUTS);
        let (speaker, muted, state) = self.media.speaker();
        let heard = self.setup.transport.audio.receive;
        let player = heard.then(|| Player::start(speaker, muted, state));
        let player = match player.transpose() {
            Ok(player) => player.map(Arc::new),
            Err(error) => {
                // Without threads there is no call; the view says that it never got anywhere.
                tracing::error!("no thread to play sound: {error}");
                self.call.handle(now(), Input::HangUp);
                self.act();
                return;
            }
        };
        self.shared = Some(Shared {
            transport: Arc::new(self.setup.transport.clone()),
            relay_is_local: self.setup.relay.is_local(),
            media: self.media.clone(),
            player: player.clone(),
            sinks: self.setup.sinks.clone(),
            peers: self.public.clone(),
            to_actor,
            to_user: self.to_user.clone(),
        });
        let mut network = Network::new(self.setup.transport.bind.clone());
        let mut media = self.media.view();
        let local = local_state(&media.borrow_and_update());
        self.call.handle(now(), local);
        self.act();
        while self.call.ended().is_none() {
            match self
                .next(&mut wishes, &mut inputs, &mut media, &mut network)
                .await
            {
                Happening::Input(input) => self.call.handle(now(), input),
                Happening::Text(text) => self.call.heard(now(), &text),
            }
            self.act();
        }
        // What peers still have to tell is of no interest, and must not hold them up.
        inputs.close();
        self.close(player).await;
    }

    async fn next(
        &mut self,
        wishes: &mut mpsc::Receiver<Wish>,
        inputs: &mut mpsc::Receiver<(Name, PeerInput)>,
        media: &mut watch::Receiver<MediaView>,
        network: &mut Network,
    ) -> Happening {
        let deadline = self.call.deadline();
        let due = async {
            match deadline {
                Some(at) => sleep_until(at.into()).await,
                None => pending().await,
            }
        };
        let input = tokio::select! {
            wish = wishes.recv() => match wish {
                Some(Wish::Chat { to, text }) => Input::Chat { to, text },
                Some(Wish::Admit { peer, accept }) => Input::Admit { peer, accept },
                Some(Wish::Lock { locked }) => Input::Lock { locked },
                Some(Wish::Remove { peer }) => Input::Remove { peer },
                // The engine was dropped without a word.
                Some(Wish::HangUp) | None => Input::HangUp,
            },
            event = event(&mut self.socket) => match event {
                SocketEvent::Open => Input::SocketOpen,
                SocketEvent::Text(text) => return Happening::Text(text),
                SocketEvent::Closed(end) => {
                    self.disconnect();
                    Input::SocketClosed(end)
                }
            },
            Some((name, input)) = inputs.recv() => {
                let current = self.peers.get(&name.peer).is_some_and(|it| it.number == name.number);
                if current { Input::Peer(name.peer, input) } else { Input::Tick }
            }
            Ok(()) = media.changed() => local_state(&media.borrow_and_update()),
            () = network.changed() => Input::NetworkChanged,
            () = due => Input::Tick,
        };
        Happening::Input(input)
    }

    /// Does what the call says. The view is made once, however often it has changed: it holds all of hundreds of viewers.
    /// What happened is told after it, so that whoever hears of it can look.
    fn act(&mut self) {
        let (mut seen, mut events) = (false, Vec::new());
        while let Some(output) = self.call.poll() {
            match output {
                Output::Connect => {
                    self.disconnect();
                    self.socket = Some(Socket::open(self.setup.relay.clone()));
                }
                Output::Disconnect => self.disconnect(),
                Output::Send(message) => match serde_json::to_string(&message) {
                    Ok(text) => self.send(text),
                    Err(error) => tracing::error!("a message cannot be written: {error}"),
                },
                Output::Text(text) => self.send(text),
                Output::Probe => {
                    if let Some(socket) = &self.socket {
                        socket.probe();
                    }
                }
                Output::Peer(peer, output) => {
                    if !self.peer(peer.clone(), output) {
                        tracing::warn!("a peer's connection takes no more; it is given up");
                        self.peers.remove(&peer);
                        self.call
                            .handle(now(), Input::Peer(peer, PeerInput::Closed));
                    }
                }
                Output::View => seen = true,
                Output::Event(event) => events.push(event),
            }
        }
        if seen {
            self.show();
        }
        for event in events {
            if self.to_user.try_send(EngineEvent::Call(event)).is_err() {
                tracing::debug!("nobody takes the events of the call");
            }
        }
    }

    fn show(&self) {
        // After the end the last picture of the call stays, for the words about it.
        let ended = self.call.ended();
        let call = match ended {
            None => self.call.view(),
            Some(_) => self.view.borrow().call.clone(),
        };
        self.view.send_replace(EngineView { call, ended });
    }

    fn send(&self, text: String) {
        if let Some(socket) = &self.socket {
            socket.send(text);
        }
    }

    /// Does something with a peer's connection; says whether it still takes what is to be done.
    fn peer(&mut self, id: PeerId, output: PeerOutput) -> bool {
        match output {
            PeerOutput::Open { ice_servers, terms } => {
                let Some(shared) = self.shared.clone() else {
                    return true;
                };
                let (commands, commanded) = mpsc::channel(COMMANDS);
                self.made += 1;
                let name = Name {
                    peer: id.clone(),
                    number: self.made,
                };
                self.last.retain(|_, task| !task.is_finished());
                let before = self.last.remove(&id);
                let task = peer::run(name, (ice_servers, terms), shared, commanded, before);
                self.last.insert(id.clone(), self.tasks.spawn(task));
                let number = self.made;
                self.peers.insert(id, Connection { number, commands });
            }
            // Without its sender a peer's task does what waits, then closes.
            PeerOutput::Close => drop(self.peers.remove(&id)),
            output => {
                if let Some(connection) = self.peers.get(&id) {
                    return connection.commands.try_send(output).is_ok();
                }
            }
        }
        true
    }

    fn disconnect(&mut self) {
        if let Some(socket) = self.socket.take() {
            self.closing.spawn(socket.close());
        }
    }

    async fn close(mut self, player: Option<Arc<Player>>) {
        self.disconnect();
        self.peers.clear();
        self.shared = None;
        self.tasks.close();
        self.closing.close();
        let all = async {
            self.tasks.wait().await;
            self.closing.wait().await;
        };
        if timeout(CLOSE_WITHIN, all).await.is_err() {
            tracing::error!("connections did not close in time");
        }
        if let Some(player) = player.and_then(Arc::into_inner) {
            player.stop().await;
        }
    }
}

/// The addresses of this machine that connections are bound to, and when they change.
struct Network {
    policy: BindPolicy,
    known: BTreeSet<IpAddr>,
    tick: Interval,
}

impl Network {
    fn new(policy: BindPolicy) -> Self {
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            known: bound_addresses(&policy),
            policy,
            tick,
        }
    }

    /// Waits for a change. Nothing is lost when this is dropped.
    async fn changed(&mut self) {
        loop {
            self.tick.tick().await;
            let found = bound_addresses(&self.policy);
            if found != self.known {
                tracing::info!("the addresses of this machine have changed");
                self.known = found;
                return;
            }
        }
    }
}

async fn event(socket: &mut Option<Socket>) -> SocketEvent {
    match socket {
        Some(socket) => match socket.events.recv().await {
            Some(event) => event,
            None => pending().await,
        },
        None => pending().await,
    }
}

/// What the others should know: a device that is missing is as good as off, and a screen is shown once there is a picture
/// of it.
fn local_state(view: &MediaView) -> Input {
    let on = |state: &DeviceState| matches!(state, DeviceState::Open | DeviceState::Opening);
    Input::LocalState {
        muted: view.muted || !on(&view.microphone.state),
        camera_off: view.camera_off || !on(&view.camera.state),
        screen: view.screen == DeviceState::Open,
    }
}
