//! The call that goes on: the engine, and what it tells.

use std::collections::BTreeMap;

use ahoy_contract::{
    ErrorCode, PeerId,
    ui::{CallView, EndReason},
    wire::{Role, RoomKind},
};
use ahoy_engine::{
    call::Part,
    device::VideoFormat,
    engine::{DialectConfig, Engine, EngineConfig, EngineEvent, EngineView, Transport},
    frame::Bitrate,
    media::{Latest, LocalMedia},
    rtc::Direction,
    signaling::Target,
};
use tokio::sync::{mpsc, watch};

use super::{
    action::{CallAction, RoomCall, StartCall},
    meeting::Meeting,
};

/// What is captured for a call: what cameras and connections manage, and 30 a second as in any call.
pub(super) const FORMAT: VideoFormat = VideoFormat {
    width: 1280,
    height: 720,
    fps: 30,
};

/// What is captured of a screen: it keeps its own size.
pub(super) const SCREEN: VideoFormat = VideoFormat {
    width: 1920,
    height: 1080,
    fps: 30,
};

/// How many members a room may have: what the relay allows.
const fn capacity(kind: RoomKind) -> u32 {
    match kind {
        RoomKind::Call => 8,
        RoomKind::Broadcast => 512,
    }
}

/// Name and version of the program, for a relay's log.
pub(super) const APP: &str = concat!("ahoy/", env!("CARGO_PKG_VERSION"));

/// What letters of a large screen need while it is scrolled; it is far less while it stands still.
const SCREEN_BITRATE: Bitrate = Bitrate::kbps(8_000);

/// Which ways media goes.
fn transport(kind: RoomKind, host: bool) -> Transport {
    let calls = Transport::default();
    match (kind, host) {
        (RoomKind::Call, _) => calls,
        (RoomKind::Broadcast, true) => Transport {
            max_bitrate: SCREEN_BITRATE,
            video: Direction::SEND,
            audio: Direction::SEND,
            ..calls
        },
        (RoomKind::Broadcast, false) => Transport {
            video: Direction::RECEIVE,
            audio: Direction::RECEIVE,
            ..calls
        },
    }
}

/// Which ways media goes through a relay of small WebRTC pages.
fn meeting_transport(meeting: &Meeting) -> Transport {
    let way = Direction {
        send: meeting.sends_media(),
        receive: meeting.plan.receives(),
    };
    let calls = Transport::default();
    Transport {
        max_bitrate: if meeting.shows_screen() {
            SCREEN_BITRATE
        } else {
            calls.max_bitrate
        },
        video: way,
        audio: way,
        ..calls
    }
}

/// What a call tells.
pub(super) enum Happening {
    /// It changed.
    Changed {
        /// What is to be seen of it.
        view: CallView,
        /// How it ended, once it did.
        ended: Option<EndReason>,
    },
    /// Something happened in it.
    Event(EngineEvent),
}

/// A call that goes on.
pub(super) struct RunningCall {
    engine: Engine,
    view: watch::Receiver<EngineView>,
    events: Option<mpsc::Receiver<EngineEvent>>,
}

impl RunningCall {
    /// Starts a call with open devices.
    pub(super) fn start(start: StartCall, media: LocalMedia) -> Self {
        let mut engine = match start {
            StartCall::Room(call) => Engine::start(room_config(*call), media),
            StartCall::Relay(meeting) => {
                let config = DialectConfig {
                    transport: meeting_transport(&meeting),
                    relay: meeting.relay,
                    plan: meeting.plan,
                    sinks: None,
                };
                Engine::start_dialect(config, media)
            }
        };
        let mut view = engine.view();
        view.mark_changed();
        let events = engine.take_events();
        Self {
            engine,
            view,
            events,
        }
    }

    /// Says good-bye to the others.
    pub(super) fn hang_up(&self) {
        self.engine.hang_up();
    }

    /// Does what its user wants.
    pub(super) fn act(&self, action: CallAction) {
        match action {
            CallAction::Admit { peer, accept } => self.engine.admit(peer, accept),
            CallAction::Lock(locked) => self.engine.lock(locked),
            CallAction::Remove(peer) => self.engine.remove(peer),
            CallAction::Chat(text) => self.engine.chat(None, text),
        }
    }

    /// Hangs up, if that was not done, and joins everything.
    pub(super) async fn close(self) {
        self.engine.close().await;
    }

    /// The pictures of the members that send some.
    pub(super) fn pictures(&self) -> BTreeMap<PeerId, Latest> {
        let view = self.view.borrow();
        if view.call.host && view.call.kind == RoomKind::Broadcast {
            // Viewers send none, and there may be hundreds to ask.
            return BTreeMap::new();
        }
        let pictures = view.call.peers.iter().filter_map(|peer| {
            let pictures = self.engine.picture(&peer.peer)?;
            Some((peer.peer.clone(), pictures))
        });
        pictures.collect()
    }

    /// Those of the screens that members show.
    pub(super) fn screens(&self) -> BTreeMap<PeerId, Latest> {
        let view = self.view.borrow();
        let shown = view.call.peers.iter().filter(|peer| peer.screen);
        let pictures = shown.filter_map(|peer| {
            let pictures = self.engine.screen(&peer.peer)?;
            Some((peer.peer.clone(), pictures))
        });
        pictures.collect()
    }

    /// The events that wait.
    pub(super) fn waiting(&mut self) -> Vec<EngineEvent> {
        let Some(events) = &mut self.events else {
            return Vec::new();
        };
        std::iter::from_fn(|| events.try_recv().ok()).collect()
    }
}

fn room_config(call: RoomCall) -> EngineConfig {
    let kind = call.kind;
    let transport = Transport {
        relay_only: call.relay_only,
        ..transport(kind, call.key.is_some())
    };
    let part = match call.key {
        Some(key) => Part::Host {
            key,
            kind,
            capacity: capacity(kind),
            knock: call.knock,
        },
        None => Part::Guest {
            role: match kind {
                RoomKind::Call => Role::Caller,
                RoomKind::Broadcast => Role::Viewer,
            },
        },
    };
    let way = call.way;
    EngineConfig {
        relay: Target::native(way.relay, way.pin),
        part,
        room: way.room,
        secret: way.secret,
        link: way.link,
        name: call.name,
        app: APP.to_owned(),
        only_answers: false,
        transport,
        sinks: None,
    }
}

/// What the call tells next; nothing, for ever, where there is none.
pub(super) async fn next(call: &mut Option<RunningCall>) -> Happening {
    let Some(RunningCall { view, events, .. }) = call else {
        return std::future::pending().await;
    };
    tokio::select! {
        changed = view.changed() => {
            let seen = view.borrow_and_update().clone();
            let ended = match changed {
                Ok(()) => seen.ended,
                // It is gone without having said why.
                Err(_) => seen.ended.or(Some(EndReason::Refused { code: ErrorCode::Internal })),
            };
            Happening::Changed { view: seen.call, ended }
        }
        event = event(events) => Happening::Event(event),
    }
}

async fn event(events: &mut Option<mpsc::Receiver<EngineEvent>>) -> EngineEvent {
    if let Some(receiver) = events {
        if let Some(event) = receiver.recv().await {
            return event;
        }
        *events = None;
    }
    std::future::pending().await
}
